"""Files with several networks, and what their files cannot say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from reference import reference_file

import ganedit
from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.images.labels import LabelMap
from ganedit.store.foreign import open_foreign
from ganedit.store.importing import import_model

GENERATOR = "cyclegan-resnet9_latest_net_G_A.pth"
JUDGE = "pix2pix-unet256_latest_net_D.pth"
SPADE = "spade-normal_latest_net_G.pth"


def tensors(name):
    return torch.load(reference_file(name), weights_only=True)


def prefixed(**networks):
    return {f"{prefix}.{k}": v for prefix, state in networks.items() for k, v in state.items()}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    return tmp_path


def same(found, name):
    want = open_foreign(reference_file(name)).weights.state
    assert found.weights.state.keys() == want.keys()
    assert all(torch.equal(found.weights.state[k], want[k]) for k in want)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_generator_beside_its_discriminator(tmp_path, wrapped):
    """As PyTorch Lightning keeps them."""
    state = prefixed(netG_A=tensors(GENERATOR), netD_A=tensors(JUDGE))
    state = {f"model.{k}": v for k, v in state.items()} if wrapped else state
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "last.ckpt")
    found = open_foreign(tmp_path / "last.ckpt")
    assert found.task == "translator"
    same(found, GENERATOR)


def test_the_average_of_mmediting(tmp_path):
    new, old = tensors("esrgan-rrdb-x4.pth"), tensors("esrgan-rrdb-x4.pth")
    old = {k: v + 1 for k, v in old.items()}
    torch.save({"meta": {}, "state_dict": prefixed(generator=old, generator_ema=new)}, tmp_path / "iter.pth")
    found = open_foreign(tmp_path / "iter.pth")
    assert found.task == "upscaler"
    same(found, "esrgan-rrdb-x4.pth")


@pytest.mark.parametrize("nested", [False, True])
def test_both_generators_of_a_cyclegan(home, nested):
    forth = tensors(GENERATOR)
    back = {k: v * 2 for k, v in forth.items()}
    both = {"netG_A": forth, "netG_B": back}
    torch.save(both if nested else {"state_dict": prefixed(**both)}, home / "both.ckpt")
    with pytest.raises(CheckpointError, match=r"both\.ckpt holds 2 networks: netG_A, netG_B") as raised:
        ganedit.load(home / "both.ckpt")
    assert "network=netG_A" in raised.value.hint
    import_model(home / "both.ckpt", "back", network="netG_B")
    first = ganedit.load("back", "cpu").network.state_dict()["trunk.stem.conv.weight"]
    assert torch.equal(first, back["model.1.weight"])
    with pytest.raises(UsageError, match="no network netG_C"):
        import_model(home / "both.ckpt", "c", network="netG_C")


def test_upsampling_of_spade(home):
    card = import_model(reference_file(SPADE), "cities", settings={"upsampling": "more"})
    assert (card.config["upsampling"], card.notes) == ("more", "upsampling is more, as said at the import")
    more, normal = ganedit.load("cities", "cpu"), ganedit.load(reference_file(SPADE), "cpu")
    labels = torch.nn.functional.one_hot(torch.zeros(1, 128, 128, dtype=torch.long), more.in_channels)
    labels = labels.permute(0, 3, 1, 2).float()
    assert not torch.equal(more(labels), normal(labels))
    for settings, said in (
        ({"upsampling": "wow"}, "must be normal, more or most"),
        ({"kernel": "5"}, "do not fit"),
        ({"width": "x"}, "is not a whole number"),
        ({"upsamplig": "more"}, "no setting upsamplig"),
    ):
        with pytest.raises(UsageError, match=said):
            import_model(reference_file(SPADE), "other", settings=settings)


def test_the_label_that_nobody_cares_about(home):
    import_model(reference_file(SPADE), "cities", settings={"dont_care": "255"})
    model, plain = ganedit.load("cities", "cpu"), ganedit.load(reference_file(SPADE), "cpu")
    labels = np.zeros((64, 64), np.uint8)
    labels[:32] = 255
    last = np.where(labels == 255, model.in_channels - 1, labels).astype(np.uint8)
    found = ganedit.translate(LabelMap(labels), model).pixels
    assert np.array_equal(found, ganedit.translate(LabelMap(last), plain).pixels)
    with pytest.raises(InputError, match="holds the label 255") as raised:
        ganedit.translate(LabelMap(labels), plain)
    assert "--set dont_care=255" in raised.value.hint


def test_the_normalisation_of_a_cyclegan(home):
    card = import_model(reference_file(GENERATOR), "plain", settings={"norm": "none"})
    assert card.config["norm"] == "none"
    plain, usual = ganedit.load("plain", "cpu"), ganedit.load(reference_file(GENERATOR), "cpu")
    assert usual.card.config["norm"] == "instance"
    x = torch.rand(1, 3, 32, 32) * 2 - 1
    assert not torch.equal(plain(x), usual(x))
    for norm, said in (("batch", "missing"), ("group", "not a normalisation")):
        with pytest.raises(UsageError, match=said):
            import_model(reference_file(GENERATOR), "other", settings={"norm": norm})
    assert (
        open_foreign(reference_file(GENERATOR)).weights.config["norm"] == "instance"
    )  # nothing is left behind
