"""`ganedit train` as users run it, on sets of a dozen tiny pictures."""

from __future__ import annotations

import importlib
import json
import os
import signal
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image

import ganedit as library
from ganedit.train.options.recipes import RECIPES
from ganedit.train.recipes.stylegan2 import StyleGAN2

NUMBERS = {"resolution": 16, "channel-base": 128, "channel-max": 8, "z-dim": 6, "w-dim": 8, "batch": 4}
SIZES = [word for name, number in NUMBERS.items() for word in (f"--{name}", number)]
SIZES += ["--mapping-layers", 2, "--device", "cpu", "--dtype", "float32"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    rows = ["file,kind"]
    for i in range(12):
        Image.new("RGB", (20, 18), (200, 40 + 10 * i, 60)).save(folder / f"{i:02}.png")
        rows.append(f"{i:02}.png,{('round', 'square')[i % 2]}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


def test_a_run_is_made_continued_and_protected(ganedit, data):
    (data / "broken.png").write_bytes((data / "00.png").read_bytes()[:40])
    ran = ganedit("train", "stylegan2", data, "--out", "run", "--kimg", 0.016, *SIZES)
    assert (ran.status, ran.lines) == (0, ["run/model"]), ran.err
    assert "skipped broken.png" in ran.err
    assert "kimg" in ran.err
    model = library.load("run/model", device="cpu")
    assert model.generate(seeds=[0]).shape == (1, 3, 16, 16)
    assert model.discriminator(torch.zeros(1, 3, 16, 16)).shape == (1, 1)
    saved = json.loads(Path("run/options.json").read_text())
    assert (saved["recipe"], saved["resolution"], saved["r1_every"]) == ("stylegan2", 16, 16)
    assert {"checkpoint.safetensors", "log.jsonl", "model"} <= {p.name for p in Path("run").iterdir()}
    assert list(Path("run").glob("samples-*.png"))

    again = ganedit("train", "stylegan2", data, "--out", "run", *SIZES)
    assert again.status == 2
    assert "--resume continues it" in again.err
    words = ["--kimg", 0.032, "--json", "--device", "cpu"]
    on = ganedit("train", "stylegan2", "--out", "run", "--resume", *words)
    assert (on.status, on.json) == (0, [{"path": "run/model", "recipe": "stylegan2", "images": 32}]), on.err
    counts = [json.loads(line)["images"] for line in Path("run/log.jsonl").read_text().splitlines()]
    assert counts == [16, 32]


def test_resuming_something_else(ganedit, data):
    assert ganedit("train", "stylegan2", "--out", "none", "--resume").status == 3
    ganedit("train", "stylegan2", data, "--out", "run", "--kimg", 0.004, *SIZES)
    before = Path("run/options.json").read_text()
    for words, status, said in (
        (["stylegan2", "other"], 2, "was trained on"),
        (["encoder"], 2, "another recipe"),
        (["stylegan2", "--w-dim", 7], 4, "does not fit this run"),
    ):
        ran = ganedit("train", *words, "--out", "run", "--resume", "--device", "cpu")
        assert (ran.status, ran.out) == (status, "")
        assert said in ran.err
        assert Path("run/options.json").read_text() == before


def test_ctrl_c_saves_and_the_run_goes_on(ganedit, data, monkeypatch):
    step = StyleGAN2.step

    def interrupted(self, run):
        if run.step == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, run)

    with monkeypatch.context() as patched:
        patched.setattr(StyleGAN2, "step", interrupted)
        ran = ganedit("train", "stylegan2", data, "--out", "run", "--kimg", 0.04, *SIZES)
    assert (ran.status, ran.out) == (130, "")
    assert "interrupted" in ran.err
    assert "saved in run: checkpoint and model after 12 images" in ran.err
    assert "next: ganedit train stylegan2 --out run --resume --device cpu" in ran.err
    assert library.load("run/model", device="cpu").resolution == 16
    on = ganedit("train", "stylegan2", "--out", "run", "--resume", "--json", "--device", "cpu")
    assert on.json[0]["images"] == 40


def test_a_second_ctrl_c_says_what_is_lost(ganedit, data, monkeypatch):
    def at_once(self, run):
        raise KeyboardInterrupt

    monkeypatch.setattr(StyleGAN2, "step", at_once)
    ran = ganedit("train", "stylegan2", data, "--out", "run", "--kimg", 0.04, *SIZES)
    assert ran.status == 130
    assert "nothing was saved" in ran.err
    assert "--resume" not in ran.err


def test_the_time_left_honours_minutes(ganedit, data):
    words = ("--kimg", 1000, "--minutes", 0.02, "--sample-kimg", 0.004)
    ran = ganedit("train", "stylegan2", data, "--out", "run", *words, *SIZES)
    assert ran.status == 0, ran.err
    lines = [line for line in ran.err.splitlines() if " h left" in line]
    assert lines
    assert all("0:00 h left" in line for line in lines)  # 1000 kimg alone take hours


def test_a_zip_with_classes(ganedit, data, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in sorted(data.glob("*.png")):
            archive.write(path, f"pictures/{path.name}")
    words = ["--label", "kind", "--labels", data / "labels.csv", "--out", "run", "--kimg", 0.008]
    ran = ganedit("train", "stylegan2", tmp_path / "set.zip", *words, *SIZES)
    assert ran.status == 0, ran.err
    model = library.load("run/model", device="cpu")
    assert model.num_classes == 2
    assert model.card.details["classes"] == ["round", "square"]


def test_labels_that_nobody_asks_for(ganedit, data):
    ran = ganedit("train", "stylegan2", data, "--out", "run", "--kimg", 0.004, *SIZES)
    assert f"{data} has labels (labels.csv: kind), which are not used without --label" in ran.err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["empty"], 3, "holds no images"),
        (["single"], 3, "only one image"),
        (["nowhere"], 3, "does not exist"),
        (["note.txt"], 3, "neither a folder nor a zip"),
        ([], 2, "no data was named"),
        (["data", "data"], 2, "one folder or zip"),
        (["data", "--label", "colour"], 2, "no column 'colour'"),
        (["data", "--batch", "5", "--accumulate", "2"], 2, "choose a multiple of 2"),
        (["data", "--resolution", "24"], 2, "must be a power of two, 8 or more"),
        (["data", "--dtype", "float16"], 2, "float32 or bfloat16"),
        (["data", "--from", "nothing"], 2, "no model nothing"),
        (["data", "--augment", "lots"], 2, "lots"),
        (["data", "--r1-gamma", "nan"], 2, "--r1-gamma nan"),
        (["data", "--kimg", "inf"], 2, "--kimg inf"),
        (["data", "--ema-kimg", "-1"], 2, "--ema-kimg -1"),
        (["data", "--lr", "0"], 2, "--lr 0"),
        (["data", "--channel-max", "0"], 2, "--channel-max 0"),
        (["data", "--ada-kimg", "0"], 2, "--ada-kimg 0"),
        (["--resume"], 3, "not a training run"),
    ],
)
def test_what_cannot_be_trained(ganedit, data, tmp_path, words, status, said):
    (tmp_path / "empty").mkdir()
    (tmp_path / "single").mkdir()
    (tmp_path / "single/1.png").write_bytes((data / "00.png").read_bytes())
    (tmp_path / "note.txt").write_text("hello")
    ran = ganedit("train", "stylegan2", *words, "--out", "run", "--device", "cpu")
    assert (ran.status, ran.out) == (status, ""), ran.err
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert not Path("run").exists()


