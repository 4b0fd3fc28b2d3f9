"""Networks that grow: when, on which images, and how runs resume and end on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from recipes import CPU, assert_resumes, trained

from ganedit.data.images import ImageSet
from ganedit.errors import CheckpointError, UsageError
from ganedit.latent.interpolation import interpolate
from ganedit.store.load import load
from ganedit.train.growing import Schedule, Stage, at_stage
from ganedit.train.losses import gradient_penalty, logistic_d_loss, r1_penalty
from ganedit.train.options.growing import ProGANOptions, StyleGAN1Options
from ganedit.train.recipes.progan import ProGAN
from ganedit.train.recipes.stylegan1 import StyleGAN1
from ganedit.train.run import Run, start_fabric
from ganedit.train.style_codes import random_codes

COLOUR = (200, 60, 40)
KINDS = {"progan": (ProGAN, ProGANOptions), "stylegan1": (StyleGAN1, StyleGAN1Options)}
MAPPING = {"w_dim": 6, "mapping_layers": 2}


def pictures(n: int = 24, side: int = 16) -> ImageSet:
    """Noisy pictures of one colour."""
    rng = torch.Generator().manual_seed(0)
    colour = torch.tensor(COLOUR, dtype=torch.float32)[None, :, None, None]
    images = (colour + 10 * torch.randn(n, 3, side, side, generator=rng)).clamp(0, 255).round().byte()
    return ImageSet(images, [f"{i}.png" for i in range(n)], None, [], [])


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def options(kind: str = "progan", **more):
    """At 4 px for 16 images, then 16 to fade in 8 px, 16 to stay there, and the same for 16 px."""
    values = {
        "resolution": 16, "first_size": 4, "phase_kimg": 0.016, "channel_base": 128, "channel_max": 8,
        "z_dim": 4, "batch": 8, "kimg": 0.08, "seed": 5, "precision": "float32", "snapshot_kimg": 0.04,
        "sample_kimg": 0.04, **(MAPPING if kind == "stylegan1" else {}), **more,
    }  # fmt: skip
    return KINDS[kind][1](**values)


def make(opts):
    recipe = next(recipe for recipe, its in KINDS.values() if its is type(opts))
    return recipe(opts, pictures(side=opts.resolution), CPU)


# ---- when ----


def test_the_schedule_worked_out_by_hand():
    schedule = Schedule(first=1, last=3, phase=100)  # 8, 16 and 32 px
    wanted = {
        0: (8, 1.0), 99: (8, 1.0),
        100: (16, 0.0), 150: (16, 0.5), 199: (16, 0.99),
        200: (16, 1.0), 299: (16, 1.0),
        300: (32, 0.0), 325: (32, 0.25),
        400: (32, 1.0), 500: (32, 1.0), 550: (32, 1.0), 10**6: (32, 1.0),
    }  # fmt: skip
    got = {images: schedule.stage(images) for images in wanted}
    assert {images: (stage.size, stage.alpha) for images, stage in got.items()} == wanted
    assert [got[at].complete for at in (0, 150, 200, 325, 400)] == [1, 1, 2, 2, 3]


def test_growing_takes_half_of_a_run_by_default():
    """From 4 to 32 px there are six phases: one at 4, fading in and staying at 8 and 16, fading in 32."""
    schedule = Schedule.of(ProGANOptions(resolution=32, kimg=120))
    assert schedule == Schedule(0, 3, 10_000)
    assert schedule.stage(59_999).alpha < 1
    assert schedule.stage(60_000) == Stage(3, 1.0)
    assert Schedule.of(ProGANOptions(resolution=32, kimg=120, phase_kimg=2)).phase == 2000


def test_nothing_grows_from_the_full_size():
    schedule = Schedule.of(ProGANOptions(resolution=32, first_size=32, kimg=1))
    assert {schedule.stage(images) for images in range(0, 2000, 100)} == {Stage(3, 1.0)}


def test_real_images_are_reduced_and_blended():
    columns = torch.tensor([0.0, 2.0, 4.0, 6.0, 0.0, 0.0, 0.0, 8.0])
    image = columns.expand(1, 3, 8, 8)
    assert at_stage(image, Stage(1, 1.0))[0, 0, 0].tolist() == columns.tolist()
    assert at_stage(image, Stage(0, 1.0))[0, 0, 0].tolist() == [1, 5, 0, 4]
    # halfway between each column and the mean of its pair
    assert at_stage(image, Stage(1, 0.5))[0, 0, 0].tolist() == [0.5, 1.5, 4.5, 5.5, 0, 0, 2, 6]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"resolution": 24}, "`resolution=24` must be a power of two"),
        ({"first_size": 6}, "`first_size=6` must be a power of two"),
        ({"first_size": 32}, "`first_size=32` is larger than `resolution=16`"),
        ({"phase_kimg": -1.0}, "`phase_kimg=-1.0` must be a number of at least 0"),
        ({"z_dim": 0}, "`z_dim=0` must be at least 1"),
        ({"lr": 0.0}, "`lr=0.0` must be above 0"),
    ],
)
def test_bad_options_are_refused(kind, given, said):
    with pytest.raises(UsageError, match=said):
        options(kind, **given)


# ---- steps ----


def test_half_and_resume_is_the_whole_bit_for_bit(kind, tmp_path):
    """Cut off where 8 px have just faded in, so that the second half enters another size."""
    assert_resumes(make, options(kind, accumulate=2), tmp_path)


def test_a_longer_run_resumes_where_the_shorter_was(tmp_path):
    """The length of phases that follows from kimg is that of the beginning."""
    short = options(phase_kimg=0.0, kimg=0.08)
    recipe = trained(make, short, tmp_path)
    assert recipe.schedule.phase == 10
    resumed = trained(make, replace(short, kimg=0.16), tmp_path, resume=True)
    assert resumed.schedule.phase == 10
    assert make(replace(short, kimg=0.16)).schedule.phase == 20


def test_a_new_size_starts_with_fresh_moments():
    opts = options()
    recipe, run = make(opts), Run(start_fabric("cpu", 1), opts)
    steps = []
    for run.step in range(4):  # of 8 images: two at 4 px, then two at 8 px
        recipe.step(run)
        weight = recipe.optimizers["d"].state[recipe.d.out.weight]
        steps.append(int(weight["step"]))
    assert steps == [1, 2, 1, 2]


def test_only_the_generator_learns_in_its_turn(kind):
    opts = options(kind)
    recipe, run = make(opts), Run(start_fabric("cpu", 1), opts)
    before = {name: p.clone() for name, p in recipe.d.named_parameters()}
    recipe.optimizers["d"].step = lambda: None
    recipe.step(run)
    assert all(torch.equal(before[name], p) for name, p in recipe.d.named_parameters())
    moved = recipe.g.smaller[0].weight
    assert not torch.equal(moved, make(opts).g.smaller[0].weight)


def test_progan_minimises_the_published_loss():
    opts = options(penalty=3.0, drift=0.5)
    recipe = make(opts)
    real, fake = torch.rand(4, 3, 4, 4), torch.rand(4, 3, 4, 4) * 2 - 1
    torch.manual_seed(1)
    got = recipe.d_loss(real, fake, {})
    on_real, on_fake = recipe.d(real), recipe.d(fake)
    torch.manual_seed(1)
    wanted = on_fake.mean() - on_real.mean() + 3 * gradient_penalty(recipe.d, real, fake)
    torch.testing.assert_close(got, wanted + 0.5 * on_real.square().mean())


def test_stylegan_minimises_the_published_loss():
    recipe = make(options("stylegan1", r1_gamma=3.0))
    real, fake = torch.rand(4, 3, 4, 4), torch.rand(4, 3, 4, 4) * 2 - 1
    got = recipe.d_loss(real, fake, {})
    shown = real.clone().requires_grad_()
    on_real = recipe.d(shown)
    wanted = logistic_d_loss(on_real, recipe.d(fake)) + 1.5 * r1_penalty(on_real, shown)
    torch.testing.assert_close(got, wanted)


def test_codes_are_mixed_within_the_rows_in_use():
    """Of six rows, four are in use at 8 px: the second code begins at row 1, 2 or 3."""
    g = make(options("stylegan1")).g.generator
    starts = set()
    for seed in range(40):
        torch.manual_seed(seed)
        (ws,) = random_codes(g, 1, mixing=1.0, rows=4)
        changes = [row for row in range(1, 6) if not torch.equal(ws[row], ws[row - 1])]
        assert len(changes) == 1
        starts |= set(changes)
    assert starts == {1, 2, 3}
    (ws,) = random_codes(g, 1, mixing=0.0)
    assert torch.equal(ws, ws[:1].expand_as(ws))


def test_the_mean_of_w_follows_the_codes():
    g = make(options("stylegan1")).g.generator
    ws = random_codes(g, 50, mixing=0.0)
    torch.testing.assert_close(g.w_avg, 0.005 * ws[:, 0].detach().mean(dim=0))


def test_a_model_with_styles_serves_all_commands(tmp_path):
    trained(make, options("stylegan1"), tmp_path)
    model = load(tmp_path / "model", device="cpu")
    assert (model.has_styles, model.num_ws, model.w_dim) == (True, 6, 6)
    frames = interpolate([1, 2], model, steps=3)
    torch.testing.assert_close(frames[0].ws, model.mapping(model.z_of([1]), psi=0.7)[0])


def test_a_model_without_styles_says_so(tmp_path):
    trained(make, options(kimg=0.016), tmp_path)
    with pytest.raises(CheckpointError, match="has no style space"):
        interpolate([1, 2], load(tmp_path / "model", device="cpu"), steps=3)


# ---- what comes out ----


@pytest.mark.parametrize(("images", "size"), [(16, 4), (24, 4), (32, 8), (56, 8), (64, 16)])
def test_a_run_that_ends_on_the_way_exports_the_largest_complete_size(tmp_path, images, size):
    trained(make, options(kimg=images / 1000), tmp_path)
    model = load(tmp_path / "model", device="cpu")
    assert model.resolution == size
    assert model.generate(seeds=[0]).shape == (1, 3, size, size)


def test_the_sheet_shows_the_seeds_that_users_draw(kind, tmp_path):
    recipe = trained(make, options(kind), tmp_path)
    model = load(tmp_path / "model", device="cpu")
    wanted = model.generate(seeds=range(3), psi=recipe.sample_psi)
    shown = recipe.samples()[:, :16, :48]
    torch.testing.assert_close(shown, torch.cat(list(wanted), dim=2), atol=1e-5, rtol=0)


def test_generators_learn_their_colour_while_they_grow(kind, tmp_path):
    opts = options(
        kind, resolution=8, kimg=0.48, phase_kimg=0.08, lr=1e-2, ema_kimg=0.05, sample_kimg=10.0,
        snapshot_kimg=10.0,
    )  # fmt: skip
    before = make(opts).samples()
    recipe = trained(make, opts, tmp_path)
    wanted = torch.tensor(COLOUR)[:, None, None] / 127.5 - 1

    def error(sheet: torch.Tensor) -> float:
        return float((sheet.mean(dim=(1, 2), keepdim=True) - wanted).abs().mean())

    assert error(recipe.samples()) < 0.3 * error(before)
