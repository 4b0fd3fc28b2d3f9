"""Models that turn spectrograms into sound."""

from __future__ import annotations

import torch
from torch import Tensor

from ganedit.errors import InputError
from ganedit.store.models.base import Model


class Vocoder(Model):
    """Turns spectrograms into waveforms; `card.details["spectrogram"]` says which kind of spectrogram.

    Its network has `cfg.bins` and `cfg.hop`, and `generate(pictures) -> waves`, which may be random.
    """

    @property
    def hop(self) -> int:
        """Samples per column of the spectrogram."""
        return int(self.network.cfg.hop)

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> Tensor:
        """Waves [N, F · hop] in [-1, 1] of spectrograms [N, 1, bins, F] in [-1, 1].

        Raises:
            InputError: spectrograms of another kind.
        """
        x = self._images(pictures)
        if x.shape[1:3] != (1, self.network.cfg.bins) or not x.numel():
            raise InputError(
                f"the vocoder {self.name} takes spectrograms [N, 1, {self.network.cfg.bins}, F], "
                f"not {list(x.shape)}"
            )
        waves: Tensor = self.network.generate(x)
        return waves.float()
