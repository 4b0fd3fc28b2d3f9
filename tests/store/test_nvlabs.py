"""StyleGAN2 pickles of stylegan2-ada-pytorch: the outputs that the reference code computes from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from reference import assert_golden
from safetensors.torch import load_file

import ganedit
from ganedit.errors import CheckpointError
from ganedit.store.foreign import Foreign
from ganedit.store.formats import nvlabs
from ganedit.store.models import Generator
from ganedit.store.pickles.stand_ins import StandIn
from ganedit.store.pickles.unpickle import read_pickled

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = ["sg2ada-uncond-64", "sg2ada-cond-32"]


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


# ---- variations of the files ----


def tree(name: str = NAMES[0]) -> dict[str, StandIn]:
    return read_pickled(GOLDEN / f"{name}.pkl")


def modules(root: StandIn) -> Iterator[StandIn]:
    yield root
    for child in root.state["_modules"].values():
        if isinstance(child, StandIn):
            yield from modules(child)


def block(root: StandIn, size: int) -> StandIn:
    inside = root.state["_modules"]
    return inside.get("synthesis", root).state["_modules"][f"b{size}"]


def same(found: Foreign | None, wanted: Foreign | None) -> bool:
    assert found
    assert wanted
    one, other = found.weights, wanted.weights
    return one.config == other.config and all(torch.equal(one.state[k], v) for k, v in other.state.items())


def test_settings_of_newer_files_may_be_missing():
    content, wanted = tree(), nvlabs.read(tree())
    for module in (*modules(content["G_ema"]), *modules(content["D"])):
        for name in ("conv_clamp", "use_fp16", "num_fp16_res", "channels_last", "architecture", "activation"):
            module.state.pop(name, None)
            module.state.get("_init_kwargs", {}).pop(name, None)
    found = nvlabs.read(content)
    assert same(found, wanted)
    assert found.discriminator.config == wanted.discriminator.config


@pytest.mark.parametrize("name", NAMES)
def test_modules_that_only_know_what_they_were_made_with(name):
    content = tree(name)
    for module in (*modules(content["G_ema"]), *modules(content["D"])):
        for setting in [k for k in module.state if not k.startswith("_")]:
            del module.state[setting]
    found, wanted = nvlabs.read(content), nvlabs.read(tree(name))
    assert same(found, wanted)
    assert found.discriminator.config == wanted.discriminator.config


def test_a_generator_alone_or_without_average():
    wanted = nvlabs.read(tree())
    assert same(nvlabs.read(tree()["G_ema"]), wanted)  # as pivotal tuning saves it
    assert same(nvlabs.read({"G_ema": tree()["G_ema"]}), wanted)
    alone = nvlabs.read({"G": tree()["G_ema"], "G_ema": None, "D": None})
    assert same(alone, wanted)
    assert alone.discriminator is None


def test_the_activation_clamp_is_read():
    content = tree()
    for module in (*modules(content["G_ema"]), *modules(content["D"])):
        if "conv_clamp" in module.state:
            module.state["conv_clamp"] = 256
    found = nvlabs.read(content)
    assert (found.weights.config["clamp"], found.discriminator.config["clamp"]) == (256, 256)


def test_layers_without_noise_get_silent_noise():
    content = tree()
    for module in modules(content["G_ema"]):
        module.state["_parameters"].pop("noise_strength", None)
        module.state["_buffers"].pop("noise_const", None)
    state = nvlabs.read(content).weights.state
    assert state["synthesis.b8.conv1.noise_strength"] == 0
    assert state["synthesis.b8.conv1.noise_const"].shape == (8, 8)


@pytest.mark.parametrize("kind", ["orig", "resnet", "named"])
def test_other_ways_to_make_the_image_are_refused(kind):
    content = tree()
    inside = block(content["G_ema"], 16).state
    if kind == "orig":
        del inside["_modules"]["torgb"]
    elif kind == "resnet":
        inside["_modules"]["skip"] = inside["_modules"]["conv0"]
    else:
        inside["architecture"] = "resnet"
    with pytest.raises(CheckpointError, match=r"'(orig|resnet)'"):
        nvlabs.read(content)


def test_a_strange_discriminator_is_left_out():
    content = tree()
    del block(content["D"], 16).state["_modules"]["skip"]
    found = nvlabs.read(content)
    assert found.discriminator is None
    assert "left out" in found.notes


def test_another_resampling_filter_is_refused():
    content = tree()
    block(content["G_ema"], 8).state["_buffers"]["resample_filter"] = torch.eye(4) / 4
    with pytest.raises(CheckpointError, match="resampling filter"):
        nvlabs.read(content)


def test_a_missing_resolution_is_told():
    content = tree()
    del content["G_ema"].state["_modules"]["synthesis"].state["_modules"]["b16"]
    with pytest.raises(CheckpointError, match="blocks of"):
        nvlabs.read(content)


def test_other_contents_are_of_another_family():
    assert nvlabs.read([1, 2]) is None
    assert nvlabs.read({"G": torch.zeros(3)}) is None
    assert nvlabs.read(StandIn("Generator", {"_modules": {"style": StandIn("Sequential")}})) is None
