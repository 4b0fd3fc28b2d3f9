"""Photographs through image-to-image networks, at any size and in kind: alpha, greyness, 16 bits, profile.

What a translator takes is told by its network and by the `details` of its card:

| details | meaning |
|---|---|
| `use = "inpaint"` | it fills holes: the picture with `fill` ([r, g, b] in [-1, 1], 0 unless given) in the hole, and where the network takes 4 channels also the mask, 1 in the hole |
| `use = "colorize"` | CIE L / 50 - 1 in, a and b / 110 out; assumed of networks from one channel to two |
| `input = "labels"` | one-hot label maps; assumed of SPADE and of more than four channels |
| `input = "edges"` | drawings by `images.edges`: people's own sketches are brought to their look |
| `size = 128` | shorter side that it is shown unless told otherwise; the picture's own unless given, of U-Nets the card's `resolution` |
| `edges = true` | the last channel of the label map holds the outlines of its regions |
| `labels`, `palette` | names of StarGAN's targets or of a map's labels; [r, g, b] of each label |
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import CheckpointError, InputError, MissingError, UsageError, did_you_mean
from ganedit.images.edges import clean_sketch
from ganedit.images.io import MAX_PIXELS, Photo, resize
from ganedit.images.labels import LabelMap, boundaries, check_labels, nearest, one_hot
from ganedit.images.tiles import ALWAYS_WHOLE, Cut, Progress, Run, check_tile, choose_tile, tiled
from ganedit.store import registry
from ganedit.store.load import load
from ganedit.store.models import Encoder, Translator, Upscaler
from ganedit.store.uses import need

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow converts
AB_RANGE = 110.0  # of a and b in a network's [-1, 1]
MOST = 4  # pictures in a batch; more gain little
SAMPLE = 64  # side of the picture that memory is estimated from


def takes_labels(model: Translator) -> bool:
    """Whether it draws from label maps rather than from pictures."""
    details = model.card.details
    return details.get("input") == "labels" or model.card.architecture == "spade" or model.in_channels > 4


def takes_drawings(model: Translator) -> bool:
    """Whether it draws from black lines on white, as `images.edges` draws them."""
    return model.card.details.get("input") == "edges"


def seen_size(model: Translator, shape: Sequence[int], size: int | None = None) -> tuple[int, int]:
    """Height and width in which a network is shown a picture [H, W, ...].

    That of the picture, or as the card says. But a U-Net takes in all of a picture at once: as in its
    training it is shown a square, which the picture is squeezed to, of the side that it was trained with.

    Args:
        model: A translator.
        shape: Of the picture.
        size: Pixels of the shorter side instead; of the square for U-Nets.
    """
    check_size(size)
    square = model.card.architecture == "unet"
    side = size or model.card.details.get("size") or (model.card.resolution if square else 0)
    if not side:
        return shape[0], shape[1]
    return (side, side) if square else fitted(shape, side)


def label_count(model: Translator) -> int:
    """How many labels the maps have that a model draws from."""
    return model.in_channels - bool(model.card.details.get("edges"))


def translate(
    photo: Photo | LabelMap,
    model: Translator,
    *,
    label: Tensor | None = None,
    direction: Literal["ab", "ba"] = "ab",
    style: Tensor | None = None,
    size: int | None = None,
    tile: int | None = None,
    progress: Progress | None = None,
) -> Photo:
    """What the model makes of a photo, or of a label map.

    Args:
        photo: A Photo, or a LabelMap for models that take one.
        model: Of any kind but those that fill holes or add colours.
        label: What StarGAN aims at, [D] or [1, D]; `target_of` makes it from names.
        direction: From domain a to b or back, for models that know both.
        style: [1, S], for SPADE models that have them; `style_of` takes it from a picture.
        size: Pixels of the shorter side that the network sees; `seen_size` tells what None means.
        tile: Side of the tiles; 0 takes the picture whole, None what memory allows.
        progress: Called with (tiles done, tiles in all).

    Returns:
        A photo with the proportions of the one given, and the shorter side that the network saw; alpha,
        depth and colour profile are kept. What comes of a drawing is opaque.

    Raises:
        InputError: labels that the model does not know, or arguments that do not suit it.
        CheckpointError: the model is for something else.
    """
    (result,) = translate_all(
        [photo], model, label=label, direction=direction, style=style, size=size, tile=tile, progress=progress
    )
    return result


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
    """What `translate` makes of each of several pictures of one height and width, as one batch."""
    need(model, "translate")
    check_tile(tile)
    shapes = {shape_of(photo) for photo in photos}
    if len(shapes) != 1:
        raise InputError(f"pictures of {len(shapes)} sizes make no batch", "translate those of each size")
    (own,) = shapes
    seen = seen_size(model, own, size)
    cuts = [_cut(photo, model, seen) for photo in photos]

    def cut(rows: slice, columns: slice) -> Tensor:
        return torch.cat([one(rows, columns) for one in cuts])

    def run(x: Tensor) -> Tensor:
        every = (None if one is None else one.reshape(1, -1).expand(len(x), -1) for one in (label, style))
        target, look = every
        return model(x, target, direction, look)

    bands = _bands(model, run, cut, seen, tile, progress)
    dtypes = [np.dtype(np.uint8) if isinstance(p, LabelMap) else p.pixels.dtype for p in photos]
    pictures = _collect(bands, seen, dtypes, (-1.0, 1.0))
    final = fitted(own, min(seen))
    return [_drawn(p, _sized(x, final), model) for p, x in zip(photos, pictures, strict=True)]


def shape_of(photo: Photo | LabelMap) -> tuple[int, int]:
    """Height and width."""
    height, width = (photo.labels if isinstance(photo, LabelMap) else photo.pixels).shape[:2]
    return height, width


def batch_size(model: Translator, shape: Sequence[int], size: int | None = None) -> int:
    """How many pictures of [H, W] are best translated together: what small networks gain from."""
    height, width = seen_size(model, shape, size)
    return max(min(ALWAYS_WHOLE // (height * width), MOST), 1)


def upscale(
    photo: Photo,
    model: Upscaler,
    *,
    size: int | None = None,
    tile: int | None = None,
    progress: Progress | None = None,
) -> Photo:
    """The photo enlarged by the model; alpha by a Lanczos filter; grey photos stay grey.

    Args:
        photo: Of any size.
        model: Decides by how much.
        size: Pixels of the shorter side that the network sees, as if the photo had this size.
        tile: Side of the tiles, in pixels of the photo; 0 takes it whole, None what memory allows.
        progress: Called with (tiles done, tiles in all).

    Raises:
        InputError: the result would have more pixels than ganedit reads.
        CheckpointError: the model is no upscaler.
    """
    need(model, "upscale")
    check_tile(tile)
    photo = photo if size is None else resized(photo, fitted(photo.pixels.shape, size))
    height, width = (side * model.scale for side in photo.pixels.shape[:2])
    if height * width > MAX_PIXELS:
        raise InputError(
            f"{photo.path or 'the photo'} would become {width}x{height} pixels; "
            f"the limit is {MAX_PIXELS // 10**6} megapixels",
            "cut it, or reduce it first with `size`",
        )

    def cut(rows: slice, columns: slice) -> Tensor:
        return _unit(photo.pixels[rows, columns])

    bands = _bands(model, model, cut, photo.pixels.shape[:2], tile, progress, model.scale)
    (pixels,) = _collect(bands, (height, width), [photo.pixels.dtype], (0.0, 1.0))
    alpha = None if photo.alpha is None else resize(photo.alpha, (height, width))
    return replace(photo, pixels=_levelled(pixels) if photo.grey else pixels, alpha=alpha)


def colorize(
    photo: Photo,
    model: Translator,
    *,
    size: int | None = None,
    tile: int | None = None,
    progress: Progress | None = None,
) -> Photo:
    """The photo's own lightness with the colours that the model finds likely, at the photo's size.

    Args:
        photo: Grey, or in colours that are put aside.
        model: From lightness to colours.
        size: As for `translate`.
        tile: As for `translate`.
        progress: Called with (tiles done, tiles in all).

    Raises:
        CheckpointError: the model is for something else.
    """
    import cv2

    need(model, "colorize")
    check_tile(tile)
    white = np.iinfo(photo.pixels.dtype).max
    lightness = cv2.cvtColor(photo.pixels.astype(np.float32) / white, cv2.COLOR_RGB2LAB)[..., :1]
    own: tuple[int, int] = lightness.shape[:2]
    seen = seen_size(model, own, size)
    small = resize(lightness[..., 0], seen) / 50 - 1

    def cut(rows: slice, columns: slice) -> Tensor:
        return torch.from_numpy(small[rows, columns])[None, None]

    colours = torch.empty(2, *seen)
    for top, band in _bands(model, model, cut, seen, tile, progress):
        colours[:, top : top + band.shape[2]] = band[0].cpu()
    planes = [resize(plane.clamp(-1, 1).numpy() * AB_RANGE, own)[..., None] for plane in colours]
    rgb = cv2.cvtColor(np.concatenate([lightness, *planes], axis=2), cv2.COLOR_LAB2RGB)
    pixels = (rgb * white).round().clip(0, white).astype(photo.pixels.dtype)
    return replace(photo, pixels=pixels, grey=False, icc=None if photo.grey else photo.icc)


# --- what models are told --------------------------------------------------------------------------


def target_of(model: Translator, names: Sequence[str]) -> Tensor:
    """StarGAN's target [1, D] with ones for the labels named, or numbered from 0.

    Raises:
        UsageError: the model has no labels, or not these.
    """
    if not model.labels:
        raise UsageError(f"the model {model.name} has no labels to choose from", "leave `to` out")
    known = [str(name) for name in model.card.details.get("labels", ())]
    if not names:
        told = ", ".join(known) or f"numbers from 0 to {model.labels - 1}"
        raise UsageError(f"the model {model.name} needs one or more labels to aim at", f"`to`: {told}")
    found = torch.zeros(1, model.labels)
    for name in names:
        lowered = [k.lower() for k in known]
        if name.isdecimal() and int(name) < model.labels:
            found[0, int(name)] = 1
        elif name.lower() in lowered[: model.labels]:
            found[0, lowered.index(name.lower())] = 1
        else:
            choices = (
                did_you_mean(name, known) if known else f"it has no names for them: 0 to {model.labels - 1}"
            )
            raise UsageError(f"the model {model.name} has no label {name!r}", choices)
    return found


def style_encoder(model: Translator, name_or_path: str | None = None) -> Encoder:
    """The image encoder of a SPADE model, on its device.

    Args:
        model: Whose styles it should give.
        name_or_path: Which encoder; None takes the one whose card names the model.

    Raises:
        CheckpointError: the model has no styles, or the one named does not give them.
        MissingError: there is none.
    """
    if not model.style_dim:
        raise UsageError(f"the model {model.name} takes no style", "leave `style` out")
    found = name_or_path or next(
        (n for n in registry.names() if registry.card(n).details.get("model") == model.name), None
    )
    if found is None:
        raise MissingError(f"the model {model.name} has no style encoder", "name its file with `encoder`")
    encoder = load(found, str(model.device))
    given = encoder.network.cfg.style_dim if encoder.card.architecture == "spade-encoder" else 0
    if not isinstance(encoder, Encoder) or given != model.style_dim:
        what = f"gives styles of length {given}" if given else f"is {encoder.card.kind} of something else"
        raise CheckpointError(
            f"{found} {what}; the model {model.name} takes styles of length {model.style_dim}",
            "name the encoder that was trained with it",
        )
    return encoder


def style_of(photo: Photo, encoder: Encoder) -> Tensor:
    """The style [1, S] of a picture, by the image encoder of a SPADE model (`style_encoder`)."""
    side = 4 * 2**encoder.network.cfg.layers
    with torch.inference_mode():
        return encoder(_unit(resize(photo.pixels, side)) * 2 - 1)


# --- pixels and tensors ----------------------------------------------------------------------------


def fitted(shape: Sequence[int], size: int) -> tuple[int, int]:
    """Height and width of a picture [H, W, ...] whose shorter side has become `size`.

    Raises:
        InputError: that would be more pixels than ganedit reads.
    """
    check_size(size)
    height, width = (max(round(side * size / min(shape[:2])), 1) for side in shape[:2])
    if height * width > MAX_PIXELS:
        raise InputError(
            f"a picture of {shape[1]}x{shape[0]} pixels would become one of {width}x{height}",
            "cut it, or choose a smaller `size`",
        )
    return height, width


def check_size(size: int | None) -> None:
    """Refuse a size that leaves no image.

    Raises:
        UsageError: it is not positive.
    """
    if size is not None and size < 1:
        raise UsageError(f"`size={size}` must be at least 1", "it is the shorter side in pixels, such as 256")


def resized(photo: Photo, size: tuple[int, int]) -> Photo:
    """A photo of another height and width, its alpha too."""
    alpha = None if photo.alpha is None else resize(photo.alpha, size)
    return replace(photo, pixels=resize(photo.pixels, size), alpha=alpha)


def _sized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`resize`, but for a copy of what has the size already, which may be large."""
    return pixels if pixels.shape[:2] == size else resize(pixels, size)


