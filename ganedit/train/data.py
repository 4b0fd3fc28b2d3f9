"""Training sets held decoded in memory, and the order in which training sees them.

A set is a folder or a zip of images, on its own or with a CSV of labels whose first column, `file`,
holds each image's path inside the folder or zip (its bare name will do). Batches come from a stateless
index stream: which images step 1,000 sees follows from the seed and the number 1,000 alone, so a resumed
run needs to remember nothing but its step.
"""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Callable, Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ganedit.errors import InputError, UsageError

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
NAMED_IN_ERRORS = 3  # how many offending files an error lists

Fit = Literal["crop", "resize"]
LabelKind = Literal["class", "number"]
Progress = Callable[[int, int], None]  # (images done, images in all)


@dataclass
class ImageSet:
    """A decoded training set.

    Attributes:
        images: uint8 [N, C, R, R]; C is 3, or 1 where grey was asked for.
        names: Path of each image inside its folder or zip.
        labels: None; or class indices, int64 [N]; or numbers, float32 [N].
        class_names: What each class index stands for; empty without classes.
        skipped: (name, reason) of every file that could not be decoded.
    """

    images: Tensor
    names: list[str]
    labels: Tensor | None
    class_names: list[str]
    skipped: list[tuple[str, str]]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def num_classes(self) -> int:
        return len(self.class_names)


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
    """Decode every image of a folder (searched through) or a zip into one tensor.

    Args:
        source: The folder or zip.
        resolution: Side R of the square images that come out, antialiased where they shrink.
        fit: What to do with images that are not square: "crop" keeps the centre, "resize" squeezes.
        labels: CSV of labels; None takes `labels.csv` in the folder or beside the zip.
        label_column: The column to read; None means no labels.
        label_kind: "class" numbers the sorted distinct values; "number" reads the values themselves.
        limit: Take only the first `limit` files by name.
        grey: One luma channel instead of RGB.
        progress: Called with (done, total) now and then.

    Raises:
        InputError: The source is missing or damaged, fewer than two images can be decoded, an image has
            no row in the CSV, or a label is empty or no number.
        UsageError: The CSV lacks the column.
    """
    source = Path(source)
    with ExitStack() as stack:
        names, read = open_source(source, stack)
        names = names[:limit]
        if not names:
            raise InputError(f"{source} holds no images", f"looked for {', '.join(sorted(SUFFIXES))}")
        values = label_values(source, label_column, names, labels) if label_column else None
        images = torch.empty(len(names), 1 if grey else 3, resolution, resolution, dtype=torch.uint8)
        reasons = _decode_all(names, read, images, fit, progress)

    kept = [i for i, reason in enumerate(reasons) if reason is None]
    skipped = [(names[i], reason) for i, reason in enumerate(reasons) if reason is not None]
    _refuse_too_few(source, kept, skipped)
    for row, i in enumerate(kept):  # in place: a set may fill most of the memory
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
    return batch.float().div_(127.5).sub_(1)


