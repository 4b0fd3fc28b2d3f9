"""Options of the recipe that learns from a single image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ganedit.errors import UsageError
from ganedit.train.options.base import ModelOptions, need_at_least, need_fraction, option


@dataclass(frozen=True)
class SinGANOptions(ModelOptions):
    """Train SinGAN: a generator that learns the patches of a single photo, scale by scale."""

    items: ClassVar[str] = "iterations"
    data: tuple[str, ...] = option((), "Photo; or several of one size, or a folder of them.")
    kimg: float = option(12.0, "Thousands of iterations, shared equally by the scales; published: 2 each.")
    batch: int = option(1, "Images per iteration, over all devices.")
    size: int = option(250, "Longer side of the photo in pixels, to which larger ones are reduced.")
    smallest: int = option(25, "Shorter side at the coarsest scale, in pixels.")
    factor: float = option(0.75, "Size of a scale relative to the next, if --scales is not given.")
    scales: int = option(
        0, "Number of scales, spaced as in ConSinGAN, closer where they are coarse; 0: by --factor."
    )
    concurrent: int = option(1, "Scales that learn together, as in ConSinGAN, there 3; 1: one by one.")
    slower: float = option(0.1, "Learning rate of each coarser one of them, relative to the next.")
    crop: int = option(64, "Side of the windows that learn at finer scales, in pixels; 0: all of the image.")
    width: int = option(32, "Channels of the generators and critics.")
    layers: int = option(5, "Convolutions of each; a patch is twice as many pixels wide, and one more.")
    norm: Literal["none", "instance"] = option(
        "none", "instance: as published; none: as in ConSinGAN, alike at every size of the result."
    )
    border: Literal["zeros", "noise"] = option(
        "zeros", "Noise around the image; zeros let the layout follow the photo, noise lets it vary more."
    )
    lr: float = option(5e-4, "Learning rate; a tenth of it in the last fifth of each scale.")
    d_steps: int = option(3, "Steps of the critic per iteration.")
    g_steps: int = option(3, "Steps of the generator per iteration.")
    reconstruction: float = option(10.0, "Weight of drawing the photo again from its fixed noise.")
    penalty: float = option(0.1, "Weight of the gradient penalty.")
    noise: float = option(0.1, "Noise at the finer scales, relative to the error of what precedes them.")
    snapshot_kimg: float = option(2.0, "Thousands of iterations between checkpoints.")
    sample_kimg: float = option(1.0, "Thousands of iterations between sample sheets.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_at_least(self, 1, "concurrent", "width", "d_steps", "g_steps")
        need_at_least(self, 2, "layers")
        need_fraction(self, "factor", ends=False)
        need_fraction(self, "slower")
        if self.smallest <= 2 * self.layers:
            raise UsageError(
                f"`smallest={self.smallest}` leaves no room for patches of {2 * self.layers + 1} pixels",
                "choose a larger one, or fewer `layers`",
            )
        if self.crop and self.crop < self.smallest:
            raise UsageError(f"`crop={self.crop}` must be at least `smallest={self.smallest}`, or 0")
        if self.size < self.smallest:
            raise UsageError(f"`size={self.size}` must be at least `smallest={self.smallest}`")
