"""Features of any images for Fréchet distances, by a network that needs no download."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from ganedit.store.formats.efficientnet_lite import load_efficientnet_lite

BATCH = 16
SIDE = 128  # side in pixels at which images of any size are compared


@torch.inference_mode()
def embed_images(
    images: np.ndarray,
    network: str = "efficientnet-lite1",
    *,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Compute features of images that Fréchet distances can compare, without a download.

    They are the coarsest features of an ImageNet classifier (EfficientNet-Lite), averaged over each image at
    128 px. Distances between them are not the FID of the literature, which uses Inception: compare them only
    with each other, at equal numbers of images.

    Args:
        images: [N, S, S, 3] uint8 RGB.
        network: "efficientnet-lite0", "efficientnet-lite1" or "efficientnet-lite2".
        progress: Called with (images done, images in all).

    Returns:
        [N, 320] float64, or [N, 352] for efficientnet-lite2.

    Raises:
        MissingError: The extra `features` is not installed.

    Examples:
        >>> (sample,) = ganedit.generate(ganedit.load("faces"), [7])
        >>> ganedit.embed_images(sample.pixels[None]).shape
        (1, 320)
    """
    backbone = load_efficientnet_lite(network)
    features = np.empty((len(images), backbone.widths[-1]))
    for start in range(0, len(images), BATCH):
        some = torch.from_numpy(np.ascontiguousarray(images[start : start + BATCH])).permute(0, 3, 1, 2)
        x = some.float() / 127.5 - 1
        if x.shape[2:] != (SIDE, SIDE):
            x = F.interpolate(x, (SIDE, SIDE), mode="bicubic", antialias=True, align_corners=False)
        features[start : start + BATCH] = backbone.embed(x).double().numpy()
        if progress:
            progress(start + len(x), len(images))
    return features