def luma(pixels: np.ndarray) -> np.ndarray:
    """Brightness [H, W] float32 of [H, W, 3]; exact where the three agree."""
    return pixels.astype(np.float32) @ LUMA


def _levelled(pixels: np.ndarray) -> np.ndarray:
    """Grey, in three equal channels."""
    for row in range(0, len(pixels), 256):  # a copy of all of them as floats may be gigabytes
        part = pixels[row : row + 256]
        part[:] = (luma(part) + 0.5)[..., None].astype(pixels.dtype)
    return pixels


def _unit(pixels: np.ndarray) -> Tensor:
    """[H, W, 3] as [1, 3, H, W] in [0, 1]."""
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)
    return torch.from_numpy(planes)[None].div_(np.iinfo(pixels.dtype).max)


def _cut(photo: Photo | LabelMap, model: Translator, seen: tuple[int, int]) -> Cut:
    """What the network is shown, at the size that it sees."""
    if isinstance(photo, LabelMap):
        return _cut_labels(replace(photo, labels=nearest(photo.labels, seen)), model)
    if takes_drawings(model):
        return _cut_picture(clean_sketch(photo.pixels, photo.alpha, seen), model)
    return _cut_picture(_sized(photo.pixels, seen), model)


def _drawn(photo: Photo | LabelMap, pixels: np.ndarray, model: Translator) -> Photo:
    """What the network drew, with what is kept of the photo."""
    if isinstance(photo, LabelMap):
        return Photo(pixels, path=photo.path, sha256=photo.sha256)
    alpha = None
    if photo.alpha is not None and not takes_drawings(model):  # there the paper was drawn on, too
        alpha = _sized(photo.alpha, (pixels.shape[0], pixels.shape[1]))
    return replace(photo, pixels=pixels, alpha=alpha, grey=False, icc=None if photo.grey else photo.icc)


