"""StyleGAN2 pickles of stylegan2-ada-pytorch: the outputs that the reference code computes from them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import ganedit
from ganedit.errors import CheckpointError
from ganedit.store.models import Generator

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = ["sg2ada-uncond-64", "sg2ada-cond-32"]


def assert_golden(got: torch.Tensor, wanted: torch.Tensor) -> None:
    """The tolerance of the reference data: 1e-4 of the largest value, at least 1e-4."""
    assert got.shape == wanted.shape
    assert (got - wanted).abs().max().item() <= 1e-4 * max(1.0, wanted.abs().max().item())


@pytest.fixture(params=NAMES)
def loaded(request: pytest.FixtureRequest) -> tuple[Generator, dict[str, torch.Tensor]]:
    model = ganedit.load(GOLDEN / f"{request.param}.pkl", device="cpu")
    return model, load_file(GOLDEN / f"{request.param}.golden.safetensors")


def test_codes(loaded):
    model, golden = loaded
    z, c = golden["z"], golden["c"]
    assert_golden(model.mapping(z, c), golden["w"])
    assert_golden(model.mapping(z, c, psi=0.7), golden["w_psi07"])
    assert_golden(model.mapping(z, c, psi=0.5, cutoff=4), golden["w_psi05_cutoff4"])


@pytest.mark.parametrize("rows", [slice(0, 4), slice(1, 2)])  # batches and single images take different paths
def test_images(loaded, rows):
    model, golden = loaded
    ws = golden["w_psi07"][rows]
    assert_golden(model.synthesis(ws, noise="const"), golden["image_psi07_const"][rows])
    assert_golden(model.synthesis(ws, noise="none"), golden["image_psi07_nonoise"][rows])


def test_generate_is_mapping_and_synthesis(loaded):
    model, golden = loaded
    got = model.generate(z=golden["z"], c=golden["c"], psi=0.7)
    assert_golden(got, golden["image_psi07_const"])
    assert not got.requires_grad


def test_logits(loaded):
    model, golden = loaded
    assert_golden(model.discriminator(golden["image_psi07_const"], golden["c"]), golden["logits"])


def test_sizes_come_from_the_file():
    plain, conditional = (ganedit.load(GOLDEN / f"{n}.pkl", device="cpu") for n in NAMES)
    assert (plain.resolution, plain.z_dim, plain.w_dim) == (64, 128, 128)
    assert (plain.num_ws, plain.num_classes) == (10, 0)
    assert (conditional.resolution, conditional.z_dim, conditional.w_dim) == (32, 64, 96)
    assert conditional.num_classes == 10


@pytest.mark.parametrize("name", ["sg3t-32.pkl", "sg3r-64.pkl", "rosinality-sg2-64.pt", "genforce-pggan.pth"])
def test_other_networks_are_named_and_refused(shared, name):
    with pytest.raises(CheckpointError) as caught:
        ganedit.load(shared / "golden" / name)
    assert name in caught.value.message
    assert caught.value.hint
