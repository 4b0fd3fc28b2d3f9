"""`ganedit restore` with a small network in the published layout."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganedit.images.io import read_image, read_provenance, write_image
from ganedit.images.provenance import COMPOSITE

spandrel = pytest.importorskip("spandrel.architectures.RestoreFormer")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    network = spandrel.RestoreFormer(
        ch=32, ch_mult=(1, 1, 1, 1, 1, 1), num_res_blocks=1, n_embed=8, embed_dim=32, z_channels=32
    )
    path = tmp_path_factory.mktemp("files") / "RestoreFormer.pth"
    torch.save({"params": network.state_dict()}, path)
    return str(path)


@pytest.fixture
def photo(portrait, tmp_path, monkeypatch):
    """me.png, whose one face is quickly found."""
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    write_image(tmp_path / "me.png", read_image(portrait).pixels[:300, 80:400])
    return read_image(tmp_path / "me.png").pixels


def test_the_face_of_a_photo_is_restored(ganedit, checkpoint, photo):
    ran = ganedit("restore", "me.png", "--model", checkpoint, "--scale", "1.5")
    assert ran.status == 0, ran.err
    result = read_image("me.restored.png")
    assert result.pixels.shape == (450, 480, 3)
    record = read_provenance("me.restored.png")
    assert record["digital_source_type"] == COMPOSITE
    assert record["parameters"]["scale"] == 1.5


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        ("--model FILE --fidelity 0.5", 2, ["no such weight as --fidelity"]),
        ("--model FILE --fidelity 2", 2, ["--fidelity 2.0 must be from 0 to 1"]),
        ("--model FILE --face none", 2, ["--face none"]),
        ("--model FILE --scale 0", 2, ["--scale 0.0 must be above 0"]),
        ("--model FILE --only-faces --background upscale-x4", 2, ["exclude each other"]),
        ("--model FILE --background FILE", 4, ["restores faces", "ganedit restore --model RestoreFormer"]),
        ("--model FILE --aligned", 3, ["320x300 pixels; an aligned crop is square", "--aligned"]),
        ("--model upscale-x4", 4, ["upscale-x4 is an upscaler", "ganedit upscale --model upscale-x4"]),
        ("--model inpaint-faces", 4, ["fills holes", "ganedit inpaint --model inpaint-faces"]),
        ("", 5, ["gfpgan is not here yet, but can be downloaded", "ganedit models pull gfpgan"]),
    ],
)
def test_what_is_refused(ganedit, checkpoint, photo, options, status, said):
    ran = ganedit("restore", "me.png", *options.replace("FILE", checkpoint).split())
    assert ran.status == status, ran.err
    for words in said:
        assert words in ran.err


def test_a_photo_without_a_face(ganedit, checkpoint, photo, tmp_path):
    write_image(tmp_path / "wall.png", photo[:60, :60] // 2 + 60)
    ran = ganedit("restore", "wall.png", "--model", checkpoint)
    assert ran.status == 3
    assert "no face" in ran.err
    assert "--aligned" in ran.err


def test_upscale_restores_the_faces_as_well(ganedit, checkpoint, photo, tmp_path):
    """The face is what `restore` makes of it, and the rest what `upscale` makes of it."""
    write_image(tmp_path / "wall.png", photo[:60, :60] // 2 + 60)
    common = ("me.png", "wall.png", "--model", "upscale-x4", "--scale", 1.5)
    plain = ganedit("upscale", *common, "-o", "plain")
    both = ganedit("upscale", *common, "--face", checkpoint, "-o", "both")
    assert (plain.status, both.status) == (0, 0), both.err
    restored = ganedit(
        "restore",
        "me.png",
        "--model",
        checkpoint,
        "--background",
        "upscale-x4",
        "--scale",
        1.5,
        "-o",
        "restored",
    )
    assert restored.status == 0, restored.err
    before, after, wanted = (
        read_image(f"{folder}/me.{word}.png").pixels
        for folder, word in (("plain", "upscaled"), ("both", "upscaled"), ("restored", "restored"))
    )
    assert np.array_equal(after, wanted)
    assert 0.05 < (before != after).any(axis=2).mean() < 0.9
    walls = [read_image(f"{folder}/wall.upscaled.png").pixels for folder in ("plain", "both")]
    assert np.array_equal(*walls)
    assert read_provenance("both/me.upscaled.png")["parameters"]["face"] == checkpoint


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        ("--face gfpgan", 5, "ganedit models pull gfpgan"),
        ("--face upscale-x4", 4, "upscale-x4 is an upscaler"),
        ("--face FILE --size 100", 2, "--face and --size exclude each other"),
    ],
)
def test_faces_that_upscale_refuses(ganedit, checkpoint, photo, options, status, said):
    argv = options.replace("FILE", checkpoint).split()
    ran = ganedit("upscale", "me.png", "--model", "upscale-x4", *argv)
    assert ran.status == status, ran.err
    assert said in ran.err


def test_upscale_names_the_command(ganedit, checkpoint, photo):
    ran = ganedit("upscale", "me.png", "--model", checkpoint)
    assert ran.status == 4
    assert "ganedit restore --model RestoreFormer" in ran.err
