"""The tab Explore: a wall of samples, walks between them, and mixes of their styles."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np

import ganedit
from ganedit.images.provenance import provenance
from ganedit.images.sheet import enlarged, sheet
from ganedit.images.video import write_video
from ganedit.latent.mixing import BANDS, rows_of
from ganedit.studio.choices import generators
from ganedit.studio.commands import number, one
from ganedit.studio.face import Face
from ganedit.studio.portrait import Portrait, why_not
from ganedit.studio.workshop import LIVE, Runner, Workshop, command_box, warn

COUNT = 24  # samples on the wall
WALK = 60  # frames of a walk, as the command's default
LEAST_SIDE = 256  # pixels of a film
ROLES = ("keep", "walk", "rows", "columns")
CHOICES = {
    "Keep it: save or edit": "keep", "A walk": "walk", "Rows of a mix": "rows", "Columns of a mix": "columns",
}  # fmt: skip


def seeds_in(text: str) -> list[int]:
    """Seeds in a text, separated by spaces or commas.

    >>> seeds_in("1 5, 7")
    [1, 5, 7]
    """
    from ganedit.errors import UsageError

    words = text.replace(",", " ").split()
    if not all(word.isdigit() for word in words):
        raise UsageError(f"{text!r} is not a list of seeds", "write whole numbers, such as 1 5 7")
    return [int(word) for word in words]


def psi_words(psi: float) -> list[str]:
    return [] if psi == 0.7 else ["--psi", number(psi)]


class Explore:
    """The tab and its events."""

    def __init__(self, shop: Workshop, face: gr.State, tabs: gr.Tabs, portrait: Portrait) -> None:
        self.shop, self.face, self.tabs, self.portrait = shop, face, tabs, portrait
        self.wall_seeds = gr.State([])
        with gr.Row():
            with gr.Column(scale=4, min_width=280):
                self._settings()
            with gr.Column(scale=8, min_width=320):
                self.wall = gr.Gallery(
                    label="Samples", columns=6, height=520, format="png", buttons=[], allow_preview=False,
                    object_fit="cover", elem_id="wall",
                )  # fmt: skip
                self.role = gr.Radio(
                    list(CHOICES), value="A walk", label="A click on a sample chooses it for"
                )
        with gr.Row():
            self._keep()
            self._walk()
            self._mix()
        self.command = command_box()
        self._wire()

    def _settings(self) -> None:
        self.model = self.shop.chooser(generators, "Generator")
        self.psi = gr.Slider(
            0, 1.2, 0.7, step=0.05, label="Truncation (psi)", info="0: all alike; 1: most variety"
        )
        self.first = gr.Number(0, label="First seed", precision=0, minimum=0)
        self.class_ = gr.Textbox(
            "", label="Class", info="For models with classes: a number or a name.", visible=False
        )
        self.why = gr.Markdown("", visible=False)
        self.runner = Runner(self.shop, "Show samples")
        self.more = gr.Button("Next samples", size="sm")

    def _keep(self) -> None:
        with gr.Column(min_width=240):
            self.keep = gr.Textbox("", label="Seed to keep", elem_id="keep")
            self.save = gr.Button("Make its latent file", size="sm")
            self.latent = gr.DownloadButton("Download the latent", visible=False)
            self.edit = gr.Button("Edit it in Portrait", size="sm")

    def _walk(self) -> None:
        with gr.Column(min_width=240):
            self.walk = gr.Textbox("", label="Walk through these seeds", placeholder="1 5", elem_id="walk")
            self.walker = Runner(self.shop, "Make a walk")
            self.film = gr.Video(label="Walk", visible=False, autoplay=True, loop=True, buttons=["download"])

    def _mix(self) -> None:
        with gr.Column(min_width=240):
            self.rows = gr.Textbox("", label="Rows", placeholder="1 2", elem_id="rows")
            self.columns = gr.Textbox("", label="Columns", placeholder="3 4", elem_id="columns")
            self.layers = gr.Radio(list(BANDS), value="coarse", label="Layers taken from the columns")
            self.mixer = Runner(self.shop, "Mix styles")
            self.mixed = gr.Image(
                label="Mix", visible=False, format="png", interactive=False,
                buttons=["download", "fullscreen"],
                alt_text="A table of faces: each has the chosen layers of its column, all others of its row",
            )  # fmt: skip

    def _wire(self) -> None:
        safe = self.shop.safe
        drawn = [self.model, self.psi, self.first, self.class_]
        self.model.change(
            safe(self._model),
            self.model,
            [self.class_, self.why, self.walker.start, self.mixer.start, self.edit],
        )
        self.runner.runs(self._show, drawn, [self.wall, self.wall_seeds, self.command])
        self.more.click(lambda first: first + COUNT, self.first, self.first, queue=False)
        boxes = [self.keep, self.walk, self.rows, self.columns]
        self.wall.select(safe(_choose), [self.wall_seeds, self.role, *boxes], boxes, queue=False)
        point = [self.keep, self.model, self.psi, self.class_]
        self.save.click(safe(self._save), point, [self.latent, self.command])
        there = self.portrait
        self.edit.click(safe(self._edit), point, [self.face, self.tabs]).success(
            safe(there.refreshed), self.face, there.parts, **LIVE
        )
        self.walker.runs(self._make_walk, [self.walk, self.model, self.psi], [self.film, self.command])
        given = [self.rows, self.columns, self.layers, self.model, self.psi]
        self.mixer.runs(self._make_mix, given, [self.mixed, self.command])

    def _model(self, name: str) -> list[Any]:
        """What a generator can do, and why not."""
        generator = self.shop.open(name)
        able = generator.has_styles
        return [
            gr.update(visible=bool(generator.num_classes)),
            gr.update(value=why_not(generator), visible=not able),
            *[gr.update(interactive=able)] * 3,
        ]

    def _show(
        self, stop: threading.Event, model: str, psi: float, first: float, class_: str
    ) -> Iterator[Any]:
        generator, psi = self.shop.open(model), round(float(psi), 2)
        seeds = list(range(int(first or 0), int(first or 0) + COUNT))
        job = self.shop.job("Drawing samples", stop)

        def work() -> list[tuple[np.ndarray, str]]:
            samples = []
            for sample in ganedit.generate(generator, seeds, truncation=psi, class_=class_ or None):
                samples.append((enlarged(sample.pixels), f"seed {sample.seed}"))
                job.progress(len(samples), COUNT)
            return samples

        for _ in job.run(work):
            yield {self.runner.status: job.bar}
        warn(job)
        words = ["generate", "--seeds", f"{seeds[0]}-{seeds[-1]}", *psi_words(psi), *_model_words(model)]
        words += ["--class", class_] if class_ else []
        yield {self.wall: job.result, self.wall_seeds: seeds, self.command: one(*words)}

    def _sample(self, text: str, model: str, psi: float, class_: str) -> tuple[int, Any, ganedit.Latent]:
        """The seed, the generator and the latent of the sample to keep."""
        from ganedit.errors import UsageError

        generator, seeds = self.shop.open(model), seeds_in(text)
        generator.need_styles()
        if len(seeds) != 1:
            raise UsageError("no seed to keep was chosen", "click a sample, or write its seed")
        (sample,) = ganedit.generate(generator, seeds, truncation=round(float(psi), 2), class_=class_ or None)
        assert sample.latent is not None  # there are styles
        return sample.seed, generator, sample.latent

    def _save(self, text: str, model: str, psi: float, class_: str) -> list[Any]:
        seed, _, latent = self._sample(text, model, psi, class_)
        path = latent.save(self.shop.new_file(f"seed{seed:04d}.latent.safetensors"))
        words = _words(seed, round(float(psi), 2), model, class_)
        return [gr.update(value=str(path), label=f"Download {path.name}", visible=True), one(*words)]

    def _edit(self, text: str, model: str, psi: float, class_: str) -> list[Any]:
        seed, generator, latent = self._sample(text, model, psi, class_)
        origin = _words(seed, round(float(psi), 2), model, class_)
        return [Face(generator, latent, f"seed{seed:04d}.png", origin=origin), gr.Tabs(selected="portrait")]

    def _make_walk(self, stop: threading.Event, text: str, model: str, psi: float) -> Iterator[Any]:
        generator, seeds, psi = self.shop.open(model), seeds_in(text), round(float(psi), 2)
        latents = ganedit.interpolate(seeds, generator, steps=WALK, truncation=psi)
        path = self.shop.new_file("walk.mp4")
        job = self.shop.job("Drawing the walk", stop)

        def frames() -> Iterator[np.ndarray]:
            for done, latent in enumerate(latents):
                job.progress(done, WALK)
                yield enlarged(ganedit.draw(generator, [latent])[0], LEAST_SIDE)

        for _ in job.run(lambda: write_video(path, frames())):
            yield {self.walker.status: job.bar}
        words = ["interpolate", *map(str, seeds), *psi_words(psi), *_model_words(model), "-o", "walk.mp4"]
        yield {self.film: gr.update(value=str(path), visible=True), self.command: one(*words)}

    def _make_mix(
        self, stop: threading.Event, rows: str, columns: str, layers: str, model: str, psi: float
    ) -> Iterator[Any]:
        generator, psi = self.shop.open(model), round(float(psi), 2)
        down, across = seeds_in(rows), seeds_in(columns)
        job = self.shop.job("Mixing", stop)
        for _ in job.run(lambda: mix_sheet(generator, down, across, layers, psi, job.progress)):
            yield {self.mixer.status: job.bar}
        words = ["mix", "--rows", ",".join(map(str, down)), "--cols", ",".join(map(str, across))]
        words += ["--layers", layers, *psi_words(psi), *_model_words(model)]
        path = self.shop.new_file("mix.png")
        record = provenance("studio", {"command": one(*words)}, generator.name, generator.sha256)
        ganedit.write_image(path, job.result, provenance=record)
        yield {self.mixed: gr.update(value=str(path), visible=True), self.command: one(*words)}


def mix_sheet(
    generator: Any, down: list[int], across: list[int], layers: str, psi: float, progress: Any
) -> np.ndarray:
    """A table of mixed samples, as `ganedit mix` draws it.

    Raises:
        UsageError: No rows, no columns, or layers that the generator does not have.
    """
    from ganedit.errors import UsageError

    if not down or not across:
        raise UsageError("a mix needs rows and columns", "click samples, or write their seeds")
    chosen = rows_of(generator, layers)

    def latent(seed: int) -> ganedit.Latent:
        (sample,) = ganedit.generate(generator, [seed], truncation=psi)
        assert sample.latent is not None
        return sample.latent

    tops = [latent(seed) for seed in across]
    codes = [None, *tops]
    for seed in down:
        row = latent(seed)
        codes += [row, *(ganedit.mix(row, top, chosen, generator) for top in tops)]
    pictures = []
    for done, code in enumerate(codes):
        progress(done, len(codes))
        pictures.append(None if code is None else enlarged(ganedit.draw(generator, [code])[0]))
    return sheet(
        pictures, columns=len(across) + 1, row_labels=["", *(f"seed {seed}" for seed in down)],
        column_labels=["", *(f"seed {seed}" for seed in across)],
        caption=f"layers {', '.join(map(str, chosen))} of the column, all others of the row",
    )  # fmt: skip


def _words(seed: int, psi: float, model: str, class_: str) -> list[str]:
    words = ["generate", "--seeds", str(seed), *psi_words(psi), *_model_words(model)]
    return words + (["--class", class_] if class_ else [])


def _model_words(model: str) -> list[str]:
    return [] if model == "faces" else ["--model", model]


def _choose(
    seeds: list[int], role: str, keep: str, walk: str, rows: str, columns: str, event: gr.SelectData
) -> list[str]:
    """Put the clicked sample where it was chosen for."""
    texts, at, seed = [keep, walk, rows, columns], ROLES.index(CHOICES[role]), str(seeds[event.index])
    texts[at] = seed if at == 0 else f"{texts[at]} {seed}".strip()
    return texts
