"""Photos in other colour spaces than sRGB: networks see sRGB, and results are in the photo's own colours."""

from __future__ import annotations

import io
import logging
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageCms
from profiles import P3, PROPHOTO, PROPHOTO_GAMMA, SRGB_CURVE, colours, converted, greys
from torch import nn

from ganedit.data.files import decode
from ganedit.images import colour
from ganedit.images.encode import encode
from ganedit.images.inpainting import box_hole, inpaint
from ganedit.images.io import own_pixels, read_image, write_image
from ganedit.images.labels import Palette, read_label_map
from ganedit.images.pixels import to_depth
from ganedit.images.translation import translate
from ganedit.images.upscaling import upscale
from ganedit.store.cards import ModelCard
from ganedit.store.models import Translator, Upscaler

DISPLAY, WIDE, GREY = colours(P3, SRGB_CURVE), colours(PROPHOTO, PROPHOTO_GAMMA), greys(PROPHOTO_GAMMA)


@pytest.fixture
def picture() -> np.ndarray:
    """Smooth colours [24, 32, 3] uint8."""
    y, x = np.mgrid[0:24, 0:32]
    return np.stack([60 + y * 6, 40 + x * 5, 30 + (x + y) * 3], axis=-1).astype(np.uint8)


class Repeat(nn.Module):
    """An upscaler that repeats pixels."""

    scale = 2

    def forward(self, x):
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


class Negative(nn.Module):
    """A translator that turns white into black."""

    cfg = SimpleNamespace(in_channels=3, labels=0, two_way=False, multiple=1, smallest=1)

    def forward(self, x):
        return -x


class Black(nn.Module):
    """An inpainting network that draws nothing but black."""

    cfg = SimpleNamespace(in_channels=4, labels=0, two_way=False, multiple=1, smallest=1)

    def forward(self, x):
        return x[:, :3] * 0 - 1


def upscaler() -> Upscaler:
    return Upscaler(ModelCard("twice", "upscaler", "repeat", {}), Repeat())


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_pure_colours(tmp_path, depth):
    """The red of sRGB is 234 51 35 in Display P3 (CSS Color 4 has 0.91749 0.20029 0.13856), and a grey of
    level x in ProPhoto has the light (x / 255) ** 1.8."""
    stored = to_depth(np.array([[[234, 51, 35], [128, 128, 128]]], np.uint8), depth)
    photo = read_image(write_image(tmp_path / "x.png", stored))
    assert photo.icc is None
    white = np.iinfo(depth).max / 255
    seen = colour.to_srgb(stored, DISPLAY) / white
    np.testing.assert_allclose(seen, [[[255, 0, 0], [128, 128, 128]]], atol=0.6)
    back = colour.from_srgb(to_depth(np.array([[[255, 0, 0]]], np.uint8), depth), DISPLAY) / white
    np.testing.assert_allclose(back, [[[233.96, 51.07, 35.33]]], atol=0.5 if depth == np.uint8 else 0.05)
    light = (128 / 255) ** 1.8
    level = 255 * (1.055 * light ** (1 / 2.4) - 0.055)  # 146.4
    for icc in (WIDE, GREY):
        seen = colour.to_srgb(stored[:, 1:], icc) / white
        np.testing.assert_allclose(seen, level, atol=0.6 if depth == np.uint8 else 0.02)


@pytest.mark.parametrize("icc", [DISPLAY, WIDE], ids=["P3", "ProPhoto"])
def test_16_bits_agree_with_littlecms(icc):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    for convert in (colour.to_srgb, colour.from_srgb):
        deep = convert(to_depth(pixels, np.uint16), icc) / 257
        np.testing.assert_allclose(convert(pixels, icc), deep, atol=1)


