"""`ganedit classify`: what it prints for classes, attributes and faces."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from ganedit.nets.lenet import LeNet, LeNetConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import save_model


@pytest.fixture
def brightness(tmp_path):
    """A classifier of two classes that sees how bright an image is."""
    network = LeNet(LeNetConfig(("dark", "bright"), side=16, widths=(1, 1), features=1))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.fill_(0.0 if name.endswith("bias") else 1.0)
        network.conv1.weight.div_(75)  # the mean of an image, if it is even
        network.conv2.weight.div_(25)
        network.head.weight.copy_(torch.tensor([[-5.0], [5.0]]))
        network.head.bias.copy_(torch.tensor([1.0, -1.0]))
    card = ModelCard("brightness", "classifier", "lenet", _plain(network.cfg), resolution=16)
    save_model(tmp_path / "brightness", card, network.state_dict())
    for name, level in (("black", 0), ("white", 255)):
        Image.fromarray(np.full((20, 30, 3), level, np.uint8)).save(tmp_path / f"{name}.png")
    return "brightness"


def _plain(config):
    return {"classes": list(config.classes), "side": 16, "widths": [1, 1], "features": 1}


def test_the_class_and_its_probability_are_printed(ganedit, brightness):
    ran = ganedit("classify", brightness, "black.png", "white.png")
    assert ran.status == 0, ran.err
    black, white = (line.split("\t") for line in ran.out.splitlines())
    assert black == ["black.png", "dark", "0.881"]  # 1 / (1 + exp(-2))
    assert white == ["white.png", "bright", "1.000"]


def test_json_has_every_class(ganedit, brightness):
    (told,) = ganedit("classify", brightness, "black.png", "--json").json
    assert (told["path"], told["class"], told["face"]) == ("black.png", "dark", None)
    assert told["found"] == pytest.approx({"dark": 0.8808, "bright": 0.1192}, abs=1e-4)


def test_faces_are_found_and_measured(ganedit, portrait):
    (told,) = ganedit("classify", "face-attributes", portrait, "--json").json
    assert told["face"] == 1
    assert told["found"]["smile"] > 0.9
    assert 15 < told["found"]["age"] < 60
    printed = ganedit("classify", "face-attributes", portrait).out
    assert "  smile        9" in printed


def test_what_cannot_be_classified_is_said(ganedit, brightness):
    assert ganedit("classify", brightness, "nothing.png").status == 3
    assert ganedit("classify", "brightnes", "black.png").status != 0
    ran = ganedit("classify", "face-attributes", "black.png")
    assert ran.status == 3
    assert "face" in ran.err
    ran = ganedit("classify", "faces", "black.png")
    assert "is not a classifier" in ran.err or "a classifier" in ran.err
    assert ganedit("classify", brightness, "black.png", "--face", "x").status == 2
