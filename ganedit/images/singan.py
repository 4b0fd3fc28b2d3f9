"""Images from the patches of one photo, by a model that has learned it (SinGAN, arXiv:1905.01164).

A photo is changed by handing it to the model at one of its scales, reduced to the size of that scale: what is
coarser stays as it is, and what is finer is drawn anew, like the photo that the model has learned.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from ganedit.errors import InputError, UsageError
from ganedit.images.inpainting import marked
from ganedit.images.io import Photo, as_photo
from ganedit.images.pixels import over_white, resize, to_depth
from ganedit.images.tensors import from_tensor, to_tensor
from ganedit.limits import MAX_PIXELS
from ganedit.store.models import SingleImage
from ganedit.store.uses import need

Size = tuple[int, int]
LEAST = 3  # pixels of a side at the coarsest scale
WIDER = 1 / 50  # of the longer side, by which a mask is widened; as much again becomes soft
MOST_FACTOR = 64.0
EDITED, PASTED = (
    1 / 2,
    3 / 4,
)  # where edits and pasted objects enter, as a share of the way to the finest scale


def singan_random(
    model: SingleImage, count: int = 1, *, size: Size | None = None, from_scale: int = 0, seed: int = 0
) -> list[Photo]:
    """Draw random images with the patches of the photo that a model has learned.

    Args:
        model: A model that `ganedit train singan` made, such as "galaxies".
        count: Number of images.
        size: Width and height in pixels, of any shape; None takes those of the photo.
        from_scale: The first scale that varies. 0, the coarsest, also changes the layout; a finer one keeps
            the photo's, and changes details. (The paper counts from the other end.)
        seed: Seed of the first image; the next ones have the following seeds.

    Returns:
        The images.

    Raises:
        UsageError: There is no such scale, the size is too small or too large, or `count` below 1.
        CheckpointError: The model is for something else.

    Examples:
        >>> model = ganedit.load("galaxies", device="cpu")
        >>> first, second = ganedit.singan_random(model, 2, size=(120, 40))
        >>> first.pixels.shape, bool((first.pixels == second.pixels).all())
        ((40, 120, 3), False)
    """
    need(model, "singan")
    model.check_scale(from_scale, "from_scale")
    if count < 1:
        raise UsageError(f"`count={count}` must be at least 1")
    shape = _checked_size(model, size)
    start = model(model.fixed(shape)[:from_scale]) if from_scale else None
    return [
        Photo(from_tensor(model(model.noise(shape, seed + i, from_scale), start, from_scale)))
        for i in range(count)
    ]


def singan_superres(
    model: SingleImage,
    photo: Photo | np.ndarray | str | Path | None = None,
    *,
    factor: float = 4.0,
    seed: int = 0,
) -> Photo:
    """Enlarge the photo that a model has learned, with detail like the finest that it knows.

    The image is enlarged in small steps, and the finest generator adds its detail after each (section 4 of
    the paper).

    Args:
        model: A model that learned this photo.
        photo: A photo, its path, or pixels; None takes the one that the model learned, drawn again.
        factor: How many times as wide and high, above 1, at most 64.
        seed: Seed of the noise.

    Returns:
        The enlarged photo.

    Raises:
        UsageError: The factor is not in this range.
        InputError: The result would have more pixels than ganedit supports.
        CheckpointError: The model is for something else.

    Examples:
        >>> model = ganedit.load("galaxies", device="cpu")
        >>> ganedit.singan_superres(model, factor=1.5).pixels.shape
        (160, 240, 3)
    """
    need(model, "singan")
    if not 1 < factor <= MOST_FACTOR:
        raise UsageError(f"`factor={factor:g}` must be above 1 and at most {MOST_FACTOR:g}")
    image = model(model.fixed()) if photo is None else to_tensor(_flat(as_photo(photo)))
    height, width = image.shape[2:]
    _check_pixels(round(width * factor), round(height * factor))
    last = model.scales - 1
    heights = model.network.cfg.heights
    once = heights[last] / heights[last - 1] if last else 4 / 3
    steps = max(round(math.log(factor) / math.log(once)), 1)
    for step in range(1, steps + 1):
        grown = factor ** (step / steps)
        shape = (round(height * grown), round(width * grown))
        noise = model.network.noise(1, [shape], torch.Generator().manual_seed(seed + step))
        image = model(noise, image, last)
    return Photo(from_tensor(image))


def singan_paint(
    model: SingleImage, painting: Photo | np.ndarray | str | Path, *, scale: int | None = None, seed: int = 0
) -> Photo:
    """Turn a rough painting into an image with the patches of the photo that a model has learned.

    Args:
        model: A model of a photo that looks as the result should.
        painting: Patches of colour in the places where things should be: a photo, its path, or pixels, of
            any shape.
        scale: The scale at which it is handed to the model: a coarse one keeps less of it. None takes
            the second.
        seed: Seed of the noise.

    Returns:
        An image in the shape of the painting, as large as the photo that the model has learned.

    Raises:
        UsageError: There is no such scale, or it is 0, which sees no image.
        InputError: The painting is too narrow for the model.
        CheckpointError: The model is for something else.

    Examples:
        >>> model = ganedit.load("galaxies", device="cpu")
        >>> ganedit.singan_paint(model, "examples/portrait.png").pixels.shape
        (160, 160, 3)
    """
    return Photo(_through(model, as_photo(painting), scale, 0, seed)[0])


def singan_edit(
    model: SingleImage,
    photo: Photo | np.ndarray | str | Path,
    mask: Photo | np.ndarray | str | Path | None = None,
    *,
    scale: int | None = None,
    seed: int = 0,
) -> Photo:
    """Make an edit of a photo look real: parts that were moved, copied or stretched.

    Args:
        model: A model that learned the photo before the edit.
        photo: The edited photo, its path, or pixels.
        mask: An image of its size, white where it was edited; only there, and a little around it, is it
            changed. None changes all of it.
        scale: The scale at which it is handed to the model: a coarse one changes more. None takes the middle.
        seed: Seed of the noise.

    Returns:
        An image in the shape of the photo, as large as the one that the model has learned.

    Raises:
        UsageError: There is no such scale, or it is 0, which sees no image.
        InputError: The mask has another size than the photo, or is empty; the photo is too narrow.
        CheckpointError: The model is for something else.

    Examples:
        >>> model = ganedit.load("galaxies", device="cpu")
        >>> ganedit.singan_edit(model, "examples/galaxies.png").pixels.shape
        (107, 160, 3)
    """
    return _blended(model, as_photo(photo), mask, scale, EDITED, seed)


def singan_harmonize(
    model: SingleImage,
    photo: Photo | np.ndarray | str | Path,
    mask: Photo | np.ndarray | str | Path | None = None,
    *,
    scale: int | None = None,
    seed: int = 0,
) -> Photo:
    """Give an object that was pasted into a photo the look of the photo: its colours, grain and strokes.

    Args:
        model: A model that learned the photo without the object.
        photo: The photo with the object, its path, or pixels.
        mask: An image of its size, white where the object is; only there, and a little around it, is the
            photo changed. None changes all of it.
        scale: The scale at which it is handed to the model: a coarse one keeps less of the object. None takes
            one at three quarters of the way to the finest.
        seed: Seed of the noise.

    Returns:
        An image in the shape of the photo, as large as the one that the model has learned.

    Raises:
        UsageError: There is no such scale, or it is 0, which sees no image.
        InputError: The mask has another size than the photo, or is empty; the photo is too narrow.
        CheckpointError: The model is for something else.

    Examples:
        >>> model = ganedit.load("galaxies", device="cpu")
        >>> ganedit.singan_harmonize(model, "examples/galaxies.png", scale=4).pixels.shape
        (107, 160, 3)
    """
    return _blended(model, as_photo(photo), mask, scale, PASTED, seed)


def singan_animate(
    model: SingleImage,
    frames: int = 100,
    *,
    alpha: float = 0.9,
    beta: float = 0.9,
    from_scale: int = 0,
    size: Size | None = None,
    seed: int = 0,
) -> Iterator[np.ndarray]:
    """Bring the photo that a model has learned to life: a film whose noise walks around that of the photo.

    Args:
        model: A model that `ganedit train singan` made.
        frames: Number of frames.
        alpha: How close the film stays to the photo, from 0 to 1.
        beta: How steadily it moves, from 0 to 1.
        from_scale: The first scale that moves; 0 also moves the layout.
        size: Width and height in pixels; None takes those of the photo.
        seed: Seed of the walk.

    Yields:
        Frames [H, W, 3], uint8, the first one the photo drawn again.

    Raises:
        UsageError: A number is out of its range, there is no such scale, or the size is too small or large.
        CheckpointError: The model is for something else.

    Source: section 4 of the paper, and equation 8 of its supplement.

    Examples:
        >>> model = ganedit.load("galaxies", device="cpu")
        >>> film = list(ganedit.singan_animate(model, 3, alpha=0.8))
        >>> len(film), film[0].shape
        (3, (107, 160, 3))
    """
    need(model, "singan")
    model.check_scale(from_scale, "from_scale")
    for name, value in (("alpha", alpha), ("beta", beta)):
        if not 0 <= value <= 1:
            raise UsageError(f"`{name}={value:g}` must be between 0 and 1")
    if frames < 1:
        raise UsageError(f"`frames={frames}` must be at least 1")
    shape = _checked_size(model, size)
    return _walk(model, frames, alpha, beta, from_scale, shape, seed)


def _walk(
    model: SingleImage, frames: int, alpha: float, beta: float, first: int, shape: Size, seed: int
) -> Iterator[np.ndarray]:
    """The frames of `singan_animate`; `shape` is height and width."""
    home = model.fixed(shape)
    start = model(home[:first]) if first else None
    home = home[first:]
    now, before = home, home
    for i in range(frames):
        yield from_tensor(model(now, start, first))
        fresh = model.noise(shape, seed + i, first)
        steps = [
            beta * (a - b) + (1 - beta) * new for a, b, new in zip(now, before, fresh, strict=True)
        ]  # as long as the last one, and turned a little
        before = now
        now = [alpha * z + (1 - alpha) * (a + step) for z, a, step in zip(home, now, steps, strict=True)]


def _blended(
    model: SingleImage,
    photo: Photo,
    mask: Photo | np.ndarray | str | Path | None,
    scale: int | None,
    depth: float,
    seed: int,
) -> Photo:
    """A photo that passed through the model, where its mask is white; all of it without a mask."""
    need(model, "singan")
    soft = None if mask is None else _softened(photo, as_photo(mask))
    drawn, given = _through(model, photo, scale, depth, seed)
    if soft is not None:
        share = resize(soft, given.shape[:2])[..., None].clip(0, 1)
        drawn = np.rint(given + (drawn.astype(np.float32) - given) * share).astype(np.uint8)
    return replace(Photo(drawn), path=photo.path)


def _softened(photo: Photo, mask: Photo) -> np.ndarray:
    """A mask as numbers from 0 to 1, widened, and soft outside its edge: [H, W] float32."""
    if mask.pixels.shape[:2] != photo.pixels.shape[:2]:
        one, other = (f"{p.shape[1]}x{p.shape[0]}" for p in (mask.pixels, photo.pixels))
        raise InputError(f"the mask has {one} pixels, and the photo {other}", "make them equal")
    white = marked(mask)
    if not white.any():
        raise InputError("the mask is empty: it has no white pixel", "make it white where the edit is")
    reach = max(round(max(white.shape) * WIDER), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (4 * reach + 1, 4 * reach + 1))
    wide = cv2.dilate(white.astype(np.float32), kernel)
    found: np.ndarray = np.maximum(cv2.GaussianBlur(wide, (0, 0), reach / 2), white)
    return found


def _through(
    model: SingleImage, photo: Photo, scale: int | None, depth: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """A photo handed to the model at a scale, and the photo itself at the size of the result.

    Without a scale, it is the one at the share `depth` of the way to the finest, but not the first.
    """
    need(model, "singan")
    last = model.scales - 1
    if scale is None:
        scale = min(max(round(last * depth), 1), last)
    model.check_scale(scale)
    if scale == 0:
        hint = f"choose 1 to {last}" if last else f"{model.name} has no other: train one of a larger photo"
        raise UsageError("`scale=0` starts from noise alone, and sees no image", hint)
    pixels = _flat(photo)
    height, width = pixels.shape[:2]
    share = max(model.size) / max(height, width)
    shape = (max(round(height * share), 1), max(round(width * share), 1))
    sizes = model.network.sizes(*shape)
    if min(sizes[0]) < LEAST:
        raise InputError(
            f"an image of {width}x{height} pixels is too narrow for {model.name}, which would reduce it to "
            f"{sizes[0][1]}x{sizes[0][0]}",
            "crop it",
        )
    given = resize(pixels, shape)
    coarse = to_tensor(resize(pixels, sizes[scale - 1]))
    return from_tensor(model(model.noise(shape, seed, scale), coarse, scale)), given


def _flat(photo: Photo) -> np.ndarray:
    """Pixels [H, W, 3] uint8, transparent ones on white."""
    return to_depth(over_white(photo.pixels, photo.alpha), np.uint8)


def _checked_size(model: SingleImage, size: Size | None) -> Size:
    """Height and width of the result."""
    if size is None:
        return model.size
    width, height = size
    own_height, own_width = model.size
    cfg = model.network.cfg
    least = (math.ceil(LEAST * own_width / cfg.widths[0]), math.ceil(LEAST * own_height / cfg.heights[0]))
    if width < least[0] or height < least[1]:
        raise UsageError(
            f"`size={width}x{height}` is too small for {model.name}", f"choose at least {least[0]}x{least[1]}"
        )
    _check_pixels(width, height)
    return height, width


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise InputError(
            f"the result would have {width}x{height} pixels; the limit is {MAX_PIXELS // 10**6} megapixels",
            "make it smaller",
        )
