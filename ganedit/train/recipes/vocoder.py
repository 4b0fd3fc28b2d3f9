"""Trains a vocoder, a small HiFi-GAN that turns spectrograms into waveforms (Kong et al., arXiv:2010.05646).

Two things differ from the paper. Spectra are compared at several resolutions (arXiv:1910.11480) instead of on
one mel spectrogram. And the discriminators join late: the part that can be learned from short-time spectra
comes first, which is much cheaper.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ganedit.audio.spectrogram import SpectrogramConfig, picture
from ganedit.data.sounds import Sounds, load_sounds, spectrogram_sheet
from ganedit.metrics.spectra import multi_resolution_distance, multi_resolution_loss
from ganedit.nets.hifigan import HiFiGANConfig, HiFiGANGenerator
from ganedit.nets.waveform_discriminators import WaveformDiscriminatorConfig, WaveformDiscriminators
from ganedit.store.cards import Metric, ModelCard
from ganedit.store.load import save_model
from ganedit.train.losses import feature_distance, gan_d_loss, gan_g_loss, over_scales
from ganedit.train.options.sounds import VocoderOptions
from ganedit.train.run import Run
from ganedit.train.sound_sources import load_all
from ganedit.train.sources import Note, OnLoad
from ganedit.train.translation import PictureRecipe, frozen

SAMPLES = 6
SAMPLE_FRAMES = 128
TESTED = 8  # sounds at most
TEST_FRAMES = 250  # columns in the middle of each, which is 4 s
BETAS = (0.8, 0.99)
WINDOWS = (256, 512, 1024, 2048)  # in samples, of the spectra that are compared


class Vocoder(PictureRecipe[VocoderOptions]):
    """G, and with `d_from` below 1 the discriminators D."""

    def __init__(
        self, options: VocoderOptions, data: Sounds, device: torch.device, test: Sounds | None = None
    ) -> None:
        self.data, self.test = data, test
        self.measured: dict[str, float] = {}
        torch.manual_seed(options.seed)
        self.g = HiFiGANGenerator(generator_config(data.cfg, options.width))
        networks: dict[str, nn.Module] = {"g": self.g}
        if options.d_from < 1:
            self.d = WaveformDiscriminators(WaveformDiscriminatorConfig(options.d_width))
            networks["d"] = self.d
        super().__init__(options, device, networks)
        rates = {"g": options.lr, "d": options.d_lr}
        self.optimizers = {
            name: self.adam(net, lr=rates[name], betas=BETAS) for name, net in networks.items()
        }

    def step(self, run: Run) -> dict[str, Tensor]:
        options = self.options
        self.decay(run, options.decay)
        adversarial = options.d_from < 1 and run.progress >= options.d_from
        pieces = self.data.draw(run.share(), options.frames, gain=options.gain)
        fakes: list[Tensor] = []
        stats: dict[str, Tensor] = {}
        stats["g/loss"] = run.minimise(
            self.optimizers["g"], self._g_losses(pieces, adversarial, fakes, stats)
        )
        if adversarial:
            stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(pieces, fakes))
        return stats

    def _g_losses(
        self,
        pieces: list[tuple[Tensor, Tensor]],
        adversarial: bool,
        fakes: list[Tensor],
        stats: dict[str, Tensor],
    ) -> Iterator[Tensor]:
        for given, wave in pieces:
            with self.activations():
                drawn = self.g(given)
            fakes.append(drawn.detach())
            spectral = multi_resolution_loss(drawn, wave, WINDOWS)
            each = {"spectral": spectral * self.options.spectral_weight}
            if adversarial:
                each |= self._adversarial_losses(drawn, wave)
            stats |= {f"g/{name}": loss.detach() for name, loss in each.items()}
            yield torch.stack(list(each.values())).sum()

    def _adversarial_losses(self, drawn: Tensor, wave: Tensor) -> dict[str, Tensor]:
        with self.activations():
            with torch.no_grad():
                wanted, _ = self.d(wave)
            with frozen(self.d):
                features, on_fake = self.d(drawn)
        distance = feature_distance(features, wanted) * len(features)  # a sum over layers, as published
        return {
            "gan": over_scales(lambda logits: gan_g_loss("lsgan", logits), on_fake),
            "features": distance * self.options.feature_weight,
        }

    def _d_losses(self, pieces: list[tuple[Tensor, Tensor]], fakes: list[Tensor]) -> Iterator[Tensor]:
        for (_, wave), fake in zip(pieces, fakes, strict=True):
            with self.activations():
                _, logits = self.d(torch.cat([wave, fake]))
            on_real, on_fake = zip(*(x.chunk(2) for x in logits), strict=True)
            yield over_scales(lambda real, fake: 2 * gan_d_loss("lsgan", real, fake), on_real, on_fake)

    @torch.no_grad()
    def _generated(self, given: Tensor) -> Tensor:
        """Waves [N, F · hop] of spectrograms, as the exported model returns them."""
        with self.activations():
            return self.g.generate(given.to(self.device)).float().cpu()

    def evaluate(self) -> dict[str, float]:
        """Distance between the spectra of G's waves and those of the test sounds, in the middle of each."""
        if self.test is not None:
            given, waves = self.test.centres(_spread(len(self.test), TESTED), TEST_FRAMES)
            off, logs = multi_resolution_distance(self._generated(given), waves)
            self.measured = {"spectral convergence": off, "log magnitude difference": logs}
        return self.measured

    def samples(self) -> Tensor:
        """Spectrograms, with low frequencies at the bottom, and those of the waves generated from them."""
        rows = _spread(len(self.data), SAMPLES)
        frames = min(SAMPLE_FRAMES, *(self.data.pictures[i].shape[1] for i in rows))
        given, _ = self.data.centres(rows, frames)
        heard = [picture(wave, self.data.cfg)[:, :frames] for wave in self._generated(given).numpy()]
        shown = (given, torch.from_numpy(np.stack(heard))[:, None])
        return spectrogram_sheet(shown)

    def card(self, images: int) -> ModelCard:
        return self.make_card(
            images,
            name=self.options.name or "vocoder",
            task="vocoder",
            architecture="hifigan",
            config=asdict(self.g.cfg),
            details=self.data.cfg.as_details(),
            metrics=tuple(Metric(name, round(value, 4)) for name, value in self.measured.items()),
        )

    def export(self, folder: Path, images: int) -> None:
        save_model(folder, self.card(images), self.g.state_dict(), dtype=torch.float16)


def generator_config(cfg: SpectrogramConfig, width: int) -> HiFiGANConfig:
    """Config of a generator for such spectrograms, with `width` channels at their columns."""
    return HiFiGANConfig(
        cfg.bins,
        cfg.bins_per_octave,
        cfg.lowest,
        cfg.floor,
        cfg.rate,
        cfg.hop,
        widths=(width, width * 3 // 4, width * 3 // 8),
    )


def _spread(total: int, most: int) -> list[int]:
    """At most `most` numbers below `total`, evenly spread, so that every folder is represented."""
    count = min(total, most)
    return [i * total // count for i in range(count)]


def start(
    options: VocoderOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> Vocoder:
    """The recipe for these options, with their data."""
    cfg = SpectrogramConfig()
    data = load_all(options, cfg, note, on_load)
    test = load_sounds(Path(options.test), cfg, frames=TEST_FRAMES) if options.test else None
    return Vocoder(options, data, device, test)
