"""Interpolates between seeds or latents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import UsageError
from ganedit.images.tensors import from_tensor
from ganedit.latent.generating import need_no_class, refuse_points
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


def interpolate_z(
    seeds: Sequence[int],
    generator: Generator,
    *,
    steps: int = 60,
    mode: Mode = "slerp",
    loop: bool = False,
    psi: float = 1.0,
    classes: Sequence[int | str] = (),
) -> Callable[[Sequence[int]], list[np.ndarray]]:
    """Interpolate between seeds of any generator, also one without a style space, such as a DCGAN or BigGAN.

    Classes are interpolated as well, linearly: between two of them is what the network makes of half of
    each (Brock et al., arXiv:1809.11096, figure 8).

    Args:
        seeds: Two or more.
        generator: The generator.
        steps: Number of images in all, both ends included.
        mode: "slerp", along great circles, "linear" or "spline".
        loop: Return to the first seed.
        psi: Truncation.
        classes: Number or name of the class of each seed, or one for all, for models with classes.

    Returns:
        A function that draws those of the `steps` images that it is given the numbers of, each [S, S, 3]
        uint8.

    Raises:
        UsageError: Fewer than two seeds, classes that do not suit, or a model that draws points.
        InputError: An unknown class, or a seed out of range.

    Examples:
        >>> draw = ganedit.interpolate_z([1, 2], ganedit.load("digits"), steps=5, classes=[3, 8])
        >>> [image.shape for image in draw([0, 4])]
        [(32, 32, 3), (32, 32, 3)]
    """
    if len(seeds) < 2:
        raise UsageError(f"interpolation needs at least two seeds, not {len(seeds)}", "name two or more")
    refuse_points(generator)
    if len(classes) not in (0, 1, len(seeds)):
        raise UsageError(
            f"there are {len(classes)} classes for {len(seeds)} seeds", "name one for all, or one for each"
        )
    if not classes:
        need_no_class(generator)
    numbers = [generator.class_number(str(one)) for one in classes] * (len(seeds) if len(classes) == 1 else 1)
    z = walk(generator.z_of(seeds, psi), steps, mode, loop=loop)
    c = walk(generator.one_hot(numbers), steps, "linear", loop=loop) if numbers else None

    def draw(rows: Sequence[int]) -> list[np.ndarray]:
        chosen = list(rows)
        images = generator.generate(z=z[chosen], c=None if c is None else c[chosen], psi=psi)
        return [from_tensor(image) for image in images]

    return draw


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
