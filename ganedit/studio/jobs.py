"""Heavy jobs of the page: one at a time, with progress, and stopped when a visitor asks."""

from __future__ import annotations

import html
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ganedit.studio.errors import Stopped

PAUSE = 0.25  # seconds between two looks at the progress


@dataclass
class Job:
    """One piece of work in a thread of its own.

    Attributes:
        title: What is done, for the visitor.
        stop: Set to stop the work at its next step.
        picture: The latest picture of the work, if it shows any.
        warnings: What the library has logged meanwhile.
        result: What the work returned.
    """

    title: str
    stop: threading.Event
    picture: np.ndarray | None = None
    warnings: list[str] = field(default_factory=list)
    result: Any = None
    _done: float = 0.0
    _total: float = 0.0
    _news: bool = True
    _began: float = field(default_factory=time.monotonic)

    def progress(self, done: float, total: float | None = None, text: str | None = None) -> None:
        """Show that `done` of `total` steps are done; for `progress` parameters of the library.

        Raises:
            Stopped: A visitor has stopped the job.
        """
        if self.stop.is_set():
            raise Stopped
        self._done, self._total = done, total or self._total
        self._news = True

    def show(self, picture: np.ndarray) -> None:
        """Show a picture [H, W, 3] of the work so far."""
        self.picture = picture

    def run(self, work: Callable[[], Any]) -> Iterator[Job]:
        """Do the work, and yield this job whenever it has news; then `result` is there.

        Raises:
            Stopped: It was stopped. Other exceptions are those of the work.
        """
        with ThreadPoolExecutor(1, "studio") as pool:
            future: Future[Any] = pool.submit(self._heard, work)
            try:
                while not future.done():
                    if self._news:
                        self._news = False
                        yield self
                    wait([future], timeout=PAUSE)
                self.result = future.result()
            finally:
                self.stop.set()  # also if the visitor has left; the next job waits until this one ends

    def _heard(self, work: Callable[[], Any]) -> Any:
        self.progress(0)  # it may have been stopped in the queue
        library, ear = logging.getLogger("ganedit"), _Ear(self.warnings)
        library.addHandler(ear)
        try:
            return work()
        finally:
            library.removeHandler(ear)

    @property
    def bar(self) -> str:
        """A progress bar as HTML."""
        seconds = time.monotonic() - self._began
        title = html.escape(self.title)
        if not self._total:
            return f'<div class="job"><span>{title} …</span><progress aria-label="{title}"></progress></div>'
        share = min(self._done / self._total, 1.0)
        left = f", about {seconds / share - seconds:.0f} s left" if share > 0.05 and seconds > 2 else ""
        return (
            f'<div class="job"><span>{title}: {share:.0%}{left}</span>'
            f'<progress aria-label="{title}" max="1" value="{share:.3f}"></progress></div>'
        )


class _Ear(logging.Handler):
    """Collects the warnings that the thread which made it logs."""

    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._heard, self._thread = heard, threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.thread == self._thread and text not in self._heard:
            self._heard.append(text)
