"""StyleGAN2's recipe on networks of a few channels: exact resume, learning, transfer, export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from ganedit.data.images import ImageSet
from ganedit.errors import CheckpointError, UsageError
from ganedit.store.load import load
from ganedit.train.checkpoints import load_checkpoint
from ganedit.train.ema import ema_beta
from ganedit.train.loop import train
from ganedit.train.options.generators import StyleGAN2Options
from ganedit.train.recipes.stylegan2 import StyleGAN2, start
from ganedit.train.run import Run, start_fabric

COLOURS = ((200, 60, 40), (30, 90, 210))


def tiny(**more) -> StyleGAN2Options:
    values = {
        "resolution": 16,
        "channel_base": 128,
        "channel_max": 8,
        "z_dim": 6,
        "w_dim": 8,
        "mapping_layers": 2,
        "batch": 8,
        "kimg": 0.064,
        "precision": "float32",
        "seed": 5,
        **more,
    }
    return StyleGAN2Options(**values)


def pictures(classes: bool = False, n: int = 24, side: int = 16) -> ImageSet:
    """Noisy pictures of one colour; of two colours, a class each, where asked for."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % 2 if classes else None
    colours = torch.tensor([COLOURS[i % 2 if classes else 0] for i in range(n)], dtype=torch.float32)
    images = colours[:, :, None, None] + 10 * torch.randn(n, 3, side, side, generator=rng)
    images = images.clamp(0, 255).round().byte()
    return ImageSet(images, [f"{i}.png" for i in range(n)], labels, ["red", "blue"] if classes else [], [])


def recipe_of(options: StyleGAN2Options, data: ImageSet) -> tuple[StyleGAN2, Run]:
    fabric = start_fabric("cpu", 1)
    return StyleGAN2(options, data, fabric.device), Run(fabric, options)


def trained(out: Path, data: ImageSet, options: StyleGAN2Options, *, resume: bool = False) -> StyleGAN2:
    recipe, run = recipe_of(options, data)
    torch.manual_seed(77 if resume else 1)  # what went on before must not matter
    if resume:
        load_checkpoint(recipe, run, out)
    train(recipe, run, out)
    return recipe


def tensors(recipe: StyleGAN2) -> dict[str, torch.Tensor]:
    return {f"{n}.{k}": v.clone() for n, net in recipe.networks.items() for k, v in net.state_dict().items()}


def test_half_and_resume_is_the_whole_bit_for_bit(tmp_path):
    """With augmentation on its way, classes, pieces, and all penalties at work on both sides of the break."""
    options = tiny(accumulate=2, ada_target=-1.0, ada_kimg=0.1, ada_every=3, r1_every=3, path_every=2)
    data = pictures(classes=True)
    whole = trained(tmp_path / "whole", data, options)
    half = trained(tmp_path / "half", data, replace(options, kimg=0.032))
    assert 0 < half.augment.p < whole.augment.p
    resumed = trained(tmp_path / "half", data, options, resume=True)
    wanted, got = tensors(whole), tensors(resumed)
    assert wanted.keys() == got.keys()
    assert not [name for name in wanted if not torch.equal(wanted[name], got[name])]
    assert resumed.state() == whole.state()
    assert not torch.equal(tensors(half)["g.synthesis.b4.const"], wanted["g.synthesis.b4.const"])


def test_resume_with_diffaugment(tmp_path):
    options = tiny(diffaugment="color,translation,cutout", ada_target=-1.0, ada_kimg=0.1, kimg=0.032)
    data = pictures()
    whole = trained(tmp_path / "whole", data, options)
    trained(tmp_path / "half", data, replace(options, kimg=0.016))
    resumed = trained(tmp_path / "half", data, options, resume=True)
    wanted, got = tensors(whole), tensors(resumed)
    assert not [name for name in wanted if not torch.equal(wanted[name], got[name])]


