"""Options of the recipes whose networks grow. Light to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganedit.errors import UsageError
from ganedit.train.options.base import (
    ModelOptions,
    need_at_least,
    need_fraction,
    need_power_of_two,
    option,
)
from ganedit.train.options.measuring import MeasuredOptions


@dataclass(frozen=True)
class GrowingOptions(MeasuredOptions, ModelOptions):
    """Options of recipes whose networks begin with small images."""

    resolution: int = option(64, "Side of the images in pixels at the end, a power of two.")
    fit: Literal["crop", "resize"] = option("crop", "How images that are not square are fitted.")
    first_size: int = option(4, "Side at the beginning, a power of two; --resolution: nothing grows.")
    phase_kimg: float = option(
        0.0,
        "Thousands of images to fade in a size, and again to stay; 0: growing takes half of --kimg.",
    )
    channel_base: int = option(8192, "Channels at S pixels are this divided by S, ...")
    channel_max: int = option(256, "... but at most this.")
    z_dim: int = option(256, "Dimensions of the latent z.")
    lr: float = option(0.001, "Learning rate.")
    ema_kimg: float = option(10.0, "Half-life of the averaged generator, in thousands of images; 0: none.")
    mirror: bool = option(True, "Flip half of the images left to right.")
    template: Literal["", "ffhq", "close-up"] = option("", "Alignment of the images, if they are faces.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_power_of_two(self, "resolution", least=8)
        need_power_of_two(self, "first_size", least=4)
        need_at_least(self, 1, "channel_base", "channel_max", "z_dim")
        if self.first_size > self.resolution:
            raise UsageError(
                f"`first_size={self.first_size}` is larger than `resolution={self.resolution}`",
                "choose the same for networks that do not grow",
            )


@dataclass(frozen=True)
class ProGANOptions(GrowingOptions):
    """Train a ProGAN: both networks grow from small images to large ones, with WGAN-GP."""

    penalty: float = option(10.0, "Weight of the gradient penalty.")
    drift: float = option(0.001, "Weight of the squared logits of real images, which keeps them near 0.")


@dataclass(frozen=True)
class StyleGAN1Options(GrowingOptions):
    """Train the first StyleGAN: a generator with styles that grows from small images to large ones."""

    first_size: int = option(8, "Side at the beginning, a power of two; --resolution: nothing grows.")
    w_dim: int = option(256, "Dimensions of the style codes w.")
    mapping_layers: int = option(8, "Layers of the mapping network.")
    style_mixing: float = option(0.9, "Probability of style mixing.")
    r1_gamma: float = option(10.0, "Weight of the R1 penalty.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_at_least(self, 1, "w_dim", "mapping_layers")
        need_fraction(self, "style_mixing")
