"""Sets of photos with label maps, and input for networks that draw from such maps."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganedit.data.files import Progress, decode, some_of
from ganedit.data.pictures import Layers, Pictures, Read, loaded, matched, squeezed
from ganedit.errors import InputError, UsageError
from ganedit.images.labels import NUMBERED, Palette, boundaries, by_colour, nearest, read_palette
from ganedit.images.opening import open_image
from ganedit.images.orientation import orientation_of, upright
from ganedit.images.tensors import from_levels, one_hot


@dataclass(frozen=True)
class Labels:
    """The meaning of the numbers in label maps.

    Attributes:
        count: How many there are.
        names: Their names, if they have some.
        palette: Their colours, if they are known; not that of the last one, if `dont_care` means it.
        dont_care: A number in maps that means the last label, of pixels without a label; 0 for none.
    """

    count: int
    names: tuple[str, ...] = ()
    palette: Palette | None = None
    dont_care: int = 0

    @classmethod
    def of(cls, labels: str, palette_file: str = "", maps: Path | None = None) -> Labels:
        """From the options `labels` and `palette`; without a palette, the colours of the first map are used.

        Raises:
            UsageError: The two disagree, or a name occurs twice.
            InputError: A palette that cannot be read.
        """
        palette = read_palette(palette_file) if palette_file else None
        words = tuple(word.strip() for word in labels.split(",") if word.strip())
        names = () if len(words) == 1 and words[0].isdecimal() else words
        count = int(words[0]) if words and not names else len(words)
        if palette is not None:
            names = names or palette.names
            if count not in (0, len(palette.colours)):
                raise UsageError(
                    f"`labels` names {count} labels, {palette_file} {len(palette.colours)}",
                    "leave `labels` out, or complete the palette",
                )
            return cls(len(palette.colours), names, palette)
        if len(set(names)) < len(names):
            raise UsageError(f"`labels={labels}` has a name twice", "give each label its own")
        return cls(count, names, read_colours(maps, count) if maps else None)

    def with_dont_care(self, number: int) -> Labels:
        """These labels and one more, which `number` in maps means; themselves for 0.

        Raises:
            UsageError: It is the number of a label.
        """
        if not number:
            return self
        if number < self.count:
            raise UsageError(
                f"`dont_care={number}` is a label: there are {self.count}, 0 to {self.count - 1}",
                "choose a number after these, such as 255",
            )
        names = (*self.names, "unlabelled") if self.names else ()
        return replace(self, count=self.count + 1, names=names, dont_care=number)

    def coloured(self, maps: Tensor) -> Tensor:
        """Maps [N, H, W] as pictures [N, 3, H, W] in [-1, 1]; in shades of grey without a palette."""
        if self.palette is None:
            colours = torch.linspace(0, 255, self.count)[:, None].expand(-1, 3)
        else:
            colours = torch.from_numpy(self.palette.colours).float()
            colours = torch.cat([colours, torch.zeros(self.count - len(colours), 3)])  # black: don't care
        return from_levels(colours[maps.cpu()].permute(0, 3, 1, 2))

    def details(self) -> dict[str, Any]:
        """Details for the card of a model: see `images.translation`."""
        details: dict[str, Any] = {"input": "labels"}
        if self.names:
            details["labels"] = list(self.names)
        if self.palette is not None:
            details["palette"] = self.palette.colours.tolist()
        if self.dont_care:
            details["dont_care"] = self.dont_care
        return details


def load_maps(
    sources: Sequence[Path],
    *,
    labels: int,
    size: int,
    load_size: int = 0,
    limit: int | None = None,
    palette: Palette | None = None,
    edges: bool = False,
    instances: Path | None = None,
    dont_care: int = 0,
    progress: Progress | None = None,
) -> Pictures:
    """Load label maps and their photos, matched by name.

    Maps are PNGs with indexed colours or grey levels, whose pixels are label numbers. Edges are drawn after
    the map is resized and before it is cropped, like in `ganedit translate`.

    Args:
        sources: A folder or zip of label maps, and one of photos.
        labels: Number of labels.
        size: Side of the crops that will be taken.
        load_size: Squeeze every map (without interpolation) and photo to a square of this side; 0 keeps them.
        limit: Take only the first `limit` files by name.
        palette: The meaning of colours in maps without indices.
        edges: Whether to draw the outlines of the regions.
        instances: Folder or zip of maps with instance numbers, of 8 or 16 bits: edges are drawn between
            instances.
        dont_care: A number in the maps that means the last label; 0 for none.
        progress: Called with (done, total) now and then.

    Returns:
        Entries of a map uint8 [H, W]; with edges or instances, these as zeros and ones uint8 [H, W]; and the
        photo uint8 [H, W, 3]. `network_input` takes their crops.

    Raises:
        UsageError: Not two sources, or a number of labels that does not fit into 8 bits.
        InputError: As in `load_pairs`, or a map has other labels, or colours without a palette (the error
            names it).
    """
    if len(sources) != 2:
        raise UsageError(
            f"this recipe takes two folders or zips, not {len(sources)}", "label maps, then their photos"
        )
    if not 2 <= labels <= 256:
        raise UsageError(f"{labels} labels do not fit into 8 bits", "choose 2 to 256")
    maps, photos = sources
    all_sources = [maps, photos] if instances is None else [maps, photos, instances]

    def decoded(name: str, read: Read, photo: Read, single: Read | None = None) -> Layers:
        numbers = _resized(read_numbers(read(), name, palette), load_size)
        if dont_care:
            numbers = np.where(numbers == dont_care, labels - 1, numbers).astype(np.uint8)
        _check(numbers, name, labels)
        layers = [numbers]
        if edges or single:
            layers.append(_edges(numbers if single is None else _instances(single(), name, load_size)))
        return *layers, np.asarray(squeezed(decode(photo()), load_size))

    files = matched(*all_sources)[:limit]
    entries = [(name, partial(decoded, name, *reads)) for name, reads in files]
    return loaded(entries, size, (1,) * (len(sources) + bool(edges or instances)), progress)


def network_input(layers: Sequence[Tensor], labels: int) -> Tensor:
    """Input for a network from crops of `load_maps`: maps [N, H, W], and edges if there are any.

    Returns:
        float32 [N, labels, H, W] of zeros and ones, and one more channel with edges: see `one_hot`.
    """
    return one_hot(layers[0], labels, layers[1] if layers[1].ndim == 3 else None)


def read_numbers(data: bytes, name: str, palette: Palette | None = None) -> np.ndarray:
    """Labels uint8 [H, W] from a map's file: indices, grey levels, or colours of the palette.

    Raises:
        InputError: Colours without a palette, or not in it. Damaged files can raise any exception.
    """
    with open_image(data) as image:
        turn = orientation_of(image)
        if image.mode in NUMBERED:
            return upright(np.asarray(image).astype(np.uint8), turn)
        if palette is None:
            raise InputError(
                f"the label map {name} is an image in colours, not of numbers of labels",
                "save it with indexed colours, or say what the colours mean with `palette=FILE`",
            )
        colours = upright(np.asarray(image.convert("RGB")), turn)
        return by_colour(colours, palette, name).astype(np.uint8)


def read_colours(source: Path, labels: int) -> Palette | None:
    """The palette of the first label map in a folder or zip; None unless it has a colour for each label."""
    for _, (read,) in matched(source)[:1]:
        with (
            suppress(Exception),
            open_image(read()) as image,
        ):  # if damaged, `load_maps` will name it
            colours = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)[:labels]
            if len(np.unique(colours, axis=0)) == labels:
                return Palette(colours)
    return None


def _check(numbers: np.ndarray, name: str, labels: int) -> None:
    strange = np.unique(numbers[numbers >= labels]).astype(str).tolist()
    if strange:
        raise InputError(
            f"{name} holds the label{'s' if len(strange) > 1 else ''} {some_of(strange)}; "
            f"there are {labels}, 0 to {labels - 1}",
            "change these pixels, or pass more `labels`",
        )


def _instances(data: bytes, name: str, load_size: int) -> np.ndarray:
    with open_image(data) as image:
        turn = orientation_of(image)
        numbers = upright(np.asarray(image), turn)
    if numbers.ndim != 2:
        raise InputError(
            f"the map of instances {name} is an image in colours", "save it as grey, 8 or 16 bits"
        )
    return _resized(numbers, load_size)


def _edges(numbers: np.ndarray) -> np.ndarray:
    return boundaries(numbers).astype(np.uint8)


def _resized(numbers: np.ndarray, load_size: int) -> np.ndarray:
    return nearest(numbers, (load_size, load_size)) if load_size else numbers
