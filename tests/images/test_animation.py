"""Animated GIF, WebP and PNG files: all frames, their delays, the loops, and nothing silently cut."""

from __future__ import annotations

import io
import json
import logging
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganedit.errors import InputError
from ganedit.images.film import convert, frames, is_film, open_film
from ganedit.images.io import read_image, read_provenance
from ganedit.images.provenance import provenance

LEVELS = (0, 60, 120, 180)
DELAYS = (40, 80, 120, 900)
SUFFIXES = (".gif", ".webp", ".png")


def animation(path: Path, *, loop: int | None = 3, delays: tuple[int, ...] = DELAYS, **more) -> Path:
    """Four frames of 12 x 8, each of one grey."""
    images = [Image.new("RGB", (12, 8), (level,) * 3) for level in LEVELS[: len(delays)]]
    options = {} if loop is None else {"loop": loop}
    kind = {"lossless": True} if path.suffix == ".webp" else {}
    images[0].save(path, save_all=True, append_images=images[1:], duration=delays, **options, **kind, **more)
    return path


def shown(path: Path) -> list[tuple[int, int]]:
    """The level and the delay of each frame, as Pillow reads them."""
    with Image.open(path) as image:
        found = []
        for i in range(image.n_frames):
            image.seek(i)
            level = int(np.asarray(image.convert("RGB"))[4, 4, 0])
            found.append((level, round(image.info["duration"])))
        return found


def lighter(pixels: np.ndarray) -> np.ndarray:
    """Twice as large and 20 levels lighter."""
    return np.repeat(np.repeat(pixels, 2, 0), 2, 1) + np.uint8(20)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("loop", [0, 1, 3])
def test_every_frame_its_delay_and_the_loops(tmp_path, suffix, loop):
    path = animation(tmp_path / f"x{suffix}", loop=loop)
    assert is_film(path)
    record = provenance("upscale", {}, "larger", "ab" * 32)
    target = tmp_path / f"y{suffix}"
    assert convert(open_film(path), target, lighter, key={}, comment=json.dumps(record)) == []
    assert shown(target) == [(level + 20, delay) for level, delay in zip(LEVELS, DELAYS, strict=True)]
    with Image.open(target) as image:
        assert image.size == (24, 16)
        assert image.info["loop"] == loop
    assert read_provenance(target) == record
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name, target.name]


def test_a_gif_that_plays_once(tmp_path):
    path = animation(tmp_path / "x.gif", loop=None)
    convert(open_film(path), tmp_path / "y.gif", lighter, key={})
    with Image.open(tmp_path / "y.gif") as image:
        assert "loop" not in image.info


def test_delays_in_an_mp4(tmp_path):
    """The frames are shown from 0, 40, 120 and 240 ms on, the last of them for 900 ms."""
    import av

    convert(open_film(animation(tmp_path / "x.webp")), tmp_path / "y.mp4", lighter, key={})
    with av.open(str(tmp_path / "y.mp4")) as film:
        stream = film.streams.video[0]
        packets = [p for p in film.demux(stream) if p.size]
    assert [float(p.pts * p.time_base) for p in packets] == [0, 0.04, 0.12, 0.24]
    assert float(packets[-1].duration * packets[-1].time_base) == 0.9


def test_the_last_frame_of_a_film_keeps_its_time(tmp_path):
    """A film of three frames, of which the last is shown for 700 ms, becomes a GIF of the same delays."""
    import av

    with av.open(str(tmp_path / "x.mp4"), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"bf": "0"})
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        packets = []
        for i in range(3):
            pixels = np.full((32, 32, 3), 80 * i, np.uint8)
            packets += video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24"))
        packets += video.encode()
        for packet, start, length in zip(packets, (0, 100, 300), (100, 200, 700), strict=True):
            packet.pts = packet.dts = start
            packet.duration = length
            packet.time_base = Fraction(1, 1000)
            out.mux(packet)
    film = open_film(tmp_path / "x.mp4")
    convert(film, tmp_path / "y.gif", lambda pixels: pixels, key={})
    assert [delay for _, delay in shown(tmp_path / "y.gif")] == [100, 200, 700]


def test_transparent_parts_are_white_and_a_delay_of_0_is_what_viewers_show(tmp_path):
    clear = [Image.new("RGBA", (8, 8), (0, 0, 0, a)) for a in (0, 255)]
    clear[0].save(tmp_path / "x.webp", save_all=True, append_images=clear[1:], duration=0, lossless=True)
    film = open_film(tmp_path / "x.webp")
    assert film.animation is not None
    assert film.animation.transparent
    assert film.animation.delays == (100, 100)
    assert [int(f.max()) for f in frames(film)] == [255, 0]


def test_the_default_image_of_a_png_is_no_frame(tmp_path):
    images = [Image.new("RGB", (8, 8), (level,) * 3) for level in (250, 10, 20)]
    images[0].save(
        tmp_path / "x.png", save_all=True, append_images=images[1:], default_image=True, duration=[50, 70]
    )
    film = open_film(tmp_path / "x.png")
    assert film.animation is not None
    assert film.animation.delays == (50, 70)
    assert [int(f.max()) for f in frames(film)] == [10, 20]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_cut_short(tmp_path, suffix):
    path = animation(tmp_path / f"x{suffix}")
    path.write_bytes(path.read_bytes()[:-40])
    if is_film(path):
        with pytest.raises(InputError, match="truncated or damaged"):
            open_film(path)
    else:
        with pytest.raises(InputError, match=r"truncated|damaged"):
            read_image(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_where_only_a_still_is_read_it_is_said(tmp_path, suffix, caplog):
    path = animation(tmp_path / f"x{suffix}")
    with caplog.at_level(logging.WARNING, "ganedit"):
        assert read_image(path).pixels.max() == 0
    assert caplog.messages == [f"{path} has 4 frames; only the first is used"]


def test_pages_of_a_tiff(tmp_path, caplog):
    pages = [Image.new("RGB", (12, 8), (level,) * 3) for level in LEVELS[1:]]
    exif = Image.Exif()
    exif[0x0112] = 6
    pages[0].save(tmp_path / "x.tiff", save_all=True, append_images=pages[1:], exif=exif)
    with caplog.at_level(logging.WARNING, "ganedit"):
        photo = read_image(tmp_path / "x.tiff")
    assert photo.pixels.shape == (12, 8, 3)
    assert (photo.pixels == 60).all()
    assert caplog.messages == [f"{tmp_path / 'x.tiff'} has 3 pages; only the first is used"]
    assert not is_film(tmp_path / "x.tiff")


def test_reduced_copies_in_a_tiff_and_extra_pictures_in_a_jpeg_are_no_pages(tmp_path, caplog):
    large, small = Image.new("RGB", (12, 8)), Image.new("RGB", (6, 4))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    buffer = io.BytesIO()
    large.save(buffer, "TIFF", save_all=True, append_images=[small])
    (tmp_path / "x.tiff").write_bytes(buffer.getvalue())
    large.save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=[large])
    with caplog.at_level(logging.WARNING, "ganedit"):
        read_image(tmp_path / "x.tiff")
        read_image(tmp_path / "x.jpg")
    assert caplog.messages == []
