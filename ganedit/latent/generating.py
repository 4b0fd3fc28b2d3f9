"""Generates images from seeds, with their latents."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import UsageError
from ganedit.images.encode import preview_png
from ganedit.images.tensors import from_tensor
from ganedit.latent.latent import Latent
from ganedit.latent.truncation import Truncation
from ganedit.store.models import Generator
from ganedit.store.models.base import check_model

AT_ONCE = {"cpu": 4, "cuda": 32}  # images up to LARGE px; larger ones are drawn one by one
LARGE = 256


@dataclass(frozen=True)
class Sample:
    """One generated image.

    Attributes:
        seed: The seed of its z.
        pixels: [S, S, 3] uint8.
        latent: Its latent; None if the generator has no style space.
    """

    seed: int
    pixels: np.ndarray
    latent: Latent | None

    def _repr_png_(self) -> bytes:
        return preview_png(self.pixels)


@dataclass(frozen=True)
class Move:
    """A rotation followed by a shift of what a StyleGAN3 draws.

    Attributes:
        degrees: Rotation about the centre, anticlockwise.
        x: Shift to the right, in image widths.
        y: Shift downwards, in image heights.
    """

    degrees: float = 0.0
    x: float = 0.0
    y: float = 0.0

    def matrix(self) -> Tensor:
        """Matrix [3, 3] for `Generator.synthesis`."""
        cos, sin = math.cos(math.radians(self.degrees)), math.sin(math.radians(self.degrees))
        return torch.tensor([[cos, sin, self.x], [-sin, cos, self.y], [0, 0, 1]])


def generate(
    generator: Generator,
    seeds: Iterable[int] | int,
    *,
    truncation: Truncation | float = 0.7,
    cutoff: int | None = None,
    class_: int | str | None = None,
    noise: Literal["const", "random", "none"] = "const",
    move: Move | None = None,
) -> Iterator[Sample]:
    """Generate an image for each seed; images are drawn in small batches as they are asked for.

    The same seed gives the same image on every machine. `noise="random"` draws from the global random state
    of torch.

    Args:
        generator: The generator.
        seeds: Seeds from 0 to 2**32 - 1.
        truncation: psi (Karras et al., arXiv:1812.04948): 1 gives most variety, 0 the average image; or a
            `Truncation` by layers or towards several centres.
        cutoff: Truncate only this many layers, coarse first; None truncates all.
        class_: Number or name of a class, for models with classes, which need one.
        noise: "const" (stored with the model), "random" or "none".
        move: Moves what is drawn; StyleGAN3 only.

    Yields:
        The samples, in the order of the seeds.

    Raises:
        UsageError: An option that the model does not have, or a missing class.
        InputError: An invalid seed, a psi that is not finite, or an unknown class.

    Examples:
        >>> (sample,) = ganedit.generate(ganedit.load("faces"), [7])
        >>> sample.pixels.dtype, sample.latent.space
        (dtype('uint8'), 'w')
    """
    check_model(generator)
    if not isinstance(truncation, Truncation):
        truncation = Truncation(float(truncation))
    number = _checked(generator, class_, cutoff, move, truncation)
    todo = [seeds] if isinstance(seeds, int) else list(seeds)
    size = AT_ONCE.get(generator.device.type, 4) if generator.resolution <= LARGE else 1

    def samples() -> Iterator[Sample]:
        for at in range(0, len(todo), size):
            some = todo[at : at + size]
            with torch.no_grad():
                images, codes = _draw(generator, some, truncation, cutoff, number, noise, move)
            for seed, image, ws in zip(some, images, codes, strict=True):
                yield Sample(seed, from_tensor(image), None if ws is None else _latent(ws, generator))

    return samples()


def _checked(
    generator: Generator,
    class_: int | str | None,
    cutoff: int | None,
    move: Move | None,
    truncation: Truncation,
) -> int | None:
    """The number of the class; raises UsageError for options that the model does not have."""
    refuse_points(generator)
    if move and not generator.has_transform:
        raise UsageError(
            f"the model {generator.name} cannot move its images", "`rotate` and `translate` are for StyleGAN3"
        )
    if cutoff is not None and cutoff < 0:
        raise UsageError(f"`cutoff={cutoff}` must be at least 0", "leave it out to truncate all layers")
    if cutoff is not None and not generator.has_styles:
        raise UsageError(f"the model {generator.name} has no layers to truncate", "leave `cutoff` out")
    if not generator.has_styles and not (isinstance(truncation.psi, float) and truncation.centres is None):
        raise UsageError(
            f"the model {generator.name} has no style codes to truncate",
            "give `psi` one number, and leave `clusters` out",
        )
    if class_ is not None:
        return generator.class_number(str(class_))
    need_no_class(generator)
    return None


def refuse_points(generator: Generator) -> None:
    """Refuse a generator of points of the plane.

    Raises:
        UsageError: It is one.
    """
    if generator.draws_points:
        raise UsageError(
            f"the model {generator.name} draws points of the plane, not images",
            "the film of its run shows them; ganedit.load(...).generate(seeds=[0]) returns them",
        )


def need_no_class(generator: Generator) -> None:
    """Refuse to draw without a class.

    Raises:
        UsageError: The generator has classes.
    """
    if generator.num_classes:
        raise UsageError(
            f"the model {generator.name} draws {generator.num_classes} classes",
            f"choose a `class` from 0 to {generator.num_classes - 1}"
            + (", or by name" if generator.class_names else ""),
        )


def _draw(
    generator: Generator,
    seeds: list[int],
    truncation: Truncation,
    cutoff: int | None,
    class_: int | None,
    noise: Literal["const", "random", "none"],
    move: Move | None,
) -> tuple[Tensor, Tensor | list[None]]:
    """Images [N, 3, S, S] and codes [N, L, W]; None for each code of models without a style space."""
    psi = truncation.psi if isinstance(truncation.psi, float) else 1.0
    z = generator.z_of(seeds, psi)
    c = None if class_ is None else generator.one_hot(class_, len(seeds))
    if not generator.has_styles:
        return generator.generate(z=z, c=c, psi=psi), [None] * len(seeds)
    ws = truncation.codes(generator, z, c, cutoff)
    return generator.synthesis(ws, noise, move.matrix() if move else None), ws


def _latent(ws: Tensor, generator: Generator) -> Latent:
    return Latent(ws.cpu().clone(), **generator.identity, space="w", template=generator.card.template)
