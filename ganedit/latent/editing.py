"""Moves codes along directions, by one magnitude or a range of them, and draws the results."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.images.io import Photo, as_photo
from ganedit.images.paste import Mode, paste
from ganedit.images.tensors import from_tensor
from ganedit.latent.directions.direction import Direction, Edit, apply
from ganedit.latent.directions.named import find
from ganedit.latent.latent import Latent, images_of

if TYPE_CHECKING:
    from ganedit.store.models import Generator

LOG = logging.getLogger(__name__)
Moves = Sequence[Any] | Mapping[str, float]
MOST_STEPS = 100  # in a sweep
DRAWN_AT_ONCE = {"cpu": 4, "cuda": 16}
LAST_LAYER = 99  # more than any generator has


@overload
def edit(code: Latent, moves: Moves, *, safe: bool | None = False) -> Latent: ...
@overload
def edit(code: Tensor, moves: Moves, *, safe: bool | None = False) -> Tensor: ...
def edit(code: Latent | Tensor, moves: Moves, *, safe: bool | None = False) -> Latent | Tensor:
    """Move a code along directions.

    A magnitude beyond the safe range of its direction is logged as a warning.

    Args:
        code: A latent, whose record gains the edits; or style codes [L, W] or [N, L, W].
        moves: Triples of a direction, a magnitude and layers. The magnitude counts standard deviations of
            random samples: 0 changes nothing, and images break beyond the safe range of the direction. The
            layers are row numbers, coarse first; None means those of the direction, or all. Or magnitudes by
            the names of directions: {"smile": 2}.
        safe: Clip magnitudes to the safe ranges of their directions; None takes them without a warning.

    Returns:
        A new latent, or new codes.

    Raises:
        UsageError: A magnitude that is not finite, a layer that the code does not have, or a name that no
            direction of the latent's model has.
        InputError: A direction for codes of another size; or a direction of styles (space "s") for plain
            codes.
        CheckpointError: The direction and the latent belong to different models.

    Examples:
        >>> (sample,) = ganedit.generate(ganedit.load("faces"), [7])
        >>> smile = ganedit.direction("smile", "faces")
        >>> ganedit.edit(sample.latent, [(smile, 2.0, None)]).edits[-1]["magnitude"]
        2.0
        >>> ganedit.edit(sample.latent, {"smile": 2, "age": -1}).edits[-1]["direction"]
        'age'
    """
    moves = _as_moves(code, moves)
    if safe is not None:
        moves = [(direction, in_range(direction, m, clip=safe), layers) for direction, m, layers in moves]
    if isinstance(code, Tensor):
        return apply(code, moves)
    for direction, magnitude, layers in moves:
        mine = {direction.model_sha256, direction.weights_sha256} - {""}
        if mine and not mine & {code.model_sha256, code.weights_sha256}:
            raise CheckpointError(
                f"the direction {direction.name} was learned on the model {direction.model} "
                f"({direction.model_sha256[:12]}), the latent was made with {code.model} "
                f"({code.model_sha256[:12]})",
                "use a direction and a latent of one model",
            )
        chosen = direction.layers if layers is None else layers
        record = {"direction": direction.name, "magnitude": magnitude, "sigma": direction.sigma}
        if direction.space == "s":
            code = _restyled(code, direction, magnitude, layers, record | {"space": "s"})
            continue
        code = code.edited(
            apply(code.ws, [(direction, magnitude, layers)]),
            record | ({"layers": list(chosen)} if chosen else {}),
        )
    return code


def _as_moves(code: Latent | Tensor, moves: Moves) -> list[Edit]:
    """Triples of direction, magnitude and layers, of all that people write."""
    if not isinstance(code, Latent | Tensor):
        raise UsageError(f"a latent can be edited, not {code!r:.60}", "ganedit.project makes one of a photo")
    pairs: list[Any] = list(moves.items()) if isinstance(moves, Mapping) else [moves]
    if not isinstance(moves, Mapping | str | Direction):
        pairs = list(moves)
    triples = []
    for pair in pairs:
        parts = tuple(pair) if isinstance(pair, tuple | list) else (pair, 1.0)
        direction, magnitude, layers = (*parts, None, None)[:3]
        if isinstance(direction, str):
            if isinstance(code, Tensor):
                raise UsageError(
                    "names of directions need a latent, which knows its model",
                    'pass [(ganedit.direction("smile", "faces"), 2.0, None)] to move plain codes',
                )
            direction = find(direction, code.model)
        if not isinstance(direction, Direction) or not isinstance(magnitude, int | float):
            raise UsageError(f"{pair!r} is not a direction and a magnitude", 'write {"smile": 2}')
        triples.append((direction, float(magnitude), layers))
    return triples


def in_range(direction: Direction, magnitude: float, *, clip: bool) -> float:
    """The magnitude, clipped to the safe range of a direction or not; logs a warning if it is beyond."""
    inside = direction.clipped(magnitude)
    if inside == magnitude or not math.isfinite(magnitude):
        return magnitude
    low, high = direction.limits
    kind = "usual" if direction.safe is None else "safe"
    beyond = f"{direction.name} {magnitude:+g} is beyond the {kind} range from {low:+g} to {high:+g}"
    LOG.warning(beyond + (f": clipped to {inside:+g}" if clip else ": the image may break"))
    return inside if clip else magnitude


def _restyled(
    latent: Latent,
    direction: Direction,
    magnitude: float,
    layers: Sequence[int] | None,
    record: dict[str, Any],
) -> Latent:
    check_layers(direction, layers)
    if not math.isfinite(magnitude):
        raise UsageError(f"magnitude {magnitude} of {direction.name} is not a finite number")
    return latent.restyled(direction.vector * (direction.sigma * magnitude), record)


def check_layers(direction: Direction, layers: Sequence[int] | None) -> None:
    """Raise UsageError if layers were chosen for a direction of styles, which has no choice of layers."""
    if direction.space == "s" and layers is not None:
        raise UsageError(
            f"the direction {direction.name} changes styles, where `layers` has no effect",
            "name the channels instead, such as 6:42",
        )


def parse_layers(text: str) -> tuple[int, ...]:
    """Parse `0-3,7` to (0, 1, 2, 3, 7), without repetitions.

    Raises:
        UsageError: not a list of layers.
    """
    layers: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,2})(?:-(\d{1,2}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last <= LAST_LAYER:
            raise UsageError(f"`layers={text}` is not a list of layers", "write 0-5 or 0,2,4-7, coarse first")
        layers |= dict.fromkeys(range(first, last + 1))
    return tuple(layers)


def parse_sweep(text: str) -> list[float]:
    """Parse `-3:3:7` to seven magnitudes from -3 to 3.

    Raises:
        UsageError: not FROM:TO:COUNT, numbers that are not finite, or a count outside 2 to 100.
    """
    try:
        first, last, count = text.split(":")
        start, stop, steps = float(first), float(last), int(count)
    except ValueError:
        raise UsageError(f"`sweep={text}` is not FROM:TO:COUNT", "write -3:3:7") from None
    if not (math.isfinite(start) and math.isfinite(stop)) or start == stop:
        raise UsageError(f"`sweep={text}` needs two different finite magnitudes", "such as -3:3:7")
    if not 2 <= steps <= MOST_STEPS:
        raise UsageError(f"`sweep={text}` has {steps} steps", f"choose 2 to {MOST_STEPS}")
    values = np.linspace(start, stop, steps)
    values[np.abs(values) < 1e-9 * (abs(start) + abs(stop))] = 0.0  # not -0, or almost 0
    return [float(v) for v in values]


@torch.no_grad()
def draw(generator: Generator, codes: Sequence[Tensor | Latent]) -> list[np.ndarray]:
    """Draw the images of latents or style codes.

    Args:
        generator: The generator. The noise and tuned weights of a latent are not applied here: pass
            `latent.personal(generator)` if it has any.
        codes: Latents, drawn with what their edits add to the styles; or style codes [L, W].

    Returns:
        An image [S, S, 3] uint8 for each code.

    Raises:
        InputError: Codes of the wrong size.
        CheckpointError: The generator has no style space.

    Examples:
        >>> faces = ganedit.load("faces")
        >>> (sample,) = ganedit.generate(faces, [7])
        >>> (image,) = ganedit.draw(faces, [sample.latent])
        >>> image.shape == sample.pixels.shape
        True
    """
    size = DRAWN_AT_ONCE.get(generator.device.type, 4) if generator.resolution <= 256 else 1
    pictures = []
    for at in range(0, len(codes), size):
        pictures += [from_tensor(image) for image in images_of(generator, codes[at : at + size])]
    return pictures


def between(start: Latent, stop: Latent, count: int) -> list[Latent]:
    """`count` latents from one to another, slow at both ends, for a film."""
    return [blend(start, stop, share) for share in eased(count)]


def eased(count: int) -> list[float]:
    """`count` numbers from 0 to 1, slow at both ends."""
    return (0.5 - 0.5 * torch.linspace(0, math.pi, count).cos()).tolist()


def blend(start: Latent, stop: Latent, share: float) -> Latent:
    """A latent on the line from one (share 0) to another (share 1), with the record of the second."""
    first, styles = start.styles, stop.styles
    if styles is not None:
        styles = torch.lerp(torch.zeros_like(styles) if first is None else first, styles, share)
    elif first is not None:
        styles = first * (1 - share)
    return replace(stop, ws=torch.lerp(start.ws, stop.ws, share), styles=styles)


def paste_latent(
    photo: Photo | np.ndarray | str | Path, latent: Latent, generator: Generator, *, mode: Mode = "change"
) -> np.ndarray:
    """Paste the edits of a latent into its photo.

    Args:
        photo: The photo that the latent was made from, its path, or its pixels [H, W, 3], uint8 or uint16.
        latent: The edited latent.
        generator: The generator that it was made with.
        mode: "change" adds the difference that the edits make to the drawn face; "replace" puts the drawn
            face in. Both are explained in docs/paste.md.

    Returns:
        A new array like the pixels of `photo`. Without edits, "change" returns it unchanged.

    Raises:
        UsageError: The latent was not made from a photo.
        InputError: It was made from another photo.
        CheckpointError: The latent belongs to another model.

    Examples:
        >>> import numpy as np
        >>> faces, photo = ganedit.load("faces"), ganedit.read_image("examples/portrait.png")
        >>> (latent,) = ganedit.project(photo, faces, ganedit.ProjectOptions("encode"))
        >>> np.array_equal(ganedit.paste(photo, latent, faces), photo.pixels)
        True
        >>> smiling = ganedit.edit(latent, {"smile": 2})
        >>> np.array_equal(ganedit.paste(photo, smiling, faces), photo.pixels)
        False
    """
    if latent.affine is None:
        raise UsageError("the latent was not made from a photo, so that there is nothing to paste into")
    photo = as_photo(photo)
    if photo.sha256 and latent.source_sha256 and photo.sha256 != latent.source_sha256:
        raise InputError(
            f"the latent was not made from {photo.path}", f"pass {latent.source}, or project this photo"
        )
    before, after = draw(latent.personal(generator), [latent.original, latent])
    return paste(photo.pixels, latent.affine, before, after, mode=mode)
