"""Random codes of a generator, and scores of the pictures it draws from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganedit.errors import UsageError, did_you_mean
from ganedit.images.align import TEMPLATES, window

if TYPE_CHECKING:
    from ganedit.store.models import Classifier, Generator


SCORED_AT_ONCE = 16  # samples of 256 px; fewer of larger ones
SIGMA_SAMPLES = 4096  # number of codes for measuring how much samples vary along a direction


TRIED = 64  # samples that are drawn in full as well, to see whether coarse images score alike
AGREES = 0.95  # correlation of scores from which on coarse images will do
WORTH = 4  # times larger than what is looked at is a generator that is tried


@dataclass(frozen=True)
class Trial:
    """How the scores of coarse images compare with those of full ones, on a few samples.

    Attributes:
        size: Side of the images in pixels, at which samples are drawn.
        correlation: Of the scores of coarse and full images; 1 if they are drawn in full.
        slope, offset: The line that brings the scores of coarse images to those of full ones.
    """

    size: int
    correlation: float = 1.0
    slope: float = 1.0
    offset: float = 0.0


def spread_along(vector: Tensor, codes: Tensor) -> float:
    """Standard deviation of codes [N, W] or [N, L, W] along `vector`, which has the shape of one code."""
    return float((codes.flatten(1).double() @ vector.flatten().double()).std())


def random_codes(generator: Generator, count: int, *, psi: float = 1.0, seed: int = 0) -> Tensor:
    """Codes w [N, W] of random samples, on the CPU, one per seed from `seed` on; classes take turns."""
    codes = []
    for start in range(seed, seed + count, 512):
        seeds = range(start, min(start + 512, seed + count))
        c = None
        if generator.num_classes:
            c = generator.one_hot([s % generator.num_classes for s in seeds])
        with torch.no_grad():
            codes.append(generator.mapping(generator.z_of(seeds), c, psi)[:, 0].cpu())
    return torch.cat(codes)


def spread_of_codes(generator: Generator) -> float:
    """Standard deviation of the numbers of random codes w."""
    return float(random_codes(generator, SIGMA_SAMPLES).std(dim=0).square().mean().sqrt())


def attribute_column(classifier: Classifier, attribute: str) -> int:
    """Index of an attribute among the classifier's outputs. Raises UsageError if it has no such attribute."""
    if attribute not in classifier.attributes:
        raise UsageError(
            f"the classifier {classifier.name} has no attribute {attribute}",
            did_you_mean(attribute, classifier.attributes),
        )
    return classifier.attributes.index(attribute)


