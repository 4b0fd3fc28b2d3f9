"""Optimises codes until their pictures match a text for CLIP: StyleCLIP's latent optimisation (Patashnik et
al., arXiv:2103.17249, section 4), and a search for pictures from noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from ganedit.errors import UsageError
from ganedit.latent.sampling import score_samples_with, spread_of_codes
from ganedit.metrics.identity import person_of
from ganedit.text.guidance import Wish, distance_to_wish

if TYPE_CHECKING:
    from ganedit.store.models import Clip, Generator

Progress = Callable[[int, int], None]
Space = Literal["w", "w+"]
RAMP = 0.25  # share of the steps, at the end, over which the learning rate falls


@dataclass(frozen=True)
class SteerOptions:
    """How codes are optimised for a text.

    Attributes:
        steps: Steps of Adam, at least 1.
        space: "w" moves all rows of a code alike, which keeps images natural; "w+" each row by itself, which
            reaches more.
        rate: Learning rate, above 0, in standard deviations of random codes.
        closeness: Weight of the mean squared distance to the start, at least 0; distances are in units of the
            variance of random codes.
        identity: Weight of the identity distance to the start, at least 0; faces only.
        rows: Rows of the code that may change; None means all.
        seed: Seed of the random crops; for `clip_generate` also the first seed.

    Raises:
        UsageError: A value out of its range.
    """

    steps: int = 40
    space: Space = "w"
    rate: float = 0.05
    closeness: float = 0.1
    identity: float = 0.2
    rows: tuple[int, ...] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UsageError(f"`steps={self.steps}` must be at least 1", "such as 40")
        if self.space not in get_args(Space):
            raise UsageError(f"there is no space {self.space}", f"choose {' or '.join(get_args(Space))}")
        if not self.rate > 0:
            raise UsageError(f"`rate={self.rate}` must be above 0", "such as 0.05")
        if min(self.closeness, self.identity) < 0:
            raise UsageError("`closeness` and `identity` must be at least 0")


def steer(
    generator: Generator,
    ws: Tensor,
    clip: Clip,
    wish: Wish,
    options: SteerOptions,
    progress: Progress | None = None,
) -> Tensor:
    """Codes [N, L, W], near `ws` [N, L, W], whose pictures match a wish.

    They are the last codes of the optimisation, in which the rows of the batch are independent.

    Raises:
        UsageError: rows that the generator does not have.
    """
    rows = list(range(generator.num_ws)) if options.rows is None else list(options.rows)
    if max(rows) >= generator.num_ws:
        raise UsageError(
            f"there is no layer {max(rows)}: the model {generator.name} has {generator.num_ws}",
            f"layers go from 0 to {generator.num_ws - 1}",
        )
    start = ws.detach().to(generator.device, torch.float32)
    unit = spread_of_codes(generator)
    with torch.no_grad():
        before = generator.synthesis(start).clamp(-1, 1)
    distance = distance_to_wish(clip, wish, before)
    person = person_of(generator, before) if options.identity else None
    offset = torch.zeros_like(start[:, rows if options.space == "w+" else rows[:1]], requires_grad=True)
    optimizer = torch.optim.Adam([offset], lr=options.rate, betas=(0.9, 0.99))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)  # crops are random
        for step in range(options.steps):
            left = min((options.steps - step) / (options.steps * RAMP), 1.0)
            optimizer.param_groups[0]["lr"] = options.rate * left
            images = generator.synthesis(_moved(start, offset * unit, rows)).clamp(-1, 1)
            loss = distance(images) + options.closeness * offset.square().mean(dim=(1, 2))
            if person is not None:
                loss = loss + options.identity * person(images)
            optimizer.zero_grad(set_to_none=True)
            loss.sum().backward()
            optimizer.step()
            if progress:
                progress(step + 1, options.steps)
    return _moved(start, offset.detach() * unit, rows)


def _moved(start: Tensor, offset: Tensor, rows: list[int]) -> Tensor:
    moved = start.clone()
    moved[:, rows] = moved[:, rows] + offset
    return moved


@dataclass(frozen=True)
class FoundPicture:
    """A code found from noise.

    Attributes:
        seed: The seed that it started from.
        ws: The code [L, W].
        similarity: Cosine of the features of its image and of the text, -1 to 1.
    """

    seed: int
    ws: Tensor
    similarity: float


def search(
    generator: Generator,
    clip: Clip,
    wish: Wish,
    options: SteerOptions,
    *,
    candidates: int = 64,
    restarts: int = 4,
    psi: float = 0.7,
    progress: Progress | None = None,
) -> list[FoundPicture]:
    """Find images that fit a text, starting from random codes.

    The `restarts` of `candidates` seeds that fit the text best are optimised, each on its own, as in
    StyleCLIP (arXiv:2103.17249, section 4).

    Args:
        generator: The generator, which needs a style space.
        clip: The CLIP model.
        wish: What the images should show.
        options: Steps, space and weights; `seed` is the first seed.
        candidates: Number of seeds that are drawn.
        restarts: Number of those that are optimised, 1 to `candidates`.
        psi: Truncation of the candidates: 1 gives most variety, 0 the average image.
        progress: Called with (steps done, steps in all).

    Returns:
        Codes with their similarity to the text, best first.

    Raises:
        UsageError: Fewer candidates than restarts, or no restarts.
        InputError: An empty text.

    Examples:
        >>> faces, clip = ganedit.load("faces"), ganedit.load("clip-faces")
        >>> wish, options = ganedit.Wish("an old man"), ganedit.SteerOptions(steps=1)
        >>> found = ganedit.clip_generate(faces, clip, wish, options, candidates=2, restarts=1)
        >>> len(found)
        1
    """
    if not 1 <= restarts <= candidates:
        raise UsageError(
            f"`restarts={restarts}` must be between 1 and `candidates={candidates}`", "choose fewer"
        )
    wanted = clip.texts([wish.text])[0]
    codes, scores = score_samples_with(
        generator, lambda images: clip.images(images) @ wanted, candidates, psi=psi, seed=options.seed
    )
    best = scores.argsort(descending=True)[:restarts]
    start = codes[best][:, None].expand(-1, generator.num_ws, -1)
    ws = steer(generator, start, clip, wish, options, progress)
    results = [
        FoundPicture(options.seed + int(i), code, float(score))
        for i, code, score in zip(best, ws.cpu(), _similarity(generator, clip, wanted, ws), strict=True)
    ]
    return sorted(results, key=lambda one: -one.similarity)


@torch.no_grad()
def _similarity(generator: Generator, clip: Clip, wanted: Tensor, ws: Tensor) -> Tensor:
    return clip.images(generator.synthesis(ws).clamp(-1, 1)) @ wanted
