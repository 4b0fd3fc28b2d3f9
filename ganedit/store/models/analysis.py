"""Models that look at pictures: encoders, classifiers, discriminators."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganedit.store.cards import ModelCard
from ganedit.store.models.base import Model


class Discriminator(Model):
    """Tells pictures of the training set from generated ones."""

    def __init__(
        self,
        card: ModelCard,
        network: nn.Module,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(card, network, device, dtype)
        self.network.dtype = dtype

    def __call__(self, images: Tensor, c: Tensor | None = None) -> Tensor:
        """Logits [N, 1], higher for what looks real, of images [N, 3, H, W] in [-1, 1], classes c [N, C]."""
        c = None if c is None else c.to(self.device, torch.float32)
        return self.network(self._images(images), c)

    def features(self, images: Tensor) -> list[Tensor]:
        """Activations after each block, finest first: [N, C_i, H/2^i, W/2^i]."""
        return self.network.features(self._images(images))


class Encoder(Model):
    """Guesses the style codes of pictures; `card.details["model"]` names the generator they are for."""

    def __call__(self, images: Tensor) -> Tensor:
        """Codes ws [N, L, W] of images [N, 3, H, W] in [-1, 1]."""
        return self.network(self._images(images))


class Classifier(Model):
    """Measures attributes of pictures."""

    @property
    def attributes(self) -> tuple[str, ...]:
        """What it measures, in the order of its outputs."""
        return self.network.cfg.attributes

    def __call__(self, images: Tensor) -> Tensor:
        """The network's output [N, A] of images [N, 3, H, W] in [-1, 1]: logits of what is there or not,
        numbers in the units of their labels."""
        return self.network(self._images(images))

    @torch.no_grad()
    def measure(self, images: Tensor) -> dict[str, Tensor]:
        """By attribute, one value [N] per image: a probability in [0, 1], or a number in its unit."""
        columns = dict(zip(self.attributes, self(images).unbind(1), strict=True))
        return {name: v.sigmoid() if name in self.network.cfg.binary else v for name, v in columns.items()}
