"""Shows edits: faces before and after, pasted into their photo, on a sheet, in a film."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from ganedit.images.paste import Mode, paste
from ganedit.images.pixels import resize, to_depth
from ganedit.images.sheet import enlarged, sheet
from ganedit.images.upscaling import enhance_crop
from ganedit.latent.editing import between, draw, eased
from ganedit.latent.latent import Latent
from ganedit.store.models import Generator, Upscaler

SHEET_SIDE, FILM_SIDE = 512, 1024  # largest side of a photo on a sheet, and in a film
CROP_SIDE = 256  # smallest side of a crop in a film
FILM_FRAMES = 50  # in one direction; at 25 per second

Applied = Callable[[float], AbstractContextManager[None]]
"""Makes a context for drawing edited images, given the fraction of the change to single units."""


@dataclass
class EditedFace:
    """A face before and after, as the generator draws it.

    Attributes:
        latent: The latent before the edit.
        before: uint8 [S, S, 3].
        after: The same, by the label of the result: "" for one, "+1.0" and so on for several.
        film: Frames from before to after, or from the first result to the last; empty without a film.
        affine: [2, 3], from positions in the pictures to positions in the photo; None without a photo.
    """

    latent: Latent
    before: np.ndarray
    after: dict[str, np.ndarray]
    film: list[np.ndarray]
    affine: np.ndarray | None


def draw_edited(
    latent: Latent,
    edited: Mapping[str, Latent],
    generator: Generator,
    *,
    film: bool = False,
    path: Sequence[Latent] = (),
    applied: Applied | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> EditedFace:
    """Draw a latent before and after its edits.

    Args:
        latent: The latent before; earlier edits are undone for the image before.
        edited: The edited latents by label.
        generator: The model, with the latent's own tuned weights if it has any (`Latent.personal`).
        film: Whether to draw frames in between as well.
        path: Latents that the film shows instead of those on the line from before to after.
        applied: Makes the context in which the generator draws edited images.
        progress: Called with (images drawn, total images).
    """
    applied = applied or (lambda share: nullcontext())
    codes = list(edited.values())
    start = codes[0] if len(codes) > 1 else latent
    frames = list(path) or between(start, codes[-1], FILM_FRAMES) if film else []
    shares = [1.0] * len(codes) + ([1.0] * len(frames) if len(codes) > 1 else eased(len(frames)))
    pictures = draw(generator, [latent.original])
    for code, share in zip([*codes, *frames], shares, strict=True):
        with applied(share):
            pictures += draw(generator, [code])
        if progress:
            progress(len(pictures), 1 + len(shares))
    after = dict(zip(edited, pictures[1:], strict=False))
    return EditedFace(latent, pictures[0], after, pictures[1 + len(codes) :], latent.affine)


def enhance_face(
    face: EditedFace, upscaler: Upscaler, progress: Callable[[int, int], None] | None = None
) -> EditedFace:
    """The face before and in its results, enlarged by an upscaler as `enhance_crop` does; no film.

    Args:
        face: A face of a photo.
        upscaler: The upscaler.
        progress: Called with (tiles done, tiles in all), for each picture from the start.
    """
    assert face.affine is not None
    before, affine = enhance_crop(face.before, face.affine, upscaler, progress=progress)
    after = {
        label: enhance_crop(picture, face.affine, upscaler, progress=progress)[0]
        for label, picture in face.after.items()
    }
    return EditedFace(face.latent, before, after, [], affine)


def paste_faces(
    photo: np.ndarray,
    faces: Sequence[EditedFace],
    pictures: Sequence[np.ndarray],
    *,
    mode: Mode = "change",
    scale: float = 1.0,
) -> np.ndarray:
    """Paste a picture of every face into a photo, one after the other.

    Args:
        photo: [H, W, 3], uint8 or uint16.
        faces: Faces of that photo.
        pictures: The pictures to paste, one for each face: [S, S, 3] uint8.
        mode: "change" adds the difference from before; "replace" pastes the picture itself.
        scale: Size of `photo` relative to the photo that the latents were made from.
    """
    for face, picture in zip(faces, pictures, strict=True):
        assert face.affine is not None
        photo = paste(photo, face.affine * scale, face.before, picture, mode=mode)
    return photo


def edit_sheet(
    faces: Sequence[EditedFace], caption: str, *, photo: np.ndarray | None = None, mode: Mode = "change"
) -> np.ndarray:
    """Before and after side by side, or all results of a sweep; pasted into the photo if there is one.

    Returns:
        uint8 [H, W, 3].
    """
    labels = list(faces[0].after)
    swept = "" not in labels
    headings = labels if swept else ["before", "after"]
    rows = [[*([] if swept else [face.before]), *face.after.values()] for face in faces]
    if photo is not None:
        small, scale = _reduced(photo, SHEET_SIDE)
        columns = [list(column) for column in zip(*rows, strict=True)]
        pasted = [paste_faces(small, faces, column, mode=mode, scale=scale) for column in columns]
        rows = [pasted if swept else [small, *pasted[1:]]]
    tiles = [enlarged(tile) for row in rows for tile in row]
    return sheet(tiles, columns=len(headings), column_labels=headings, caption=caption)


def edit_film(
    faces: Sequence[EditedFace], *, photo: np.ndarray | None = None, mode: Mode = "change"
) -> Iterator[np.ndarray]:
    """Frames of the change and back again, with a pause at both ends; uint8 [H, W, 3]."""
    frames = list(_film_frames(faces, photo, mode))
    pause = FILM_FRAMES // 4
    yield from [*frames[:1] * pause, *frames, *frames[-1:] * pause, *frames[::-1]]


def _film_frames(faces: Sequence[EditedFace], photo: np.ndarray | None, mode: Mode) -> Iterator[np.ndarray]:
    films = zip(*(face.film for face in faces), strict=True)
    if photo is None:
        for row in films:
            yield np.concatenate([enlarged(one, CROP_SIDE) for one in row], axis=1)
        return
    small, scale = _reduced(photo, FILM_SIDE)
    for row in films:
        yield paste_faces(small, faces, list(row), mode=mode, scale=scale)


def _reduced(pixels: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """8-bit pixels whose longer side is at most `side`, and the factor by which they were reduced."""
    scale = min(side / max(pixels.shape[:2]), 1.0)
    height, width = (max(round(n * scale), 1) for n in pixels.shape[:2])
    return resize(to_depth(pixels, np.uint8), (height, width)), scale
