"""Samples of a generator judged by texts, for directions to be learned from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from ganedit.latent.sampling import score_samples_with
from ganedit.text.guidance import text_change

if TYPE_CHECKING:
    from ganedit.store.models import Clip, Generator


def score_by_texts(
    generator: Generator,
    clip: Clip,
    text: str,
    other: str,
    count: int,
    *,
    psi: float = 1.0,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw samples, and tell how much better one text fits each than another.

    Args:
        generator, clip: The models.
        text, other: The two texts.
        count: Samples.
        psi, seed: Of the samples.
        progress: Called with (samples done, samples in all).

    Returns:
        Codes w [N, W] and differences of cosines [N].

    Raises:
        UsageError: the texts are the same to the model.
    """
    change = text_change(clip, text, other)
    return score_samples_with(
        generator, lambda images: clip.images(images) @ change, count, psi=psi, seed=seed, progress=progress
    )
