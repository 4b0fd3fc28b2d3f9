"""Losses and penalties shared by recipes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

GanKind = Literal["vanilla", "lsgan"]


def logistic_d_loss(on_real: Tensor, on_fake: Tensor) -> Tensor:
    """Discriminator's logistic loss from logits [N, 1] (Goodfellow et al., arXiv:1406.2661)."""
    return F.softplus(-on_real).mean() + F.softplus(on_fake).mean()


def nonsaturating_g_loss(on_fake: Tensor) -> Tensor:
    """Generator's loss -log sigmoid(D(fake)) from logits [N, 1] (arXiv:1406.2661)."""
    return F.softplus(-on_fake).mean()


def gan_d_loss(kind: GanKind, on_real: Tensor, on_fake: Tensor) -> Tensor:
    """Half the discriminator's loss on logits of any shape, so that it learns slower than the generator."""
    if kind == "lsgan":  # Mao et al., arXiv:1611.04076
        return ((on_real - 1).square().mean() + on_fake.square().mean()) / 2
    return logistic_d_loss(on_real, on_fake) / 2


def gan_g_loss(kind: GanKind, on_fake: Tensor) -> Tensor:
    """The generator's loss for `gan_d_loss`; non-saturating for "vanilla"."""
    return (on_fake - 1).square().mean() if kind == "lsgan" else nonsaturating_g_loss(on_fake)


def hinge_d_loss(on_real: Sequence[Tensor], on_fake: Sequence[Tensor]) -> Tensor:
    """Discriminators' hinge loss from their logits of any shape (arXiv:1705.02894), averaged over them."""
    each = [F.relu(1 - a).mean() + F.relu(1 + b).mean() for a, b in zip(on_real, on_fake, strict=True)]
    return torch.stack(each).mean()


def hinge_g_loss(on_fake: Sequence[Tensor]) -> Tensor:
    """The generator's loss for `hinge_d_loss`."""
    return -torch.stack([logits.mean() for logits in on_fake]).mean()


def style_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of normal distributions [N, D] from the standard one, in nats, averaged over N."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1).mean() / 2


def feature_distance(features: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of a discriminator's activations, layer by layer (arXiv:1711.11585, eq. 4).

    `wanted` are those of the real pictures; they get no gradient.
    """
    each = [F.l1_loss(a.float(), b.detach().float()) for a, b in zip(features, wanted, strict=True)]
    return torch.stack(each).mean()


def patch_contrast(queries: Sequence[Tensor], keys: Sequence[Tensor], temperature: float = 0.07) -> Tensor:
    """How hard it is to tell which patch of the input each patch of the result comes from (PatchNCE).

    Park et al., arXiv:2007.15651, eq. 3 and 4: cross-entropy over the patches of the same image.

    Args:
        queries: Projections of the result's patches, [N, P, D] of unit length, for each layer.
        keys: Those of the input at the same places; they get no gradient.
        temperature: Divides the similarities.

    Returns:
        The mean over layers, images and patches; the logarithm of P if patches cannot be told apart.
    """
    losses = []
    for query, key in zip(queries, keys, strict=True):
        likeness = query.float() @ key.detach().float().transpose(1, 2) / temperature  # [N, P, P]
        right = torch.arange(likeness.shape[1], device=likeness.device).expand(len(likeness), -1)
        losses.append(F.cross_entropy(likeness.flatten(0, 1), right.flatten()))
    return torch.stack(losses).mean()


def over_scales(loss: Callable[..., Tensor], *logits: Sequence[Tensor]) -> Tensor:
    """A loss on each scale of a multi-scale discriminator, summed (arXiv:1711.11585, eq. 3).

    Args:
        loss: Function of the logits of one scale, one argument for each in `logits`.
        logits: Logits by scale, of any shape.
    """
    return torch.stack([loss(*(x.float() for x in one)) for one in zip(*logits, strict=True)]).sum()


def r1_penalty(on_real: Tensor, real: Tensor) -> Tensor:
    """Mean squared gradient norm of the logits [N, 1] at the real images.

    Mescheder et al., arXiv:1801.04406.
    `real` must require gradients and be part of the graph of `on_real`.
    """
    (slope,) = torch.autograd.grad(on_real.sum(), real, create_graph=True)
    return slope.square().sum(dim=(1, 2, 3)).mean()


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """Mean squared distance from 1 of the slope of the logits between real and fake pictures (WGAN-GP).

    Gulrajani et al., arXiv:1704.00028. `discriminator` maps [N, C, H, W] to logits of any
    shape; those of one image are averaged.
    """
    share = torch.rand(len(real), 1, 1, 1).to(real.device)
    between = (real * share + fake * (1 - share)).detach().requires_grad_(True)
    logits = discriminator(between).flatten(1).mean(dim=1)
    (slope,) = torch.autograd.grad(logits.sum(), between, create_graph=True)
    length: Tensor = slope.flatten(1).norm(dim=1)
    return (length - 1).square().mean()


def out_of_range(images: Tensor) -> Tensor:
    """Mean squared excess of images over [-1, 1]."""
    return F.relu(images.abs() - 1).square().mean()


def path_lengths(images: Tensor, ws: Tensor) -> Tensor:
    """Norm [N] of the Jacobian's transpose applied to random image noise (Karras et al., arXiv:1912.04958,
    eq. 4).

    Args:
        images: [N, 3, H, W], computed from `ws` with gradients.
        ws: [N, L, D].
    """
    noise = torch.randn_like(images) / math.sqrt(images.shape[2] * images.shape[3])
    (slope,) = torch.autograd.grad((images * noise).sum(), ws, create_graph=True)
    return slope.square().sum(dim=2).mean(dim=1).sqrt()
