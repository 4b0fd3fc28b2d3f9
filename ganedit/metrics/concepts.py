"""Locates concepts in pictures of a generator, for `latent.units.dissection`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganedit.errors import InputError
from ganedit.images.io import list_images
from ganedit.images.labels import read_label_map, read_palette
from ganedit.images.pixels import resize
from ganedit.images.regions import REGIONS, draw_regions
from ganedit.metrics.pose import crop_landmarks

if TYPE_CHECKING:
    from ganedit.images.align import Template

LANDMARKS_AT = 128  # side to which smaller crops are enlarged to find landmarks
NAMED = re.compile(r"seed0*(\d+)\b.*")
PALETTE = "palette.txt"
MOST_LABELS = 256


class FaceRegions:
    """Background, skin, brows, eyes, nose and lips of aligned faces, by their 68 landmarks.

    Called with pictures [N, R, R, 3] uint8 (and their seeds, which it does not need), it returns masks
    [N, R, R] by region. No detector is used: `template` tells where the faces are in the pictures.
    """

    def __init__(self, template: Template) -> None:
        self.template = template

    def __call__(self, pictures: np.ndarray, seeds: Sequence[int] = ()) -> dict[str, np.ndarray]:
        size = pictures.shape[1]
        side = max(size, LANDMARKS_AT)
        points = crop_landmarks(np.stack([resize(one, side) for one in pictures]), self.template)
        points = (points + 0.5) * (size / side) - 0.5
        maps = np.stack([draw_regions([face], (size, size)) for face in points])
        return {name: maps == number for number, name in enumerate(REGIONS)}


class LabelFolder:
    """Label maps of a generator's pictures, made by any other program: `seed0007.png` and so on.

    They are pictures with indices or grey levels, or with colours if the folder holds a `palette.txt` with
    lines `R G B name`, which also names the labels.
    """

    def __init__(self, folder: str | Path) -> None:
        """
        Raises:
            InputError: there is no such folder, no map in it, two maps of one seed, or a map that cannot be
                read.
        """
        self.folder = Path(folder)
        palette = self.folder / PALETTE
        self.palette = read_palette(palette) if palette.is_file() else None
        self.paths: dict[int, Path] = {}
        for path in list_images(self.folder):
            match = NAMED.fullmatch(path.stem)
            if not match:
                continue
            seed = int(match[1])
            if seed in self.paths:
                raise InputError(
                    f"{self.folder} holds {self.paths[seed].name} and {path.name}, both of one seed",
                    "keep the label maps in a folder of their own",
                )
            self.paths[seed] = path
        if not self.paths:
            raise InputError(
                f"{self.folder} holds no label maps by seed", "name them as the images: seed0007.png"
            )
        self.names = self._names()

    def _names(self) -> dict[int, str]:
        """Names of all labels that occur."""
        labels = sorted({int(v) for path in self.paths.values() for v in np.unique(self._read(path))})
        if len(labels) > MOST_LABELS:
            raise InputError(
                f"the maps in {self.folder} hold {len(labels)} labels",
                f"{MOST_LABELS} at most: are they photos?",
            )
        known = self.palette.names if self.palette else ()
        return {label: known[label] if label < len(known) else f"label {label}" for label in labels}

    def _read(self, path: Path) -> np.ndarray:
        return read_label_map(path, otherwise=self.palette).labels

    def run_from(self, seed: int) -> int:
        """Number of maps for consecutive seeds from this one on.

        Raises:
            InputError: there are none.
        """
        count = 0
        while seed + count in self.paths:
            count += 1
        if not count:
            raise InputError(
                f"{self.folder} holds no label map of seed {seed}",
                f"`seed={min(self.paths)}` starts with the first that is there",
            )
        return count

    def __call__(self, pictures: np.ndarray, seeds: Sequence[int]) -> dict[str, np.ndarray]:
        """Masks [N, H, W] by label, for these seeds.

        Raises:
            InputError: a map is missing, or the maps differ in size.
        """
        missing = [seed for seed in seeds if seed not in self.paths]
        if missing:
            raise InputError(
                f"{self.folder} holds no label map of seed {missing[0]}", "choose fewer `samples`"
            )
        maps = [self._read(self.paths[seed]) for seed in seeds]
        if len({one.shape for one in maps}) > 1:
            raise InputError(f"the label maps in {self.folder} differ in size", "make them all of one size")
        labels = np.stack(maps)
        return {name: labels == label for label, name in self.names.items()}