@pytest.mark.parametrize("icc", [DISPLAY, WIDE], ids=["P3", "ProPhoto"])
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jpg", ".webp"])
def test_one_photo_in_three_colour_spaces_is_one_photo(tmp_path, picture, icc, suffix):
    path = tmp_path / f"x{suffix}"
    options = {".jpg": {"quality": 100, "subsampling": 0}, ".webp": {"lossless": True}}.get(suffix, {})
    converted(picture, icc).save(path, icc_profile=icc, **options)
    photo = read_image(path)
    assert np.abs(photo.pixels.astype(int) - picture).mean() < 1.5
    assert np.abs(np.asarray(decode(path.read_bytes())).astype(int) - picture).mean() < 1.5
    again = read_image(write_image(tmp_path / "again.png", photo.pixels, like=photo))
    assert again.icc == icc
    with Image.open(path) as before, Image.open(tmp_path / "again.png") as after:
        np.testing.assert_array_equal(np.asarray(before.convert("RGB")), np.asarray(after))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_colours_beyond_srgb_survive(tmp_path, depth):
    """The green of Display P3 is beyond sRGB; changing another pixel, and upscaling, must not change it."""
    stored = np.zeros((4, 4, 3), depth)
    stored[..., 1] = np.iinfo(depth).max
    path = tmp_path / "x.tiff"
    path.write_bytes(encode(".tiff", stored, None, False, DISPLAY, None, 95))
    photo = read_image(path)
    assert colour.from_srgb(photo.pixels, DISPLAY)[0, 0, 0] > 0  # what would happen without care
    pixels = photo.pixels.copy()
    pixels[0, 0] = 0
    back = own_pixels(read_image(write_image(tmp_path / "y.tiff", pixels, like=photo)))
    np.testing.assert_array_equal(back[1:], stored[1:])
    large = upscale(photo, upscaler())
    np.testing.assert_array_equal(own_pixels(large), np.repeat(np.repeat(stored, 2, 0), 2, 1))


@pytest.mark.parametrize(("depth", "other"), [(np.uint8, np.uint16), (np.uint16, np.uint8)])
def test_results_of_another_depth(tmp_path, depth, other):
    """8-bit results of 16-bit photos, and the other way around, keep colours beyond sRGB as well."""
    stored = np.zeros((4, 4, 3), depth)
    stored[..., 1] = np.iinfo(depth).max
    (tmp_path / "x.tiff").write_bytes(encode(".tiff", stored, None, False, DISPLAY, None, 95))
    photo = read_image(tmp_path / "x.tiff")
    back = own_pixels(photo, to_depth(photo.pixels, other)).astype(int)
    assert np.abs(back - to_depth(stored, other)).max() <= (1 if other == np.uint8 else 257)


def test_upscaled_photos_are_in_their_profile(tmp_path, picture):
    converted(picture, WIDE).save(tmp_path / "x.png", icc_profile=WIDE)
    Image.fromarray(picture).save(tmp_path / "y.png")
    wide, plain = (upscale(read_image(tmp_path / name), upscaler()) for name in ("x.png", "y.png"))
    assert np.abs(wide.pixels.astype(int) - plain.pixels).max() <= 3
    write_image(tmp_path / "large.png", wide.pixels, like=wide)
    with Image.open(tmp_path / "large.png") as image:
        assert image.info["icc_profile"] == WIDE
        small = np.asarray(image)[::2, ::2].astype(int)
    assert np.abs(small - np.asarray(converted(picture, WIDE))).max() <= 3


def test_translated_photos_are_in_srgb(tmp_path, picture):
    converted(picture, DISPLAY).save(tmp_path / "x.png", icc_profile=DISPLAY)
    photo = read_image(tmp_path / "x.png")
    model = Translator(ModelCard("negative", "translator", "negative", {}), Negative())
    result = translate(photo, model)
    assert (result.icc, result.lost) == (None, None)
    np.testing.assert_array_equal(result.pixels, 255 - photo.pixels)


def test_grey_profiles(tmp_path):
    """A level of 128 with a gamma of 1.8 is the sRGB level 146, and is written back as 128."""
    Image.new("L", (4, 3), 128).save(tmp_path / "x.png", icc_profile=GREY)
    photo = read_image(tmp_path / "x.png")
    assert photo.grey
    assert (photo.pixels == 146).all()
    for suffix in (".png", ".tiff", ".jpg"):
        with Image.open(write_image(tmp_path / f"y{suffix}", photo.pixels, like=photo)) as image:
            assert image.mode == "L"
            assert (np.asarray(image) == 128).all()
            assert image.info["icc_profile"] == GREY
    with Image.open(write_image(tmp_path / "y.webp", photo.pixels, like=photo)) as image:  # has no grey
        assert "icc_profile" not in image.info
        assert np.abs(np.asarray(image).astype(int) - 146).max() <= 1
    replaced = replace(photo, grey=False)  # such as colours that were added
    with Image.open(write_image(tmp_path / "z.png", photo.pixels, like=replaced)) as image:
        assert "icc_profile" not in image.info
        assert (np.asarray(image) == 146).all()


