"""The result of a tab that changes pictures: before and after, a download, the command."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

import ganedit
from ganedit.images.pixels import resize, to_depth
from ganedit.images.provenance import provenance
from ganedit.studio.workshop import Workshop, command_box, comparison


class Outcome:
    """The components, hidden until there is a result."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        self.compare = comparison(640)
        self.download = gr.DownloadButton("Download", visible=False, elem_classes="take")
        self.extra = gr.DownloadButton("Download", visible=False)
        self.command = command_box()

    @property
    def parts(self) -> list[Any]:
        return [self.compare, self.download, self.extra, self.command]

    def filled(
        self,
        name: str,
        before: ganedit.Photo,
        after: ganedit.Photo,
        command: str,
        model: Any,
        *,
        composite: bool,
        extra: tuple[str, str] | None = None,
    ) -> dict[Any, Any]:
        """Write the result as a PNG with its record, and show it.

        Args:
            name: Name of the file.
            before: What it was made from.
            after: The result.
            command: The command line that makes it again.
            model: The model that made it.
            composite: Whether it is a photo with generated parts.
            extra: A file that the command needs, and the words on its button.
        """
        path = self.shop.new_file(name)
        source = before.path.name if before.path else None
        parameters = {"command": command}
        record = provenance("studio", parameters, model.name, model.sha256, source, composite)
        ganedit.write_image(path, after, provenance=record)
        shown = to_depth(after.pixels, np.uint8)
        old = resize(to_depth(before.pixels, np.uint8), shown.shape[:2])
        more = gr.update(visible=False)
        if extra:
            more = gr.update(value=extra[0], label=extra[1], visible=True)
        return {
            self.compare: gr.update(value=(old, shown), visible=True),
            self.download: gr.update(value=str(path), label=f"Download {name}", visible=True),
            self.extra: more,
            self.command: command,
        }
