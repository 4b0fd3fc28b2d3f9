"""Paths through a latent space, from one code to the next."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import UsageError

Mode = Literal["linear", "slerp", "spline"]
MODES = get_args(Mode)


def walk(points: Tensor, steps: int, mode: Mode = "linear", *, loop: bool = False) -> Tensor:
    """Codes on a path through `points`, evenly spaced in time.

    Args:
        points: [K, ...], visited in this order at equal intervals of time.
        steps: Number of codes, including the first and the last point; with `loop` this includes the way back
            to the first point, but not that point again.
        mode: "linear", straight from point to point; "slerp", on great circles (Shoemake 1985), which suits
            normal z, whose length hardly varies; "spline", a cubic curve through all points without corners.
        loop: Go back to the first point.

    Returns:
        [steps, ...].

    Raises:
        UsageError: fewer than two points or steps, or an unknown mode.
    """
    if len(points) < 2:
        raise UsageError(f"a walk needs at least two points, not {len(points)}", "name two or more")
    if steps < 2:
        raise UsageError(f"`steps={steps}` must be at least 2", "choose 2 or more, such as 60")
    if mode not in MODES:
        raise UsageError(f"there is no mode {mode!r}", f"choose {', '.join(MODES)}")
    stops = torch.cat([points, points[:1]]) if loop else points
    legs = len(stops) - 1
    times = torch.linspace(0, legs, steps + loop, dtype=torch.float64)[:steps]
    if mode == "spline":
        return _spline(stops, times, loop)
    at = times.long().clamp(max=legs - 1)
    shares = (times - at).to(points)
    if mode == "slerp":
        return torch.stack([slerp(stops[i], stops[i + 1], float(t)) for i, t in zip(at, shares, strict=True)])
    return torch.stack([torch.lerp(stops[i], stops[i + 1], t) for i, t in zip(at, shares, strict=True)])


def slerp(start: Tensor, stop: Tensor, share: float) -> Tensor:
    """A code [..., D] on the great circle between two, its length changing linearly; exact at both ends.

    Rows with the same or opposite directions, which have no unique great circle, are interpolated linearly.
    """
    first, last = start.norm(dim=-1, keepdim=True), stop.norm(dim=-1, keepdim=True)
    a, b = start / first.clamp(min=1e-12), stop / last.clamp(min=1e-12)
    cosine = (a * b).sum(dim=-1, keepdim=True).clamp(-1, 1)
    angle = cosine.acos()
    sine = angle.sin()
    turned = ((1 - share) * angle).sin() / sine * a + (share * angle).sin() / sine * b
    return torch.where(sine > 1e-4, turned * torch.lerp(first, last, share), torch.lerp(start, stop, share))


def _spline(stops: Tensor, times: Tensor, loop: bool) -> Tensor:
    from scipy.interpolate import CubicSpline

    flat = stops.flatten(1).double().cpu().numpy()
    curve = CubicSpline(np.arange(len(flat)), flat, bc_type="periodic" if loop else "natural")
    return torch.from_numpy(curve(times.numpy())).to(stops).reshape(-1, *stops.shape[1:])