def score_samples(
    generator: Generator,
    classifier: Classifier,
    attribute: str,
    count: int,
    *,
    psi: float = 1.0,
    seed: int = 0,
    size: int | None = None,
    on_trial: Callable[[Trial], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw samples and let a classifier score one attribute of each.

    Of faces that are aligned more widely than those of the classifier, it sees the part that it knows.

    Args:
        generator: The generator.
        classifier: The classifier.
        attribute: One of its attributes.
        count: Number of samples.
        psi, seed: Truncation of the samples, and seed of the first.
        size: Side in pixels at which the samples are drawn; None lets a trial decide (`examine`).
        on_trial: Called with the result of the trial, if there was one.
        progress: Called with (samples done, total samples).

    Returns:
        Codes w [N, W] and scores [N]: logits, or numbers in the attribute's unit.

    Raises:
        UsageError: The classifier does not know the attribute, or the generator cannot stop at `size`.
    """
    column = attribute_column(classifier, attribute)

    def score(images: Tensor) -> Tensor:
        top, left, side = _part_for(classifier, generator, images.shape[2])
        return classifier(images[:, :, top : top + side, left : left + side])[:, column]

    share = _part_for(classifier, generator, generator.resolution)[2] / generator.resolution
    codes = random_codes(generator, count, psi=psi, seed=seed)
    sizes = sizes_to_try(generator, math.ceil(classifier.size / share), count, size)
    trial = examine(generator, score, codes[:TRIED], sizes)
    if on_trial and sizes:
        on_trial(trial)
    scores = score_codes(generator, score, codes, trial.size, progress)
    return codes, scores * trial.slope + trial.offset


def _part_for(classifier: Classifier, generator: Generator, size: int) -> tuple[int, int, int]:
    """Top, left and side of what the classifier should see of the generator's images of `size` px."""
    inner, outer = (TEMPLATES.get(model.card.template) for model in (classifier, generator))
    return (window(inner, outer, size) if inner and outer else None) or (0, 0, size)


def score_samples_with(
    generator: Generator,
    score: Callable[[Tensor], Tensor],
    count: int,
    *,
    psi: float = 1.0,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw samples in full and score each picture.

    Args:
        generator: The generator that draws them.
        score: Function from images [N, 3, H, W] in [-1, 1] to scores [N].
        count: Number of samples.
        psi, seed: Truncation of the samples, and seed of the first.
        progress: Called with (samples done, total samples).

    Returns:
        Codes w [N, W] and scores [N].
    """
    codes = random_codes(generator, count, psi=psi, seed=seed)
    return codes, score_codes(generator, score, codes, generator.resolution, progress)


@torch.no_grad()
def score_codes(
    generator: Generator,
    score: Callable[[Tensor], Tensor],
    codes: Tensor,
    size: int,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Scores [N] of the images of codes [N, W], drawn at `size` px."""
    at_once = min(SCORED_AT_ONCE, max(1, SCORED_AT_ONCE * 256**2 // size**2))
    scores: list[Tensor] = []
    for some in codes.split(at_once):
        images = generator.synthesis(some[:, None].expand(-1, generator.num_ws, -1), size=size)
        scores.append(score(images.clamp(-1, 1)).float().cpu())
        if progress:
            progress(sum(map(len, scores)), len(codes))
    return torch.cat(scores)


def sizes_to_try(generator: Generator, seen: int, count: int, size: int | None) -> list[int]:
    """Sizes below the generator's at which samples may be drawn; empty means in full.

    Args:
        generator: The generator.
        seen: Side in pixels of the images that are looked at.
        count: Number of samples; few are drawn in full, since the trial draws some itself.
        size: The size that the user wants, or None.

    Raises:
        UsageError: The generator cannot stop there.
    """
    if size is None:
        large = generator.resolution >= WORTH * seen and count >= 10 * TRIED
        return [one for one in generator.sizes if seen <= one < generator.resolution] if large else []
    if size not in generator.sizes:
        raise UsageError(
            f"`size={size}`: the model {generator.name} cannot draw at this size",
            f"it can at {', '.join(map(str, generator.sizes))}",
        )
    return [size] if size < generator.resolution else []


def examine(
    generator: Generator, score: Callable[[Tensor], Tensor], codes: Tensor, sizes: Sequence[int]
) -> Trial:
    """Find the least size at which samples score as they do in full.

    The coarse image of a network is not its final image made smaller, so that no size is good enough for
    all networks and attributes.

    Args:
        generator: The generator.
        score: Function from images to scores, as in `score_samples_with`.
        codes: Codes [N, W] of the trial.
        sizes: Sizes to try, ascending; the only one is taken in any case.

    Returns:
        The first whose scores correlate by at least `AGREES` with those of full images, or the full size.
    """
    full = score_codes(generator, score, codes, generator.resolution) if sizes else codes
    for size in sizes:
        coarse = score_codes(generator, score, codes, size)
        correlation = float(torch.corrcoef(torch.stack([coarse, full]))[0, 1])
        if correlation >= AGREES or len(sizes) == 1:
            slope = correlation * float(full.std() / coarse.std())
            return Trial(size, correlation, slope, float(full.mean() - slope * coarse.mean()))
    return Trial(generator.resolution)
