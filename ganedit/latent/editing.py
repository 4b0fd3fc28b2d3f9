"""Edits: moving along directions, over a range of them, and what that draws."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import CheckpointError, UsageError
from ganedit.images.io import from_tensor
from ganedit.images.paste import Mode, paste
from ganedit.latent.directions import Edit, apply
from ganedit.latent.latent import Latent

if TYPE_CHECKING:
    from ganedit.store.models import Generator

MOST_STEPS = 100  # of a sweep
DRAWN_AT_ONCE = {"cpu": 4, "cuda": 16}
LAST_LAYER = 99  # more than any generator has


@overload
def edit(code: Latent, moves: Sequence[Edit]) -> Latent: ...
@overload
def edit(code: Tensor, moves: Sequence[Edit]) -> Tensor: ...
def edit(code: Latent | Tensor, moves: Sequence[Edit]) -> Latent | Tensor:
    """Move a code along directions.

    Args:
        code: A latent, whose record gains the edits; or codes [L, W] or [N, L, W].
        moves: Direction, magnitude in standard deviations of random samples (0 changes nothing, beyond about
            4 pictures break), and the layers to change, coarse first; None means the direction's own, or all.

    Returns:
        A new one of the same kind.

    Raises:
        UsageError: a magnitude that is not finite, or a layer that the code does not have.
        InputError: a direction for codes of another size.
        CheckpointError: a direction of another model than the latent's.
    """
    if isinstance(code, Tensor):
        return apply(code, moves)
    for direction, magnitude, layers in moves:
        if direction.model_sha256 and direction.model_sha256 != code.model_sha256:
            raise CheckpointError(
                f"the direction {direction.name} was learned on the model {direction.model} "
                f"({direction.model_sha256[:12]}), the latent was made with {code.model} "
                f"({code.model_sha256[:12]})",
                "use a direction and a latent of one model",
            )
        chosen = direction.layers if layers is None else layers
        record = {"direction": direction.name, "magnitude": magnitude, "sigma": direction.sigma}
        code = code.edited(
            apply(code.ws, [(direction, magnitude, layers)]),
            record | ({"layers": list(chosen)} if chosen else {}),
        )
    return code


def parse_layers(text: str) -> tuple[int, ...]:
    """`0-3,7` as (0, 1, 2, 3, 7), each once.

    Raises:
        UsageError: not a list of layers.
    """
    found: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,2})(?:-(\d{1,2}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last <= LAST_LAYER:
            raise UsageError(f"--layers {text} is not a list of layers", "write 0-5 or 0,2,4-7, coarse first")
        found |= dict.fromkeys(range(first, last + 1))
    return tuple(found)


def parse_sweep(text: str) -> list[float]:
    """`-3:3:7` as seven magnitudes from -3 to 3.

    Raises:
        UsageError: not FROM:TO:COUNT, numbers that are not finite, or a count outside 2 to 100.
    """
    try:
        first, last, count = text.split(":")
        start, stop, steps = float(first), float(last), int(count)
    except ValueError:
        raise UsageError(f"--sweep {text} is not FROM:TO:COUNT", "write -3:3:7") from None
    if not (math.isfinite(start) and math.isfinite(stop)) or start == stop:
        raise UsageError(
            f"--sweep {text} goes nowhere", "give two different finite magnitudes, such as -3:3:7"
        )
    if not 2 <= steps <= MOST_STEPS:
        raise UsageError(f"--sweep {text} has {steps} steps", f"choose 2 to {MOST_STEPS}")
    values = np.linspace(start, stop, steps)
    values[np.abs(values) < 1e-9 * (abs(start) + abs(stop))] = 0.0  # and not -0, or a hair beside it
    return [float(v) for v in values]


@torch.no_grad()
def draw(generator: Generator, codes: Sequence[Tensor]) -> list[np.ndarray]:
    """Pictures [R, R, 3] uint8 of style codes [L, W]; for a latent, of its `personal` generator."""
    size = DRAWN_AT_ONCE.get(generator.device.type, 4) if generator.resolution <= 256 else 1
    found = []
    for at in range(0, len(codes), size):
        images = generator.synthesis(torch.stack(list(codes[at : at + size])))
        found += [from_tensor(image) for image in images]
    return found


def between(start: Tensor, stop: Tensor, count: int) -> list[Tensor]:
    """`count` codes from one to another, slow at both ends, as a film wants them."""
    times = 0.5 - 0.5 * torch.linspace(0, math.pi, count).cos()
    return [torch.lerp(start, stop, float(t)) for t in times]


def paste_latent(
    photo: np.ndarray, latent: Latent, generator: Generator, *, mode: Mode = "change"
) -> np.ndarray:
    """The photo with the edits of its latent in it.

    Args:
        photo: [H, W, 3], uint8 or uint16, what the latent's affine points into.
        latent: An edited one.
        generator: The model that it was made with.
        mode: See `images.paste.paste`.

    Raises:
        CheckpointError: another model.
        UsageError: the latent was not made from a photo.
    """
    if latent.affine is None:
        raise UsageError("the latent was not made from a photo, so that there is nothing to paste into")
    before, after = draw(latent.personal(generator), [latent.original, latent.ws])
    return paste(photo, latent.affine, before, after, mode=mode)
