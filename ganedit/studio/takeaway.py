"""What every tab that changes the face offers at its end: the photo, a comparison, the command."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ganedit.studio.errors import Refused
from ganedit.studio.face import Face
from ganedit.studio.workshop import HEAVY, Workshop, command_box, comparison


class Takeaway:
    """A button that pastes, one that downloads, and the command; `compare` comes last on the page."""

    def __init__(self, shop: Workshop, face: gr.State) -> None:
        self.shop, self.face = shop, face
        self.paste = gr.Button("Paste into the photo", variant="primary", interactive=False)
        self.download = gr.DownloadButton("Download", visible=False, elem_classes="take")
        self.command = command_box()

    def add_comparison(self) -> None:
        """The photo before and after under a slider, where the page has room for it."""
        self.compare = comparison(700)
        self.paste.click(
            self.shop.safe(self._paste), self.face, [self.compare, self.download],
            show_progress_on=self.compare, **HEAVY,
        )  # fmt: skip

    @property
    def parts(self) -> list[Any]:
        """The components that `fresh` gives values for."""
        return [self.paste, self.download, self.command, self.compare]

    def fresh(self, face: Face | None) -> dict[Any, Any]:
        """Values for a face that has just changed, whose photo is not pasted yet."""
        label = "Paste into the photo" if face is None or face.photo else "Make the picture"
        return {
            self.paste: gr.update(value=label, interactive=face is not None),
            self.download: gr.update(visible=False),
            self.command: face.command() if face else "",
            self.compare: gr.update(visible=False),
        }

    def _paste(self, face: Face | None) -> list[Any]:
        if face is None:
            raise Refused("Edit a face first.")
        path = self.shop.new_file(face.result)
        after = face.write(path)
        before = face.photo.pixels if face.photo else face.before
        return [
            gr.update(value=(before, after), visible=True),
            gr.update(value=str(path), label=f"Download {face.result}", visible=True),
        ]
