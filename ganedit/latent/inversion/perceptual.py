"""Perceptual distances between images, as losses that need no download.

Multi-scale pixels and structural similarity, together with features of the generator's own discriminator, of
a pretrained EfficientNet-Lite, or LPIPS (Zhang et al., arXiv:1801.03924) if its weights are available. Pixels
and structure alone work with any generator, but less well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.errors import MissingError, UsageError
from ganedit.images.similarity import similarity_to
from ganedit.nets.efficientnet_lite import CONFIGS
from ganedit.store.formats.efficientnet_lite import load_efficientnet_lite
from ganedit.store.models import Generator

Perceptual = Literal[
    "discriminator", "lpips", "pixels", "efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"
]
Distance = Callable[[Tensor], Tensor]  # images [N, 3, H, W] to a distance [N] from the targets

PIXEL_WEIGHT, SSIM_WEIGHT, FEATURE_WEIGHT, LPIPS_WEIGHT = 1.0, 0.5, 1.0, 1.0
PIXEL_SCALES = (1, 2, 4)


def distance_to(targets: Tensor, generator: Generator, kind: Perceptual) -> Distance:
    """Make a function from images [N, 3, H, W] in [-1, 1] to their distance [N] from `targets` (same shape).

    What depends only on the targets is computed once.

    Raises:
        CheckpointError: "discriminator", but the generator came without one.
        MissingError: "lpips", but its weights are missing and cannot be downloaded; or an EfficientNet-Lite
            whose package is not installed.
    """
    terms: list[tuple[float, Distance]] = [
        (PIXEL_WEIGHT, pixel_distance(targets)),
        (SSIM_WEIGHT, ssim_distance(targets)),
    ]
    if kind == "discriminator":
        terms.append((FEATURE_WEIGHT, feature_distance(targets, generator.discriminator.features)))
    elif kind == "lpips":
        terms.append((LPIPS_WEIGHT, lpips_distance(targets)))
    elif kind in CONFIGS:
        network = load_efficientnet_lite(kind, targets.device)
        terms.append((FEATURE_WEIGHT, feature_distance(targets, network.features)))
    elif kind != "pixels":
        raise UsageError(f"`perceptual={kind}` is unknown", f"choose {', '.join(get_args(Perceptual))}")
    return lambda images: torch.stack([weight * term(images) for weight, term in terms]).sum(dim=0)


def pixel_distance(targets: Tensor) -> Distance:
    """Mean absolute difference of pixels and of their averages over 2x2 and 4x4."""
    wanted = {scale: F.avg_pool2d(targets, scale) for scale in PIXEL_SCALES}

    def distance(images: Tensor) -> Tensor:
        each = [(F.avg_pool2d(images, s) - t).abs().mean(dim=(1, 2, 3)) for s, t in wanted.items()]
        return torch.stack(each).mean(dim=0)

    return distance


def ssim_distance(targets: Tensor) -> Distance:
    """1 - SSIM over windows of 9 pixels, also those around pixels at the edges, where images are mirrored."""

    def mirrored(images: Tensor) -> Tensor:
        return F.pad(images, (4, 4, 4, 4), mode="reflect")

    similarity = similarity_to(mirrored(targets), window=9, sigma=1.0, data_range=2.0)
    return lambda images: 1 - similarity(mirrored(images))


def feature_distance(targets: Tensor, features: Callable[[Tensor], list[Tensor]]) -> Distance:
    """Squared differences of features, normalised at each position, averaged over layers.

    As in LPIPS, without its weights of channels. `features` maps images [N, 3, H, W] to several [N, C, h, w].
    """

    def unit_features(images: Tensor) -> list[Tensor]:
        return [F.normalize(f.float(), dim=1, eps=1e-6) for f in features(images)]

    with torch.no_grad():
        wanted = unit_features(targets)

    def distance(images: Tensor) -> Tensor:
        features = unit_features(images)
        each = [(a - b).square().sum(dim=1).mean(dim=(1, 2)) for a, b in zip(features, wanted, strict=True)]
        return torch.stack(each).mean(dim=0)

    return distance


def lpips_distance(targets: Tensor) -> Distance:
    """LPIPS with VGG features (`lpips_network`)."""
    network = lpips_network(targets.device)
    return lambda images: network(images.clamp(-1, 1), targets).flatten()


def lpips_network(device: torch.device) -> nn.Module:
    """torchmetrics' LPIPS network: two images [N, 3, H, W] in [-1, 1] to [N, 1, 1, 1]; its parameters are
    frozen.

    Raises:
        MissingError: VGG's weights are not in torchvision's cache and cannot be downloaded.
    """
    from urllib.error import URLError

    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    try:
        network = LearnedPerceptualImagePatchSimilarity("vgg").to(device)
    except (URLError, OSError, ModuleNotFoundError) as error:
        raise MissingError(
            f"LPIPS needs torchvision's VGG-16 weights, which could not be downloaded ({error})",
            "put vgg16-397923af.pth into ~/.cache/torch/hub/checkpoints, or do without LPIPS",
        ) from error
    return network.requires_grad_(False).net
