"""Trains StyleGAN3, in configuration T or R (Karras et al., arXiv:2106.12423)."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.nets.stylegan3 import Generator, paper_config
from ganedit.train.options.generators import StyleGAN3Options
from ganedit.train.sources import Note, OnLoad
from ganedit.train.style_recipe import StyleRecipe, start_style_recipe

MAGNITUDE_IMAGES = 20_000  # half-life of the running mean of the activations' squares
FIRST_SIGMA = 10.0  # of the blur, in pixels


class StyleGAN3(StyleRecipe[StyleGAN3Options]):
    """No noise and no path lengths. In configuration R, the discriminator first sees blurred images."""

    architecture = "stylegan3"
    noise = "none"

    def new_generator(self, widths: tuple[int, ...]) -> Generator:
        options = self.options
        twice = 1 + (options.variant == "r")
        cfg = paper_config(
            options.resolution,
            rotation=options.variant == "r",
            base=options.channel_base * twice,
            most=options.channel_max * twice,
            layers=options.layers,
            z_dim=options.z_dim,
            w_dim=options.w_dim,
            mapping_layers=options.mapping_layers,
            num_classes=self.data.num_classes,
        )
        tracked = options.batch // (options.devices * options.accumulate)  # images in each forward pass
        return Generator(replace(cfg, magnitude_decay=0.5 ** (tracked / MAGNITUDE_IMAGES)))

    def seen(self, images: Tensor) -> Tensor:
        if self.options.variant == "r":
            images = blurred(images, blur_sigma(self.images_seen, self.options.blur_kimg))
        return super().seen(images)


def blur_sigma(images: int, kimg: float) -> float:
    """Pixels of the blur after a number of images: it falls to 0 over `kimg` thousand images."""
    return FIRST_SIGMA * max(1 - images / (kimg * 1000), 0.0) if kimg else 0.0


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Images [N, C, H, W] under the bell 2^-(x/sigma)² of the published code, cut off at 3 sigma."""
    reach = math.floor(3 * sigma)
    if reach < 1:
        return images
    bell = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    bell = (bell / sigma).square().neg().exp2()
    bell = (bell / bell.sum()).expand(images.shape[1], 1, 1, -1)
    rows = F.conv2d(images, bell, padding=(0, reach), groups=images.shape[1])
    return F.conv2d(rows, bell.transpose(2, 3), padding=(reach, 0), groups=images.shape[1])


def start(
    options: StyleGAN3Options, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> StyleGAN3:
    """The recipe for these options, with their data and the model to start from."""
    return start_style_recipe(StyleGAN3, options, device, note, on_load)
