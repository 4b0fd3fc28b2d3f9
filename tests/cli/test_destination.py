"""What -o names: a folder, or a file for one result; inputs of one name; subfolders."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ganedit.cli.kit.destination import Destination
from ganedit.errors import UsageError
from ganedit.files import IMAGE_WRITERS
from ganedit.images.io import read_image, write_image
from ganedit.latent.latent import Latent

CPU = ("--device", "cpu")


@pytest.fixture
def photo(portrait, tmp_path, tiny_faces):
    """me.png, with one face."""
    write_image(tmp_path / "me.png", read_image(portrait).pixels[:300, 80:400])
    return tmp_path / "me.png"


def test_the_formats_are_those_that_can_be_written(tmp_path):
    assert tuple(Destination(tmp_path).writers) == IMAGE_WRITERS
    for suffix in IMAGE_WRITERS:
        assert write_image(tmp_path / f"x{suffix}", np.zeros((4, 4, 3), np.uint8)).is_file()
    assert Destination(tmp_path / "out.jpg").file == tmp_path / "out.jpg"
    (tmp_path / "out.jpg").mkdir()
    assert Destination(tmp_path / "out.jpg").file is None
    assert Destination(tmp_path / "v1.2").file is None
    with pytest.raises(UsageError, match=r"cannot be '\.bmp'"):
        Destination(tmp_path / "out.bmp")


@pytest.mark.parametrize(
    ("words", "made"),
    [
        (("align", "me.png", "-o", "out.jpg"), ["out.jpg"]),
        (("draw", "sketch", "me.png", "-o", "out.png"), ["out.png"]),
        (("project", "me.png", "--method", "encode", *CPU, "-o", "out.png"), ["out.latent.safetensors"]),
        (
            ("edit", "me.png", "--direction", "smile", "--method", "encode", *CPU, "-o", "new/out.png"),
            ["new/out.png"],
        ),
        (
            (
                "edit",
                "me.png",
                "--direction",
                "smile",
                "--method",
                "encode",
                "--paste",
                *CPU,
                "-o",
                "out.jpg",
            ),
            ["out.jpg"],
        ),
        (("generate", "--seeds", "5", *CPU, "-o", "out.png"), ["out.png"]),
    ],
)
def test_a_name_with_the_suffix_of_an_image_is_a_file(ganedit, photo, tmp_path, words, made):
    ran = ganedit(*words)
    assert (ran.status, ran.lines) == (0, made), ran.err
    assert (tmp_path / made[0]).is_file()
    again = ganedit(*words)
    assert again.status == (0 if words[0] in ("align", "project", "edit") else 2)


def test_the_latent_lies_beside_the_file(ganedit, photo):
    ran = ganedit("edit", "me.png", "--direction", "smile", "--method", "encode", *CPU, "-o", "out.png")
    assert ran.status == 0, ran.err
    assert Latent.load("out.latent.safetensors").edits
    ran = ganedit("edit", "out.png", "--direction", "age", *CPU)
    assert (ran.status, ran.lines) == (0, ["out.age+1.png"]), ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("align", "me.png", "other.png"),
        ("draw", "sketch", "."),
        ("project", "me.png", "other.png"),
        ("edit", "me.png", "other.png", "--direction", "smile"),
        ("edit", "me.png", "--direction", "smile", "--sweep", "0:1:2"),
        ("edit", "me.png", "--direction", "smile", "--face", "all"),
        ("generate", "--seeds", "0-1"),
    ],
)
def test_a_file_for_several_results_is_refused(ganedit, photo, tmp_path, words):
    write_image("other.png", read_image(photo).pixels[:, ::-1])
    ran = ganedit(*words, "-o", "out.png")
    assert ran.status == 2
    assert "-o out.png names one file, and there are 2" in ran.err
    assert not (tmp_path / "out.png").exists()


def test_a_file_for_what_a_pipe_brings(ganedit, photo, tmp_path):
    write_image("other.png", read_image(photo).pixels[:, ::-1])
    ran = ganedit("draw", "sketch", "-", "-o", "out.png", stdin="me.png\nother.png\n")
    assert (ran.status, ran.lines) == (1, ["out.png"])
    assert "other.png: -o out.png names one file" in ran.err


def test_photos_of_one_name_keep_their_suffixes_apart(ganedit, photo, tmp_path):
    Image.open(photo).convert("RGB").save("me.jpg")
    (tmp_path / "both").mkdir()
    photo.rename(tmp_path / "both/me.png")
    (tmp_path / "me.jpg").rename(tmp_path / "both/me.jpg")
    ran = ganedit("edit", "both", "--direction", "smile", "--method", "encode", *CPU, "-o", "out")
    assert (ran.status, ran.lines) == (0, ["out/me.smile+1.png", "out/me.png.smile+1.png"]), ran.err
    assert Latent.load("out/me.png.latent.safetensors").source.endswith("both/me.png")
    ran = ganedit("align", "both", "-o", "crops")
    assert ran.lines == ["crops/me.aligned.png", "crops/me.png.aligned.png"], ran.err


def test_subfolders_are_named_and_taken_with_recursive(ganedit, tmp_path):
    grey = np.full((40, 40, 3), 128, np.uint8)
    for name in ("photos/a/one.png", "photos/b/one.png", "photos/.hidden/two.png"):
        write_image(tmp_path / name, grey)
    ran = ganedit("draw", "sketch", "photos", "-o", "out")
    assert ran.status == 3
    assert "but its subfolders do" in ran.err
    assert "--recursive" in ran.err
    ran = ganedit("draw", "sketch", "photos", "--recursive", "-o", "out")
    assert (ran.status, ran.lines) == (0, ["out/one.sketch.png", "out/b-one.sketch.png"]), ran.err
    assert ganedit("generate", "--recursive").status == 2  # there is no folder to search
