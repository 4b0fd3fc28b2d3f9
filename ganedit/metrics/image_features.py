"""Features of any images, by the networks whose features measures compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.compute import find_device
from ganedit.data.files import Progress
from ganedit.errors import CheckpointError, MissingError, UsageError, did_you_mean
from ganedit.images.align import TEMPLATES
from ganedit.images.tensors import from_levels
from ganedit.metrics.identity import embed_crops
from ganedit.nets.efficientnet_lite import CONFIGS
from ganedit.store import registry
from ganedit.store.formats.efficientnet_lite import load_efficientnet_lite
from ganedit.store.load import load_classifier, load_clip

if TYPE_CHECKING:
    from ganedit.store.models import Classifier

BATCH = 32
SIDE = 128  # side in pixels at which EfficientNet-Lite sees images of any size
DEFAULT = "efficientnet-lite1"
INCEPTION = "inception"
NETWORKS = (*CONFIGS, INCEPTION, "clip", "dlib", "classifier")


class Images(Protocol):
    """Images of one size, uint8 RGB: an array [N, H, W, 3], or something that gives such parts of itself."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> np.ndarray: ...


@dataclass(frozen=True)
class FeatureNetwork:
    """A network through which measures look at images.

    Attributes:
        name: Its name, which belongs beside every number.
        look: From images [N, H, W, 3] uint8, and whether logits are wanted, to features [N, D] and to logits
            [N, C] of classes, or None.
        has_classes: Whether it has classes.
    """

    name: str
    look: Callable[[np.ndarray, bool], tuple[Tensor, Tensor | None]]
    has_classes: bool = False

    @property
    def is_inception(self) -> bool:
        """Whether measures have the names of the literature with it: FID, KID and Inception Score."""
        return self.name == INCEPTION


def feature_network(
    name: str = DEFAULT,
    *,
    weights: str | Path | None = None,
    template: str = "",
    device: str = "auto",
) -> FeatureNetwork:
    """Open a network through which measures look at images.

    Args:
        name: "efficientnet-lite0", "efficientnet-lite1" or "efficientnet-lite2" (extra `features`);
            "inception", with which the measures of the literature are made; "clip" or "clip:NAME" for a CLIP
            model; "dlib" for the identity of faces; "classifier:NAME" for a classifier.
        weights: File of Inception's weights; None takes those of `ganedit models pull inception`.
        template: How the faces are aligned, for "dlib": "ffhq" or "close-up".
        device: As in `ganedit.load`.

    Returns:
        The network.

    Raises:
        UsageError: There is no such network, or dlib lacks a template.
        MissingError: Its weights are not here.
        CheckpointError: A file holds something else.
    """
    kind, _, which = name.partition(":")
    if kind not in NETWORKS or (which and kind not in ("clip", "classifier")):
        raise UsageError(f"there are no features {name!r}", did_you_mean(name, NETWORKS))
    if weights is not None and kind != INCEPTION:
        raise UsageError("`weights` are those of inception", "choose `features=inception`")
    if kind in CONFIGS:
        return _efficientnet(kind, find_device(device))
    if kind == INCEPTION:
        return _inception(weights, device)
    if kind == "clip":
        clip = load_clip(which or "clip-faces", device)
        return FeatureNetwork(clip.name, lambda images, _: (clip.images(_tensor(images, clip.device)), None))
    if kind == "dlib":
        if template not in TEMPLATES:
            raise UsageError(
                f"dlib looks at aligned faces, and `template={template}` names no alignment",
                f"choose {' or '.join(TEMPLATES)}",
            )
        aligned = TEMPLATES[template]
        return FeatureNetwork(
            "dlib", lambda images, _: (torch.from_numpy(embed_crops(images, aligned)), None)
        )
    if not which:
        raise UsageError("`features=classifier` names no classifier", "such as classifier:face-attributes")
    return _classifier(load_classifier(which, device))


def _efficientnet(name: str, device: torch.device) -> FeatureNetwork:
    backbone = load_efficientnet_lite(name, device)

    def look(images: np.ndarray, classes: bool) -> tuple[Tensor, Tensor | None]:
        coarse = backbone.features(resized(images, SIDE, device))[-1]
        logits = backbone.classifier(backbone.head(coarse).mean((2, 3))) if classes else None
        return coarse.mean((2, 3)), logits

    return FeatureNetwork(name, look, has_classes=True)


