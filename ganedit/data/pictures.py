"""Sets of pictures of any size, single or in aligned layers, of which training sees random crops.

Two domains are two sets. A pair is one entry with two layers, which share crop and flip: halves of one
file, files of the same name in two folders, or a picture and its reduction. Entries are kept
decoded while they fit into `MEMORY_SHARE` of the free memory; others are read again each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganedit.compute import free_memory
from ganedit.data.files import Progress, decode, open_source, reason_of, some_of
from ganedit.data.images import squared
from ganedit.data.order import Share
from ganedit.errors import GaneditError, InputError, UsageError
from ganedit.files import IMAGE_SUFFIXES
from ganedit.images.tensors import from_levels

MEMORY_SHARE = 0.25
Layers = tuple[np.ndarray, ...]  # each uint8 [H, W, 3], or [H, W] for label numbers
Read = Callable[[], bytes]  # reads a file
Entry = tuple[str, Callable[[], Layers]]  # its name, and a function that decodes it


@dataclass
class Pictures:
    """Entries of one or more aligned layers.

    Attributes:
        names: File names of the entries.
        readers: Functions that decode each entry from its file.
        scales: Size of each layer relative to the first.
        held: Entries that are kept decoded in memory.
        skipped: (name, reason) of every file that could not be decoded.
    """

    names: list[str]
    readers: Sequence[Callable[[], Layers]]
    scales: tuple[int, ...] = (1,)
    held: dict[int, Layers] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> Layers:
        return self.held[i] if i in self.held else self.readers[i]()

    def draw(self, share: Share, size: int, *, mirror: bool, turn: bool = False) -> list[list[Tensor]]:
        """Random crops, one batch per layer, for each piece of a step; see `crops`."""
        rng = share.rng()
        return [
            [
                layer.to(share.device)
                for layer in self.crops(rows.tolist(), size, rng, mirror=mirror, turn=turn)
            ]
            for rows in share.rows(len(self))
        ]

    def crops(
        self, rows: Sequence[int], size: int, rng: np.random.Generator, *, mirror: bool, turn: bool = False
    ) -> list[Tensor]:
        """Random crops, with the same position and flip in all layers of an entry.

        Args:
            rows: Entries to take.
            size: Side of the crops in the first layer; it is k times larger in a layer of scale k.
            rng: Determines positions, flips and rotations.
            mirror: Flip half of them left to right.
            turn: Flip half of them upside down, and half along the diagonal: with `mirror`, this gives all
                eight symmetries of a square.

        Returns:
            For each layer, its crops [size·k, size·k] as from `to_batch`.
        """
        batches: list[list[np.ndarray]] = [[] for _ in self.scales]
        for row in rows:
            layers = self[row]
            height, width = layers[0].shape[:2]
            top, left = (int(rng.integers(side - size + 1)) for side in (height, width))
            flip, upend, turned = rng.random(3) < 0.5
            for layer, scale, crops in zip(layers, self.scales, batches, strict=True):
                y, x, side = top * scale, left * scale, size * scale
                crop = layer[y : y + side, x : x + side]
                crop = crop[:, ::-1] if mirror and flip else crop
                crop = crop[::-1] if turn and upend else crop
                crops.append(crop.swapaxes(0, 1) if turn and turned else crop)
        return [to_batch(crops) for crops in batches]

    def centres(self, rows: Sequence[int], size: int) -> list[Tensor]:
        """Central crops of entries, for sample pictures."""
        batches: list[list[np.ndarray]] = [[] for _ in self.scales]
        for row in rows:
            layers = self[row]
            top, left = ((side - size) // 2 for side in layers[0].shape[:2])
            for layer, k, crops in zip(layers, self.scales, batches, strict=True):
                crops.append(layer[top * k : (top + size) * k, left * k : (left + size) * k])
        return [to_batch(crops) for crops in batches]


def to_batch(crops: Sequence[np.ndarray]) -> Tensor:
    """Stack uint8 [H, W, 3] to float32 [N, 3, H, W] in [-1, 1], or labels [H, W] to int64 [N, H, W]."""
    pixels = torch.from_numpy(np.stack(crops))
    if pixels.ndim == 3:
        return pixels.long()
    return from_levels(pixels.permute(0, 3, 1, 2).contiguous())


def sheet(rows: Sequence[Tensor]) -> Tensor:
    """Rows of pictures, each [N, 3, H, W], as one picture [3, rows·H, N·W] on the CPU."""
    return torch.cat([torch.cat(list(row.float().cpu()), dim=2) for row in rows], dim=1)


def load_pictures(
    sources: Sequence[Path],
    *,
    size: int,
    load_size: int = 0,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Pictures:
    """Load the pictures of folders or zips as one set; a source named twice counts twice.

    Args:
        sources: Folders, including their subfolders, or zips.
        size: Side of the crops that will be taken.
        load_size: Squeeze every picture to a square of this side first; 0 keeps its size.
        limit: Take only the first `limit` files by name of each source.
        progress: Called with (done, total) now and then.

    Raises:
        InputError: A source is missing, damaged or empty, or pictures are smaller than the crop (named).
    """
    files = [file for source in sources for file in _files(source)[:limit]]
    entries: list[Entry] = [(name, partial(_one, read, load_size)) for name, read in files]
    return loaded(entries, size, (1,), progress)


def load_whole(
    source: Path, *, resolution: int = 0, limit: int | None = None, progress: Progress | None = None
) -> Pictures:
    """Load the pictures of a folder or zip to be seen whole: all of one size.

    Args:
        source: A folder, including its subfolders, or a zip.
        resolution: Side of the squares that they are cropped and reduced to, as `data.images` does for
            training; 0 leaves them.
        limit: Take only the first `limit` files by name.
        progress: Called with (done, total) now and then.

    Raises:
        InputError: The source is missing, damaged or empty, or the pictures differ in size.
    """
    sizes: dict[str, tuple[int, int]] = {}

    def whole(name: str, read: Read) -> Layers:
        pixels = squared(read(), resolution).transpose(1, 2, 0) if resolution else _pixels(read(), 0)
        sizes[name] = pixels.shape[1], pixels.shape[0]
        return (pixels,)

    entries: list[Entry] = [(name, partial(whole, name, read)) for name, read in _files(source)[:limit]]
    found = loaded(entries, 1, (1,), progress)
    first = sizes[found.names[0]]
    for name in found.names:
        if sizes[name] != first:
            one, other = (f"{width}x{height}" for width, height in (first, sizes[name]))
            raise InputError(
                f"{source} holds images of different sizes: {found.names[0]} has {one}, {name} {other}",
                "choose a `resolution` that all are reduced to",
            )
    return found


def load_pairs(
    sources: Sequence[Path],
    *,
    size: int,
    load_size: int = 0,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Pictures:
    """Load pairs as entries of two layers: halves of each file of one source, or files of the same name in
    two.

    The arguments are those of `load_pictures`. Folders and suffixes are ignored when comparing names.

    Raises:
        UsageError: Three sources or more.
        InputError: As in `load_pictures`, or for files without a partner or with one of another size.
    """
    if len(sources) == 1:
        files = _files(sources[0])[:limit]
        entries: list[Entry] = [(name, partial(_halves, read, load_size)) for name, read in files]
    elif len(sources) == 2:
        both = matched(*sources)[:limit]
        entries = [(name, partial(_both, read, other, load_size)) for name, (read, other) in both]
    else:
        raise UsageError(
            f"pairs come from one or two folders, not {len(sources)}",
            "pass one folder of side-by-side images, or two with files of the same names",
        )
    return loaded(entries, size, (1, 1), progress)


def load_reduced(
    sources: Sequence[Path],
    scale: int,
    *,
    size: int,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Pictures:
    """Load pictures with their bicubic reductions: layers [h, w] and [scale·h, scale·w].

    `size` is that of crops of the reduction; the other arguments and errors are those of `load_pictures`.
    """
    files = [file for source in sources for file in _files(source)[:limit]]
    entries: list[Entry] = [(name, partial(_reduction, read, scale)) for name, read in files]
    return loaded(entries, size, (1, scale), progress)


def with_reduction(pixels: np.ndarray, scale: int) -> Layers:
    """The result of `reduced`, and the pixels, cut at the right and the bottom to a multiple of `scale`."""
    height, width = (side - side % scale for side in pixels.shape[:2])
    pixels = pixels[:height, :width]
    return reduced(pixels, scale), pixels


def reduced(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Antialiased bicubic reduction of uint8 [H, W, 3], as used in the evaluation of super-resolution.

    It is that of MATLAB's imresize: columns first, rounded to 8 bits between the passes, mirrored at the
    border.
    """
    rim = 4  # pixels of the result; the filter's radius is two of them
    around = ((rim * scale, rim * scale), (rim * scale, rim * scale), (0, 0))
    if 0 in pixels.shape[:2]:
        raise InputError("it is smaller than the scale")
    image = Image.fromarray(np.pad(pixels, around, mode="symmetric"))
    image = image.resize((image.width, image.height // scale), Image.Resampling.BICUBIC)
    image = image.resize((image.width // scale, image.height), Image.Resampling.BICUBIC)
    return np.asarray(image)[rim:-rim, rim:-rim]


# --- files -----------------------------------------------------------------------------------------


def _files(source: Path) -> list[tuple[str, Read]]:
    """Name and reader of each image in a folder or zip; a zip stays open as long as one of its readers
    exists."""
    stack = ExitStack()
    names, read = open_source(Path(source), stack)
    stack.pop_all()
    if not names:
        raise InputError(f"{source} holds no images", f"looked for {', '.join(IMAGE_SUFFIXES)}")
    return [(name, partial(read, name)) for name in names]


def _pixels(data: bytes, load_size: int) -> np.ndarray:
    return np.asarray(squeezed(decode(data), load_size))


def squeezed(image: Image.Image, load_size: int) -> Image.Image:
    """The image squeezed to a square of this side; unchanged if it is 0."""
    if load_size and image.size != (load_size, load_size):
        return image.resize((load_size, load_size), Image.Resampling.BICUBIC)
    return image


def _one(read: Read, load_size: int) -> Layers:
    return (_pixels(read(), load_size),)


def _both(read: Read, other: Read, load_size: int) -> Layers:
    return _pixels(read(), load_size), _pixels(other(), load_size)


def _reduction(read: Read, scale: int) -> Layers:
    return with_reduction(_pixels(read(), 0), scale)


def _halves(read: Read, load_size: int) -> Layers:
    both = decode(read())
    if both.width % 2:
        raise ValueError(f"no side-by-side pair: {both.width} pixels wide, an odd number")
    if both.width <= both.height:
        size = f"{both.width}x{both.height}"
        raise ValueError(
            f"no side-by-side pair: {size}, not wider than high (such pairs go into two folders)"
        )
    middle = both.width // 2
    a, b = (squeezed(both.crop((x, 0, x + middle, both.height)), load_size) for x in (0, middle))
    return np.asarray(a), np.asarray(b)


def matched(*sources: Path) -> list[tuple[str, list[Read]]]:
    """Name and readers of the files that all sources have in common, ignoring folders and suffixes.

    Raises:
        InputError: A file is missing in one of them; the error names it.
    """
    by_stem = [_by_stem(source) for source in sources]
    alone = [
        f"{name} in {source}"
        for source, files in zip(sources, by_stem, strict=True)
        for key, (name, _) in files.items()
        if any(key not in others for others in by_stem)
    ]
    if alone:
        raise InputError(
            f"{len(alone)} images have no partner of their name: {some_of(alone)}",
            "pairs have the same name in both folders, such as 17.jpg and 17.png",
        )
    return [(name, [files[key][1] for files in by_stem]) for key, (name, _) in by_stem[0].items()]


def _by_stem(source: Path) -> Mapping[str, tuple[str, Read]]:
    files: dict[str, tuple[str, Read]] = {}
    for name, read in _files(source):
        key = PurePosixPath(name).stem
        if key in files:
            raise InputError(
                f"{source} holds {files[key][0]} and {name}, both {key!r}", "give each pair a name of its own"
            )
        files[key] = (name, read)
    return files


def loaded(
    entries: Sequence[Entry],
    size: int,
    scales: tuple[int, ...],
    progress: Progress | None,
) -> Pictures:
    """Decode every entry once to find those that are damaged or too small, and keep what fits into memory.

    Args:
        entries: Names, and functions that decode them; a GaneditError that they raise is passed on.
        size: Side of the crops that will be taken.
        scales: As in `Pictures`.
        progress: Called with (done, total) now and then.

    Raises:
        InputError: No entry can be decoded, or some are too small or have layers that do not fit together.
    """
    budget = free_memory() * MEMORY_SHARE
    kept: list[int] = []
    held: dict[int, Layers] = {}
    skipped: list[tuple[str, str]] = []
    small: list[str] = []
    torn: list[str] = []

    def read(i: int) -> Layers | str:
        try:
            return entries[i][1]()
        except (MemoryError, GaneditError):
            raise
        except Exception as error:  # decoders can raise any exception on damaged files
            return reason_of(error)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for i, layers in enumerate(pool.map(read, range(len(entries)))):
            name = entries[i][0]
            if isinstance(layers, str):
                skipped.append((name, layers))
                continue
            height, width = layers[0].shape[:2]
            if min(height, width) < size:
                small.append(f"{name} ({width * scales[-1]}x{height * scales[-1]})")
            if any(x.shape[:2] != (height * k, width * k) for x, k in zip(layers, scales, strict=True)):
                torn.append(name)
            budget -= sum(layer.nbytes for layer in layers)
            if budget > 0:
                held[len(kept)] = layers
            kept.append(i)
            if progress and (i % 256 == 255 or i == len(entries) - 1):
                progress(i + 1, len(entries))
    if small:
        raise InputError(
            f"{len(small)} of {len(entries)} images are smaller than the crop of {size * scales[-1]}: "
            f"{some_of(small)}",
            "move them out, or choose a smaller `size`",
        )
    if torn:
        raise InputError(
            f"the images of {len(torn)} pairs differ in size: {some_of(torn)}",
            "make them equal, or set `load_size` to resize both",
        )
    if not kept:
        listed = some_of([f"{name}: {reason}" for name, reason in skipped])
        raise InputError(f"no image can be used ({listed})", "ganedit info FILE says more about one")
    names, readers = [entries[i][0] for i in kept], [entries[i][1] for i in kept]
    return Pictures(names, readers, scales, held, skipped)
