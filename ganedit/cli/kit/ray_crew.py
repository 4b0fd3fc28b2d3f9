"""Workers on a Ray cluster: tasks that talk to this process through a mailbox."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import defaultdict
from typing import Any

from ganedit.cli import process
from ganedit.cli.kit.context import Options
from ganedit.cli.kit.crews import PATIENCE, Ended
from ganedit.cli.kit.worker import Order, work
from ganedit.errors import MissingError

TIMEOUT = 10.0  # seconds to wait for a cluster
NOBODY = -1  # a number that no worker has


class Mailbox:
    """Messages between workers and the parent; an actor on the cluster."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
        self._answers: defaultdict[int, asyncio.Queue[Any]] = defaultdict(asyncio.Queue)

    async def send(self, number: int, message: Any) -> None:
        await self._messages.put((number, message))

    async def recv(self, number: int) -> Any:
        return await self._answers[number].get()

    async def answer(self, number: int, value: Any) -> None:
        await self._answers[number].put(value)

    async def collect(self) -> list[tuple[int, Any]]:
        """Wait for messages of the workers, and take all that are there."""
        found = [await self._messages.get()]
        while not self._messages.empty():
            found.append(self._messages.get_nowait())
        return found


def _ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingError("Ray is not installed", "pip install 'ganedit[ray]'") from error
    return ray


class _Letters:
    """A worker's channel through the mailbox."""

    def __init__(self, mailbox: Any, number: int) -> None:
        self._mailbox, self._number = mailbox, number

    def send(self, message: Any) -> None:
        _ray().get(self._mailbox.send.remote(self._number, message))

    def recv(self) -> Any:
        return _ray().get(self._mailbox.recv.remote(self._number))


def _work(mailbox: Any, number: int, order: Order, place: int) -> None:
    """The task of a worker."""
    work(_Letters(mailbox, number), order, place)


class RayCrew:
    """Workers that are tasks of a Ray cluster, each with a processor, and with a GPU if there are any.

    Raises:
        MissingError: Ray is not installed, or no cluster is at the address.
    """

    def __init__(self, options: Options, order: Order) -> None:
        self._order = order
        self._ray = ray = _ray()
        _connect(ray, options.ray or "")
        process.raise_signals()  # Ray has set handlers of its own
        has = ray.cluster_resources()
        gpus = 0 if options.device == "cpu" else int(has.get("GPU", 0))
        self.size = options.workers or gpus or max(int(has.get("CPU", 1)), 1)
        share = {"num_cpus": 1, "num_gpus": min(gpus / self.size, 1)} if gpus else {"num_cpus": 1}
        self._task = ray.remote(max_retries=0, **share)(_work)
        self._mailbox = ray.remote(num_cpus=0)(Mailbox).remote()
        self._collecting = self._mailbox.collect.remote()
        self._numbers: dict[Any, int] = {}  # of the tasks at work

    def start(self, number: int, place: int) -> None:
        self._numbers[self._task.remote(self._mailbox, number, self._order, place)] = number

    def hear(self, seconds: float | None) -> list[tuple[int, Any]]:
        ray, collecting = self._ray, self._collecting
        ready, _ = ray.wait([collecting, *self._numbers], num_returns=1, timeout=seconds)
        if not ready:
            return []
        if collecting not in ready:  # collect what the worker that ended has said last
            ray.get(self._mailbox.send.remote(NOBODY, None))
        messages = ray.get(collecting)
        self._collecting = self._mailbox.collect.remote()
        at_work = set(self._numbers.values())
        heard = [(number, message) for number, message in messages if number in at_work]
        ended = [task for task in ready if task != collecting]
        return heard + [(self._numbers.pop(task), Ended(self._how(task))) for task in ended]

    def _how(self, task: Any) -> str:
        try:
            self._ray.get(task)
        except self._ray.exceptions.WorkerCrashedError:
            return "was killed, or its machine was lost"
        except Exception as error:
            return f"failed ({type(error).__name__})"
        return "ended"

    def answer(self, number: int, value: Any) -> None:
        self._mailbox.answer.remote(number, value)

    def stop(self) -> None:
        tasks = list(self._numbers)
        self._numbers.clear()
        try:
            for force in (False, True):
                for task in tasks:
                    self._ray.cancel(task, force=force)
                _, tasks = (
                    self._ray.wait(tasks, num_returns=len(tasks), timeout=PATIENCE) if tasks else ([], [])
                )
        finally:
            self._ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        host, colon, port = address.rpartition(":")
        if colon and "/" not in host and port.isdecimal():  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), TIMEOUT).close()
        ray.init(address=address, **quiet, **({"include_dashboard": False} if address == "local" else {}))
    except Exception as error:  # Ray raises many kinds, some of them bare
        first = (str(error).splitlines() or [""])[0]
        raise MissingError(
            f"no Ray cluster answers at {address}: {first}",
            "start one (ray start --head) and name its address, auto, or local",
        ) from error
