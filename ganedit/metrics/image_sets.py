"""Sets of images that are measured: drawn from a generator by seeds, or read from a folder or zip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from ganedit.data.files import Progress
from ganedit.data.pictures import Pictures, load_whole, matched
from ganedit.errors import InputError
from ganedit.images.tensors import to_levels

if TYPE_CHECKING:
    from ganedit.store.models import Generator

BATCH = 16


@dataclass(frozen=True)
class DrawnImages:
    """Samples of a generator, rounded to 8 bits: images of consecutive seeds, drawn when they are asked for.

    Classes take turns.

    Attributes:
        generator: The generator.
        count: Number of samples.
        psi: Truncation.
        seed: The first seed.
    """

    generator: Generator
    count: int
    psi: float = 1.0
    seed: int = 0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Images [N, S, S, 3] uint8."""
        wanted = range(self.count)[rows]
        side = self.generator.resolution
        pictures = np.empty((len(wanted), side, side, 3), np.uint8)
        for start in range(0, len(wanted), BATCH):
            some = wanted[start : start + BATCH]
            pictures[start : start + len(some)] = self._draw([self.seed + i for i in some])
        return pictures

    def _draw(self, seeds: Sequence[int]) -> np.ndarray:
        generator = self.generator
        c = generator.one_hot([s % generator.num_classes for s in seeds]) if generator.num_classes else None
        images = generator.generate(seeds, c=c, psi=self.psi)
        return to_levels(images).permute(0, 2, 3, 1).cpu().numpy()

    @property
    def groups(self) -> dict[str, list[int]]:
        """Rows of each class; one group without classes."""
        classes = self.generator.num_classes or 1
        names = self.generator.class_names or ([""] if classes == 1 else list(map(str, range(classes))))
        found: dict[str, list[int]] = {name: [] for name in names}
        for i in range(self.count):
            found[names[(self.seed + i) % classes]].append(i)
        return found


@dataclass(frozen=True)
class ReadImages:
    """Images of one size from a folder or zip.

    Attributes:
        source: Where they come from.
        pictures: The images, kept in memory as far as it has room.
    """

    source: Path
    pictures: Pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Images [N, H, W, 3] uint8."""
        return np.stack([self.pictures[i][0] for i in range(len(self))[rows]])

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """(name, reason) of every file that could not be decoded."""
        return self.pictures.skipped

    @property
    def groups(self) -> dict[str, list[int]]:
        """Rows of each folder."""
        found: dict[str, list[int]] = {}
        for i, name in enumerate(self.pictures.names):
            folder = PurePosixPath(name).parent.as_posix()
            found.setdefault("" if folder == "." else folder, []).append(i)
        return found


@dataclass(frozen=True)
class ChosenImages:
    """Some rows of a set, in their own order."""

    images: ReadImages
    rows: Sequence[int]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Images [N, H, W, 3] uint8."""
        return np.concatenate([self.images[i : i + 1] for i in self.rows[rows]])


def read_images(
    source: str | Path, *, resolution: int = 0, limit: int = 0, progress: Progress | None = None
) -> ReadImages:
    """Read the images of a folder with its subfolders, or of a zip, for a measure.

    Args:
        source: The folder or zip.
        resolution: Side in pixels of the squares that they are cropped and reduced to, as training does; 0
            leaves them, and they must be of one size.
        limit: Take only the first N by name; 0: all.
        progress: Called with (images read, images in all).

    Raises:
        InputError: The source is missing or damaged, or holds fewer than two images, or of different sizes.
    """
    source = Path(source)
    pictures = load_whole(source, resolution=resolution, limit=limit or None, progress=progress)
    if len(pictures) < 2:
        raise InputError(
            f"{source} holds only one image that can be decoded",
            "measures compare many: some thousands give stable numbers",
        )
    return ReadImages(source, pictures)


def read_pairs(
    source: str | Path, other: str | Path, *, resolution: int = 0, limit: int = 0,
    progress: Progress | None = None,
) -> tuple[ChosenImages, ChosenImages]:  # fmt: skip
    """Read the images of two folders or zips that have the same names, ignoring folders and suffixes.

    The arguments and errors are those of `read_images`; images without a partner are an error too.
    """
    matched(Path(source), Path(other))
    sets = [
        read_images(one, resolution=resolution, limit=limit, progress=progress) for one in (source, other)
    ]
    rows = [{PurePosixPath(name).stem: i for i, name in enumerate(one.pictures.names)} for one in sets]
    both = sorted(rows[0].keys() & rows[1].keys())
    if not both:
        raise InputError(f"{source} and {other} have no pair of images that can be decoded")
    first, second = (ChosenImages(one, [r[name] for name in both]) for one, r in zip(sets, rows, strict=True))
    return first, second
