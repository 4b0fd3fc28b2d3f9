"""Processes many inputs: failures are reported, the others continue, and results are printed as they arrive.

`run_batch` works on one input after the other. `run_stages` is for work that can overlap: inputs are
read ahead, computed several at a time, and written while the next ones are computed. With --workers or --ray
other processes do either of that, see `sharing.py`, and this one prints.
"""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from ganedit.cli import process
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.failures import explained
from ganedit.cli.kit.inputs import sources
from ganedit.cli.kit.results import Delivery, Result, end_of, failed
from ganedit.cli.kit.worker import WorkerConsole
from ganedit.errors import DiskFullError, GaneditError, UsageError
from ganedit.files import IMAGE_SUFFIXES

Item = TypeVar("Item")
Task = TypeVar("Task")
Read = TypeVar("Read")
Made = TypeVar("Made")


Work = Callable[[Path], Iterable[Result | Path]]


class BatchFailed(Exception):
    """Raised at the end if some inputs failed; each has been reported already."""

    def __init__(self, exit_status: int) -> None:
        super().__init__(f"exit status {exit_status}")
        self.exit_status = exit_status


def run_batch(
    console: Console,
    inputs: Sequence[str] | None,
    work: Work,
    *,
    suffixes: Sequence[str] = IMAGE_SUFFIXES,
    fallback: Callable[[], Iterable[Path]] | None = None,
) -> None:
    """Do `work` on every input, and print each result as soon as it is complete.

    Args:
        inputs: Files, folders, globs, or `-` for paths on standard input. None or empty means a pipe
            if there is one, then `fallback`.
        work: Function of one file that returns or yields its results (`Path`, or `Result` with details for
            --json). It asks `console.should_write(path)` before writing a file, and yields the path in both
            cases.
        suffixes: Suffixes of the files to take from folders.
        fallback: Returns the inputs if there is neither an argument nor a pipe.

    Raises:
        BatchFailed: an input failed. The status is that of the errors if all failed alike, otherwise 1.
        UsageError: there is nothing to work on.
    """
    _run(console, inputs, partial(_one_by_one, work), suffixes, fallback)


def run_stages(
    console: Console,
    inputs: Sequence[str] | None,
    stages: Stages[Any, Any, Any],
    *,
    suffixes: Sequence[str] = IMAGE_SUFFIXES,
) -> None:
    """Run every input through the stages; arguments and errors are those of `run_batch`."""
    _run(console, inputs, partial(_staged, stages), suffixes)


def run_each(
    console: Console,
    items: Iterable[Item],
    do: Callable[[Item], None],
    left: Callable[[], str] | None = None,
) -> int:
    """Do each item, report failures and continue, unless the disk is full; then `left` says what was not
    tried ("" if nothing is left). Returns the number of items.

    Raises:
        BatchFailed: an item failed. The status is that of the errors if all failed alike, otherwise 1.
    """
    done, errors = 0, []
    remaining = iter(items)
    for item in remaining:
        done += 1
        try:
            do(item)
        except BrokenPipeError:
            raise
        except Exception as error:
            process.check()  # a library may have made this error of an interrupt
            if console.options.debug:
                traceback.print_exception(error, file=console.stderr)
            errors.append(explained(error, console.options.debug))
            console.complain(errors[-1], "" if isinstance(item, GaneditError) else str(item))
            if isinstance(errors[-1], DiskFullError):
                untried = left() if left else ", ".join(map(str, remaining))
                if untried:
                    console.warn(f"stopped, since nothing more can be written; not tried: {untried}")
                break
    if errors:
        if done > 1:
            console.note(f"{console.command}: {len(errors)} of {done} inputs failed")
        statuses = {error.exit_status for error in errors}
        raise BatchFailed(statuses.pop() if len(errors) == done and len(statuses) == 1 else 1)
    return done


# --- results of inputs -----------------------------------------------------------------------------

Engine = Callable[[Iterable[Path | GaneditError | None]], Generator[Delivery, None, None]]
"""Turns inputs into deliveries, in the same order, each input ended by `end_of`. None stands for no input:
that nothing can be read ahead now, and that all work at hand is to be finished first."""


def _run(
    console: Console,
    inputs: Sequence[str] | None,
    engine: Engine,
    suffixes: Sequence[str],
    fallback: Callable[[], Iterable[Path]] | None = None,
) -> None:
    """Let this process do the work, or workers; or serve as a worker, which gets its inputs one by one."""
    if isinstance(console, WorkerConsole):
        console.serve(engine, suffixes)
        return
    if console.hands_out:
        from ganedit.cli.kit.sharing import hand_out

        deliveries = hand_out(console, partial(sources, inputs=inputs, fallback=fallback))
    else:
        deliveries = engine(sources(console, inputs, suffixes, fallback))
    with closing(deliveries):
        _deliver_all(console, (one for one in deliveries if not one.ends), inputs, suffixes)


def _one_by_one(work: Work, paths: Iterable[Path | GaneditError | None]) -> Generator[Delivery, None, None]:
    for one in paths:
        if isinstance(one, GaneditError):
            yield failed(one)
        elif one is not None:
            yield Delivery(one, partial(work, one))
            yield end_of(one)


