"""Runs image-to-image networks on photographs of any size; keeps alpha, greyness, 16 bits and colour profile.

The input of a translator follows from its network and the `details` of its card:

| details | meaning |
|---|---|
| `use = "inpaint"` | it fills holes: the picture with `fill` ([r, g, b] in [-1, 1], default 0) in the hole, and where the network takes 4 channels also the mask, 1 in the hole |
| `use = "colorize"` | CIE L / 50 - 1 in, a and b / 110 out; assumed of networks from one channel to two |
| `input = "labels"` | one-hot label maps; assumed of SPADE and of more than four channels |
| `input = "edges"` | drawings by `images.edges`: sketches are redrawn in their style |
| `size = 128` | shorter side of its input; by default the picture's own, for U-Nets the card's `resolution` |
| `dont_care = 255` | a label that means the last one |
| `edges = true` | the last channel of the label map holds the outlines of its regions |
| `labels`, `palette` | names of StarGAN's targets or of a map's labels; [r, g, b] of each label |
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import CheckpointError, InputError
from ganedit.images.align import TEMPLATES
from ganedit.images.bands import collect, in_bands
from ganedit.images.edges import clean_sketch
from ganedit.images.face_by_face import change_faces
from ganedit.images.io import Photo, as_photo
from ganedit.images.labels import LabelMap, boundaries, check_labels, nearest
from ganedit.images.pixels import luma
from ganedit.images.sizes import check_size, fitted, shape_of, sized
from ganedit.images.sketches import fit_sketch
from ganedit.images.tensors import one_hot, to_unit
from ganedit.images.tiles import ALWAYS_WHOLE, Cut, Progress, check_tile
from ganedit.store.models import Translator
from ganedit.store.uses import need

LONGEST = 8  # times as long as wide; beyond, pictures that are resized for a network are no use to it
MOST = 4  # pictures in a batch; more bring little speed


def takes_labels(model: Translator) -> bool:
    """Whether a model takes label maps rather than pictures."""
    details = model.card.details
    return details.get("input") == "labels" or model.card.architecture == "spade" or model.in_channels > 4


def takes_drawings(model: Translator) -> bool:
    """Whether a model takes line drawings in the style of `images.edges`."""
    return model.card.details.get("input") == "edges"


def takes_faces(model: Translator) -> bool:
    """Whether a model takes aligned faces that can be cut out of photos."""
    return model.card.template in TEMPLATES and not takes_labels(model) and not takes_drawings(model)


def fits_sketches(model: Translator) -> bool:
    """Whether a model takes drawings of aligned faces, which can be cut out of larger drawings."""
    return model.card.template in TEMPLATES and takes_drawings(model)


def seen_size(model: Translator, shape: Sequence[int], size: int | None = None) -> tuple[int, int]:
    """Height and width to which a picture [H, W, ...] is resized for a network.

    These are the picture's own, or follow from the card. But a U-Net depends on the whole picture at once: as
    in training, the picture is squeezed to a square of the side that it was trained with.

    Args:
        model: A translator.
        shape: Shape of the picture.
        size: The shorter side in pixels, or for U-Nets the side of the square, instead.

    Raises:
        InputError: The picture is so long that it would be squeezed or enlarged to something else.
    """
    check_size(size)
    square = model.card.architecture == "unet"
    side = size or model.card.details.get("size") or (model.card.resolution if square else 0)
    if not side:
        return shape[0], shape[1]
    seen = (side, side) if square else fitted(shape, side)
    longer, shorter = max(shape[:2]), min(shape[:2])
    if longer > LONGEST * shorter and (square or side > shorter):
        kept = "" if square else f", or choose `size={shorter}`"
        raise InputError(
            f"an image of {shape[1]}x{shape[0]} pixels is {longer / shorter:.0f} times as long as it is "
            f"wide; the model {model.name} would see it as {seen[1]}x{seen[0]}, and draw something else",
            f"cut it into pieces that are at most {LONGEST} times as long as wide{kept}",
        )
    return seen


def label_count(model: Translator) -> int:
    """Number of labels in the maps that a model takes."""
    return model.in_channels - bool(model.card.details.get("edges"))


def translate(
    photo: Photo | LabelMap | str | Path,
    model: Translator,
    *,
    label: Tensor | None = None,
    direction: Literal["ab", "ba"] = "ab",
    style: Tensor | None = None,
    size: int | None = None,
    tile: int | None = None,
    face: str | int = "largest",
    aligned: bool = False,
    progress: Progress | None = None,
) -> Photo:
    """Translate a photo, or a label map, with an image-to-image model.

    A model of aligned faces changes the faces of a photo, and pastes them back into it. One that draws faces
    from sketches gets the face of a drawing without the paper around it; the result is that face alone.

    Args:
        photo: A photo or its path, or a LabelMap for models that draw from one.
        model: A translator that is not for inpainting, colourisation or sounds.
        label: For StarGAN: the target labels [D] or [1, D] of zeros and ones;
            `ganedit.images.targets.target_of` makes them from names.
        direction: "ab" or "ba", for models that go both ways (UNIT).
        style: For SPADE models with styles: [1, S]; `ganedit.images.targets.style_of` takes it from an image.
            None takes the mean style.
        size: Pixels of the shorter side that the network sees, and that the result has; None takes that of
            the model's card, or of the photo. A U-Net sees a square of this side.
        tile: Side of the tiles in pixels; 0 takes the image whole, None what memory allows.
        face: For a model of faces: "largest", "all", or N for the N-th largest face of a photo.
        aligned: For a model of faces: the photo, or the drawing, is an aligned crop.
        progress: Called with (tiles done, tiles in all).

    Returns:
        A photo of the same proportions in sRGB; alpha and bit depth are kept. What is made from a drawing is
        opaque.

    Raises:
        InputError: Labels that the model does not know, arguments that do not suit it, or a photo without a
            face for a model of faces.
        CheckpointError: The model is for something else.

    Examples:
        >>> horse = ganedit.read_image("examples/horse.png")
        >>> ganedit.translate(horse, ganedit.load("horse2zebra")).pixels.shape[2]
        3
    """

    photo = photo if isinstance(photo, LabelMap) else as_photo(photo)

    def change(photo: Photo | LabelMap) -> Photo:
        (result,) = translate_all(
            [photo], model, label=label, direction=direction, style=style, size=size, tile=tile,
            progress=progress,
        )  # fmt: skip
        return result

    if isinstance(photo, Photo) and fits_sketches(model) and not aligned:
        return change(fit_sketch(photo, model.card.template))
    if isinstance(photo, LabelMap) or not takes_faces(model):
        return change(photo)
    side = min(seen_size(model, (model.card.resolution,) * 2, size))
    return change_faces(photo, model, change, size=side, face=face, aligned=aligned)


def translate_all(
    photos: Sequence[Photo | LabelMap],
    model: Translator,
    *,
    label: Tensor | None = None,
    direction: Literal["ab", "ba"] = "ab",
    style: Tensor | None = None,
    size: int | None = None,
    tile: int | None = None,
    progress: Progress | None = None,
) -> list[Photo]:
    """Like `translate`, for several images of one height and width as one batch.

    A model of aligned faces gets the images as they are: they must be aligned crops.
    """
    need(model, "translate")
    check_tile(tile)
    shapes = {shape_of(photo) for photo in photos}
    if len(shapes) != 1:
        raise InputError(f"images of {len(shapes)} sizes cannot form a batch", "translate those of each size")
    (own,) = shapes
    seen = seen_size(model, own, size)
    cuts = [_cut(photo, model, seen) for photo in photos]

    def cut(rows: slice, columns: slice) -> Tensor:
        return torch.cat([one(rows, columns) for one in cuts])

    def run(x: Tensor) -> Tensor:
        every = (None if one is None else one.reshape(1, -1).expand(len(x), -1) for one in (label, style))
        target, look = every
        return model(x, target, direction, look)

    bands = in_bands(model, run, cut, seen, tile, progress)
    dtypes = [np.dtype(np.uint8) if isinstance(p, LabelMap) else p.pixels.dtype for p in photos]
    pictures = collect(bands, seen, dtypes, (-1.0, 1.0))
    final = fitted(own, min(seen))
    return [_drawn(p, sized(x, final), model) for p, x in zip(photos, pictures, strict=True)]


def batch_size(model: Translator, shape: Sequence[int], size: int | None = None) -> int:
    """The best number of pictures of [H, W] to translate together, which makes small networks faster."""
    height, width = seen_size(model, shape, size)
    return max(min(ALWAYS_WHOLE // (height * width), MOST), 1)


def _cut(photo: Photo | LabelMap, model: Translator, seen: tuple[int, int]) -> Cut:
    """The input of the network, at the size that it sees."""
    if isinstance(photo, LabelMap):
        return _cut_labels(replace(photo, labels=nearest(photo.labels, seen)), model)
    if takes_drawings(model):
        sketch = clean_sketch(photo.pixels, photo.alpha, seen)
        if sketch.min() == 255:
            raise InputError(
                f"{photo.path or 'the image'} shows no lines, and {model.name} draws from sketches",
                "give it a drawing; ganedit draw edges makes one of a photo",
            )
        return _cut_picture(sketch, model)
    return _cut_picture(sized(photo.pixels, seen), model)


def _drawn(photo: Photo | LabelMap, pixels: np.ndarray, model: Translator) -> Photo:
    """A photo of what the network drew, with what is kept of the original photo."""
    if isinstance(photo, LabelMap):
        return Photo(pixels, path=photo.path, sha256=photo.sha256)
    alpha = None
    if photo.alpha is not None and not takes_drawings(
        model
    ):  # a drawing fills the transparent background too
        alpha = sized(photo.alpha, (pixels.shape[0], pixels.shape[1]))
    return replace(photo, pixels=pixels, alpha=alpha, grey=False, icc=None, lost=None)


def _cut_picture(pixels: np.ndarray, model: Translator) -> Cut:
    if takes_labels(model):
        raise InputError(f"the model {model.name} draws from label maps, not from photos",
                         "read the image with read_label_map")  # fmt: skip
    if model.in_channels not in (1, 3):
        raise CheckpointError(f"the model {model.name} takes {model.in_channels} channels, photos have 3")

    def cut(rows: slice, columns: slice) -> Tensor:
        part = pixels[rows, columns]
        if model.in_channels == 1:
            level = luma(part) / np.iinfo(pixels.dtype).max
            return torch.from_numpy(level)[None, None].mul_(2).sub_(1)
        return to_unit(part).mul_(2).sub_(1)

    return cut


def _cut_labels(map_: LabelMap, model: Translator) -> Cut:
    if not takes_labels(model):
        raise InputError(f"the model {model.name} draws from photos, not from label maps")
    count, labels = label_count(model), map_.labels
    if "dont_care" in model.card.details:  # SPADE's 255 is the label after the last
        labels = np.where(labels == model.card.details["dont_care"], count - 1, labels)
    check_labels(replace(map_, labels=labels), count, model.name, model.card.details.get("labels", ()))
    edge = boundaries(labels) if count < model.in_channels else None

    def cut(rows: slice, columns: slice) -> Tensor:
        def part(of: np.ndarray) -> Tensor:
            return torch.from_numpy(of[rows, columns].astype(np.int64))[None]

        return one_hot(part(labels), count, None if edge is None else part(edge))

    return cut
