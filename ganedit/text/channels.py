"""StyleCLIP's global directions (Patashnik et al., arXiv:2103.17249, section 6): from the difference of two
texts to the style channels whose pictures differ in the same way.

What a channel does to CLIP's features is measured once per pair of models and kept. The paper measures it by
drawing every channel at two values; here it is the derivative, which needs one backward pass per feature
instead of two pictures per channel.
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
FIRST_SEED = 500_000  # other samples than those that sigmas are measured on
CHANCE = 4.0  # times the cosine of random vectors: the default threshold


@dataclass(frozen=True)
class Relevance:
    """What the channels of a generator do to the features of a CLIP model.

    Attributes:
        changes: [total, E], of the features with each channel, per standard deviation of it.
        features: [N, E], of random samples.
    """

    changes: Tensor
    features: Tensor


def channel_relevance(
    generator: Generator, clip: Clip, *, samples: int = SAMPLES, progress: Progress | None = None
) -> Relevance:
    """The derivative of CLIP's features with respect to each channel, its mean over random samples.

    Raises:
        CheckpointError: a generator whose styles cannot be read.
    """
    _, deviation = styles.style_spread(generator)
    found: list[Tensor] = []
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
        found.append(features.detach().cpu())
        if progress:
            progress(sum(map(len, found)), samples)
    return Relevance(changes / samples * deviation[:, None].cpu(), torch.cat(found))


def known_relevance(generator: Generator, clip: Clip, progress: Progress | None = None) -> Relevance:
    """`channel_relevance`, measured when first asked for, and kept in the user's folder."""
    from ganedit.store import registry
    from ganedit.store.weights import record_in, write_weights

    name = f"{generator.sha256[:16]}-{clip.sha256[:16]}.safetensors"
    path = registry.user_folder() / "relevance" / name
    kept = record_in(path, "channel relevance", SCHEMA, "delete it")
    with suppress(GaneditError), kept as (tensors, _):  # or not there yet
        return Relevance(tensors["changes"].float(), tensors["features"].float())
    found = channel_relevance(generator, clip, progress=progress)
    with suppress(GaneditError):  # a folder that cannot be written costs time, not the result
        about = {"schema": SCHEMA, "model": generator.name, "clip": clip.name}
        write_weights(path, {"changes": found.changes, "features": found.features}, about)
    return found


def usual_threshold(features: int) -> float:
    """Four times the cosine that vectors of so many numbers have by chance, at most 0.5."""
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

    Magnitude 1 is meant to change pictures, as far as these two texts go, as much as samples differ: the
    change that the derivatives foretell is one standard deviation of samples.

    Args:
        generator: Whose styles are to change; the layers to RGB keep theirs, as in the paper.
        clip: Reads both texts.
        text, neutral: "a smiling face", "a face".
        relevance: Of `channel_relevance`.
        threshold: Channels whose change has a smaller cosine with that of the texts stay as they are: more
            changes less besides. None takes `usual_threshold`.
        name: Of the direction.

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
            f"no channel changes pictures as {text!r} differs from {neutral!r} by {threshold:g} or more",
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
        model=generator.name,
        model_sha256=generator.sha256,
        method=f"CLIP, {int((chosen != 0).sum())} channels",
        space="s",
    )
