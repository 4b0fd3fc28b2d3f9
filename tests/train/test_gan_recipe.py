"""The recipe that puts GANs together: presets, contradictions, exact resume, learning, export, toy sets."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from recipes import assert_resumes, trained

from ganedit.data.images import ImageSet
from ganedit.data.toys import ring8
from ganedit.errors import UsageError
from ganedit.images.film import frames, open_film
from ganedit.latent.generating import generate
from ganedit.store.load import load
from ganedit.train.options.gan import PRESETS, GANOptions
from ganedit.train.recipes.gan import GAN
from ganedit.train.run import Run, start_fabric
from ganedit.train.start import resolve

CPU = torch.device("cpu")
COLOURS = ((220, 40, 40), (40, 60, 220))
POINTS = {"data": ("ring8",), "batch": 8, "kimg": 0.064, "width": 8, "z_dim": 4}


def options(**more) -> GANOptions:
    values = {
        "data": ("pictures",), "resolution": 16, "width": 8, "z_dim": 4, "batch": 8, "kimg": 0.064, "seed": 5,
        "label": "colour", "precision": "float32", **more,
    }  # fmt: skip
    return GANOptions(**GANOptions.filled(values))


def pictures(n: int = 24, side: int = 16) -> ImageSet:
    """Noisy pictures of two colours, a class each."""
    rng = torch.Generator().manual_seed(0)
    colours = torch.tensor([COLOURS[i % 2] for i in range(n)], dtype=torch.float32)[:, :, None, None]
    images = (colours + 10 * torch.randn(n, 3, side, side, generator=rng)).clamp(0, 255).round().byte()
    return ImageSet(images, [f"{i}.png" for i in range(n)], torch.arange(n) % 2, ["red", "blue"], [])


def of_pictures(opts: GANOptions) -> GAN:
    return GAN(opts, pictures(side=opts.resolution), CPU, print)


def of_points(opts: GANOptions, note=print) -> GAN:
    return GAN(opts, ring8(), CPU, note)


# ---- options ----


def test_presets_are_defaults_that_given_options_override():
    filled = resolve("gan", ("x",), Path("none"), resume=False, overwrite=False, given={"preset": "wgan-gp"})
    assert (filled.network, filled.loss, filled.penalty, filled.d_steps) == ("resnet", "wasserstein", "gp", 5)
    assert filled.weight_of_penalty == 10
    given = {"preset": "wgan-gp", "d_steps": 2, "network": "dcgan"}
    filled = resolve("gan", ("x",), Path("none"), resume=False, overwrite=False, given=given)
    assert (filled.network, filled.penalty, filled.d_steps) == ("dcgan", "gp", 2)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_says_what_it_stands_for(name):
    text = str(PRESETS[name])
    for key, value in PRESETS[name].options.items():
        assert f"--{key.replace('_', '-')} {value}" in text


def test_points_are_drawn_by_fully_connected_layers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    points = GANOptions(**GANOptions.filled({"data": ("ring8",), "preset": "wgan-gp"}))
    assert (points.network, points.penalty, points.width) == ("mlp", "gp", 128)
    (tmp_path / "ring8").mkdir()  # a folder of that name is a set of images
    assert GANOptions.filled({"data": ("ring8",), "preset": "wgan-gp"})["network"] == "resnet"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"preset": "wgann"}, "no preset wgann"),
        ({"penalty": "clip"}, "`penalty=clip` bounds a critic, and `loss=non-saturating` has none"),
        ({"loss": "wasserstein"}, "`loss=wasserstein` needs a bounded critic"),
        ({"preset": "wgan", "spectral_norm": "d"}, "both bound the critic"),
        ({"condition": "acgan", "label": ""}, "`condition=acgan` needs the classes"),
        ({"network": "mlp", "condition": "projection"}, "`network=mlp` has no normalisation"),
        ({"network": "biggan"}, "`network=biggan` cannot take `condition=none`"),
        ({"network": "biggan", "loss": "began"}, "`network=biggan` cannot take"),
        ({"preset": "began", "condition": "acgan"}, "`loss=began` has no place for `condition=acgan`"),
        ({"preset": "began", "minibatch_stddev": True}, "no place for `minibatch_stddev=True`"),
        ({"diffaugment": "color,blur"}, "'blur'"),
        ({"data": ("ring8",), "network": "dcgan"}, "ring8 holds points"),
        ({"data": ("ring8",), "diffaugment": "cutout"}, "ring8 holds points"),
        ({"minibatch_discrimination": True, "batch": 1}, "`batch=1` holds one"),
        ({"network": "fastgan", "redraw": -1.0}, "`redraw=-1.0` must be a number"),
        ({"resolution": 24}, "`resolution=24` must be a power of two"),
        ({"d_steps": 0}, "`d_steps=0` must be at least 1"),
        ({"beta1": 1.5}, "`beta1=1.5` must be between 0 and 1"),
    ],
)
def test_contradictions_are_refused_by_name(given, said):
    with pytest.raises(UsageError, match=said):
        options(**given)


def test_a_resumed_run_keeps_its_preset(tmp_path):
    (tmp_path / "options.json").write_text(json.dumps({"recipe": "gan", "data": ["x"], "preset": "dcgan"}))
    given = {"preset": "lsgan"}
    with pytest.raises(UsageError, match="`preset=lsgan` cannot change"):
        resolve("gan", (), tmp_path, resume=True, overwrite=False, given=given)


# ---- steps ----

RESUMED = {
    "biggan": {"preset": "biggan", "accumulate": 2, "decay": 0.5, "diffaugment": "color,translation,cutout"},
    "wgan-gp, cbn": {"preset": "wgan-gp", "network": "dcgan", "d_steps": 2, "condition": "cbn"},
    "began": {"preset": "began"},
    "fastgan": {"preset": "fastgan", "condition": "projection", "accumulate": 2},
    "fastgan, concat, no spectral norm": {"network": "fastgan", "condition": "concat", "loss": "hinge"},
    "acgan with r1": {"preset": "acgan", "penalty": "r1", "minibatch_stddev": True},
}


@pytest.mark.parametrize("given", RESUMED.values(), ids=RESUMED)
def test_half_and_resume_is_the_whole_bit_for_bit(tmp_path, given):
    assert_resumes(
        of_pictures, options(**given, kimg=0.032, snapshot_kimg=0.008, sample_kimg=0.008), tmp_path
    )


def test_points_resume_too(tmp_path):
    opts = options(**POINTS, minibatch_discrimination=True, snapshot_kimg=0.032, sample_kimg=0.032)
    assert_resumes(of_points, opts, tmp_path)


def test_began_keeps_its_balance_when_resumed(tmp_path):
    recipe = trained(of_pictures, options(preset="began"), tmp_path)
    assert recipe.state()["k"] > 0
    other = of_pictures(options(preset="began"))
    other.load_state(recipe.state())
    assert other.state() == recipe.state()


def test_clipping_bounds_every_weight_of_the_critic(tmp_path):
    recipe = trained(of_pictures, options(preset="wgan", kimg=0.016), tmp_path)
    assert max(float(p.detach().abs().max()) for p in recipe.d.parameters()) <= 0.01
    assert max(float(p.detach().abs().max()) for p in recipe.g.parameters()) > 0.01


def test_d_steps_see_different_images():
    opts = options(preset="wgan-gp", d_steps=3)
    recipe, run = of_pictures(opts), Run(start_fabric("cpu", 1), opts)
    seen, draw = [], recipe.data.draw

    def watched(share, *, mirror):
        seen.append(share.step)
        return draw(share, mirror=mirror)

    recipe.data.draw = watched
    for run.step in range(2):
        recipe.step(run)
    assert seen == [0, 1, 2, 3, 4, 5]


def test_the_generator_learns_only_in_its_own_turn():
    opts = options()
    recipe, run = of_pictures(opts), Run(start_fabric("cpu", 1), opts)
    before = [p.clone() for p in recipe.g.parameters()]
    run.minimise(recipe.optimizers["d"], recipe._d_losses(recipe.data.draw(run.share(), mirror=False), {}))
    assert all(torch.equal(a, b) for a, b in zip(before, recipe.g.parameters(), strict=True))


# ---- what comes out ----


@pytest.mark.parametrize("condition", ["concat", "projection", "acgan"])
def test_classes_get_their_colours(tmp_path, condition):
    """The mean of a class's samples ends nearer to its colour than to the other class's, by half.

    Without a penalty, so short a game may stop anywhere in its swings.
    """
    opts = options(condition=condition, penalty="r1", kimg=1.2, lr=2e-3, ema_kimg=0.2, sample_kimg=10.0)
    trained(of_pictures, opts, tmp_path)
    model = load(tmp_path / "model", device="cpu")
    assert model.class_names == ["red", "blue"]
    for number in range(2):
        images = model.generate(seeds=range(32), c=model.one_hot(number, 32))
        mean = images.mean(dim=(0, 2, 3))
        own, other = (torch.tensor(COLOURS[i]) / 127.5 - 1 for i in (number, 1 - number))
        assert (mean - own).norm() < (mean - other).norm() / 2


@pytest.mark.parametrize("preset", ["goodfellow", "dcgan", "wgan-gp", "sngan", "biggan", "fastgan"])
def test_the_sheet_shows_the_seeds_that_users_draw(tmp_path, preset):
    recipe = trained(of_pictures, options(preset=preset, kimg=0.016), tmp_path)
    model = load(tmp_path / "model", device="cpu")
    c = model.one_hot([0, 1, 0]) if model.num_classes else None
    wanted = model.generate(seeds=range(3), c=c)
    torch.testing.assert_close(
        recipe.samples()[:, :16, :48], torch.cat(list(wanted), dim=2), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("preset", ["goodfellow", "biggan"])
def test_truncation_draws_what_is_usual(preset):
    """At psi 0.5, z is half of what it is at 1, so samples differ less from each other."""
    g = of_pictures(options(preset=preset)).g
    assert (g.draw_z(3, 0.5) * 2).tolist() == pytest.approx(g.draw_z(3, 1.0).tolist())


def test_points_leave_a_film_and_a_measure(tmp_path):
    notes = []
    opts = options(**POINTS, sample_kimg=0.016)
    trained(partial(of_points, note=notes.append), opts, tmp_path)
    card = load(tmp_path / "model", device="cpu").card
    assert [metric.name for metric in card.metrics] == ["modes", "within 3 sigma"]
    assert "of 8 modes covered" in notes[0]
    with pytest.raises(UsageError, match="draws points of the plane"):
        generate(load(tmp_path / "model", device="cpu"), [0])
    assert len(list(frames(open_film(tmp_path / "film.mp4")))) >= 1
