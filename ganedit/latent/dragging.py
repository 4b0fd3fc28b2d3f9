"""Drags points of an image to where they should be: DragGAN (Pan et al., "Drag Your GAN", SIGGRAPH 2023,
arXiv:2305.10973).

Every step moves the code so that the features around each point appear a little nearer to its goal (motion
supervision), and then looks for the point where the features are most like those at its start (tracking).
Unlike the paper, the features to appear there are the mean of those around the point now and at its start:
otherwise small generators slowly move another part of the image to the goal, which `benchmarks/dragging.py`
measures.

Positions are x to the right and y down from the top left corner of the crop, in its pixels: the centre of the
first pixel is 0.5, 0.5.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.errors import InputError, UsageError
from ganedit.latent.latent import Latent
from ganedit.latent.sampling import spread_of_codes
from ganedit.latent.styles import draw_styles, styles_of
from ganedit.latent.units.activations import LayerShape, layer_shapes, watched

if TYPE_CHECKING:
    from ganedit.store.models import Generator

LOG = logging.getLogger(__name__)
Progress = Callable[[int, int], None]
Person = Callable[[Tensor], Tensor]
"""Identity distances [N] of images [N, 3, R, R] in [-1, 1] from the face before, with gradients."""
Space = Literal["w", "w+"]
Point = tuple[float, float]

ARRIVED = 1.0  # pixels from its goal at which a point has arrived
STEP = 1.0  # pixels that a point is asked to move at a time
FINEST = 128  # pixels of the finest features, as in the paper
AROUND = 3.0  # radius of the patch that is moved, in pixels of a crop of 128
SEARCH = 3.0  # half the side of the square where a point is searched, in pixels of a crop of 128
ANCHOR = 0.5  # share of the features at the start of a point in those that its goal should get
PERSON_FREE = 0.3  # identity distance that costs nothing: what a turn of the head or a smile changes
PERSON_EVERY = 4  # steps; the term takes as long as the rest of a step
HELD = 20.0  # weight of what the mask holds, as in the paper

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
class DragOptions:
    """How points are dragged.

    Attributes:
        steps: Most steps, at least 1; a drag ends earlier if all points arrive.
        space: "w+" moves each row of a code by itself, which reaches more; "w" all rows alike.
        rate: Learning rate, above 0, in standard deviations of random codes.
        keep: Weight of the mean squared distance from the code before, in units of the variance of random
            codes, at least 0; more of it keeps the rest of the image, and makes far goals harder to reach.
        identity: Weight of the identity distance beyond 0.3, at least 0, if `drag` is given a `person`.

    Raises:
        UsageError: A value out of its range.
    """

    steps: int = 150
    space: Space = "w+"
    rate: float = 0.05
    keep: float = 0.1
    identity: float = 0.02

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 10_000:
            raise UsageError(f"`steps={self.steps}` must be between 1 and 10000", "such as 100")
        if self.space not in get_args(Space):
            raise UsageError(f"there is no space {self.space}", f"choose {' or '.join(get_args(Space))}")
        if not (self.rate > 0 and math.isfinite(self.rate)):
            raise UsageError(f"`rate={self.rate}` must be above 0", "such as 0.03")
        for name in ("keep", "identity"):
            value = getattr(self, name)
            if not (value >= 0 and math.isfinite(value)):
                raise UsageError(f"`{name}={value}` must be at least 0")


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
    search = _Drag(own, latent, moves, options, mask, person)
    path = search.run(progress)
    at = [(round(float(x), 2), round(float(y), 2)) for x, y in search.handles]
    points = tuple(DraggedPoint(move, where) for move, where in zip(moves, at, strict=True))
    record: dict[str, Any] = {
        "drag": [str(point.move) for point in points],
        "reached": [list(point.at) for point in points],
        "steps": len(path) - 1,
        "space": options.space,
        "masked": mask is not None,
    }
    for point in points:
        if not point.arrived:
            LOG.warning(point.how_far(len(path) - 1))
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
        raise InputError(f"the mask is {size}, the crop {side}x{side}", "draw the mask on the crop itself")
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


class _Drag:
    """The optimisation of one code."""

    def __init__(
        self,
        generator: Generator,
        latent: Latent,
        moves: Sequence[PointMove],
        options: DragOptions,
        mask: np.ndarray | None,
        person: Person | None,
    ) -> None:
        self.generator, self.options, device = generator, options, generator.device
        self.person = person if options.identity else None
        self.held = (
            None if mask is None else torch.tensor(~mask.astype(bool), device=device)[None, None].float()
        )
        self.side, pixel = generator.resolution, max(generator.resolution / 128, 1.0)
        self.shapes = feature_layers(generator)
        self.start = latent.ws[None].to(device, torch.float32)
        self.added = None if latent.styles is None else latent.styles[None].to(device, torch.float32)
        coarse = self.shapes[0].inside
        self.rows = [row for row, size in enumerate(generator.row_sizes) if size <= coarse]
        self.unit = spread_of_codes(generator)
        shape = self.start[:, self.rows if options.space == "w+" else self.rows[:1]].shape
        self.offset = torch.zeros(shape, device=device, requires_grad=True)
        self.handles = torch.tensor([move.start for move in moves], dtype=torch.float32, device=device)
        self.goals = torch.tensor([move.goal for move in moves], dtype=torch.float32, device=device)
        self.patch = _grid(AROUND * pixel, AROUND * pixel / 3, round_=True).to(device)
        self.searches = [
            grid.to(device) for grid in (_grid(SEARCH * pixel, pixel), _grid(pixel / 2, pixel / 2))
        ]

    def run(self, progress: Progress | None) -> Tensor:
        """The codes [T, L, W] on the way; `handles` are then where the points came."""
        optimizer = SharedAdam(self.offset, self.options.rate)
        path: list[Tensor] = []
        for step in range(self.options.steps + 1):
            ws = self._codes()
            path.append(ws[0].detach().cpu())
            asked = self.person is not None and step % PERSON_EVERY == 0
            images, maps = self._features(ws, whole=asked)
            if step == 0:
                self.before = [one.detach() for one in maps]
                self.wanted = sample(self.before, self.handles, self.side)  # [P, C]
                self.patches = sample(self.before, self.handles[:, None] + self.patch, self.side)  # [P, K, C]
            else:
                self._track(maps)
            left = (self.goals - self.handles).norm(dim=1)
            if step == self.options.steps or bool((left <= ARRIVED).all()):
                break
            (slope,) = torch.autograd.grad(self._loss(maps, images), self.offset)
            optimizer.step(slope)
            if progress:
                progress(step + 1, self.options.steps)
        return torch.stack(path)

    def _codes(self) -> Tensor:
        rows = self.rows if self.options.space == "w+" else list(range(self.generator.num_ws))
        ws = self.start.clone()
        ws[:, rows] = ws[:, rows] + self.offset * self.unit
        return ws

    def _features(self, ws: Tensor, *, whole: bool) -> tuple[Tensor | None, list[Tensor]]:
        """The image, if the `whole` of it is asked for, and the features [1, C, S, S]."""

        def draw() -> Tensor:
            if self.added is None:
                return self.generator.synthesis(ws)
            return draw_styles(self.generator, styles_of(self.generator, ws) + self.added)

        return watched(self.generator, self.shapes, draw, whole=whole)

    @torch.no_grad()
    def _track(self, maps: list[Tensor]) -> None:
        """PointMove each handle to the place near it whose features are most like those at its start."""
        for search in self.searches:  # by pixels, then by halves
            places = (self.handles[:, None] + search).clamp(0, self.side)  # [P, K, 2]
            unlike = (sample(maps, places, self.side) - self.wanted[:, None]).abs().mean(dim=2)
            self.handles = places[torch.arange(len(places)), unlike.argmin(dim=1)]

    def _loss(self, maps: list[Tensor], images: Tensor | None) -> Tensor:
        left = self.goals - self.handles
        steps = left * (STEP / left.norm(dim=1, keepdim=True).clamp_min(STEP))
        around = self.handles[:, None] + self.patch  # [P, K, 2]
        here = torch.lerp(sample(maps, around, self.side).detach(), self.patches, ANCHOR)
        there = sample(maps, around + steps[:, None], self.side)
        loss = (there - here).abs().mean(dim=(1, 2)).sum()
        loss = loss + self.options.keep * self.offset.square().mean()
        if self.held is not None:
            loss = loss + HELD * self._change_outside(maps)
        if self.person is not None and images is not None:
            changed = F.relu(self.person(images.clamp(-1, 1)).sum() - PERSON_FREE)
            loss = loss + PERSON_EVERY * self.options.identity * changed
        return loss

    def _change_outside(self, maps: list[Tensor]) -> Tensor:
        """Mean change of the features where the mask holds the image."""
        assert self.held is not None
        total = maps[0].new_zeros(())
        for now, before in zip(maps, self.before, strict=True):
            weight = F.interpolate(self.held.to(now), size=now.shape[2:], mode="area")
            total = total + ((now - before).abs() * weight).mean()
        return total


class SharedAdam:
    """Adam (arXiv:1412.6980) with one second moment for all numbers.

    The usual one moves numbers that hardly matter as fast as those that matter, which changes the rest of the
    image: `benchmarks/dragging.py`.
    """

    BETAS = (0.9, 0.999)

    def __init__(self, parameter: Tensor, rate: float) -> None:
        self.parameter, self.rate = parameter, rate
        self.mean, self.square, self.steps = torch.zeros_like(parameter), 0.0, 0

    @torch.no_grad()
    def step(self, slope: Tensor) -> None:
        first, second = self.BETAS
        self.steps += 1
        self.mean.lerp_(slope, 1 - first)
        self.square += (1 - second) * (float(slope.square().mean()) - self.square)
        size = math.sqrt(self.square / (1 - second**self.steps)) + 1e-12
        self.parameter -= self.mean * (self.rate / (1 - first**self.steps) / size)


def feature_layers(generator: Generator) -> list[LayerShape]:
    """The two layers whose features are used, coarse first.

    The paper takes features of 128 px for images of 512 px. Smaller generators have half their size, and
    features of half that size beside them keep points from being lost; `benchmarks/dragging.py` compares.
    """
    shapes = layer_shapes(generator)
    finest = min(generator.resolution // 2, FINEST)
    return [
        [one for one in shapes if one.inside <= size or one.layer == 0][-1] for size in (finest // 2, finest)
    ]


def sample(maps: Sequence[Tensor], points: Tensor, side: int) -> Tensor:
    """Features [..., C] of maps [1, C', S, S] at points [..., 2] in pixels of a crop; linear in between."""
    grid = (points.reshape(1, 1, -1, 2) * (2 / side) - 1).float()
    found = [F.grid_sample(one, grid, "bilinear", "border", align_corners=False)[0, :, 0] for one in maps]
    return torch.cat(found).t().reshape(*points.shape[:-1], -1)


def _grid(radius: float, spacing: float, *, round_: bool = False) -> Tensor:
    """Places [K, 2] within a square around 0, or within a circle."""
    count = max(round(radius / spacing), 1)
    line = torch.arange(-count, count + 1) * spacing
    places = torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1).reshape(-1, 2)
    return places[places.norm(dim=1) <= radius * 1.001] if round_ else places
