"""A model is told by its weights, whatever file holds them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ganedit.errors import CheckpointError
from ganedit.latent.directions.direction import Direction
from ganedit.latent.latent import Latent
from ganedit.store.load import load_generator

GOLDEN = Path(__file__).parents[1] / "golden"
CPU = ("--device", "cpu")
EDIT = ("edit", *CPU, "--direction")


@pytest.fixture
def pickled(ganedit, tiny_faces, tmp_path):
    """x.pkl with a latent and a direction made from it, and `mine`, imported from it afterwards."""
    shutil.copy(GOLDEN / "sg2ada-cond-32.pkl", tmp_path / "x.pkl")
    assert ganedit("generate", "--seeds", 3, "--class", 0, "--model", "x.pkl", *CPU).status == 0
    np.save("d.npy", np.ones(96))
    imported = ganedit("direction", "import", "d.npy", "--model", "x.pkl", "-o", "d.safetensors", *CPU)
    assert imported.status == 0, imported.err
    assert ganedit("models", "import", "x.pkl", "--name", "mine").status == 0
    return "seed0003.latent.safetensors"


def without_weights(path):
    """A latent or direction as earlier versions wrote it."""
    kind = Latent if path.endswith(".latent.safetensors") else Direction
    replace(kind.load(path), weights_sha256="").save(path)


@pytest.mark.parametrize("earlier", [False, True])
def test_the_file_and_the_model_imported_from_it(ganedit, pickled, earlier):
    if earlier:
        without_weights(pickled)
        without_weights("d.safetensors")
    ran = ganedit(*EDIT, "./d.safetensors", pickled, "--model", "mine")
    assert ran.status == 0, ran.err
    assert Latent.load("seed0003.d+1.latent.safetensors").model == "mine"
    assert ganedit("direction", "show", "./d.safetensors", "--model", "mine", *CPU).status == 0
    assert ganedit("math", f"{pickled} * 1", "--model", "mine", *CPU).status == 0
    found = ganedit(*EDIT, "./d.safetensors", pickled, "--force")  # by the checksum in the card
    assert found.status == 0, found.err


def test_the_reverse(ganedit, pickled):
    assert ganedit("generate", "--seeds", 4, "--class", 0, "--model", "mine", *CPU).status == 0
    ran = ganedit(*EDIT, "./d.safetensors", "seed0004.latent.safetensors", "--model", "x.pkl")
    assert ran.status == 0, ran.err


def test_another_file_with_the_same_weights(ganedit, pickled):
    """A safetensors file that knows nothing of the pickle."""
    assert ganedit("models", "export", "mine", "-o", "copy.safetensors").status == 0
    one, other = load_generator("x.pkl", "cpu"), load_generator("copy.safetensors", "cpu")
    assert one.sha256 != other.sha256
    assert one.weights_sha256 == other.weights_sha256
    ran = ganedit(*EDIT, "./d.safetensors", pickled, "--model", "copy.safetensors")
    assert ran.status == 0, ran.err


def test_other_weights_have_another_checksum(tiny_faces):
    one, other = load_generator("faces", "cpu"), load_generator("faces", "cpu")
    latent = Latent(torch.zeros(8, 8), **one.identity)
    latent.check_model(other)
    with torch.no_grad():
        next(other.network.parameters())[0] += 1e-6
    assert one.weights_sha256 != other.weights_sha256
    other.card = replace(other.card, sha256="1" * 64)
    assert not other.known_as("", one.sha256)
    with pytest.raises(CheckpointError, match="made with the model faces"):
        latent.check_model(other)
