"""What all tabs share: the settings of the server, its folder, and the models that are open."""

from __future__ import annotations

import html
import secrets
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from ganedit.studio.choices import example
from ganedit.studio.errors import Explain, Stopped, sentence, shown
from ganedit.studio.jobs import Job

OPEN_MODELS = 6  # kept in memory
HEAVY: dict[str, Any] = {"concurrency_id": "heavy", "concurrency_limit": 1}
"""Options of events with heavy work, of which one runs at a time on the whole page."""
LIVE: dict[str, Any] = {"trigger_mode": "always_last", "show_progress": "hidden", "queue": False}
"""Options of events that answer at once."""


@dataclass
class Workshop:
    """The server of one page.

    Attributes:
        folder: The temporary folder, which goes when the server stops.
        explain: Makes sentences of exceptions.
        device: Where models run.
        dtype: Their type of numbers.
        choosers: The choices of models on the page, and the names that they offer.
    """

    folder: Path
    explain: Explain
    device: str = "auto"
    dtype: str = "auto"
    choosers: list[tuple[gr.Dropdown, Callable[[], list[str]]]] = field(default_factory=list)
    _models: OrderedDict[str, Any] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _jobs: list[Job] = field(default_factory=list)

    def open(self, name: str) -> Any:
        """A model by its name, which stays open for the next one who asks.

        Raises:
            GaneditError: There is no such model, or it is damaged.
        """
        import ganedit

        with self._lock:
            if name not in self._models:
                self._models[name] = ganedit.load(name, self.device, self.dtype)
            self._models.move_to_end(name)
            while len(self._models) > OPEN_MODELS:
                self._models.popitem(last=False)
            return self._models[name]

    def forget(self, name: str) -> None:
        """Close a model, because its files have changed."""
        with self._lock:
            self._models.pop(name, None)

    def new_file(self, name: str) -> Path:
        """A path for a file of this name that nobody else has, in a folder that can be served."""
        folder = self.folder / secrets.token_hex(16)
        folder.mkdir()
        return folder / name

    def example(self, name: str) -> str | None:
        """A copy of an example that the page can show; None if it is not installed."""
        found = example(name)
        return None if found is None else shutil.copyfile(found, self.new_file(name)).as_posix()

    def job(self, title: str, stop: threading.Event | None) -> Job:
        """A new job; all are stopped when the server ends."""
        job = Job(title, stop or threading.Event())
        self._jobs = [one for one in self._jobs if not one.stop.is_set()] + [job]
        return job

    def close(self) -> None:
        """Stop all jobs."""
        for job in self._jobs:
            job.stop.set()

    def chooser(self, names: Callable[[], list[str]], label: str) -> gr.Dropdown:
        """A choice of models, which follows what is installed."""
        known = names()
        made = gr.Dropdown(known, value=known[0] if known else None, label=label)
        self.choosers.append((made, names))
        return made

    def rechoose(self) -> list[Any]:
        """Updates for all `choosers`."""
        return [gr.update(choices=names()) for _, names in self.choosers]

    def sentence(self, error: Exception) -> str:
        """A failure as the visitor sees it."""
        return sentence(error, self.explain, self.folder)

    def safe(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """A handler of events whose failures appear on the page as sentences."""
        return shown(handler, self.explain, self.folder)


class Runner:
    """A button that starts a heavy job, one that cancels it, and a bar that shows its progress."""

    def __init__(self, shop: Workshop, label: str) -> None:
        self.shop = shop
        with gr.Row():
            self.start = gr.Button(label, variant="primary", min_width=120)
            self.cancel = gr.Button("Cancel", variant="stop", visible=False, min_width=80)
        self.status = gr.HTML("", elem_classes="status", container=False)
        self._stop = gr.State(None)

    def runs(self, handler: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Start `handler` at a click of the button.

        Args:
            handler: A generator that takes the event that stops it and the inputs, and yields dictionaries.
            inputs: Components whose values it takes.
            outputs: Components that it may change, besides `status`.
        """
        mine = [self.start, self.cancel, self.status]

        def begin() -> list[Any]:
            return [threading.Event(), gr.update(interactive=False), gr.update(visible=True), WAITING]

        def work(*args: Any) -> Iterator[dict[Any, Any]]:
            end = {self.start: gr.update(interactive=True), self.cancel: gr.update(visible=False)}
            try:
                yield from handler(*args)
                yield {**end, self.status: ""}
            except Stopped:
                yield {**end, self.status: _note("Stopped.")}
            except Exception as error:
                yield {**end, self.status: _note(self.shop.sentence(error), failed=True)}

        self.start.click(begin, None, [self._stop, *mine], queue=False, show_progress="hidden").then(
            work, [self._stop, *inputs], [*mine, *outputs],
            show_progress="minimal", show_progress_on=self.status, **HEAVY,
        )  # fmt: skip
        self.cancel.click(_stop, self._stop, self.status, queue=False, show_progress="hidden")


def _note(text: str, *, failed: bool = False) -> str:
    """A sentence in the place of the progress bar."""
    role = 'class="failed" role="alert"' if failed else 'role="status"'
    return f"<p {role}>{html.escape(text)}</p>"


def command_box() -> gr.Textbox:
    """A box for the command line that repeats what was done."""
    return gr.Textbox(
        "", label="The command that makes it again", interactive=False, lines=1, max_lines=6,
        elem_classes="command", buttons=["copy"],
    )  # fmt: skip


def comparison(height: int) -> gr.ImageSlider:
    """Before and after under a slider, at most so many pixels high; hidden until there is a result."""
    return gr.ImageSlider(
        label="Before and after", format="jpeg", interactive=False, visible=False,
        buttons=["fullscreen"], elem_classes="compare", max_height=height,
    )  # fmt: skip


WAITING = '<div class="job"><span>Waiting for the jobs before this one …</span><progress></progress></div>'


def _stop(stop: threading.Event | None) -> str:
    if stop is not None:
        stop.set()
    return '<div class="job"><span>Stopping at the next step …</span><progress></progress></div>'


def warn(job: Job) -> None:
    """Show what the library has warned of."""
    for text in job.warnings:
        gr.Warning(text, duration=12)
