"""The console that every command gets: global options, streams, and functions for talking to the user.

Only results go to standard output; everything else goes to standard error.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from ganedit.cli import process
from ganedit.cli.kit.failures import with_flags
from ganedit.compute import DTYPES, is_device
from ganedit.errors import GaneditError, UsageError

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from ganedit.store.models import Model


@dataclass(frozen=True)
class Options:
    """Options that every command takes, before or after its name."""

    device: str = "auto"
    dtype: str = "auto"
    seed: int = 0
    seed_given: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False
    force: bool = False
    skip_existing: bool = False
    recursive: bool = False
    print0: bool = False
    provenance: bool = True
    workers: int | None = None
    ray: str | None = None

    def __post_init__(self) -> None:
        if not is_device(self.device):
            raise UsageError(f"--device {self.device} is not a device", "choose auto, cpu, cuda or cuda:N")
        if self.dtype not in DTYPES:
            raise UsageError(f"--dtype {self.dtype} is not a number format", f"choose {', '.join(DTYPES)}")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed {self.seed} is out of range", f"choose 0 to {2**32 - 1}")
        if self.json and self.print0:
            raise UsageError("--json and --print0 contradict each other", "drop one of them")
        if self.force and self.skip_existing:
            raise UsageError("--force and --skip-existing contradict each other", "drop one of them")
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"--workers {self.workers} must be at least 1")
        if self.ray == "":
            raise UsageError("--ray is empty", "name the address of a cluster, auto, or local")

    def updated(self, given: Mapping[str, Any]) -> Options:
        """These options, overridden by those in `given` that are not None."""
        known = {f.name for f in fields(self)}
        return replace(self, **{k: v for k, v in given.items() if k in known and v is not None})


class Progress(Protocol):
    """A progress bar, or nothing if standard error is not a terminal."""

    def advance(self, steps: float = 1) -> None:
        """Show that further steps are done."""

    def update(self, done: float, total: float | None = None, text: str | None = None) -> None:
        """Show that `done` of `total` steps are done; suits `progress` parameters of the library."""


class Silent:
    """No progress bar."""

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
    argv: Sequence[str] = ()  # the command line
    _claimed: set[str] = field(default_factory=set, repr=False)
    _named: dict[str, Path] = field(default_factory=dict, repr=False)
    _bar: RichProgress | None = field(default=None, repr=False)  # the bar that is shown now

    # ---- this process among several ----

    @property
    def hands_out(self) -> bool:
        """Whether other processes do the work: this one needs no model."""
        return self.options.ray is not None or (self.options.workers or 1) > 1

    def work_alone(self) -> None:
        """Let this process do the work after all: nothing is left that would need a model."""
        self.options = replace(self.options, workers=None, ray=None)

    def arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """The arguments of the command: those that were given."""
        return given

    def reads_ahead(self, inputs: Sequence[str] | None) -> bool:
        """Whether inputs may be read ahead; not from a pipe, which may be slow."""
        return bool(inputs) and "-" not in (inputs or ())

    # ---- results, on standard output ----

    def emit(self, path: str | Path, **details: Any) -> None:
        """Print one finished file: its path, or with --json an object with `path` and `details`.

        It is flushed immediately, so that the next command in a pipeline can start on it.
        """
        if self.options.json:
            self._print(json.dumps({"path": str(path), **details}, default=plain), self.stdout)
            return
        if "\n" in str(path) and not self.options.print0:
            self.warn(f"the name {str(path)!r} has a line break: use --print0 or --json")
        self._print(str(path), self.stdout, "\0" if self.options.print0 else "\n")

    def answer(self, text: str, data: Mapping[str, Any] | list[Any]) -> None:
        """Print the answer of a command that makes no files: `text`, or `data` with --json."""
        self._print(json.dumps(data, default=plain) if self.options.json else text, self.stdout)

    def _print(self, text: str, stream: TextIO, end: str = "\n") -> None:
        """Print at once; a progress bar in the same terminal is taken away for that moment."""
        bar = self._bar if stream.isatty() else None
        if bar is not None:
            bar.stop()
        print(text, file=stream, end=end, flush=True)
        if bar is not None:
            bar.start()

    # ---- messages, on standard error ----

    def note(self, message: str) -> None:
        """Print a message that a user may want to know; not with --quiet."""
        if not self.options.quiet:
            self._print(message, self.stderr)

    def warn(self, message: str) -> None:
        """Print a message that a user should know, even with --quiet."""
        self._print(f"{self.command}: {message}", self.stderr)

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """Context in which warnings that the library logs are printed, each once."""
        library, handler = logging.getLogger("ganedit"), _Hearing(self)
        library.addHandler(handler)
        library.propagate = False
        try:
            yield
        finally:
            library.propagate = True
            library.removeHandler(handler)

    def complain(self, error: GaneditError, about: str = "") -> None:
        """Report an error in one or two lines: what happened, and what to do next."""
        where = f"{about}: " if about and about not in error.message else ""
        self.warn(f"{where}{with_flags(error.message)}".replace("\n", "\\n"))  # of the name of a file
        if error.hint:
            self._print(f"  next: {with_flags(error.hint)}", self.stderr)

    @contextmanager
    def progress(self, title: str, total: float | None = None) -> Iterator[Progress]:
        """Context with a progress bar on standard error if that is a terminal, and without --quiet."""
        if self.options.quiet or not self.stderr.isatty():
            yield Silent()
            return
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with RichProgress(*columns, console=RichConsole(file=self.stderr), transient=True) as bar:
            task = bar.add_task(title, total=total)
            self._bar = bar

            class Bar:
                def advance(self, steps: float = 1) -> None:
                    bar.update(task, advance=steps)

                def update(self, done: float, total: float | None = None, text: str | None = None) -> None:
                    bar.update(task, completed=done, total=total, description=text or title)

            try:
                yield Bar()
            finally:
                self._bar = None

    @contextmanager
    def stage(self, title: str, total: float | None = None) -> Iterator[Callable[[float, float], None]]:
        """Context with a progress bar for one of several stages; without a bar, the title is printed.

        It yields a function for `progress` parameters of the library.
        """
        self.note(title)
        with self.progress(title, total) as bar:
            yield bar.update

    # ---- files ----

    def stem_of(self, path: Path, ending: str = "") -> str:
        """The name of an input for its results: without its suffix, unless that would give it the name of
        another input of this run.

        Args:
            path: The input.
            ending: What follows in the name of its result, if that differs between inputs.
        """
        first = self._named.setdefault(path.stem + ending, path.absolute())
        if first == path.absolute():
            return path.stem
        if first.name != path.name:
            return path.name
        return f"{path.parent.name}-{path.stem}" if self.options.recursive else path.stem

    def should_write(self, path: str | Path) -> bool:
        """Whether to make `path`; ask before the work starts, once for each output.

        It is False if the file exists and --skip-existing was given; then print it as if it had just been
        written.

        Raises:
            UsageError: it exists and neither --force nor --skip-existing was given, or it is the output of an
                earlier input of this run (which --force must not overwrite).
        """
        process.check()
        path = Path(path)
        keeps = self.exists(path) and not self.options.force
        if not self.claim(os.path.realpath(path), keeps):
            raise UsageError(
                f"{path} was already made from an earlier input of this run",
                "rename one of the inputs, or run them with different -o folders",
            )
        if not keeps:
            return True
        if self.options.skip_existing:
            return False
        raise UsageError(
            f"{path} is already there",
            "--force overwrites it, --skip-existing keeps it, -o writes elsewhere",
        )

    def exists(self, path: Path) -> bool:
        """Whether an output is there from before this input."""
        return path.exists()

    def claim(self, key: str, only_ask: bool = False) -> bool:
        """Whether no earlier input of this run has claimed `key`, the real path of an output; from now on
        this one has, unless it will `only_ask`."""
        if key in self._claimed:
            return False
        if not only_ask:
            self._claimed.add(key)
        return True

    def release(self, keys: Iterable[str]) -> None:
        """Take back claims of an input that is tried again."""
        self._claimed.difference_update(keys)

    def provenance(
        self,
        command: str,
        parameters: dict[str, Any],
        model: str | None = None,
        model_sha256: str | None = None,
        source: str | Path | None = None,
        composite: bool = False,
    ) -> dict[str, Any] | None:
        """The record to store in an image, see `images.provenance`; None with --no-provenance."""
        if not self.options.provenance:
            return None
        from ganedit.images.provenance import provenance

        return provenance(command, parameters, model, model_sha256, source, composite)

    # ---- models ----

    def load(self, name_or_path: str | Path) -> Model:
        """`ganedit.load` with this run's --device and --dtype."""
        from ganedit.store.load import load

        return load(name_or_path, device=self.options.device, dtype=self.options.dtype)


class _Hearing(logging.Handler):
    """Passes on warnings to a console."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console
        self._heard: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = with_flags(record.getMessage())
        if text not in self._heard:
            self._heard.add(text)
            self._console.warn(text)


def plain(value: Any) -> Any:
    """Convert values for JSON: paths, and numbers of numpy and torch."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
