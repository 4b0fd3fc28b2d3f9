"""The tab Paint: holes filled, sketches and label maps drawn as faces, photos translated and enlarged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

import ganedit
from ganedit.images.align import TEMPLATES
from ganedit.images.faces import find_faces
from ganedit.images.labels import LabelMap
from ganedit.images.regions import PALETTE, write_regions
from ganedit.store import registry
from ganedit.store.uses import Use
from ganedit.studio.canvas import brush, nearest_labels, on_paper, painted
from ganedit.studio.choices import for_use
from ganedit.studio.commands import one
from ganedit.studio.errors import Refused
from ganedit.studio.outcome import Outcome
from ganedit.studio.pictures import reduced
from ganedit.studio.workshop import HEAVY, Runner, Workshop, warn

TEMPLATE = TEMPLATES["close-up"]  # what the models that draw faces were trained on
SIDE = 512  # pixels of an empty canvas
SHOWN = 800  # longest side of a photo that is painted on
USES: dict[str, Use] = {
    "Translate": "translate",
    "Colourise": "colorize",
    "Enlarge": "upscale",
    "Restore faces": "restore",
}
VERBS: dict[str, Callable[..., ganedit.Photo]] = {
    "translate": ganedit.translate,
    "colorize": ganedit.colorize,
    "upscale": ganedit.upscale,
    "restore": ganedit.restore,
}
"""What changes a photo, by the name of its command."""
ENDINGS = {
    "translate": "translated", "colorize": "colorized", "upscale": "upscaled", "restore": "restored",
}  # fmt: skip


class Paint:
    """The tab, which has four tabs of its own."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        with gr.Tabs():
            with gr.Tab("Inpaint", id="inpaint"):
                Inpaint(shop)
            with gr.Tab("Sketch to face", id="sketch"):
                Sketch(shop)
            with gr.Tab("Label map to face", id="labels"):
                Labels(shop)
            with gr.Tab("Translate, colourise, enlarge", id="transform"):
                Transform(shop)


