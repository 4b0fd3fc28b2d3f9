"""CycleGAN between tiny sets: losses fall, runs resume with their history, both directions load."""

from __future__ import annotations

import pytest
import torch
from recipes import CPU, assert_resumes, draw_pictures, trained

from ganedit.errors import InputError, UsageError
from ganedit.store.load import load
from ganedit.train.options import CycleGANOptions
from ganedit.train.recipes.cyclegan import start
from ganedit.train.translation import History


@pytest.fixture
def options(tmp_path):
    a = draw_pictures(tmp_path / "a", 5, (20, 22), seed=1)
    b = draw_pictures(tmp_path / "b", 3, (24, 20), seed=2)

    def make(**more):
        values = {
            "kimg": 0.008,
            "batch": 2,
            "size": 32,
            "width": 4,
            "judge_width": 4,
            "blocks": 1,
            "history": 3,
        }
        return CycleGANOptions(data=(str(a), str(b)), precision="float32", **{**values, **more})

    return make


def make(opts):
    return start(opts, CPU, lambda text: None)


def test_resume(options, tmp_path):
    assert_resumes(make, options(snapshot_kimg=0.004), tmp_path)


def test_pictures_come_back(options, tmp_path):
    reports = []
    recipe = trained(make, options(kimg=0.2, lr=0.003, sample_kimg=0.02), tmp_path, reports=reports)
    for name in ("g/cycle", "g/identity"):
        assert reports[-1].stats[name] < reports[0].stats[name] / 1.3
    assert recipe.samples().shape == (3, 6 * 32, 3 * 32)
    assert int(recipe.past_a.count) == 3


def test_pieces_share_a_step(options, tmp_path):
    trained(make, options(accumulate=2), tmp_path)


def test_both_directions_are_exported(options, tmp_path):
    recipe = trained(make, options(name="a2b", name_back="b2a"), tmp_path)
    x = torch.rand(1, 3, 16, 20) * 2 - 1
    for folder, name, network in (("model", "a2b", recipe.to_b), ("model/back", "b2a", recipe.to_a)):
        model = load(tmp_path / folder, device="cpu")
        assert (model.name, model.card.task, model.card.architecture) == (name, "translator", "resnet")
        with torch.no_grad():
            torch.testing.assert_close(model(x), network(x), atol=0.02, rtol=0)  # float16


def test_the_rate_is_held_and_then_falls(options, tmp_path):
    recipe = make(options(kimg=0.008, batch=1))
    rates = []
    step = recipe.step

    def watched(run):
        found = step(run)
        rates.append(recipe.optimizers["g"].param_groups[0]["lr"] / recipe.options.lr)
        return found

    recipe.step = watched
    trained(lambda _: recipe, recipe.options, tmp_path)
    assert rates == pytest.approx([1, 1, 1, 1, 1, 0.75, 0.5, 0.25])


def test_history_swaps_only_what_it_holds():
    torch.manual_seed(0)
    history = History(4, 1, 1)
    first = torch.arange(4.0).view(4, 1, 1, 1)
    assert torch.equal(history(first), first)
    shown = torch.cat([history(torch.full((1, 1, 1, 1), 10.0 + i)) for i in range(40)]).flatten()
    older = shown != 10 + torch.arange(40.0)
    assert 8 < int(older.sum()) < 32
    assert len(set(shown.tolist())) == 40  # each is shown once
    assert History(0, 1, 1)(first) is first


def test_two_domains_are_needed(options, tmp_path):
    with pytest.raises(UsageError, match="two folders or zips, not 1"):
        make(CycleGANOptions(data=(str(tmp_path / "a"),)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no images"):
        make(CycleGANOptions(data=(str(tmp_path / "a"), str(tmp_path / "empty"))))
