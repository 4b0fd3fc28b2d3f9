"""Names of results, and checks whether they can be written."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from ganedit.files import LATENT_SUFFIX, write_error

LONGEST = 150  # bytes of a name without its suffixes; file systems allow 255 with them
LONGEST_TEXT = 60  # bytes of a text in a name
_STRANGE = re.compile(r"[^\w.,+@=-]+")  # what some file system does not allow in a name


def latent_path(folder: Path, stem: str) -> Path:
    return folder / f"{stem}{LATENT_SUFFIX}"


def latent_beside(picture: Path) -> Path:
    """The latent that belongs to a picture of the same name."""
    return latent_path(picture.parent, picture.stem)


def face_stem(name: str, number: int) -> str:
    """NAME for the largest face, NAME.face2 for the next, and so on."""
    return name if number == 1 else f"{name}.face{number}"


def picture_path(folder: Path, stem: str) -> Path:
    return folder / f"{stem}.projected.png"


def shortened(name: str, most: int = LONGEST) -> str:
    """A name of at most `most` bytes; the end of a longer one is replaced by a checksum of all of it.

    >>> shortened("portrait.smile+2", most=15)
    'portra-9c243159'
    """
    spelt = name.encode()
    if len(spelt) <= most:
        return name
    return spelt[: most - 9].decode(errors="ignore") + "-" + hashlib.sha256(spelt).hexdigest()[:8]


def text_name(text: str) -> str:
    """A text as a part of a name: "A smiling face!" becomes a-smiling-face."""
    return shortened(re.sub(r"\W+", "-", text.lower()).strip("-"), LONGEST_TEXT) or "text"


def safe_name(name: str) -> str:
    """A name with characters that every file system allows: 6:42 becomes 6_42."""
    return _STRANGE.sub("_", name)


def move_name(direction: str, amount: str, layers: Sequence[int] | None = None) -> str:
    """A move along a direction, as a part of a name: smile+2, or with layers smile+2@0-3,7.

    Args:
        direction: A name, a file, or channels.
        amount: The magnitude with its sign.
        layers: Rows of the code.
    """
    name = Path(direction).name
    for suffix in (".safetensors", ".npy", ".npz", ".pt"):
        name = name.removesuffix(suffix)
    return safe_name(name) + amount + (f"@{_ranges(layers)}" if layers else "")


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers as ranges: [0, 1, 2, 7] becomes 0-2,7."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


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
