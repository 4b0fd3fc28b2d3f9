"""Losses and penalties shared by recipes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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


def saturating_g_loss(on_fake: Tensor) -> Tensor:
    """Generator's loss log(1 - sigmoid(D(fake))) from logits: the minimax game itself (arXiv:1406.2661).

    Its gradient vanishes where the discriminator is sure.
    """
    return -F.softplus(on_fake).mean()


def wasserstein_d_loss(on_real: Tensor, on_fake: Tensor) -> Tensor:
    """The critic's loss: minus its estimate of the earth mover's distance (WGAN, arXiv:1701.07875)."""
    return on_fake.mean() - on_real.mean()


def wasserstein_g_loss(on_fake: Tensor) -> Tensor:
    """The generator's loss for `wasserstein_d_loss`."""
    return -on_fake.mean()


class Equilibrium:
    """The losses of BEGAN, where logits are minus the errors of an auto-encoder (arXiv:1703.10717).

    The weight `k` of generated images is adjusted so that they are redrawn with `diversity` times the error
    of real ones.
    """

    RATE = 0.001

    def __init__(self, diversity: float) -> None:
        self.diversity, self.k = diversity, torch.zeros(())

    def d_loss(self, on_real: Tensor, on_fake: Tensor) -> Tensor:
        """The discriminator's loss; adjusts `k` for the next one."""
        real, fake = -on_real.mean(), -on_fake.mean()
        k = self.k.to(real.device)
        self.k = (k + self.RATE * (self.diversity * real - fake).detach()).clamp(0, 1)
        return real - k * fake


D_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "minimax": logistic_d_loss,
    "non-saturating": logistic_d_loss,
    "least-squares": lambda on_real, on_fake: gan_d_loss("lsgan", on_real, on_fake),
    "wasserstein": wasserstein_d_loss,
    "hinge": lambda on_real, on_fake: hinge_d_loss([on_real], [on_fake]),
}
"""The discriminator's losses from logits of real and generated images, by name."""

G_LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "minimax": saturating_g_loss,
    "non-saturating": nonsaturating_g_loss,
    "least-squares": lambda on_fake: gan_g_loss("lsgan", on_fake),
    "wasserstein": wasserstein_g_loss,
    "hinge": wasserstein_g_loss,
    "began": wasserstein_g_loss,
}
"""The generator's losses from logits of generated images, by name."""


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


def local_gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """Like `gradient_penalty`, for critics of patches: the slope at each pixel is compared with 1.

    Shaham et al., arXiv:1905.01164. `critic` maps [N, C, H, W] to one number for each patch; their sum is
    differentiated, so that the size of the image does not matter.
    """
    share = torch.rand(len(real), 1, 1, 1).to(real.device)
    between = (real * share + fake * (1 - share)).detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    length: Tensor = slope.norm(dim=1)  # [N, H, W]
    return (length - 1).square().mean()


def orthogonality(network: nn.Module) -> Tensor:
    """Sum of the squared products of different filters, over all weights of at least two dimensions.

    BigGAN, arXiv:1809.11096, eq. 3: filters are kept apart, but their lengths are left free.
    """
    total = torch.zeros((), device=next(network.parameters()).device)
    for weight in network.parameters():
        if weight.ndim < 2:
            continue
        rows = weight.flatten(1)
        products = rows @ rows.T
        total = total + (products - products.diagonal().diag()).square().sum()
    return total


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
