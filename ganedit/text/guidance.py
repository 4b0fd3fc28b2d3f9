"""Losses that measure how far pictures are from a text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.errors import UsageError
from ganedit.store.models import Clip

Loss = Literal["similarity", "direction"]
CROP_SHARES = (0.7, 1.0)  # smallest and largest side of a random crop, relative to the picture's
Distance = Callable[[Tensor], Tensor]  # images [N, 3, H, W] to [N]


@dataclass(frozen=True)
class Wish:
    """What images should show.

    Attributes:
        text: The wish in words, such as "a smiling face".
        neutral: What the images show before, as far as it matters; None for no such text.
        loss: "similarity" compares images with the text; "direction" (StyleGAN-NADA, Gal et al.,
            arXiv:2108.00946) compares the change of the images with the difference between `text` and
            `neutral`.
        crops: Number of random crops of each image that CLIP sees, which prevents changes that only CLIP
            sees; 0 shows it the whole image once.

    Raises:
        UsageError: An unknown loss, "direction" without a neutral text, or a negative number of crops.

    Examples:
        >>> ganedit.Wish("a smiling face", neutral="a serious face", loss="direction").crops
        4
    """

    text: str
    neutral: str | None = None
    loss: Loss = "similarity"
    crops: int = 4

    def __post_init__(self) -> None:
        if self.loss not in get_args(Loss):
            raise UsageError(f"there is no loss {self.loss}", f"choose {' or '.join(get_args(Loss))}")
        if self.loss == "direction" and self.neutral is None:
            raise UsageError("`loss=direction` needs `neutral`, a text to start from", 'such as "a face"')
        if self.crops < 0:
            raise UsageError(f"`crops={self.crops}` must be at least 0", "0: the whole image")


def distance_to_wish(clip: Clip, wish: Wish, before: Tensor) -> Distance:
    """Make a function from images [N, 3, H, W] in [-1, 1] to their distance [N] from a wish, 0 to 2.

    Args:
        clip: The model whose features are compared.
        wish: Without the directional loss, a neutral text repels as much as the text attracts.
        before: Images [N, 3, H, W] before the change.
    """
    if wish.loss == "similarity":
        target = F.normalize(text_features(clip, wish), dim=0)
        return lambda images: 1 - _features(clip, images, wish.crops) @ target
    target = F.normalize(text_change(clip, wish.text, wish.neutral or ""), dim=0)
    with torch.no_grad():
        start = clip.images(before)
    return lambda images: (
        1 - F.cosine_similarity(_features(clip, images, wish.crops) - start, target[None], dim=1)
    )


def text_features(clip: Clip, wish: Wish) -> Tensor:
    """[E]: features of the text, minus those of the neutral text if there is one."""
    if wish.neutral is None:
        return clip.texts([wish.text])[0]
    return text_change(clip, wish.text, wish.neutral)


def text_change(clip: Clip, text: str, neutral: str) -> Tensor:
    """[E]: difference between the features of two texts.

    Raises:
        UsageError: they are the same to this model.
    """
    after, before = clip.texts([text, neutral]).unbind()
    if float((after - before).norm()) < 1e-4:
        raise UsageError(
            f"{text!r} and {neutral!r} are the same to {clip.name}",
            "name texts that differ in words it knows",
        )
    return after - before


def _features(clip: Clip, images: Tensor, crops: int) -> Tensor:
    """[N, E], of length 1: of whole images, or the mean over random crops of each."""
    if not crops:
        return clip.images(images)
    each = clip.images(torch.cat([_random_crop(images) for _ in range(crops)]))
    return F.normalize(each.view(crops, len(images), -1).mean(dim=0), dim=1)


def _random_crop(images: Tensor) -> Tensor:
    """The same random square of all images, mirrored with probability 1/2."""
    side = images.shape[-1]
    low, high = CROP_SHARES
    size = round(side * (low + (high - low) * float(torch.rand(()))))
    top, left = (int(torch.randint(side - size + 1, ())) for _ in range(2))
    crop = images[:, :, top : top + size, left : left + size]
    if float(torch.rand(())) < 0.5:
        crop = crop.flip(3)
    return F.interpolate(crop, (side, side), mode="bilinear", antialias=True)