def test_the_discriminator_sees_only_what_diffaugment_leaves():
    """Cut-out hides a part of each image from it, with and without the penalty; the data stay whole."""
    recipe, run = recipe_of(tiny(diffaugment="cutout", augment="none"), pictures())
    shown, look = [], recipe.d.forward
    recipe.d.forward = lambda x, c=None: shown.append(x.detach()) or look(x, c)
    pieces = recipe.data.draw(run.share(), mirror=False)
    ((real, _),) = pieces
    recipe._logits(real, None)
    list(recipe._r1_losses(pieces, 1.0))
    assert len(shown) == 2
    for seen in shown:
        hidden = (seen == 0).all(dim=1)
        assert (hidden.flatten(1).any(dim=1)).all()
        assert torch.equal(seen[:, 0][~hidden], real[:, 0][~hidden])
    assert not (real == 0).all(dim=1).any()


def test_diffaugment_needs_the_discriminator_that_it_is_for():
    with pytest.raises(UsageError, match="`diffaugment=cutout` changes what the ordinary discriminator sees"):
        tiny(**FEATURES, diffaugment="cutout", discriminator=False)
    with pytest.raises(UsageError, match="'blur'"):
        tiny(diffaugment="blur")


def test_the_sample_sheet_shows_the_seeds_that_users_draw(tmp_path):
    recipe = trained(tmp_path, pictures(), tiny())
    model = load(tmp_path / "model", device="cpu")
    wanted = model.generate(seeds=range(3), psi=0.7)
    torch.testing.assert_close(recipe.samples()[:, :16, :48], torch.cat(list(wanted), 2), atol=0.02, rtol=0)


FEATURES = {"resolution": 32, "feature_discriminator": "efficientnet-lite0", "batch": 4, "path_weight": 0.0}


@pytest.mark.parametrize("discriminator", [True, False])
def test_resume_with_feature_discriminators(tmp_path, discriminator):
    options = tiny(**FEATURES, kimg=0.016, discriminator=discriminator, augment="none")
    data = pictures(side=32)
    whole = trained(tmp_path / "whole", data, options)
    trained(tmp_path / "half", data, replace(options, kimg=0.008))
    resumed = trained(tmp_path / "half", data, options, resume=True)
    wanted, got = tensors(whole), tensors(resumed)
    assert not [name for name in wanted if not torch.equal(wanted[name], got[name])]
    assert any(name.startswith("features.mixing") for name in wanted)
    assert load(tmp_path / "whole/model", device="cpu").has_discriminator == discriminator


def test_feature_discriminators_reach_the_generator_alone():
    recipe, run = recipe_of(tiny(**FEATURES, discriminator=False), pictures(side=32))
    before = tensors(recipe)
    run.minimise(recipe.optimizers["g"], recipe._g_losses(run, fakes := []))
    assert not any(f.requires_grad for f in fakes[0].features)
    moved = {name for name, value in tensors(recipe).items() if not torch.equal(before[name], value)}
    assert moved
    assert all(name.startswith("g.") for name in moved)
    run.minimise(
        recipe.optimizers["features"],
        recipe._feature_losses(recipe.data.draw(run.share(), mirror=False), fakes),
    )
    later = {name for name, value in tensors(recipe).items() if not torch.equal(before[name], value)} - moved
    assert later
    assert all(name.startswith("features.heads.") for name in later)


def test_growing_starts_from_the_smaller_picture(tmp_path):
    """A generator of twice the size begins with what the smaller one draws, enlarged; the feature
    discriminators learn alone at first."""
    trained(tmp_path, pictures(), tiny(kimg=0.4, lr=0.01, augment="none", path_weight=0, ema_kimg=0.1))
    small = load(tmp_path / "model", device="cpu")
    data = pictures(side=32)
    options = tiny(**FEATURES, channel_base=128, start=str(tmp_path / "model"), feature_warmup=1)
    recipe, run = recipe_of(options, data)
    recipe.transfer(small.network, small.discriminator.network)
    z = torch.randn(8, 6)
    with torch.no_grad():
        large, wanted = recipe.g_ema(z, noise="none"), small.network(z, noise="none")
    error = torch.nn.functional.avg_pool2d(large, 2) - wanted
    assert error.std() < wanted.std() / 2
    before = tensors(recipe)
    for run.step in range(2):
        recipe.step(run)
        moved = {name for name, value in tensors(recipe).items() if not torch.equal(before[name], value)}
        assert ("g.synthesis.b32.conv1.weight" in moved) == (run.step == 1)
        assert any(name.startswith("features.heads.") for name in moved)


