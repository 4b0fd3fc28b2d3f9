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
    """Optimise a latent until its image fits a text (StyleCLIP, Patashnik et al., arXiv:2103.17249, section
    4).

    Args:
        latent: A latent of `generator`; its tuned weights are used if it has any.
        generator: The generator, which needs a style space.
        clip: The CLIP model.
        wish: A text, such as "a smiling face", or a `Wish` with a neutral text, crops and the loss.
        options: Steps, space and weights; None takes the defaults.
        layers: Layers that may change: "coarse", "middle", "fine", or rows such as "0-5"; None means all.
        strength: Fraction of the change that is applied: 1 applies all of it, 0 none.
        progress: Called with (steps done, steps in all).

    Returns:
        The edited latent, whose record gains the text.

    Raises:
        UsageError: Layers that the generator does not have.
        InputError: An empty text.
        CheckpointError: The latent belongs to another model.

    Examples:
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
    """Make a direction of styles from two texts (the global direction of StyleCLIP, arXiv:2103.17249, section
    6).

    What each style channel of the generator means to the CLIP model is measured once for each pair of models,
    and kept in your cache folder.

    Args:
        generator: A StyleGAN2 or StyleGAN3.
        clip: The CLIP model.
        text: What the direction leads to, such as "a smiling face".
        neutral: What it starts from, such as "a serious face".
        threshold: Relevance, 0 to 1, below which channels are left alone: a higher one changes less else.
            None chooses it by the number of features.
        progress: Called with (samples measured, samples in all).

    Returns:
        A direction of the space "s".

    Raises:
        UsageError: The two texts are the same to the model, or no channel reaches the threshold.
        CheckpointError: The generator has no styles that can be read.

    Examples:
        >>> faces, clip = ganedit.load("faces"), ganedit.load("clip-faces")
        >>> smile = ganedit.clip_direction(faces, clip, "a smiling face", "a serious face")  # doctest: +SKIP
        >>> smile.space  # doctest: +SKIP
        's'
    """
    relevance = known_relevance(generator, clip, progress)
    return text_direction(generator, clip, text, neutral, relevance, threshold=threshold, name=text)


@torch.no_grad()
def clip_edit_by_mapper(latent: Latent, mapper: Mapper, strength: float = 1.0) -> Latent:
    """The latent changed by a trained mapper (StyleCLIP, section 5), or by a fraction of that change."""
    ws = mapper(latent.ws[None])[0].cpu()
    record = {"text": mapper.text, "method": "mapper", "strength": strength}
    return latent.edited(torch.lerp(latent.ws, ws, strength), record)
