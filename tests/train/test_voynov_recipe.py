"""Directions that a predictor tells apart: they are orthonormal, get better, resume exactly, are kept."""

from __future__ import annotations

import pytest
import torch

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.latent.directions import Direction
from ganedit.latent.discovery import trained
from ganedit.nets.stylegan2 import Generator, GeneratorConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import load_generator, save_model
from ganedit.train.loop import Run, load_checkpoint, start_fabric, train
from ganedit.train.options import VoynovOptions
from ganedit.train.recipes.voynov import Directions, Voynov

CPU = torch.device("cpu")


def options(**more) -> VoynovOptions:
    given = {"kimg": 0.048, "batch": 8, "precision": "float32", "seed": 2, "count": 3, "widths": "8,8"}
    return VoynovOptions(**{**given, **more})


def a_generator(folder, *, seed=0, classes=0):
    torch.manual_seed(seed)
    g = GeneratorConfig(16, (8, 8, 4), z_dim=6, w_dim=5, num_classes=classes, mapping_layers=1)
    card = ModelCard("toy", "generator", "stylegan2", g.to_dict(), 16)
    save_model(folder, card, Generator(g).state_dict())
    return load_generator(folder, "cpu")


@pytest.fixture
def generator(tmp_path):
    return a_generator(tmp_path / "toy")


def run(generator, out, opts, *, resume=False):
    recipe = Voynov(opts, generator, CPU)
    torch.manual_seed(50 if resume else 0)  # what went on before must not matter
    where = Run(start_fabric("cpu", 1), opts)
    if resume:
        load_checkpoint(recipe, where, out)
    train(recipe, where, out)
    return recipe


def test_directions_stay_orthonormal_and_turn_smoothly():
    torch.manual_seed(0)
    directions = Directions(6, 4)
    before = directions()
    torch.testing.assert_close(before @ before.T, torch.eye(4))
    before[0, 0].backward()
    with torch.no_grad():
        directions.weight -= 1e-3 * directions.weight.grad
        after = directions()
    before = before.detach()
    torch.testing.assert_close(after @ after.T, torch.eye(4))
    assert float((after - before).abs().max()) < 0.01
    assert float(after[0, 0]) < float(before[0, 0])


def test_shifts_keep_away_from_nothing(generator):
    shifts = Voynov(options(reach=4.0), generator, CPU)._shifts(500)
    assert float(shifts.abs().min()) == 0.5
    assert float(shifts.abs().max()) <= 4
    assert 200 < int((shifts > 0).sum()) < 300


def test_half_and_resume_is_the_whole(generator, tmp_path):
    whole = run(generator, tmp_path / "whole", options())
    run(generator, tmp_path / "half", options(kimg=0.024))
    again = run(generator, tmp_path / "half", options(), resume=True)
    for name, network in whole.networks.items():
        for key, value in network.state_dict().items():
            assert torch.equal(value, again.networks[name].state_dict()[key]), key


def test_the_predictor_learns_to_tell_them_apart(generator, tmp_path):
    recipe = run(generator, tmp_path / "run", options(kimg=2.4, batch=32, lr=0.01, widths="16,32"))
    right, error = recipe.measure(32)
    assert float(right.mean()) > 0.6  # a third by chance
    assert error < 2.6  # 3.25 is the mean size of the shifts


def test_what_is_exported_are_direction_files_in_order(generator, tmp_path):
    recipe = run(generator, tmp_path / "run", options(kimg=0.008))
    paths = sorted((tmp_path / "run/model").iterdir())
    assert [path.name for path in paths] == [f"voynov-00{i}.safetensors" for i in range(3)]
    found = [Direction.load(path) for path in paths]
    found[0].check_model(generator)
    assert found[0].samples == 8
    accuracies = [one.accuracy for one in found]
    assert accuracies == sorted(accuracies, reverse=True)
    vectors = torch.stack([one.vector for one in found])
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(3), atol=1e-5, rtol=0)
    known = recipe.directions().detach()
    torch.testing.assert_close((vectors @ known.T).abs().sum(dim=1), torch.ones(3))

    (first,) = trained(tmp_path / "run", generator, 1, [0, 1], name="mine")
    assert (first.name, first.layers) == ("mine-0", (0, 1))
    assert torch.equal(first.vector, found[0].vector)
    with pytest.raises(UsageError, match="no 4 directions"):
        trained(tmp_path / "run", generator, 4)
    with pytest.raises(InputError, match="no directions of a run"):
        trained(tmp_path, generator, 1)
    with pytest.raises(CheckpointError):
        trained(tmp_path / "run", a_generator(tmp_path / "other", seed=1), 1)


def test_a_run_for_another_generator(generator, tmp_path):
    run(generator, tmp_path / "run", options(kimg=0.008))
    recipe = Voynov(options(), a_generator(tmp_path / "other", seed=1), CPU)
    with pytest.raises(CheckpointError, match="other weights of the generator"):
        load_checkpoint(recipe, Run(start_fabric("cpu", 1), options()), tmp_path / "run")


def test_generators_with_classes_too(tmp_path):
    run(a_generator(tmp_path / "toy", classes=2), tmp_path / "run", options(kimg=0.008))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"count": 1}, "--count 1"),
        ({"reach": 0.5}, "--reach"),
        ({"widths": "8,a"}, "--widths"),
        ({"data": ("x.zip",)}, "takes no data"),
    ],
)
def test_options_that_make_no_sense(given, told):
    with pytest.raises(UsageError, match=told):
        options(**given)


def test_more_directions_than_there_are(generator):
    with pytest.raises(UsageError, match="no 6 orthonormal directions"):
        Voynov(options(count=6), generator, CPU)
