"""Names of results, and checks whether they can be written."""

from __future__ import annotations

import os
from pathlib import Path

from ganedit.files import LATENT_SUFFIX, write_error


def latent_path(folder: Path, stem: str) -> Path:
    return folder / f"{stem}{LATENT_SUFFIX}"


def face_stem(name: str, number: int) -> str:
    """NAME for the largest face, NAME.face2 for the next, and so on."""
    return name if number == 1 else f"{name}.face{number}"


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written to, before a long computation."""
    from errno import EACCES, ENOTDIR

    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise write_error(folder, ENOTDIR)
    if not os.access(place, os.W_OK):
        raise write_error(folder, EACCES)


def picture_path(folder: Path, stem: str) -> Path:
    return folder / f"{stem}.projected.png"
