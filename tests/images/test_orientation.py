"""Photos and films that are stored on their side, or mirrored, are turned once: not twice, and not never."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ganedit.data.files import decode
from ganedit.data.label_maps import read_numbers
from ganedit.images.film import frames, open_film
from ganedit.images.io import read_image
from ganedit.images.labels import read_label_map

STORED = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
SEEN = {  # worked out by hand from the EXIF standard: where row 0 and column 0 of the stored picture are
    1: [[1, 2, 3], [4, 5, 6]],  # top, left
    2: [[3, 2, 1], [6, 5, 4]],  # top, right
    3: [[6, 5, 4], [3, 2, 1]],  # bottom, right
    4: [[4, 5, 6], [1, 2, 3]],  # bottom, left
    5: [[1, 4], [2, 5], [3, 6]],  # left, top
    6: [[4, 1], [5, 2], [6, 3]],  # right, top
    7: [[6, 3], [5, 2], [4, 1]],  # right, bottom
    8: [[3, 6], [2, 5], [1, 4]],  # left, bottom
}
LOSSLESS = {"PNG": {}, "TIFF": {}, "TIFF-LZW": {"compression": "tiff_lzw"}, "WEBP": {"lossless": True}}


def exif(orientation: int) -> Image.Exif:
    fields = Image.Exif()
    fields[0x0112] = orientation
    return fields


def tagged(tiff: bytes, orientation: int) -> bytes:
    """A TIFF of another program with an orientation in a directory at its end."""
    (at,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, at)
    entries = [struct.unpack_from("<HHI4s", tiff, at + 2 + 12 * i) for i in range(count)]
    entries.append((0x0112, 3, 1, struct.pack("<HH", orientation, 0)))
    entries.sort()
    end = struct.pack("<I", len(tiff))
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHI4s", *e) for e in entries)
    return tiff[:4] + end + tiff[8:] + directory + bytes(4)


@pytest.mark.parametrize("orientation", SEEN)
@pytest.mark.parametrize("kind", LOSSLESS)
@pytest.mark.parametrize("grey", [False, True])
def test_photos_of_8_bits(tmp_path, kind, orientation, grey):
    levels = STORED * 20
    stored = levels if grey else np.stack([levels, levels + 1, levels + 2], axis=-1)
    path = tmp_path / "x"
    Image.fromarray(stored).save(path, kind.split("-")[0], exif=exif(orientation), **LOSSLESS[kind])
    right = np.array(SEEN[orientation], np.uint8) * 20
    np.testing.assert_array_equal(read_image(path).pixels[..., 0], right)
    np.testing.assert_array_equal(np.asarray(decode(path.read_bytes()))[..., 0], right)


@pytest.mark.parametrize("orientation", SEEN)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("lzw", [False, True])
def test_tiffs_of_16_bits(tmp_path, orientation, channels, lzw):
    levels = STORED.astype(np.uint16) * 5000
    stored = levels if channels == 1 else np.stack([levels + i for i in range(channels)], axis=-1)
    options = [cv2.IMWRITE_TIFF_COMPRESSION, 5 if lzw else 1]
    tiff = cv2.imencode(".tiff", stored[..., [2, 1, 0, 3][:channels]] if channels > 1 else stored, options)
    (tmp_path / "x.tiff").write_bytes(tagged(tiff[1].tobytes(), orientation))
    photo = read_image(tmp_path / "x.tiff")
    right = np.array(SEEN[orientation], np.uint16) * 5000
    np.testing.assert_array_equal(photo.pixels[..., 0], right)
    np.testing.assert_array_equal(photo.pixels[..., 2], right + (2 if channels > 1 else 0))
    assert photo.grey == (channels == 1)
    if channels == 4:
        np.testing.assert_array_equal(photo.alpha, right + 3)


@pytest.mark.parametrize("orientation", [3, 6])
def test_pngs_of_16_bits(tmp_path, orientation):
    levels = STORED.astype(np.uint16) * 5000
    png = cv2.imencode(".png", np.stack([levels] * 3, axis=-1))[1].tobytes()
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "PNG", exif=exif(orientation))
    at = buffer.getvalue().index(b"eXIf") - 4
    chunk = buffer.getvalue()[at : buffer.getvalue().index(b"IDAT") - 4]
    (tmp_path / "x.png").write_bytes(png[:33] + chunk + png[33:])
    right = np.array(SEEN[orientation], np.uint16) * 5000
    np.testing.assert_array_equal(read_image(tmp_path / "x.png").pixels[..., 1], right)


@pytest.mark.parametrize("orientation", SEEN)
def test_jpegs_and_avif(tmp_path, orientation):
    """These lose a little, so that they hold one dark corner instead of six levels."""
    stored = np.full((32, 48), 255, np.uint8)
    stored[:16, :16] = 0
    right = np.repeat(np.repeat(np.array(SEEN[orientation]) == 1, 16, axis=0), 16, axis=1)
    for suffix in (".jpg", ".avif"):
        Image.fromarray(stored).save(tmp_path / f"x{suffix}", exif=exif(orientation))
        np.testing.assert_array_equal(read_image(tmp_path / f"x{suffix}").pixels[..., 0] < 128, right)


@pytest.mark.parametrize("orientation", [2, 6])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_label_maps(tmp_path, kind, orientation):
    path = tmp_path / "x"
    Image.fromarray(STORED).save(path, kind, exif=exif(orientation))
    np.testing.assert_array_equal(read_label_map(path).labels, SEEN[orientation])
    np.testing.assert_array_equal(read_numbers(path.read_bytes(), "x"), SEEN[orientation])


MATRICES = {  # as EXIF counts: a b c d of the display matrix, which moves (p, q) to (a p + c q, b p + d q)
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}


def film_turned(path: Path, orientation: int) -> Path:
    """An MP4 of 48 x 32 with a dark corner at the top left, to be shown turned as EXIF would say it."""
    import av

    pixels = np.full((32, 48, 3), 255, np.uint8)
    pixels[:16, :16] = 0
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        for _ in range(3):
            out.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(video.encode())
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # of the matrix in a track header of version 0
    a, b, c, d = (65536 * n for n in MATRICES[orientation])
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("orientation", MATRICES)
def test_films(tmp_path, orientation):
    film = open_film(film_turned(tmp_path / "x.mp4", orientation))
    right = np.repeat(np.repeat(np.array(SEEN[orientation]) == 1, 16, axis=0), 16, axis=1)
    for frame in frames(film):
        np.testing.assert_array_equal(frame[..., 0] < 128, right)
