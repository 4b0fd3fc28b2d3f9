"""GenForce's checkpoints: the outputs that the reference code computes, and TensorFlow's conventions."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from reference import assert_golden, everywhere, path_id, reference_file
from safetensors.torch import load_file

import ganedit
from ganedit.errors import CheckpointError
from ganedit.store.formats import genforce
from ganedit.store.pickles.unpickle import read_pickled

GOLDEN = Path(__file__).parents[1] / "golden"


def test_progan_golden():
    model = ganedit.load(GOLDEN / "genforce-pggan.pth", device="cpu")
    golden = load_file(GOLDEN / "genforce-pggan.golden.safetensors")
    assert_golden(model.generate(z=golden["z"]), golden["image"])
    assert (model.resolution, model.z_dim, model.has_styles) == (32, 32, False)


def test_progan_says_that_it_has_no_style_space():
    model = ganedit.load(GOLDEN / "genforce-pggan.pth", device="cpu")
    for ask in (lambda: model.w_avg, lambda: model.num_ws, lambda: model.mapping(torch.zeros(1, 32))):
        with pytest.raises(CheckpointError, match="no style space"):
            ask()


@pytest.fixture
def stylegan1():
    return ganedit.load(reference_file("genforce-stylegan1.pth"), device="cpu")


@pytest.mark.parametrize("path", everywhere("genforce-stylegan1.pth"), ids=path_id)
def test_stylegan1_golden(path):
    golden, model = load_file(path.with_suffix(".golden.safetensors")), ganedit.load(path, device="cpu")
    assert_golden(model.mapping(golden["z"])[:, 0], golden["w"])
    ws = model.mapping(golden["z"], psi=0.7, cutoff=8)
    assert_golden(ws, golden["wp"])
    assert_golden(model.synthesis(ws), golden["image"])


def test_stylegan1_truncation_and_noise(stylegan1):
    z = torch.randn(2, stylegan1.z_dim, generator=torch.Generator().manual_seed(0))
    plain, cut = stylegan1.mapping(z), stylegan1.mapping(z, psi=0.5, cutoff=3)
    assert torch.equal(plain[:, 3:], cut[:, 3:])
    torch.testing.assert_close(cut[:, :3], (plain[:, :3] + stylegan1.w_avg) / 2)
    for style in stylegan1.network.synthesis.modules():
        if hasattr(style, "noise_strength"):
            style.noise_strength.fill_(0.5)
    maps = {n: m[None, None] for n, m in stylegan1.network.synthesis.noise_maps().items()}
    const, none = stylegan1.synthesis(plain), stylegan1.synthesis(plain, "none")
    assert torch.equal(stylegan1.synthesis(plain, maps), const)
    assert not torch.allclose(const, none, atol=1e-2)
    assert not torch.allclose(const, stylegan1.synthesis(plain, "random"), atol=1e-2)


def test_stylegan1_turns_the_kernels_from_128_px():
    """Stored for a transposed convolution: a 4-px kernel, the sum of four shifts of the stored one."""
    torch.manual_seed(0)
    x, stored = torch.randn(1, 2, 5, 5), torch.randn(3, 2, 3, 3)
    padded = F.pad(stored, (1, 1, 1, 1))
    wide = padded[:, :, 1:, 1:] + padded[:, :, :-1, 1:] + padded[:, :, 1:, :-1] + padded[:, :, :-1, :-1]
    wanted = F.conv_transpose2d(x, wide.transpose(0, 1), stride=2, padding=1)
    got = F.conv2d(F.interpolate(x, scale_factor=2.0, mode="nearest"), stored.flip(2, 3), padding=1)
    torch.testing.assert_close(got, wanted)

    state = stylegan1_state(levels=6)  # up to 128 px
    found = genforce.read({"generator_smooth": state})
    for level, turned in ((4, False), (5, True)):
        weight = state[f"synthesis.layer{2 * level}.weight"]
        got = found.weights.state[f"synthesis.blocks.{level}.conv0.weight"]
        assert torch.equal(got, weight.flip(2, 3) if turned else weight)


def stylegan1_state(levels: int) -> dict[str, torch.Tensor]:
    """A file's tensors, with random numbers and two channels."""
    state = {"truncation.w_avg": torch.zeros(4), "synthesis.lod": torch.zeros(())}
    for i in range(8):
        state |= {f"mapping.dense{i}.weight": torch.randn(4, 4), f"mapping.dense{i}.bias": torch.zeros(4)}
    for layer in range(2 * levels):
        name, size = f"synthesis.layer{layer}", 4 * 2 ** (layer // 2)
        state |= {
            f"{name}.bias": torch.zeros(2),
            f"{name}.apply_noise.weight": torch.zeros(2),
            f"{name}.apply_noise.noise": torch.randn(1, 1, size, size),
            f"{name}.style.weight": torch.randn(4, 4),
            f"{name}.style.bias": torch.zeros(4),
        }
        first = {f"{name}.const": torch.ones(1, 2, 4, 4)}
        state |= {f"{name}.weight": torch.randn(2, 2, 3, 3)} if layer else first
    for level in range(levels):
        output = f"synthesis.output{level}"
        state |= {f"{output}.weight": torch.randn(3, 2, 1, 1), f"{output}.bias": torch.zeros(3)}
    return state


def test_stylegan2_is_the_nvlabs_network_under_other_names():
    """There is no reference file: names and conventions are those of the zoo's converter."""
    nvlabs = ganedit.load(GOLDEN / "sg2ada-uncond-64.pkl", device="cpu")
    found = genforce.read({"generator_smooth": genforce_names(nvlabs.network.state_dict())})
    assert found.weights.architecture == "stylegan2"
    assert found.weights.config == {**nvlabs.network.cfg.to_dict(), "clamp": None}
    state = nvlabs.network.state_dict()
    assert found.weights.state.keys() == state.keys()
    for name, tensor in found.weights.state.items():
        torch.testing.assert_close(tensor, state[name], msg=name)


def genforce_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """An nvlabs StyleGAN2 as the GenForce zoo stores it."""
    new = {
        "truncation.w_avg": state["mapping.w_avg"],
        "synthesis.early_layer.const": state["synthesis.b4.const"][None],
    }
    for name, tensor in state.items():
        part, *rest = name.split(".")
        if part == "mapping" and rest[0].startswith("fc"):
            new[f"mapping.dense{rest[0][2:]}.{rest[1]}"] = tensor
        elif part == "synthesis" and len(rest) > 2:
            level = int(rest[0][1:]).bit_length() - 3
            layer = {
                "conv0": f"layer{2 * level - 1}",
                "conv1": f"layer{2 * level}",
                "torgb": f"output{level}",
            }
            tail = ".".join(rest[2:]).replace("affine", "style").replace("noise_const", "noise")
            tensor = tensor - 1 if tail == "style.bias" else tensor
            tensor = tensor[None, None] if tail == "noise" else tensor
            tensor = tensor.flip(2, 3) if rest[1] == "conv0" and tail == "weight" else tensor
            new[f"synthesis.{layer[rest[1]]}.{tail}"] = tensor
    return new


def test_a_file_that_lacks_a_layer_is_refused(tmp_path):
    content = read_pickled(GOLDEN / "genforce-pggan.pth")
    del content["generator_smooth"]["layer3.bias"]
    torch.save(content, tmp_path / "part.pth")
    with pytest.raises(CheckpointError, match=r"part\.pth.*layer3\.bias"):
        ganedit.load(tmp_path / "part.pth")
