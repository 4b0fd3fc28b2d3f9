"""Hands out the inputs of a command to workers, one by one, and collects what comes of them.

Each worker runs the same command (`worker.py`). Inputs are given out in their order, and results are printed
in that order, too. What depends on earlier inputs does so as if there was one process: inputs with the same
name in different folders, or with different suffixes, are worked on one after the other, and outputs are
claimed here. A worker that dies is replaced, and its inputs are tried again, each alone.
"""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.crews import Crew, Ended, Processes
from ganedit.cli.kit.inputs import with_own_stdin
from ganedit.cli.kit.projecting import Latest
from ganedit.cli.kit.results import Delivery, Result, failed
from ganedit.cli.kit.worker import Answer, Given, Order
from ganedit.errors import GaneditError

TRIES = 3  # of an input whose worker dies
FALSE_STARTS = 3  # of workers that die before they begin
POLL = 0.05  # seconds between looks at a pipe that may bring inputs

Found = Path | GaneditError
Find = Callable[..., Iterator[Found]]


def hand_out(console: Console, find: Find) -> Generator[Delivery, None, None]:
    """Yield what workers make of the inputs, in the order of the inputs.

    Args:
        console: The console, with the number of workers or the address of a Ray cluster in its options.
        find: `inputs.sources` without its parameters `console` and `suffixes`.
    """
    order = Order(console.argv, os.getcwd(), variables=_variables())
    if console.options.ray is not None:
        from ganedit.cli.kit.ray_crew import RayCrew

        crew: Crew = RayCrew(console.options, order)
    else:
        crew = Processes(order, console.options.workers or 1)
    try:
        yield from _Sharing(console, crew, find).run()
    finally:
        crew.stop()


def _variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("GANEDIT_")}


# --- inputs ----------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class _Item:
    """An input.

    Attributes:
        path: The file; None if it is known by its error alone.
        deliveries: What came of it so far.
        tries: How often it was given out.
        claims: Keys that it has claimed in this try.
        remade: Keys that it has claimed in earlier tries.
        done: Whether all that comes of it has come.
    """

    path: Path | None
    deliveries: list[Delivery] = field(default_factory=list)
    tries: int = 0
    claims: list[str] = field(default_factory=list)
    remade: frozenset[str] = frozenset()
    done: bool = False


class _Items:
    """The inputs in their order: to be given out, in hand, and done."""

    def __init__(self) -> None:
        self.again: deque[_Item] = deque()  # to be tried again
        self.all_found = False
        self.found = self.done = 0
        self._queue: SimpleQueue[Found | _Raised | None] = SimpleQueue()
        self._waiting: deque[_Item] = deque()
        self._same: defaultdict[str, deque[_Item]] = defaultdict(deque)  # wait for another, by their stem
        self._busy: set[str] = set()  # stems of inputs in hand
        self._unprinted: deque[_Item] = deque()

    def find(self, found: Callable[[], Iterator[Found]]) -> None:
        """Let a thread find the inputs, as a pipe may be slow."""

        def run() -> None:
            try:
                for one in found():
                    self._queue.put(one)
            except Exception as error:
                self._queue.put(_Raised(error))
            self._queue.put(None)

        Thread(target=run, daemon=True).start()

    def take_found(self) -> None:
        """Take what was found since the last time."""
        while not self.all_found:
            try:
                one = self._queue.get_nowait()
            except Empty:
                return
            if one is None:
                self.all_found = True
            elif isinstance(one, _Raised):
                raise one.error
            else:
                self.found += 1
                item = _Item(one if isinstance(one, Path) else None)
                self._unprinted.append(item)
                if isinstance(one, Path):
                    self._waiting.append(item)
                else:
                    item.deliveries.append(failed(one))
                    self.finish(item)

    def next(self) -> _Item | None:
        """The next input to be given out; None if there is none now."""
        while self._waiting:
            item = self._waiting.popleft()
            stem = _stem(item)
            if stem not in self._busy:
                self._busy.add(stem)
                return item
            self._same[stem].append(item)
        return None

    def fair_share(self, workers: int) -> int:
        """How many inputs one of `workers` may have in hand, and ask for another."""
        return len(self._waiting) // workers

    def finish(self, item: _Item) -> None:
        item.done = True
        self.done += 1
        if item.path is not None:
            stem = _stem(item)
            self._busy.discard(stem)
            if waiting := self._same.get(stem):
                self._waiting.appendleft(waiting.popleft())
                if not waiting:
                    del self._same[stem]

    @property
    def all_done(self) -> bool:
        return self.all_found and self.done == self.found

    def deliveries(self, all_orders: bool = False) -> Iterator[Delivery]:
        """What was delivered for inputs that are done, as long as all before them are, or in any order."""
        while self._unprinted and (all_orders or self._unprinted[0].done):
            item = self._unprinted.popleft()
            if item.done:
                yield from item.deliveries


@dataclass(frozen=True)
class _Raised:
    error: Exception


def _stem(item: _Item) -> str:
    assert item.path is not None
    return item.path.stem


# --- workers ---------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Worker:
    """What the parent knows of a worker.

    Attributes:
        number: Its number, which no other has had.
        place: Its number among those at work, which it takes over from a worker that has died.
        items: The inputs that it has in hand.
        ready: Whether it has begun.
        asks: Whether it waits for another input.
    """

    number: int
    place: int
    items: list[_Item] = field(default_factory=list)
    ready: bool = False
    asks: bool = False


