"""A worker: a process that runs the command of another one, its parent, on the inputs that it gets from it.

What the inputs of a command share stays with the parent: names, claims of outputs, and the console. What a
worker says and asks are tuples (kind, values...); the parent answers "next", "stem" and "claim". The parent's
side is `sharing.py`.
"""

from __future__ import annotations

import importlib
import json
import os
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from ganedit.cli import process
from ganedit.cli.kit.context import Console, Progress, Silent, plain
from ganedit.cli.kit.failures import explained
from ganedit.cli.kit.results import Delivery, Result
from ganedit.compute import share_gpus
from ganedit.errors import GaneditError

PARENT_IS_GONE = (EOFError, BrokenPipeError, ConnectionResetError)


class Channel(Protocol):
    """Messages to the parent and its answers."""

    def send(self, message: Any, /) -> None: ...

    def recv(self) -> Any: ...


class Answer(Enum):
    """Answers to "next" that are no inputs."""

    WORK_FIRST = "finish what you have"
    END = "there are no more"


@dataclass(frozen=True)
class Given:
    """An input for a worker.

    Attributes:
        path: The input.
        remade: Real paths of outputs that an earlier try may have left.
    """

    path: Path
    remade: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Order:
    """What every worker is to do.

    Attributes:
        argv: The command line of the parent.
        folder: The current folder of the parent.
        threads: Number of threads to compute with; 0: as many as the environment says.
        variables: Variables of the environment that ganedit reads.
    """

    argv: Sequence[str]
    folder: str
    threads: int = 0
    variables: dict[str, str] = field(default_factory=dict)


def work(channel: Channel, order: Order, place: int) -> None:
    """Be a worker, at this place among all, until there are no more inputs, or the parent has gone."""
    os.chdir(order.folder)
    os.environ.update(order.variables)
    if order.threads:
        for name in ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
            os.environ.setdefault(name, str(order.threads))
    share_gpus(place)
    console = WorkerConsole(channel=channel)
    try:
        # Not a plain import: the program imports its commands, which import this module.
        importlib.import_module("ganedit.cli.app").run(order.argv, console)
    except PARENT_IS_GONE:
        return
    except Exception as error:
        process.check()
        console.tell("refused", _portable(error, console.options.debug))


@dataclass
class WorkerConsole(Console):
    """The console of a worker: what is said, asked and made goes to the parent."""

    channel: Channel | None = None
    _remade: frozenset[str] = frozenset()
    _lock: Lock = field(default_factory=Lock, repr=False)

    def tell(self, kind: str, *values: Any) -> None:
        """Send what needs no answer."""
        assert self.channel is not None
        with self._lock:
            self.channel.send((kind, *values))

    def ask(self, kind: str, *values: Any) -> Any:
        """Send a question, and wait for the answer."""
        assert self.channel is not None
        with self._lock:
            self.channel.send((kind, *values))
            return self.channel.recv()

    def serve(
        self,
        engine: Callable[[Iterable[Path | None]], Generator[Delivery, None, None]],
        suffixes: Sequence[str],
    ) -> None:
        """Take inputs through the engine as long as there are any; `suffixes` are of the files to take from
        folders."""
        self.tell("ready", tuple(suffixes))
        for delivery in engine(self._inputs()):
            if delivery.ends:
                self.tell("finished", delivery.path)
                continue
            results: list[Result] = []
            try:
                for result in delivery.results():
                    results.append(_plain(result))
            except PARENT_IS_GONE:
                raise
            except Exception as error:
                process.check()
                self.tell("delivered", delivery.path, results, _portable(error, self.options.debug))
            else:
                self.tell("delivered", delivery.path, results, None)

    def _inputs(self) -> Iterator[Path | None]:
        while (given := self.ask("next")) is not Answer.END:
            if isinstance(given, Given):
                self._remade = given.remade
                yield given.path
            else:
                yield None

    # ---- what the parent knows or does ----

    @property
    def hands_out(self) -> bool:
        return False

    def arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, "inputs": ["-"]}  # the parent brings them, and has looked at those that were named

    def reads_ahead(self, inputs: Sequence[str] | None) -> bool:
        return True  # the parent says when there is nothing to read

    def note(self, message: str) -> None:
        self.tell("note", message)

    def warn(self, message: str) -> None:
        self.tell("warn", message)

    @contextmanager
    def progress(self, title: str, total: float | None = None) -> Iterator[Progress]:
        yield Silent()

    def stem_of(self, path: Path, ending: str = "") -> str:
        stem: str = self.ask("stem", path, ending)
        return stem

    def exists(self, path: Path) -> bool:
        return path.exists() and os.path.realpath(path) not in self._remade

    def claim(self, key: str, only_ask: bool = False) -> bool:
        granted: bool = self.ask("claim", key, only_ask)
        return granted


def _plain(result: Result | Path) -> Result:
    """A result that can be sent to a process without PyTorch."""
    if not isinstance(result, Result):
        return Result(result)
    details = json.loads(json.dumps(result.details, default=plain))
    return Result(result.path, details, result.problem)


def _portable(error: Exception, debug: bool) -> GaneditError:
    """The error as one that can be sent, with the traceback as a note if that is wanted."""
    found = explained(error, debug)
    if debug:
        found.add_note("".join(traceback.format_exception(error)).rstrip())
    return found
