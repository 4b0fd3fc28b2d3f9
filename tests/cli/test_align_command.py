"""`ganedit align` on the photos that people have, good and bad."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

from ganedit.images.align import crop_from_affine
from ganedit.images.io import read_image, read_provenance, write_image
from ganedit.images.pixels import to_depth


@pytest.fixture(scope="module")
def photo(portrait) -> np.ndarray:
    return read_image(portrait).pixels[:300, 80:400]


@pytest.fixture(scope="module")
def crop(photo) -> np.ndarray:
    """What every kind of file that shows `photo` should give."""
    from ganedit.images.align import align_faces

    return align_faces(photo, size=64)[0][1].crop


def test_crop_carries_where_it_came_from(ganedit, photo, crop, tmp_path):
    write_image(tmp_path / "me.png", photo)
    ran = ganedit("align", "me.png", "--size", 64, "-o", "out", "--json")
    assert ran.status == 0, ran.err
    (result,) = ran.json
    assert result["path"] == "out/me.aligned.png"
    np.testing.assert_array_equal(read_image(tmp_path / "out/me.aligned.png").pixels, crop)
    record = read_provenance(tmp_path / "out/me.aligned.png")
    assert record["parameters"]["affine"] == result["affine"]
    np.testing.assert_array_equal(crop_from_affine(photo, np.array(result["affine"]), 64), crop)


@pytest.mark.parametrize("face", ["largest", "1", "all"])
def test_an_identical_request_is_done_already(ganedit, photo, tmp_path, face):
    write_image(tmp_path / "me.png", photo)
    run = ("align", "me.png", "--face", face, "--json")
    first = ganedit(*run, "--size", 64)
    made = (tmp_path / "me.aligned.png").stat().st_mtime_ns
    again = ganedit(*run, "--size", 64)
    assert again.status == 0, again.err
    assert "me.aligned.png is done already" in again.err
    assert {**again.json[0], "input": "me.png"} == first.json[0]
    refused = ganedit(*run, "--size", 32)
    assert (refused.status, (tmp_path / "me.aligned.png").stat().st_mtime_ns) == (2, made)
    assert "me.aligned.png is already there" in refused.err
    write_image(tmp_path / "me.png", photo[10:])
    assert ganedit(*run, "--size", 64).status == 2  # another photo


def save(kind: str, photo: np.ndarray, folder) -> str:
    """The photo in one of the kinds of files that cameras and programs make."""
    image, path = Image.fromarray(photo), folder / f"{kind}.png"
    if kind == "exif":
        exif = Image.Exif()
        exif[0x0112] = 6
        path = folder / "exif.jpg"
        image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=98)
    elif kind == "cmyk":
        path = folder / "cmyk.jpg"
        image.convert("CMYK").save(path, quality=98)
    elif kind == "grey":
        image.convert("L").save(path)
    elif kind == "alpha":
        image.putalpha(128)
        image.save(path)
    elif kind == "16bit":
        write_image(path, to_depth(photo, np.uint16))
    elif kind == "turned":
        image.transpose(Image.Transpose.ROTATE_90).save(path)
    return path.name


@pytest.mark.parametrize("kind", ["exif", "cmyk", "grey", "alpha", "16bit", "turned"])
def test_kinds_of_photos(ganedit, photo, crop, tmp_path, kind):
    name = save(kind, photo, tmp_path)
    ran = ganedit("align", name, "--size", 64)
    assert ran.status == 0, ran.err
    got = read_image(tmp_path / f"{kind}.aligned.png")
    expected = crop if kind != "grey" else np.array(Image.fromarray(crop).convert("L"))[..., None]
    assert got.grey == (kind == "grey")
    assert np.abs(got.pixels.astype(int) - expected).mean() < 6  # landmarks may move by a pixel


def test_two_faces(ganedit, photo, tmp_path):
    small = np.asarray(Image.fromarray(photo).resize((200, 188)))
    both = np.zeros((300, 520, 3), np.uint8)
    both[:, :320], both[:188, 320:] = photo, small
    write_image(tmp_path / "two.png", both)
    ran = ganedit("align", "two.png", "--face", "all", "--size", 32)
    assert ran.lines == ["two.aligned.png", "two.face2.aligned.png"], ran.err
    again = ganedit("align", "two.png", "--face", 2, "--size", 32, "--force")
    assert again.lines == ["two.face2.aligned.png"]
    missing = ganedit("align", "two.png", "--face", 3)
    assert missing.status == 3
    assert "found 2" in missing.err


def test_a_batch_that_fails_as_a_whole_says_why(ganedit, tmp_path):
    """The status of the reason, if there is one."""
    (tmp_path / "text.png").write_text("no image")
    assert ganedit("align", "a.png", "b.png", "text.png").status == 3
    (tmp_path / "a.aligned.png").write_text("something else")
    (tmp_path / "b.aligned.png").write_text("something else")
    (tmp_path / "a.png").write_text("no image")
    (tmp_path / "b.png").write_text("no image")
    assert ganedit("align", "a.png", "b.png").status == 2  # both results are there already
    assert ganedit("align", "a.png", "text.png").status == 1


def test_a_batch_survives_bad_inputs(ganedit, photo, tmp_path):
    write_image(tmp_path / "good.png", photo)
    (tmp_path / "text.png").write_text("no image")
    write_image(tmp_path / "whole.jpg", photo)
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:4000])
    write_image(tmp_path / "wall.png", np.full((80, 80, 3), 90, np.uint8))
    ran = ganedit("align", "text.png", "cut.jpg", "wall.png", "nowhere.png", "good.png", "-o", "out")
    assert ran.status == 1
    assert ran.lines == ["out/good.aligned.png"]
    for words in ("text.png", "found text", "cut.jpg", "truncated", "wall.png", "no face", "nowhere.png"):
        assert words in ran.err
    assert "Traceback" not in ran.err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["good.aligned.png"]


def test_no_face_alone_exits_with_3(ganedit, tmp_path):
    write_image(tmp_path / "wall.png", np.full((80, 80, 3), 90, np.uint8))
    ran = ganedit("align", "wall.png")
    assert (ran.status, ran.out) == (3, "")
    assert "tried 200x200, 320x320, quarter turns, turns by 30 degrees" in ran.err


def test_uncertain_spot(ganedit, portrait, tmp_path):
    """A badge that looks like a face is reported, not cropped; the named threshold crops it."""
    write_image(tmp_path / "suit.png", read_image(portrait).pixels[300:450])
    ran = ganedit("align", "suit.png")
    assert (ran.status, ran.out) == (3, "")
    lower = re.search(r"one uncertain spot at \d+, \d+ \((--threshold \S+) lets it through\)", ran.err)
    assert lower, ran.err
    assert ganedit("align", "suit.png", *lower[1].split()).status == 0


def test_own_landmarks(ganedit, shared, tmp_path):
    folder = shared / "golden" / "ffhq-align"
    ran = ganedit(
        "align",
        folder / "astronaut-rot25.photo.png",
        "--landmarks",
        folder / "astronaut-rot25.landmarks.json",
    )
    assert ran.status == 0, ran.err
    got = read_image(tmp_path / ran.lines[0]).pixels.astype(float)
    reference = read_image(folder / "astronaut-rot25.aligned256.png").pixels
    assert 10 * np.log10(255**2 / np.mean((got - reference) ** 2)) > 45


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--template", "closeup"), "close-up"),
        (("--size", "3"), "--size 3"),
        (("--face", "biggest"), "--face biggest"),
        (("--threshold", "nan"), "--threshold nan"),
        (("--like", "face"), "face"),
    ],
)
def test_wrong_usage(ganedit, photo, tmp_path, options, words):
    write_image(tmp_path / "me.png", photo)
    ran = ganedit("align", "me.png", *options)
    assert ran.status in (2, 3), ran.err
    assert words in ran.err
    assert ran.out == ""


def test_unwritable_folder(ganedit, photo, tmp_path):
    write_image(tmp_path / "me.png", photo)
    (tmp_path / "file").write_text("in the way")
    ran = ganedit("align", "me.png", "-o", "file/out")
    assert ran.status == 3
    assert "cannot write" in ran.err


def test_bad_landmarks(ganedit, photo, tmp_path):
    write_image(tmp_path / "me.png", photo)
    (tmp_path / "points.json").write_text(json.dumps([[1, 2]]))
    assert ganedit("align", "me.png", "--landmarks", "points.json").status == 3
    assert ganedit("align", "me.png", "me.png", "--landmarks", "points.json").status == 2
