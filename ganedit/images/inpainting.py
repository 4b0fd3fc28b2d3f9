"""Fills holes in photographs by a network; pixels outside them stay exactly the same."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import CheckpointError, InputError
from ganedit.images.align import TEMPLATES, align_faces, crop_from_affine
from ganedit.images.io import Photo, as_photo
from ganedit.images.paste import warp_to_photo
from ganedit.images.pixels import luma, resize, to_depth
from ganedit.images.tensors import to_tensor
from ganedit.store.models import Translator
from ganedit.store.uses import need

LOG = logging.getLogger(__name__)
Box = tuple[int, int, int, int]  # x, y, width, height
CONTEXT = 2.0  # side of the square that the network sees, relative to the hole's
SIDE = 256  # of that square in pixels, for models whose card names no resolution
LEAST = 512  # shorter side of what a network without a size of its own sees, if the photo has that many
RELAXED = 4  # iterations that average unknown values with their neighbours
RIM = 3  # width in pixels of the border around a hole whose colours the filling is matched to


def inpaint(
    photo: Photo | str | Path, hole: np.ndarray, model: Translator, *, size: int | None = None
) -> Photo:
    """Fill holes in a photo (Pathak et al., arXiv:1604.07379; LaMa, arXiv:2109.07161), and nothing else.

    The network sees a square about each hole, resized to the size it was trained at; for a model of faces it
    sees the aligned face, if one is found there. A model that takes any size (LaMa) sees what is around the
    hole as fine as the photo, up to the size that its card names. A smooth field of colours then makes the
    result meet the photo at the edge of the hole.

    Args:
        photo: A photo of any size, or its path; alpha, bit depth, greyscale mode and colour profile are kept.
        hole: [H, W] bool, true where pixels are to be replaced; from `mask_hole` or `box_hole`.
        model: An inpainting model.
        size: Side in pixels of the square that the network sees, or the longest side for a model that takes
            any size; None takes that of the model.

    Returns:
        A new photo.

    Raises:
        InputError: The hole has another size than the photo, is empty, or covers all of it.
        CheckpointError: The model is for something else.

    Examples:
        >>> photo = ganedit.read_image("examples/portrait.png")
        >>> hole = ganedit.box_hole(photo, (200, 150, 40, 40))
        >>> filled = ganedit.inpaint(photo, hole, ganedit.load("inpaint-faces"))
        >>> bool((filled.pixels != photo.pixels)[~hole].any())
        False
    """
    need(model, "inpaint")
    photo = as_photo(photo)
    hole = _checked_hole(photo, hole)
    pixels = photo.pixels.copy()
    left = hole.copy()
    for part, view in _regions(photo, hole, model, size):
        _fill(pixels, left, part, view, model)
        left &= ~part
    if photo.grey:
        pixels[hole] = (luma(pixels[hole]) + 0.5)[:, None].astype(pixels.dtype)
    lost = None if photo.lost is None else np.where(hole[..., None], 0, photo.lost)  # of what was there
    return replace(photo, pixels=pixels, lost=lost)


def mask_hole(photo: Photo, mask: Photo) -> np.ndarray:
    """Make a hole from a mask.

    Args:
        photo: The photo.
        mask: An image of the same size, white where to fill. Pixels count that are brighter than half of
            white and, if the mask has transparency, more than half opaque.

    Returns:
        [H, W] bool, for `inpaint`.

    Raises:
        InputError: The mask has another size than the photo, is empty, or covers all of it.

    Examples:
        >>> import numpy as np
        >>> photo = ganedit.read_image("examples/portrait.png")
        >>> mask = np.zeros_like(photo.pixels)
        >>> mask[150:190, 200:240] = 255
        >>> int(ganedit.mask_hole(photo, ganedit.Photo(mask)).sum())
        1600
    """
    return _checked_hole(photo, marked(mask), f"the mask {mask.path}" if mask.path else "the mask")


def marked(mask: Photo) -> np.ndarray:
    """Where a mask is white, [H, W] bool: brighter than half, and not more than half transparent."""
    white = np.iinfo(mask.pixels.dtype).max
    found: np.ndarray = luma(mask.pixels) > white / 2
    if mask.alpha is not None:
        found &= mask.alpha > white / 2
    return found


def box_hole(photo: Photo, box: Box) -> np.ndarray:
    """Make a hole from a box.

    Args:
        photo: The photo.
        box: x, y, width and height in pixels, counted from the top left corner.

    Returns:
        [H, W] bool, for `inpaint`.

    Raises:
        InputError: The box reaches beyond the photo.

    Examples:
        >>> photo = ganedit.read_image("examples/portrait.png")
        >>> int(ganedit.box_hole(photo, (200, 150, 40, 40)).sum())
        1600
    """
    x, y, width, height = box
    rows, columns = photo.pixels.shape[:2]
    if x + width > columns or y + height > rows:
        raise InputError(
            f"the box {x},{y},{width},{height} does not lie in {photo.path or 'the photo'}, "
            f"which has {columns}x{rows} pixels",
            "give x,y,width,height, counted from the top left corner",
        )
    hole = np.zeros((rows, columns), bool)
    hole[y : y + height, x : x + width] = True
    return hole


def transparent_hole(photo: Photo) -> tuple[Photo, np.ndarray]:
    """The photo made opaque, and [H, W] bool, true where it was mostly transparent.

    Raises:
        InputError: it has no transparency.
    """
    if photo.alpha is None:
        raise InputError(
            f"{photo.path or 'the photo'} has no transparent part to fill",
            "say where to fill with `mask=FILE` or `box=X,Y,WIDTH,HEIGHT`",
        )
    white = np.iinfo(photo.alpha.dtype).max
    hole = photo.alpha <= white // 2
    alpha = photo.alpha.copy()
    alpha[hole] = white
    return replace(photo, alpha=alpha), hole


def _checked_hole(photo: Photo, hole: np.ndarray, name: str = "the mask") -> np.ndarray:
    height, width = photo.pixels.shape[:2]
    about = photo.path or "the photo"
    if hole.shape != (height, width):
        raise InputError(
            f"{name} has {hole.shape[1]}x{hole.shape[0]} pixels, {about} {width}x{height}",
            "draw the mask on the photo itself: both must have the same size",
        )
    if not hole.any():
        raise InputError(
            f"no pixel of {about} is masked", "mark in white, or with a box inside the image, what to fill"
        )
    if hole.all():
        raise InputError(
            f"every pixel of {about} is masked", "leave pixels from which the rest can be filled"
        )
    return hole


# --- where to look ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Square:
    """A square, by the affine [2, 3] from a crop of this side to the photo."""

    affine: np.ndarray
    side: int

    def cut(self, pixels: np.ndarray) -> np.ndarray:
        """What the network sees of a photo: [S, S, 3] uint8."""
        return crop_from_affine(pixels, self.affine, self.side)

    def mark(self, hole: np.ndarray) -> np.ndarray:
        """The pixels [S, S] bool that show any of the hole [H, W]."""
        marks = np.repeat(hole[..., None], 3, axis=2).astype(np.uint8) * 255
        return np.asarray(self.cut(marks)[..., 0] > 0)

    def place(self, drawn: np.ndarray, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], np.ndarray]:
        """What was drawn, [S, S, 3], at the photo's resolution, and its window in the photo."""
        window, (placed, _) = warp_to_photo(
            shape, self.affine, drawn, np.ones((self.side, self.side), np.float32)
        )
        return window, placed


