"""rosinality's StyleGAN2: reference outputs, the kinds of files, and its discriminator."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from reference import NARROW, assert_golden, everywhere, path_id
from safetensors.torch import load_file
from torch import Tensor

import ganedit
from ganedit.errors import CheckpointError
from ganedit.nets.stylegan2 import Generator, GeneratorConfig
from ganedit.store.architectures import build
from ganedit.store.cards import ModelCard
from ganedit.store.export import export
from ganedit.store.formats import rosinality
from ganedit.store.load import load
from ganedit.store.models import Generator as Model
from ganedit.store.pickles.stand_ins import StandIn

BLUR = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """A file of random weights, as ganedit exports it: 32 px, channels 12/10/8/6, codes [8]."""
    cfg = GeneratorConfig(32, (12, 10, 8, 6), z_dim=8, w_dim=8, mapping_layers=3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Generator(cfg).eval().requires_grad_(False)
        for name, tensor in network.state_dict().items():
            if name.endswith(("noise_strength", "w_avg")):
                tensor.normal_()
    model = Model(ModelCard("small", "generator", "stylegan2", cfg.to_dict(), 32), network)
    return export(model, tmp_path_factory.mktemp("rosinality") / "small.pt", "rosinality")


@pytest.fixture
def content(file) -> dict:
    return torch.load(file, weights_only=True)


def config(content: object) -> dict:
    found = rosinality.read(content)
    assert found
    return dict(found.weights.config)


@pytest.mark.parametrize("path", everywhere("rosinality-sg2-64.pt"), ids=path_id)
def test_golden(path):
    model = ganedit.load(path, device="cpu")
    golden = load_file(path.with_suffix(".golden.safetensors"))
    assert_golden(model.mapping(golden["z"])[:, 0], golden["w"])
    assert_golden(model.w_avg[None], golden["truncation_latent"])
    image = model.synthesis(model.mapping(golden["z"], psi=0.7), noise="const")
    assert_golden(image, golden["image_psi07_storednoise"])
    narrower = 4 if path.parent == NARROW else 1
    assert model.resolution == 64
    assert model.network.cfg.channels == tuple(c // narrower for c in (32, 32, 32, 64, 32))


def test_sizes_come_from_the_shapes(content):
    found = config(content)
    assert (found["resolution"], found["channels"]) == (32, (12, 10, 8, 6))
    assert (found["z_dim"], found["w_dim"], found["mapping_layers"]) == (8, 8, 3)


def test_a_training_checkpoint_gives_its_average(content):
    other = {k: torch.zeros_like(v) for k, v in content["g_ema"].items()}
    training = {**content, "g": other, "g_optim": {"state": {}}, "args": None, "ada_aug_p": 0.0}
    found, wanted = rosinality.read(training), rosinality.read(content)
    assert all(torch.equal(found.weights.state[k], v) for k, v in wanted.weights.state.items())
    assert "average" in rosinality.read({"g": content["g_ema"]}).notes


@pytest.mark.parametrize("kind", ["bare", "parallel", "module"])
def test_tensors_alone(content, kind):
    tensors: object = content["g_ema"]
    if kind == "parallel":
        tensors = {f"module.{k}": v for k, v in content["g_ema"].items()}
    elif kind == "module":
        empty = {"_buffers": {}, "_modules": {}}
        tensors = StandIn("Generator", {**empty, "_parameters": content["g_ema"]})
    found = rosinality.read(tensors)
    assert dict(found.weights.config) == config(content)
    assert "4096 samples" in found.notes


def test_a_missing_mean_code_is_computed(content):
    """The mean over many samples, the same each time, near that over others."""
    del content["latent_avg"]
    weights = rosinality.read(content).weights
    network = build(weights.architecture, weights.config, weights.state)
    torch.manual_seed(5)
    w = network.mapping(torch.randn(20_000, 8))
    error = (network.w_avg - w.mean(0)).abs() / (w.std(0) / math.sqrt(4096))
    assert error.max() < 5
    torch.testing.assert_close(rosinality.read(content).weights.state["mapping.w_avg"], network.w_avg)


def test_missing_noise_is_drawn(content):
    bare = {k: v for k, v in content["g_ema"].items() if not k.startswith("noises.")}
    found = rosinality.read({**content, "g_ema": bare})
    assert "no noise" in found.notes
    assert found.weights.state["synthesis.b16.conv0.noise_const"].shape == (16, 16)


def test_what_does_not_fit_is_refused(content):
    tensors = content["g_ema"]
    for key, value, said in (
        ("convs.0.conv.blur.kernel", torch.ones(4, 4) / 16, "blur filter"),
        ("convs.0.conv.weight", tensors["convs.0.conv.weight"][0], "axes of size 1"),
        ("styles.extra", torch.ones(3), "unknown"),
    ):
        with pytest.raises(CheckpointError, match=said):
            rosinality.read({**content, "g_ema": {**tensors, key: value}})
    with pytest.raises(CheckpointError, match="missing"):
        rosinality.read({"g_ema": {k: v for k, v in tensors.items() if k != "convs.1.noise.weight"}})
    with pytest.raises(CheckpointError, match="latent_avg"):
        rosinality.read({**content, "latent_avg": torch.zeros(9)})


def test_other_contents_are_of_another_family():
    for other in ({"g_ema": 3}, {"a": torch.zeros(2)}, [1], StandIn("Generator"), {"d": {}}):
        assert rosinality.read(other) is None


# ---- the discriminator ----


def make_judge() -> dict[str, Tensor]:
    """Random tensors of rosinality's discriminator for 16 px, channels 10/8/6 coarse to fine."""
    random = torch.Generator().manual_seed(0)
    shapes = {
        "convs.0.0.weight": (6, 3, 1, 1), "convs.0.1.bias": (6,),
        "final_conv.0.weight": (10, 11, 3, 3), "final_conv.1.bias": (10,),
        "final_linear.0.weight": (10, 160), "final_linear.0.bias": (10,),
        "final_linear.1.weight": (1, 10), "final_linear.1.bias": (1,),
    }  # fmt: skip
    for i, (wide, out) in ((1, (6, 8)), (2, (8, 10))):
        shapes |= {
            f"convs.{i}.conv1.0.weight": (wide, wide, 3, 3), f"convs.{i}.conv1.1.bias": (wide,),
            f"convs.{i}.conv2.1.weight": (out, wide, 3, 3), f"convs.{i}.conv2.2.bias": (out,),
            f"convs.{i}.skip.1.weight": (out, wide, 1, 1),
        }  # fmt: skip
    state = {k: torch.randn(s, generator=random) for k, s in shapes.items()}
    kernels = {f"convs.{i}.{part}.0.kernel": BLUR for i in (1, 2) for part in ("conv2", "skip")}
    return state | kernels


