"""Options of the recipes from images to images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganedit.errors import UsageError
from ganedit.train.options.base import (
    DuelOptions,
    ModelOptions,
    need_at_least,
    need_multiple,
    option,
)
from ganedit.train.options.pretrained import PretrainedOptions, need_room_for_features


@dataclass(frozen=True)
class PictureOptions(ModelOptions):
    """Options of recipes that learn from crops of images."""

    mirror: bool = option(True, "Flip half of the crops left to right.")


@dataclass(frozen=True)
class SRGANOptions(PictureOptions, PretrainedOptions):
    """Train an upscaler: SRResNet on pixels alone, or with --adversarial as SRGAN."""

    data: tuple[str, ...] = option((), "Folders or zips of sharp images; one named twice counts twice.")
    batch: int = option(16, "Crops per optimiser step, over all devices.")
    scale: int = option(4, "Upscaling factor: 2, 4 or 8.")
    size: int = option(96, "Side of the large crops in pixels, a multiple of --scale.")
    width: int = option(64, "Channels.")
    blocks: int = option(16, "Residual blocks.")
    norm: Literal["batch", "none"] = option("batch", "Normalisation; none as in EDSR.")
    residual: bool = option(False, "Learn only the difference from a bicubic enlargement: fewer steps.")
    lr: float = option(5e-4, "Learning rate at the start; falls to 0 along half a cosine.")
    adversarial: bool = option(False, "Add a discriminator and its feature-matching loss.")
    gan_weight: float = option(1e-3, "Weight of the adversarial loss.")
    feature_weight: float = option(0.1, "Weight of the feature-matching loss.")
    pixel_weight: float = option(1.0, "Weight of the L1 loss.")
    perceptual_weight: float = option(0.1, "Weight of the perceptual loss.")
    feature_gan_weight: float = option(1e-3, "Weight of the feature discriminators in the generator's loss.")
    start: str = option("", "Upscaler to start from: a name, a folder or a file.")
    test: str = option("", "Folders of *_HR.png and *_LR.png to measure on, separated by commas.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale not in (2, 4, 8):
            raise UsageError(f"`scale={self.scale}` must be 2, 4 or 8")
        need_multiple(self, "size", self.scale, least=8 * self.scale)
        need_at_least(self, 1, "width", "blocks")
        need_room_for_features(self, self.size)


@dataclass(frozen=True)
class TranslationOptions(PictureOptions, DuelOptions, PretrainedOptions):
    """Options of recipes that translate images."""

    size: int = option(256, "Side of the training crops in pixels.")
    load_size: int = option(0, "Resize images to this side before cropping; 0: 286/256 of --size.")
    keep_size: bool = option(False, "Crop images at their own size.")
    template: Literal["", "ffhq", "close-up"] = option("", "Alignment of the images, if they are faces.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.load_size < self.size:
            raise UsageError(f"`load_size={self.load_size}` must be at least `size={self.size}`")
        need_multiple(self, "size", 4, least=16)
        need_room_for_features(self, self.size)

    @property
    def squeeze(self) -> int:
        """Side to which images are resized; 0 keeps their own size."""
        return 0 if self.keep_size else self.load_size or round(self.size * 286 / 256)


@dataclass(frozen=True)
class InpaintOptions(TranslationOptions):
    """Train a context encoder, which fills holes in images from their surroundings."""

    kimg: float = option(300.0, "Length of training, in thousands of images.")
    batch: int = option(32, "Images per optimiser step, over all devices.")
    size: int = option(128, "Side of the images in pixels, a multiple of 16.")
    holes: Literal["both", "center", "random"] = option(
        "both", "center: the middle quarter of the area; random: one to four rectangles; both: half and half."
    )
    reconstruction: float = option(0.999, "Weight of the squared error in the hole.")
    gan_weight: float = option(0.001, "Weight of the adversarial loss; 0 trains on pixels alone.")
    perceptual_weight: float = option(0.1, "Weight of the perceptual loss.")
    feature_gan_weight: float = option(1e-3, "Weight of the feature discriminators in the generator's loss.")
    norm: Literal["batch", "instance"] = option("batch", "Normalisation.")
    skips: bool = option(False, "Let the decoder see the encoder's features of each size.")
    test: str = option("", "Folder or zip to measure on: its first 200 images, with the middle cut out.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_room_for_patches(self, PATCHES[70])
        need_multiple(self, "size", 16, least=16)


def need_room_for_patches(options: TranslationOptions, halvings: int) -> None:
    """Raise UsageError for crops too small for a PatchGAN with this many convolutions of stride 2."""
    least = 4 * 2**halvings
    if options.size < least:
        raise UsageError(f"`size={options.size}` must be at least {least} for this discriminator")


PATCHES = {1: 0, 16: 1, 70: 3, 286: 5}
"""Convolutions of stride 2 in a PatchGAN, by the side of its patches in pixels."""