class Inpaint:
    """A photo whose painted part is filled."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        with gr.Row():
            with gr.Column(scale=6, min_width=300):
                self.file = gr.File(label="Photo", type="filepath", height=110, elem_id="inpaint-photo")
                self.example = gr.Button("Try it with an example", size="sm")
                self.canvas = brush(
                    ["#0d9488"], 36, label="Paint over what should be replaced", visible=False,
                    elem_id="inpaint-canvas", height=560,
                )  # fmt: skip
            with gr.Column(scale=5, min_width=300):
                self.model = shop.chooser(lambda: for_use("inpaint"), "Model")
                self.runner = Runner(shop, "Fill what is painted")
                self.outcome = Outcome(shop)
        self.file.change(shop.safe(self._read), self.file, self.canvas, show_progress_on=self.canvas, **HEAVY)
        self.example.click(partial(shop.example, "portrait.png"), None, self.file, queue=False)
        self.runner.runs(self._fill, [self.file, self.canvas, self.model], self.outcome.parts)

    def _read(self, path: str | None) -> Any:
        if path is None:
            return gr.update(value=None, visible=False)
        pixels, _ = reduced(ganedit.read_image(path).pixels, SHOWN)
        size = (pixels.shape[1], pixels.shape[0])
        value = {"background": pixels, "layers": [], "composite": pixels}
        return gr.update(value=value, visible=True, canvas_size=size)

    def _fill(self, stop: threading.Event, path: str | None, canvas: Any, model: str) -> Iterator[Any]:
        photo = _photo(path)
        hole = painted(canvas, photo.pixels.shape)
        if hole is None:
            raise Refused("Paint over what should be replaced first.")
        network = self.shop.open(model)
        job = self.shop.job("Filling", stop)
        for _ in job.run(lambda: ganedit.inpaint(photo, hole, network)):
            yield {self.runner.status: job.bar}
        warn(job)
        stem = Path(str(path)).stem
        mask = self.shop.new_file(f"{stem}.mask.png")
        ganedit.write_image(mask, hole.astype(np.uint8) * 255)
        name, more = f"{stem}.inpainted.png", [] if model == "inpaint-faces" else ["--model", model]
        command = one("inpaint", Path(str(path)).name, "--mask", mask.name, *more, "-o", name)
        yield self.outcome.filled(
            name, photo, job.result, command, network,
            composite=True, extra=(str(mask), "Download the mask for the command"),
        )  # fmt: skip


class Drawn:
    """A drawing on a canvas, made into a face; the file of the drawing is offered for the command."""

    shop: Workshop
    runner: Runner
    outcome: Outcome

    def _made(
        self, stop: threading.Event, drawing: Path, given: ganedit.Photo | LabelMap, model: str, button: str
    ) -> Iterator[Any]:
        network = self.shop.open(model)
        job = self.shop.job("Drawing the face", stop)
        for _ in job.run(lambda: ganedit.translate(given, network, progress=job.progress)):
            yield {self.runner.status: job.bar}
        warn(job)
        name = f"{drawing.stem}.translated.png"
        command = one("translate", drawing.name, "--model", model, "-o", name)
        yield self.outcome.filled(
            name, ganedit.read_image(drawing), job.result, command, network,
            composite=False, extra=(str(drawing), button),
        )  # fmt: skip


class Sketch(Drawn):
    """A line drawing, made into a face."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        with gr.Row():
            with gr.Column(scale=5, min_width=300):
                gr.Markdown("Draw the lines of a face, large and from the front; or start from a photo.")
                white = np.full((SIDE, SIDE, 3), 255, np.uint8)
                self.canvas = brush(
                    ["#000000"], 4, label="Drawing",
                    value={"background": white, "layers": [], "composite": white},
                    canvas_size=(SIDE, SIDE), fixed_canvas=True, elem_id="sketch-canvas", height=560,
                )  # fmt: skip
                self.photo = gr.UploadButton(
                    "Start from the lines of a photo", file_types=["image"], size="sm"
                )
            with gr.Column(scale=5, min_width=300):
                self.model = shop.chooser(lambda: for_use("translate", drawn="edges"), "Model")
                self.runner = Runner(shop, "Make a face of it")
                self.outcome = Outcome(shop)
        self.photo.upload(shop.safe(self._lines), self.photo, self.canvas, **HEAVY)
        self.runner.runs(self._draw, [self.canvas, self.model], self.outcome.parts)

    def _lines(self, path: str) -> Any:
        ((_, face),) = ganedit.align(path, size=SIDE, template=TEMPLATE)
        drawn = ganedit.draw_edges(face.crop)
        drawn = drawn if drawn.ndim == 3 else drawn[..., None].repeat(3, axis=2)
        return {"background": drawn, "layers": [], "composite": drawn}

    def _draw(self, stop: threading.Event, canvas: Any, model: str) -> Iterator[Any]:
        drawing = self.shop.new_file("sketch.png")
        ganedit.write_image(drawing, on_paper(canvas))
        photo, button = ganedit.read_image(drawing), "Download the drawing for the command"
        yield from self._made(stop, drawing, photo, model, button)


