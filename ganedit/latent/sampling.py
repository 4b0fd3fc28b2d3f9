"""Random codes of a generator, and scores of what it draws of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganedit.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from ganedit.store.models import Classifier, Generator


SCORED_AT_ONCE = 16  # samples
SIGMA_SAMPLES = 4096  # codes that measure how much samples vary along a direction


def spread_along(vector: Tensor, codes: Tensor) -> float:
    """Standard deviation of codes [N, W] or [N, L, W] along `vector` of the shape of one."""
    return float((codes.flatten(1).double() @ vector.flatten().double()).std())


def random_codes(generator: Generator, count: int, *, psi: float = 1.0, seed: int = 0) -> Tensor:
    """Codes w [N, W] of random samples, on the CPU, one per seed from `seed` on; classes are drawn evenly."""
    found = []
    for start in range(seed, seed + count, 512):
        seeds = range(start, min(start + 512, seed + count))
        c = None
        if generator.num_classes:
            c = generator.one_hot([s % generator.num_classes for s in seeds])
        with torch.no_grad():
            found.append(generator.mapping(generator.z_of(seeds), c, psi)[:, 0].cpu())
    return torch.cat(found)


def attribute_column(classifier: Classifier, attribute: str) -> int:
    """Which of its outputs an attribute is. Raises UsageError where it has none of that name."""
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
        generator: What draws.
        score: Gives scores [N] of images [N, 3, H, W] in [-1, 1].
        count: Samples.
        psi, seed: Of the samples.
        progress: Called with (samples done, samples in all).

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
