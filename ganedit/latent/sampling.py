"""Random codes of a generator, and scores of the pictures it draws from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganedit.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from ganedit.store.models import Classifier, Generator


SCORED_AT_ONCE = 16  # samples
SIGMA_SAMPLES = 4096  # number of codes for measuring how much samples vary along a direction


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
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw samples and let a classifier score one attribute of each; see `score_samples_with`.

    Returns:
        Codes w [N, W] and scores [N]: logits, or numbers in the attribute's unit.

    Raises:
        UsageError: The classifier does not know the attribute.
    """
    column = attribute_column(classifier, attribute)
    return score_samples_with(
        generator, lambda images: classifier(images)[:, column], count, psi=psi, seed=seed, progress=progress
    )


@torch.no_grad()
def score_samples_with(
    generator: Generator,
    score: Callable[[Tensor], Tensor],
    count: int,
    *,
    psi: float = 1.0,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw samples and score each picture.

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
    scores = []
    for some in codes.split(SCORED_AT_ONCE):
        images = generator.synthesis(some[:, None].expand(-1, generator.num_ws, -1)).clamp(-1, 1)
        scores.append(score(images).float().cpu())
        if progress:
            progress(sum(map(len, scores)), count)
    return codes, torch.cat(scores)
