"""Photographs in and out, in all the kinds that people have."""

from __future__ import annotations

import errno
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from ganedit.errors import InputError
from ganedit.files import atomic_path, sha256_file
from ganedit.images.io import as_photo, list_images, read_image, read_provenance, write_image
from ganedit.images.pixels import resize, to_depth
from ganedit.images.provenance import COMPOSITE, SYNTHETIC, provenance
from ganedit.images.tensors import from_tensor, to_tensor


@pytest.fixture
def picture() -> np.ndarray:
    """A smooth uint8 picture [24, 32, 3], different in every corner and channel."""
    y, x = np.mgrid[0:24, 0:32]
    return np.stack([y * 10, x * 7, (x + y) * 4], axis=-1).astype(np.uint8)


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("grey", [False, True])
def test_lossless_formats_keep_everything(tmp_path, picture, suffix, depth, alpha, grey):
    """Pixels, alpha, greyness, 16 bits and the profile survive, with provenance beside them."""
    pixels = to_depth(picture, depth)
    pixels = pixels + (np.arange(32, dtype=depth)[:, None] if depth == np.uint16 else 0)
    if grey:
        pixels = np.repeat(pixels[..., :1], 3, axis=2)
    like = read_image(write_image(tmp_path / "like.png", picture))
    like.grey, like.icc = grey, SRGB
    like.alpha = picture[..., 1] if alpha else None
    record = provenance("edit", {"magnitude": 2.0}, "faces", "ab" * 32)
    back = read_image(write_image(tmp_path / f"x{suffix}", pixels, like=like, provenance=record))
    assert back.pixels.dtype == depth
    np.testing.assert_array_equal(back.pixels, pixels)
    if alpha:
        np.testing.assert_array_equal(back.alpha, to_depth(picture[..., 1], depth))
    else:
        assert back.alpha is None
    wide_tiff = suffix == ".tiff" and alpha and depth == np.uint16  # luminance with alpha is written as RGBA
    assert back.grey == (grey and not wide_tiff)
    assert back.icc == SRGB
    assert read_provenance(tmp_path / f"x{suffix}") == record


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_formats_reduce_16_bits(tmp_path, picture, suffix):
    back = read_image(write_image(tmp_path / f"x{suffix}", to_depth(picture, np.uint16)))
    assert back.pixels.dtype == np.uint8
    assert np.abs(back.pixels.astype(int) - picture).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, picture, orientation):
    """Pillow's own `exif_transpose` is the slow way to the same answer."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture).save(tmp_path / "x.png", exif=exif)
    with Image.open(tmp_path / "x.png") as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_image(tmp_path / "x.png").pixels, expected)


def test_cmyk_and_palette_become_rgb(tmp_path, picture):
    Image.fromarray(picture).convert("CMYK").save(tmp_path / "x.jpg", quality=100)
    cmyk = read_image(tmp_path / "x.jpg")
    assert cmyk.pixels.shape == picture.shape
    assert np.abs(cmyk.pixels.astype(int) - picture).mean() < 4
    flat = np.repeat(np.repeat(picture[:4, :4], 6, axis=0), 8, axis=1)  # 16 colours fit a palette
    palette = Image.fromarray(flat).convert("P", palette=Image.Palette.ADAPTIVE)
    palette.save(tmp_path / "p.png", transparency=0)
    indexed = read_image(tmp_path / "p.png")
    np.testing.assert_array_equal(indexed.pixels, flat)
    assert indexed.alpha is not None
    assert set(np.unique(indexed.alpha)) == {0, 255}


def _claim(width: int, height: int) -> bytes:
    """A PNG that claims a size in its header and holds no pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (head, data, b"IEND")
    )


def _jpeg(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.tile(picture, (8, 8, 1))).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "does not exist"),
        ("empty", "is empty"),
        ("text", "found text, beginning 'Dear diary"),
        ("binary", "another format"),
        ("zeros", "zero bytes"),
        ("truncated", "truncated"),
        ("bomb", "megapixels"),
        ("folder", "is a folder"),
    ],
)
def test_bad_files_are_named_with_what_was_found(tmp_path, picture, kind, words):
    path = tmp_path / "photo.png"
    content = {
        "empty": b"",
        "text": b"Dear diary, this is no image\nat all\n",
        "binary": bytes(range(128, 256)) * 8,
        "zeros": bytes(1000),
        "truncated": _jpeg(picture)[:900],
        "bomb": _claim(60000, 60000),
    }
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(content[kind])
    with pytest.raises(InputError, match=words) as caught:
        read_image(path)
    assert "photo.png" in caught.value.message


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_truncated_png_is_refused(tmp_path, depth):
    noise = np.random.default_rng(0).integers(0, np.iinfo(depth).max, (64, 64, 3)).astype(depth)
    path = write_image(tmp_path / "x.png", noise)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"truncated|damaged"):
        read_image(path)