def test_help_names_the_flags(ganedit):
    told = ganedit("train", "stylegan2", "--help").out
    for flag in ("--from", "--freeze-d", "--no-mirror", "--resume", "--ada-target"):
        assert flag in told
    assert "encoder" in ganedit("train", "--help").out


def test_an_encoder_for_a_trained_generator(ganedit, data):
    ganedit("train", "stylegan2", data, "--out", "run", "--kimg", 0.008, *SIZES)
    words = ["--model", "run/model", "--batch", 4, "--kimg", 0.008, "--device", "cpu", "--dtype", "float32"]
    ran = ganedit("train", "encoder", data, "--out", "inverse", *words)
    assert (ran.status, ran.lines) == (0, ["inverse/model"]), ran.err
    encoder = library.load("inverse/model", device="cpu")
    generator = library.load("run/model", device="cpu")
    assert encoder.card.details["model_sha256"] == generator.sha256
    ws = encoder(torch.zeros(2, 3, 16, 16))
    assert generator.synthesis(ws).shape == (2, 3, 16, 16)


def test_a_classifier(ganedit, data):
    words = ["--attributes", "kind", "--batch", 4, "--kimg", 0.008, "--widths", "4,4,8,8", "--device", "cpu"]
    ran = ganedit("train", "classifier", data, "--out", "judge", *words)
    assert (ran.status, ran.lines) == (0, ["judge/model"]), ran.err
    assert list(library.load("judge/model", device="cpu").attributes) == ["kind"]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_can_be_started(name):
    module = importlib.import_module("ganedit.train.recipes." + name.replace("-", "_"))
    assert callable(module.start)
