"""Discriminators on the features of a frozen classifier, in addition to or instead of a recipe's own.

See `nets/projected.py` for the papers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from ganedit.compute import autocast
from ganedit.nets.projected import FeatureDiscriminator
from ganedit.store.formats.efficientnet_lite import load_efficientnet_lite
from ganedit.train.diffaugment import diff_augment
from ganedit.train.losses import hinge_d_loss, hinge_g_loss

CALIBRATION_IMAGES = 64


class FeatureAdversary:
    """Discriminators on features, their optimiser, and the hinge losses of both players.

    Features of fakes from the generator's step are reused in the discriminators' step.

    Args:
        name: The frozen network, such as "efficientnet-lite0".
        real: A few dozen real images [N, 3, R, R] in [-1, 1] on the device, to standardise the features.
        lr: Learning rate of the heads.
        dtype: Type of the activations.

    Attributes:
        network: The part to store in checkpoints, including the random mixing.
        optimizer: Optimiser of the heads.
    """

    def __init__(self, name: str, real: Tensor, *, lr: float, dtype: torch.dtype = torch.float32) -> None:
        self.dtype = dtype
        self.backbone = load_efficientnet_lite(name, real.device)
        self.network = FeatureDiscriminator(self.backbone.widths, real.shape[-1] // 4).to(real.device)
        with torch.no_grad():
            self.network.calibrate(self.backbone.features(real))
        self.optimizer = torch.optim.Adam(self.network.heads.parameters(), lr, betas=(0.0, 0.99))

    def features(self, images: Tensor) -> list[Tensor]:
        """Mixed features of images [N, 3, R, R] in [-1, 1], which are augmented first."""
        return self.network.mix(self.backbone.features(diff_augment(images).to(self.dtype)))

    def g_loss(self, fake: Sequence[Tensor]) -> Tensor:
        """The generator's loss on `features` of its images, summed over scales, without gradients to the
        heads."""
        self.network.heads.requires_grad_(False).eval()
        logits = self._logits(fake)
        self.network.heads.requires_grad_(True).train()
        return hinge_g_loss(logits) * len(logits)

    def d_loss(self, real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
        """The heads' loss, summed over scales; real and generated images share the batch statistics."""
        both = self._logits([torch.cat([a.detach(), b.detach()]) for a, b in zip(real, fake, strict=True)])
        count = len(real[0])
        on_real, on_fake = [x[:count] for x in both], [x[count:] for x in both]
        return hinge_d_loss(on_real, on_fake) * len(both)

    def _logits(self, mixed: Sequence[Tensor]) -> list[Tensor]:
        with parametrize.cached(), autocast(mixed[0].device, self.dtype):
            logits: list[Tensor] = self.network(mixed)
            return logits
