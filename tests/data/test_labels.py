"""Labels in the files of other programs, and in the names of folders."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from ganedit.data.images import load_images
from ganedit.data.labels import label_columns, label_values, unused_labels
from ganedit.errors import InputError
from ganedit.train.options.generators import StyleGAN2Options
from ganedit.train.sources import load_set

NAMES = ["cats/1.png", "cats/2.png", "dogs/1.png"]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "set"
    for i, name in enumerate(NAMES):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4, 3), i * 50, np.uint8)).save(place / name)
    return place


def loaded(source, column, **more):
    found = load_images(source, resolution=4, label_column=column, **more)
    assert found.names == NAMES
    return found.labels.tolist(), found.class_names


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ([7, 10, 7], ["7", "10", "7"]),
        ([[0, 0, 1], [1, 0, 0], [0, 0, 1]], ["2", "0", "2"]),
        ([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]], ["1", "0", "1"]),
    ],
)
def test_dataset_json(folder, labels, wanted):
    table = {"labels": [list(pair) for pair in zip(NAMES, labels, strict=True)]}
    (folder / "dataset.json").write_text(json.dumps(table))
    assert label_values(folder, "class", NAMES) == wanted
    numbers, names = loaded(folder, "class")
    assert [names[i] for i in numbers] == wanted
    assert label_columns(folder) == ["class"]


def test_dataset_json_in_a_zip(folder, tmp_path):
    """Where dataset_tool.py writes it."""
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name in NAMES:
            archive.write(folder / name, name)
        archive.writestr("dataset.json", json.dumps({"labels": [[name, i] for i, name in enumerate(NAMES)]}))
    assert loaded(tmp_path / "set.zip", "class") == ([0, 1, 2], ["0", "1", "2"])
    assert unused_labels(tmp_path / "set.zip") == "dataset.json: class"


def test_other_vectors_are_columns(folder):
    table = {"labels": [[name, [i, 0.5]] for i, name in enumerate(NAMES)]}
    (folder / "dataset.json").write_text(json.dumps(table))
    assert label_columns(folder) == ["0", "1"]
    assert loaded(folder, "0", label_kind="number") == ([0, 1, 2], [])


@pytest.mark.parametrize(
    "text", ["{}", "[]", "{", '{"labels": [["cats/1.png"]]}', '{"labels": [["a", [1]], ["b", [1, 0]]]}']
)
def test_other_json_is_refused(folder, text):
    (folder / "dataset.json").write_text(text)
    with pytest.raises(InputError, match=r"dataset\.json cannot be read as labels"):
        label_values(folder, "class", NAMES)
    assert unused_labels(folder) == ""


def test_folders_by_class(folder, tmp_path):
    assert label_columns(folder) == ["folder"]
    assert loaded(folder, "folder") == ([0, 0, 1], ["cats", "dogs"])
    with pytest.raises(InputError, match="not in folders by class"):
        label_values(folder / "cats", "folder", ["1.png", "2.png"])


def test_backslashes_in_paths(folder):
    rows = [name.replace("/", "\\") + f",{i}" for i, name in enumerate(NAMES)]
    (folder / "labels.csv").write_text("\n".join(["file,kind", *rows]))
    assert label_values(folder, "kind", NAMES) == ["0", "1", "2"]


def test_a_name_with_two_labels_is_not_enough(folder):
    """cats/1.png and dogs/1.png, listed without their folders or with other ones."""
    (folder / "labels.csv").write_text("file,kind\na/1.png,x\nb/1.png,y\n2.png,z\n")
    assert label_values(folder, "kind", ["cats/2.png"]) == ["z"]
    with pytest.raises(InputError, match="2 of 3 images have no row"):
        label_values(folder, "kind", NAMES)


def test_labels_that_nobody_asks_for(folder):
    (folder / "dataset.json").write_text(json.dumps({"labels": [[name, 0] for name in NAMES]}))
    said: list[str] = []
    options = StyleGAN2Options(data=(str(folder),))
    load_set(options, said.append, None, resolution=4, label_column=None)
    assert said == [f"{folder} has labels (dataset.json: class), which are not used without `label`"]
    (folder / "dataset.json").write_text('{"labels": null}')
    load_set(options, said.append, None, resolution=4, label_column=None)
    load_set(options, said.append, None, resolution=4)  # of recipes without labels
    assert len(said) == 1