def index_batch(n: int, batch: int, step: int, seed: int, rank: int = 0, world: int = 1) -> Tensor:
    """Rows that `rank` sees at `step`: an endless stream of freshly shuffled passes over the set.

    A pure function of its arguments. Within one pass no image repeats, over all ranks together.

    Args:
        n: Images in the set.
        batch: Images per rank and step.
        step: Counted from 0.
        seed: Chooses the order.
        rank, world: This process and how many there are.

    Returns:
        int64 [batch] in [0, n).
    """
    first = (step * world + rank) * batch
    positions = range(first, first + batch)
    rows = [_shuffled(n, seed, position // n)[position % n] for position in positions]
    return torch.from_numpy(np.array(rows, dtype=np.int64))


def mirror_batch(batch: int, step: int, seed: int, rank: int = 0, world: int = 1) -> Tensor:
    """Which images of a batch to flip: a fair coin each, from (seed, step, rank) alone; bool [batch]."""
    rng = np.random.default_rng([seed, step * world + rank, 1])
    return torch.from_numpy(rng.random(batch) < 0.5)


def crop_rng(step: int, seed: int, rank: int = 0, world: int = 1) -> np.random.Generator:
    """Where a batch is cropped follows from this, that is from (seed, step, rank) alone."""
    return np.random.default_rng([seed, step * world + rank, 2])


@lru_cache(maxsize=4)
def _shuffled(n: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(n)


# --- reading ---------------------------------------------------------------------------------------


def open_source(
    source: Path, stack: ExitStack, suffixes: Container[str] = SUFFIXES, kind: str = "images"
) -> tuple[list[str], Callable[[str], bytes]]:
    """Sorted names of the files with these suffixes in a folder or zip, and a function from name to bytes."""
    if source.is_dir():
        found = sorted(p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file())
        return [n for n in found if _is_meant(n, suffixes)], lambda name: (source / name).read_bytes()
    if not source.exists():
        raise InputError(f"{source} does not exist", f"pass a folder or a zip of {kind}")
    if not zipfile.is_zipfile(source):
        raise InputError(f"{source} is neither a folder nor a zip", f"pass a folder or a zip of {kind}")
    try:
        archive = stack.enter_context(zipfile.ZipFile(source))
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"{source} is a damaged zip: {error}") from error
    return sorted(name for name in archive.namelist() if _is_meant(name, suffixes)), archive.read


def _is_meant(name: str, suffixes: Container[str]) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in suffixes and not hidden


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
            rows[i] = _squared(read(names[i]), rows.shape[-1], fit, grey=rows.shape[1] == 1)
        except MemoryError:
            raise
        except Exception as error:  # decoders raise anything at all on damaged files
            return reason_of(error)
        return None

    reasons: list[str | None] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes without holding the GIL
        for done, reason in enumerate(pool.map(fill, range(len(names))), 1):
            reasons.append(reason)
            if progress and (done % 256 == 0 or done == len(names)):
                progress(done, len(names))
    return reasons


def decode(data: bytes, *, grey: bool = False) -> Image.Image:
    """An image file as 8-bit RGB or luma, upright. Damaged files raise anything at all."""
    with Image.open(io.BytesIO(data)) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I;16"):  # Pillow would clip 16 bit to 255 instead of scaling it
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        return image.convert("L" if grey else "RGB")


def _squared(data: bytes, size: int, fit: Fit, *, grey: bool) -> np.ndarray:
    """Image file to uint8 [C, size, size]."""
    image = decode(data, grey=grey)
    if fit == "crop" and image.width != image.height:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    return pixels[None] if grey else pixels.transpose(2, 0, 1)


def reason_of(error: Exception) -> str:
    """Why a file could not be decoded, in one line free of memory addresses."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return "not an image" if "cannot identify image file" in text else text


def _refuse_too_few(source: Path, kept: list[int], skipped: list[tuple[str, str]]) -> None:
    if len(kept) >= 2:
        return
    found = "only one image" if kept else "no image"
    listed = "; ".join(f"{name}: {reason}" for name, reason in skipped[:NAMED_IN_ERRORS])
    raise InputError(
        f"{source} holds {found} that can be decoded" + (f" ({listed})" if listed else ""),
        "training needs at least two",
    )


# --- labels ----------------------------------------------------------------------------------------


def label_values(source: Path, column: str, names: Sequence[str], labels: Path | None = None) -> list[str]:
    """The text in one column of a set's CSV for each of its images, in the order of `names`.

    Raises:
        InputError: The CSV is missing or damaged, lacks an image, or leaves its label empty.
        UsageError: It has no such column.
    """
    path = labels_path(source, labels)
    header, rows = _read_csv(path)
    if column not in header[1:]:
        raise UsageError(f"{path} has no column `{column}`", f"its columns: {_words(header[1:])}")
    table = {row[0]: row[header.index(column)] for row in rows}
    by_base = {PurePosixPath(file).name: value for file, value in table.items()}
    found = {name: table.get(name, by_base.get(PurePosixPath(name).name)) for name in names}
    absent = [name for name, value in found.items() if value is None]
    if absent:
        raise InputError(
            f"{len(absent)} of {len(names)} images have no row in {path}: {some_of(absent)}",
            "add them to the CSV (column `file`), or move them out of the set",
        )
    empty = [name for name, value in found.items() if not value]
    if empty:
        raise InputError(f"{path} leaves `{column}` empty for {len(empty)} images: {some_of(empty)}")
    return [value for value in found.values() if value]


def label_columns(source: Path, labels: Path | None = None) -> list[str]:
    """Names of the columns that a set's CSV holds besides `file`."""
    return _read_csv(labels_path(source, labels))[0][1:]


def labels_path(source: Path, labels: Path | None = None) -> Path:
    """The CSV of a set: `labels`, or else `labels.csv` in the folder or beside the zip."""
    return labels or (source if source.is_dir() else source.parent) / "labels.csv"


def _read_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows, all of the header's length, the first column being `file`."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            header, *rows = [[cell.strip() for cell in row] for row in csv.reader(stream) if row] or [[""]]
    except FileNotFoundError as error:
        hint = "name the CSV of labels, or drop the label column"
        raise InputError(f"no labels at {path}", hint) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a CSV: {error}") from error
    if header[0] != "file":
        raise InputError(f"{path}: the first column has to be `file`, found `{header[0]}`")
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise InputError(f"{path}, row {number}: {len(row)} cells under {len(header)} columns")
    return header, rows


def _words(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _as_classes(values: Sequence[str]) -> tuple[Tensor, list[str]]:
    """Class indices and names: distinct values in order, numbers as numbers."""
    distinct = sorted(set(values))
    with suppress(ValueError):  # words: alphabetical order stands
        distinct.sort(key=float)
    index = {value: i for i, value in enumerate(distinct)}
    return torch.tensor([index[value] for value in values]), distinct


def _as_numbers(values: Sequence[str], names: Sequence[str], column: str) -> Tensor:
    numbers = []
    for value, name in zip(values, names, strict=True):
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not np.isfinite(number):
            raise InputError(f"`{column}` of {name} is no number: {value!r}")
        numbers.append(number)
    return torch.tensor(numbers, dtype=torch.float32)


def some_of(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > NAMED_IN_ERRORS else ""
    return ", ".join(names[:NAMED_IN_ERRORS]) + more
