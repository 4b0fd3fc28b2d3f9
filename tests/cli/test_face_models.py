"""Models of aligned faces on whole photos and films, with a tiny model."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import torch
from PIL import Image

from ganedit.images.align import TEMPLATES, align_faces
from ganedit.images.io import read_image, read_provenance, write_image
from ganedit.images.provenance import COMPOSITE
from ganedit.images.video import write_video
from ganedit.nets.resnet import ResNetConfig, ResNetGenerator
from ganedit.store.cards import ModelCard
from ganedit.store.load import save_model


@pytest.fixture
def model(tmp_path, monkeypatch):
    """`older`, a translator of close-ups of 32 pixels."""
    home = tmp_path / "home"
    network = ResNetGenerator(ResNetConfig(width=4, blocks=1))
    torch.manual_seed(0)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, 0, 0.3)
    card = ModelCard(
        "older", "translator", "resnet", asdict(network.cfg), 32, template="close-up", details={"size": 32}
    )
    save_model(home / "older", card, network.state_dict())
    monkeypatch.setenv("GANEDIT_HOME", str(home))


@pytest.fixture
def photo(portrait, tmp_path):
    """me.png, whose one face is quickly found."""
    write_image(tmp_path / "me.png", read_image(portrait).pixels[:300, 80:400])
    return read_image(tmp_path / "me.png").pixels


def test_only_the_face_of_a_photo_changes(ganedit, model, photo):
    ran = ganedit("translate", "me.png", "--model", "older")
    assert ran.status == 0, ran.err
    changed = (read_image("me.translated.png").pixels != photo).any(axis=2)
    assert 0.02 < changed.mean() < 0.3
    assert read_provenance("me.translated.png")["digital_source_type"] == COMPOSITE


def test_a_crop_is_changed_as_a_whole(ganedit, model, photo):
    ((_, face),) = align_faces(photo, size=32, template=TEMPLATES["close-up"])
    write_image("crop.png", face.crop)
    ran = ganedit("translate", "crop.png", "--model", "older", "--aligned")
    assert ran.status == 0, ran.err
    assert (read_image("crop.translated.png").pixels != face.crop).any(axis=2).mean() > 0.9


def test_without_a_face_it_says_so_and_goes_on(ganedit, model, photo):
    Image.new("RGB", (100, 80), "white").save("wall.png")
    ran = ganedit("translate", "wall.png", "me.png", "--model", "older")
    assert (ran.status, ran.lines) == (1, ["me.translated.png"])
    assert "wall.png: found no face" in ran.err
    assert "--aligned" in ran.err


def test_frames_without_a_face_stay(ganedit, model, photo):
    wall = np.full_like(photo, 255)
    write_video("some.gif", [photo, wall], fps=10)
    ran = ganedit("translate", "some.gif", "--model", "older")
    assert ran.status == 0, ran.err
    assert "1 of 2 frames show no face, and stay as they are" in ran.err
    write_video("none.gif", [wall, wall // 2], fps=10)
    ran = ganedit("translate", "none.gif", "--model", "older")
    assert ran.status != 0
    assert "no frame shows a face" in ran.err
