"""The tab Drag: points of the face are clicked, and move to where they should be."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from PIL import Image, ImageDraw

import ganedit
from ganedit.errors import UsageError
from ganedit.images.pixels import resize
from ganedit.studio.canvas import brush, painted
from ganedit.studio.errors import Refused
from ganedit.studio.face import Face
from ganedit.studio.takeaway import Takeaway
from ganedit.studio.workshop import LIVE, Runner, Workshop

if TYPE_CHECKING:
    from ganedit.studio.jobs import Job

SIDE = 640  # pixels of the face on the page
EVERY = 0.5  # seconds between two pictures of a drag
NO_FACE = "Choose a face in the tab **Portrait** first; it appears here."
HOW = "Click a point of the face, then click where it should be. More points: click on."
_START, _GOAL = (220, 38, 38), (37, 99, 235)


def parse(text: str) -> list[ganedit.PointMove]:
    """The moves in a text with one X,Y:X2,Y2 after the other; the last may lack its goal, and is left out.

    >>> parse("40,80:36,76 88,80")
    [PointMove(start=(40.0, 80.0), goal=(36.0, 76.0))]
    """
    words = text.split()
    if words and ":" not in words[-1]:
        words = words[:-1]
    return [ganedit.PointMove.parse(word) for word in words]


def clicked(text: str, x: float, y: float) -> str:
    """The text of the moves after a click: a new point, or the goal of the last one.

    >>> clicked(clicked("", 40, 80.25), 36, 76)
    '40,80.2:36,76'
    """
    point = f"{round(x, 1):g},{round(y, 1):g}"
    open_ = bool(text.split()) and ":" not in text.split()[-1]
    return f"{text.rstrip()}:{point}" if open_ else f"{text.rstrip()} {point}".strip()


def marked(pixels: np.ndarray, text: str, at: Sequence[Sequence[float]] | None = None) -> np.ndarray:
    """The face enlarged, with points in red, goals in blue, and lines between them.

    Args:
        pixels: The face [R, R, 3].
        text: The moves.
        at: Where the points are now, if they have moved.
    """
    scale = SIDE / len(pixels)
    image = Image.fromarray(resize(pixels, SIDE))
    draw = ImageDraw.Draw(image)
    words = text.split()
    starts = [_numbers(word.partition(":")[0]) for word in words]
    goals = [_numbers(word.partition(":")[2]) if ":" in word else None for word in words]
    for number, (start, goal) in enumerate(zip(starts, goals, strict=True)):
        here = at[number] if at is not None and number < len(at) else start
        x, y = here[0] * scale, here[1] * scale
        if goal is not None:
            draw.line([(x, y), (goal[0] * scale, goal[1] * scale)], (255, 255, 255), 5)
            draw.line([(x, y), (goal[0] * scale, goal[1] * scale)], _GOAL, 2)
            _dot(draw, goal[0] * scale, goal[1] * scale, _GOAL)
        _dot(draw, x, y, _START)
    return np.array(image)


def _numbers(text: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"`move={text}` is not X,Y:X2,Y2", "such as 40,52:44,50, in pixels of the crop"
        ) from None
    return x, y


def _dot(draw: ImageDraw.ImageDraw, x: float, y: float, colour: tuple[int, int, int]) -> None:
    draw.ellipse((x - 7, y - 7, x + 7, y + 7), colour, (255, 255, 255), 2)


class Drag:
    """The tab and its events."""

    def __init__(self, shop: Workshop, face: gr.State, tab: gr.Tab) -> None:
        self.shop, self.face = shop, face
        self.hint = gr.Markdown(NO_FACE)
        with gr.Row(visible=False) as self.room:
            with gr.Column(scale=6, min_width=300):
                self.view = gr.Image(
                    label="Face", interactive=False, format="png", buttons=[], elem_id="drag-view",
                    alt_text="The face, with the points to move in red and their goals in blue",
                )  # fmt: skip
            with gr.Column(scale=5, min_width=300):
                self.moves = gr.Textbox(
                    "", label="Moves", info="From X,Y to X2,Y2 in pixels of the crop; type them, or click.",
                    placeholder="40,80:36,76 88,80:92,76", elem_id="moves",
                )  # fmt: skip
                with gr.Row():
                    self.clear = gr.Button("Clear the points", size="sm", min_width=60)
                    self.undo = gr.Button("Undo", size="sm", min_width=60)
                    self.redo = gr.Button("Redo", size="sm", min_width=60)
                with gr.Accordion("Paint what may move", open=False):
                    gr.Markdown("Without paint, all of the face may move.")
                    self.mask = brush(
                        ["#0d9488"], 40, label="What may move", canvas_size=(SIDE, SIDE), fixed_canvas=True
                    )
                    self.mask_file = gr.DownloadButton("Download the mask for the command", visible=False)
                with gr.Accordion("Settings", open=False):
                    self.steps = gr.Slider(10, 400, 150, step=10, label="Most steps")
                    self.keep = gr.Slider(0, 1, 0.1, step=0.05, label="Keep the rest as it is")
                    self.identity = gr.Slider(0, 0.2, 0.02, step=0.01, label="Keep the identity")
                self.runner = Runner(shop, "Drag")
                self.told = gr.Markdown("")
                self.takeaway = Takeaway(shop, face)
        self.takeaway.add_comparison()
        self._wire(tab)

    def _wire(self, tab: gr.Tab) -> None:
        safe = self.shop.safe
        seen = [self.hint, self.room, self.view, self.mask, self.told, *self.takeaway.parts]
        tab.select(safe(self._open), [self.face, self.moves], seen, **LIVE)
        self.view.select(safe(self._click), [self.face, self.moves], [self.moves, self.view], **LIVE)
        self.moves.input(safe(self._typed), [self.face, self.moves], self.view, **LIVE)
        self.clear.click(safe(self._cleared), self.face, [self.moves, self.view, self.told], **LIVE)
        for button, step in ((self.undo, Face.undo), (self.redo, Face.redo)):
            button.click(safe(partial(self._stepped, step)), [self.face, self.moves], seen, **LIVE)
        options = [self.steps, self.keep, self.identity]
        self.runner.runs(
            self._drag, [self.face, self.moves, self.mask, *options],
            [self.view, self.moves, self.told, self.mask_file, *self.takeaway.parts],
        )  # fmt: skip

    def _open(self, face: Face | None, moves: str) -> dict[Any, Any]:
        """Show the face as it is now."""
        if face is None:
            return {self.hint: NO_FACE, self.room: gr.update(visible=False)}
        large = resize(face.pixels, SIDE)
        return {
            self.hint: HOW,
            self.room: gr.update(visible=True),
            self.view: marked(face.pixels, moves),
            self.mask: {"background": large, "layers": [], "composite": large},
            self.told: "",
            **self.takeaway.fresh(face),
        }

    def _click(self, face: Face, moves: str, event: gr.SelectData) -> list[Any]:
        side = face.generator.resolution
        x, y = (min(max((n + 0.5) * side / SIDE, 0), side) for n in event.index)
        moves = clicked(moves, x, y)
        return [moves, marked(face.pixels, moves)]

    def _typed(self, face: Face, moves: str) -> Any:
        return marked(face.pixels, moves)

    def _cleared(self, face: Face) -> list[Any]:
        return ["", resize(face.pixels, SIDE), ""]

    def _stepped(self, step: Any, face: Face, moves: str) -> dict[Any, Any]:
        step(face)
        return self._open(face, moves)

    def _drag(
        self, stop: threading.Event, face: Face | None, text: str, mask: Any,
        steps: int, keep: float, identity: float,
    ) -> Iterator[Any]:  # fmt: skip
        if face is None:
            raise Refused("Choose a face in the tab Portrait first.")
        moves, options = parse(text), ganedit.DragOptions(int(steps), keep=keep, identity=identity)
        allowed = painted(mask, (face.generator.resolution,) * 2)
        job = self.shop.job("Dragging", stop)
        for _ in job.run(partial(drag, face, moves, options, allowed, job, text)):
            seen = {} if job.picture is None else {self.view: job.picture}
            yield {self.runner.status: job.bar, **seen}
        dragged = job.result
        words = ["drag", *(word for move in moves for word in ("--move", str(move)))]
        words += _given({"steps": steps, "keep": keep, "identity": identity})
        file = gr.update(visible=False)
        if allowed is not None:
            path = self.shop.new_file(f"{face.stem}.mask.png")
            ganedit.write_image(path, allowed.astype(np.uint8) * 255)
            words += ["--mask", path.name]
            file = gr.update(value=str(path), visible=True)
        face.bake(dragged.latent, words)
        arrived = sum(point.arrived for point in dragged.points)
        lines = [f"**{arrived} of {len(moves)} arrived** after {dragged.steps} steps.", *job.warnings]
        yield {
            self.view: marked(face.pixels, text, [point.at for point in dragged.points]),
            self.moves: "",
            self.told: "\n\n".join(lines),
            self.mask_file: file,
            **self.takeaway.fresh(face),
        }


def drag(
    face: Face,
    moves: list[ganedit.PointMove],
    options: ganedit.DragOptions,
    mask: np.ndarray | None,
    job: Job,
    text: str,
) -> Any:
    """Drag the face as `ganedit drag` does, and show it on the way."""
    latent, own = face.now.latent, face.own
    person = ganedit.person_in(latent, face.generator) if options.identity else None
    shown = time.monotonic()

    def watch(ws: Any, points: Any) -> None:
        nonlocal shown
        if time.monotonic() - shown > EVERY:
            shown = time.monotonic()
            (pixels,) = ganedit.draw(own, [face.latent_with(ws)])
            job.show(marked(pixels, text, points.tolist()))

    return ganedit.drag(
        latent, face.generator, moves, options, mask=mask, person=person, progress=job.progress, watch=watch
    )


def _given(options: dict[str, float]) -> list[str]:
    """The words for options that are not at the defaults of the command."""
    defaults = ganedit.DragOptions()
    return [
        word
        for name, value in options.items()
        if value != getattr(defaults, name)
        for word in (f"--{name}", f"{value:g}")
    ]
