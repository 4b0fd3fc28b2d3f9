"""CycleGAN between tiny sets: losses fall, runs resume with their history, both directions load."""

from __future__ import annotations

import pytest
import torch
from recipes import CPU, assert_resumes, draw_pictures, sheet_error, trained

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.store.load import load
from ganedit.train.cycle import Drawn
from ganedit.train.options.translators import CycleGANOptions
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
            "d_width": 4,
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
    opts = options(kimg=0.2, lr=0.003, cycle=100.0)
    before = make(opts).samples()
    recipe = trained(make, opts, tmp_path)
    for row in (0, 3):  # pictures of a and of b, each above what becomes of it in the other and then back
        after = sheet_error(recipe.samples(), 6, drawn=row + 2, wanted=row)
        assert after < sheet_error(before, 6, drawn=row + 2, wanted=row) / 1.3
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


def test_a_mask_says_where_to_change(options, tmp_path):
    recipe = make(options(attention=0.5))
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    drawn, mask = recipe.to_b.attend(x)
    assert mask.shape == (2, 1, 32, 32)
    assert float(mask.detach().min()) > 0.8  # open at first
    assert torch.allclose(recipe.to_b(x), x + mask * (drawn - x), atol=1e-5)
    with torch.no_grad():
        recipe.to_b.to_mask.bias.fill_(-1e4)
    assert torch.equal(recipe.to_b(x), x)  # closed, nothing is


def test_the_mask_does_not_learn_from_what_is_kept(options):
    network = make(options(attention=0.5)).to_b
    drawn = Drawn.of(network, torch.rand(1, 3, 32, 32) * 2 - 1)
    assert torch.equal(drawn.fixed_mask, drawn.learning_mask)
    weight, others = network.to_mask.weight, network.to_image.weight
    assert torch.autograd.grad(drawn.fixed_mask.sum(), weight, retain_graph=True, allow_unused=True) == (
        None,
    )
    assert (
        float(torch.autograd.grad(drawn.fixed_mask.square().sum(), others, retain_graph=True)[0].abs().sum())
        > 0
    )
    assert float(torch.autograd.grad(drawn.learning_mask.square().sum(), weight)[0].abs().sum()) > 0


def test_a_run_with_masks_resumes_and_is_exported(options, tmp_path):
    assert_resumes(make, options(attention=0.5, snapshot_kimg=0.004), tmp_path)
    model = load(tmp_path / "whole" / "model", device="cpu")
    assert model.network.cfg.attention
    assert model(torch.rand(1, 3, 16, 20)).shape == (1, 3, 16, 20)


def test_a_run_starts_from_another_and_may_add_masks(options, tmp_path):
    first = trained(make, options(), tmp_path / "first")
    second = make(options(start=str(tmp_path / "first" / "model"), attention=0.5))
    for ours, theirs in ((second.to_b, first.to_b), (second.to_a, first.to_a)):
        for key, value in theirs.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[key], value, atol=2e-3, rtol=1e-2)  # float16
    with pytest.raises(CheckpointError, match="of this size"):
        make(options(start=str(tmp_path / "first" / "model"), width=8))
