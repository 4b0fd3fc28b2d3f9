"""The tab Models: what is installed, checkpoints imported, models downloaded after a look at their terms."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

import ganedit
from ganedit.errors import GaneditError, UsageError
from ganedit.images.align import TEMPLATES
from ganedit.store import registry
from ganedit.store.downloads import catalogue, pulling
from ganedit.store.importing import name_for
from ganedit.studio.commands import one
from ganedit.studio.errors import Refused
from ganedit.studio.workshop import Runner, Workshop, command_box, warn

HEADERS = ["Name", "Task", "Architecture", "Pixels", "Licence", "Where from"]


def installed() -> list[list[str]]:
    """A row for each model that is here."""
    rows = []
    for name in registry.names():
        try:
            card = registry.card(name)
        except GaneditError as error:
            rows.append([name, "damaged", error.message, "", "", ""])
            continue
        origin = "bundled" if name in registry.BUNDLED else "yours"
        rows.append([name, card.task, card.architecture, str(card.resolution or ""), card.licence, origin])
    return rows


def downloadable() -> list[str]:
    """Names of the models of the catalogue that are not here."""
    return [name for name in catalogue.entries() if registry.find(name) is None]


def terms(name: str | None) -> str:
    """The licence of a model to download, as Markdown."""
    entry = catalogue.find(name or "")
    if entry is None:
        return ""
    size = f", about {entry.about_megabytes} MB" if entry.about_megabytes else ""
    note = f" {entry.note}" if entry.note else ""
    return (
        f"**{entry.name}**: {entry.task}{size}.{note}\n\n"
        f"Licence: [{entry.licence.name}]({entry.licence.url}). {entry.licence.terms}\n\n"
        f"Source: {entry.source}"
    )


class Models:
    """The tab and its events."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        self.table = gr.Dataframe(
            installed(), headers=HEADERS, interactive=False, wrap=True, label="Installed models",
            elem_id="models", buttons=[],
        )  # fmt: skip
        with gr.Row():
            with gr.Column(min_width=300):
                self._import()
            with gr.Column(min_width=300):
                self._download()
        self.command = command_box()
        self._wire()

    def _import(self) -> None:
        gr.Markdown("### Import a checkpoint\nNo code in the file is run.")
        self.file = gr.File(label="Checkpoint", type="filepath", height=110, elem_id="checkpoint")
        self.name = gr.Textbox("", label="Name")
        self.template = gr.Dropdown(
            ["", *TEMPLATES],
            value="",
            label="Alignment of its faces",
            info="Empty for a model of other things.",
        )
        self.importer = Runner(self.shop, "Import")

    def _download(self) -> None:
        gr.Markdown("### Download a model")
        self.wanted = gr.Dropdown(downloadable(), value=None, label="Model", elem_id="wanted")
        self.terms = gr.Markdown("")
        self.agreed = gr.Checkbox(False, label="I agree to these terms", visible=False, elem_id="agreed")
        self.puller = Runner(self.shop, "Download")

    def _wire(self) -> None:
        safe = self.shop.safe
        self.file.upload(safe(lambda path: name_for(Path(path))), self.file, self.name, queue=False)
        self.wanted.change(safe(_chosen), self.wanted, [self.terms, self.agreed], queue=False)
        choosers = [made for made, _ in self.shop.choosers]
        changed = [self.table, self.wanted, self.command, *choosers]
        self.importer.runs(self._take, [self.file, self.name, self.template], changed)
        self.puller.runs(self._pull, [self.wanted, self.agreed], changed)

    def _take(self, stop: threading.Event, path: str | None, name: str, template: str) -> Iterator[Any]:
        if path is None:
            raise Refused("Choose a checkpoint first.")
        name = name.strip() or name_for(Path(path))
        job = self.shop.job("Importing", stop)
        for _ in job.run(lambda: ganedit.import_model(path, name, template=template)):
            yield {self.importer.status: job.bar}
        warn(job)
        gr.Info(f"{name} is {job.result.kind}: {job.result.architecture}")
        words = ["models", "import", Path(path).name, "--name", name]
        yield self._changed([*words, *(["--template", template] if template else [])])

    def _pull(self, stop: threading.Event, name: str | None, agreed: bool) -> Iterator[Any]:
        entry = catalogue.find(name or "")
        if entry is None:
            raise Refused("Choose a model first.")
        if not agreed:
            raise UsageError(f"the terms of {entry.name} were not agreed to", "read them, and tick the box")
        pulling.check_possible(entry)
        job = self.shop.job(f"Downloading {entry.name}", stop)
        for _ in job.run(lambda: pulling.pull(entry, progress=job.progress)):
            yield {self.puller.status: job.bar}
        warn(job)
        gr.Info(f"{entry.name} is installed")
        yield self._changed(["models", "pull", entry.name])

    def _changed(self, words: list[str]) -> dict[Any, Any]:
        """Updates for the whole page after a model has come."""
        choosers = [made for made, _ in self.shop.choosers]
        return {
            self.table: installed(),
            self.wanted: gr.update(choices=downloadable()),
            self.command: one(*words),
            **dict(zip(choosers, self.shop.rechoose(), strict=True)),
        }


def _chosen(name: str | None) -> list[Any]:
    return [terms(name), gr.update(value=False, visible=bool(name))]
