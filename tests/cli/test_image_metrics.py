"""`ganedit metrics upscale`, `inpaint` and `translate` on tiny models."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import torch

from ganedit.images.io import write_image
from ganedit.images.pixels import resize
from ganedit.nets.classifier import Classifier, ClassifierConfig
from ganedit.nets.context_encoder import ContextEncoder, ContextEncoderConfig
from ganedit.nets.srresnet import SRResNet, SRResNetConfig
from ganedit.nets.unet import UNetConfig, UNetGenerator
from ganedit.store.cards import ModelCard
from ganedit.store.load import save_model


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of models that have learned nothing."""
    home = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    networks = {
        "larger": ("upscaler", "srresnet", SRResNet(SRResNetConfig(4, 1, 1)), {}),
        "filler": (
            "translator", "context-encoder", ContextEncoder(ContextEncoderConfig(32, width=4, downs=2)),
            {"use": "inpaint"},
        ),
        "drawer": ("translator", "unet", UNetGenerator(UNetConfig(width=4, downs=2)), {}),
        "judge": ("classifier", "classifier", Classifier(ClassifierConfig(("zebra",), widths=(4,) * 4)), {}),
    }  # fmt: skip
    for name, (task, architecture, network, details) in networks.items():
        card = ModelCard(name, task, architecture, asdict(network.cfg), 32, details=details)
        save_model(home / name, card, network.state_dict())
    return home


@pytest.fixture
def pictures(tmp_path):
    """Side-by-side pairs of 32 px in `pairs`, a pair for super-resolution in `sr`."""
    rng = np.random.default_rng(0)
    for i in range(3):
        small = rng.random((5, 9, 3)).astype(np.float32)
        pixels = (resize(small, (32, 64)).clip(0, 1) * 255).astype(np.uint8)
        (tmp_path / "pairs").mkdir(exist_ok=True)
        write_image(tmp_path / "pairs" / f"{i}.png", pixels)
    (tmp_path / "sr").mkdir()
    write_image(tmp_path / "sr" / "a_HR.png", resize(pixels, (64, 128)))
    write_image(tmp_path / "sr" / "a_LR.png", resize(pixels, (32, 64)))
    return tmp_path


def test_upscale(ganedit, models, pictures):
    ran = ganedit("metrics", "upscale", pictures / "sr", "--model", models / "larger", "--json")
    assert ran.status == 0, ran.err
    ((found,),) = ran.json
    assert (found["model"], found["pictures"], found["border"]) == ("larger", 1, 2)
    table = ganedit("metrics", "upscale", pictures / "sr", "--model", models / "larger").out
    assert f"{found['bicubic_psnr']:.2f}" in table
    assert ganedit("metrics", "upscale", pictures / "sr", "--model", models / "filler").status == 4
    write_image(pictures / "sr" / "a_LR.png", np.zeros((16, 32, 3), np.uint8))
    assert ganedit("metrics", "upscale", pictures / "sr", "--model", models / "larger").status == 3


def test_inpaint(ganedit, models, pictures):
    ran = ganedit("metrics", "inpaint", pictures / "pairs", "--model", models / "filler", "--json")
    assert ran.status == 0, ran.err
    (found,) = ran.json
    assert (found["pictures"], found["share"]) == (3, 0.25)
    assert found["psnr"] < found["opencv_psnr"]
    ran = ganedit("metrics", "inpaint", pictures / "pairs", "--model", models / "larger")
    assert ran.status == 4
    assert "ganedit upscale" in ran.err
    assert ganedit("metrics", "inpaint", "x", "--model", models / "filler", "--limit", 0).status == 2


def test_translate(ganedit, models, pictures):
    def measure(*options):
        return ganedit("metrics", "translate", pictures / "pairs", "--model", models / "drawer", *options)

    ran = measure("--pairs", "mask", "--classifier", models / "judge", "--target", "zebra", "--json")
    assert ran.status == 0, ran.err
    (found,) = ran.json
    assert 0 < found["background_psnr"] < 30
    assert 0 <= found["taken_for_target"] <= 1
    (found,) = measure("--pairs", "wanted", "--faces", "close-up", "--json").json
    assert (found["detection_rate"], found["real"]) == (0, 3)
    assert found["frechet"] > 0
    assert "Fréchet distance" in measure("--faces", "close-up", "--real", pictures / "pairs").out


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        ((), 2, "nothing to measure"),
        (("--target", "zebra"), 2, "belong together"),
        (("--faces", "closeup"), 2, "did you mean close-up"),
        (("--faces", "close-up"), 2, "--real FOLDER"),
        (("--pairs", "wanted", "--direction", "back"), 2, "ab or ba"),
        (("--classifier", "MODELS/larger", "--target", "zebra"), 4, "not a classifier"),
        (("--classifier", "MODELS/judge", "--target", "horse"), 2, "it has zebra"),
    ],
)
def test_what_it_cannot_measure(ganedit, models, pictures, options, status, told):
    words = [word.replace("MODELS", str(models)) for word in options]
    ran = ganedit("metrics", "translate", pictures / "pairs", "--model", models / "drawer", *words)
    assert ran.status == status
    assert told in ran.err
    assert "Traceback" not in ran.err
