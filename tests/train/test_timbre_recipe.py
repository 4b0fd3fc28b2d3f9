"""TimbreTron between tiny sets: sounds come back, runs resume, both directions play."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from recipes import CPU, assert_resumes, trained
from sounds import save_tones

from ganedit.audio.spectrogram import SpectrogramConfig
from ganedit.data.sounds import load_sounds
from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.store.load import load
from ganedit.store.uses import use_of
from ganedit.train.options.recipes import TimbreOptions
from ganedit.train.recipes.timbre import SoundDomains, Timbre, start


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Dull tones and bright ones, of different tunes, as long as 38 columns."""
    root = tmp_path_factory.mktemp("sounds")
    dull = save_tones(root / "dull", [440, 660, 880], 0.6, harmonics=[1, 0.1])
    return str(dull), str(save_tones(root / "bright", [550, 770], 0.6, harmonics=[1, 0.9, 0.8, 0.7]))


@pytest.fixture(scope="module")
def make(folders):
    """What makes the recipe, with sounds that are read once."""
    sets = tuple(load_sounds(folder, SpectrogramConfig(), frames=32) for folder in folders)
    return lambda opts: Timbre(opts, SoundDomains(opts, sets), CPU)


@pytest.fixture
def options(folders):
    def make(**more):
        sizes = {"batch": 2, "width": 2, "d_width": 2, "blocks": 1, "frames": 32, "kimg": 0.008}
        return TimbreOptions(precision="float32", **{"data": folders, **sizes, **more})

    return make


def test_resume(make, options, tmp_path):
    assert_resumes(make, options(snapshot_kimg=0.004), tmp_path)


def test_before_training_nothing_is_changed(make, options):
    recipe = make(options())
    a, b = recipe.domains.examples(2)
    assert torch.equal(recipe.translated(a, "ab"), a)
    assert torch.equal(recipe.translated(b, "ba"), b)
    assert not recipe.d_a(a).any()


def test_sounds_come_back(make, options, tmp_path):
    """From networks that change everything."""
    recipe, reports = make(options(kimg=0.016, lr=0.005, sample_kimg=0.002, identity_until=1.0)), []
    for network in (recipe.to_b, recipe.to_a):
        torch.nn.init.normal_(network.to_image.weight, std=0.1)
    trained(lambda _: recipe, recipe.options, tmp_path, reports=reports)
    for name in ("g/cycle", "g/identity"):
        assert reports[-1].stats[name] < reports[0].stats[name] / 1.3
    assert recipe.samples().shape == (3, 6 * 336, 2 * 32)


def test_pieces_share_a_step(make, options, tmp_path):
    trained(make, options(accumulate=2), tmp_path)


def test_both_directions_are_exported(make, options, tmp_path):
    recipe = trained(make, options(name="a2b", name_back="b2a"), tmp_path)
    x, _ = recipe.domains.examples(1)
    to_b, to_a = recipe.exported
    for folder, name, network in (("model", "a2b", to_b), ("model/back", "b2a", to_a)):
        model = load(tmp_path / folder, device="cpu")
        assert (model.name, model.card.task, model.card.architecture) == (name, "translator", "resnet")
        assert use_of(model) == "timbre"
        assert model.card.details["frames"] == 32
        assert SpectrogramConfig.from_details(model.card.details) == SpectrogramConfig()
        with torch.no_grad():
            torch.testing.assert_close(model(x), network(x), atol=0.02, rtol=0)  # float16


def test_the_identity_loss_fades(make, options, tmp_path):
    recipe = make(options(cycle=10.0, identity=0.5, identity_until=0.5))
    weights = [recipe.identity(SimpleNamespace(progress=at)) for at in (0, 0.25, 0.5, 0.75, 1)]
    assert weights == pytest.approx([5, 2.5, 0, 0, 0])
    seen, step = [], recipe.step
    recipe.step = lambda run: seen.append(step(run)) or seen[-1]
    trained(lambda _: recipe, recipe.options, tmp_path)
    assert ["g/identity" in stats for stats in seen] == [True, True, False, False]
    assert make(options(identity_until=0.0)).identity(SimpleNamespace(progress=0)) == 0


def test_the_penalty_holds_slopes(make, options):
    """Half its weight times the squared slopes at real and at made-up sounds; here both are the same."""
    recipe, plain = make(options(penalty=3.0)), make(options(penalty=0.0))
    a, _ = recipe.domains.examples(2)
    undecided = float(recipe._d_loss(recipe.d_a, a, a).detach())
    assert undecided == pytest.approx(2 * math.log(2), abs=1e-4)
    torch.nn.init.normal_(recipe.d_a.to_logits.weight)
    x = a.clone().requires_grad_()
    (slope,) = torch.autograd.grad(recipe.d_a(x).sum(), x)
    found = (recipe._d_loss(recipe.d_a, a, a) - plain._d_loss(recipe.d_a, a, a)).detach()
    assert float(found) == pytest.approx(3 * float(slope.square().sum(dim=(1, 2, 3)).mean()), rel=1e-3)


def test_a_run_starts_from_another(make, options, folders, tmp_path):
    first = trained(make, options(), tmp_path)
    second = start(options(start=str(tmp_path / "model")), CPU, lambda text: None)
    pairs = zip((second.to_b, second.to_a, *second.exported), first.exported * 2, strict=True)
    for ours, theirs in pairs:
        for key, value in theirs.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[key], value, atol=2e-3, rtol=1e-2)  # float16
    with pytest.raises(CheckpointError, match="of this size"):
        start(options(start=str(tmp_path / "model"), width=4), CPU, lambda text: None)


def test_short_and_damaged_sounds_are_named(options, tmp_path):
    for name in ("a", "b"):
        save_tones(tmp_path / name, [440], 0.6)
    save_tones(tmp_path / "a" / "more", [440], 0.2)
    (tmp_path / "b" / "text.flac").write_text("no sound")
    said = []
    recipe = start(options(data=(str(tmp_path / "a"), str(tmp_path / "b"))), CPU, said.append)
    assert [len(sounds) for sounds in recipe.domains.sets] == [1, 1]
    assert "more/0.wav" in "\n".join(said)
    assert "text.flac" in "\n".join(said)


def test_two_instruments_are_needed(options, tmp_path):
    for wrong in ((), (str(tmp_path),)):
        with pytest.raises(UsageError, match="two folders or zips"):
            start(options(data=wrong), CPU, lambda text: None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no sounds"):
        start(options(data=(str(tmp_path / "empty"),) * 2), CPU, lambda text: None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"downs": 0}, {"blocks": 0}, {"width": 0}, {"d_width": 0}, {"identity_until": 1.5}, {"lr": 0.0},
        {"penalty": -1.0}, {"gain": float("nan")}, {"kimg": 0.0}, {"batch": 3, "accumulate": 2},
    ],
    ids=str,
)  # fmt: skip
def test_options_that_make_no_sense(options, wrong):
    with pytest.raises(UsageError):
        options(**wrong)
