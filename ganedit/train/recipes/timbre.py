"""Trains timbre transfer between instruments without pairs, on spectrograms (TimbreTron, Huang et al.,
arXiv:1811.09620).

It is a CycleGAN on constant-Q spectrograms with the changes of that paper: up-sampling without checkerboards,
discriminators of the whole spectrogram with a gradient penalty instead of a history of fakes, and
an identity loss that fades. The penalties are R1 and R2 (Mescheder et al., arXiv:1801.04406), with which one
step of the discriminator for one of the generator is enough. The generators draw what to add to a
spectrogram: in decibels this is a filter, so that tune and rhythm are preserved from the first step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganedit.audio.spectrogram import SpectrogramConfig
from ganedit.data.sounds import Sounds, spectrogram_sheet
from ganedit.nets.resnet import ResNetConfig, ResNetGenerator
from ganedit.nets.spectrogram_discriminator import SpectrogramDiscriminator, SpectrogramDiscriminatorConfig
from ganedit.train.cycle import CycleRecipe
from ganedit.train.ema import ema_beta, update_ema
from ganedit.train.losses import logistic_d_loss, nonsaturating_g_loss, r1_penalty
from ganedit.train.options.sounds import TimbreOptions
from ganedit.train.run import Run
from ganedit.train.sound_sources import load_source
from ganedit.train.sources import Note, OnLoad
from ganedit.train.translation import Domains, two_sources

CLIP = 40.0  # gradient norms are 5 to 45, and sometimes 350, for windows that are mostly silent
EMA_RAMPUP = 0.1  # half-life of the average at the start, as a share of the windows seen


@dataclass
class SoundDomains(Domains):
    """Two sets of sounds, seen as spectrograms."""

    options: TimbreOptions
    sets: tuple[Sounds, Sounds]

    def draw(self, run: Run) -> list[tuple[Tensor, Tensor]]:
        drawn = [
            sounds.draw(run.share(stream), self.options.frames, gain=self.options.gain)
            for stream, sounds in enumerate(self.sets)
        ]
        return [(a, b) for (a, _), (b, _) in zip(*drawn, strict=True)]

    def examples(self, count: int) -> tuple[Tensor, Tensor]:
        columns = range(min(count, *map(len, self.sets)))
        (a, _), (b, _) = (sounds.centres(columns, self.options.frames) for sounds in self.sets)
        return a, b

    def sheet(self, rows: Sequence[Tensor]) -> Tensor:
        return spectrogram_sheet(rows)


class Timbre(CycleRecipe[TimbreOptions]):
    """Discriminators see the whole spectrogram, with a gradient penalty; averages of the generators are
    exported."""

    clip = CLIP

    def __init__(self, options: TimbreOptions, domains: SoundDomains, device: torch.device) -> None:
        torch.manual_seed(options.seed)
        self.cfg = domains.sets[0].cfg
        generator = ResNetConfig(
            1, 1, options.width, options.blocks, options.downs, up=options.up, residual=True
        )
        d_config = SpectrogramDiscriminatorConfig(self.cfg.bins, options.d_width)
        averages = ResNetGenerator(generator), ResNetGenerator(generator)
        self.average_b, self.average_a = (network.eval().requires_grad_(False) for network in averages)
        super().__init__(
            options, domains, device, generator, lambda: SpectrogramDiscriminator(d_config),
            average_b=self.average_b, average_a=self.average_a,
        )  # fmt: skip

    @property
    def exported(self) -> tuple[ResNetGenerator, ResNetGenerator]:
        return self.average_b, self.average_a

    def step(self, run: Run) -> dict[str, Tensor]:
        stats = super().step(run)
        seen = run.images_seen + self.options.batch
        beta = ema_beta(self.options.batch, seen, self.options.ema_kimg, EMA_RAMPUP)
        for average, network in zip(self.exported, (self.to_b, self.to_a), strict=True):
            update_ema(average, network, beta)
        return stats

    def identity(self, run: Run) -> float:
        until = self.options.identity_until
        return super().identity(run) * (max(1 - run.progress / until, 0.0) if until else 0.0)

    def g_loss(self, on_fake: Tensor) -> Tensor:
        return nonsaturating_g_loss(on_fake)

    def d_losses(self, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor]) -> Tensor:
        return self._d_loss(self.d_a, real[0], fake[0]) + self._d_loss(self.d_b, real[1], fake[1])

    def _d_loss(self, d: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        real, fake = (x.detach().float().requires_grad_(True) for x in (real, fake))
        with self.activations():
            on_real, on_fake = d(real).float(), d(fake).float()
        slopes = r1_penalty(on_real, real) + r1_penalty(on_fake, fake)
        return logistic_d_loss(on_real, on_fake) + self.options.penalty / 2 * slopes

    @property
    def about(self) -> dict[str, Any]:
        return {"details": {"use": "timbre", "frames": self.options.frames, **self.cfg.as_details()}}


def start(options: TimbreOptions, device: torch.device, note: Note, on_load: OnLoad | None = None) -> Timbre:
    """The recipe for these options, with their data."""
    cfg = SpectrogramConfig()
    a, b = (load_source(source, options, cfg, note, on_load) for source in two_sources(options))
    recipe = Timbre(options, SoundDomains(options, (a, b)), device)
    if options.start:
        recipe.start_from(options.start)
        recipe.average_b.load_state_dict(recipe.to_b.state_dict())
        recipe.average_a.load_state_dict(recipe.to_a.state_dict())
    return recipe
