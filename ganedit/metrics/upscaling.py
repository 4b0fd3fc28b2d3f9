"""Compares upscalers with a bicubic filter, by the usual evaluation of super-resolution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ganedit.errors import InputError
from ganedit.images.io import Photo, read_image
from ganedit.images.similarity import WINDOW
from ganedit.images.tensors import to_tensor
from ganedit.images.upscaling import upscale
from ganedit.metrics.quality import luma_quality, psnr, ssim
from ganedit.store.models import Upscaler

LARGE, SMALL = "_HR.png", "_LR.png"


@dataclass(frozen=True)
class UpscaleQuality:
    """What `measure_upscaler` finds: means over the images, on the luma without its border.

    Attributes:
        psnr: PSNR in dB.
        ssim: SSIM, up to 1.
        bicubic_psnr: PSNR of a bicubic filter in dB.
        bicubic_ssim: SSIM of a bicubic filter.
        pictures: Number of images.
        border: Pixels left out on each side.
    """

    psnr: float
    ssim: float
    bicubic_psnr: float
    bicubic_ssim: float
    pictures: int
    border: int


def measure_upscaler(
    model: Upscaler,
    folder: Path,
    *,
    tile: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> UpscaleQuality:
    """Measure an upscaler on pairs of small and large images, as the literature on super-resolution does.

    PSNR and SSIM are taken on the luma (ITU-R BT.601, as MATLAB's rgb2ycbcr), without a border as wide as the
    scale.

    Args:
        model: The upscaler.
        folder: Folder of pairs `NAME_LR.png` and `NAME_HR.png`, such as Set5 or Set14 of
            jbhuang0604/SelfExSR.
        tile: Side of the tiles, as for `upscale`.
        progress: Called with (images done, images in all).

    Returns:
        Mean PSNR and SSIM, beside those of a bicubic filter.

    Raises:
        InputError: No pairs, an image without a partner, sizes that do not differ by the scale, or pictures
            smaller than a window of SSIM.

    Examples:
        >>> from pathlib import Path
        >>> large = ganedit.read_image("examples/portrait.png").pixels[::4, ::4]
        >>> for name, pixels in (("a_HR.png", large), ("a_LR.png", large[::4, ::4])):
        ...     path = ganedit.write_image(f"pairs/{name}", pixels)
        >>> found = ganedit.measure_upscaler(ganedit.load("upscale-x4"), Path("pairs"))
        >>> found.pictures, found.border
        (1, 4)
    """
    pairs = find_pairs(folder)
    scores = np.empty((len(pairs), 4))
    for i, (large, small) in enumerate(pairs):
        wanted, given = read_image(large), read_image(small)
        height, width = given.pixels.shape[:2]
        if wanted.pixels.shape[:2] != (height * model.scale, width * model.scale):
            raise InputError(
                f"{large} is not {model.scale} times the size of {small.name}",
                "measure on pairs of the model's own scale",
            )
        if min(wanted.pixels.shape[:2]) < WINDOW + 2 * model.scale:
            raise InputError(
                f"{large} is too small to be measured",
                f"its sides must be at least {WINDOW + 2 * model.scale} pixels",
            )
        enlarged = upscale(given, model, tile=tile)
        scores[i] = (
            *_score(enlarged, wanted, model.scale),
            *_score(bicubic(given, model.scale), wanted, model.scale),
        )
        if progress:
            progress(i + 1, len(pairs))
    ratio, similarity, ratio_bicubic, similarity_bicubic = scores.mean(0).tolist()
    return UpscaleQuality(
        ratio, similarity, ratio_bicubic, similarity_bicubic, pictures=len(pairs), border=model.scale
    )


def find_pairs(folder: Path) -> list[tuple[Path, Path]]:
    """`NAME_HR.png` and `NAME_LR.png` in a folder, by name.

    Raises:
        InputError: There are none, or one has no partner.
    """
    large = sorted(Path(folder).glob(f"*{LARGE}"))
    if not large:
        raise InputError(f"{folder} holds no *{LARGE}", f"pairs are NAME{LARGE} and NAME{SMALL}")
    pairs = [(path, path.with_name(path.name.removesuffix(LARGE) + SMALL)) for path in large]
    alone = [path.name for path, partner in pairs if not partner.is_file()]
    if alone:
        raise InputError(
            f"{len(alone)} images in {folder} have no partner: {', '.join(alone[:5])}",
            f"pairs are NAME{LARGE} and NAME{SMALL}",
        )
    return pairs


def bicubic(photo: Photo, scale: int) -> Photo:
    """An 8-bit photo enlarged by Keys' cubic filter, like in MATLAB's imresize."""
    height, width = photo.pixels.shape[:2]
    image = Image.fromarray(photo.pixels).resize((width * scale, height * scale), Image.Resampling.BICUBIC)
    return Photo(np.asarray(image))


def _score(photo: Photo, wanted: Photo, border: int) -> tuple[float, float]:
    """PSNR and SSIM. Pictures with one channel, such as one in Set14, are their own luma."""
    images, references = (to_tensor(one.pixels) for one in (photo, wanted))
    if wanted.grey:
        inner = slice(border, -border or None)
        y, truth = (one[:, :1, inner, inner] for one in (images, references))
        return float(psnr(y, truth)), float(ssim(y, truth))
    ratio, similarity = luma_quality(images, references, border)
    return float(ratio), float(similarity)
