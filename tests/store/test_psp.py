"""pSp's and e4e's checkpoints, against a small file made by the published layout."""

from __future__ import annotations

from argparse import Namespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import ganedit
from ganedit.errors import CheckpointError
from ganedit.nets.irse_encoder import IRSEEncoder, IRSEEncoderConfig
from ganedit.store.load import save_model

WIDTHS, UNITS, HALVINGS = (16, 32, 48, 64), (2, 2, 1, 2), (2, 2, 3, 4)


class Block(nn.Module):
    """A residual unit with the names and the order of the published files."""

    def __init__(self, i: int, o: int, stride: int) -> None:
        super().__init__()
        se = nn.Module()
        se.fc1, se.fc2 = nn.Conv2d(o, o // 16, 1, bias=False), nn.Conv2d(o // 16, o, 1, bias=False)
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(i), nn.Conv2d(i, o, 3, 1, 1, bias=False), nn.PReLU(o),
            nn.Conv2d(o, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), se,
        )  # fmt: skip
        if i != o:
            self.shortcut_layer = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))
        self.stride = stride

    def forward(self, x):
        short = self.shortcut_layer(x) if hasattr(self, "shortcut_layer") else F.max_pool2d(x, 1, self.stride)
        for layer in self.res_layer[:5]:
            x = layer(x)
        se = self.res_layer[5]
        return short + x * se.fc2(F.relu(se.fc1(F.adaptive_avg_pool2d(x, 1)))).sigmoid()


class Published(nn.Module):
    """The encoder as the papers draw it."""

    def __init__(self) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.PReLU(16)
        )
        shapes, before = [], 16
        for width, count in zip(WIDTHS, UNITS, strict=True):
            shapes += [(before, width, 2)] + [(width, width, 1)] * (count - 1)
            before = width
        self.body = nn.Sequential(*(Block(*shape) for shape in shapes))
        self.latlayer1, self.latlayer2 = nn.Conv2d(48, 64, 1), nn.Conv2d(32, 64, 1)
        self.styles = nn.ModuleList(self.style(n) for n in HALVINGS)

    @staticmethod
    def style(halvings: int) -> nn.Module:
        style = nn.Module()
        convs = [[nn.Conv2d(64, 64, 3, 2, 1), nn.LeakyReLU()] for _ in range(halvings)]
        style.convs = nn.Sequential(*(layer for pair in convs for layer in pair))
        style.linear = nn.Linear(64, 64)  # its weight is divided by the root of 64 when used
        return style

    def forward(self, x):
        x = self.input_layer(x)
        found = []
        for block in self.body:
            x = block(x)
            found.append(x)
        c1, c2, c3 = found[3], found[4], found[6]
        p2 = F.interpolate(c3, c2.shape[2:], mode="bilinear", align_corners=True) + self.latlayer1(c2)
        p1 = F.interpolate(p2, c1.shape[2:], mode="bilinear", align_corners=True) + self.latlayer2(c1)
        features = {2: c3, 3: p2, 4: p1}
        rows = []
        for style, n in zip(self.styles, HALVINGS, strict=True):
            h = style.convs(features[n]).flatten(1)
            rows.append(F.linear(h, style.linear.weight / 8, style.linear.bias))
        return torch.stack(rows, 1)


@pytest.fixture
def published():
    torch.manual_seed(0)
    network = Published().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return network


def saved(path, network, **opts):
    """A file as the training code writes it, the generator included."""
    state = {f"encoder.{k}": v for k, v in network.state_dict().items()} | {
        "decoder.input.input": torch.zeros(3)
    }
    mean = torch.randn(4, 64, generator=torch.Generator().manual_seed(1))
    torch.save({"state_dict": state, "latent_avg": mean, "opts": opts}, path)
    return mean


@pytest.mark.parametrize("kind", ["Encoder4Editing", "GradualStyleEncoder"])
def test_codes_by_the_paper(tmp_path, published, kind):
    mean = saved(
        tmp_path / "e.pt",
        published,
        encoder_type=kind,
        start_from_latent_avg=True,
        dataset_type="ffhq_encode",
    )
    encoder = ganedit.load(tmp_path / "e.pt", device="cpu")
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        rows = published(images)
        wanted = (
            rows
            if kind == "GradualStyleEncoder"
            else rows + rows[:, :1] * torch.tensor([0, 1, 1, 1])[:, None]
        )
        torch.testing.assert_close(encoder(images), wanted + mean, atol=1e-4, rtol=1e-4)
    assert (encoder.card.template, encoder.card.resolution) == ("ffhq", 64)
    assert encoder.card.config["widths"] == WIDTHS


def test_options_decide_about_the_mean(tmp_path, published):
    images = torch.randn(1, 3, 64, 64)
    mean = saved(tmp_path / "a.pt", published, start_from_latent_avg=False)
    saved(tmp_path / "b.pt", published, start_from_latent_avg=True, learn_in_w=True)
    plain, in_w = (ganedit.load(tmp_path / n, device="cpu") for n in ("a.pt", "b.pt"))
    torch.testing.assert_close(in_w(images) - plain(images), mean[:1].expand(1, 4, 64), atol=1e-4, rtol=0)


def test_options_may_be_a_namespace(tmp_path, published):
    saved(tmp_path / "a.pt", published)
    content = torch.load(tmp_path / "a.pt", weights_only=True)
    content["opts"] = Namespace(encoder_type="Encoder4Editing", start_from_latent_avg=True)
    torch.save(content, tmp_path / "b.pt")
    assert ganedit.load(tmp_path / "b.pt", device="cpu").card.config["kind"] == "e4e"


def test_another_encoder_is_named(tmp_path, published):
    saved(tmp_path / "a.pt", published, encoder_type="BackboneEncoderUsingLastLayerIntoW")
    with pytest.raises(CheckpointError, match="BackboneEncoder"):
        ganedit.load(tmp_path / "a.pt")


def test_kept_as_safetensors_it_gives_the_same(tmp_path, published):
    saved(tmp_path / "a.pt", published, encoder_type="Encoder4Editing")
    encoder = ganedit.load(tmp_path / "a.pt", device="cpu")
    save_model(tmp_path / "kept", encoder.card, encoder.network.state_dict())
    images = torch.randn(1, 3, 80, 70)  # resized on the way
    assert torch.equal(ganedit.load(tmp_path / "kept", device="cpu")(images), encoder(images))


def test_published_sizes():
    """IR-50 for 256 px and the 18 rows of a 1024-px StyleGAN2; most of its numbers are in the heads."""
    with torch.device("meta"):
        network = IRSEEncoder(IRSEEncoderConfig())
    assert (network.cfg.resolution, network.cfg.num_ws, network.cfg.w_dim) == (256, 18, 512)
    assert sum(unit for unit in network.cfg.units) == 24
    assert round(sum(p.numel() for p in network.parameters()) / 1e6) == 267
