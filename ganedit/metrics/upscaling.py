"""Compares upscalers with a bicubic filter, by the usual evaluation of super-resolution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ganedit.errors import InputError
from ganedit.images.io import Photo, read_image
from ganedit.images.tensors import to_tensor
from ganedit.images.upscaling import upscale
from ganedit.metrics.quality import luma_quality, psnr, ssim
from ganedit.store.models import Upscaler

LARGE, SMALL = "_HR.png", "_LR.png"


@dataclass(frozen=True)
class UpscaleQuality:
    """Results of `measure_upscaler`: means over the pictures, on the luma without its border."""

    psnr: float  # dB
    ssim: float
    bicubic_psnr: float  # for a bicubic filter
    bicubic_ssim: float
    pictures: int
    border: int  # pixels left out on each side


def measure_upscaler(
    model: Upscaler,
    folder: Path,
    *,
    tile: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> UpscaleQuality:
    """PSNR and SSIM of enlarged `NAME_LR.png` to `NAME_HR.png`, with a border of as many pixels as the scale.

    Args:
        model: Is used as `ganedit upscale` uses it.
        folder: Of pairs, such as Set5 or Set14 as kept in jbhuang0604/SelfExSR.
        tile: As for `ganedit upscale`.
        progress: Called with (done, total) now and then.

    Raises:
        InputError: No pair, a picture without its partner, or sizes that do not stand in the model's scale.
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
            f"{len(alone)} pictures in {folder} have no partner: {', '.join(alone[:5])}",
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
