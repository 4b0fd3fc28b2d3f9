"""Where workers run: as processes of this machine, or on a Ray cluster (`ray_crew.py`)."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Protocol

from ganedit.cli import process
from ganedit.cli.kit.worker import PARENT_IS_GONE, Order, work

SPAWN = multiprocessing.get_context("spawn")  # a fork would copy threads' locks
PATIENCE = 15.0  # seconds that a worker has to remove its unfinished files


@dataclass(frozen=True)
class Ended:
    """What is heard last of a worker.

    Attributes:
        how: How it ended, to follow "the worker".
    """

    how: str


class Crew(Protocol):
    """Workers by their numbers.

    Attributes:
        size: How many there are to be at a time.
    """

    size: int

    def start(self, number: int, place: int) -> None:
        """Start a worker, at a place from 0 to `size` - 1 that none other has now."""

    def hear(self, seconds: float | None) -> list[tuple[int, Any]]:
        """Wait until a worker says something or ends, for some seconds at most; what each says next."""

    def answer(self, number: int, value: Any) -> None:
        """Answer a worker that has asked; without effect if it has ended."""

    def stop(self) -> None:
        """End all workers, and wait until they have removed their unfinished files."""


class Processes:
    """Workers that are processes of this machine."""

    def __init__(self, order: Order, size: int) -> None:
        self.size = size
        self._order = replace(order, threads=max(_processors() // size, 1))
        self._workers: dict[int, tuple[SpawnProcess, Connection]] = {}
        resource_tracker.ensure_running()  # it changes the mask of signals when it starts

    def start(self, number: int, place: int) -> None:
        ours, theirs = SPAWN.Pipe()
        worker = SPAWN.Process(target=_work, args=(theirs, self._order, place), daemon=True)
        with _signals_of_the_terminal_blocked():
            worker.start()
        theirs.close()
        self._workers[number] = (worker, ours)

    def hear(self, seconds: float | None) -> list[tuple[int, Any]]:
        numbers = {end: number for number, (_, end) in self._workers.items()}
        ready = connection.wait(list(numbers), seconds)
        return [(numbers[end], self._received(numbers[end])) for end in ready if isinstance(end, Connection)]

    def _received(self, number: int) -> Any:
        worker, end = self._workers[number]
        try:
            return end.recv()
        except PARENT_IS_GONE:  # here: the worker
            del self._workers[number]
            end.close()
            worker.join(PATIENCE)
            return Ended(_how(worker.exitcode))

    def answer(self, number: int, value: Any) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # which `hear` will tell
            self._workers[number][1].send(value)

    def stop(self) -> None:
        workers = [worker for worker, _ in self._workers.values()]
        try:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.join(PATIENCE)
        finally:
            for worker in workers:
                worker.kill()
                worker.join()
            for _, end in self._workers.values():
                end.close()
            self._workers.clear()


def _processors() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _how(status: int | None) -> str:
    if status is not None and status < 0:
        return f"was killed ({signal.Signals(-status).name})"
    return f"ended with status {status}"


@contextlib.contextmanager
def _signals_of_the_terminal_blocked() -> Iterator[None]:
    """Context in which processes are started that a terminal does not interrupt, since their parent ends
    them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(channel: Connection, order: Order, place: int) -> None:
    """The main function of the process of a worker."""
    process.leave_at_signals()
    process.raise_signals()
    try:
        os.dup2(2, 1)  # only the parent prints results
        threading.Thread(target=_end_with_the_parent, daemon=True).start()
        work(channel, order, place)
    except KeyboardInterrupt:
        sys.exit(process.exit_status())
    finally:
        process.ignore_signals()


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
