"""What every command is given: the global options, the streams, and the few ways to talk to the user.

Standard output carries results and nothing else; everything said about them goes to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from ganedit.cli.kit.failures import with_flags
from ganedit.compute import DTYPES, is_device
from ganedit.errors import GaneditError, UsageError

if TYPE_CHECKING:
    from ganedit.store.models import Model


@dataclass(frozen=True)
class Options:
    """The options that every command takes, before or after its name."""

    device: str = "auto"
    dtype: str = "auto"
    seed: int = 0
    json: bool = False
    quiet: bool = False
    debug: bool = False
    force: bool = False
    skip_existing: bool = False
    provenance: bool = True

    def __post_init__(self) -> None:
        if not is_device(self.device):
            raise UsageError(f"--device {self.device} is not a device", "choose auto, cpu, cuda or cuda:N")
        if self.dtype not in DTYPES:
            raise UsageError(f"--dtype {self.dtype} is not a number format", f"choose {', '.join(DTYPES)}")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed {self.seed} is out of range", f"choose 0 to {2**32 - 1}")
        if self.force and self.skip_existing:
            raise UsageError("--force and --skip-existing contradict each other", "drop one of them")

    def updated(self, given: Mapping[str, Any]) -> Options:
        """These options with those of `given` that were really set (not None) replaced."""
        known = {f.name for f in fields(self)}
        return replace(self, **{k: v for k, v in given.items() if k in known and v is not None})


class Progress(Protocol):
    """A progress bar, or nothing at all when nobody is watching."""

    def advance(self, steps: float = 1) -> None:
        """Show that some more steps are done."""

    def update(self, done: float, total: float | None = None, text: str | None = None) -> None:
        """Show that `done` of `total` steps are done: the `progress` of the library's functions."""


class _Silent:
    def advance(self, steps: float = 1) -> None:
        pass

    def update(self, done: float, total: float | None = None, text: str | None = None) -> None:
        pass


@dataclass
class Console:
    """Streams and global options in one replaceable object, so that tests run the real command in-process."""

    stdin: TextIO = field(default_factory=lambda: sys.stdin)
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    options: Options = field(default_factory=Options)
    command: str = "ganedit"
    _claimed: set[Path] = field(default_factory=set, repr=False)

    # ---- results, on standard output ----

    def emit(self, path: str | Path, **details: Any) -> None:
        """Hand over one finished file: its path, or with --json one object that holds `path` and `details`.

        Flushed at once, so that the next command of a pipeline can start on it.
        """
        line = json.dumps({"path": str(path), **details}, default=_plain) if self.options.json else str(path)
        print(line, file=self.stdout, flush=True)

    def answer(self, text: str, data: Mapping[str, Any] | list[Any]) -> None:
        """The result of a command that tells instead of makes: `text`, or `data` with --json."""
        print(json.dumps(data, default=_plain) if self.options.json else text, file=self.stdout, flush=True)

    # ---- messages, on standard error ----

    def note(self, message: str) -> None:
        """Say something a user may want to know; --quiet drops it."""
        if not self.options.quiet:
            print(message, file=self.stderr, flush=True)

    def warn(self, message: str) -> None:
        """Say something a user should know, even with --quiet."""
        print(f"{self.command}: {message}", file=self.stderr, flush=True)

    def complain(self, error: GaneditError, about: str = "") -> None:
        """Report an error in one or two lines: what happened, and what to do next."""
        where = f"{about}: " if about and about not in error.message else ""
        self.warn(f"{where}{with_flags(error.message)}")
        if error.hint:
            print(f"  next: {with_flags(error.hint)}", file=self.stderr, flush=True)

    @contextmanager
    def progress(self, title: str, total: float | None = None) -> Iterator[Progress]:
        """A progress bar on standard error while the block runs, when that is a terminal and not --quiet."""
        if self.options.quiet or not self.stderr.isatty():
            yield _Silent()
            return
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with RichProgress(*columns, console=RichConsole(file=self.stderr), transient=True) as bar:
            task = bar.add_task(title, total=total)

            class Bar:
                def advance(self, steps: float = 1) -> None:
                    bar.update(task, advance=steps)

                def update(self, done: float, total: float | None = None, text: str | None = None) -> None:
                    bar.update(task, completed=done, total=total, description=text or title)

            yield Bar()

    @contextmanager
    def stage(self, title: str, total: float | None = None) -> Iterator[Callable[[float, float], None]]:
        """A progress bar for one stage of several, which are also named to those who see no bar.

        Yields what functions of the library take as their `progress`.
        """
        self.note(title)
        with self.progress(title, total) as bar:
            yield bar.update

    # ---- files ----

    def should_write(self, path: str | Path) -> bool:
        """Whether to make `path`; ask before the work starts, once for each output.

        False when it is there already and --skip-existing says to leave it: then print it as if just made.

        Raises:
            UsageError: it is there and neither --force nor --skip-existing was given, or an earlier
                input of this very run made it (which --force must not overwrite).
        """
        path = Path(path)
        key = path.resolve()
        if key in self._claimed:
            raise UsageError(
                f"{path} was already made from an earlier input of this run",
                "rename one of the inputs, or run them with different -o folders",
            )
        if path.exists() and not self.options.force:
            if self.options.skip_existing:
                return False
            raise UsageError(
                f"{path} is already there",
                "--force overwrites it, --skip-existing keeps it, -o writes elsewhere",
            )
        self._claimed.add(key)
        return True

    def provenance(
        self,
        command: str,
        parameters: dict[str, Any],
        model: str | None = None,
        model_sha256: str | None = None,
        source: str | Path | None = None,
        composite: bool = False,
    ) -> dict[str, Any] | None:
        """The record to write into an image, see `images.provenance`; None with --no-provenance."""
        if not self.options.provenance:
            return None
        from ganedit.images.provenance import provenance

        return provenance(command, parameters, model, model_sha256, source, composite)

    # ---- models ----

    def load(self, name_or_path: str | Path) -> Model:
        """`ganedit.load` with this run's --device and --dtype."""
        from ganedit.store.load import load

        return load(name_or_path, device=self.options.device, dtype=self.options.dtype)


def _plain(value: Any) -> Any:
    """What JSON cannot hold by itself: paths, and numbers of numpy and torch."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