@pytest.mark.parametrize(
    ("icc", "said"), [(b"no profile", "is damaged"), (DISPLAY[:300], "is damaged"), (GREY, "is for L pixels")]
)
def test_broken_profiles_are_named_and_ignored(tmp_path, picture, caplog, icc, said):
    Image.fromarray(picture).save(tmp_path / "x.png", icc_profile=icc)
    with caplog.at_level(logging.WARNING, "ganedit"):
        photo = read_image(tmp_path / "x.png")
    np.testing.assert_array_equal(photo.pixels, picture)
    assert photo.icc is None
    (message,) = caplog.messages
    assert f"x.png: its colour profile {said}" in message
    np.testing.assert_array_equal(decode((tmp_path / "x.png").read_bytes()), picture)


def test_a_cmyk_photo_with_a_broken_profile(tmp_path, picture, caplog):
    inks = Image.fromarray(picture).convert("CMYK")
    inks.save(tmp_path / "x.tiff", icc_profile=DISPLAY)
    with caplog.at_level(logging.WARNING, "ganedit"):
        photo = read_image(tmp_path / "x.tiff")
    np.testing.assert_array_equal(photo.pixels, np.asarray(inks.convert("RGB")))
    assert "is for RGB pixels, not for CMYK" in caplog.text
    assert photo.icc is None


def test_profiles_that_mean_srgb_change_nothing(tmp_path, picture):
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(picture).save(tmp_path / "x.png", icc_profile=made)
    photo = read_image(tmp_path / "x.png")
    assert (photo.icc, photo.lost) == (made, None)
    np.testing.assert_array_equal(photo.pixels, picture)


def test_label_maps_keep_the_numbers_of_their_file(tmp_path):
    """A viewer's profile on a label map does not change which label is meant."""
    drawn = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 0, 0]]], np.uint8)
    Image.fromarray(drawn).save(tmp_path / "x.png", icc_profile=DISPLAY)
    palette = Palette(np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8))
    np.testing.assert_array_equal(read_label_map(tmp_path / "x.png", palette).labels, [[0, 1], [2, 0]])


def test_only_the_hole_changes(tmp_path):
    rng = np.random.default_rng(1)
    stored = rng.integers(0, 256, (40, 48, 3), np.uint8)  # many are beyond sRGB
    Image.fromarray(stored).save(tmp_path / "x.png", icc_profile=WIDE)
    photo = read_image(tmp_path / "x.png")
    model = Translator(ModelCard("black", "translator", "unet", {}, details={"use": "inpaint"}), Black())
    filled = inpaint(photo, box_hole(photo, (10, 8, 6, 5)), model, size=32)
    write_image(tmp_path / "y.png", filled.pixels, like=filled)
    with Image.open(tmp_path / "y.png") as image:
        back = np.asarray(image)
    changed = (back != stored).any(axis=2)
    assert changed[8:13, 10:16].all()
    assert changed.sum() == 5 * 6


def test_scanners_profiles_lead_one_way(monkeypatch, tmp_path, picture):
    """What cannot be written back stays sRGB, without a profile."""
    monkeypatch.setattr(colour, "leads_back", lambda icc: False)
    converted(picture, WIDE).save(tmp_path / "x.png", icc_profile=WIDE)
    photo = read_image(tmp_path / "x.png")
    assert photo.icc is None
    assert np.abs(photo.pixels.astype(int) - picture).mean() < 1.5


def test_icc_bytes_are_not_all_trusted():
    """A profile without tags is damaged, not a crash."""
    assert colour.problem_of(WIDE[:128] + bytes(4), "RGB") == "is damaged"
    assert colour.problem_of(io.BytesIO(b"").read(), "RGB") == "is damaged"
