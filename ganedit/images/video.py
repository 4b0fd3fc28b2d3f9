"""Writes films: MP4 that plays everywhere, or GIF."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np

from ganedit.errors import InputError
from ganedit.files import atomic_path, open_av
from ganedit.images.pixels import to_depth
from ganedit.images.screen import Screen, tag, yuv_of

SUFFIXES = (".mp4", ".gif")


def write_video(
    path: str | Path, frames: Iterable[np.ndarray], fps: float = 25, *, comment: str = ""
) -> Path:
    """Write a film atomically.

    Args:
        path: Path that ends in .mp4 (H.264, where odd sides grow by a repeated pixel) or .gif.
        frames: [H, W, 3] uint8 or uint16, all of one size; read one at a time.
        fps: Frames per second.
        comment: Comment to store in the film.

    Raises:
        InputError: Unknown suffix, no frames, a folder that cannot be written to, or a full disk.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"cannot write {path}: '{path.suffix}' is not a film format", "end the name in .mp4 or .gif"
        )
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise InputError(f"cannot write {path}: there are no frames")
    write = _write_gif if path.suffix.lower() == ".gif" else _write_mp4
    with atomic_path(path) as temporary:
        write(temporary, first, frames, fps, comment)
    return path


def comment_of(path: str | Path) -> str:
    """The comment in a film; empty if there is none, or the file is not a film."""
    import av

    try:
        with open_av(path) as container:
            return str(container.metadata.get("comment", ""))
    except (av.FFmpegError, OSError, ValueError):
        return ""


def _write_mp4(path: Path, first: np.ndarray, rest: Iterable[np.ndarray], fps: float, comment: str) -> None:
    import av

    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        if comment:
            container.metadata["comment"] = comment
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        height, width = first.shape[:2]
        stream.width, stream.height = width + width % 2, height + height % 2  # yuv420p needs even sides
        stream.pix_fmt = "yuv420p"
        tag(stream, Screen())
        stream.options = {"crf": "16", "preset": "medium"}
        for pixels in chain([first], rest):
            container.mux(stream.encode(yuv_of(even(pixels))))
        container.mux(stream.encode())


def even(pixels: np.ndarray) -> np.ndarray:
    """Pixels as uint8, with odd sides extended by one pixel."""
    height, width = pixels.shape[:2]
    padded = np.pad(to_depth(pixels, np.uint8), ((0, height % 2), (0, width % 2), (0, 0)), "edge")
    return np.ascontiguousarray(padded)


def _write_gif(path: Path, first: np.ndarray, rest: Iterable[np.ndarray], fps: float, comment: str) -> None:
    from PIL import Image

    images = (Image.fromarray(to_depth(pixels, np.uint8)) for pixels in rest)
    Image.fromarray(to_depth(first, np.uint8)).save(
        path,
        save_all=True,
        append_images=images,
        duration=max(round(1000 / fps), 20),
        loop=0,
        comment=comment.encode(),
    )
