"""Measures a set of images against another in the features of a network: FID and its relatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass

import numpy as np

from ganedit.data.files import Progress
from ganedit.errors import InputError, UsageError, did_you_mean
from ganedit.metrics.distributions import class_score, kernel_distance, neighbourhoods
from ganedit.metrics.frechet import frechet_distance_of
from ganedit.metrics.image_features import (
    DEFAULT,
    FeatureNetwork,
    Images,
    feature_network,
    look_at,
)

MEASURES = ("fid", "kid", "is", "prdc")
Watch = Callable[[str, int], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Measured:
    """A number with its name.

    Attributes:
        name: "fid", "kid" and "is" if the features are Inception's, otherwise "frechet", "kernel" and
            "class_score"; "precision", "recall", "density" and "coverage".
        title: The same in words, with the network.
        value: The number.
        spread: Standard deviation over subsets or groups; None if there are none.
    """

    name: str
    title: str
    value: float
    spread: float | None = None


def measure_images(
    images: Images,
    real: Images | None = None,
    measures: Sequence[str] = ("fid",),
    network: str | FeatureNetwork = DEFAULT,
    *,
    neighbours: int = 0,
    seed: int = 0,
    watch: Watch | None = None,
) -> list[Measured]:
    """Measure samples of a generator, or any images, against real ones: all measures in one pass.

    The Fréchet distance depends on the number of images, more of them giving smaller values: compare only
    equal numbers. `docs/metrics.md` says what each measure means, and when not to trust it.

    Args:
        images: [N, H, W, 3] uint8, or `DrawnImages` or `ReadImages` of `ganedit.metrics.image_sets`, which
            draw and read them as they are needed.
        real: The images to compare with; "is" needs none.
        measures: Of "fid" (Fréchet distance, Heusel et al., arXiv:1706.08500), "kid" (kernel distance,
            Bińkowski et al., arXiv:1801.01401), "is" (Inception Score, Salimans et al., arXiv:1606.03498) and
            "prdc" (precision, recall, density and coverage, Naeem et al., arXiv:2002.09797).
        network: A name, as in `ganedit.metrics.image_features.feature_network`, or what that returned.
        neighbours: As in `ganedit.metrics.distributions.neighbourhoods`.
        seed: Determines the subsets of "kid" and "is".
        watch: `watch(title, total)` is entered around each pass and gives its progress callback.

    Returns:
        The numbers, in the order of `measures`, named by the network.

    Raises:
        UsageError: There is no such measure or network, or the network has no classes for "is".
        InputError: Too few images, or sets of images of different sizes.
        MissingError: The network's weights are not here.

    Examples:
        >>> import numpy as np
        >>> drawn = ganedit.generate(ganedit.load("faces"), range(4))
        >>> images = np.stack([sample.pixels for sample in drawn])
        >>> (found,) = ganedit.measure_images(images, images)
        >>> found.title, round(found.value, 3)
        ('Fréchet distance of efficientnet-lite1 features', 0.0)
    """
    check_measures(measures)
    network = feature_network(network) if isinstance(network, str) else network
    needs_real = any(measure != "is" for measure in measures)
    if "is" in measures and not network.has_classes:
        raise UsageError(f"the features of {network.name} have no classes, which `is` needs", "choose others")
    if needs_real and real is None:
        raise UsageError("there is nothing to compare with", "name real images too")
    watch = watch or (lambda title, total: nullcontext(lambda done, of: None))
    if real is not None and needs_real:
        _refuse_other_sizes(images, real)
    with watch(f"looking at {len(images)} images through {network.name}", len(images)) as progress:
        features, logits = look_at(images, network, classes="is" in measures, progress=progress)
    theirs = features
    if real is not None and needs_real:
        with watch(f"looking at {len(real)} real images", len(real)) as progress:
            theirs, _ = look_at(real, network, progress=progress)
    found: list[Measured] = []
    for measure in measures:
        if measure == "is":
            assert logits is not None
            found.append(_named("is", network, *class_score(logits, seed=seed)))
        else:
            found += compare(measure, features, theirs, network, neighbours=neighbours, seed=seed)
    return found


def compare(
    measure: str,
    features: np.ndarray,
    real: np.ndarray,
    network: FeatureNetwork,
    *,
    neighbours: int = 0,
    seed: int = 0,
) -> list[Measured]:
    """One of the measures that compare two sets of features, [N, D] and [M, D]."""
    if measure == "fid":
        return [_named("fid", network, frechet_distance_of(features, real))]
    if measure == "kid":
        return [_named("kid", network, *kernel_distance(features, real, seed=seed))]
    four = asdict(neighbourhoods(features, real, neighbours=neighbours))
    return [Measured(name, f"{name} in {network.name} features", value) for name, value in four.items()]


NAMES = {
    "fid": (("fid", "FID"), ("frechet", "Fréchet distance of {} features")),
    "kid": (("kid", "KID"), ("kernel", "kernel distance of {} features")),
    "is": (("is", "Inception Score"), ("class_score", "class score by {}")),
}
"""Names and titles: with Inception, and with any other network."""


def _named(measure: str, network: FeatureNetwork, value: float, spread: float | None = None) -> Measured:
    inception, other = NAMES[measure]
    name, title = inception if network.is_inception else other
    return Measured(name, title.format(network.name), value, spread)


def check_measures(measures: Sequence[str]) -> None:
    """Refuse an unknown measure, or none. Raises UsageError."""
    if not measures:
        raise UsageError("no measure was named", f"choose of {', '.join(MEASURES)}")
    for measure in measures:
        if measure not in MEASURES:
            raise UsageError(f"there is no measure {measure!r}", did_you_mean(measure, MEASURES))


def _refuse_other_sizes(images: Images, real: Images) -> None:
    one, other = (x[:1].shape[1:3] if len(x) else (0, 0) for x in (images, real))
    if one != other:
        sizes = " and ".join(f"{width}x{height}" for height, width in (one, other))
        raise InputError(
            f"images of different sizes cannot be compared: {sizes}",
            "choose a `resolution` that both are reduced to",
        )
