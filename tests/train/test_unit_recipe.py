"""UNIT between tiny sets: losses fall, runs resume, one model goes both ways."""

from __future__ import annotations

import pytest
import torch
from recipes import CPU, assert_resumes, draw_pictures, sheet_error, trained

from ganedit.errors import UsageError
from ganedit.store.load import load
from ganedit.train.options.translators import UNITOptions
from ganedit.train.recipes.unit import start


@pytest.fixture
def options(tmp_path):
    a = draw_pictures(tmp_path / "a", 5, (20, 22), seed=1)
    b = draw_pictures(tmp_path / "b", 3, (24, 20), seed=2)

    def make(**more):
        values = {
            "kimg": 0.008,
            "batch": 2,
            "size": 16,
            "width": 4,
            "d_width": 4,
            "blocks": 1,
        }
        return UNITOptions(data=(str(a), str(b)), precision="float32", **{**values, **more})

    return make


def make(opts):
    return start(opts, CPU, lambda text: None)


def test_resume(options, tmp_path):
    assert_resumes(make, options(snapshot_kimg=0.004), tmp_path)


def test_pictures_are_drawn_again_and_come_back(options, tmp_path):
    opts = options(kimg=0.16, lr=0.01, scales=1)
    before = make(opts).samples()
    recipe = trained(make, opts, tmp_path)
    for row in (0, 3):  # pictures of a and of b, each above what becomes of it in the other and then back
        after = sheet_error(recipe.samples(), 6, drawn=row + 2, wanted=row)
        assert after < sheet_error(before, 6, drawn=row + 2, wanted=row) * 0.9
    assert recipe.samples().shape == (3, 6 * 16, 3 * 16)


def test_the_losses_of_a_network_that_draws_black(options):
    """Codes of 3 and pictures of -1 everywhere, and judges that say 0.5."""
    recipe = make(options())
    for network in recipe.networks.values():
        for parameter in network.parameters():
            parameter.data.zero_()
    recipe.g.encode = lambda x, domain: torch.full((1, 16, 4, 4), 3.0)
    for ae in (recipe.g.a, recipe.g.b):
        ae.to_image.bias.data.fill_(-20)
    for discriminator in recipe.discriminators.values():
        for scale in discriminator.discriminators:
            scale.to_logits.bias.data.fill_(0.5)
    fakes, stats = [], {}
    white = torch.ones(1, 3, 16, 16)
    (loss,) = recipe._g_losses([(white, white)], fakes, stats)
    found = {name: float(value) for name, value in stats.items()}
    assert found == pytest.approx(
        {
            "g/reconstruction": 2 * 10 * 2,  # in each of two domains, 2 from black to white
            "g/kl": 2 * 0.01 * 9,
            "g/cycle": 2 * 10 * 2,
            "g/cycle_kl": 2 * 0.01 * 9,
            "g/gan": 2 * 3 * 0.25,  # at three scales
        }
    )
    assert loss.item() == pytest.approx(81.86)
    (d_loss,) = recipe._d_losses([(white, white)], fakes)
    assert d_loss.item() == 2 * 3 * 0.25


def test_one_model_goes_both_ways(options, tmp_path):
    recipe = trained(make, options(name="a-b", accumulate=2), tmp_path)
    model = load(tmp_path / "model", device="cpu")
    assert (model.name, model.card.task, model.card.architecture) == ("a-b", "translator", "unit")
    assert model.two_way
    x = torch.rand(1, 3, 16, 20) * 2 - 1
    for direction in ("ab", "ba"):
        with torch.no_grad():
            wanted = recipe.translated(x, direction)
        torch.testing.assert_close(model(x, direction=direction), wanted, atol=0.02, rtol=0)  # float16


def test_the_command_trains_and_its_model_translates(options, tmp_path, capfd):
    from ganedit.cli.app import main

    data = options().data
    flags = ["--size", "16", "--width", "4", "--judge-width", "4", "--blocks", "1", "--kimg", "0.002"]
    assert main(["train", "unit", *data, "--out", str(tmp_path / "run"), *flags]) == 0, capfd.readouterr().err
    model = capfd.readouterr().out.strip()
    out = ["--direction", "ba", "-o", str(tmp_path / "made")]
    assert main(["translate", str(tmp_path / "b/0.png"), "--model", model, *out]) == 0, capfd.readouterr().err
    assert (tmp_path / "made/0.translated.png").is_file()


def test_two_domains_are_needed(options, tmp_path):
    with pytest.raises(UsageError, match="two folders or zips, not 1"):
        make(UNITOptions(data=(str(tmp_path / "a"),)))
    with pytest.raises(UsageError, match="`scales=0`"):
        options(scales=0)
