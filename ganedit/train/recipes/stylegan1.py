"""Trains the first StyleGAN, which grows like ProGAN (Karras et al., arXiv:1812.04948)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganedit.nets import stylegan1
from ganedit.train.growing import GrowingRecipe
from ganedit.train.losses import logistic_d_loss, nonsaturating_g_loss, r1_penalty
from ganedit.train.options.growing import StyleGAN1Options
from ganedit.train.sources import Note, OnLoad, load_set
from ganedit.train.style_codes import random_codes


class StyleGAN1(GrowingRecipe[StyleGAN1Options]):
    """The non-saturating loss with R1; codes are mixed of two."""

    architecture = "stylegan1"
    blur = True
    sample_psi = 0.7

    def new_generator(self, options: StyleGAN1Options, widths: tuple[int, ...]) -> nn.Module:
        sizes = {"z_dim": options.z_dim, "w_dim": options.w_dim, "mapping_width": options.w_dim}
        cfg = stylegan1.GeneratorConfig(widths, mapping_layers=options.mapping_layers, **sizes)
        return stylegan1.Generator(cfg)

    def features(self, n: int) -> list[Tensor]:
        level = self.stage.level
        rows = 2 * (level + 1)
        ws = random_codes(self.g.generator, n, mixing=self.options.style_mixing, rows=rows)
        features: list[Tensor] = self.g.trunk.features(ws, "random", level)
        return features

    def d_loss(self, real: Tensor, fake: Tensor, stats: dict[str, Tensor]) -> Tensor:
        real = real.detach().requires_grad_(True)
        on_real, on_fake = self.judge(real), self.judge(fake)
        r1 = r1_penalty(on_real, real)
        stats |= {"d/real": on_real.detach().mean(), "d/fake": on_fake.detach().mean(), "d/r1": r1.detach()}
        return logistic_d_loss(on_real, on_fake) + r1 * self.options.r1_gamma / 2

    def g_loss(self, on_fake: Tensor) -> Tensor:
        return nonsaturating_g_loss(on_fake)


def start(
    options: StyleGAN1Options, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> StyleGAN1:
    """The recipe for these options, with their data."""
    data = load_set(options, note, on_load, resolution=options.resolution, fit=options.fit)
    return StyleGAN1(options, data, device)
