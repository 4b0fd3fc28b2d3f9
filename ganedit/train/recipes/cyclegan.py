"""Trains translators between two kinds of pictures, without pairs (CycleGAN, Zhu et al.,
arXiv:1703.10593)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ganedit.nets.patchgan import PatchGAN, PatchGANConfig
from ganedit.nets.resnet import ResNetConfig
from ganedit.train.cycle import CycleRecipe, RoundTrip
from ganedit.train.losses import gan_d_loss, gan_g_loss
from ganedit.train.options.translators import CycleGANOptions
from ganedit.train.run import Run
from ganedit.train.sources import Note, OnLoad
from ganedit.train.translation import Domains, History, load_domains

AREA_COUNTS = 0.5, 0.7  # shares of the run at which the area of a mask begins to count, and counts fully


class CycleGAN(CycleRecipe[CycleGANOptions]):
    """CycleGAN, whose PatchGANs see earlier fakes again."""

    def __init__(self, options: CycleGANOptions, domains: Domains, device: torch.device) -> None:
        torch.manual_seed(options.seed)
        config = ResNetConfig(
            width=options.width, blocks=options.blocks, up=options.up, attention=options.attention > 0
        )
        d_config = PatchGANConfig(width=options.d_width, norm="instance")
        self.past_a, self.past_b = (History(options.history, 3, options.size) for _ in range(2))
        super().__init__(
            options,
            domains,
            device,
            config,
            lambda: PatchGAN(d_config),
            past_a=self.past_a,
            past_b=self.past_b,
        )
        self.pretrained = self.add_pretrained_pair()

    def g_loss(self, on_fake: Tensor) -> Tensor:
        return gan_g_loss("lsgan", on_fake)

    def d_losses(self, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor]) -> Tensor:
        return self._d_loss(self.d_a, real[0], self.past_a(fake[0])) + self._d_loss(
            self.d_b, real[1], self.past_b(fake[1])
        )

    def _d_loss(self, d: torch.nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        with self.activations():
            on_real, on_fake = d(real), d(fake)
        return gan_d_loss("lsgan", on_real.float(), on_fake.float())

    def more_losses(self, run: Run, seen: RoundTrip) -> Mapping[str, Tensor]:
        (drawn_a, drawn_b), (back_a, back_b) = seen.drawn, seen.back
        a = self.pretrained.a.g_losses(drawn_a.learning_mask.float())
        b = self.pretrained.b.g_losses(drawn_b.learning_mask.float())
        a |= self.pretrained.a.perceptual(back_a.fixed_mask, seen.real[0])
        b |= self.pretrained.b.perceptual(back_b.fixed_mask, seen.real[1])
        losses = {name: a[name] + b[name] for name in a}
        if self.options.attention:
            begin, full = AREA_COUNTS
            share = min(max((run.progress - begin) / (full - begin), 0.0), 1.0)
            losses["attention"] = self.options.attention * share * (drawn_a.area + drawn_b.area)
        return losses

    def more_steps(self, run: Run, pieces: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
        return self.pretrained.d_step(run, pieces)

    @property
    def about(self) -> dict[str, Any]:
        return {"resolution": self.options.size}


def start(
    options: CycleGANOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> CycleGAN:
    """The recipe for these options, with their data."""
    recipe = CycleGAN(options, load_domains(options, note, on_load), device)
    if options.start:
        recipe.start_from(options.start, attention=options.attention > 0)
    return recipe
