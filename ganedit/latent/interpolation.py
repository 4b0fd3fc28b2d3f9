"""Interpolates between seeds or latents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from ganedit.errors import UsageError
from ganedit.latent.latent import Latent, added_styles
from ganedit.latent.truncation import Truncation
from ganedit.latent.walks import Mode, walk
from ganedit.store.models import Generator

Space = Literal["w+", "w", "z"]


def interpolate(
    points: Sequence[Latent | int],
    generator: Generator,
    *,
    steps: int = 60,
    space: Space = "w+",
    mode: Mode | None = None,
    loop: bool = False,
    truncation: Truncation | float = 0.7,
) -> list[Latent]:
    """Interpolate between latents or seeds; `ganedit.draw` draws the result.

    Tuned weights and noise of the points are left out, since they cannot be interpolated.

    Args:
        points: Two or more latents of this generator, or seeds.
        generator: The generator.
        steps: Number of latents in all, both ends included.
        space: "w+" (a code per layer), "w" (one code for all layers) or "z" (before the mapping network;
            seeds only).
        mode: "linear"; "slerp", along great circles; "spline", a smooth curve through all points. None takes
            "slerp" in z and "linear" elsewhere.
        loop: Return to the first point.
        truncation: psi, or a `Truncation`, for the codes of seeds.

    Returns:
        `steps` latents, evenly spaced.

    Raises:
        UsageError: Fewer than two points, or points that do not suit the space.
        CheckpointError: A latent of another model.

    Examples:
        >>> faces = ganedit.load("faces")
        >>> len(ganedit.interpolate([1, 2], faces, steps=5))
        5
    """
    if not isinstance(truncation, Truncation):
        truncation = Truncation(float(truncation))
    if len(points) < 2:
        raise UsageError(f"interpolation needs at least two points, not {len(points)}", "name two or more")
    mode = mode or ("slerp" if space == "z" else "linear")
    for point in points:
        if isinstance(point, Latent):
            point.check_model(generator)
    if space == "z":
        return _latents(_walk_z(points, generator, steps, mode, loop, truncation), None, generator)
    latents = [
        point if isinstance(point, Latent) else _sample(point, generator, truncation) for point in points
    ]
    codes = torch.stack([latent.ws for latent in latents])
    if space == "w" and not torch.allclose(codes, codes[:, :1].expand_as(codes), atol=1e-6):
        raise UsageError(
            "`space=w` needs one code for all layers, and these have one per layer", "use `space=w+`"
        )
    added = added_styles(latents)
    if added is not None:  # differences have no length to keep, so they are interpolated linearly
        added = walk(added, steps, "spline" if mode == "spline" else "linear", loop=loop)
    return _latents(walk(codes, steps, mode, loop=loop), added, generator)


@torch.no_grad()
def _walk_z(
    points: Sequence[Latent | int],
    generator: Generator,
    steps: int,
    mode: Mode,
    loop: bool,
    truncation: Truncation,
) -> Tensor:
    """Codes [steps, L, W] of z interpolated between seeds."""
    seeds = [point for point in points if isinstance(point, int)]
    if len(seeds) < len(points):
        raise UsageError(
            "`space=z` is for seeds, and not all points are seeds", "use `space=w` or `space=w+`"
        )
    return truncation.codes(generator, walk(generator.z_of(seeds), steps, mode, loop=loop))


@torch.no_grad()
def _sample(seed: int, generator: Generator, truncation: Truncation) -> Latent:
    ws = truncation.codes(generator, generator.z_of([seed]))
    return _latents(ws.float(), None, generator)[0]


def _latents(codes: Tensor, added: Tensor | None, generator: Generator) -> list[Latent]:
    return [
        Latent(
            ws.cpu().clone(),
            **generator.identity,
            template=generator.card.template,
            styles=None if added is None else added[i],
        )
        for i, ws in enumerate(codes)
    ]
