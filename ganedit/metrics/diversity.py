"""How unlike each other images are, and how evenly a generator moves from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.compute import find_device
from ganedit.data.files import Progress
from ganedit.errors import InputError, UsageError, did_you_mean
from ganedit.images.tensors import from_levels
from ganedit.latent.inversion.perceptual import feature_distance, lpips_network
from ganedit.metrics.image_features import DEFAULT, Images
from ganedit.nets.efficientnet_lite import CONFIGS
from ganedit.store.formats.efficientnet_lite import load_efficientnet_lite

if TYPE_CHECKING:
    from ganedit.store.models import Generator

DISTANCES = ("vgg", *CONFIGS)  # networks that measure the distance of two images
BATCH = 8
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of MS-SSIM, Wang et al. 2003
WINDOW = 11  # pixels
PATH_STEP = 1e-4  # of interpolation
LARGEST = 256  # px at which StyleGAN compares images
OUTLIERS = (1, 99)  # percentiles between which StyleGAN counts distances

Compare = Callable[[Tensor, Tensor], Tensor]  # images [N, 3, H, W] in [-1, 1] twice, to [N]
Space = Literal["z", "w"]
Sampling = Literal["full", "end"]


def image_distance(network: str = DEFAULT, device: str = "auto") -> Compare:
    """A perceptual distance of images [N, 3, H, W] in [-1, 1] from others, [N].

    Args:
        network: "vgg" is LPIPS (Zhang et al., arXiv:1801.03924); an EfficientNet-Lite compares its features
            the same way, without LPIPS's learned weights and without a download.
        device: As in `ganedit.load`.

    Raises:
        UsageError: There is no such network.
        MissingError: Its weights are not here.
    """
    if network not in DISTANCES:
        raise UsageError(f"{network} measures no distance of two images", did_you_mean(network, DISTANCES))
    place = find_device(device)
    if network == "vgg":
        lpips = lpips_network(place)
        return lambda a, b: lpips(a.to(place).clamp(-1, 1), b.to(place).clamp(-1, 1)).flatten()
    features = load_efficientnet_lite(network, place).features
    return lambda a, b: feature_distance(b.to(place).clamp(-1, 1), features)(a.to(place).clamp(-1, 1))


def title_of(network: str) -> str:
    """What a distance by this network is called; only VGG's is LPIPS."""
    return "LPIPS (vgg)" if network == "vgg" else f"distance of {network} features"


@dataclass(frozen=True)
class Diversity:
    """How alike or unlike pairs of images are.

    Attributes:
        value: The mean over groups.
        groups: The mean over the pairs of each class or folder, by its name.
        pairs: Number of pairs in all.
        scales: Number of scales of MS-SSIM, which depends on the size of the images; 0 for a distance.
    """

    value: float
    groups: Mapping[str, float] = field(default_factory=dict)
    pairs: int = 0
    scales: int = 0


def measure_diversity(
    images: Images,
    measure: str = DEFAULT,
    *,
    groups: Mapping[str, Sequence[int]] | None = None,
    pairs: int = 100,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
) -> Diversity:
    """Measure how unlike each other images are, by random pairs within each class.

    "ms-ssim" is the measure of AC-GAN (Odena et al., arXiv:1610.09585): the mean multi-scale structural
    similarity (Wang et al. 2003, computed by torchmetrics) of 100 pairs of a class. The larger, the more
    alike the images are: compare it with that of real images. Images below 176 px have fewer than five
    scales. Any other measure is a perceptual distance: the larger, the more varied they are.

    Args:
        images: [N, H, W, 3] uint8, or `DrawnImages` or `ReadImages` of `ganedit.metrics.image_sets`.
        measure: "ms-ssim", "vgg" (LPIPS) or "efficientnet-lite0", "-lite1" or "-lite2".
        groups: Rows of each class by its name, within which pairs are taken; None is one group of all.
        pairs: Pairs of each group.
        seed: Determines the pairs.
        device: Where distances are computed, as in `ganedit.load`.
        progress: Called with (pairs done, pairs in all).

    Returns:
        The mean over the groups, and that of each.

    Raises:
        InputError: No group has two images, or they are too small.
        UsageError: There is no such measure.
        MissingError: The weights of the network are not here.

    Examples:
        >>> import numpy as np
        >>> drawn = ganedit.generate(ganedit.load("faces"), range(4))
        >>> images = np.stack([sample.pixels for sample in drawn])
        >>> found = ganedit.measure_diversity(images, "ms-ssim", pairs=3)
        >>> 0 < found.value < 1, found.pairs
        (True, 3)
    """
    side = min(images[:1].shape[1:3])
    scales = scales_at(side) if measure == "ms-ssim" else 0
    compare = multi_scale_similarity(scales) if scales else image_distance(measure, device)
    groups = {"": range(len(images))} if groups is None else groups
    chosen = _pairs_of(groups, pairs, np.random.default_rng(seed))
    total, done, means = sum(map(len, chosen.values())), 0, {}
    for name, rows in chosen.items():
        values = []
        for start in range(0, len(rows), BATCH):
            some = rows[start : start + BATCH]
            with torch.inference_mode():
                values.append(compare(*(_at(images, some[:, i]) for i in range(2))).cpu())
            done += len(some)
            if progress:
                progress(done, total)
        means[name] = float(torch.cat(values).double().mean())
    return Diversity(float(np.mean(list(means.values()))), means, total, scales)


