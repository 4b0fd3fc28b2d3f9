"""`python -m ganedit`."""

import sys

from ganedit.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