@dataclass(frozen=True)
class _Window:
    """Rows and columns of the photo, and the height and width at which the network sees them."""

    rows: slice
    columns: slice
    size: tuple[int, int]

    def cut(self, pixels: np.ndarray) -> np.ndarray:
        return resize(to_depth(pixels[self.rows, self.columns], np.uint8), self.size)

    def mark(self, hole: np.ndarray) -> np.ndarray:
        import cv2

        marks = hole[self.rows, self.columns].astype(np.float32)
        return np.asarray(cv2.resize(marks, self.size[::-1], interpolation=cv2.INTER_AREA) > 0)

    def place(self, drawn: np.ndarray, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], np.ndarray]:
        own = (self.rows.stop - self.rows.start, self.columns.stop - self.columns.start)
        return (self.rows, self.columns), resize(drawn, own)


_View = _Square | _Window


def _regions(
    photo: Photo, hole: np.ndarray, model: Translator, size: int | None
) -> Iterator[tuple[np.ndarray, _View]]:
    """Parts of the hole [H, W] bool, and for each what the network sees."""
    import cv2

    finest = model.card.details.get("finest")
    side = min(LEAST, size or finest) if finest else size or model.card.resolution or SIDE
    if model.card.template in TEMPLATES:
        face = _face(photo.pixels, hole, model.card.template, side)
        if face is not None:
            yield face[0], _Square(face[1], side)
            hole = hole & ~face[0]
        if hole.any():
            which = "a part of the hole" if face else "the hole"
            name = f"{photo.path}: " if photo.path else ""
            LOG.warning(
                f"{name}{model.name} knows faces only, and {which} lies in none: the result may not fit"
            )
    reach = max(side // 8, 1)  # holes closer to each other than this are treated as one
    grown = cv2.dilate(hole.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8))
    count, numbers = cv2.connectedComponents(grown)
    for i in range(1, count):
        part = hole & (numbers == i)
        yield (
            part,
            _window(part, side, size or finest) if finest else _Square(_square(part, side, side), side),
        )