def _pairs_of(
    groups: Mapping[str, Sequence[int]], pairs: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Rows [pairs, 2] of different images, for each group of two or more."""
    found = {}
    for name, rows in groups.items():
        if len(rows) < 2:
            continue
        first = rng.integers(len(rows), size=pairs)
        second = (first + rng.integers(1, len(rows), size=pairs)) % len(rows)
        found[name] = np.asarray(rows)[np.stack([first, second], 1)]
    if not found:
        raise InputError("no class or folder has two images to compare", "give more images")
    return found


def _at(images: Images, rows: Sequence[int] | np.ndarray) -> Tensor:
    """Images of these rows, [N, 3, H, W] in [-1, 1]."""
    pixels = np.concatenate([images[int(i) : int(i) + 1] for i in rows])
    return from_levels(torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2))


def measure_pairs(
    images: Images, others: Images, network: str = DEFAULT, *, device: str = "auto",
    progress: Progress | None = None,
) -> np.ndarray:  # fmt: skip
    """Perceptual distances [N] of images from others, one by one: row by row of two sets.

    Raises:
        InputError: The sets differ in number or size.
    """
    shapes = [(len(x), *x[:1].shape[1:3]) for x in (images, others)]
    if shapes[0] != shapes[1]:
        text = " and ".join(f"{n} of {width}x{height}" for n, height, width in shapes)
        raise InputError(f"pairs need two sets alike, not {text} px", "choose a `resolution` for both")
    compare, found = image_distance(network, device), []
    for start in range(0, len(images), BATCH):
        rows = range(start, min(start + BATCH, len(images)))
        with torch.inference_mode():
            found.append(compare(_at(images, rows), _at(others, rows)).cpu())
        if progress:
            progress(rows.stop, len(images))
    return torch.cat(found).double().numpy()


# --- MS-SSIM -----------------------------------------------------------------------------------------


def scales_at(side: int) -> int:
    """How many of MS-SSIM's five scales images of a side in pixels have room for.

    Raises:
        InputError: Not even one.
    """
    for scales in range(len(SCALE_WEIGHTS), 0, -1):
        if (
            side >> (scales - 1) >= WINDOW and side // max(1, (scales - 1) ** 2) >= WINDOW
        ):  # torchmetrics' own
            return scales
    raise InputError(f"images of {side} px are too small for MS-SSIM", f"it needs {WINDOW} px")


def multi_scale_similarity(scales: int) -> Compare:
    """MS-SSIM of images [N, 3, H, W] in [-1, 1], [N]: that of the first scales, their weights adding to 1."""
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as similarity

    some = SCALE_WEIGHTS[:scales]
    weights = tuple(weight / sum(some) for weight in some)
    return lambda a, b: similarity(
        (a + 1) / 2, (b + 1) / 2, kernel_size=WINDOW, reduction="none", data_range=1.0, betas=weights
    ).flatten()


# --- path length -------------------------------------------------------------------------------------


def measure_path_length(
    generator: Generator,
    space: Space = "w",
    sampling: Sampling = "end",
    network: str = DEFAULT,
    *,
    samples: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
) -> float:
    """Measure how evenly a generator moves through its images: perceptual path length.

    The mean perceptual distance of two images that lie a ten-thousandth of the way between two random codes
    apart, divided by the square of that step (Karras et al., arXiv:1812.04948, section 4.1). Distances below
    the 1st and above the 99th percentile are left out, and images above 256 px are averaged down to it, as
    the authors do; crops of faces are not taken. Smaller is smoother.

    Args:
        generator: The generator, best at float32.
        space: "w" for straight lines in the space of styles, "z" for great circles in the space of z.
        sampling: "end" measures at the ends of the ways, "full" at random places between.
        network: "vgg" (LPIPS, as published), or "efficientnet-lite0", "-lite1" or "-lite2".
        samples: Number of ways; published values take 100,000.
        seed: Determines them: from z of the seeds 2N to that of 2N + 1, for N from `seed` on.
        progress: Called with (ways done, ways in all).

    Returns:
        The path length.

    Raises:
        UsageError: There is no such space, sampling or network.
        CheckpointError: The model has no space of styles.
        MissingError: The weights of the network are not here.

    Examples:
        >>> ganedit.measure_path_length(ganedit.load("faces"), samples=4) > 0
        True
    """
    for name, value, known in (("space", space, ("z", "w")), ("sampling", sampling, ("full", "end"))):
        if value not in known:
            raise UsageError(f"`{name}={value}` is unknown", f"choose {' or '.join(known)}")
    compare = image_distance(network, str(generator.device))
    places, found = np.random.default_rng(seed), []
    for start in range(0, samples, BATCH):
        some = range(start, min(start + BATCH, samples))
        t = torch.from_numpy(places.random(len(some))) if sampling == "full" else torch.zeros(len(some))
        with torch.inference_mode():
            one, other = (
                _comparable(images)
                for images in _images_along(generator, space, [seed + i for i in some], t.float())
            )
            found.append(compare(one, other).double().cpu() / PATH_STEP**2)
        if progress:
            progress(some.stop, samples)
    lengths = torch.cat(found).numpy()
    low = np.percentile(lengths, OUTLIERS[0], method="lower")
    high = np.percentile(lengths, OUTLIERS[1], method="higher")
    return float(lengths[(lengths >= low) & (lengths <= high)].mean())


def _images_along(
    generator: Generator, space: Space, numbers: Sequence[int], t: Tensor
) -> tuple[Tensor, Tensor]:
    """Images at t [N] and a step later, on the way from the code of each seed to another."""
    a, b = (generator.z_of([2 * i + end for i in numbers]) for end in (0, 1))
    c = generator.one_hot([i % generator.num_classes for i in numbers]) if generator.num_classes else None
    t = t.to(a.device)
    places = t, t + PATH_STEP
    if space == "z":
        one, other = (generator.generate(z=_on_arc(a, b, at), c=c) for at in places)
    else:
        start, end = (generator.mapping(z, c) for z in (a, b))
        one, other = (generator.synthesis(start.lerp(end, at[:, None, None])) for at in places)
    return one, other


def _on_arc(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Codes [N, Z] on the great circle from a to b, t of the way; their length goes evenly with it."""
    lengths = [x.norm(dim=1, keepdim=True).double() for x in (a, b)]
    one, other = (x.double() / length for x, length in zip((a, b), lengths, strict=True))
    angle = (one * other).sum(1, keepdim=True).clamp(-1, 1).acos() * t[:, None]
    across = F.normalize(other - (one * other).sum(1, keepdim=True) * one, dim=1)
    length = lengths[0].lerp(lengths[1], t[:, None].double())
    codes: Tensor = (one * angle.cos() + across * angle.sin()) * length
    return codes.float()


def _comparable(images: Tensor) -> Tensor:
    """Averaged down to at most 256 px, as StyleGAN does."""
    factor = images.shape[-1] // LARGEST
    return F.avg_pool2d(images, factor) if factor > 1 else images
