"""What files show: images themselves, latents drawn, directions on samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganedit.errors import InputError
from ganedit.files import DIRECTION_SUFFIX, IMAGE_SUFFIXES, LATENT_SUFFIX
from ganedit.images.io import read_image
from ganedit.images.pixels import over_white
from ganedit.images.sheet import enlarged, sheet
from ganedit.latent.directions.direction import Direction
from ganedit.latent.editing import draw, edit
from ganedit.latent.latent import Latent
from ganedit.latent.sampling import random_codes

if TYPE_CHECKING:
    from ganedit.store.models import Generator

COLUMNS = 7
SHOWN_PSI = 0.7
LEAST = 96  # side of a picture on the sheet


def picture_of(path: Path, open_generator: Callable[[str], Generator]) -> np.ndarray:
    """What a file shows: an image itself, the image of a latent, or a direction on two samples.

    Args:
        path: An image, a latent or a direction.
        open_generator: Gives the generator that a latent or a direction names.

    Returns:
        [H, W, 3] uint8 or uint16; transparent images are shown on white.

    Raises:
        InputError: Another kind of file, or a direction that names no model.
    """
    if path.suffix.lower() in IMAGE_SUFFIXES:
        photo = read_image(path)
        return over_white(photo.pixels, photo.alpha)
    if path.name.endswith(LATENT_SUFFIX):
        latent = Latent.load(path)
        return latent.draw(open_generator(latent.model))
    if path.name.endswith(DIRECTION_SUFFIX):
        direction = Direction.load(path)
        if not direction.model:
            raise InputError(f"{path} does not say for which model it is", "ganedit direction show --model")
        generator = open_generator(direction.model)
        return directions_sheet(generator, [direction.for_model(generator)])
    raise InputError(f"{path} shows no image", "ganedit info says what it contains")


def directions_sheet(
    generator: Generator,
    directions: Sequence[Direction],
    *,
    samples: int = 2,
    reach: float = 3.0,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """A sheet [H, W, 3] uint8 with a row for each direction and sample, from -reach to +reach."""
    magnitudes = np.linspace(-reach, reach, COLUMNS).tolist()
    codes = random_codes(generator, samples, psi=SHOWN_PSI)[:, None].expand(-1, generator.num_ws, -1)
    pictures: list[np.ndarray] = []
    labels: list[str] = []
    for one in directions:
        for code in codes:
            latent = Latent(code.cpu(), **generator.identity)
            moved = [edit(latent, [(one, m, None)]) for m in magnitudes]
            pictures += [enlarged(picture, LEAST) for picture in draw(generator, moved)]
            labels.append("" if len(labels) % samples else one.name)
            if progress:
                progress(len(labels), len(directions) * samples)
    return sheet(
        pictures,
        columns=COLUMNS,
        row_labels=labels,
        column_labels=[f"{m:+.2g}" if m else "0" for m in magnitudes],
    )
