"""Measures whether a translator changes what it should, and keeps the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from ganedit.errors import InputError, UsageError
from ganedit.images.io import Photo, list_images, read_image
from ganedit.images.labels import LabelMap, read_label_map
from ganedit.images.pixels import resize, to_depth
from ganedit.images.tensors import to_tensor
from ganedit.images.translation import takes_labels, translate
from ganedit.metrics.frechet import frechet_distance_of
from ganedit.metrics.quality import detection_rate

if TYPE_CHECKING:
    from ganedit.images.align import Template
    from ganedit.store.models import Classifier, Translator
    from ganedit.store.models.image import Direction

Pairs = Literal["wanted", "mask"]
Progress = Callable[[int, int], None]
EMBEDDED = 128  # side of the crops in which faces are compared


@dataclass(frozen=True)
class FaceDrawing:
    """Results of `measure_faces_drawn`."""

    detection_rate: float  # share of the outputs in which dlib's detector finds a face
    frechet: float  # between identity features of outputs and of real faces
    outputs: int
    real: int


def background_psnr(inputs: np.ndarray, outputs: np.ndarray, mask: np.ndarray) -> float:
    """PSNR in dB between input and output where the mask is dark; NaN if it is dark nowhere.

    Args:
        inputs, outputs: uint8 [H, W, 3].
        mask: uint8 [H, W, 3], white where the picture should change.

    Raises:
        InputError: Their sizes differ.
    """
    if not inputs.shape == outputs.shape == mask.shape:
        sizes = " and ".join(f"{x.shape[1]}x{x.shape[0]}" for x in (inputs, outputs, mask))
        raise InputError(f"image, result and mask have {sizes} pixels", "they must be of one size")
    kept = mask[..., 0] < 128
    if not kept.any():
        return float("nan")
    error = np.square(inputs[kept].astype(float) - outputs[kept]).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-5)))


def share_taken_for(
    outputs: Sequence[np.ndarray], classifier: Classifier, attribute: str, progress: Progress | None = None
) -> float:
    """Share of pictures [H, W, 3] that a classifier gives a binary attribute, 0 to 1.

    Raises:
        UsageError: The classifier has no such attribute.
    """
    binary = classifier.network.cfg.binary
    if attribute not in binary:
        known = ", ".join(binary) or "none"
        raise UsageError(
            f"the classifier {classifier.name} has no binary attribute {attribute!r}", f"it has {known}"
        )
    taken = 0
    for i, pixels in enumerate(outputs, 1):
        taken += bool(classifier.measure(to_tensor(pixels))[attribute][0] > 0.5)
        if progress:
            progress(i, len(outputs))
    return taken / len(outputs)


def measure_faces_drawn(
    outputs: Sequence[np.ndarray],
    real: Sequence[np.ndarray],
    template: Template,
    progress: Progress | None = None,
) -> FaceDrawing:
    """Detection rate and Fréchet distance of drawn faces: are they faces, and as varied as real ones?

    Distances are only comparable at equal numbers of pictures.

    Args:
        outputs, real: Square aligned crops, uint8 [S, S, 3], of any size.
        template: How they are aligned.
        progress: Called with (done, total) while features are computed.

    Raises:
        InputError: Fewer than two crops on a side.
        MissingError: dlib's model files are not installed.
    """
    from ganedit.metrics.identity import embed_crops

    drawn, true = (np.stack([resize(x, EMBEDDED) for x in crops]) for crops in (outputs, real))
    features = embed_crops(np.concatenate([drawn, true]), template, progress=progress)
    distance = frechet_distance_of(features[: len(drawn)], features[len(drawn) :])
    return FaceDrawing(detection_rate(drawn), distance, len(drawn), len(true))


def region_agreement(outputs: Sequence[np.ndarray], maps: Sequence[np.ndarray], template: Template) -> float:
    """How well the parts of drawn faces agree with their label maps: mean IoU of skin, brows, eyes, nose
    and lips, each summed over all pictures.

    Args:
        outputs: Square aligned crops, uint8 [S, S, 3], of any sizes.
        maps: Numbers of `images.regions.REGIONS`, uint8 [H, W], one for each crop.
        template: How they are aligned.

    Returns:
        A number from 0 to 1, which is 1 for photos and the maps that `ganedit draw regions` makes of them.

    Raises:
        MissingError: dlib's model file is not installed.
    """
    from ganedit.images.labels import nearest
    from ganedit.images.regions import REGIONS, draw_regions
    from ganedit.metrics.pose import crop_landmarks

    size = (EMBEDDED, EMBEDDED)
    landmarks = crop_landmarks(np.stack([resize(x, EMBEDDED) for x in outputs]), template)
    drawn = np.stack([draw_regions([points], size) for points in landmarks])
    wanted = np.stack([nearest(labels, size) for labels in maps])
    each = []
    for region in range(1, len(REGIONS)):
        a, b = drawn == region, wanted == region
        each.append((a & b).sum() / max((a | b).sum(), 1))
    return float(np.mean(each))


@dataclass(frozen=True)
class Translated:
    """An image or label map, what became of it, and the image beside it.

    Attributes:
        given: [H, W, 3] uint8; None for label maps.
        output: [H, W, 3] uint8.
        beside: [H, W, 3] uint8, the right half of a pair; None without pairs.
        labels: [H, W] of label maps; None for images.
    """

    given: np.ndarray | None
    output: np.ndarray
    beside: np.ndarray | None
    labels: np.ndarray | None = None


def translate_folder(
    data: Path,
    model: Translator,
    *,
    pairs: Pairs | None = None,
    direction: str = "ab",
    size: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Translated]:
    """Translate the images or label maps of a folder, to measure the results.

    `ganedit.metrics.translating` has the measures: `mean_psnr`, `share_taken_for`, `measure_faces_drawn` and
    `region_agreement`.

    Args:
        data: The folder. With `pairs`, each file holds two images side by side, and the left one is
            translated.
        model: The translator. A model with styles draws each image in a random style.
        pairs: What the right halves are: "wanted" (the desired result), "mask" (white on what should change),
            or None for single images.
        direction: "ab" or "ba", for models that go both ways.
        size: Pixels of the shorter side, as for `translate`.
        limit: Use only the first `limit` files by name; None uses all.
        seed: Seed of the random styles.
        progress: Called with (images done, images in all).

    Returns:
        What was given, and what became of it, for each file.

    Raises:
        UsageError: An unknown direction, or pairs of label maps.
        InputError: An image that is not a pair, or an empty folder.

    Examples:
        >>> from pathlib import Path
        >>> from ganedit.metrics.translating import mean_psnr
        >>> horse = ganedit.read_image("examples/horse.png").pixels[::4, ::4]
        >>> _ = ganedit.write_image("pairs/horse.png", ganedit.draw_edges(horse).repeat(2, axis=1))
        >>> (row,) = ganedit.translate_folder(Path("pairs"), ganedit.load("edges2faces"), pairs="wanted")
        >>> mean_psnr([row], "wanted") > 0
        True
    """
    if direction not in ("ab", "ba"):
        raise UsageError(f"there is no direction {direction}", "ab or ba")
    checked: Direction = "ab" if direction == "ab" else "ba"
    maps = takes_labels(model)
    if maps and pairs is not None:
        raise UsageError("label maps are not read from pairs", "name a folder of maps, and `real`")
    random = torch.Generator().manual_seed(seed)
    rows: list[Translated] = []
    paths = list_images(data)[:limit]
    for path in paths:
        given, beside = (None, None) if maps else _halves(path, pairs)
        source = read_label_map(path) if given is None else Photo(given, path=path)
        style = torch.randn(1, model.style_dim, generator=random) if model.style_dim else None
        output = translate(source, model, direction=checked, style=style, size=size, aligned=True)
        labels = source.labels if isinstance(source, LabelMap) else None
        rows.append(Translated(given, output.pixels, beside, labels))
        if progress:
            progress(len(rows), len(paths))
    return rows


def mean_psnr(rows: Sequence[Translated], pairs: Pairs) -> float:
    """Mean PSNR in dB: to the wanted image, or to the input outside the mask."""
    each = []
    for row in rows:
        shape = row.output.shape[:2]
        assert row.given is not None
        assert row.beside is not None
        beside = resize(row.beside, shape)
        if pairs == "mask":
            each.append(background_psnr(resize(row.given, shape), row.output, beside))
        else:
            each.append(background_psnr(beside, row.output, np.zeros_like(beside)))
    return float(np.nanmean(each))


def read_folder(source: Path, limit: int | None = None) -> list[np.ndarray]:
    """The images of a folder, the first `limit` by name, as uint8 [H, W, 3]."""
    return [to_depth(read_image(path).pixels, np.uint8) for path in list_images(source)[:limit]]


def _halves(path: Path, pairs: Pairs | None) -> tuple[np.ndarray, np.ndarray | None]:
    """The left half of a pair, which is to be translated, and the right half."""
    pixels = to_depth(read_image(path).pixels, np.uint8)
    if pairs is None:
        return pixels, None
    width = pixels.shape[1]
    if width % 2:
        raise InputError(f"{path} is not a side-by-side pair: it is {width} pixels wide, an odd number")
    return pixels[:, : width // 2], pixels[:, width // 2 :]
