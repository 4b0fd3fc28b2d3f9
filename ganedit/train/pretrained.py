"""Losses that look at results through a frozen ImageNet classifier, for every recipe that draws images.

The perceptual loss is the distance of features from those of the target (Johnson et al., arXiv:1603.08155;
Zhang et al., arXiv:1801.03924), with EfficientNet-Lite where the papers have VGG. The feature discriminators
are described in `nets/projected.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ganedit.latent.inversion.perceptual import feature_distance
from ganedit.store.formats.efficientnet_lite import load_efficientnet_lite
from ganedit.train.feature_discriminator import FeatureAdversary
from ganedit.train.options.pretrained import PretrainedOptions
from ganedit.train.run import Run


class PretrainedLosses:
    """The perceptual loss and the feature discriminators that the options ask for; without them, no loss.

    Args:
        options: Say which networks, and their weights in the generator's loss.
        real: Draws some dozens of real images [N, 3, S, S] in [-1, 1], to standardise features with.
        device: Where to compute.
        dtype: Type of the activations.

    Attributes:
        adversary: The feature discriminators, or None.
    """

    def __init__(
        self,
        options: PretrainedOptions,
        real: Callable[[], Tensor],
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.options = options
        self.adversary: FeatureAdversary | None = None
        if name := options.feature_discriminator:
            self.adversary = FeatureAdversary(name, real().to(device), lr=options.feature_lr, dtype=dtype)
        self.network = load_efficientnet_lite(options.perceptual, device) if options.perceptual else None
        self._fakes: list[list[Tensor]] = []

    def g_losses(self, fake: Tensor, target: Tensor | None = None) -> dict[str, Tensor]:
        """The generator's losses on images [N, 3, S, S] in [-1, 1], weighted, by name.

        Features of the images are kept for `d_step`.

        Args:
            fake: What it drew.
            target: What it should have drawn; None: there is no such image, and no perceptual loss.
        """
        losses: dict[str, Tensor] = {}
        if target is not None:
            losses |= self.perceptual(fake, target)
        if self.adversary:
            features = self.adversary.features(fake)
            self._fakes.append([x.detach() for x in features])
            losses["feature_gan"] = self.adversary.g_loss(features) * self.options.feature_gan_weight
        return losses

    def perceptual(self, fake: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The weighted perceptual loss alone, as `g_losses`."""
        if self.network is None:
            return {}
        distance = feature_distance(target, self.network.features)
        return {"perceptual": distance(fake.float()).mean() * self.options.perceptual_weight}

    def d_step(self, run: Run, real: Iterable[Tensor]) -> dict[str, Tensor]:
        """A step of the feature discriminators; returns their loss, by name.

        Args:
            real: Real images, for each piece that `g_losses` saw since the last step.
        """
        if not self.adversary:
            return {}
        fakes, self._fakes = self._fakes, []
        losses = (self._d_loss(*pair) for pair in zip(real, fakes, strict=True))
        return {"features/loss": run.minimise(self.adversary.optimizer, losses)}

    def _d_loss(self, real: Tensor, fake: list[Tensor]) -> Tensor:
        assert self.adversary
        with torch.no_grad():
            features = self.adversary.features(real)
        return self.adversary.d_loss(features, fake)


@dataclass(frozen=True)
class PretrainedPair:
    """The losses of two domains."""

    a: PretrainedLosses
    b: PretrainedLosses

    def of(self, domain: Literal["a", "b"]) -> PretrainedLosses:
        """Those of one domain by its name."""
        return self.a if domain == "a" else self.b

    def d_step(self, run: Run, pieces: Sequence[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
        """A step of the feature discriminators of both, on real images; returns the sums of their losses."""
        a = self.a.d_step(run, (real for real, _ in pieces))
        b = self.b.d_step(run, (real for _, real in pieces))
        return {name: a[name] + b[name] for name in a}
