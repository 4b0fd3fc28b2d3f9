"""Names of the files that an edit makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganedit.cli.kit.outputs import latent_beside, shortened
from ganedit.files import IMAGE_WRITERS

if TYPE_CHECKING:
    from ganedit.cli.kit.changes import Change
    from ganedit.images.io import Photo

PASTED = {"change": "pasted", "replace": "replaced"}
"""The word in the name of a photo, by how the edit was pasted."""


@dataclass
class Targets:
    """Output files for one input.

    Attributes:
        folder: Folder of the results.
        name: Name of the input.
        change: The change.
        photo: The photo to paste into, or None.
        file: The file for the only result, or None.
        enhanced: Whether faces are enlarged by an upscaler before they are pasted.
    """

    folder: Path
    name: str
    change: Change
    photo: Photo | None
    file: Path | None = None
    enhanced: bool = False

    def _path(self, name: str, label: str | None, suffix: str) -> Path:
        return self.folder / (shortened(f"{name}.{self.change.name(label)}") + suffix)

    def picture(self, stem: str, label: str) -> Path:
        """The picture of a face."""
        if self.file is not None and self.photo is None:
            return self.file
        return self._path(stem, label, ".png")

    def latents_of(self, pictures: Sequence[Path]) -> list[Path]:
        """The latents beside pictures; none for changes that a latent cannot store."""
        return [] if self.change.units else [latent_beside(path) for path in pictures]

    def pasted(self, label: str) -> Path | None:
        """The whole photo, in its own format if that can be written."""
        if self.photo is None:
            return None
        if self.file is not None:
            return self.file
        own = self.photo.path.suffix if self.photo.path else ""
        suffix = own if own.lower() in IMAGE_WRITERS else ".png"
        word = f"{self._word}-enhanced" if self.enhanced else self._word
        return self._path(self.name, label, f".{word}{suffix}")

    @property
    def _word(self) -> str:
        return PASTED[self.change.paste or "change"]

    def of_all(self, suffix: str) -> Path:
        """The sheet or film of all results."""
        if self.file is not None:
            return self.folder / f"{self.file.stem}{suffix}"
        return self._path(self.name, None, suffix if self.photo is None else f".{self._word}{suffix}")


def is_copy(path: Path, photo: Photo | None) -> bool:
    """Whether a file is the photo itself, which is what an edit of magnitude 0 writes."""
    from ganedit.files import sha256_file

    return photo is not None and path.is_file() and sha256_file(path) == photo.sha256
