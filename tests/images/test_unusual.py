"""Files that Pillow alone does not read, and what is said about others."""

from __future__ import annotations

import builtins
import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from ganedit.errors import InputError, MissingError
from ganedit.images.io import read_image, read_provenance
from ganedit.images.orientation import TAG


def float_tiff(path, array, orientation=1):
    """A TIFF of 32-bit floats: as Pillow writes grey ones, as OpenCV writes those in colours."""
    if array.ndim == 2:
        Image.fromarray(array).save(path, tiffinfo={TAG: orientation})
    else:
        order = [2, 1, 0, 3][: array.shape[2]]  # 259, 1: uncompressed; OpenCV 4 writes logarithms otherwise
        path.write_bytes(
            cv2.imencode(".tiff", np.ascontiguousarray(array[..., order]), (259, 1))[1].tobytes()
        )
    return path


@pytest.mark.parametrize("channels", [0, 3, 4])
def test_floating_point_levels(tmp_path, caplog, channels):
    shape = (4, 6, channels) if channels else (4, 6)
    array = np.random.RandomState(0).rand(*shape).astype(np.float32)
    photo = read_image(float_tiff(tmp_path / "f.tiff", array))
    expected = np.rint(array * 65535).astype(np.uint16)
    assert np.array_equal(photo.pixels, expected[..., :3] if channels else expected[..., None].repeat(3, 2))
    assert photo.grey is (not channels)
    assert (photo.alpha is None) is (channels < 4)
    if channels == 4:
        assert np.array_equal(photo.alpha, expected[..., 3])
    assert not caplog.records
    assert read_provenance(tmp_path / "f.tiff") is None


def test_what_is_outside_is_clipped_with_a_note(tmp_path, caplog):
    array = np.full((2, 5, 3), 0.5, np.float32)
    array[0, 0], array[0, 1], array[1, 2, 1] = 7, -1, np.nan
    pixels = read_image(float_tiff(tmp_path / "f.tiff", array)).pixels
    assert pixels[0, 0].tolist() == [65535] * 3
    assert pixels[0, 1].tolist() == [0] * 3
    assert pixels[1, 2].tolist() == [32768, 0, 32768]
    assert "outside 0 to 1 are clipped (30.0% of them)" in caplog.text


def test_other_ranges_are_refused(tmp_path):
    for array, most in (
        (np.full((2, 2, 3), 200, np.float32), "200"),
        (np.full((2, 2), np.nan, np.float32), "no"),
    ):
        with pytest.raises(InputError, match=f"up to {most}"):
            read_image(float_tiff(tmp_path / "f.tiff", array))


def test_floats_are_turned_upright(tmp_path):
    array = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    pixels = read_image(float_tiff(tmp_path / "f.tiff", array, orientation=6)).pixels[..., 0]
    assert np.array_equal(pixels, np.rint(np.rot90(array, -1) * 65535).astype(np.uint16))


def test_a_cut_one_is_refused(tmp_path):
    path = float_tiff(tmp_path / "f.tiff", np.random.rand(64, 64, 3).astype(np.float32))
    data = path.read_bytes()
    for size in range(8, len(data), len(data) // 7):
        path.write_bytes(data[:size])
        with pytest.raises(InputError):
            read_image(path)


def test_a_claim_of_size_is_checked(tmp_path):
    path = float_tiff(tmp_path / "f.tiff", np.zeros((4, 4, 3), np.float32))
    data = path.read_bytes()
    entry = struct.pack("<HHIHH", 256, 3, 1, 4, 0)
    assert data.count(entry) == 1
    path.write_bytes(data.replace(entry, struct.pack("<HHII", 256, 4, 1, 10**9)))
    with pytest.raises(InputError, match="claims 1000000000x4 pixels"):
        read_image(path)


def test_openexr_is_named(tmp_path):
    (tmp_path / "x.exr").write_bytes(b"\x76\x2f\x31\x01\x02" + bytes(99))
    with pytest.raises(InputError, match="it is an OpenEXR file, which ganedit does not read"):
        read_image(tmp_path / "x.exr")


def test_lab_gains_no_transparency(tmp_path):
    Image.new("LAB", (4, 4), (120, 130, 140)).save(tmp_path / "lab.tiff")
    photo = read_image(tmp_path / "lab.tiff")
    assert photo.alpha is None
    assert not photo.grey
    assert np.abs(photo.pixels[0, 0].astype(int) - (121, 110, 91)).max() <= 1  # CIE L 47, a 2, b 12


def test_heic_names_what_is_missing(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "pillow_heif":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    (tmp_path / "x.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    with pytest.raises(MissingError, match="needs pillow-heif") as raised:
        read_image(tmp_path / "x.heic")
    assert "ganedit[heic]" in raised.value.hint


def test_heic_is_read_upright(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    picture = Image.new("RGB", (64, 32), (200, 40, 40))
    picture.paste((20, 40, 200), (0, 0, 32, 32))
    exif = Image.Exif()
    exif[TAG] = 6
    made = heif.from_pillow(picture)
    made.info["exif"] = exif.tobytes()
    made.save(tmp_path / "x.heic", quality=95)  # as cameras do: turned by the container, and said in EXIF too
    photo = read_image(tmp_path / "x.heic")
    assert photo.pixels.shape == (64, 32, 3)
    assert np.abs(photo.pixels[8, 16].astype(int) - (20, 40, 200)).max() < 12  # its left side is now on top
    assert np.abs(photo.pixels[56, 16].astype(int) - (200, 40, 40)).max() < 12
