"""Folders of pytorch-pretrained-BigGAN."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from reference import assert_golden, reference_file
from safetensors.torch import load_file

import ganedit
from ganedit.errors import CheckpointError, InputError
from ganedit.store.pickles.unpickle import read_pickled


@pytest.fixture
def folder() -> Path:
    return reference_file("biggan-64")


@pytest.fixture
def gentle(folder: Path, tmp_path: Path) -> Path:
    """The reference folder with weights whose activations stay finite, and statistics that differ."""
    made = tmp_path / "biggan"
    shutil.copytree(folder, made)
    torch.manual_seed(0)
    state = read_pickled(folder / "pytorch_model.bin")
    for name, tensor in state.items():
        if name.endswith("weight_orig"):
            conv = name.removesuffix("_orig")
            u, _, v = torch.linalg.svd(tensor.flatten(1), full_matrices=False)
            state[f"{conv}_u"], state[f"{conv}_v"] = u[:, 0] * 0.35, v[0].contiguous()
        elif name.endswith(("running_means", "running_vars", "gamma")):
            state[name] = torch.rand_like(tensor) + 0.5
    made.chmod(0o755)
    (made / "pytorch_model.bin").unlink()
    torch.save(state, made / "pytorch_model.bin")
    return made


@pytest.mark.parametrize(("psi", "name"), [(0.5, "output_trunc05"), (1.0, "output_trunc1")])
def test_golden(folder, psi, name):
    golden = load_file(folder.parent / "biggan-64.golden.safetensors")
    model = ganedit.load(folder, device="cpu")
    assert_golden(model.generate(z=golden["z"], c=golden["class_vector"], psi=psi), golden[name])


@pytest.mark.parametrize("psi", [0.5, 0.31, 1.0])
def test_pictures_by_the_paper(folder, gentle, psi):
    golden = load_file(folder.parent / "biggan-64.golden.safetensors")
    model = ganedit.load(gentle, device="cpu")
    z, c = golden["z"].double() * psi, golden["class_vector"].double()
    got = model.network.double()(z, c, psi)
    assert got.std() > 0.05
    torch.testing.assert_close(got, slowly(gentle, z, c, psi), atol=1e-5, rtol=0)


def slowly(folder: Path, z: torch.Tensor, c: torch.Tensor, psi: float) -> torch.Tensor:
    """BigGAN-deep written out from the file's own tensors, step by step."""
    state = {k: v.double() for k, v in read_pickled(folder / "pytorch_model.bin").items()}
    cfg = json.loads((folder / "config.json").read_text())
    cond = torch.cat([z, c @ state["embeddings.weight"].T], dim=1)

    def weight(name):
        w, u, v = (state[f"{name}.weight_{k}"].float() for k in ("orig", "u", "v"))  # folded in float32
        return (w / torch.dot(u, w.flatten(1) @ v)).double()

    def statistic(name):
        table = state[name].numpy()
        places = np.linspace(0, 1, len(table))
        return torch.tensor([np.interp(psi, places, column) for column in table.T])

    def norm(x, name, scale, shift):
        mean, var = statistic(f"{name}.running_means"), statistic(f"{name}.running_vars")
        x = (x - mean[:, None, None]) / (var[:, None, None] + cfg["eps"]).sqrt()
        return F.relu(x * scale[..., None, None] + shift[..., None, None])

    def up(x):
        return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    x = cond @ weight("generator.gen_z").T + state["generator.gen_z.bias"]
    x = x.view(len(z), 4, 4, -1).permute(0, 3, 1, 2)
    number = 0
    for i, (doubling, _, out) in enumerate(cfg["layers"]):
        if i == cfg["attention_layer_position"]:
            name = f"generator.layers.{number}"
            number += 1
            theta, phi, g, o = (
                weight(f"{name}.snconv1x1_{k}")[:, :, 0, 0] for k in ("theta", "phi", "g", "o_conv")
            )
            flat = x.flatten(2)
            small_phi = F.max_pool2d((phi @ flat).view(len(z), -1, *x.shape[2:]), 2).flatten(2)
            small_g = F.max_pool2d((g @ flat).view(len(z), -1, *x.shape[2:]), 2).flatten(2)
            attention = torch.einsum("nci,ncj->nij", theta @ flat, small_phi).softmax(-1)
            x = x + state[f"{name}.gamma"] * (o @ torch.einsum("nij,ncj->nci", attention, small_g)).view_as(x)
        name = f"generator.layers.{number}"
        number += 1
        h = x
        for j in range(4):
            scale = 1 + cond @ weight(f"{name}.bn_{j}.scale").T
            h = norm(h, f"{name}.bn_{j}", scale, cond @ weight(f"{name}.bn_{j}.offset").T)
            h = up(h) if j == 1 and doubling else h
            h = F.conv2d(
                h, weight(f"{name}.conv_{j}"), state[f"{name}.conv_{j}.bias"], padding=int(j in (1, 2))
            )
        x = x[:, : out * cfg["channel_width"]]
        x = h + (up(x) if doubling else x)
    x = norm(x, "generator.bn", state["generator.bn.weight"], state["generator.bn.bias"])
    x = F.conv2d(x, weight("generator.conv_to_rgb"), state["generator.conv_to_rgb.bias"], padding=1)
    return x[:, :3].tanh()


def test_truncated_z(folder):
    model = ganedit.load(folder, device="cpu")
    z = model.z_of(range(200), psi=0.5)
    assert z.abs().max() <= 1.0
    assert z.abs().max() > 0.9
    assert torch.equal(z[7], model.z_of([7], psi=0.5)[0])


def test_what_it_does_not_take(folder, gentle, tmp_path):
    model = ganedit.load(gentle, device="cpu")
    with pytest.raises(InputError, match="above 0"):
        model.generate(seeds=[0], c=model.one_hot(3), psi=1.5)
    with pytest.raises(InputError, match="class"):
        model.generate(seeds=[0])
    with pytest.raises(CheckpointError, match=r"no card\.toml, nor config\.json"):
        ganedit.load(tmp_path)
    (gentle / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="not valid JSON"):
        ganedit.load(gentle)
