"""Photos through classifiers, which look at faces aligned as they know them, or at the whole image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ganedit.images.align import align_faces, template_of
from ganedit.images.io import Photo, as_photo
from ganedit.images.tensors import to_tensor

if TYPE_CHECKING:
    from pathlib import Path

    from ganedit.store.models import Classifier

FACE = 128  # side in pixels at which faces are cut out


def classify(
    photo: Photo | np.ndarray | str | Path,
    classifier: Classifier,
    *,
    face: str | int = "largest",
    aligned: bool = False,
) -> list[tuple[int, dict[str, float]]]:
    """Measure what a classifier sees in a photo.

    Args:
        photo: A photo, its path, or pixels [H, W, 3], uint8 or uint16.
        classifier: The classifier. If its card names a template, it looks at faces aligned so.
        face: "largest", "all", or N for the N-th largest; for classifiers of faces.
        aligned: The photo is such a crop already.

    Returns:
        For each face its number, from 1, and its values by attribute or class: probabilities from 0 to 1, or
        numbers in their units. One entry with the number 0 if the whole image was looked at.

    Raises:
        InputError: There is no face, or no such face.
        CheckpointError: The card names an unknown template.

    Examples:
        >>> ((number, found),) = ganedit.classify("examples/portrait.png", ganedit.load("face-attributes"))
        >>> found["smile"] > 0.9
        True
    """
    photo = as_photo(photo)
    template = template_of(classifier.card)
    crops = [(0, photo.pixels)]
    if template and not aligned:
        faces = align_faces(photo, size=FACE, template=template, face=face)
        crops = [(number, one.crop) for number, one in faces]
    each = []
    for number, pixels in crops:
        found = classifier.measure(to_tensor(pixels))
        each.append((number, {name: float(value[0]) for name, value in found.items()}))
    return each
