"""StyleGAN3 pickles: the outputs that the reference code computes from them, and damaged ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from reference import assert_golden
from safetensors.torch import load_file

import ganedit
from ganedit.errors import CheckpointError, InputError
from ganedit.nets.stylegan3 import Generator, paper_config
from ganedit.store.foreign import Foreign
from ganedit.store.formats import nvlabs
from ganedit.store.pickles.stand_ins import StandIn
from ganedit.store.pickles.unpickle import read_pickled

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = ["sg3t-32", "sg3r-64"]


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def content(name) -> dict:
    return read_pickled(GOLDEN / f"{name}.pkl")


@pytest.mark.parametrize("rows", [slice(0, 2), slice(1, 2)])
def test_golden(name, rows):
    model = ganedit.load(GOLDEN / f"{name}.pkl", device="cpu")
    golden = {k: v if k.startswith("transform") else v[rows] for k, v in
              load_file(GOLDEN / f"{name}.golden.safetensors").items()}  # fmt: skip
    assert_golden(model.mapping(golden["z"], psi=0.7), golden["w_psi07"])
    assert_golden(model.synthesis(golden["w_psi07"]), golden["image_psi07"])
    assert_golden(model.synthesis(golden["w_psi07"], noise="random"), golden["image_psi07"])
    move = golden["transform_rot30_t01_m005"]
    assert_golden(model.synthesis(golden["w_psi07"], transform=move), golden["image_psi07_transformed"])
    assert_golden(model.generate(z=golden["z"], psi=0.7), golden["image_psi07"])


def test_sizes_come_from_the_file():
    t, r = (ganedit.load(GOLDEN / f"{n}.pkl", device="cpu") for n in NAMES)
    assert (t.resolution, t.num_ws, t.w_dim, t.has_transform) == (32, 10, 64, True)
    assert (r.resolution, r.num_ws, r.w_dim, r.network.cfg.radial) == (64, 10, 64, True)


def test_the_papers_schedule_and_filters_are_the_files(name):
    """Cutoffs, sizes and channels follow the paper; so do the stored filters."""
    network = ganedit.load(GOLDEN / f"{name}.pkl", device="cpu").network
    options = {"base": 1024, "most": 32, "layers": 8, "z_dim": 64, "w_dim": 64}
    made = Generator(paper_config(network.cfg.resolution, rotation="r" in name, **options))
    assert made.cfg == network.cfg
    stored = network.state_dict()
    for key, value in made.state_dict().items():
        if key.endswith("_filter"):
            torch.testing.assert_close(value, stored[key], atol=1e-7, rtol=0)


def test_a_transform_must_be_a_matrix_with_an_inverse(name):
    model = ganedit.load(GOLDEN / f"{name}.pkl", device="cpu")
    ws = torch.zeros(1, 10, 64)
    for wrong in (torch.eye(2), torch.zeros(3, 3), torch.full((3, 3), torch.nan)):
        with pytest.raises(InputError, match="transform"):
            model.synthesis(ws, transform=wrong)


# ---- variations of the files ----


def synthesis(content: dict) -> StandIn:
    return content["G_ema"].state["_modules"]["synthesis"]


def layer(content: dict, index: int) -> StandIn:
    inside = synthesis(content).state["_modules"]
    return inside[[k for k in inside if k.startswith("L")][index]]


def config(found: Foreign | None) -> dict:
    assert found
    return dict(found.weights.config)


def test_it_is_named_and_alone_it_is_the_same(content):
    found = nvlabs.read(content)
    assert found.family == "stylegan3"
    assert config(nvlabs.read(content["G_ema"])) == config(found)


def test_with_the_discriminator_of_stylegan2(content, monkeypatch):
    content["D"] = read_pickled(GOLDEN / "sg2ada-uncond-64.pkl")["D"]
    judge = nvlabs.read(content).discriminator
    assert (judge.architecture, judge.config["resolution"]) == ("stylegan2-discriminator", 64)


def test_sizes_may_be_numbers_and_settings_missing(content):
    wanted = config(nvlabs.read(content))
    for i in range(9):
        state = layer(content, i).state
        state["out_size"] = int(np.max(state["out_size"]))
        for key in ("padding", "up_factor", "down_factor", "conv_clamp", "use_fp16", "magnitude_ema_beta"):
            state.pop(key)
    synthesis(content).state.pop("num_fp16_res")
    assert config(nvlabs.read(content)) == wanted


def test_the_clamp_is_read(content):
    for i in range(9):
        layer(content, i).state["conv_clamp"] = 256
    assert config(nvlabs.read(content))["clamp"] == 256


@pytest.mark.parametrize(
    ("index", "key", "value"),
    [
        (0, "padding", [1, 1, 1, 1]),
        (3, "up_factor", 8),
        (2, "out_size", np.array([36, 40])),
        (2, "out_size", 50),
        (4, "out_sampling_rate", "fast"),
        (0, "is_critically_sampled", True),
        (1, "conv_clamp", 12.0),
    ],
)
def test_other_layers_are_refused(content, index, key, value):
    layer(content, index).state[key] = value
    with pytest.raises(CheckpointError):
        nvlabs.read(content)


@pytest.mark.parametrize(("key", "value"), [("bandwidth", 3.0), ("sampling_rate", 32), ("size", 20)])
def test_another_input_is_refused(content, key, value):
    synthesis(content).state["_modules"]["input"].state[key] = value
    with pytest.raises(CheckpointError, match="input"):
        nvlabs.read(content)


def test_a_missing_layer_is_told(content):
    inside = synthesis(content).state["_modules"]
    del inside[next(k for k in inside if k.startswith("L4"))]
    with pytest.raises(CheckpointError, match="lacks a layer"):
        nvlabs.read(content)