def _inception(weights: str | Path | None, device: str) -> FeatureNetwork:
    if weights is None and registry.find(INCEPTION) is None:
        raise MissingError(
            "the weights of inception are not here",
            f"ganedit models pull inception, or name their file with `weights`; {DEFAULT} needs no download",
        )
    model = load_classifier(weights or INCEPTION, device)
    network = model.network
    if model.card.architecture != INCEPTION:
        raise CheckpointError(
            f"{weights or INCEPTION} is no Inception network", "ganedit models pull inception"
        )

    def look(images: np.ndarray, classes: bool) -> tuple[Tensor, Tensor | None]:
        features = network.features(resized(images, network.size, model.device))
        return features, network.unbiased(features) if classes else None

    return FeatureNetwork(INCEPTION, look, has_classes=True)


def _classifier(model: Classifier) -> FeatureNetwork:
    network = model.network
    if not hasattr(network, "features"):
        raise UsageError(f"the classifier {model.name} gives no features", "choose another")

    def look(images: np.ndarray, classes: bool) -> tuple[Tensor, Tensor | None]:
        x = _tensor(images, model.device)
        return network.features(x), model(x) if classes else None

    return FeatureNetwork(f"classifier:{model.name}", look, has_classes=bool(model.classes))


def resized(images: np.ndarray, side: int, device: torch.device) -> Tensor:
    """Images [N, H, W, 3] uint8 as float [N, 3, side, side] in [-1, 1], resized as clean-fid does.

    Pillow's bicubic filter, antialiased, in floating point, without rounding, clipped to 0 and 255 (Parmar et
    al., "On Aliased Resizing and Surprising Subtleties in GAN Evaluation", arXiv:2104.11222).
    """
    levels = torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2).float()
    if levels.shape[2:] != (side, side):
        levels = F.interpolate(levels, (side, side), mode="bicubic", antialias=True, align_corners=False)
    return from_levels(levels.clamp(0, 255))


def _tensor(images: np.ndarray, device: torch.device) -> Tensor:
    return from_levels(torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2))


def embed_images(
    images: Images,
    network: str | FeatureNetwork = DEFAULT,
    *,
    progress: Progress | None = None,
) -> np.ndarray:
    """Compute features of images, which Fréchet distances and other measures compare.

    The default needs no download: the coarsest features of an ImageNet classifier (EfficientNet-Lite),
    averaged over each image at 128 px. Distances between them are not the FID of the literature, which uses
    "inception": compare them only with each other, at equal numbers of images.

    Args:
        images: [N, H, W, 3] uint8 RGB.
        network: A name, as in `ganedit.metrics.image_features.feature_network`, or what that returned.
        progress: Called with (images done, images in all).

    Returns:
        [N, D] float64; D is 320, or 352 for efficientnet-lite2, 2048 for inception, 128 for dlib.

    Raises:
        UsageError: There is no such network.
        MissingError: The extra `features` is not installed, or other weights are not here.

    Examples:
        >>> (sample,) = ganedit.generate(ganedit.load("faces"), [7])
        >>> ganedit.embed_images(sample.pixels[None]).shape
        (1, 320)
    """
    return look_at(images, network, progress=progress)[0]


@torch.inference_mode()
def look_at(
    images: Images,
    network: str | FeatureNetwork = DEFAULT,
    *,
    classes: bool = False,
    progress: Progress | None = None,
) -> tuple[np.ndarray, Tensor | None]:
    """Features [N, D] as `embed_images` computes them, and with `classes` the logits [N, C]."""
    network = feature_network(network) if isinstance(network, str) else network
    features, logits = [], []
    for start in range(0, len(images), BATCH):
        some = images[start : start + BATCH]
        found, scores = network.look(some, classes)
        features.append(found.double().cpu().numpy())
        if scores is not None:
            logits.append(scores.float().cpu())
        if progress:
            progress(start + len(some), len(images))
    return np.concatenate(features), torch.cat(logits) if logits else None
