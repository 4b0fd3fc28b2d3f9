"""Options of the recipes that make pictures out of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganedit.errors import UsageError
from ganedit.train.options.base import (
    DuelOptions,
    ModelOptions,
    option,
    refuse_zeros,
)


@dataclass(frozen=True)
class PictureOptions(ModelOptions):
    """What recipes that make pictures out of pictures have in common."""

    mirror: bool = option(True, "Flip half of the crops left to right.")


@dataclass(frozen=True)
class SRGANOptions(PictureOptions):
    """Super-resolution: SRResNet by pixels alone, or with --adversarial as SRGAN."""

    data: tuple[str, ...] = option((), "Folders or zips of sharp pictures; one named twice counts twice.")
    batch: int = option(16, "Crops per optimiser step, over all devices.")
    scale: int = option(4, "How many times as wide and high: 2, 4 or 8.")
    size: int = option(96, "Side of the large crops, a multiple of --scale.")
    width: int = option(64, "Channels.")
    blocks: int = option(16, "Residual blocks.")
    norm: Literal["batch", "none"] = option("batch", "Normalisation; none as in EDSR.")
    residual: bool = option(False, "Draw only what a bicubic enlargement lacks: learned in fewer steps.")
    lr: float = option(5e-4, "At the start; it falls to 0 along half a cosine.")
    adversarial: bool = option(False, "Add a discriminator and the comparison of its features.")
    gan_weight: float = option(1e-3, "Of the adversarial loss.")
    feature_weight: float = option(0.1, "Of the distance of the discriminator's features.")
    pixel_weight: float = option(1.0, "Of the mean absolute difference of pixels.")
    start: str = option("", "Upscaler to start from: a name, a folder or a file.")
    test: str = option("", "Folders of *_HR.png and *_LR.png to measure on, separated by commas.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale not in (2, 4, 8):
            raise UsageError(f"--scale {self.scale} is not among 2, 4 and 8", "choose one of them")
        if self.size < 8 * self.scale or self.size % self.scale:
            raise UsageError(
                f"--size {self.size} does not suit --scale {self.scale}",
                f"choose a multiple of {self.scale} from {8 * self.scale} up",
            )
        refuse_zeros(self, "width", "blocks")


@dataclass(frozen=True)
class TranslationOptions(PictureOptions, DuelOptions):
    """What recipes that translate pictures have in common."""

    size: int = option(256, "Side of the crops that are trained on.")
    load_size: int = option(0, "Squeeze pictures to this side before they are cropped; 0: 286/256 of --size.")
    keep_size: bool = option(False, "Crop pictures at the size that they have.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.load_size < self.size:
            raise UsageError(f"--load-size {self.load_size} is below --size {self.size}", "swap them")
        if self.size < 16 or self.size % 4:
            raise UsageError(f"--size {self.size} is no multiple of 4 from 16 up", "such as 128 or 256")

    @property
    def squeeze(self) -> int:
        """Side that pictures are brought to; 0 leaves them."""
        return 0 if self.keep_size else self.load_size or round(self.size * 286 / 256)


@dataclass(frozen=True)
class InpaintOptions(TranslationOptions):
    """Holes filled from their surroundings: a context encoder."""

    kimg: float = option(300.0, "Length of training, in thousands of images.")
    batch: int = option(32, "Images per optimiser step, over all devices.")
    size: int = option(128, "Side of the pictures, a multiple of 16.")
    holes: Literal["both", "center", "random"] = option(
        "both", "The middle quarter of the area, one to four rectangles anywhere, or now this, now that."
    )
    reconstruction: float = option(0.999, "Weight of the squared error in the hole.")
    gan_weight: float = option(0.001, "Of the adversarial loss; 0 trains by pixels alone.")
    norm: Literal["batch", "instance"] = option("batch", "Normalisation.")
    template: Literal["", "ffhq", "close-up"] = option("", "Alignment of the images, if they are faces.")
    test: str = option("", "Folder or zip to measure on: its first 200 pictures, the middle cut out.")

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_small(self, PATCHES[70])
        if self.size % 16:
            raise UsageError(f"--size {self.size} is no multiple of 16", "such as 64 or 128")


def refuse_small(options: TranslationOptions, halvings: int) -> None:
    """Crops of which a PatchGAN with so many convolutions of stride 2 leaves nothing to judge."""
    least = 4 * 2**halvings
    if options.size < least:
        raise UsageError(
            f"--size {options.size} is too small for this discriminator", f"choose {least} or more"
        )


PATCHES = {1: 0, 16: 1, 70: 3, 286: 5}
"""Convolutions of stride 2 by the side of the patch that a PatchGAN judges."""
