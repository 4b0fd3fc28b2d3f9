"""The tab Text: the face changed to match words, and faces found from words alone (StyleCLIP)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

import ganedit
from ganedit.studio.choices import generators, names
from ganedit.studio.commands import number, one
from ganedit.studio.errors import Refused
from ganedit.studio.face import Face
from ganedit.studio.pictures import picture
from ganedit.studio.takeaway import Takeaway
from ganedit.studio.workshop import LIVE, Runner, Workshop, command_box, warn

if TYPE_CHECKING:
    from ganedit.studio.jobs import Job

EDITS = [["a smiling face", "a serious face"], ["an old face", "a young face"], ["a woman", "a man"]]
SEARCHES = ["an old man", "a smiling young woman", "a serious woman"]
METHODS = {"Optimise this face": "optimize", "Along a direction of styles": "direction"}
NO_FACE = "Choose a face in the tab **Portrait** first; it appears here."


def clips() -> list[str]:
    """Names of the CLIP models, the bundled one first."""
    return sorted(names(lambda card: card.task == "clip"), key=lambda name: (name != "clip-faces", name))


class Text:
    """The tab and its events."""

    def __init__(self, shop: Workshop, face: gr.State, tab: gr.Tab) -> None:
        self.shop, self.face = shop, face
        with gr.Tabs():
            with gr.Tab("Change this face", id="clip-edit"):
                self._edit(tab)
            with gr.Tab("Find a face", id="clip-generate"):
                self._generate()

    # ---- edit ----

    def _edit(self, tab: gr.Tab) -> None:
        self.hint = gr.Markdown(NO_FACE)
        with gr.Row(visible=False) as self.room:
            with gr.Column(scale=5, min_width=280):
                self.view = gr.HTML("", container=False, elem_id="text-view")
            with gr.Column(scale=5, min_width=280):
                self.wish = gr.Textbox("a smiling face", label="What the picture should show", elem_id="wish")
                self.neutral = gr.Textbox("a serious face", label="What it shows now (second method)")
                gr.Examples(EDITS, [self.wish, self.neutral], label="Examples that work")
                self.method = gr.Radio(list(METHODS), value=next(iter(METHODS)), label="Method")
                self.strength = gr.Slider(-3, 3, 1, step=0.1, label="Strength")
                with gr.Accordion("Model", open=False):
                    self.clip = self.shop.chooser(clips, "CLIP model")
                self.runner = Runner(self.shop, "Change the face")
                with gr.Row():
                    undo = gr.Button("Undo", size="sm", min_width=60)
                    redo = gr.Button("Redo", size="sm", min_width=60)
                self.takeaway = Takeaway(self.shop, self.face)
        self.takeaway.add_comparison()
        seen = [self.hint, self.room, self.view, *self.takeaway.parts]
        tab.select(self.shop.safe(self._open), self.face, seen, **LIVE)
        for button, step in ((undo, Face.undo), (redo, Face.redo)):
            button.click(self.shop.safe(partial(self._stepped, step)), self.face, seen, **LIVE)
        given = [self.face, self.wish, self.neutral, self.method, self.strength, self.clip]
        self.runner.runs(self._change, given, [self.view, *self.takeaway.parts])

    def _open(self, face: Face | None) -> dict[Any, Any]:
        if face is None:
            return {self.hint: NO_FACE, self.room: gr.update(visible=False)}
        return {
            self.hint: "Say in English what the face should look like.",
            self.room: gr.update(visible=True),
            self.view: picture(face.pixels, f"The face of {face.name}"),
            **self.takeaway.fresh(face),
        }

    def _stepped(self, step: Any, face: Face | None) -> dict[Any, Any]:
        if face is not None:
            step(face)
        return self._open(face)

    def _change(
        self, stop: threading.Event, face: Face | None, wish: str, neutral: str, method: str,
        strength: float, clip: str,
    ) -> Iterator[Any]:  # fmt: skip
        if face is None:
            raise Refused("Choose a face in the tab Portrait first.")
        strength, how = round(float(strength), 2), METHODS[method]
        job = self.shop.job("Changing the face", stop)
        reader = self.shop.open(clip)
        work = {"optimize": optimised, "direction": directed}[how]
        for _ in job.run(lambda: work(face, reader, wish, neutral, strength, job)):
            yield {self.runner.status: job.bar}
        words = ["clip", "edit", "--text", wish]
        words += ["--neutral", neutral, "--method", "direction"] if how == "direction" else []
        words += [] if strength == 1 else ["--strength", number(strength)]
        words += [] if clip == "clip-faces" else ["--clip", clip]
        face.bake(job.result, words)
        warn(job)
        yield {
            self.view: picture(face.pixels, f"{face.name}, changed to {wish}"),
            **self.takeaway.fresh(face),
        }

    # ---- generate ----

    def _generate(self) -> None:
        with gr.Row():
            with gr.Column(scale=4, min_width=280):
                self.sought = gr.Textbox(SEARCHES[0], label="What the picture should show", elem_id="sought")
                gr.Examples([[text] for text in SEARCHES], [self.sought], label="Examples that work")
                self.count = gr.Slider(1, 4, 4, step=1, label="Pictures")
                with gr.Accordion("Models", open=False):
                    self.model = self.shop.chooser(generators, "Generator")
                    self.finder = self.shop.chooser(clips, "CLIP model ")
                self.seeker = Runner(self.shop, "Find pictures")
                self.command = command_box()
            with gr.Column(scale=7, min_width=300):
                self.found = gr.Gallery(
                    label="Found, the best first", columns=4, height=380, format="png", buttons=["download"],
                    object_fit="contain",
                )  # fmt: skip
        given = [self.sought, self.count, self.model, self.finder]
        self.seeker.runs(self._seek, given, [self.found, self.command])

    def _seek(self, stop: threading.Event, text: str, count: float, model: str, clip: str) -> Iterator[Any]:
        generator, reader = self.shop.open(model), self.shop.open(clip)
        generator.need_styles()
        reader.check_text(text)
        job = self.shop.job("Searching", stop)
        options = ganedit.SteerOptions(identity=0.0)  # as the command has it
        wish = ganedit.Wish(text)
        for _ in job.run(
            lambda: ganedit.clip_generate(generator, reader, wish, options, progress=job.progress)
        ):
            yield {self.seeker.status: job.bar}
        warn(job)
        best = job.result[: int(count)]
        pictures = [ganedit.draw(generator, [one_.ws])[0] for one_ in best]
        captions = [f"{text}, similarity {one_.similarity:.2f}" for one_ in best]
        words = ["clip", "generate", "--text", text, "--count", str(int(count))]
        words += [] if model == "faces" else ["--model", model]
        words += [] if clip == "clip-faces" else ["--clip", clip]
        yield {self.found: list(zip(pictures, captions, strict=True)), self.command: one(*words)}


def optimised(face: Face, clip: Any, text: str, neutral: str, strength: float, job: Job) -> ganedit.Latent:
    """The face optimised for a text, as `ganedit clip edit` does it."""
    clip.check_text(text)
    return ganedit.clip_edit(
        face.now.latent, face.generator, clip, text, strength=strength, progress=job.progress
    )


def directed(face: Face, clip: Any, text: str, neutral: str, strength: float, job: Job) -> ganedit.Latent:
    """The face moved along the direction between two texts."""
    for words in (text, neutral):
        clip.check_text(words)
    direction = ganedit.clip_direction(face.generator, clip, text, neutral, progress=job.progress)
    return ganedit.edit(face.now.latent, [(direction, strength, None)])
