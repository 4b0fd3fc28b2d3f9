"""How far codes can be moved along a direction before images break."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ganedit.images.align import TEMPLATES
from ganedit.images.tensors import from_tensor
from ganedit.latent.directions.direction import apply
from ganedit.latent.sampling import attribute_column, random_codes
from ganedit.latent.styles import draw_styles, styles_of
from ganedit.metrics.identity import embed_crops, identity_distance

if TYPE_CHECKING:
    from ganedit.latent.directions.direction import Direction
    from ganedit.latent.latent import Latent
    from ganedit.store.models import Classifier, Generator

STEP = 0.5
FARTHEST = 6.0  # standard deviations
SAMPLES = 32
PSI = 0.7
LEAST_SCORE = (
    10  # percentile of the discriminator's scores before the edit that the median must reach after it
)
MOST_DISTANCE = 0.45  # of dlib's identity features; photos of one person are nearer than 0.6
AT_ONCE = 16


def measure_safe_range(
    generator: Generator,
    direction: Direction,
    *,
    photos: Sequence[Latent] = (),
    classifier: Classifier | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[float, float]:
    """Measure the range of magnitudes of a direction that leaves images intact.

    Moves 32 samples (psi 0.7) and the latents of photos in steps of 0.5, up to 6, until for either of them
    the median score of the discriminator falls below the lowest tenth of the scores before, the median
    identity distance of faces exceeds 0.45, or the attribute no longer changes.

    Args:
        generator: A generator of the style family.
        direction: A direction of this generator.
        photos: Latents of photographs, which break earlier than samples.
        classifier: Measures the attribute, if it has an output of the direction's name; None leaves this out.
        seed: Of the first sample.
        progress: Called with (steps done, steps in all).

    Returns:
        The least and the greatest magnitude, from -6 to 6, for `dataclasses.replace(direction, safe=...)`.

    Raises:
        CheckpointError: The direction belongs to another model, or the generator has no styles.

    Examples:
        >>> faces = ganedit.load("faces")
        >>> smile = ganedit.direction("smile", "faces")
        >>> low, high = ganedit.measure_safe_range(faces, smile)  # doctest: +SKIP
        >>> low < 0 < high  # doctest: +SKIP
        True
    """
    generator.need_styles()
    direction.check_model(generator)
    samples = random_codes(generator, SAMPLES, psi=PSI, seed=seed)[:, None].expand(-1, generator.num_ws, -1)
    groups = [samples] + ([torch.stack([latent.ws for latent in photos])] if photos else [])
    scales = [_Scale(generator, direction, codes, classifier) for codes in groups]
    count = int(FARTHEST / STEP)
    ends = []
    for sign in (-1, 1):
        end = 0.0
        for step in range(1, count + 1):
            if progress:
                progress(step + (count if sign > 0 else 0), 2 * count)
            if not all(scale.holds(sign * step * STEP) for scale in scales):
                break
            end = sign * step * STEP
        ends.append(end)
    return ends[0], ends[1]


class _Scale:
    """What can be measured of a set of codes: realism, identity, and the attribute."""

    def __init__(
        self, generator: Generator, direction: Direction, codes: Tensor, classifier: Classifier | None
    ) -> None:
        self.generator, self.direction, self.codes = generator, direction, codes
        self.template = TEMPLATES.get(generator.card.template)
        known = classifier is not None and direction.name in classifier.attributes
        self.classifier = classifier if known else None
        before = self._draw(0.0)
        self.least = (
            float(np.percentile(self._realism(before), LEAST_SCORE)) if generator.has_discriminator else 0.0
        )
        self.persons = self._persons(before)
        self.attribute = {0.0: self._attribute(before)}

    def holds(self, magnitude: float) -> bool:
        """Whether images are intact at this magnitude; call it step by step from 0."""
        images = self._draw(magnitude)
        if self.generator.has_discriminator and np.median(self._realism(images)) < self.least:
            return False
        if self.template is not None:
            moved = identity_distance(self.persons, self._persons(images))
            if np.median(moved) > MOST_DISTANCE:
                return False
        self.attribute[magnitude] = self._attribute(images)
        last = self.attribute[magnitude - np.sign(magnitude) * STEP]
        return self.classifier is None or bool((self.attribute[magnitude] - last) * np.sign(magnitude) > 0)

    @torch.no_grad()
    def _draw(self, magnitude: float) -> Tensor:
        return torch.cat([self._moved(some, magnitude).clamp(-1, 1) for some in self.codes.split(AT_ONCE)])

    def _moved(self, codes: Tensor, magnitude: float) -> Tensor:
        """Images [N, 3, H, W] of codes [N, L, W] that are moved along the direction."""
        direction = self.direction
        if direction.space == "w":
            return self.generator.synthesis(apply(codes, [(direction, magnitude, None)]))
        styles = styles_of(self.generator, codes.to(self.generator.device))
        return draw_styles(
            self.generator, styles + direction.vector.to(styles) * (magnitude * direction.sigma)
        )

    @torch.no_grad()
    def _realism(self, images: Tensor) -> np.ndarray:
        scores = [self.generator.discriminator(some).flatten().cpu() for some in images.split(AT_ONCE)]
        return torch.cat(scores).numpy()

    def _persons(self, images: Tensor) -> np.ndarray:
        if self.template is None:
            return np.empty(0)
        return embed_crops(np.stack([from_tensor(one) for one in images]), self.template)

    @torch.no_grad()
    def _attribute(self, images: Tensor) -> float:
        if self.classifier is None:
            return 0.0
        column = attribute_column(self.classifier, self.direction.name)
        return float(self.classifier(images)[:, column].mean())