def test_unwritable_folder(tmp_path, picture):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot write") as caught:
        write_image(tmp_path / "file" / "x.png", picture)
    assert caught.value.hint


def test_full_disk_leaves_nothing(tmp_path, picture, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match="no space left") as caught:
        write_image(tmp_path / "x.png", picture)
    assert "free some space" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_full_device_is_reported_as_such(tmp_path):
    def write() -> None:
        with atomic_path(tmp_path / "x.bin") as temporary:
            temporary.symlink_to("/dev/full")
            temporary.write_bytes(b"x" * 100_000)

    with pytest.raises(InputError, match="no space left"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_atomic_path_passes_other_failures_on(tmp_path):
    (tmp_path / "x.txt").write_text("old")

    def fail() -> None:
        with atomic_path(tmp_path / "x.txt") as temporary:
            temporary.write_text("half")
            raise KeyError("a bug")

    with pytest.raises(KeyError):
        fail()
    assert (tmp_path / "x.txt").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]


def test_unknown_suffix(tmp_path, picture):
    with pytest.raises(InputError, match=r"'\.xyz'"):
        write_image(tmp_path / "x.xyz", picture)


def test_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    assert sha256_file(tmp_path / "abc") == digest


def test_tensors_and_back(picture):
    tensor = to_tensor(picture)
    assert tensor.shape == (1, 3, 24, 32)
    np.testing.assert_array_equal(from_tensor(tensor), picture)
    wide = to_tensor(to_depth(picture, np.uint16))
    np.testing.assert_array_equal(from_tensor(wide), picture)
    assert from_tensor(tensor * 10).max() == 255


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_resize_keeps_flat_colour(dtype):
    flat = np.full((9, 7, 3), 99, dtype)
    for size in (5, (20, 3)):
        out = resize(flat, size)
        assert out.dtype == dtype
        assert out.shape[:2] == ((size, size) if isinstance(size, int) else size)
        np.testing.assert_allclose(out, 99, atol=1e-3)


def test_list_images(tmp_path):
    for name in ("b.JPG", "a.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [p.name for p in list_images(tmp_path)] == ["a.png", "b.JPG"]
    assert list_images(tmp_path / "a.png") == [tmp_path / "a.png"]
    (tmp_path / "sub").mkdir()
    for path in (tmp_path / "sub", tmp_path / "nowhere"):
        with pytest.raises(InputError):
            list_images(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_provenance_round_trip(tmp_path, picture, suffix):
    parameters = {"direction": "smile", "folder": Path("é")}
    record = provenance("edit", parameters, "faces", "00" * 32, source="me.jpg", composite=True)
    assert record["digital_source_type"] == COMPOSITE
    path = write_image(tmp_path / f"x{suffix}", picture, provenance=record)
    assert read_provenance(path) == record
    assert COMPOSITE.encode() in path.read_bytes()
    assert read_provenance(write_image(path, picture)) is None
    assert provenance("generate", {}, "faces")["digital_source_type"] == SYNTHETIC
    assert "digital_source_type" not in provenance("align", {})


def test_sides_that_a_format_cannot_hold_are_refused(tmp_path):
    for suffix, side in ((".webp", 16_384), (".jpg", 65_501)):
        with pytest.raises(InputError, match=f"side of {side} pixels"):
            write_image(tmp_path / f"long{suffix}", np.zeros((1, side, 3), np.uint8))
    write_image(tmp_path / "long.png", np.zeros((1, 65_501, 3), np.uint8))
    assert [p.name for p in tmp_path.iterdir()] == ["long.png"]


def test_a_tensor_can_be_written(tmp_path):
    image = torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1).expand(3, 2, 4)
    for tensor in (image, image[None]):
        pixels = read_image(write_image(tmp_path / "t.png", tensor)).pixels
        assert pixels.shape == (2, 4, 3)
        assert pixels[0, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("pixels", "problem"),
    [
        (np.zeros((4, 4, 3)), "uint8 or uint16, not float64"),
        (np.zeros((4, 4, 2), np.uint8), r"not \[4, 4, 2\]"),
        (torch.zeros(2, 3, 4, 4), r"not \[2, 3, 4, 4\]"),
        ([[1, 2]], "not list"),
    ],
)
def test_other_pixels_are_refused_by_a_sentence(tmp_path, pixels, problem):
    with pytest.raises(InputError, match=problem):
        write_image(tmp_path / "x.png", pixels)
    assert not list(tmp_path.iterdir())


def test_a_path_is_as_good_as_a_photo(portrait):
    photo = as_photo(str(portrait))
    assert photo.path == portrait
    assert as_photo(photo) is photo
    assert np.array_equal(as_photo(photo.pixels).pixels, photo.pixels)
    assert as_photo(photo.pixels[..., 0]).pixels.shape == photo.pixels.shape
