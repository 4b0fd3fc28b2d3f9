"""`ganedit dissect` with tiny models."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from reference import reference_file

DISSECT = ("dissect", "--device", "cpu", "--samples", "6")


def test_a_report_of_the_regions_of_faces(ganedit, tiny_faces, tmp_path):
    ran = ganedit(*DISSECT, "--layers", "1,3-4", "--quantile", "0.9")
    assert ran.status == 0, ran.err
    assert ran.lines == ["dissection/index.html"]
    assert "layer3 (16 px)" in ran.err
    assert "layer2" not in ran.err
    text = (tmp_path / "dissection/index.html").read_text()
    assert all(name in text for name in ("background", "skin", "brows", "eyes", "nose", "lips"))
    assert list((tmp_path / "dissection/images").glob("*.jpg"))


def test_everything_as_json_beside_one_file(ganedit, tiny_faces, tmp_path):
    ran = ganedit(*DISSECT, "--layers", "2", "-o", "units.html", "--json", "--seed", "3")
    assert ran.status == 0, ran.err
    (told,) = ran.json
    assert told["path"] == "units.html"
    assert (told["samples"], told["seed"], told["quantile"]) == (6, 3, 0.99)
    assert told["layers"] == [{"layer": 2, "size": 8, "units": 16}]
    assert sorted(unit["unit"] for unit in told["units"]) == list(range(16))
    assert set(told["units"][0]["top_seeds"]) == {3, 4, 5, 6, 7, 8}
    shares = [one["share"] for one in told["concepts"].values()]
    assert sum(shares) == pytest.approx(1)
    assert not list(tmp_path.glob("units*/"))


def test_label_maps_in_a_folder(ganedit, tiny_faces, tmp_path):
    (tmp_path / "maps").mkdir()
    for seed in range(4):
        labels = np.zeros((32, 32), np.uint8)
        labels[:, : 4 * seed] = 2
        Image.fromarray(labels).save(tmp_path / f"maps/seed{seed:04}.png")
    ran = ganedit("dissect", "--device", "cpu", "--layers", "3", "--concepts", "maps", "--json")
    assert ran.status == 0, ran.err
    (told,) = ran.json
    assert told["samples"] == 4
    assert told["concepts"]["label 2"]["share"] == pytest.approx(6 / 32)
    assert json.dumps(told)


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (["--layers", "7"], 2, "there is no layer 7: the model faces has 7"),
        (["--layers", "fine"], 2, "fine is not a list of layers"),
        (["--quantile", "1"], 2, "--quantile 1.0 must be between 0 and 1"),
        (["--samples", "0"], 2, "--samples 0 must be at least 1"),
        (["--psi", "nan"], 2, "not a finite number"),
        (["--concepts", "nowhere"], 3, "nowhere does not exist"),
        (["--model", "nobody"], 2, "no model nobody"),
    ],
)
def test_what_cannot_be_dissected_is_told(ganedit, tiny_faces, tmp_path, options, status, told):
    ran = ganedit(*DISSECT, *options)
    assert ran.status == status
    assert told in ran.err
    assert not (tmp_path / "dissection").exists()


def test_models_of_other_things_need_label_maps(ganedit):
    ran = ganedit(*DISSECT, "--model", reference_file("sg3t-32.pkl"))
    assert ran.status == 2
    assert "names no template" in ran.err
    ran = ganedit(*DISSECT, "--model", reference_file("genforce-pggan.pth"))
    assert ran.status == 4
    assert "no style space" in ran.err
