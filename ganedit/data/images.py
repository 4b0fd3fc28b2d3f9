"""Sets of images of one size, decoded in memory, with or without labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ganedit.compute import has_room_for
from ganedit.data.files import NAMED_IN_ERRORS, Progress, decode, open_source, reason_of
from ganedit.data.labels import LabelKind, _as_classes, _as_numbers, label_values
from ganedit.data.order import Share
from ganedit.errors import InputError
from ganedit.files import IMAGE_SUFFIXES
from ganedit.images.tensors import from_levels

Fit = Literal["crop", "resize"]


@dataclass
class ImageSet:
    """A decoded training set.

    Attributes:
        images: uint8 [N, C, R, R]; C is 3, or 1 for greyscale images.
        names: Path of each image inside its folder or zip.
        labels: None; or class indices, int64 [N]; or numbers, float32 [N].
        class_names: Name of each class; empty without classes.
        skipped: (name, reason) of every file that could not be decoded.
    """

    images: Tensor
    names: list[str]
    labels: Tensor | None
    class_names: list[str]
    skipped: list[tuple[str, str]]
    _placed: dict[torch.device, Tensor] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def draw(self, share: Share, *, mirror: bool) -> list[tuple[Tensor, Tensor | None]]:
        """Images [N, C, R, R] in [-1, 1] and labels (classes as one-hot), for each piece of a step.

        Args:
            share: Which images to take.
            mirror: Flip half of them left to right.
        """
        images = self._on(share.device)
        none = torch.zeros(share.size, dtype=torch.bool).chunk(share.pieces)
        batches: list[tuple[Tensor, Tensor | None]] = []
        for rows, flips in zip(share.rows(len(self)), share.flips() if mirror else none, strict=True):
            labels = None if self.labels is None else self.labels[rows].to(share.device)
            if labels is not None and self.class_names:
                labels = F.one_hot(labels, self.num_classes).float()
            batches.append((fetch(images, rows, flips), labels))
        return batches

    def some(self, count: int) -> np.ndarray:
        """At most `count` images at random, always the same ones, [N, R, R, C] uint8."""
        rows = torch.randperm(len(self), generator=torch.Generator().manual_seed(0))[:count]
        return self.images[rows].permute(0, 2, 3, 1).contiguous().numpy()

    def _on(self, device: torch.device) -> Tensor:
        """The images, moved to a GPU if they take less than a quarter of its memory."""
        if device.type != "cuda":
            return self.images
        if device not in self._placed:
            fits = has_room_for(device, self.images.numel())
            self._placed[device] = self.images.to(device) if fits else self.images
        return self._placed[device]


def load_images(
    source: Path,
    *,
    resolution: int,
    fit: Fit = "crop",
    labels: Path | None = None,
    label_column: str | None = None,
    label_kind: LabelKind = "class",
    limit: int | None = None,
    grey: bool = False,
    progress: Progress | None = None,
) -> ImageSet:
    """Decode every image of a zip, or of a folder and its subfolders, into one tensor.

    Args:
        source: The folder or zip.
        resolution: Side R of the resulting square images; reduction is antialiased.
        fit: What to do with images that are not square: "crop" keeps the centre, "resize" squeezes.
        labels: CSV or dataset.json with labels; None means `labels.csv` in the folder or next to the zip,
            otherwise `dataset.json` there or in the zip, otherwise folders by class.
        label_column: The column to read: "class" of a dataset.json, "folder" of folders by class; None means
            no labels.
        label_kind: "class" numbers the sorted distinct values; "number" reads the values themselves.
        limit: Take only the first `limit` files by name.
        grey: One luma channel instead of RGB.
        progress: Called with (done, total) now and then.

    Raises:
        InputError: The source is missing or damaged, fewer than two images can be decoded, an image has
            no row in the CSV, or a label is empty or not a number.
        UsageError: The CSV lacks the column.
    """
    source = Path(source)
    with ExitStack() as stack:
        names, read = open_source(source, stack)
        names = names[:limit]
        if not names:
            raise InputError(f"{source} holds no images", f"looked for {', '.join(IMAGE_SUFFIXES)}")
        values = label_values(source, label_column, names, labels) if label_column else None
        images = torch.empty(len(names), 1 if grey else 3, resolution, resolution, dtype=torch.uint8)
        reasons = _decode_all(names, read, images, fit, progress)

    kept = [i for i, reason in enumerate(reasons) if reason is None]
    skipped = [(names[i], reason) for i, reason in enumerate(reasons) if reason is not None]
    _refuse_too_few(source, kept, skipped)
    for row, i in enumerate(kept):  # in place, as a set may fill most of the memory
        if row != i:
            images[row] = images[i]
    target: Tensor | None = None
    class_names: list[str] = []
    if values is not None:
        kept_values = [values[i] for i in kept]
        if label_kind == "class":
            target, class_names = _as_classes(kept_values)
        else:
            target = _as_numbers(kept_values, [names[i] for i in kept], str(label_column))
    return ImageSet(images[: len(kept)], [names[i] for i in kept], target, class_names, skipped)


def fetch(images: Tensor, idx: Tensor, mirror: Tensor | None = None) -> Tensor:
    """Pick a batch as floats in [-1, 1].

    Args:
        images: uint8 [N, C, H, W] on any device.
        idx: int64 [B], rows to take.
        mirror: bool [B], rows to flip left to right; None flips none.

    Returns:
        float32 [B, C, H, W] on the device of `images`.
    """
    batch = images[idx.to(images.device)]
    if mirror is not None:
        batch = torch.where(mirror.to(images.device).view(-1, 1, 1, 1), batch.flip(3), batch)
    return from_levels(batch)


def _decode_all(
    names: Sequence[str],
    read: Callable[[str], bytes],
    out: Tensor,
    fit: Fit,
    progress: Progress | None,
) -> list[str | None]:
    """Fill `out` row by row; returns each row's reason for failure, or None."""
    rows = out.numpy()

    def fill(i: int) -> str | None:
        try:
            rows[i] = squared(read(names[i]), rows.shape[-1], fit, grey=rows.shape[1] == 1)
        except MemoryError:
            raise
        except Exception as error:  # decoders can raise any exception on damaged files
            return reason_of(error)
        return None

    reasons: list[str | None] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes without holding the GIL
        for done, reason in enumerate(pool.map(fill, range(len(names))), 1):
            reasons.append(reason)
            if progress and (done % 256 == 0 or done == len(names)):
                progress(done, len(names))
    return reasons


def squared(data: bytes, size: int, fit: Fit = "crop", *, grey: bool = False) -> np.ndarray:
    """Decode an image file to uint8 [C, size, size]."""
    image = decode(data, grey=grey)
    if fit == "crop" and image.width != image.height:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    return pixels[None] if grey else pixels.transpose(2, 0, 1)


def _refuse_too_few(source: Path, kept: list[int], skipped: list[tuple[str, str]]) -> None:
    if len(kept) >= 2:
        return
    count = "only one image" if kept else "no image"
    listed = "; ".join(f"{name}: {reason}" for name, reason in skipped[:NAMED_IN_ERRORS])
    raise InputError(
        f"{source} holds {count} that can be decoded" + (f" ({listed})" if listed else ""),
        "training needs at least two",
    )
