"""Models that look at pictures: encoders, classifiers, discriminators."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganedit.errors import CheckpointError
from ganedit.store.cards import ModelCard
from ganedit.store.models.base import Model


class Discriminator(Model):
    """Tells pictures of the training set from generated ones.

    Its network is called as `network(images)`, or `network(images, c)` with classes; one that also classifies
    has `classify(images)`.
    """

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
        """Logits [N, 1], or a map [N, 1, h, w], higher for what looks real.

        Images are [N, 3, H, W] in [-1, 1], or [N, 6, H, W] for pairs; classes c are [N, C].
        """
        if c is None:
            return self._output(self._images(images))
        return self._output(self._images(images), c.to(self.device, torch.float32))

    def classify(self, images: Tensor) -> Tensor:
        """Logits [N, D] of the domains, as predicted by StarGAN's discriminator.

        Raises:
            CheckpointError: this one does not classify.
        """
        if not hasattr(self.network, "classify"):
            raise CheckpointError(f"the model {self.name} tells real from generated, nothing else")
        logits: Tensor = self.network.classify(self._images(images))
        return logits

    def features(self, images: Tensor) -> list[Tensor]:
        """Activations after each block, finest first: [N, C_i, H/2^i, W/2^i]."""
        return list(self.network.features(self._images(images)))


class Encoder(Model):
    """Predicts the style codes of pictures; `card.details["model"]` names the generator they are for.

    The image encoder of a SPADE model gives one style [N, S] for a picture instead.
    """

    def __call__(self, images: Tensor) -> Tensor:
        """Codes ws [N, L, W] of images [N, 3, H, W] in [-1, 1]."""
        return self._output(self._images(images))


class Classifier(Model):
    """Measures attributes of pictures."""

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes, in the order of its outputs."""
        return tuple(self.network.cfg.attributes)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of classes, of which an image has one; empty if it measures attributes."""
        return tuple(getattr(self.network.cfg, "classes", ()))

    @property
    def size(self) -> int:
        """Side in pixels to which it reduces what it looks at."""
        return int(self.network.size)

    def __call__(self, images: Tensor) -> Tensor:
        """The network's output [N, A] for images [N, 3, H, W] in [-1, 1]: logits of classes or of binary
        attributes, numbers in the units of their labels."""
        return self._output(self._images(images))

    @torch.no_grad()
    def measure(self, images: Tensor) -> dict[str, Tensor]:
        """By attribute, one value [N] per image: a probability in [0, 1], or a number in its unit."""
        return self.named(self(images))

    def named(self, outputs: Tensor) -> dict[str, Tensor]:
        """The same from outputs [N, A] of the network."""
        if self.classes:
            return dict(zip(self.classes, outputs.softmax(1).unbind(1), strict=True))
        columns = dict(zip(self.attributes, outputs.unbind(1), strict=True))
        return {name: v.sigmoid() if name in self.network.cfg.binary else v for name, v in columns.items()}