class Labels(Drawn):
    """A map of skin, brows, eyes, nose and lips, made into a face."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        colours = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in PALETTE.colours]
        key = ", ".join(
            f'<span class="key" style="--c:{colour}">{name}</span>'
            for colour, name in zip(colours, PALETTE.names, strict=False)
        )
        with gr.Row():
            with gr.Column(scale=5, min_width=300):
                gr.HTML(f"<p>Paint the parts of a face, or start from a photo: {key}.</p>", container=False)
                black = np.zeros((SIDE, SIDE, 3), np.uint8)
                self.canvas = brush(
                    colours[1:], 24, label="Label map",
                    value={"background": black, "layers": [], "composite": black},
                    canvas_size=(SIDE, SIDE), fixed_canvas=True, elem_id="labels-canvas", height=560,
                )  # fmt: skip
                self.photo = gr.UploadButton(
                    "Start from the face of a photo", file_types=["image"], size="sm"
                )
            with gr.Column(scale=5, min_width=300):
                self.model = shop.chooser(lambda: for_use("translate", drawn="labels"), "Model")
                self.runner = Runner(shop, "Make a face of it")
                self.outcome = Outcome(shop)
        self.photo.upload(shop.safe(self._regions), self.photo, self.canvas, **HEAVY)
        self.runner.runs(self._draw, [self.canvas, self.model], self.outcome.parts)

    def _regions(self, path: str) -> Any:
        ((_, face),) = ganedit.align(path, size=SIDE, template=TEMPLATE)
        landmarks = [found.landmarks for found in find_faces(face.crop)[:1]]
        labels = ganedit.draw_regions(landmarks, face.crop.shape[:2])
        drawn = PALETTE.colours[labels].astype(np.uint8)
        return {"background": drawn, "layers": [], "composite": drawn}

    def _draw(self, stop: threading.Event, canvas: Any, model: str) -> Iterator[Any]:
        labels = nearest_labels(np.asarray(canvas["composite"])[..., :3], PALETTE.colours)
        if not labels.any():
            raise Refused("Paint the parts of a face first, or start from a photo.")
        drawing = self.shop.new_file("map.png")
        write_regions(drawing, labels)
        yield from self._made(stop, drawing, LabelMap(labels), model, "Download the map for the command")


class Transform:
    """A photo that a model changes as a whole."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        with gr.Row():
            with gr.Column(scale=4, min_width=280):
                self.file = gr.File(label="Photo", type="filepath", height=110, elem_id="transform-photo")
                with gr.Row():
                    faces = gr.Button("Example: a portrait", size="sm", min_width=90)
                    horse = gr.Button("Example: a horse", size="sm", min_width=90)
                self.use = gr.Radio(list(USES), value="Translate", label="What to do")
                self.model = shop.chooser(lambda: for_use("translate", drawn=""), "Model")
                self.target = gr.Textbox(
                    "", label="Target labels", placeholder="old,female", **_labels_of(self.model.value)
                )
                self.why = gr.Markdown("", visible=False)
                self.runner = Runner(shop, "Change the photo")
            with gr.Column(scale=7, min_width=300):
                self.outcome = Outcome(shop)
        for button, name in ((faces, "portrait.png"), (horse, "horse.png")):
            button.click(partial(shop.example, name), None, self.file, queue=False)
        self.use.change(shop.safe(self._used), self.use, [self.model, self.why], queue=False)
        self.model.change(
            shop.safe(lambda model: gr.update(**_labels_of(model))), self.model, self.target, queue=False
        )
        self.runner.runs(self._change, [self.file, self.use, self.model, self.target], self.outcome.parts)

    def _used(self, use: str) -> list[Any]:
        names = for_use(USES[use], drawn="")
        none = f"No model for this is installed; the tab **Models** has some to download ({USES[use]})."
        return [
            gr.update(choices=names, value=names[0] if names else None),
            gr.update(value=none, visible=not names),
        ]

    def _change(
        self, stop: threading.Event, path: str | None, use: str, model: str | None, target: str
    ) -> Iterator[Any]:
        from ganedit.images.targets import target_of

        photo, verb = _photo(path), USES[use]
        if model is None:
            raise Refused("Choose a model first.")
        network = self.shop.open(model)
        options: dict[str, Any] = {}
        more = ["--model", model]
        if getattr(network, "labels", 0):
            words = [word.strip() for word in target.split(",") if word.strip()]
            options["label"] = target_of(network, words)
            more += ["--to", ",".join(words)]
        job = self.shop.job(use, stop)
        options["progress"] = job.progress
        for _ in job.run(partial(VERBS[verb], photo, network, **options)):
            yield {self.runner.status: job.bar}
        warn(job)
        given = Path(str(path))
        name = f"{given.stem}.{ENDINGS[verb]}.png"
        command = one(verb, given.name, *more, "-o", name)
        faces = verb != "upscale" and bool(network.card.template)
        yield self.outcome.filled(name, photo, job.result, command, network, composite=faces)


def _labels_of(model: str | None) -> dict[str, Any]:
    """Options of the box for what a face should become: hidden for a model without labels."""
    labels = registry.card(model).details.get("labels") if model else None
    return {"visible": bool(labels), "info": f"With commas, of {', '.join(labels)}." if labels else ""}


def _photo(path: str | None) -> ganedit.Photo:
    if path is None:
        raise Refused("Choose a photo first.")
    return ganedit.read_image(path)