def _face(
    pixels: np.ndarray, hole: np.ndarray, template: str, side: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """The part of the hole that lies in a face, and the affine from this face's crop to the photo; None
    unless at least half of the hole lies in a face."""
    import cv2

    closed = cv2.inpaint(to_depth(pixels, np.uint8), hole.astype(np.uint8), 5, cv2.INPAINT_TELEA)
    rows, columns = np.nonzero(hole)
    places = np.stack([columns + 0.5, rows + 0.5, np.ones(len(rows))], axis=1)
    for picture in (pixels, closed):  # the masked pixels may hide the face, or contain it
        try:
            faces = align_faces(picture, template=TEMPLATES[template], size=side, face="all")
        except InputError:
            continue
        for _, face in faces:
            back = np.linalg.inv(np.vstack([face.affine, [0, 0, 1]]))[:2]
            within = places @ back.T
            inside = ((within >= 1) & (within <= face.size - 1)).all(axis=1)
            if inside.mean() >= 0.5:
                part = np.zeros_like(hole)
                part[rows[inside], columns[inside]] = True
                return part, face.affine
    return None


def _ends(values: np.ndarray) -> tuple[int, int]:
    return int(values.min()), int(values.max()) + 1


def _square(hole: np.ndarray, side: int, least: int) -> np.ndarray:
    """Affine from crop to photo of a square around the hole, at least `least` pixels wide and inside the
    photo if possible."""
    (top, bottom), (left, right) = (_ends(n) for n in np.nonzero(hole))
    length = max(least, bottom - top, right - left)
    if length < CONTEXT * max(bottom - top, right - left):
        length = max(length, min(round(CONTEXT * max(bottom - top, right - left)), min(hole.shape)))
    middles = (left + right) / 2, (top + bottom) / 2
    x, y = (
        min(max(round(m - length / 2), 0), max(n - length, 0)) if length <= n else round((n - length) / 2)
        for m, n in zip(middles, hole.shape[::-1], strict=True)
    )
    scale = length / side
    return np.array([[scale, 0, x], [0, scale, y]], float)


def _window(hole: np.ndarray, least: int, finest: int) -> _Window:
    """Rows and columns around the hole, at least `least` of each that the photo has; reduced so that the
    longer side is at most `finest`."""
    ends = [_ends(n) for n in np.nonzero(hole)]
    margin = round(max(high - low for low, high in ends) * (CONTEXT - 1) / 2)
    spans = []
    for (low, high), count in zip(ends, hole.shape, strict=True):
        length = min(max(high - low + 2 * margin, least), count)
        start = min(max(round((low + high - length) / 2), 0), count - length)
        spans.append(slice(start, start + length))
    rows, columns = spans
    sides = rows.stop - rows.start, columns.stop - columns.start
    scale = min(1.0, finest / max(sides))
    height, width = (max(round(n * scale), 1) for n in sides)
    return _Window(rows, columns, (height, width))


# --- what to draw there ----------------------------------------------------------------------------


def _fill(
    pixels: np.ndarray,
    hole: np.ndarray,
    part: np.ndarray,
    view: _View,
    model: Translator,
) -> None:
    """Redraw one part of the hole, in place."""
    mask = torch.from_numpy(view.mark(hole))[None, None]
    drawn = redraw(model, to_tensor(view.cut(pixels)), mask)[0].permute(1, 2, 0).numpy()
    window, filling = view.place(drawn * 0.5 + 0.5, pixels.shape)
    white = np.iinfo(pixels.dtype).max
    photo = pixels[window].astype(np.float32) / white
    todo = part[window]
    filling = filling + _membrane(photo - filling, _rim(hole[window]))
    levels = np.rint(filling.clip(0, 1) * white).astype(pixels.dtype)
    pixels[window][todo] = levels[todo]


def redraw(model: Translator, seen: Tensor, mask: Tensor) -> Tensor:
    """The network's output for pictures with holes, for all pixels: [N, 3, H, W] in [-1, 1].

    Args:
        model: A model that fills holes.
        seen: [N, 3, H, W] in [-1, 1]; the values in the holes do not matter.
        mask: [N, 1, H, W] bool, true in the hole.

    Raises:
        CheckpointError: the network takes neither 3 nor 4 channels.
    """
    fill = torch.tensor(model.card.details.get("fill", (0.0, 0.0, 0.0))).view(1, 3, 1, 1)
    holed = torch.where(mask, fill, seen)
    if model.in_channels == 4:
        holed = torch.cat([holed, mask.float()], dim=1)
    elif model.in_channels != 3:
        raise CheckpointError(f"the model {model.name} takes {model.in_channels} channels, not 3 or 4")
    with torch.inference_mode():
        return model(holed).clamp(-1, 1).cpu()


def _rim(hole: np.ndarray) -> np.ndarray:
    """[H, W] bool: pixels of the photo next to the hole."""
    import cv2

    grown = cv2.dilate(hole.astype(np.uint8), np.ones((2 * RIM + 1,) * 2, np.uint8))
    return np.asarray((grown > 0) & ~hole)


def _membrane(field: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A smooth field [H, W, C] with the values of `field` where they are known.

    Averages over increasingly large squares fill the finer ones (pull-push interpolation, Gortler et al.
    1996); the result is smoothed, so that it is close to a membrane stretched over the known values.
    """
    import cv2

    weight = known.astype(np.float32)[..., None]
    if not known.any():
        return np.zeros_like(field)
    if known.all():
        return field
    if min(known.shape) < 2:
        return np.broadcast_to((field * weight).sum((0, 1)) / weight.sum(), field.shape).copy()
    total = cv2.pyrDown(field * weight)
    share = cv2.pyrDown(weight)[..., None]
    coarse = _membrane(total / np.maximum(share, 1e-6), share[..., 0] > 1e-3)
    height, width = known.shape
    smooth = cv2.pyrUp(coarse, dstsize=(width, height)).reshape(field.shape)
    for _ in range(RELAXED):
        smooth = cv2.blur(field * weight + smooth * (1 - weight), (3, 3)).reshape(field.shape)
    return field * weight + smooth * (1 - weight)
