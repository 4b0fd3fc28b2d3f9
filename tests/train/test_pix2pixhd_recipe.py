"""pix2pixHD on tiny maps: it learns, resumes exactly, grows by enhancers, and what it exports translates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from recipes import CPU, assert_resumes, draw_pictures, trained

from ganedit.errors import CheckpointError, MissingError, UsageError
from ganedit.store.load import load
from ganedit.train.options.label_maps import Pix2pixHDOptions
from ganedit.train.recipes import pix2pixhd
from ganedit.train.recipes.pix2pixhd import start, take_over

COLOURS = np.array([[200, 40, 40], [30, 60, 220]], np.uint8)


@pytest.fixture
def options(tmp_path):
    """Maps of two labels, and photos that show each in a colour of its own."""
    rng = np.random.default_rng(0)
    for name in ("maps", "photos"):
        (tmp_path / name).mkdir()
    for i in range(6):
        labels = np.kron(rng.integers(0, 2, (5, 5)), np.ones((4, 4))).astype(np.uint8)
        Image.fromarray(labels).save(tmp_path / f"maps/{i}.png")
        Image.fromarray(COLOURS[labels]).save(tmp_path / f"photos/{i}.png")

    def make(**more):
        values = {
            "data": (str(tmp_path / "maps"), str(tmp_path / "photos")),
            "labels": "red,blue",
            "kimg": 0.008,
            "batch": 2,
            "size": 16,
            "width": 8,
            "d_width": 4,
            "downs": 1,
            "blocks": 1,
            "local_blocks": 1,
            "scales": 1,
        }
        return Pix2pixHDOptions(precision="float32", **{**values, **more})

    return make


def make(opts):
    return start(opts, CPU, lambda text: None)


def test_it_learns_the_colours(options, tmp_path):
    opts = options(kimg=0.24, lr=0.002)
    layers = make(opts).data.centres(range(6), 16)

    def error(recipe):
        with torch.no_grad():
            return float((recipe.g(recipe._given(layers)) - layers[-1]).abs().mean())

    before = error(make(opts))
    recipe = trained(make, opts, tmp_path)
    assert error(recipe) < before / 2
    assert recipe.samples().shape == (3, 3 * 16, 6 * 16)


def test_the_global_generator_is_held_and_then_learns_inside_an_enhancer(options, tmp_path):
    coarse = trained(make, options(), tmp_path / "global").g.state_dict()
    opts = options(local=1, start=str(tmp_path / "global/model"), fix_global=0.5, lr=0.002)
    assert_resumes(make, replace(opts, snapshot_kimg=0.004), tmp_path / "local")
    half = replace(opts, fix_global=1.0)
    for later, moved in (
        (trained(make, half, tmp_path / "held"), False),
        (trained(make, opts, tmp_path), True),
    ):
        trunk = {key: value for key, value in later.g.state_dict().items() if key.startswith("trunk.")}
        assert len(trunk) == len(coarse) - 2  # all but the head
        for key, value in trunk.items():
            away = not torch.allclose(value, coarse[key], atol=1e-4)  # read back from float16
            if value.ndim == 4:
                assert away == moved, key


def test_an_export_of_maps(options, tmp_path, capfd):
    from ganedit.cli.app import main

    recipe = trained(make, options(name="blocks", local=1, batch=2, accumulate=2), tmp_path / "run")
    model = load(tmp_path / "run/model", device="cpu")
    assert (model.card.task, model.card.architecture, model.name) == ("translator", "pix2pixhd", "blocks")
    assert model.card.details == {"input": "labels", "edges": True, "labels": ["red", "blue"]}
    given = recipe._given(recipe.data.centres([0], 16))
    assert given.shape == (1, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(model(given), recipe.g(given), atol=0.02, rtol=0)  # float16
    maps, out = str(tmp_path / "maps/0.png"), str(tmp_path / "made")
    assert main(["translate", maps, "--model", str(tmp_path / "run/model"), "-o", out]) == 0
    assert Image.open(tmp_path / "made/0.translated.png").size == (20, 20)


def test_pairs_of_pictures(options, tmp_path):
    pairs = draw_pictures(tmp_path / "pairs", 2, (40, 20))
    recipe = trained(make, options(data=(str(pairs),), labels="0", kimg=0.002), tmp_path / "run")
    assert recipe.samples().shape == (3, 3 * 16, 2 * 16)
    model = load(tmp_path / "run/model", device="cpu")
    assert (model.in_channels, model.card.architecture, model.card.details) == (3, "resnet", {})
    assert model(torch.zeros(1, 3, 21, 30)).shape == (1, 3, 21, 30)


def test_the_losses_of_networks_that_know_nothing(options, monkeypatch):
    """A generator that draws grey, judges that say 0.5 of everything, and LPIPS in place of VGG."""
    monkeypatch.setattr(
        pix2pixhd, "lpips_network", lambda device: lambda a, b: (a - b).square().mean((1, 2, 3), keepdim=True)
    )
    recipe = make(options(scales=2, vgg=3.0))
    for network in recipe.networks.values():
        for parameter in network.parameters():
            parameter.data.zero_()
    for judge in recipe.d.discriminators:
        judge.to_logits.bias.data.fill_(0.5)
    pieces, fakes, stats = [(torch.zeros(1, 3, 16, 16), torch.full((1, 3, 16, 16), 0.5))], [], {}
    (loss,) = recipe._g_losses(pieces, fakes, stats)
    found = {name: float(value) for name, value in stats.items()}
    assert found == {"g/gan": 2 * 0.25, "g/features": 0, "g/vgg": 3 * 0.25}
    assert loss.item() == 1.25
    (d_loss,) = recipe._d_losses(pieces, fakes)
    assert d_loss.item() == 2 * 0.25


def test_lpips_without_its_weights(options, monkeypatch):
    from torchmetrics.image import lpip

    def offline(kind):
        raise OSError("no network")

    monkeypatch.setattr(lpip, "LearnedPerceptualImagePatchSimilarity", offline)
    with pytest.raises(MissingError, match="LPIPS needs"):
        make(options(vgg=1.0))


def test_generators_to_start_from(options):
    alone, one, two = (make(options(local=n)).g for n in range(3))
    wider, deeper = make(options(width=16)).g, make(options(blocks=2)).g
    take_over(alone, make(options(seed=1)).g, "it")
    take_over(two, one, "it")  # the coarser enhancer is that of `one`
    ours, theirs = two.enhancers[0].state_dict(), one.enhancers[0].state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    for g, before in ((alone, wider), (one, wider), (deeper, alone), (alone, one), (one, make(options()).d)):
        with pytest.raises(CheckpointError, match="is not a global generator"):
            take_over(g, before, "it")


def test_what_is_refused(options):
    for wrong in (
        {"labels": ""},
        {"size": 24, "downs": 4},
        {"width": 6, "local": 2},
        {"fix_global": 0.1},
        {"fix_global": 2.0, "local": 1, "start": "x"},
        {"labels": "0", "palette": "p.gpl"},
        {"scales": 0},
    ):
        with pytest.raises(UsageError):
            options(**wrong)
