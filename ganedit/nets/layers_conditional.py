"""How generators are told the class that they should draw, and discriminators the class that they judge.

A generator gets it beside z (Mirza & Osindero, arXiv:1411.1784) or as scale and shift of its normalisation
(Dumoulin et al., arXiv:1610.07629). A discriminator gets it as further channels of its input (the same
paper), as a projection of its features (Miyato & Koyama, arXiv:1802.05637), or has to guess it (Odena et
al., arXiv:1610.09585).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ganedit.nets.layers import minibatch_std
from ganedit.nets.layers_spectral import divide_spectrally

Judging = Literal["none", "concat", "projection", "acgan"]
KERNELS, KERNEL_SIZE = 16, 4  # of minibatch discrimination


class ConditionalNorm(nn.Module):
    """Batch normalisation of [N, C, H, W] whose scale and shift belong to the class (arXiv:1610.07629).

    Without classes it is the ordinary one.
    """

    def __init__(self, channels: int, num_classes: int = 0) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=not num_classes)
        self.scale = nn.Parameter(torch.ones(num_classes, channels)) if num_classes else None
        self.shift = nn.Parameter(torch.zeros(num_classes, channels)) if num_classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        # c: one-hot [N, K], or a mixture of classes
        x = self.norm(x)
        if self.scale is None or self.shift is None or c is None:
            return x
        return x * (c @ self.scale)[:, :, None, None] + (c @ self.shift)[:, :, None, None]


class MinibatchDiscrimination(nn.Module):
    """Appends to features [N, F] how near the others of the batch are, which betrays a generator that draws
    the same again and again (Salimans et al., arXiv:1606.03498, section 3.2)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.kernels = nn.Parameter(torch.randn(features, KERNELS * KERNEL_SIZE) / features**0.5)

    def forward(self, x: Tensor) -> Tensor:
        m = (x @ self.kernels).view(len(x), KERNELS, KERNEL_SIZE)
        distance = (m[:, None] - m[None]).abs().sum(dim=3)  # [N, N, KERNELS]
        near = (-distance).exp().sum(dim=1) - 1  # less its own
        return torch.cat([x, near], dim=1)


@dataclass(frozen=True)
class HeadConfig:
    judging: Judging = "none"
    num_classes: int = 0
    minibatch_discrimination: bool = False
    minibatch_stddev: bool = False


class Head(nn.Module):
    """Features [N, F] to logits [N, 1], and to those of the classes [N, K] with "acgan"."""

    def __init__(self, features: int, cfg: HeadConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.minibatch = MinibatchDiscrimination(features) if cfg.minibatch_discrimination else None
        features += KERNELS * cfg.minibatch_discrimination + cfg.minibatch_stddev
        self.logit = nn.Linear(features, 1)
        self.embed = nn.Linear(cfg.num_classes, features, bias=False) if cfg.judging == "projection" else None
        self.classes = nn.Linear(features, cfg.num_classes) if cfg.judging == "acgan" else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        if self.minibatch is not None:
            x = self.minibatch(x)
        if self.cfg.minibatch_stddev:
            x = minibatch_std(x[:, :, None, None], 4, 1)[:, :, 0, 0]
        logit: Tensor = self.logit(x)
        if self.embed is not None and c is not None:
            logit = logit + (self.embed(c) * x).sum(dim=1, keepdim=True)
        return logit, None if self.classes is None else self.classes(x)


class Judge(nn.Module):
    """A discriminator: features of images [N, C, H, W], then a `Head`.

    Args:
        trunk: Images, with the classes as further channels where `cfg.judging` is "concat", to features
            [N, `trunk.features`].
        cfg: What the head looks at.
    """

    def __init__(self, trunk: nn.Module, cfg: HeadConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.trunk = trunk
        self.head = Head(int(trunk.features), cfg)  # type: ignore[arg-type]

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        logits: tuple[Tensor, Tensor | None] = self.head(self.trunk(self.with_classes(x, c)), c)
        return logits

    def with_classes(self, x: Tensor, c: Tensor | None) -> Tensor:
        """Images with the classes as further channels, where it is told them so."""
        if self.cfg.judging != "concat" or c is None:
            return x
        return torch.cat([x, c[:, :, None, None].expand(-1, -1, *x.shape[2:]).to(x.dtype)], dim=1)


class AutoencoderJudge(nn.Module):
    """A discriminator that redraws images, and finds those real that it redraws well.

    Berthelot et al., arXiv:1703.10717. The logit [N, 1] is minus the mean absolute error.

    Args:
        trunk: Images to features [N, `trunk.features`].
        decoder: A generator, from codes [N, `decoder.cfg.z_dim`] to images.
    """

    def __init__(self, trunk: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.trunk, self.decoder = trunk, decoder
        self.code = nn.Linear(int(trunk.features), decoder.cfg.z_dim)  # type: ignore[arg-type, union-attr]

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        redrawn = self.decoder(self.code(self.trunk(x)))
        return -(x - redrawn).abs().flatten(1).mean(dim=1, keepdim=True), None


def normalise_spectrally(network: nn.Module) -> None:
    """Put its linear layers and convolutions under spectral normalisation (arXiv:1802.05957), in place."""
    kinds = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
    divide_spectrally([layer for layer in network.modules() if isinstance(layer, kinds)])


def beside(z: Tensor, c: Tensor | None) -> Tensor:
    """z [N, Z] with the classes [N, K] appended, if there are any (arXiv:1411.1784)."""
    return z if c is None else torch.cat([z, c.to(z.dtype)], dim=1)


def shrunken_z(seed: int, psi: float, z_dim: int) -> np.ndarray:
    """z [z_dim] of a seed: normal numbers times `psi`, less of which gives more usual images."""
    return psi * np.random.RandomState(seed).randn(z_dim)
