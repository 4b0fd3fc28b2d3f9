"""Trains StyleGAN2 with adaptive augmentation (Karras et al., arXiv:1912.04958 and arXiv:2006.06676).

A generator grows when it starts from a model of a smaller resolution, as in StyleGAN-XL (Sauer et al.,
arXiv:2202.00273).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ganedit.data.images import ImageSet
from ganedit.nets.stylegan2 import Discriminator, Generator, GeneratorConfig
from ganedit.train.losses import path_lengths
from ganedit.train.options.generators import StyleGAN2Options
from ganedit.train.run import Run
from ganedit.train.sources import Note, OnLoad
from ganedit.train.style_recipe import StyleRecipe, averaged, start_style_recipe

PATH_DECAY = 0.01
NEW_RGB_GAIN = 0.2  # of the new image layers when a generator grows
FEATURE_RGB_GAIN = 0.25  # of all image layers in a new generator that learns from features


class StyleGAN2(StyleRecipe[StyleGAN2Options]):
    """Adds path-length regularisation."""

    architecture = "stylegan2"
    noise = "random"

    def __init__(self, options: StyleGAN2Options, data: ImageSet, device: torch.device) -> None:
        super().__init__(options, data, device)
        self.path_mean = torch.zeros((), device=device)

    def new_generator(self, widths: tuple[int, ...]) -> Generator:
        options = self.options
        sizes = options.z_dim, options.w_dim, self.data.num_classes, options.mapping_layers
        return Generator(GeneratorConfig(options.resolution, widths, *sizes))

    @property
    def extra_g_step_every(self) -> int:
        return self.options.path_every if self.options.path_weight else 0

    def extra_g_step(self, run: Run, stats: dict[str, Tensor]) -> None:
        if self.options.path_weight and run.step % self.options.path_every == 0:
            run.minimise(self.optimizers["g"], self._path_losses(run))
            stats["g/path"] = self.path_mean

    def _path_losses(self, run: Run) -> Iterator[Tensor]:
        for _ in range(self.options.accumulate):
            # Half the images: the double backward pass takes twice the memory.
            ws, _ = self.codes(max(run.micro_batch // 2, 1))
            lengths = path_lengths(self.g.synthesis(ws, "random"), ws)
            mean = self.path_mean.lerp(averaged(run)(lengths.detach().mean()), PATH_DECAY)
            self.path_mean = mean
            penalty = (lengths - mean).square().mean()
            yield penalty * self.options.path_weight * self.options.path_every

    @torch.no_grad()
    def calm(self) -> None:
        for block in self.g.synthesis.blocks:
            block.torgb.weight.mul_(FEATURE_RGB_GAIN)

    # ---- loading and saving ----

    def state(self) -> dict[str, Any]:
        return {"path_mean": float(self.path_mean), **super().state()}

    def load_state(self, state: dict[str, Any]) -> None:
        self.path_mean.fill_(state["path_mean"])
        super().load_state(state)

    @torch.no_grad()
    def transfer(self, generator: Any, discriminator: Discriminator | None) -> list[str]:
        left = super().transfer(generator, discriminator)
        for block in self.g.synthesis.blocks[len(generator.synthesis.blocks) :]:
            block.torgb.weight.mul_(NEW_RGB_GAIN)  # it starts with an enlarged version of its picture
        self.g_ema.load_state_dict(self.g.state_dict())
        return left


def start(
    options: StyleGAN2Options, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> StyleGAN2:
    """The recipe for these options, with their data and the model to start from."""
    return start_style_recipe(StyleGAN2, options, device, note, on_load)
