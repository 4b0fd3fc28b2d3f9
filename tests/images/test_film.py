"""Films: the shape of their pixels, their colours, and what a result cannot keep."""

from __future__ import annotations

import logging
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from ganedit.errors import InputError
from ganedit.images.film import convert, frames, open_film
from ganedit.images.video import write_video

COLOURS = np.array([[200, 40, 40], [40, 160, 60], [50, 60, 220]], np.uint8)
MATRICES = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}  # red and blue in luma: H.273, 8.3


def stored(colour: np.ndarray, matrix: int, full: bool) -> tuple[float, float, float]:
    """Y, Cb and Cr of 8 bits, by the formulas of H.273."""
    red, blue = MATRICES[matrix]
    r, g, b = colour / 255
    y = red * r + (1 - red - blue) * g + blue * b
    cb, cr = (b - y) / (2 - 2 * blue), (r - y) / (2 - 2 * red)
    if full:
        return y * 255, cb * 255 + 128, cr * 255 + 128
    return y * 219 + 16, cb * 224 + 128, cr * 224 + 128


def film(
    path: Path,
    *,
    size: tuple[int, int] = (96, 64),
    matrix: int = 6,
    named: bool = True,
    full: bool = False,
    aspect: Fraction = Fraction(1),
    primaries: int = 2,
    transfer: int = 2,
    count: int = 3,
    pix_fmt: str = "yuv420p",
) -> Path:
    """A film of three bars of `COLOURS`, whose planes are computed here."""
    import av

    width, height = size
    bars = [stored(colour, matrix, full) for colour in COLOURS]
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as out:
        video = out.add_stream("libx264", rate=25, options={"crf": "1"})
        video.width, video.height, video.pix_fmt = width, height, pix_fmt
        about = video.codec_context
        about.sample_aspect_ratio, about.color_range = aspect, 2 if full else 1
        about.color_primaries, about.color_trc = primaries, transfer
        if named:
            about.colorspace = matrix
        planes = [
            np.concatenate([np.full((h, w // 3), round(bar[i]), np.uint8) for bar in bars], axis=1)
            for i, (h, w) in enumerate([(height, width)] + [(height // 2, width // 2)] * 2)
        ]
        flat = np.concatenate([plane.reshape(-1) for plane in planes]).reshape(-1, width)
        for _ in range(count):
            frame = av.VideoFrame.from_ndarray(flat, format="yuv420p")
            frame.color_range = 2 if full else 1
            out.mux(video.encode(frame if pix_fmt == "yuv420p" else frame.reformat(format=pix_fmt)))
        out.mux(video.encode())
    return path


def middles(pixels: np.ndarray) -> np.ndarray:
    """The colours in the middle of the three bars."""
    height, width = pixels.shape[:2]
    return pixels[height // 2, [width // 6, width // 2, width * 5 // 6]].astype(int)


def shown(path: Path) -> np.ndarray:
    """The three colours as a player shows them, by the matrix and the range that the file names."""
    import av

    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert (int(frame.colorspace), int(frame.color_range)) == (1, 1)
        planes = frame.to_ndarray().reshape(-1)
        height, width = frame.height, frame.width
    y, cb, cr = np.split(planes, [height * width, height * width * 5 // 4])
    luma = middles(y.reshape(height, width)[..., None])[:, 0]
    chroma = [middles(c.reshape(height // 2, width // 2)[..., None])[:, 0] - 128 for c in (cb, cr)]
    red, blue = MATRICES[1]
    light, u, v = (luma - 16) / 219, *(c / 224 for c in chroma)
    r, b = light + v * (2 - 2 * red), light + u * (2 - 2 * blue)
    return np.stack([r, (light - red * r - blue * b) / (1 - red - blue), b], axis=1) * 255


def same(pixels: np.ndarray) -> np.ndarray:
    return pixels


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("full", [False, True])
def test_colours_are_decoded_and_encoded_by_the_matrix_that_is_named(tmp_path, matrix, full):
    source = open_film(film(tmp_path / "x.mp4", matrix=matrix, full=full))
    first = next(frames(source))
    np.testing.assert_allclose(middles(first), COLOURS, atol=3)
    convert(source, tmp_path / "y.mp4", same, key={})
    np.testing.assert_allclose(shown(tmp_path / "y.mp4"), COLOURS, atol=4)


@pytest.mark.parametrize(("height", "matrix"), [(480, 6), (720, 1)])
def test_without_a_name_the_matrix_is_that_which_players_guess(tmp_path, height, matrix):
    source = open_film(film(tmp_path / "x.mp4", size=(96, height), matrix=matrix, named=False))
    np.testing.assert_allclose(middles(next(frames(source))), COLOURS, atol=3)


def test_our_own_films_name_their_matrix(tmp_path):
    bars = np.repeat(COLOURS[None].repeat(64, 0), 32, axis=1)
    write_video(tmp_path / "x.mp4", [bars] * 3)
    np.testing.assert_allclose(shown(tmp_path / "x.mp4"), COLOURS, atol=4)


def test_primaries_transfer_and_the_shape_of_pixels_are_carried_over(tmp_path):
    import av

    path = film(tmp_path / "x.mp4", matrix=9, aspect=Fraction(4, 3), primaries=9, transfer=14)
    convert(open_film(path), tmp_path / "y.mp4", lambda p: p.repeat(2, 0).repeat(2, 1), key={})
    with av.open(str(tmp_path / "y.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.sample_aspect_ratio == Fraction(4, 3)
        about = stream.codec_context
        assert (int(about.color_primaries), int(about.color_trc)) == (9, 14)
        assert (about.width, about.height) == (192, 128)


def test_the_shape_of_pixels_turns_with_the_film(tmp_path):
    import av

    path = film(tmp_path / "x.mp4", aspect=Fraction(4, 3))
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    data[at : at + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    convert(open_film(path), tmp_path / "y.mp4", same, key={})
    with av.open(str(tmp_path / "y.mp4")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(3, 4)
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height) == (64, 96)


def test_a_gif_has_square_pixels(tmp_path):
    from PIL import Image

    convert(open_film(film(tmp_path / "x.mp4", aspect=Fraction(4, 3))), tmp_path / "y.gif", same, key={})
    with Image.open(tmp_path / "y.gif") as image:
        assert image.size == (128, 64)


def test_what_is_lost_is_said(tmp_path, caplog):
    path = film(tmp_path / "x.mkv", matrix=9, primaries=9, transfer=16, pix_fmt="yuv420p10le")
    with caplog.at_level(logging.WARNING, "ganedit"):
        open_film(path)
    assert caplog.messages == [
        f"{path}: it is in HDR (PQ), and becomes an ordinary film of BT.709; its 10 bits per channel become 8"
    ]
    caplog.clear()
    with caplog.at_level(logging.WARNING, "ganedit"):
        open_film(film(tmp_path / "y.mp4"))
    assert caplog.messages == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_film_that_is_cut_short(tmp_path, suffix):
    path = film(tmp_path / f"x{suffix}", count=100)
    assert len(open_film(path).times) == 100
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"x\.\w+ (is cut short: [0-3]\.\d of 4\.0|cannot be read)"):
        open_film(path)