def test_it_learns_colours(tmp_path):
    """The mean of a class's samples ends at least twice as near to its colour as to the other class's."""
    data = pictures(classes=True)
    options = tiny(kimg=0.8, lr=0.01, augment="none", path_weight=0, ema_kimg=0.1)
    recipe = trained(tmp_path, data, options)
    for number in range(2):
        c = torch.eye(2)[[number] * 64]
        with torch.no_grad():
            mean = recipe.g_ema(torch.randn(64, 6), c).mean((0, 2, 3))
        own, other = (torch.tensor(COLOURS[i]) / 127.5 - 1 for i in (number, 1 - number))
        assert (mean - own).norm() < (mean - other).norm() / 2


def test_the_discriminator_learns_only_in_its_own_turn():
    recipe, run = recipe_of(tiny(), pictures())
    before = tensors(recipe)
    run.minimise(recipe.optimizers["g"], recipe._g_losses(run, fakes := []))
    assert len(fakes) == 1
    assert not fakes[0].images.requires_grad
    after = tensors(recipe)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all(name.startswith("g.") for name in moved)


def test_pieces_see_the_images_of_one_step():
    one, two = (recipe_of(tiny(accumulate=k), pictures()) for k in (1, 2))
    for (_, run), count in ((one, 1), (two, 2)):
        assert len(pictures().draw(run.share(), mirror=True)) == count
    whole = pictures().draw(one[1].share(), mirror=True)[0][0]
    halves = torch.cat([images for images, _ in pictures().draw(two[1].share(), mirror=True)])
    assert torch.equal(whole, halves)


def test_pieces_give_the_same_penalty():
    """R1 is a mean over images, so that two halves average to the whole (without minibatch statistics)."""
    found = []
    for pieces in (1, 2):
        recipe, run = recipe_of(tiny(accumulate=pieces, augment="none"), pictures())
        recipe.d.b4.cfg = replace(recipe.d.b4.cfg, mbstd_group=1)
        real = pictures().draw(run.share(), mirror=False)
        found.append(float(run.minimise(recipe.optimizers["d"], recipe._r1_losses(real, 1.0))))
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_the_average_follows(tmp_path):
    options = tiny(kimg=0.008, path_weight=0)
    recipe, run = recipe_of(options, pictures())
    start_weights = recipe.g.synthesis.b16.conv1.weight.detach().clone()
    assert torch.equal(recipe.g_ema.synthesis.b16.conv1.weight, start_weights)
    recipe.step(run)
    beta = ema_beta(8, 8, options.ema_kimg, options.ema_rampup)
    wanted = start_weights * beta + recipe.g.synthesis.b16.conv1.weight.detach() * (1 - beta)
    torch.testing.assert_close(recipe.g_ema.synthesis.b16.conv1.weight, wanted)
    assert torch.equal(recipe.g_ema.w_avg, recipe.g.w_avg)


def test_penalties_come_when_they_are_due():
    recipe, run = recipe_of(tiny(r1_every=3, path_every=2), pictures())
    due = []
    for run.step in range(4):
        stats = recipe.step(run)
        due.append(("d/r1" in stats, "g/path" in stats))
    assert due == [(True, True), (False, False), (False, True), (True, False)]
    assert "d/augment" in stats


def test_bfloat16_steps_stay_finite():
    stats = {}
    recipe, run = recipe_of(tiny(precision="bfloat16"), pictures())
    for run.step in range(3):
        stats = recipe.step(run)
    assert all(torch.isfinite(value) for value in stats.values())
    assert recipe.g.synthesis.dtype == recipe.d.dtype == torch.bfloat16


