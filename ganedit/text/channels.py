"""StyleCLIP's global directions (Patashnik et al., arXiv:2103.17249, section 6): from the difference of two
texts to the style channels whose pictures differ in the same way.

What a channel does to CLIP's features is measured once per pair of models and kept. The paper measures it by
drawing every channel at two values; here it is the derivative, which needs one backward pass per feature
instead of two pictures per channel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.errors import GaneditError, UsageError
from ganedit.latent import styles
from ganedit.latent.directions import Direction, random_codes
from ganedit.text.guidance import text_change

if TYPE_CHECKING:
    from ganedit.store.models import Clip, Generator

Progress = Callable[[int, int], None]
SAMPLES, BATCH = 64, 8
SCHEMA = 1
FIRST_SEED = 500_000  # other samples than those that sigmas are measured on
CHANCE = 2.0  # times the cosine of random vectors: the threshold unless told otherwise


def channel_relevance(
    generator: Generator, clip: Clip, *, samples: int = SAMPLES, progress: Progress | None = None
) -> Tensor:
    """How CLIP's features change with each channel of the styles: [total, E], per standard deviation.

    The mean over random samples of the derivative of the features.

    Raises:
        CheckpointError: a generator whose styles cannot be read.
    """
    _, deviation = styles.style_spread(generator)
    codes = random_codes(generator, samples, seed=FIRST_SEED)
    changes = torch.zeros(len(deviation), clip.texts(["a"]).shape[1])
    done = 0
    for some in codes.split(BATCH):
        with torch.no_grad():
            s = styles.styles_of(generator, some[:, None].expand(-1, generator.num_ws, -1))
        s.requires_grad_(True)
        features = clip.images(styles.draw_styles(generator, s).clamp(-1, 1))
        for e, one in enumerate(features.unbind(1)):
            (slope,) = torch.autograd.grad(one.sum(), s, retain_graph=e + 1 < features.shape[1])
            changes[:, e] += slope.sum(dim=0).cpu()
        done += len(some)
        if progress:
            progress(done, samples)
    return changes / samples * deviation[:, None].cpu()


def known_relevance(generator: Generator, clip: Clip, progress: Progress | None = None) -> Tensor:
    """`channel_relevance`, measured when first asked for, and kept in the user's folder."""
    from ganedit.store import registry
    from ganedit.store.weights import record_in, write_weights

    name = f"{generator.sha256[:16]}-{clip.sha256[:16]}.safetensors"
    path = Path(registry.user_folder()) / "relevance" / name
    if path.is_file():
        with record_in(path, "channel relevance", SCHEMA, "delete it") as (tensors, _):
            return tensors["relevance"].float()
    found = channel_relevance(generator, clip, progress=progress)
    about = {"schema": SCHEMA, "model": generator.name, "clip": clip.name}
    try:
        write_weights(path, {"relevance": found}, about)
    except GaneditError:  # a folder that cannot be written costs time, not the result
        return found
    return found


def usual_threshold(features: int) -> float:
    """Twice the cosine that vectors of so many numbers have by chance."""
    return CHANCE / math.sqrt(features)


def text_direction(
    generator: Generator,
    clip: Clip,
    text: str,
    neutral: str,
    relevance: Tensor,
    *,
    threshold: float | None = None,
    name: str = "text",
) -> Direction:
    """A direction of the style space, from `neutral` to `text`.

    Args:
        generator: Whose styles are to change.
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
        raise UsageError(f"--threshold {threshold} makes no sense", "choose 0 to 1, such as 0.2")
    cosines = F.normalize(relevance, dim=1) @ wanted
    chosen = cosines * (cosines.abs() >= threshold)
    if not bool(chosen.any()):
        raise UsageError(
            f"no channel changes pictures as {text!r} differs from {neutral!r} by {threshold:g} or more",
            f"choose a --threshold below {float(cosines.abs().max()):.2f}",
        )
    _, deviation = styles.style_spread(generator)
    vector = chosen * deviation.cpu()
    # magnitude 1 moves the channels that agree most by one standard deviation
    sigma = float(vector.norm() / chosen.abs().max())
    return Direction(
        name=name,
        vector=vector / vector.norm(),
        sigma=sigma,
        model=generator.name,
        model_sha256=generator.sha256,
        method=f"CLIP, {int((chosen != 0).sum())} channels",
        space="s",
    )
