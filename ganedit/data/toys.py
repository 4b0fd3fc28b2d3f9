"""Two-dimensional sets on which generators are seen to succeed or to fail.

The ring of normal distributions is that of Unrolled GANs (Metz et al., arXiv:1611.02163), the grid that of
VEEGAN (Srivastava et al., arXiv:1705.07761), the Swiss roll that of WGAN-GP (arXiv:1704.00028).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganedit.data.order import Share

ROLL_NOISE = 0.25 / 7.5


@dataclass(frozen=True)
class ToySet:
    """Endless points of the plane.

    Attributes:
        sample: Function that draws so many points [N, 2] with torch's random numbers.
        modes: Centres [M, 2] of the normal distributions that they are drawn from; empty for a curve.
        sigma: Their standard deviation.
        reach: The plane is shown from minus this to this.
    """

    sample: Callable[[int], Tensor]
    modes: Tensor
    sigma: float
    reach: float

    num_classes = 0
    class_names: tuple[str, ...] = ()

    def draw(self, share: Share, *, mirror: bool) -> list[tuple[Tensor, Tensor | None]]:
        """Points as images [N, 2, 1, 1] of one pixel, for each piece of a step, like `ImageSet.draw`."""
        points = self.sample(share.size).to(share.device)[:, :, None, None]
        return [(piece, None) for piece in points.chunk(share.pieces)]


def _mixture(modes: Tensor, sigma: float, reach: float) -> ToySet:
    def sample(n: int) -> Tensor:
        return modes[torch.randint(len(modes), (n,))] + sigma * torch.randn(n, 2)

    return ToySet(sample, modes, sigma, reach)


def ring8() -> ToySet:
    """Eight normal distributions on a circle; its radius is 100 standard deviations."""
    angles = torch.arange(8) * (math.pi / 4)
    return _mixture(2 * torch.stack([angles.cos(), angles.sin()], dim=1), 0.02, 3.0)


def grid25() -> ToySet:
    """Normal distributions on a grid of 5x5, 40 standard deviations apart."""
    places = torch.linspace(-4, 4, 5)
    return _mixture(torch.cartesian_prod(places, places), 0.05, 5.5)


def swissroll() -> ToySet:
    """A spiral of one and a half turns with normal noise."""

    def sample(n: int) -> Tensor:
        t = 1.5 * math.pi * (1 + 2 * torch.rand(n))
        spiral = torch.stack([t * t.cos(), t * t.sin()], dim=1) / 7.5
        return spiral + ROLL_NOISE * torch.randn(n, 2)

    return ToySet(sample, torch.empty(0, 2), ROLL_NOISE, 2.5)


TOY_SETS = {"ring8": ring8, "grid25": grid25, "swissroll": swissroll}