def judge_slowly(d: dict[str, Tensor], x: Tensor) -> Tensor:
    """Logits [N, 1] by what the tensors mean (StyleGAN2, section 4 and appendix B)."""

    def conv(x: Tensor, name: str, **how: int) -> Tensor:
        w = d[f"{name}.weight"]
        return F.conv2d(x, w / math.sqrt(w[0].numel()), **how)

    def act(x: Tensor, name: str) -> Tensor:
        return F.leaky_relu(x + d[f"{name}.bias"].view(1, -1, *[1] * (x.ndim - 2)), 0.2) * math.sqrt(2)

    def blurred(x: Tensor, pad: int) -> Tensor:
        return F.conv2d(x, BLUR.expand(x.shape[1], 1, 4, 4), padding=pad, groups=x.shape[1])

    x = act(conv(x, "convs.0.0"), "convs.0.1")
    for i in (1, 2):
        y = act(conv(x, f"convs.{i}.conv1.0", padding=1), f"convs.{i}.conv1.1")
        y = act(conv(blurred(y, 2), f"convs.{i}.conv2.1", stride=2), f"convs.{i}.conv2.2")
        x = (y + conv(blurred(x, 1), f"convs.{i}.skip.1", stride=2)) / math.sqrt(2)
    n, c, h, w = x.shape
    groups = x.view(4, n // 4, c, h, w)  # every n/4-th picture
    std = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3)).repeat(4)
    x = torch.cat([x, std.view(n, 1, 1, 1).expand(n, 1, h, w)], 1)
    x = act(conv(x, "final_conv.0", padding=1), "final_conv.1").flatten(1)
    x = act(x @ d["final_linear.0.weight"].t() / math.sqrt(x.shape[1]), "final_linear.0")
    return x @ d["final_linear.1.weight"].t() / math.sqrt(x.shape[1]) + d["final_linear.1.bias"]


def test_the_discriminator_judges_by_what_its_tensors_mean(content, tmp_path):
    judge = make_judge()
    torch.save({**content, "d": judge}, tmp_path / "training.pt")
    model = load(tmp_path / "training.pt", "cpu")
    images = torch.randn(8, 3, 16, 16)
    torch.testing.assert_close(model.discriminator(images), judge_slowly(judge, images), atol=1e-4, rtol=1e-4)
    assert model.discriminator.network.cfg.channels == (10, 8, 6)
