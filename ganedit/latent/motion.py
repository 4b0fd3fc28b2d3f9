"""The optimisation of DragGAN (Pan et al., "Drag Your GAN", SIGGRAPH 2023, arXiv:2305.10973).

Every step moves the code so that the features around each point appear a little nearer to its goal (motion
supervision), and then looks for the place whose surroundings are most like those at its start (tracking).
Four things differ from the paper, which small generators need; without the first three another part of the
image slowly goes to the goal, while the point counts as there:

- The features that should appear are for half (for a single point three quarters) those at the start of the
  point, and else those around it now, which the paper takes alone.
- The patch that is moved has a radius of 7 px of 128, unless another point is near.
- Tracking compares patches, and not the features of single places.
- What the mask holds weighs 1 instead of 20. In a mask of mouth and chin, the mouth corners of 8 samples then
  come within 1.4 px of goals 7.8 px away, instead of 6.7 px; outside, the samples change by 3.8 of 255 levels
  instead of 1.4 (without a mask by 12.7).

With one landmark of 30 photographs moved by a tenth of the face, the image at 19 of the goals is then that
around the point before; with equal shares, patches of 3 px and single places it was so at 10
(`benchmarks/dragging.py`, "by pixels").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.errors import UsageError
from ganedit.latent.sampling import spread_of_codes
from ganedit.latent.styles import draw_styles, styles_of
from ganedit.latent.units.activations import LayerShape, layer_shapes, watched

if TYPE_CHECKING:
    from ganedit.latent.latent import Latent
    from ganedit.store.models import Generator

Progress = Callable[[int, int], None]
Watch = Callable[[Tensor, Tensor], None]  # the code [L, W] of a step, the points [P, 2]
Person = Callable[[Tensor], Tensor]
"""Identity distances [N] of images [N, 3, R, R] in [-1, 1] from the face before, with gradients."""
Space = Literal["w", "w+"]
Point = tuple[float, float]

ARRIVED = 1.0  # pixels from its goal at which a point has arrived
STEP = 1.0  # pixels that a point is asked to move at a time
FINEST = 128  # pixels of the finest features, as in the paper
AROUND = (3.0, 7.0)  # least and largest radius of the patch that is moved, in pixels of a crop of 128
SEARCH = 3.0  # half the side of the square where a point is searched, in pixels of a crop of 128
ANCHOR = (0.5, 0.25)  # share of the features at the start of a point in those that its goal should get: the
# first, and the second divided by the number of points, since more of them change the looks of all
PERSON_FREE = 0.3  # identity distance that costs nothing: what a turn of the head or a smile changes
PERSON_EVERY = 4  # steps; the term takes as long as the rest of a step
HELD = 1.0  # weight of what the mask holds; the paper's 20 holds the points as well


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


class Motion:
    """The optimisation of one code, for points and their goals in pixels of the crop."""

    def __init__(
        self,
        generator: Generator,
        latent: Latent,
        moves: Sequence[tuple[Point, Point]],
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
        self.handles = torch.tensor([start for start, _ in moves], dtype=torch.float32, device=device)
        self.goals = torch.tensor([goal for _, goal in moves], dtype=torch.float32, device=device)
        reach = radii(self.handles, AROUND[0] * pixel, AROUND[1] * pixel)[:, None, None]
        self.patch = reach * _grid(1.0, 1 / 3, round_=True).to(device)  # [P, K, 2]
        self.looks = reach * _grid(1.0, 1 / 2, round_=True).to(device)  # fewer, since tracking takes long
        self.anchor = ANCHOR[0] + ANCHOR[1] / len(moves)
        self.searches = [
            grid.to(device) for grid in (_grid(SEARCH * pixel, pixel), _grid(pixel / 2, pixel / 2))
        ]

    def run(self, progress: Progress | None, watch: Watch | None = None) -> Tensor:
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
                self.wanted = sample(self.before, self.handles[:, None] + self.looks, self.side)  # [P, K, C]
                self.patches = sample(self.before, self.handles[:, None] + self.patch, self.side)  # [P, K, C]
            else:
                self._track(maps)
            if watch:
                watch(path[-1], self.handles.cpu())
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
        """Move each handle to the place near it whose patch is most like that at its start."""
        for search in self.searches:  # by pixels, then by halves
            places = (self.handles[:, None] + search).clamp(0, self.side)  # [P, S, 2]
            there = sample(maps, places[:, :, None] + self.looks[:, None], self.side)  # [P, S, K, C]
            unlike = (there - self.wanted[:, None]).abs().mean(dim=(2, 3))
            self.handles = places[torch.arange(len(places)), unlike.argmin(dim=1)]

    def _loss(self, maps: list[Tensor], images: Tensor | None) -> Tensor:
        left = self.goals - self.handles
        steps = left * (STEP / left.norm(dim=1, keepdim=True).clamp_min(STEP))
        around = self.handles[:, None] + self.patch  # [P, K, 2]
        here = torch.lerp(sample(maps, around, self.side).detach(), self.patches, self.anchor)
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
    image.
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

    The paper takes features of 128 px for images of 512 px. With a model of 128 px, points were nearer to
    their goals with features of 32 and 64 px (5.2 px from them) than with either alone (9.8 and 7.9).
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


def radii(points: Tensor, least: float, most: float) -> Tensor:
    """Radius of the patch around each point [P, 2]: half the way to the next one, within bounds."""
    apart = torch.cdist(points, points)
    apart.fill_diagonal_(math.inf)
    return (apart.amin(dim=1) / 2).clamp(least, most)


def _grid(radius: float, spacing: float, *, round_: bool = False) -> Tensor:
    """Places [K, 2] within a square around 0, or within a circle."""
    count = max(round(radius / spacing), 1)
    line = torch.arange(-count, count + 1) * spacing
    places = torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1).reshape(-1, 2)
    return places[places.norm(dim=1) <= radius * 1.001] if round_ else places