def _deliver_all(
    console: Console, deliveries: Iterable[Delivery], inputs: Sequence[str] | None, suffixes: Sequence[str]
) -> None:
    tried = set()

    def deliver(delivery: Delivery) -> None:
        tried.add(delivery.path)
        for result in delivery.results():
            result = result if isinstance(result, Result) else Result(result)
            console.emit(result.path, **{"input": str(delivery), **result.details})
            if result.problem is not None:
                raise result.problem

    def left() -> str:
        if not inputs or "-" in inputs:
            return "what the pipe would still bring"
        found = (one for one in sources(console, inputs, suffixes) if isinstance(one, Path))
        rest = [path for path in found if path not in tried]
        return f"{len(rest)} inputs from {rest[0]} on; --skip-existing keeps what is done" if rest else ""

    if not run_each(console, deliveries, deliver, left):
        raise UsageError("no input was given", "name files, folders or globs, or pipe paths in")


# --- stages ----------------------------------------------------------------------------------------


class Stages(ABC, Generic[Task, Read, Made]):
    """Stages of work on inputs that overlap: planned, read, computed, written.

    Attributes:
        ahead: Number of tasks to read in advance, besides the next one.
        behind: Number of results that may still be written while the next ones are computed.
    """

    ahead = 0
    behind = 0

    @abstractmethod
    def plan(self, path: Path) -> Iterable[Task | Result]:
        """The tasks for an input, and results that are there already."""

    @abstractmethod
    def read(self, task: Task) -> Read:
        """Read what a task needs to be computed; called in another thread."""

    def room(self, read: Read) -> int:
        """The best number of tasks like this one to compute together."""
        return 1

    def alike(self, one: Read, other: Read) -> bool:
        """Whether two tasks can be computed together."""
        return True

    @abstractmethod
    def compute(self, tasks: Sequence[Task], read: Sequence[Read]) -> Sequence[Made]:
        """One product for each task. If this fails for several, each is computed separately."""

    @abstractmethod
    def write(self, task: Task, made: Made) -> Result:
        """Write a product; called in another thread."""


@dataclass(frozen=True)
class _Waiting(Generic[Task, Read]):
    """A task that was read, or is being read, and is not yet computed."""

    path: Path
    task: Task
    reading: Future[Read]


_Entry = _Waiting[Any, Any] | Delivery


def _staged(
    stages: Stages[Any, Any, Any], paths: Iterable[Path | GaneditError | None]
) -> Generator[Delivery, None, None]:
    """Yield tasks when they are done, in the order of the inputs."""
    queue: deque[_Entry] = deque()
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:

        def work(ahead: int, behind: int) -> Iterator[Delivery]:
            """Compute until `ahead` tasks wait, and yield what is finished, up to the last `behind`."""
            while sum(isinstance(entry, _Waiting) for entry in queue) > ahead:
                _compute_next(stages, queue, writer)
                yield from _finished(queue, behind)
            yield from _finished(queue, behind)

        try:
            for path in paths:
                if path is None:
                    yield from work(0, 0)
                    continue
                queue += [failed(path)] if isinstance(path, GaneditError) else _begin(stages, path, reader)
                yield from work(stages.ahead, stages.behind)
            yield from work(0, stages.behind)
        except KeyboardInterrupt:  # yield what is finished
            yield from _finished(queue)
            raise
        yield from _finished(queue)


def _begin(stages: Stages[Any, Any, Any], path: Path, reader: ThreadPoolExecutor) -> Iterator[_Entry]:
    try:
        for planned in stages.plan(path):
            if isinstance(planned, Result):
                yield Delivery(path, partial(list, [planned]))
            else:
                yield _Waiting(path, planned, reader.submit(stages.read, planned))
    except Exception as error:
        yield failed(error, path)
    yield end_of(path)


def _finished(queue: deque[_Entry], keep: int = 0) -> Iterator[Delivery]:
    """Take finished items from the left of the queue, except for the last `keep`, which may still be
    written."""
    done: list[Delivery] = []
    for entry in queue:
        if not isinstance(entry, Delivery):
            break
        done.append(entry)
    left = sum(not one.ends for one in done)
    for delivery in done:
        if not delivery.ends:
            if left <= keep:
                return
            left -= 1
        queue.popleft()
        yield delivery


def _compute_next(stages: Stages[Any, Any, Any], queue: deque[_Entry], writer: ThreadPoolExecutor) -> None:
    """Compute the first waiting task, together with similar ones, and replace them by deliveries."""
    waiting = [(i, entry) for i, entry in enumerate(queue) if isinstance(entry, _Waiting)]
    group = waiting[:1]
    try:
        first = group[0][1].reading.result()
        room = stages.room(first)
        for i, entry in waiting[1:]:
            if len(group) >= room:
                break
            if entry.reading.exception() is None and stages.alike(first, entry.reading.result()):
                group.append((i, entry))
    except Exception:  # computing will raise it again, for this task only
        group = waiting[:1]
    for (i, _), delivery in zip(group, _computed(stages, [entry for _, entry in group], writer), strict=True):
        queue[i] = delivery


def _computed(
    stages: Stages[Any, Any, Any], group: Sequence[_Waiting[Any, Any]], writer: ThreadPoolExecutor
) -> list[Delivery]:
    try:
        made = stages.compute([entry.task for entry in group], [entry.reading.result() for entry in group])
    except Exception as error:
        if len(group) == 1:
            return [failed(error, group[0].path)]
        return [delivery for entry in group for delivery in _computed(stages, [entry], writer)]

    def written(writing: Future[Result]) -> list[Result]:
        return [writing.result()]

    writings = [writer.submit(stages.write, entry.task, one) for entry, one in zip(group, made, strict=True)]
    return [Delivery(entry.path, partial(written, each)) for entry, each in zip(group, writings, strict=True)]
