"""Runs super-resolution networks on photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from ganedit.errors import InputError, UsageError
from ganedit.images.bands import collect, in_bands
from ganedit.images.io import Photo, as_photo
from ganedit.images.pixels import levelled
from ganedit.images.sizes import fitted, resized, resized_like, sized
from ganedit.images.tensors import to_unit
from ganedit.images.tiles import Progress, check_tile
from ganedit.limits import MAX_PIXELS
from ganedit.store.models import Upscaler
from ganedit.store.uses import need

MAX_SCALE = 16


def upscale(
    photo: Photo | str | Path,
    model: Upscaler,
    *,
    scale: float | None = None,
    size: int | None = None,
    tile: int | None = None,
    progress: Progress | None = None,
) -> Photo:
    """Enlarge a photo with a super-resolution model.

    Alpha, and colours that sRGB cannot hold, are enlarged by a Lanczos filter; greyscale photos stay
    greyscale, and bit depth and colour profile are kept.

    Args:
        photo: A photo of any size, or its path.
        model: The upscaler.
        scale: How many times as wide and high the result is; None takes the model's own scale. The result of
            the network is resized to it by an antialiasing Lanczos filter.
        size: First resize the shorter side to this many pixels; None leaves the photo as it is.
        tile: Side of the tiles, in pixels of the photo; 0 takes the photo whole, None what memory allows.
        progress: Called with (tiles done, tiles in all).

    Returns:
        The enlarged photo.

    Raises:
        UsageError: `scale` is not above 0 and up to 16.
        InputError: The result would have more pixels than ganedit reads, or none.
        CheckpointError: The model is not an upscaler.

    Examples:
        >>> (sample,) = ganedit.generate(ganedit.load("faces"), [7])
        >>> large = ganedit.upscale(ganedit.Photo(sample.pixels), ganedit.load("upscale-x4"))
        >>> large.pixels.shape[0] // sample.pixels.shape[0]
        4
    """
    need(model, "upscale")
    check_scale(scale)
    check_tile(tile)
    photo = as_photo(photo)
    photo = photo if size is None else resized(photo, fitted(photo.pixels.shape, size))
    height, width = (side * model.scale for side in photo.pixels.shape[:2])
    wanted = scaled_size(photo, model.scale if scale is None else scale)
    for shape in ((height, width), wanted):
        check_pixels(photo, shape)

    def cut(rows: slice, columns: slice) -> Tensor:
        return to_unit(photo.pixels[rows, columns])

    bands = in_bands(model, model, cut, photo.pixels.shape[:2], tile, progress, model.scale)
    (pixels,) = collect(bands, (height, width), [photo.pixels.dtype], (0.0, 1.0))
    return resized_like(photo, sized(levelled(pixels) if photo.grey else pixels, wanted))


def enhance_crop(
    crop: np.ndarray, affine: np.ndarray, model: Upscaler, *, progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Enlarge an aligned crop with a super-resolution model, unless its photo is no finer than the crop.

    Pasted into the photo, it looks sharp where the crop itself would look soft.

    Args:
        crop: [S, S, 3] uint8.
        affine: [2, 3], from positions in the crop to positions in the photo, as in `Latent.affine`.
        model: The upscaler.
        progress: Called with (tiles done, tiles in all).

    Returns:
        The crop and its affine for `paste`: enlarged, or as they are if the photo is no finer.

    Raises:
        CheckpointError: The model is not an upscaler.

    Examples:
        >>> import numpy as np
        >>> (sample,) = ganedit.generate(ganedit.load("faces"), [7])
        >>> affine = np.array([[8.0, 0, 100], [0, 8, 60]])  # a pixel of the crop is 8 of the photo
        >>> crop, affine = ganedit.enhance_crop(sample.pixels, affine, ganedit.load("upscale-x4"))
        >>> len(crop) // len(sample.pixels), float(affine[0, 0])
        (4, 2.0)
    """
    need(model, "upscale")
    if np.hypot(*affine[:, 0]) <= 1:
        return crop, affine
    enlarged = upscale(Photo(crop), model, progress=progress).pixels
    share = len(crop) / len(enlarged)
    return enlarged, np.concatenate([affine[:, :2] * share, affine[:, 2:]], axis=1)


def check_scale(scale: float | None) -> None:
    """Refuse a scale that is not above 0 and up to `MAX_SCALE`.

    Raises:
        UsageError: It is not.
    """
    if scale is not None and not 0 < scale <= MAX_SCALE:
        raise UsageError(f"`scale={scale}` must be above 0, and at most {MAX_SCALE}", "such as 2, or 1.5")


def check_pixels(photo: Photo, size: tuple[int, int]) -> None:
    """Refuse to enlarge a photo to a height and width beyond what ganedit reads.

    Raises:
        InputError: It would have too many pixels.
    """
    if size[0] * size[1] > MAX_PIXELS:
        raise InputError(
            f"{photo.path or 'the photo'} would become {size[1]}x{size[0]} pixels; "
            f"the limit is {MAX_PIXELS // 10**6} megapixels",
            "cut it, or reduce it first with `size`",
        )


def scaled_size(photo: Photo, scale: float) -> tuple[int, int]:
    """Height and width of a photo that is enlarged, or reduced, by `scale`; at least one pixel each."""
    height, width = (max(round(side * scale), 1) for side in photo.pixels.shape[:2])
    return height, width
