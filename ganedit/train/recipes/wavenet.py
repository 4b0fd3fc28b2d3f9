"""Trains a WaveNet vocoder (van den Oord et al., arXiv:1609.03499; arXiv:1811.09620).

It learns to predict every sample of a window from the previous ones and the window's spectrogram.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.audio.spectrogram import SpectrogramConfig, picture
from ganedit.data.sounds import Sounds, Window, spectrogram_sheet
from ganedit.nets.wavenet import WaveNet, WaveNetConfig, mu_law
from ganedit.store.cards import Metric, ModelCard
from ganedit.store.load import save_model
from ganedit.train.options.sounds import WaveNetOptions
from ganedit.train.run import Run, set_rate
from ganedit.train.sound_sources import load_all
from ganedit.train.sources import Note, OnLoad
from ganedit.train.translation import PictureRecipe, start_from

WARM = 0.02  # share of the run in which the learning rate rises
SAMPLES = 6
TESTED = 4  # sounds of each test folder, and windows in a batch of them


class WaveNetRecipe(PictureRecipe[WaveNetOptions]):
    """Cross-entropy in nats per sample; tested on the middle of the first sounds in each test folder."""

    def __init__(
        self, options: WaveNetOptions, sounds: Sounds, device: torch.device, test: Sounds | None = None
    ) -> None:
        self.sounds, self.test = sounds, test
        self.measured: dict[str, float] = {}
        torch.manual_seed(options.seed)
        self.network = WaveNet(
            WaveNetConfig(
                sounds.cfg.bins, sounds.cfg.hop, options.width, cycles=options.cycles, layers=options.layers,
                temperature=options.temperature,
            )
        )  # fmt: skip
        super().__init__(options, device, {"wavenet": self.network})
        self.optimizers = {"wavenet": self.adam(self.network)}

    def step(self, run: Run) -> dict[str, Tensor]:
        self.network.train()
        warm = min(run.progress / WARM + 0.01, 1)
        rate = self.options.lr * warm * (1 + math.cos(math.pi * run.progress)) / 2
        set_rate(self.optimizers["wavenet"], rate)
        pieces = self.sounds.draw(run.share(), self.options.frames, gain=self.options.gain)
        return {"loss": run.minimise(self.optimizers["wavenet"], self._losses(pieces))}

    def _losses(self, pieces: Sequence[Window]) -> Iterator[Tensor]:
        for piece in pieces:
            yield self._loss(*piece)

    def _loss(self, pictures: Tensor, waves: Tensor) -> Tensor:
        classes = mu_law(waves)
        with self.activations():
            logits = self.network(classes, pictures)
        return F.cross_entropy(logits.float().flatten(0, 1), classes.flatten())

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """The loss on held-out sounds."""
        if self.test is not None:
            self.network.eval()
            batches = torch.arange(len(self.test)).split(TESTED)
            losses = [self._loss(*self._middle(self.test, rows)) * len(rows) for rows in batches]
            self.measured = {"test/loss": float(torch.stack(losses).sum() / len(self.test))}
        return self.measured

    def _middle(self, sounds: Sounds, rows: Tensor) -> Window:
        pictures, waves = sounds.centres(rows.tolist(), self.options.frames)
        return pictures.to(self.device), waves.to(self.device)

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Spectrograms, and those of the waves generated from them, with low frequencies at the bottom."""
        self.network.eval()
        sounds = self.test or self.sounds
        rows = torch.linspace(0, len(sounds) - 1, min(SAMPLES, len(sounds))).long()
        pictures, _ = self._middle(sounds, rows)
        waves = self.network.generate(pictures, seed=self.options.seed).float().cpu().numpy()
        played = torch.stack([torch.from_numpy(picture(wave, sounds.cfg)) for wave in waves])
        both = (pictures.cpu(), played[:, None, :, : pictures.shape[3]])
        return spectrogram_sheet(both)

    def card(self, images: int) -> ModelCard:
        return self.make_card(
            images,
            name=self.options.name or "wavenet",
            task="vocoder",
            architecture="wavenet",
            config=asdict(self.network.cfg),
            details=self.sounds.cfg.as_details(),
            metrics=tuple(
                Metric("cross-entropy per sample, kept-out sounds", round(value, 4))
                for value in self.measured.values()
            ),
        )

    def export(self, folder: Path, images: int) -> None:
        save_model(folder, self.card(images), self.network.state_dict(), dtype=torch.float16)


def start(
    options: WaveNetOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> WaveNetRecipe:
    """The recipe for these options, with their data and the model to start from."""
    cfg = SpectrogramConfig()
    test = None
    if options.test:
        test = load_all(replace(options, data=tuple(options.test.split(",")), limit=TESTED), cfg, note)
    recipe = WaveNetRecipe(options, load_all(options, cfg, note, on_load), device, test)
    if options.start:
        start_from(recipe.network, options.start, device, temperature=options.temperature)
    return recipe
