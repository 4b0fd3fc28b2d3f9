"""Latent files: what is written is read, and nothing else is taken for one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import ganedit
from ganedit.errors import CheckpointError, InputError
from ganedit.latent.latent import Latent

GOLDEN = Path(__file__).parents[1] / "golden"


def sample(**changes) -> Latent:
    values = {
        "ws": torch.arange(30.0).reshape(10, 3),
        "model": "faces",
        "model_sha256": "ab" * 32,
        "space": "w+",
        "affine": np.array([[1.0, 0.5, 3.25], [-0.5, 1.0, 7.0]]),
        "source": "photo.png",
        "source_sha256": "cd" * 32,
        "template": "close-up",
        "losses": {"pixels": 0.25},
        "edits": ({"direction": "smile", "magnitude": 2.0},),
        "noise": {"b8.conv0": torch.ones(8, 8)},
        "tuned": {"synthesis.b8.conv0.weight": torch.full((2, 2), 0.5)},
    }
    return Latent(**{**values, **changes})


def test_round_trip(tmp_path):
    before = sample(styles=torch.arange(4.0))
    after = Latent.load(before.save(tmp_path / "a.latent.safetensors"))
    for name in ("model", "model_sha256", "space", "source", "source_sha256", "template", "losses", "edits"):
        assert getattr(after, name) == getattr(before, name)
    assert torch.equal(after.ws, before.ws)
    assert torch.equal(after.styles, before.styles)
    np.testing.assert_array_equal(after.affine, before.affine)
    assert torch.equal(after.noise["b8.conv0"], torch.ones(8, 8))
    assert torch.equal(after.tuned["synthesis.b8.conv0.weight"], torch.full((2, 2), 0.5))


def test_a_sample_needs_no_photo(tmp_path):
    plain = Latent(torch.zeros(2, 3), "faces", "ab")
    again = Latent.load(plain.save(tmp_path / "a.latent.safetensors"))
    assert (again.affine, again.source, again.noise, again.edits) == (None, "", {}, ())
    assert again.styles is None


def test_a_personal_generator_is_known_as_its_model_without_a_checksum():
    """Hashing the weights takes long: it waits until somebody asks, and gives those of the model."""
    path = GOLDEN / "sg2ada-cond-32.pkl"
    known, model = ganedit.load(path, device="cpu"), ganedit.load(path, device="cpu")
    latent = Latent(torch.ones(8, 96), **known.identity, noise={"b32.conv1": torch.zeros(32, 32)})
    own = latent.personal(model)
    assert "weights_sha256" not in vars(model)
    assert own.weights_sha256 == known.weights_sha256
    with torch.no_grad():
        own.network.synthesis.b32.conv1.noise_const.sub_(1)
    assert own.identity == known.identity


def test_noise_and_tuned_weights_make_a_personal_generator():
    model = ganedit.load(GOLDEN / "sg2ada-cond-32.pkl", device="cpu")
    plain = sample(ws=torch.ones(8, 96), model_sha256=model.sha256, noise={}, tuned={})
    assert plain.personal(model) is model
    bias = model.network.synthesis.b32.torgb.bias
    before = model.synthesis(plain.ws[None])
    brighter = replace(plain, tuned={"synthesis.b32.torgb.bias": torch.full_like(bias, 0.25)})
    torch.testing.assert_close(brighter.personal(model).synthesis(plain.ws[None]), before + 0.25)
    quiet = replace(plain, noise={"b32.conv1": torch.zeros(32, 32)})
    assert not torch.equal(quiet.personal(model).synthesis(plain.ws[None]), before)
    assert torch.equal(model.synthesis(plain.ws[None]), before)
    with pytest.raises(CheckpointError, match="nonsense"):
        replace(plain, tuned={"nonsense": torch.ones(1)}).personal(model)


def test_edits_are_recorded():
    edited = sample().edited(torch.zeros(10, 3), {"direction": "age", "magnitude": -1.0})
    assert [e["direction"] for e in edited.edits] == ["smile", "age"]
    assert not edited.ws.any()


def test_the_wrong_model_is_refused_by_name():
    model = ganedit.load(GOLDEN / "sg2ada-cond-32.pkl", device="cpu")
    with pytest.raises(CheckpointError, match=r"faces \(abab.*sg2ada-cond-32"):
        sample().check_model(model)
    with pytest.raises(CheckpointError, match=r"\[10, 3\].*\[8, 96\]"):
        sample(model_sha256=model.sha256).check_model(model)
    sample(ws=torch.zeros(8, 96), model_sha256=model.sha256).check_model(model)


@pytest.mark.parametrize(
    "changes",
    [
        {"ws": torch.zeros(1, 2, 3)},
        {"space": "q"},
        {"affine": np.eye(3)},
        {"ws": torch.full((2, 3), float("nan"))},
    ],
    ids=lambda c: next(iter(c)),
)
def test_impossible_latents(changes):
    with pytest.raises(InputError):
        sample(**changes)


def test_a_latent_file_is_called_one(tmp_path):
    with pytest.raises(InputError, match=r"latent\.safetensors"):
        sample().save(tmp_path / "a.safetensors")


def test_truncated_anywhere(tmp_path):
    path = sample().save(tmp_path / "a.latent.safetensors")
    data = path.read_bytes()
    for end in range(0, len(data), max(1, len(data) // 20)):
        path.write_bytes(data[:end])
        with pytest.raises(InputError, match="is not a latent"):
            Latent.load(path)


@pytest.mark.parametrize(
    "about",
    [
        None,
        "[]",
        "nonsense",
        json.dumps({"schema": 1}),
        json.dumps({"schema": "1"}),
        json.dumps({"schema": 99, "model": "m", "model_sha256": "s"}),
    ],
)
def test_foreign_safetensors(tmp_path, about):
    path = tmp_path / "a.latent.safetensors"
    save_file({"ws": torch.zeros(2, 3)}, path, metadata=None if about is None else {"ganedit": about})
    with pytest.raises(InputError):
        Latent.load(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        Latent.load(tmp_path / "none.latent.safetensors")
