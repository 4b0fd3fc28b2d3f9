"""Training a classifier on two made-up sets that each know a part."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

from ganedit.errors import InputError, UsageError
from ganedit.nets.classifier import ClassifierConfig
from ganedit.store.cards import ModelCard
from ganedit.train.loop import train
from ganedit.train.options.recognition import ClassifierOptions
from ganedit.train.recipes.classifier import (
    Attributes,
    attribute_losses,
    distort,
    load_sets,
)
from ganedit.train.run import Run, start_fabric

CONFIG = ClassifierConfig(("smile",), ("yaw",), (0.0,), (10.0,))


@pytest.fixture
def sets(tmp_path):
    """Bright squares are "yes"; a second set knows only `age`, which is the brightness too."""
    rng = np.random.default_rng(0)
    for name, column in (("one", "smile"), ("two", "age")):
        folder = tmp_path / name
        folder.mkdir()
        rows = [f"file,{column}"]
        for i in range(40):
            value = int(rng.integers(20, 120)) + 100 * (i % 2)
            Image.new("RGB", (16, 16), (value,) * 3).save(folder / f"{i}.png")
            rows.append(f"{i}.png,{('no', 'yes')[i % 2] if column == 'smile' else value}")
        (folder / "labels.csv").write_text("\n".join(rows))
    return [tmp_path / "one", tmp_path / "two"]


def options(**more):
    return ClassifierOptions(
        **{
            "kimg": 0.8,
            "batch": 16,
            "attributes": "smile,age",
            "widths": "4,4,8,8",
            "precision": "float32",
            **more,
        }
    )


def test_sets_are_joined_and_what_they_do_not_tell_is_unknown(sets):
    data = load_sets(sets, options())
    assert data.config.binary == ("smile",)
    assert data.config.numbers == ("age",)
    assert data.meanings == {"smile": "yes"}
    assert (len(data.train), len(data.test)) == (72, 8)
    known = ~data.train.labels.isnan()
    assert known.sum(0).tolist() == [36, 36]
    assert not (known[:, 0] & known[:, 1]).any()


def test_it_learns_and_what_it_exports_loads(sets, tmp_path):
    from ganedit.store.load import load

    opts = options(lr=0.01, kimg=1.2)
    fabric = start_fabric("cpu", 1)
    recipe = Attributes(opts, load_sets(sets, opts), fabric.device)
    train(recipe, Run(fabric, opts), tmp_path / "run")
    found = recipe.evaluate()
    assert found["smile accuracy"] >= 0.75
    model = load(tmp_path / "run/model", device="cpu")
    assert list(model.attributes) == ["smile", "age"]
    assert (model.name, model.card.template) == ("face-attributes", "close-up")
    images = recipe.data.test.images.float() / 127.5 - 1
    # float16 weights
    torch.testing.assert_close(model(images), recipe.network(images), rtol=0.02, atol=0.5)


def test_unknown_attributes_and_words(sets):
    with pytest.raises(UsageError, match="no set has a column 'beard'"):
        load_sets(sets, options(attributes="beard"))
    with pytest.raises(UsageError, match="names no attribute"):
        load_sets(sets, options(attributes=" ,"))
    labels = sets[0] / "labels.csv"
    labels.write_text(labels.read_text().replace("3.png,yes", "3.png,perhaps"))
    with pytest.raises(InputError, match="more than two values"):
        load_sets(sets, options())
    with pytest.raises(UsageError, match="`test_share=1"):
        options(test_share=1)


def test_losses_skip_what_is_unknown():
    outputs = torch.tensor([[100.0, 0.0], [3.0, 2.0]])
    labels = torch.tensor([[math.nan, 10.0], [1.0, math.nan]])
    got = attribute_losses(outputs, labels, CONFIG)
    p = 1 / (1 + math.exp(-3))
    assert float(got["smile"]) == pytest.approx(-0.95 * math.log(p) - 0.05 * math.log(1 - p), rel=1e-4)
    assert float(got["yaw"]) == pytest.approx(0.5)  # one standard deviation off, Huber


def test_mirroring_turns_the_yaw_round():
    images = torch.linspace(-0.5, 0.5, 64).expand(64, 1, 64, 64).clone()  # brighter to the right
    labels = torch.tensor([[1.0, 5.0]]).repeat(64, 1)
    torch.manual_seed(0)
    moved, got = distort(images, labels, CONFIG)
    brighter_right = moved[..., 40:].mean((1, 2, 3)) > moved[..., :24].mean((1, 2, 3))
    assert torch.equal(got[:, 1] > 0, brighter_right)
    assert 10 < int(brighter_right.sum()) < 54
    assert got[:, 0].eq(1).all()


def test_pose_is_measured_where_no_set_tells_it(sets, monkeypatch):
    from ganedit.train.recipes import classifier

    monkeypatch.setattr(
        classifier, "crop_landmarks", lambda crops, template, progress: np.zeros((len(crops), 68, 2))
    )
    monkeypatch.setattr(classifier, "head_pose", lambda points: np.tile([3.0, -4.0], (len(points), 1)))
    data = load_sets(sets, options(attributes="smile,yaw,pitch"))
    assert data.config.numbers == ("yaw", "pitch")
    assert data.train.labels[:, 1:].nanmean(0).tolist() == [3, -4]
    with pytest.raises(UsageError, match="no set has a column 'yaw'"):
        load_sets(sets, options(attributes="smile,yaw,pitch", template=""))


def test_the_command_trains_and_tells_the_accuracy(sets, tmp_path, capfd):
    from ganedit.cli.app import main

    flags = ["--attributes", "smile", "--widths", "4,4,4,4", "--batch", "8", "--kimg", "0.02"]
    flags += ["--template", "", "--name", "brightness", "--about-data", "Squares."]
    status = main(["train", "classifier", str(sets[0]), "--out", str(tmp_path / "run"), *flags])
    said = capfd.readouterr()
    assert status == 0, said.err
    assert said.out.strip() == str(tmp_path / "run/model")
    assert "smile accuracy" in said.err
    card = ModelCard.load(tmp_path / "run/model")
    assert (card.name, card.template, card.data) == ("brightness", "", "Squares.")


def with_ages(path, ages):
    header, *rows = path.read_text().splitlines()
    at = header.split(",").index("age")
    cells = [row.split(",") for row in rows]
    rows = [
        ",".join([*row[:at], age, *row[at + 1 :]]) for row, age in zip(cells, ages(len(cells)), strict=True)
    ]
    path.write_text("\n".join([header, *rows]) + "\n")


def test_labels_that_are_not_finite(sets):
    with_ages(sets[1] / "labels.csv", lambda count: ["inf", *map(str, range(1, count))])
    with pytest.raises(InputError, match="'age' holds numbers that are not finite"):
        load_sets(sets, options())
    with_ages(sets[1] / "labels.csv", lambda count: ["nan"] * count)
    with pytest.raises(InputError, match="'age' is nan for every image"):
        load_sets(sets, options())


def test_an_attribute_that_never_varies(sets):
    for folder in sets:
        path = folder / "labels.csv"
        header, *rows = path.read_text().splitlines()
        path.write_text("\n".join([f"{header},hat", *(f"{row},no" for row in rows)]) + "\n")
    with pytest.raises(InputError, match="'hat' is no for every image"):
        load_sets(sets, options(attributes="smile,hat"))
