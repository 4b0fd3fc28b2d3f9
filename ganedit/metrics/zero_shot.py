"""Measures what a CLIP model knows of faces: gender, smile and age, predicted by comparison with texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganedit.images.tensors import from_levels

if TYPE_CHECKING:
    from ganedit.store.models import Clip

TEMPLATES = ("a photo of {}", "a picture of {}", "a portrait of {}", "{}")
PROMPTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # words for 0 and for 1
    "gender": (("a woman", "a female face"), ("a man", "a male face")),
    "smile": (("a serious person", "a person who is not smiling"), ("a smiling person", "a happy person")),
}
AGES = tuple(range(1, 101))
BATCH = 64


@torch.no_grad()
def features_of(clip: Clip, pictures: Tensor) -> Tensor:
    """Features [N, E] of uint8 pictures [N, 3, S, S]."""
    return torch.cat([clip.images(from_levels(some)) for some in pictures.split(BATCH)])


def probability(clip: Clip, features: Tensor, name: str) -> Tensor:
    """Probability [N] that an attribute of PROMPTS is 1."""
    sides = torch.stack([_ensemble(clip, words) for words in PROMPTS[name]])
    return (clip.scale * features @ sides.T).softmax(dim=1)[:, 1]


def estimated_age(clip: Clip, features: Tensor) -> Tensor:
    """Age in years [N]: the median of the distribution over the texts "a photo of a person N years old"."""
    texts = torch.stack([_ensemble(clip, (f"a person {n} years old", f"a person aged {n}")) for n in AGES])
    shares = (clip.scale * features @ texts.T).softmax(dim=1).cumsum(dim=1)
    return torch.tensor(AGES, dtype=torch.float32, device=features.device)[(shares < 0.5).sum(dim=1)]


def _ensemble(clip: Clip, things: Sequence[str]) -> Tensor:
    """Mean feature [E], of length 1, of these nouns in all TEMPLATES."""
    features = clip.texts([template.format(thing) for template in TEMPLATES for thing in things])
    return torch.nn.functional.normalize(features.mean(dim=0), dim=0)


def zero_shot(clip: Clip, pictures: Tensor, labels: dict[str, Tensor]) -> dict[str, float]:
    """Measure a CLIP model on labelled faces by texts alone.

    Gender and smile are decided by which of two sets of texts fits better, as in CLIP (Radford et al.,
    arXiv:2103.00020, section 3.1). The age is the median of the distribution that the texts "a photo of a
    person N years old" give.

    Args:
        clip: The CLIP model.
        pictures: Aligned faces [N, 3, S, S] uint8.
        labels: Any of "gender" (1 is male), "smile" (1 or 0) and "age" (years), each [N]; NaN where unknown.

    Returns:
        "gender accuracy" and "smile accuracy", 0 to 1, and "age mean absolute error" in years.

    Examples:
        >>> import torch
        >>> clip = ganedit.load("clip-faces")
        >>> samples = [sample.pixels for sample in ganedit.generate(ganedit.load("faces"), [1, 2])]
        >>> faces = torch.stack([torch.from_numpy(pixels) for pixels in samples]).permute(0, 3, 1, 2)
        >>> found = ganedit.zero_shot(clip, faces, {"age": torch.tensor([30.0, 40.0])})
        >>> list(found)
        ['age mean absolute error']
    """
    features = features_of(clip, pictures)
    results = {}
    for name, wanted in labels.items():
        known = ~wanted.isnan()
        if name == "age":
            error = (estimated_age(clip, features[known]).cpu() - wanted[known]).abs().mean()
            results["age mean absolute error"] = float(error)
        else:
            right = (probability(clip, features[known], name).cpu() > 0.5) == (wanted[known] > 0.5)
            results[f"{name} accuracy"] = float(right.float().mean())
    return results
