"""Measures generators of aligned faces: are these faces, and as varied as the training set?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganedit.errors import InputError
from ganedit.images.tensors import to_levels
from ganedit.metrics.frechet import frechet_distance_of
from ganedit.metrics.identity import embed_crops
from ganedit.metrics.quality import detection_rate

if TYPE_CHECKING:
    from ganedit.images.align import Template
    from ganedit.store.models import Generator

Watch = Callable[[str, int], AbstractContextManager[Callable[[int, int], None]]]


@dataclass(frozen=True)
class FaceQuality:
    """Results of `measure_faces`."""

    detection_rate: float  # share of truncated samples in which dlib's detector finds a face
    detection_samples: int
    psi: float  # truncation of these samples
    frechet: float  # between identity features of untruncated samples and of real crops
    frechet_halves: float  # between two halves of the real crops: the value of a perfect model
    samples: int
    real: int


def measure_faces(
    generator: Generator,
    real: np.ndarray,
    template: Template,
    *,
    samples: int = 5000,
    detection_samples: int = 1000,
    psi: float = 0.7,
    watch: Watch | None = None,
) -> FaceQuality:
    """Detection rate of samples, and the Fréchet distance of their identity features to real crops.

    Args:
        generator: Draws seeds 0, 1, ... with its stored noise.
        real: uint8 [N, S, S, 3] crops, in random order, aligned by `template`.
        template: What the generator's pictures and `real` show.
        samples: Pictures, at psi 1, for the distance.
        detection_samples: Pictures, at `psi`, for the detector.
        psi: See above.
        watch: `watch(title, total)` is entered around each stage and gives its progress callback.

    Raises:
        InputError: Fewer than four real crops.
    """
    if len(real) < 4:
        raise InputError(f"{len(real)} real images are too few to compare with", "give at least some hundred")
    watch = watch or (lambda title, total: nullcontext(lambda done, of: None))
    with watch(f"drawing {detection_samples} samples", detection_samples) as progress:
        drawn = draw(generator, detection_samples, psi=psi, progress=progress)
    with watch("looking for faces", detection_samples) as progress:
        rate = detection_rate(drawn, progress)
    with watch(f"drawing {samples} samples", samples) as progress:
        drawn = draw(generator, samples, psi=1.0, progress=progress)
    with watch("embedding the samples", samples) as progress:
        features = embed_crops(drawn, template, progress=progress)
    with watch("embedding the real images", len(real)) as progress:
        real_features = embed_crops(real, template, progress=progress)
    half = len(real) // 2
    return FaceQuality(
        detection_rate=rate,
        detection_samples=detection_samples,
        psi=psi,
        frechet=frechet_distance_of(features, real_features),
        frechet_halves=frechet_distance_of(real_features[:half], real_features[half:]),
        samples=samples,
        real=len(real),
    )


def draw(
    generator: Generator,
    count: int,
    *,
    psi: float = 1.0,
    batch: int = 16,
    progress: Callable[[int, int], Any] | None = None,
) -> np.ndarray:
    """Pictures of seeds 0 to count - 1, uint8 [count, S, S, 3]; classes take turns."""
    side = generator.resolution
    pictures = np.empty((count, side, side, 3), np.uint8)
    for start in range(0, count, batch):
        seeds = range(start, min(start + batch, count))
        c = generator.one_hot([s % generator.num_classes for s in seeds]) if generator.num_classes else None
        images = generator.generate(seeds, c=c, psi=psi)
        pictures[start : start + len(seeds)] = to_levels(images).permute(0, 2, 3, 1).cpu().numpy()
        if progress:
            progress(start + len(seeds), count)
    return pictures
