"""Images blended with photos: MNIST-M (Ganin et al., arXiv:1505.07818)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ganedit.data.images import ImageSet
from ganedit.data.pictures import load_pictures


def blend(data: ImageSet, photos: Path, *, seed: int = 0) -> ImageSet:
    """The absolute difference of each image and a random crop of a photo.

    Args:
        data: Images, uint8 [N, 3, R, R].
        photos: Folder or zip of photos larger than R.
        seed: Seed of the crops; each image keeps its own.

    Raises:
        InputError: As in `load_pictures`.
    """
    side = data.images.shape[2]
    pictures = load_pictures([photos], size=side)
    rng = np.random.default_rng(seed)
    blended = torch.empty_like(data.images)
    for image, out in zip(data.images, blended, strict=True):
        photo = pictures[int(rng.integers(len(pictures)))][0]
        y, x = (int(rng.integers(edge - side + 1)) for edge in photo.shape[:2])
        crop = torch.from_numpy(photo[y : y + side, x : x + side].copy()).permute(2, 0, 1)
        out.copy_((image.int() - crop.int()).abs())
    return replace(data, images=blended)
