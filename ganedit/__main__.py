"""The program `ganedit`, also as `python -m ganedit`.

What has to hold at every moment, even while the libraries are imported, is set up here: three streams, and an
answer to signals. So only light modules are imported before.
"""

import sys

from ganedit.cli import process


def main() -> int:
    """Run the command line of this process, and return the exit status."""
    process.fill_missing_streams()
    process.leave_at_signals()
    from ganedit.cli.app import main as run

    try:
        return run()
    except KeyboardInterrupt:  # once more, while the first one was dealt with
        return process.exit_status()
    finally:
        process.ignore_signals()


if __name__ == "__main__":
    sys.exit(main())