def _cut_picture(pixels: np.ndarray, model: Translator) -> Cut:
    if takes_labels(model):
        raise InputError(f"the model {model.name} draws from label maps, not from photos",
                         "read the picture with read_label_map")  # fmt: skip
    if model.in_channels not in (1, 3):
        raise CheckpointError(f"the model {model.name} takes {model.in_channels} channels, photos have 3")

    def cut(rows: slice, columns: slice) -> Tensor:
        part = pixels[rows, columns]
        if model.in_channels == 1:
            level = luma(part) / np.iinfo(pixels.dtype).max
            return torch.from_numpy(level)[None, None].mul_(2).sub_(1)
        return _unit(part).mul_(2).sub_(1)

    return cut


def _cut_labels(map_: LabelMap, model: Translator) -> Cut:
    if not takes_labels(model):
        raise InputError(f"the model {model.name} draws from photos, not from label maps")
    count, labels = label_count(model), map_.labels
    check_labels(map_, count, model.name, model.card.details.get("labels", ()))
    edge = boundaries(labels) if count < model.in_channels else None

    def cut(rows: slice, columns: slice) -> Tensor:
        def part(of: np.ndarray) -> Tensor:
            return torch.from_numpy(of[rows, columns].astype(np.int64))[None]

        return one_hot(part(labels), count, None if edge is None else part(edge))

    return cut


