"""Trains a ProGAN: both networks grow from small images to large ones (Karras et al., arXiv:1710.10196)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganedit.nets import progan
from ganedit.train.growing import GrowingRecipe
from ganedit.train.losses import gradient_penalty, wasserstein_d_loss, wasserstein_g_loss
from ganedit.train.options.growing import ProGANOptions
from ganedit.train.sources import Note, OnLoad, load_set


class ProGAN(GrowingRecipe[ProGANOptions]):
    """The Wasserstein loss, with a gradient penalty and a small weight on the logits of real images."""

    architecture = "progan"
    blur = False
    sample_psi = 1.0

    def new_generator(self, options: ProGANOptions, widths: tuple[int, ...]) -> nn.Module:
        return progan.Generator(progan.GeneratorConfig(widths, options.z_dim))

    def features(self, n: int) -> list[Tensor]:
        z = torch.randn(n, self.options.z_dim).to(self.device)
        features: list[Tensor] = self.g.generator.features(z, self.stage.level)
        return features

    def d_loss(self, real: Tensor, fake: Tensor, stats: dict[str, Tensor]) -> Tensor:
        on_real, on_fake = self.judge(real), self.judge(fake)
        penalty = gradient_penalty(self.judge, real, fake)
        stats |= {"d/real": on_real.detach().mean(), "d/fake": on_fake.detach().mean()}
        stats["d/penalty"] = penalty.detach()
        drift = on_real.square().mean()
        options = self.options
        return wasserstein_d_loss(on_real, on_fake) + penalty * options.penalty + drift * options.drift

    def g_loss(self, on_fake: Tensor) -> Tensor:
        return wasserstein_g_loss(on_fake)


def start(options: ProGANOptions, device: torch.device, note: Note, on_load: OnLoad | None = None) -> ProGAN:
    """The recipe for these options, with their data."""
    data = load_set(options, note, on_load, resolution=options.resolution, fit=options.fit)
    return ProGAN(options, data, device)
