"""The recipe of small CLIP models: its loss, learning, resuming, and what it writes."""

from __future__ import annotations

import csv
import math

import pytest
import torch
from PIL import Image
from recipes import CPU, assert_resumes, trained

from ganedit.errors import InputError
from ganedit.store.load import load_clip
from ganedit.train.options.recognition import CLIPOptions
from ganedit.train.recipes.clip import start, unified_contrast


def test_loss_by_hand():
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    fits = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    row0 = math.log(math.exp(2) + 1)  # log-sum of the first picture's logits
    row1 = math.log(1 + math.e)
    pictures = (row0 - (2 + 0) / 2 + row1 - 1) / 2
    column0, column1 = math.log(math.exp(2) + 1), math.log(1 + math.e)
    texts = (column0 - 2 + column1 - (0 + 1) / 2) / 2
    assert unified_contrast(logits, fits).tolist() == pytest.approx([pictures, texts])


def test_what_nothing_fits_costs_nothing():
    logits = torch.randn(2, 2)
    fits = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    pictures, texts = unified_contrast(logits, fits).tolist()
    assert pictures == pytest.approx(float(-logits.log_softmax(1)[0, 0] / 2))
    assert texts == pytest.approx(float(-logits.log_softmax(0)[0, 0] / 2))


def options(folder, **more) -> CLIPOptions:
    return CLIPOptions(
        **{
            "data": (str(folder),), "kimg": 0.064, "batch": 16, "width": 4, "embed": 8, "seed": 2,
            "precision": "float32", "test_share": 0.2, **more,
        }
    )  # fmt: skip


@pytest.fixture
def people(tmp_path):
    """Blue men and red women, so that a caption's noun can be seen."""
    folder = tmp_path / "people"
    folder.mkdir()
    with open(folder / "labels.csv", "w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["file", "age", "gender"])
        for i in range(40):
            colour = (30, 60, 200) if i % 2 else (210, 60, 30)
            Image.new("RGB", (48, 48), colour).save(folder / f"{i}.png")
            table.writerow([f"{i}.png", 30 + i % 3, "male" if i % 2 else "female"])
    return folder


def make(opts):
    return start(opts, CPU, lambda text: None)


def test_it_resumes_bit_for_bit(people, tmp_path):
    assert_resumes(make, options(people, snapshot_kimg=0.032), tmp_path)


def test_it_learns_and_is_written(people, tmp_path):
    reports = []
    trained(make, options(people, kimg=0.48, lr=0.005, sample_kimg=0.16), tmp_path / "run", reports=reports)
    assert reports[-1].stats["loss"] < reports[0].stats["loss"]
    clip = load_clip(tmp_path / "run" / "model", "cpu")
    assert "woman" in clip.words.numbers
    named = {metric.name for metric in clip.card.metrics}
    assert named == {"gender accuracy", "age mean absolute error", "smile accuracy"}


def test_bad_labels_are_named(people, tmp_path):
    table = people / "labels.csv"
    table.write_text(table.read_text().replace("female", "lady"))
    with pytest.raises(InputError, match=r"the column gender of the labels of .*people holds 'lady'"):
        make(options(people))