class _Sharing:
    """One run of a command."""

    def __init__(self, console: Console, crew: Crew, find: Find) -> None:
        self._console, self._crew, self._find = console, crew, find
        self._items = _Items()
        self._workers: dict[int, _Worker] = {}
        self._started = self._false_starts = 0
        self._searching = False
        self._said: set[str] = set()
        self._latest = Latest(console)

    def run(self) -> Iterator[Delivery]:
        items = self._items
        try:
            with self._console.progress(self._console.command.removeprefix("ganedit ")) as bar:
                for place in range(self._crew.size):
                    self._start(place)
                while not items.all_done:
                    for number, message in self._crew.hear(self._patience):
                        self._take(self._workers[number], message)
                    if self._searching:
                        items.take_found()
                    self._give_out()
                    bar.update(items.done, items.found if items.all_found else None)
                    yield from items.deliveries()
        except KeyboardInterrupt:
            self._crew.stop()
            yield from items.deliveries(all_orders=True)
            raise
        for worker in self._workers.values():
            if worker.asks:
                self._crew.answer(worker.number, Answer.END)

    def _start(self, place: int) -> None:
        self._workers[self._started] = _Worker(self._started, place)
        self._crew.start(self._started, place)
        self._started += 1

    @property
    def _patience(self) -> float | None:
        return POLL if self._searching and not self._items.all_found else None

    # ---- what workers say ----

    def _take(self, worker: _Worker, message: Any) -> None:
        if isinstance(message, Ended):
            self._replace(worker, message.how)
            return
        kind, *values = message
        console = self._console
        if kind == "ready":
            self._begin(worker, *values)
        elif kind == "next":
            worker.asks = True
        elif kind == "stem":
            self._crew.answer(worker.number, console.stem_of(*values))
        elif kind == "claim":
            self._crew.answer(worker.number, self._claim(worker, *values))
        elif kind == "delivered":
            self._deliver(worker, *values)
        elif kind == "finished":
            item = _item_of(worker, *values)
            worker.items.remove(item)
            self._items.finish(item)
        elif kind == "latest":
            self._latest.add(*values)
        elif kind == "note":
            console.note(*values)
        elif kind == "warn":
            if values[0] not in self._said:  # every worker opens the same model
                self._said.add(values[0])
                console.warn(*values)
        elif kind == "refused":
            raise values[0]

    def _begin(self, worker: _Worker, suffixes: Sequence[str]) -> None:
        worker.ready = True
        self._false_starts = 0
        if not self._searching:  # the first one knows which files the model takes
            self._searching = True
            self._items.find(partial(self._find, with_own_stdin(self._console), suffixes=suffixes))

    def _claim(self, worker: _Worker, key: str, only_ask: bool) -> bool:
        granted = self._console.claim(key, only_ask)
        if granted and not only_ask:
            worker.items[-1].claims.append(key)  # inputs are planned when they are given out
        return granted

    def _deliver(
        self, worker: _Worker, path: Path, results: Sequence[Result], error: GaneditError | None
    ) -> None:
        def replayed() -> Iterator[Result]:
            yield from results
            if error is not None:
                raise error

        _item_of(worker, path).deliveries.append(Delivery(path, replayed))

    # ---- what workers get ----

    def _give_out(self) -> None:
        for worker in self._workers.values():
            if worker.asks and (answer := self._answer(worker)) is not None:
                worker.asks = False
                self._crew.answer(worker.number, answer)

    def _answer(self, worker: _Worker) -> Given | Answer | None:
        """What a worker that asks gets; None if it has to wait."""
        items = self._items
        if worker.items:
            alone = any(item.tries > 1 for item in worker.items)
            if alone or len(worker.items) > items.fair_share(self._crew.size):
                return Answer.WORK_FIRST
        item = items.again.popleft() if items.again and not worker.items else items.next()
        if item is None:
            return Answer.WORK_FIRST if worker.items else None
        assert item.path is not None
        item.tries += 1
        worker.items.append(item)
        return Given(item.path, item.remade)

    # ---- workers that die ----

    def _replace(self, worker: _Worker, how: str) -> None:
        del self._workers[worker.number]
        if not worker.ready:
            self._false_starts += 1
            if self._false_starts == FALSE_STARTS:
                hint = "if memory has run out, use fewer --workers; --workers 1 shows what is wrong"
                raise GaneditError(f"a worker {how} before it began", hint)
        for item in worker.items:
            self._console.release(item.claims)
            item.remade |= frozenset(item.claims)
            item.claims.clear()
            item.deliveries.clear()
            if item.tries == TRIES:
                hint = "if memory has run out, use fewer --workers"
                error = GaneditError(f"the worker {how}, {TRIES} times", hint)
                item.deliveries.append(failed(error, item.path))
                self._items.finish(item)
            else:
                self._items.again.append(item)
        if worker.ready:
            names = ", ".join(str(item.path) for item in worker.items if not item.done)
            self._console.warn(f"a worker {how}" + (f"; trying again: {names}" if names else ""))
        self._start(worker.place)


def _item_of(worker: _Worker, path: Path) -> _Item:
    """The input with this path; a worker has only one, as equal paths have equal stems."""
    return next(item for item in worker.items if item.path == path)
