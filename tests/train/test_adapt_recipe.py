"""Domain adaptation between tiny sets: every method learns, resumes and is exported."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from recipes import CPU, assert_resumes, trained

from ganedit.errors import InputError, UsageError
from ganedit.nets.lenet import LeNet, LeNetConfig
from ganedit.store.load import load
from ganedit.train.adaptation_data import load_adaptation
from ganedit.train.options.adaptation import METHODS, AdaptOptions
from ganedit.train.recipes.adapt import PHASES, accuracy, start

SIDE = 16


def draw_set(folder, count: int, *, inverted: bool, seed: int, classes=("bar", "box")):
    """Bars and boxes at random places, white on black or grey on white, in folders by part and class."""
    rng = np.random.default_rng(seed)
    for part, many in (("train", count), ("test", 10)):
        for name in classes:
            (folder / part / name).mkdir(parents=True)
            for i in range(many):
                pixels = np.zeros((SIDE, SIDE), np.uint8)
                y, x = rng.integers(1, SIDE - 9, 2)
                height, width = (9, 2) if name == "bar" else (6, 6)
                pixels[y : y + height, x : x + width] = rng.integers(180, 255)
                pixels = 255 - pixels // 2 if inverted else pixels
                Image.fromarray(pixels).save(folder / part / name / f"{i}.png")
    return folder


@pytest.fixture
def options(tmp_path):
    source = draw_set(tmp_path / "source", 12, inverted=False, seed=1)
    target = draw_set(tmp_path / "target", 12, inverted=True, seed=2)

    def make(**more):
        data = more.pop("data", (str(source), str(target)))
        values = {"kimg": 0.08, "batch": 4, "size": SIDE, "width": 2}
        return AdaptOptions(data=data, precision="float32", **{**values, **more})

    return make


def make(opts, note=lambda text: None):
    return start(opts, CPU, note)


@pytest.mark.parametrize("method", METHODS)
def test_resume(options, tmp_path, method):
    assert_resumes(make, options(method=method, snapshot_kimg=0.04), tmp_path)


@pytest.mark.parametrize("method", METHODS)
def test_a_classifier_is_learned_and_written(options, tmp_path, method):
    recipe = trained(
        make, options(kimg=2.4, batch=12, method=method, lr=1e-3, name="shapes"), tmp_path / "run"
    )
    model = load(tmp_path / "run/model", device="cpu")
    assert (model.name, model.classes, model.attributes) == ("shapes", ("bar", "box"), ("bar", "box"))
    tests = recipe.data.source_test, recipe.data.target_test
    written = {metric.name: metric.value for metric in model.card.metrics}
    assert written == {
        "source accuracy": pytest.approx(accuracy(model.network, tests[0]), abs=1e-3),
        "target accuracy": pytest.approx(accuracy(model.network, tests[1]), abs=1e-3),
    }
    assert written["source accuracy"] >= (0.7 if method == "cycada" else 0.9)
    found = model.measure(torch.zeros(2, 3, 20, 20))
    torch.testing.assert_close(found["bar"] + found["box"], torch.ones(2))


def test_the_adversary_starts_from_the_classifier_as_it_is_then(options):
    recipe = make(options(method="adda"))
    assert recipe._phase(0.39) == ("labels", pytest.approx(0.39 / 0.4))
    assert recipe._phase(0.4)[0] == "adversary"
    assert all(phases[-1][0] == 1.0 for phases in PHASES.values())


def test_only_the_features_move_against_the_adversary(options, tmp_path):
    recipe = trained(make, options(method="adda"), tmp_path)
    assert torch.equal(recipe.f.head.weight, recipe.source.head.weight)
    assert not torch.equal(recipe.f.fc.weight, recipe.source.fc.weight)


def test_features_stand_before_the_last_layer():
    network = LeNet(LeNetConfig(("a", "b", "c"), side=16, features=7)).eval()
    images = torch.randn(2, 3, 16, 16)
    features = network.features(images)
    assert features.shape == (2, 7)
    torch.testing.assert_close(network(images), network.head(features))
    assert network(torch.randn(1, 3, 40, 30)).shape == (1, 3)


# ---- data ----


def test_a_target_without_labels_will_do(options, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for i, path in enumerate((tmp_path / "target").rglob("*.png")):
        path.rename(flat / f"{i}.png")
    said = []
    data = load_adaptation(options(data=(str(tmp_path / "source"), str(flat))), said.append)
    assert data.target.labels is None
    assert data.target_test is None
    assert "no labelled part for testing" in said[0]


def test_a_part_of_a_zip_can_be_named(options, tmp_path):
    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        for path in sorted((tmp_path / "source").rglob("*.png")):
            archive.write(path, path.relative_to(tmp_path / "source"))
    opts = options(data=(str(tmp_path / "source.zip"), str(tmp_path / "target")))
    zipped, plain = (load_adaptation(one, lambda text: None) for one in (opts, options()))
    assert torch.equal(zipped.source.images, plain.source.images)
    assert torch.equal(zipped.source_test.labels, plain.source_test.labels)


def test_limits_choose_at_random_and_blending_is_the_difference(options, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (20, 30), (100, 50, 0)).save(photos / "a.png")
    opts = options(limit_source=5, limit_target=7, blend=str(photos))
    data, again = (load_adaptation(opts, lambda text: None) for _ in range(2))
    assert (len(data.source), len(data.target)) == (5, 7)
    assert data.source.names == again.source.names
    plain = load_adaptation(options(limit_target=7), lambda text: None).target.images.int()
    wanted = (plain - torch.tensor([100, 50, 0])[:, None, None]).abs()
    assert torch.equal(data.target.images.int(), wanted)


def test_what_is_refused(options, tmp_path):
    for wrong in ({"method": "magic"}, {"size": 18}, {"size": 12}, {"limit": 5}, {"width": 0}):
        with pytest.raises(UsageError):
            options(**wrong)
    with pytest.raises(UsageError, match="takes two folders or zips, not 1"):
        make(options(data=(str(tmp_path / "source"),)))
    other = draw_set(tmp_path / "other", 2, inverted=False, seed=3, classes=("bar", "ring"))
    with pytest.raises(InputError, match="the target has the classes bar, ring, the source bar, box"):
        make(options(data=(str(tmp_path / "source"), str(other))))
    with pytest.raises(InputError, match="not in folders by class"):
        make(options(data=(str(tmp_path / "source/train/bar"), str(tmp_path / "target"))))