def _bands(
    model: Translator | Upscaler,
    run: Run,
    cut: Cut,
    size: Sequence[int],
    tile: int | None,
    progress: Progress | None,
    scale: int = 1,
) -> Any:
    """The network's output in bands of rows, as `tiled` yields them."""
    height, width = size
    multiple = model.multiple if isinstance(model, Translator) else 4  # some upscalers fold 4x4 pixels

    def quietly(x: Tensor) -> Tensor:
        with torch.inference_mode():
            return run(x)

    if tile is None:
        upscaler = isinstance(model, Upscaler)
        side = SAMPLE if upscaler else max(SAMPLE, model.network.cfg.smallest)
        part = slice(0, min(side, height)), slice(0, min(side, width))
        tile = choose_tile(model.network, quietly, lambda: cut(*part), (height, width), whole=not upscaler)
    return tiled(quietly, cut, (height, width), tile, scale=scale, multiple=multiple, progress=progress)


def _collect(
    bands: Any, size: tuple[int, int], dtypes: Sequence[np.dtype], value_range: tuple[float, float]
) -> list[np.ndarray]:
    """Bands [N, 3, n, W] as N pictures [H, W, 3]."""
    low, high = value_range
    pictures = [np.empty((*size, 3), dtype) for dtype in dtypes]
    for top, band in bands:
        for pixels, part in zip(pictures, band, strict=True):
            white = int(np.iinfo(pixels.dtype).max)
            levels = (part - low).mul_(white / (high - low)).round_().clamp_(0, white)
            pixels[top : top + band.shape[2]] = levels.permute(1, 2, 0).cpu().numpy()
    return pictures
