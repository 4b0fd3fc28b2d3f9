"""Export: what other programs get, and that nothing changes on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from reference import reference_file

import ganedit
from ganedit.errors import CheckpointError, UsageError
from ganedit.store.export import FORMATS, export
from ganedit.store.models import Generator
from ganedit.store.pickles.stand_ins import module_state
from ganedit.store.pickles.unpickle import read_pickled

GOLDEN = Path(__file__).parents[1] / "golden"
PLAIN, CLASSES, SG3 = "sg2ada-uncond-64", "sg2ada-cond-32", "sg3r-64"


def opened(name: str) -> Generator:
    return ganedit.load(GOLDEN / f"{name}.pkl", device="cpu")


@pytest.mark.parametrize("name", [PLAIN, CLASSES, SG3])
def test_one_safetensors_file_loads_again(tmp_path, name):
    model = opened(name)
    again = ganedit.load(export(model, tmp_path / "a.safetensors", "safetensors"), device="cpu")
    ws = torch.randn(1, model.num_ws, model.w_dim)
    assert torch.equal(again.synthesis(ws), model.synthesis(ws))
    assert (again.name, again.card.resolution) == (model.name, model.card.resolution)
    assert again.card.details == model.card.details


def test_rosinalitys_format_draws_the_same_pictures(tmp_path):
    model = opened(PLAIN)
    again = ganedit.load(export(model, tmp_path / "a.pt", "rosinality"), device="cpu")
    z = model.z_of([1, 2])
    torch.testing.assert_close(again.generate(z=z, psi=0.5), model.generate(z=z, psi=0.5))
    assert again.card.architecture == "stylegan2"


def test_rosinalitys_own_file_comes_out_as_it_went_in(tmp_path):
    path = reference_file("rosinality-sg2-64.pt")
    found = torch.load(export(ganedit.load(path, "cpu"), tmp_path / "a.pt", "rosinality"), weights_only=True)
    wanted = torch.load(path, weights_only=True)
    assert found.keys() == wanted.keys()
    assert torch.equal(found["latent_avg"], wanted["latent_avg"])
    assert found["g_ema"].keys() == wanted["g_ema"].keys()
    for name, tensor in wanted["g_ema"].items():
        assert found["g_ema"][name].dtype == tensor.dtype
        assert torch.equal(found["g_ema"][name], tensor), name


@pytest.mark.parametrize("name", [PLAIN, CLASSES, SG3])
def test_nvlabs_state_has_every_tensor_of_the_pickle(tmp_path, name):
    found = torch.load(export(opened(name), tmp_path / "a.pt", "nvlabs-state"), weights_only=True)
    wanted = module_state(read_pickled(GOLDEN / f"{name}.pkl")["G_ema"])
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[k], v) for k, v in wanted.items())


@pytest.mark.parametrize(("name", "said"), [(CLASSES, "classes"), (SG3, "stylegan3")])
def test_rosinality_has_no_place_for(tmp_path, name, said):
    with pytest.raises(CheckpointError, match=said):
        export(opened(name), tmp_path / "a.pt", "rosinality")
    assert not (tmp_path / "a.pt").exists()


def test_other_architectures_are_refused(tiny_models, tmp_path):
    encoder = ganedit.load(tiny_models / "faces-encoder", device="cpu")
    for format in ("rosinality", "nvlabs-state"):
        with pytest.raises(CheckpointError, match="encoder"):
            export(encoder, tmp_path / "a.pt", format)
    again = ganedit.load(export(encoder, tmp_path / "a.safetensors"), device="cpu")
    assert again.card.task == "encoder"


def test_unknown_formats_are_told_the_known_ones(tmp_path):
    with pytest.raises(UsageError) as caught:
        export(opened(PLAIN), tmp_path / "a.onnx", "onnx")
    assert all(name in caught.value.hint for name in FORMATS)
