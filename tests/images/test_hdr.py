"""HDR to ordinary light, against the values of the standards and ones worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ganedit.images.film import convert, frames, open_film
from ganedit.images.hdr import light_of, mapped, to_sdr

PQ, HLG = 16, 18


@pytest.mark.parametrize(
    ("transfer", "signal", "light"),
    [
        (PQ, 0.0, 0.0),
        (PQ, 0.5081, 100.0),  # ITU-R BT.2408, table 1 and annex: 58% is 203, 75% is 1000
        (PQ, 0.5807, 203.0),
        (PQ, 0.7518, 1000.0),
        (PQ, 1.0, 10_000.0),
        (HLG, 0.0, 0.0),
        (HLG, 0.5, 1000 * (1 / 12) ** 1.2),  # half the signal is 1/12 of the scene's light
        (HLG, 0.75, 203.0),
        (HLG, 1.0, 1000.0),
    ],
)
def test_light_of_a_signal(transfer, signal, light):
    found = light_of(np.full((1, 1, 3), signal, np.float64), transfer)
    assert found == pytest.approx(np.full((1, 1, 3), light), rel=3e-3, abs=1e-6)


def test_highlights_are_compressed_and_hues_kept():
    """x (1 + x / m²) / (1 + x), where x is light by white and m the brightest: m becomes 1, and white
    (1 + 1 / 4.926²) / 2 = 0.5206."""
    light = np.array([[0.0, 0, 0], [203, 203, 203], [1000, 1000, 1000], [4000, 4000, 4000], [203, 101.5, 0]])
    found = mapped(light)
    assert found[:3, 0] == pytest.approx([0, 0.5206, 1], abs=1e-4)
    assert found[3].tolist() == [1, 1, 1]
    assert found[4] == pytest.approx([0.5206, 0.2603, 0], abs=1e-4)


def test_pixels_become_those_of_an_ordinary_film():
    white, red = round(0.5807 * 65535), np.zeros((1, 1, 3), np.uint16)
    grey = to_sdr(np.full((2, 3, 3), white, np.uint16), PQ)
    assert (grey.shape, grey.dtype) == ((2, 3, 3), np.uint8)
    assert np.abs(grey.astype(int) - round(0.5206 ** (1 / 2.4) * 255)).max() <= 1  # 194
    red[..., 0] = white  # is outside of BT.709: 1.66 of its red, and nothing of the others
    x = 1.6605
    wanted = round((x * (1 + x / 24.27) / (1 + x)) ** (1 / 2.4) * 255)
    assert np.abs(to_sdr(red, PQ)[0, 0].astype(int) - [wanted, 0, 0]).max() <= 1
    narrow = to_sdr(red, PQ, wide=False)[0, 0].astype(int)
    assert np.abs(narrow - [194, 0, 0]).max() <= 1


def test_a_film_in_hdr_becomes_an_ordinary_one(tmp_path):
    av = pytest.importorskip("av")
    path, level = tmp_path / "x.mkv", round(0.5807 * 65535)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(5))
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p10le"
        about = stream.codec_context
        about.colorspace, about.color_range, about.color_primaries, about.color_trc = 9, 1, 9, PQ
        frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), level, np.uint16), format="rgb48le")
        for _ in range(3):
            container.mux(stream.encode(frame.reformat(format="yuv420p10le", dst_colorspace=9)))
        container.mux(stream.encode())
    film = open_film(path)
    for pixels in frames(film):
        assert np.abs(pixels.astype(int) - 194).max() <= 2
    convert(film, tmp_path / "y.mp4", lambda pixels: pixels, key={})
    with av.open(str(tmp_path / "y.mp4")) as container:
        about = container.streams.video[0].codec_context
        assert (int(about.color_primaries), int(about.color_trc), int(about.colorspace)) == (1, 1, 1)
    for pixels in frames(open_film(tmp_path / "y.mp4")):
        assert np.abs(pixels.astype(int) - 194).max() <= 4
