"""What an ImageNet classifier takes images for, without a download."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from ganedit.errors import UsageError, did_you_mean
from ganedit.images.pixels import resize
from ganedit.images.tensors import to_tensor
from ganedit.store.formats.efficientnet_lite import load_efficientnet_lite


def imagenet_classes() -> list[str]:
    """The names of ImageNet's 1,000 classes, in the order of a classifier's logits."""
    from torchvision.models import EfficientNet_B0_Weights

    return list(EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"])


@torch.inference_mode()
def share_of_class(
    images: Sequence[np.ndarray],
    name: str,
    network: str = "efficientnet-lite0",
    progress: Callable[[int, int], None] | None = None,
) -> float:
    """The share of images [H, W, 3] whose most likely ImageNet class is this one, 0 to 1.

    Each image is resized to a square of the network's side (224 px for efficientnet-lite0).

    Raises:
        UsageError: There is no such class, or no such network.
        MissingError: The extra `features` is not installed.
    """
    classes = imagenet_classes()
    if name not in classes:
        raise UsageError(f"ImageNet has no class {name!r}", did_you_mean(name, classes))
    classifier, wanted, found = load_efficientnet_lite(network), classes.index(name), 0
    for i, pixels in enumerate(images, 1):
        logits = classifier(to_tensor(resize(pixels, classifier.cfg.side)))
        found += int(logits.argmax()) == wanted
        if progress:
            progress(i, len(images))
    return found / len(images)
