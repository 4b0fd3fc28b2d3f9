"""The tab Portrait: a photo in, its face under sliders, the changed photo out."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

import ganedit
from ganedit.images.tensors import from_tensor
from ganedit.latent.inversion.photos import crops_of, project_crops
from ganedit.store.load import encoder_for
from ganedit.studio.choices import example, generators
from ganedit.studio.errors import Refused
from ganedit.studio.face import Face
from ganedit.studio.pictures import containing, corners, outlined, picture
from ganedit.studio.takeaway import Takeaway
from ganedit.studio.workshop import HEAVY, LIVE, Runner, Workshop, warn

if TYPE_CHECKING:
    from ganedit.studio.jobs import Job

METHODS = {"Faithful (some seconds)": "hybrid", "Quick": "encode"}
EMPTY = '<div class="empty">The face appears here.</div>'


@dataclass(eq=False)
class Found:
    """A photo and its faces.

    Attributes:
        photo: The photo.
        quads: The outline [4, 2] of each face, the largest first.
        chosen: Index of the face to edit.
    """

    photo: ganedit.Photo
    quads: list[np.ndarray]
    chosen: int = 0

    @property
    def face(self) -> str | int:
        """The face as the command line names it."""
        return "largest" if len(self.quads) == 1 else self.chosen + 1

    @property
    def shown(self) -> np.ndarray:
        """The photo with its faces outlined."""
        return outlined(self.photo.pixels, self.quads, self.chosen)


def find(photo: ganedit.Photo, generator: Any) -> Found:
    """The faces of a photo as a generator sees them; the middle for a generator of other things."""
    crops = crops_of(photo, generator, face="all")
    return Found(photo, [corners(crop.affine, generator.resolution) for crop in crops])


def project(found: Found, generator: Any, method: Any, job: Job, device: str = "auto") -> Face:
    """The chosen face, projected as `ganedit edit` projects it."""
    options = ganedit.ProjectOptions(method)
    encoder = None if method == "optimize" else encoder_for(generator)
    crops = crops_of(found.photo, generator, face=found.face)
    total = options.code_steps or 1

    def on_step(step: int, steps: int, images: Any) -> None:
        job.progress(step, total)
        job.show(from_tensor(images))

    ((latent, _),) = project_crops(crops, generator, options, encoder=encoder, on_step=on_step)
    words = [] if generator.name == "faces" else ["--model", generator.name]
    words += [] if method == "hybrid" else ["--method", method]
    words += [] if found.face == "largest" else ["--face", str(found.face)]
    where = [] if device == "auto" else ["--device", device]
    name = found.photo.path.name if found.photo.path else "photo.png"
    return Face(generator, latent, name, found.photo, words, where)


def why_not(generator: Any) -> str:
    """Why a generator has no sliders, as Markdown; empty if it has."""
    if generator.has_styles:
        return ""
    what = f"**{generator.name}** ({generator.card.architecture})"
    return f"{what} has no style space: it draws samples in the tab **Explore**, and nothing else."


def preview(face: Face) -> str:
    """The face as HTML, with what is beyond a safe range."""
    moved = ", ".join(f"{name} {m:+g}" for name, m in face.now.magnitudes.items())
    alt = f"The face of {face.name}" + (f" with {moved}" if moved else "")
    return picture(face.pixels, alt, warnings=[f"{text}: the image may break." for text in face.beyond])


class Portrait:
    """The tab and its events.

    Attributes:
        face: State with the face that is edited, for other tabs; another face gets sliders of its own.
    """

    def __init__(self, shop: Workshop, face: gr.State, tab: gr.Tab) -> None:
        self.shop, self.face, self.tab = shop, face, tab
        self.found = gr.State(None)
        with gr.Row():
            with gr.Column(scale=4, min_width=280):
                self._choice()
            with gr.Column(scale=5, min_width=300):
                self._view()
            with gr.Column(scale=4, min_width=280):
                gr.render(inputs=face, triggers=[face.change], show_progress="hidden")(self._sliders)
                self.hint = gr.Markdown(
                    "Choose a photo and press **Edit this face**. Sliders appear here: smile, age, light."
                )
        self.takeaway.add_comparison()
        self._wire()

    # ---- layout ----

    def _choice(self) -> None:
        self.file = gr.File(label="Photo", type="filepath", height=130, elem_id="photo")
        self.example = gr.Button(
            "Try it with an example", size="sm", visible=example("portrait.png") is not None
        )
        self.outlines = gr.Image(
            label="Faces in the photo", visible=False, interactive=False, format="jpeg", buttons=[],
            alt_text="The photo with its faces outlined", elem_id="outlines", height=300,
        )  # fmt: skip
        self.which = gr.Radio([], label="Face to edit", visible=False, type="index")
        with gr.Accordion("Model and method", open=False):
            self.model = self.shop.chooser(generators, "Generator")
            self.method = gr.Radio(list(METHODS), value=next(iter(METHODS)), label="Projection")
        self.why = gr.Markdown("", visible=False)
        self.runner = Runner(self.shop, "Edit this face")

    def _view(self) -> None:
        self.preview = gr.HTML(EMPTY, elem_id="preview", container=False)
        with gr.Row():
            self.undo = gr.Button("Undo", size="sm", min_width=60)
            self.redo = gr.Button("Redo", size="sm", min_width=60)
            self.reset = gr.Button("Reset", size="sm", min_width=60)
        self.takeaway = Takeaway(self.shop, self.face)

    def _sliders(self, face: Face | None) -> None:
        """Sliders for the directions of a face, and the events that put them elsewhere."""
        if face is None:
            return
        sliders: dict[str, gr.Slider] = {}
        for at, (title, names) in enumerate(face.groups.items()):
            with gr.Accordion(title, open=at < 2):
                sliders |= {name: self._slider(face, name) for name in names}
        shown = [self.preview, self.takeaway.command, *sliders.values()]
        for button, step in ((self.undo, Face.undo), (self.redo, Face.redo), (self.reset, Face.reset)):
            button.click(self.shop.safe(partial(self._stepped, step, sliders)), self.face, shown, **LIVE)
        self.tab.select(
            self.shop.safe(partial(self._opened, sliders)), self.face, [*self.parts, *sliders.values()],
            **LIVE,
        )  # fmt: skip

    def _slider(self, face: Face, name: str) -> gr.Slider:
        low, high = face.direction(name).limits
        known = bool(np.isfinite(high - low))
        reach = round(min(1.3 * max(-low, high), 10.0), 1) if known else 10.0
        slider = gr.Slider(
            -reach, reach, face.now.magnitudes.get(name, 0.0), step=0.1, label=name.replace("-", " "),
            info=f"safe from {low:+.1f} to {high:+.1f}" if known else None,
            elem_id=f"slider-{name}", buttons=["reset"],
        )  # fmt: skip
        slider.input(
            self.shop.safe(partial(self._moved, name)), [self.face, slider],
            [self.preview, self.takeaway.command], **LIVE,
        )  # fmt: skip
        return slider

    # ---- events ----

    def _wire(self) -> None:
        safe = self.shop.safe
        seen = [self.found, self.outlines, self.which, self.why, self.runner.start]
        source = [self.file, self.model]
        read = self.file.upload(lambda: None, None, self.found, queue=False).then(
            safe(self._read), source, seen, show_progress_on=self.outlines, **HEAVY
        )
        read.failure(lambda: None, None, self.file, queue=False)  # a file that is no photo does not stay
        self.example.click(partial(self.shop.example, "portrait.png"), None, self.file, queue=False).then(
            safe(self._read), source, seen, show_progress_on=self.outlines, **HEAVY
        )
        self.file.clear(lambda: [None, gr.update(visible=False), gr.update(visible=False)], None, seen[:3])
        self.model.change(safe(self._read), source, seen, show_progress_on=self.outlines, **HEAVY)
        self.which.input(_choose, [self.found, self.which], [self.found, self.outlines], queue=False)
        self.outlines.select(_click, [self.found], [self.found, self.outlines, self.which], queue=False)
        self.runner.runs(self._project, [self.found, self.model, self.method], [self.face, *self.parts])

    def _read(self, path: str | None, model: str) -> list[Any]:
        """Find the faces of a photo, for a generator that can project them."""
        generator = self.shop.open(model)
        able = [gr.update(value=why_not(generator), visible=not generator.has_styles),
                gr.update(interactive=generator.has_styles)]  # fmt: skip
        if path is None or not generator.has_styles:
            return [None, gr.update(visible=False), gr.update(visible=False), *able]
        found = find(ganedit.read_image(path), generator)
        many = len(found.quads) > 1
        labels = [_label(at) for at in range(len(found.quads))]
        return [
            found,
            gr.update(value=found.shown, visible=True),
            gr.update(choices=labels, value=labels[0], visible=many),
            *able,
        ]

    def _project(self, stop: threading.Event, found: Found | None, model: str, method: str) -> Iterator[Any]:
        if found is None:
            raise Refused("Choose a photo first.")
        job = self.shop.job("Projecting the face", stop)
        generator, how = self.shop.open(model), METHODS[method]
        work = partial(project, found, generator, how, job, self.shop.device)
        for _ in job.run(work):
            seen = (
                {} if job.picture is None else {self.preview: picture(job.picture, "The projection so far")}
            )
            yield {self.runner.status: job.bar, **seen}
        warn(job)
        face: Face = job.result
        yield {self.face: face, **self.refreshed(face)}

    @property
    def parts(self) -> list[Any]:
        """The components that `refreshed` gives values for."""
        return [self.hint, self.preview, *self.takeaway.parts]

    def refreshed(self, face: Face) -> dict[Any, Any]:
        """Values for a face that has just been chosen, or that another tab has changed."""
        return {
            self.hint: gr.update(visible=False),
            self.preview: preview(face),
            **self.takeaway.fresh(face),
        }

    def _moved(self, name: str, face: Face, magnitude: float) -> dict[Any, Any]:
        face.move(name, magnitude)
        return self._show(face)

    def _stepped(self, step: Any, sliders: Mapping[str, gr.Slider], face: Face) -> dict[Any, Any]:
        step(face)
        return {**self._show(face), **_placed(sliders, face)}

    def _show(self, face: Face) -> dict[Any, Any]:
        """Values for a face that sliders have changed."""
        return {self.preview: preview(face), self.takeaway.command: face.command()}

    def _opened(self, sliders: Mapping[str, gr.Slider], face: Face) -> dict[Any, Any]:
        return {**self.refreshed(face), **_placed(sliders, face)}


def _placed(sliders: Mapping[str, gr.Slider], face: Face) -> dict[Any, Any]:
    """Where the sliders of a face are."""
    return {slider: face.now.magnitudes.get(name, 0.0) for name, slider in sliders.items()}


def _label(at: int) -> str:
    """A face by its number."""
    return f"{at + 1}" + (" (largest)" if at == 0 else "")


def _choose(found: Found | None, chosen: int | None) -> list[Any]:
    """Choose a face by its number."""
    if found is None or chosen is None:
        return [found, gr.skip()]
    found.chosen = chosen
    return [found, found.shown]


def _click(found: Found | None, event: gr.SelectData) -> list[Any]:
    """Choose the face that was clicked."""
    if found is None or len(found.quads) < 2:
        return [found, gr.skip(), gr.skip()]
    shown = found.shown
    scale = max(found.photo.pixels.shape[:2]) / max(shown.shape[:2])
    hit = containing(found.quads, event.index[0] * scale, event.index[1] * scale)
    if hit is None:
        return [found, gr.skip(), gr.skip()]
    found.chosen = hit
    return [found, found.shown, gr.update(value=_label(hit))]
