"""Edits latents to match a text, by the three methods of StyleCLIP (Patashnik et al., arXiv:2103.17249)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from ganedit.latent.latent import Latent
from ganedit.latent.mixing import rows_of
from ganedit.text.channels import known_relevance, text_direction
from ganedit.text.guidance import Wish
from ganedit.text.optimize import SteerOptions, steer

if TYPE_CHECKING:
    from ganedit.latent.directions.direction import Direction
    from ganedit.store.models import Clip, Generator, Mapper

Progress = Callable[[int, int], None]


def clip_edit(
    latent: Latent,
    generator: Generator,
    clip: Clip,
    wish: Wish | str,
    *,
    options: SteerOptions | None = None,
    layers: str | None = None,
    strength: float = 1.0,
    progress: Progress | None = None,
) -> Latent:
    """Optimise a latent until CLIP sees what a text says (StyleCLIP, section 4).

    Args:
        latent: Made with `generator`; its own tuned weights are used where it has any.
        generator: Draws it.
        clip: Reads the text.
        wish: The text, such as "a smiling face", or a `Wish` with a neutral text, crops and the loss.
        options: Steps, space and weights.
        layers: The layers that may change: "coarse", "middle", "fine", or rows such as "0-5"; None: all.
        strength: Fraction of the change that is made; 1 makes all of it.
        progress: Called with (steps done, steps in all).

    Returns:
        The edited latent, whose record gains the text.

    Raises:
        UsageError: Layers that the generator does not have.

    Example:
        >>> faces, clip = ganedit.load("faces"), ganedit.load("clip-faces")
        >>> (sample,) = ganedit.generate(faces, [1])
        >>> happy = ganedit.clip_edit(
        ...     sample.latent, faces, clip, "a smiling face", options=ganedit.SteerOptions(steps=2)
        ... )
        >>> happy.edits[-1]["text"]
        'a smiling face'
    """
    wish = Wish(wish) if isinstance(wish, str) else wish
    rows = tuple(rows_of(generator, layers)) if layers else None
    options = replace(options or SteerOptions(), rows=rows)
    ws = steer(latent.personal(generator), latent.ws[None], clip, wish, options, progress)[0]
    record: dict[str, Any] = {"text": wish.text, "method": "optimize", "clip": clip.name}
    record |= {"neutral": wish.neutral} if wish.neutral else {}
    return latent.edited(torch.lerp(latent.ws, ws.cpu(), strength), record | {"strength": strength})


def clip_direction(
    generator: Generator,
    clip: Clip,
    text: str,
    neutral: str,
    *,
    threshold: float | None = None,
    progress: Progress | None = None,
) -> Direction:
    """The global direction from one text to another, in the style space (StyleCLIP, section 6).

    What the channels of the generator mean to CLIP is measured once for each pair of models and kept in the
    user's folder.

    Args:
        generator: Whose styles the direction changes.
        clip: Reads the texts.
        text, neutral: Where the direction leads, and where it comes from.
        threshold: Relevance below which channels stay as they are; None chooses by the size of the features.
        progress: Called with (samples measured, samples in all).

    Raises:
        UsageError: The texts are the same to the model, or no channel passes the threshold.
    """
    relevance = known_relevance(generator, clip, progress)
    return text_direction(generator, clip, text, neutral, relevance, threshold=threshold, name=text)


@torch.no_grad()
def clip_edit_by_mapper(latent: Latent, mapper: Mapper, strength: float = 1.0) -> Latent:
    """The latent changed by a trained mapper (StyleCLIP, section 5), or by a fraction of that change."""
    ws = mapper(latent.ws[None])[0].cpu()
    record = {"text": mapper.text, "method": "mapper", "strength": strength}
    return latent.edited(torch.lerp(latent.ws, ws, strength), record)
