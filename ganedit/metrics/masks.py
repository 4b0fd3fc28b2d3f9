"""Masks of a region in generated images, for measuring what changes there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import CheckpointError, InputError
from ganedit.images.align import TEMPLATES
from ganedit.images.pixels import resize, to_depth
from ganedit.images.tensors import from_tensor
from ganedit.metrics.concepts import FaceRegions

if TYPE_CHECKING:
    from ganedit.images.io import Photo
    from ganedit.store.models import Generator

MaskOf = Callable[[Tensor], Tensor]  # images [N, 3, S, S] to masks [N, 1, S, S], 0 to 1
ALSO_CALLED = {"mouth": "lips"}  # the region within the outline of the lips, including teeth


def region_mask(name: str, generator: Generator) -> MaskOf:
    """Make a function that finds a region of the face, such as "mouth" or "eyes", by landmarks.

    Raises:
        CheckpointError: The generator does not draw aligned faces.
    """
    if generator.card.template not in TEMPLATES:
        raise CheckpointError(
            f"the model {generator.name} does not draw aligned faces, which have such regions",
            "use a `mask` instead",
        )
    regions = FaceRegions(TEMPLATES[generator.card.template])

    def mask_of(images: Tensor) -> Tensor:
        pictures = np.stack([from_tensor(image) for image in images])
        return torch.from_numpy(regions(pictures)[ALSO_CALLED.get(name, name)])[:, None].float()

    return mask_of


def painted_mask(photo: Photo, side: int) -> MaskOf:
    """Make a function that returns the white region of a photo, for all images of `side` pixels.

    Raises:
        InputError: The photo is entirely black or white.
    """
    grey = resize(to_depth(photo.pixels, np.uint8), (side, side)).mean(axis=2) / 255
    if not 0.001 < grey.mean() < 0.999:
        colour = "black" if grey.mean() < 0.5 else "white"
        raise InputError(f"{photo.path or 'the mask'} is entirely {colour}", "paint a region")
    mask = torch.from_numpy(grey).float()[None, None]
    return lambda images: mask.expand(len(images), -1, -1, -1)
