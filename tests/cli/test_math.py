"""`ganedit math` with tiny models."""

from __future__ import annotations

import pytest
import torch

from ganedit.images.io import read_provenance
from ganedit.latent.latent import Latent
from ganedit.store.load import load_generator

MATH = ("math", "--device", "cpu")


@pytest.fixture
def samples(ganedit, tiny_faces):
    """samples/seed0001.latent.safetensors and of seed 2; their codes."""
    assert ganedit("generate", "--device", "cpu", "--seeds", "1-2", "-o", "samples").status == 0
    generator = load_generator("faces", "cpu")
    return generator.mapping(generator.z_of([1, 2]), psi=0.7).detach()


def test_latents_seeds_folders_and_the_average_face(ganedit, samples, tmp_path):
    (tmp_path / "samples/seed0001.latent.safetensors").rename(tmp_path / "woman.latent.safetensors")
    ran = ganedit(*MATH, "woman + 2 * (seed:2 - mean(samples)) + w_avg - seed:1", "--json")
    assert ran.status == 0, ran.err
    (told,) = ran.json
    assert (told["path"], told["latent"]) == ("math.png", "math.latent.safetensors")
    assert told["weight"] == pytest.approx(1)
    generator = load_generator("faces", "cpu")
    latent = Latent.load("math.latent.safetensors")
    torch.testing.assert_close(latent.ws, generator.w_avg.expand(generator.num_ws, -1), atol=1e-5, rtol=1e-5)
    assert read_provenance("math.png")["parameters"]["expression"].startswith("woman + 2")
    assert ganedit("info", "math.latent.safetensors").status == 0
    assert ganedit(*MATH, "woman", "-o", "math.png").status == 2  # there already


def test_the_result_belongs_to_the_photo_named_first(ganedit, samples):
    latent = Latent.load("samples/seed0001.latent.safetensors")
    import dataclasses

    import numpy as np

    affine = np.array([[1.0, 0, 3], [0, 1.0, 4]])
    dataclasses.replace(latent, affine=affine, source="me.jpg").save("me.latent.safetensors")
    assert ganedit(*MATH, "me + 0.5 * (seed:2 - seed:1)", "-o", "other.png").status == 0
    found = Latent.load("other.latent.safetensors")
    assert found.source == "me.jpg"
    assert np.array_equal(found.affine, affine)
    assert torch.equal(found.original, latent.ws)
    torch.testing.assert_close(found.ws, samples.mean(dim=0))


def test_a_difference_is_drawn_and_said_to_be_one(ganedit, samples):
    ran = ganedit(*MATH, "seed:1 - seed:2")
    assert ran.status == 0
    assert "add up to 0" in ran.err
    assert "add w_avg to make a face of it" in ran.err
    ran = ganedit("math", "seed:3 + seed:7", "-o", "sum.png")
    assert "add up to 2, not to 1, so this is not an average of faces; divide it by 2" in ran.err


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["seed:1 +"], 2, "at its end"),
        (["nobody + seed:1"], 3, "there is no nobody"),
        (["samples"], 2, "mean(samples)"),
        (["seed:1", "-o", "x.jpg"], 2, "must end in .png"),
        (["seed:1", "--psi", "inf"], 2, "finite"),
        (["seed:99999999999"], 3, "seed:99999999999"),
    ],
)
def test_what_cannot_be_computed_is_told(ganedit, samples, tmp_path, words, status, told):
    ran = ganedit(*MATH, *words)
    assert ran.status == status
    assert told in ran.err
    assert not (tmp_path / "math.png").exists()
