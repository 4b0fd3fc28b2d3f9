"""StyleCLIP's global directions (Patashnik et al., arXiv:2103.17249, section 6): from the difference of two
texts to the style channels whose pictures differ in the same way.

The effect of a channel on CLIP's features is measured once per pair of models and stored. The paper measures
it by drawing pictures for two values of every channel; here it is the derivative, which needs one backward
pass per feature instead of two pictures per channel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.errors import GaneditError, UsageError
from ganedit.latent import styles
from ganedit.latent.directions.direction import Direction
from ganedit.latent.sampling import random_codes
from ganedit.text.guidance import text_change

if TYPE_CHECKING:
    from ganedit.store.models import Clip, Generator

Progress = Callable[[int, int], None]
SAMPLES, BATCH = 64, 8
SCHEMA = 1
FIRST_SEED = 500_000  # not the samples on which sigmas are measured
CHANCE = 4.0  # default threshold, in multiples of the cosine of random vectors


@dataclass(frozen=True)
class Relevance:
    """The effect of a generator's channels on the features of a CLIP model.

    Attributes:
        changes: [total, E], changes of the features per standard deviation of each channel.
        features: Features [N, E] of random samples.
    """

    changes: Tensor
    features: Tensor


def channel_relevance(
    generator: Generator, clip: Clip, *, samples: int = SAMPLES, progress: Progress | None = None
) -> Relevance:
    """The derivative of CLIP's features with respect to each channel, averaged over random samples.

    Raises:
        CheckpointError: a generator whose styles cannot be read.
    """
    _, deviation = styles.style_spread(generator)
    computed: list[Tensor] = []
    changes: Tensor | float = 0.0
    for some in random_codes(generator, samples, seed=FIRST_SEED).split(BATCH):
        with torch.no_grad():
            s = styles.styles_of(generator, some[:, None].expand(-1, generator.num_ws, -1))
        s.requires_grad_(True)
        features = clip.images(styles.draw_styles(generator, s).clamp(-1, 1))
        columns = features.unbind(1)
        slopes = [
            torch.autograd.grad(column.sum(), s, retain_graph=column is not columns[-1])[0].sum(dim=0).cpu()
            for column in columns
        ]
        changes = changes + torch.stack(slopes, dim=1)
        computed.append(features.detach().cpu())
        if progress:
            progress(sum(map(len, computed)), samples)
    return Relevance(changes / samples * deviation[:, None].cpu(), torch.cat(computed))


def known_relevance(generator: Generator, clip: Clip, progress: Progress | None = None) -> Relevance:
    """`channel_relevance`, measured on first use and stored in the user's folder."""
    from ganedit.store import registry
    from ganedit.store.weights import record_in, write_weights

    name = f"{generator.sha256[:16]}-{clip.sha256[:16]}.safetensors"
    path = registry.user_folder() / "relevance" / name
    kept = record_in(path, "channel relevance", SCHEMA, "delete it")
    with suppress(GaneditError), kept as (tensors, _):  # damaged, or not there yet
        return Relevance(tensors["changes"].float(), tensors["features"].float())
    relevance = channel_relevance(generator, clip, progress=progress)
    with suppress(GaneditError):  # if it cannot be stored, it is measured again next time
        about = {"schema": SCHEMA, "model": generator.name, "clip": clip.name}
        write_weights(path, {"changes": relevance.changes, "features": relevance.features}, about)
    return relevance


def usual_threshold(features: int) -> float:
    """Four times the typical cosine of random vectors with as many numbers, at most 0.5."""
    return min(CHANCE / math.sqrt(features), 0.5)


def text_direction(
    generator: Generator,
    clip: Clip,
    text: str,
    neutral: str,
    relevance: Relevance,
    *,
    threshold: float | None = None,
    name: str = "text",
) -> Direction:
    """A direction of the style space, from `neutral` to `text`.

    Magnitude 1 should change pictures, with respect to these two texts, as much as samples differ: the change
    predicted by the derivatives is one standard deviation of samples.

    Args:
        generator: The generator whose styles should change, except in the layers to RGB, as in the paper.
        clip: The model that reads both texts.
        text, neutral: "a smiling face", "a face".
        relevance: From `channel_relevance`.
        threshold: Channels whose change has a smaller cosine with that of the texts are not used: a higher
            value has fewer side effects. None means `usual_threshold`.
        name: Name of the direction.

    Raises:
        UsageError: no channel passes the threshold, or the texts are the same to the model.
    """
    wanted = F.normalize(text_change(clip, text, neutral).cpu(), dim=0)
    threshold = usual_threshold(len(wanted)) if threshold is None else threshold
    if not 0 <= threshold < 1:
        raise UsageError(f"`threshold={threshold}` must be between 0 and 1", "such as 0.2")
    features = torch.tensor([channel.about.use == "features" for channel in styles.channels(generator)])
    cosines = F.normalize(relevance.changes, dim=1) @ wanted * features
    chosen = cosines * (cosines.abs() >= threshold)
    if not bool(chosen.any()):
        raise UsageError(
            f"no channel changes images as {text!r} differs from {neutral!r} by {threshold:g} or more",
            f"choose a `threshold` below {float(cosines.abs().max()):.2f}",
        )
    _, deviation = styles.style_spread(generator)
    vector = chosen * deviation.cpu()
    foretold = float(chosen @ (relevance.changes @ wanted))
    spread = float((relevance.features @ wanted).std())
    return Direction(
        name=name,
        vector=vector / vector.norm(),
        sigma=float(vector.norm()) * spread / foretold,
        usual=styles.usual_magnitude(generator, vector * spread / foretold, deviation),
        **generator.identity,
        method=f"CLIP, {int((chosen != 0).sum())} channels",
        space="s",
    )
