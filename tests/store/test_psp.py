"""pSp's and e4e's checkpoints, against a small file made by the published layout."""

from __future__ import annotations

from argparse import Namespace

import pytest
import torch
from published_encoder import PublishedEncoder, save_encoder
from torch import nn

import ganedit
from ganedit.errors import CheckpointError
from ganedit.nets.irse_encoder import IRSEEncoder, IRSEEncoderConfig
from ganedit.store.load import save_model

WIDTHS, UNITS, HALVINGS = (16, 32, 48, 64), (2, 2, 1, 2), (2, 2, 3, 4)


@pytest.fixture
def published():
    torch.manual_seed(0)
    network = PublishedEncoder(16, WIDTHS, UNITS, HALVINGS).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return network


def saved(path, network, **options):
    """The mean code of a file of the encoder, which is written."""
    mean = torch.randn(4, 64, generator=torch.Generator().manual_seed(1))
    save_encoder(path, network, mean, **options)
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
