"""Drags points of an image to where they should be: DragGAN (Pan et al., "Drag Your GAN", SIGGRAPH 2023,
arXiv:2305.10973).

Positions are x to the right and y down from the top left corner of the crop, in its pixels: the centre of the
first pixel is 0.5, 0.5.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import InputError, UsageError
from ganedit.latent.latent import Latent
from ganedit.latent.motion import ARRIVED, DragOptions, Motion, Person, Point, Progress, Watch

if TYPE_CHECKING:
    from ganedit.store.models import Generator

LOG = logging.getLogger(__name__)
_NUMBER = r"\s*(-?\d{1,6}(?:\.\d{1,6})?)\s*"
_MOVE = re.compile(rf"{_NUMBER},{_NUMBER}:{_NUMBER},{_NUMBER}")


@dataclass(frozen=True)
class PointMove:
    """Where a point is, and where it should be.

    Attributes:
        start: x and y in pixels of the crop.
        goal: The same.

    Examples:
        >>> ganedit.PointMove.parse("40,52:44,50")
        PointMove(start=(40.0, 52.0), goal=(44.0, 50.0))
    """

    start: Point
    goal: Point

    @classmethod
    def parse(cls, text: str) -> PointMove:
        """Read X,Y:X2,Y2.

        Raises:
            UsageError: It is something else.
        """
        match = _MOVE.fullmatch(text)
        if match is None:
            raise UsageError(f"`move={text}` is not X,Y:X2,Y2", "such as 40,52:44,50, in pixels of the crop")
        x, y, x2, y2 = map(float, match.groups())
        return cls((x, y), (x2, y2))

    def __str__(self) -> str:
        (x, y), (x2, y2) = self.start, self.goal
        return f"{x:g},{y:g}:{x2:g},{y2:g}"


@dataclass(frozen=True)
class DraggedPoint:
    """Where a point came.

    Attributes:
        move: Where it started, and where it should be.
        at: Where it is now, as far as it could be tracked: x and y in pixels of the crop.
    """

    move: PointMove
    at: Point

    @property
    def left(self) -> float:
        """Pixels from its goal."""
        return math.dist(self.at, self.move.goal)

    @property
    def arrived(self) -> bool:
        return self.left <= ARRIVED

    def how_far(self, steps: int) -> str:
        """A sentence that says so."""
        x, y = self.move.start
        whole = math.dist(self.move.start, self.move.goal)
        share = f"{1 - self.left / whole:.0%} of the way" if self.left < whole else "no nearer"
        at = f"{self.at[0]:g},{self.at[1]:g}"
        return (
            f"the point {x:g},{y:g} did not arrive: after {steps} steps it is at {at}, {share}, "
            f"{self.left:.1f} px from its goal"
        )


@dataclass(frozen=True, eq=False)
class Dragged:
    """The result of a drag.

    Attributes:
        latent: The changed latent, whose record gains the moves and where the points came.
        points: The points in the order of the moves.
        path: Codes [T, L, W] from the code before to that of the result.
    """

    latent: Latent
    points: tuple[DraggedPoint, ...]
    path: Tensor

    @property
    def steps(self) -> int:
        """Steps that were made."""
        return len(self.path) - 1

    def latents(self, count: int) -> list[Latent]:
        """`count` latents along the path, for a film."""
        places = torch.linspace(0, self.steps, count)
        pairs = [
            (self.path[int(at)], self.path[min(int(at) + 1, self.steps)], float(at % 1)) for at in places
        ]
        return [replace(self.latent, ws=torch.lerp(*pair)) for pair in pairs]


def drag(
    latent: Latent,
    generator: Generator,
    moves: Sequence[PointMove],
    options: DragOptions | None = None,
    *,
    mask: np.ndarray | None = None,
    person: Person | None = None,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Dragged:
    """Change a latent until points of its image are where they should be (DragGAN, Pan et al.,
    arXiv:2305.10973).

    Args:
        latent: A latent of `generator`; its tuned weights are used if it has any.
        generator: A StyleGAN2 or StyleGAN3.
        moves: The points and their goals, in pixels of the crop.
        options: Steps, space and weights; None takes the defaults.
        mask: [R, R], true where the image may change; None lets all of it. It holds the rest by a term of the
            loss, not exactly.
        person: Measures how far a face is from the one before, which `options.identity` weighs; for a face,
            pass `ganedit.person_in(latent, generator)`.
        progress: Called with (steps done, most steps).
        watch: Called with the code [L, W] and the points [P, 2] before the first step and after each.

    Returns:
        The changed latent, and where each point came.

    Raises:
        UsageError: No move, or a start or goal outside the crop.
        InputError: The mask has another size, or no pixel that may change.
        CheckpointError: The latent belongs to another model, or the generator has no style space.

    Examples:
        >>> faces = ganedit.load("faces")
        >>> (sample,) = ganedit.generate(faces, [1])
        >>> moves = [ganedit.PointMove((20, 40), (22, 38))]
        >>> dragged = ganedit.drag(sample.latent, faces, moves, ganedit.DragOptions(steps=2))
        >>> len(dragged.points)
        1
    """
    options = options or DragOptions()
    generator.need_styles()
    own = latent.personal(generator)
    check_moves(moves, own.resolution)
    if mask is not None:
        check_mask(mask, own.resolution)
    search = Motion(own, latent, [(one.start, one.goal) for one in moves], options, mask, person)
    path = search.run(progress, watch)
    at = [(round(float(x), 2), round(float(y), 2)) for x, y in search.handles]
    points = tuple(DraggedPoint(move, where) for move, where in zip(moves, at, strict=True))
    record: dict[str, Any] = {
        "drag": [str(point.move) for point in points],
        "reached": [list(point.at) for point in points],
        "steps": len(path) - 1,
        "space": options.space,
        "masked": mask is not None,
    }
    hint = "" if mask is None else "; the mask holds it: paint more of it white, or leave it out"
    for point in points:
        if not point.arrived:
            LOG.warning(point.how_far(len(path) - 1) + hint)
    return Dragged(latent.edited(path[-1], record), points, path)


def check_moves(moves: Sequence[PointMove], side: int) -> None:
    """Refuse moves that do not lie in a crop of `side` pixels.

    Raises:
        UsageError: There is none, or one of them starts or ends outside.
    """
    if not moves:
        raise UsageError(
            "no `move` was given", "such as 40,52:44,50, from X,Y to X2,Y2 in pixels of the crop"
        )
    for move in moves:
        for name, point in (("starts", move.start), ("ends", move.goal)):
            if not all(math.isfinite(n) and 0 <= n <= side for n in point):
                raise UsageError(
                    f"the move {move} {name} outside the crop, which has {side}x{side} pixels",
                    f"choose x and y from 0 to {side}",
                )


def check_mask(mask: np.ndarray, side: int) -> None:
    """Refuse a mask [H, W] of another size than the crop, or without a pixel that may change.

    Raises:
        InputError: It is such a mask.
    """
    if mask.shape != (side, side):
        size = "x".join(str(n) for n in mask.shape[::-1])
        raise InputError(
            f"the mask has {size} pixels, and the crop {side}x{side}", "draw the mask on the crop itself"
        )
    if not mask.any():
        raise InputError("the mask is black everywhere", "mark in white what may change")


def moves_in_crop(moves: Sequence[PointMove], latent: Latent) -> list[PointMove]:
    """Moves in pixels of a photo, in those of the crop that a latent was made from.

    Raises:
        UsageError: The latent was not made from a photo.
    """
    if latent.affine is None:
        raise UsageError(
            "the latent was not made from a photo, so that it has no coordinates in one",
            "give the moves in pixels of the crop",
        )
    axes, origin = latent.affine[:, :2], latent.affine[:, 2]

    def inside(point: Point) -> Point:
        x, y = np.linalg.solve(axes, np.asarray(point) - origin)
        return round(float(x), 3), round(float(y), 3)

    return [PointMove(inside(move.start), inside(move.goal)) for move in moves]
