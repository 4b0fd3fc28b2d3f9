"""Scores samples of a generator by texts, in order to learn directions from them."""

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
    """Draw samples, and measure how much better they match one text than another.

    Args:
        generator, clip: The models.
        text, other: The two texts.
        count: Number of samples.
        psi, seed: Truncation of the samples, and seed of the first.
        progress: Called with (samples done, total samples).

    Returns:
        Codes w [N, W] and differences of cosines [N].

    Raises:
        UsageError: the texts are the same to the model.
    """
    change = text_change(clip, text, other)
    return score_samples_with(
        generator, lambda images: clip.images(images) @ change, count, psi=psi, seed=seed, progress=progress
    )