def test_what_is_exported_loads_and_draws_the_same(tmp_path):
    recipe = trained(tmp_path, pictures(classes=True), tiny(name="spots", template="close-up", terms="none"))
    model = load(tmp_path / "model", device="cpu")
    card = model.card
    assert (card.name, card.template, card.terms, card.resolution) == ("spots", "close-up", "none", 16)
    assert card.details["classes"] == ["red", "blue"]
    z, c = torch.randn(3, 6), torch.eye(2)[[0, 1, 0]]
    with torch.no_grad():
        wanted = recipe.g_ema(z, c)
        torch.testing.assert_close(model.generate(z=z, c=c), wanted, rtol=0, atol=0.02)  # float16 weights
        torch.testing.assert_close(model.discriminator(wanted, c), recipe.d(wanted, c), rtol=0, atol=0.05)
    sample = Image.open(next(tmp_path.glob("samples-*.png")))
    assert sample.size == (12 * 16, 6 * 16)


def folder_of(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name, pixels in zip(pictures().names, pictures().images, strict=True):
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / name)
    return folder


def test_transfer_and_frozen_layers(tmp_path):
    first = trained(tmp_path / "first", pictures(), tiny())
    notes: list[str] = []
    options = tiny(
        data=(str(folder_of(tmp_path)),), start=str(tmp_path / "first/model"), freeze_d=3, seed=9, kimg=0.024
    )
    recipe = start(options, torch.device("cpu"), notes.append)
    assert notes == ["started from generator; 0 tensors stay random"]
    for mine, theirs in ((recipe.g, first.g_ema), (recipe.g_ema, first.g_ema), (recipe.d, first.d)):
        for a, b in zip(mine.state_dict().values(), theirs.state_dict().values(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)  # float16 weights
    before = {name: value.clone() for name, value in recipe.d.state_dict().items()}
    train(recipe, Run(start_fabric("cpu", 1), options), tmp_path / "second")
    kept = {name for name, value in recipe.d.state_dict().items() if torch.equal(value, before[name])}
    frozen = {f"b16.{layer}.{what}" for layer in ("fromrgb", "conv0", "conv1") for what in ("weight", "bias")}
    assert kept == frozen


def test_transfer_to_another_size_keeps_what_fits(tmp_path):
    trained(tmp_path / "first", pictures(), tiny(kimg=0.008))
    notes: list[str] = []
    options = tiny(
        data=(str(folder_of(tmp_path)),), start=str(tmp_path / "first/model"), resolution=32, channel_base=256
    )
    recipe = start(options, torch.device("cpu"), notes.append)
    source = load(tmp_path / "first/model", device="cpu").network
    assert torch.equal(recipe.g.synthesis.b8.conv0.weight, source.synthesis.b8.conv0.weight)
    assert "tensors stay random" in notes[0]
    assert not notes[0].startswith("started from generator; 0 ")


def test_nothing_fits():
    """Scalars and noise maps have one shape everywhere; they do not make a start."""
    recipe, _ = recipe_of(tiny(channel_max=4, z_dim=5, w_dim=7), pictures())
    with pytest.raises(CheckpointError, match="no weight") as caught:
        recipe.transfer(recipe_of(tiny(), pictures())[0].g, None)
    assert "`channel_base`" in caught.value.hint


def test_a_checkpoint_of_other_sizes(tmp_path):
    trained(tmp_path, pictures(), tiny(kimg=0.008))
    recipe, run = recipe_of(tiny(w_dim=7), pictures())
    with pytest.raises(CheckpointError, match="does not fit this run"):
        load_checkpoint(recipe, run, tmp_path)


def test_r1_weight_follows_the_published_heuristic():
    """0.0002 · resolution² / batch; a given value wins."""
    assert tiny(resolution=256, batch=32).gamma == pytest.approx(0.4096)
    assert tiny(r1_gamma=7.0).gamma == 7.0


@pytest.mark.parametrize(
    "changes",
    [
        {"resolution": 24},
        {"style_mixing": 1.5},
        {"r1_every": 0},
        {"batch": 7, "accumulate": 2},
        {"discriminator": False},
        {"feature_discriminator": "efficientnet-lite0"},  # at 16 px
    ],
)
def test_options_that_make_no_sense(changes):
    with pytest.raises(UsageError):
        tiny(**changes)
