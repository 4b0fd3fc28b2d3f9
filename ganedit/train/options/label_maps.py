"""Options of the recipes from label maps to images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganedit.errors import UsageError
from ganedit.train.options.base import (
    UP_HELP,
    need_at_least,
    need_multiple,
    option,
)
from ganedit.train.options.pictures import TranslationOptions


@dataclass(frozen=True)
class LabelMapOptions(TranslationOptions):
    """Options of recipes from label maps to images."""

    data: tuple[str, ...] = option(
        (), "Two folders or zips with files of the same names: label maps, then their photos."
    )
    labels: str = option("", "Names of the labels in the order of their numbers, as sky,grass; or how many.")
    palette: str = option("", "File with a line R G B NAME per label, for label maps in colours.")
    edges: bool = option(False, "Give the network the outlines of the regions as well.")
    perceptual_weight: float = option(10.0, "Weight of the perceptual loss.")
    instances: str = option("", "Folder or zip of instance maps, from which the outlines are taken.")
    dont_care: int = option(0, "Number in the maps that means no label, such as 255; 0: none.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dont_care > 255:
            raise UsageError(f"`dont_care={self.dont_care}` must be at most 255", "label maps hold 8 bits")
        if not self.labels and not self.palette:
            raise UsageError("`labels` is missing", "such as background,skin,hair, or how many: 3")


@dataclass(frozen=True)
class Pix2pixHDOptions(LabelMapOptions):
    """Train pix2pixHD: images from label maps, coarse to fine."""

    kimg: float = option(600.0, "Length of training, in thousands of images.")
    batch: int = option(1, "Label maps per optimiser step, over all devices.")
    labels: str = option("", "Names or number of the labels, as sky,grass; 0: pairs of images.")
    edges: bool = option(True, "Give the network the outlines of the regions as well.")
    width: int = option(64, "Channels of the global generator's first layer.")
    downs: int = option(4, "Halvings in the global generator.")
    blocks: int = option(9, "Residual blocks of the global generator.")
    local: int = option(0, "Local enhancers, each of twice the size; 0 trains the global generator alone.")
    local_blocks: int = option(3, "Residual blocks of an enhancer.")
    up: Literal["transposed", "resize"] = option("transposed", UP_HELP)
    start: str = option("", "Generator to start from, with at most as many enhancers: name, folder or file.")
    fix_global: float = option(0.0, "Fraction of the run in which only the last enhancer learns.")
    scales: int = option(3, "Scales of the discriminator, each half of the one before.")
    feature_weight: float = option(40.0, "Weight of the feature-matching loss: 10 per layer.")
    vgg: float = option(0.0, "Weight of LPIPS (VGG features; the weights are downloaded).")

    @property
    def from_pictures(self) -> bool:
        """Whether the input is images rather than label maps."""
        return self.labels.strip() == "0"

    def __post_init__(self) -> None:
        super().__post_init__()
        need_at_least(self, 1, "downs", "blocks", "local_blocks", "scales")
        multiple = 2 ** (self.downs + self.local)
        need_multiple(self, "size", multiple, least=2 * multiple)
        need_multiple(self, "width", 2**self.local, least=2**self.local)  # each enhancer halves it
        if self.fix_global > 1 or (self.fix_global and not (self.local and self.start)):
            raise UsageError(
                f"`fix_global={self.fix_global}` must be between 0 and 1, and needs `local` and `start`",
                "start from a global generator",
            )
        if self.from_pictures and (self.palette or self.instances or self.dont_care):
            raise UsageError("`labels=0` excludes `palette`, `instances` and `dont_care`", "leave them out")


@dataclass(frozen=True)
class SPADEOptions(LabelMapOptions):
    """Train SPADE: images from label maps by spatially adaptive normalisation."""

    kimg: float = option(400.0, "Length of training, in thousands of images.")
    batch: int = option(16, "Label maps per optimiser step, over all devices.")
    lr: float = option(2e-4, "Learning rate; the generator takes half of it, the discriminator twice.")
    hidden: int = option(128, "Hidden channels of each normalisation.")
    upsampling: Literal["normal", "more", "most"] = option("normal", "5, 6 or 7 doublings in the generator.")
    feature_weight: float = option(40.0, "Weight of the feature-matching loss.")
    l1: float = option(0.0, "Weight of the L1 loss.")
    encoder: bool = option(False, "Train a style encoder as well, so that one map gives many images.")
    encoder_norm: Literal["instance", "none"] = option(
        "instance", "Normalisation of the encoder; none keeps more of colours and light."
    )
    encoder_width: int = option(64, "Channels of the encoder's first layer.")
    style_dim: int = option(256, "Dimensions of the styles.")
    kl: float = option(0.05, "Weight of the styles' KL divergence from the prior.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_at_least(self, 1, "hidden", "encoder_width", "style_dim")
        least = {"normal": 32, "more": 64, "most": 128}[self.upsampling]
        need_multiple(self, "size", least, least=least)
