"""Measures generators of aligned faces: are these faces, and as varied as the training set?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganedit.errors import InputError, MissingError
from ganedit.metrics.frechet import frechet_distance_of
from ganedit.metrics.identity import embed_crops
from ganedit.metrics.image_features import embed_images
from ganedit.metrics.image_sets import DrawnImages
from ganedit.metrics.quality import detection_rate

if TYPE_CHECKING:
    from ganedit.images.align import Template
    from ganedit.store.models import Generator

Watch = Callable[[str, int], AbstractContextManager[Callable[[int, int], None]]]


@dataclass(frozen=True)
class FaceQuality:
    """What `measure_faces` finds.

    Attributes:
        detection_rate: Fraction of the truncated samples in which dlib's detector finds a face, 0 to 1.
        detection_samples: Number of these samples.
        psi: Their truncation.
        frechet: Fréchet distance between the identity features of untruncated samples and of real crops.
        frechet_halves: The same between two halves of the real crops: what a perfect generator would get.
        frechet_images: Fréchet distance between the features of whole images (`embed_images`) of the same
            samples and real crops; None if the extra `features` is not installed.
        frechet_images_halves: The same between the two halves.
        samples: Number of untruncated samples.
        real: Number of real crops.
    """

    detection_rate: float
    detection_samples: int
    psi: float
    frechet: float
    frechet_halves: float
    frechet_images: float | None
    frechet_images_halves: float | None
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
    """Measure a generator of faces: are faces found in its samples, and are they as varied as real ones?

    Fréchet distances (Heusel et al., arXiv:1706.08500) are taken of the identity features of dlib's face
    recognition network, and of those of an ImageNet classifier, which see hair, skin and sharpness too.
    Compare only distances of equal numbers of images: fewer give larger values.

    Args:
        generator: The generator; seeds 0, 1, ... are drawn with its stored noise.
        real: Real crops [N, S, S, 3] uint8 RGB, in random order.
        template: How the samples and the real crops are aligned.
        samples: Number of samples for the distance, at psi 1.
        detection_samples: Number of samples for the detector, at `psi`.
        psi: Truncation of the samples for the detector.
        watch: `watch(title, total)` is entered around each stage and gives its progress callback.

    Returns:
        The detection rate, and the distances beside those of two halves of the real crops.

    Raises:
        InputError: Fewer than four real crops.
        MissingError: dlib's model files are not installed.

    Examples:
        >>> import numpy as np
        >>> from ganedit.images.align import TEMPLATES
        >>> faces = ganedit.load("faces")
        >>> crops = np.stack([sample.pixels for sample in ganedit.generate(faces, range(4))])  # for real ones
        >>> found = ganedit.measure_faces(
        ...     faces, crops, TEMPLATES["close-up"], samples=4, detection_samples=4
        ... )
        >>> found.samples, found.real, 0 <= found.detection_rate <= 1
        (4, 4, True)
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
        persons = embed_crops(drawn, template, progress=progress)
    with watch("embedding the real images", len(real)) as progress:
        real_persons = embed_crops(real, template, progress=progress)
    distance, halves = _distances(persons, real_persons)
    of_images, of_image_halves = _image_distances(drawn, real, watch)
    return FaceQuality(
        detection_rate=rate,
        detection_samples=detection_samples,
        psi=psi,
        frechet=distance,
        frechet_halves=halves,
        frechet_images=of_images,
        frechet_images_halves=of_image_halves,
        samples=samples,
        real=len(real),
    )


def _distances(features: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """Fréchet distance between features of samples and of real crops, and between halves of the latter."""
    half = len(real) // 2
    return frechet_distance_of(features, real), frechet_distance_of(real[:half], real[half:])


def _image_distances(
    drawn: np.ndarray, real: np.ndarray, watch: Watch
) -> tuple[float, float] | tuple[None, None]:
    try:
        with watch("features of the samples", len(drawn)) as progress:
            features = embed_images(drawn, progress=progress)
    except MissingError:
        return None, None
    with watch("features of the real images", len(real)) as progress:
        return _distances(features, embed_images(real, progress=progress))


def draw(
    generator: Generator,
    count: int,
    *,
    psi: float = 1.0,
    batch: int = 16,
    progress: Callable[[int, int], Any] | None = None,
) -> np.ndarray:
    """Pictures of seeds 0 to count - 1, uint8 [count, S, S, 3]; classes take turns."""
    images, side = DrawnImages(generator, count, psi), generator.resolution
    pictures = np.empty((count, side, side, 3), np.uint8)
    for start in range(0, count, batch):
        some = images[start : start + batch]
        pictures[start : start + len(some)] = some
        if progress:
            progress(start + len(some), count)
    return pictures
