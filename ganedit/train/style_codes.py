"""Random style codes for generators that learn."""

from __future__ import annotations

import torch
from torch import Tensor

from ganedit.nets.layers_style import StyleGenerator

W_AVG_BETA = 0.995


def random_codes(
    generator: StyleGenerator, n: int, c: Tensor | None = None, *, mixing: float, rows: int | None = None
) -> Tensor:
    """Codes ws [N, L, w_dim] of random z, which the generator's mean of w follows.

    Args:
        generator: Its `mapping` gets gradients.
        n: Number of codes N.
        c: One-hot classes [N, C].
        mixing: Probability that all codes are mixed of two, at a random row (Karras et al., arXiv:1812.04948,
            section 3.1).
        rows: Rows that are in use; None means all.
    """
    average, cfg = generator.w_avg, generator.cfg
    w: Tensor = generator.mapping(torch.randn(n, cfg.z_dim, device=average.device), c)
    with torch.no_grad():
        average.lerp_(w.detach().mean(dim=0), 1 - W_AVG_BETA)
    if torch.rand(()) >= mixing:
        return w.unsqueeze(1).repeat(1, cfg.num_ws, 1)
    other = generator.mapping(torch.randn(n, cfg.z_dim, device=average.device), c)
    at = int(torch.randint(1, rows or cfg.num_ws, ()))
    return torch.stack([w] * at + [other] * (cfg.num_ws - at), dim=1)
