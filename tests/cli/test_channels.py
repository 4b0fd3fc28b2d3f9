"""`ganedit direction channels`, and directions of a training run, with tiny models."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import torch
from PIL import Image
from reference import reference_file

from ganedit.images.io import read_provenance, write_image
from ganedit.latent.directions.direction import Direction
from ganedit.nets.classifier import Classifier, ClassifierConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import save_model

CHANNELS = ("direction", "channels", "--device", "cpu", "--samples", 8, "--count", 2)


@pytest.fixture
def judge(tiny_faces):
    """A classifier of that name."""
    torch.manual_seed(0)
    network = Classifier(ClassifierConfig(("smile",), ("age",), (40.0,), (20.0,), (4, 4, 4, 4)))
    config = {key: list(value) for key, value in asdict(network.cfg).items()}
    save_model(
        tiny_faces / "judge", ModelCard("judge", "classifier", "classifier", config), network.state_dict()
    )


def test_channels_that_move_an_attribute(ganedit, judge, tmp_path):
    find = (*CHANNELS, "--attribute", "age", "--classifier", "judge")
    ran = ganedit(*find, "--json", "-o", "age.png", "--faces", 1, "--magnitude", 5)
    assert ran.status == 0, ran.err
    first, second, sheet = ran.json
    assert set(first["effects"]) == {"smile", "age"}
    assert abs(first["scores"]["age"]) >= abs(second["scores"]["age"])
    assert first["magnitude"] == 5
    assert "share_in_region" not in first
    assert sheet["channels"] == [first["channel"], second["channel"]]
    assert read_provenance("age.png")["parameters"]["directions"] == sheet["channels"]
    assert Image.open("age.png").width > 7 * 96
    ran = ganedit(*find)
    assert ran.lines[0].split()[0] == first["channel"]
    assert ran.err.split()[:5] == ["channel", "px", "use", "smile", "age"]


def test_channels_of_a_mask_and_of_a_region(ganedit, tiny_faces, tmp_path):
    mask = np.zeros((64, 64, 3), np.uint8)
    mask[:, :32] = 255
    write_image(tmp_path / "mask.png", mask)
    ran = ganedit(*CHANNELS, "--mask", "mask.png", "--json")
    assert ran.status == 0, ran.err
    assert all(0.3 < row["share_in_region"] <= 1 for row in ran.json)
    ran = ganedit(*CHANNELS, "--region", "background")
    assert ran.status == 0, ran.err
    assert ran.err.rstrip().endswith("in region  share")
    assert ran.lines[0].endswith("%")


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        ([], 2, "--attribute smile"),
        (["--region", "ear"], 2, "no region ear"),
        (["--region", "mouth", "--mask", "a.png"], 2, "exclude each other"),
        (["--region", "mouth", "--count", "0"], 2, "--count 0"),
        (["--region", "mouth", "--magnitude", "nan"], 2, "--magnitude"),
        (["--region", "mouth", "--samples", "2"], 2, "--samples 2"),
        (["--mask", "missing.png"], 3, "missing.png"),
        (["--mask", "black.png"], 3, "entirely black"),
        (["--attribute", "hair", "--classifier", "judge"], 2, "no attribute hair"),
        (["--attribute", "smile", "--classifier", "faces"], 4, "not a classifier"),
    ],
)
def test_refusals(ganedit, judge, tmp_path, options, status, told):
    write_image(tmp_path / "black.png", np.zeros((8, 8, 3), np.uint8))
    ran = ganedit(*CHANNELS, *options)
    assert (ran.status, told in ran.err) == (status, True), ran.err


def test_a_stylegan1_has_no_channels(ganedit, tiny_faces):
    ran = ganedit(*CHANNELS, "--region", "mouth", "--model", reference_file("genforce-stylegan1.pth"))
    assert ran.status == 4
    assert "--method ganspace works with it" in ran.err


# ---- directions that a run learned ----


def test_train_voynov_and_take_its_directions(ganedit, tiny_faces, tmp_path):
    sizes = ("--count", 3, "--widths", "8,8", "--batch", 4, "--kimg", 0.008)
    ran = ganedit("train", "voynov", "-o", "run", *sizes, "--device", "cpu", "--dtype", "float32")
    assert ran.status == 0, ran.err
    discover = ("direction", "discover", "--method", "voynov", "--device", "cpu", "--faces", 1)
    ran = ganedit(*discover, "--run", "run", "--count", 2)
    assert ran.status == 0, ran.err
    folder = tiny_faces / "directions" / "faces"
    assert ran.lines == [
        f"{folder}/voynov-0.safetensors",
        f"{folder}/voynov-1.safetensors",
        "voynov.sheet.png",
    ]
    assert Direction.load(folder / "voynov-0.safetensors").method == "Voynov & Babenko"
    assert ganedit("direction", "name", "faces/voynov-1", "tilt").status == 0
    for options, status, told in [
        ([], 2, "ganedit train voynov"),
        (["--run", "nothing", "--name", "x"], 3, "nothing holds no directions"),
        (["--run", "run", "--name", "x", "--count", 4], 2, "no 4 directions"),
        (["--run", "run", "--method", "sefa"], 2, "--run is for"),
    ]:
        ran = ganedit(*discover, *options)
        assert (ran.status, told in ran.err) == (status, True), ran.err
    ran = ganedit("train", "voynov", "photos", "-o", "other")
    assert ran.status == 2
    assert "takes no data" in ran.err
