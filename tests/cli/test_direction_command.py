"""`ganedit direction` with a tiny generator and a tiny classifier."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from PIL import Image

from ganedit.images.io import read_provenance
from ganedit.latent.directions.direction import Direction
from ganedit.latent.latent import Latent
from ganedit.nets.classifier import Classifier, ClassifierConfig
from ganedit.nets.stylegan2 import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import load_generator, save_model


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user folder with the generator `faces2` (codes [6, 5]) and the classifier `judge`."""
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    torch.manual_seed(0)
    network = Generator(GeneratorConfig(16, (8, 8, 4), 6, 5, 0, 2))
    card = ModelCard("faces2", "generator", "stylegan2", network.cfg.to_dict(), 16)
    d = Discriminator(DiscriminatorConfig(16, (8, 8, 4)))
    save_model(
        tmp_path / "home/faces2", card, network.state_dict(), discriminator=(d.cfg.to_dict(), d.state_dict())
    )
    judge = Classifier(ClassifierConfig(("smile",), ("age",), (40.0,), (20.0,), (4, 4, 4, 4)))
    config = {key: list(value) for key, value in asdict(judge.cfg).items()}
    save_model(
        tmp_path / "home/judge", ModelCard("judge", "classifier", "classifier", config), judge.state_dict()
    )
    return tmp_path / "home"


def write_latents(folder, count, push):
    """Latents whose first number is moved by `push`."""
    generator = load_generator("faces2", device="cpu")
    folder.mkdir()
    codes = torch.randn(count, 5, generator=torch.Generator().manual_seed(int(push * 10) % 97))
    codes[:, 0] += push
    for i, code in enumerate(codes):
        ws = code.expand(generator.num_ws, 5)
        Latent(ws, "faces2", generator.sha256, "w").save(folder / f"{i:02d}.latent.safetensors")
    return codes


def test_learn_by_classifier_then_list_info_export(ganedit, home):
    learn = ("direction", "learn", "age", "--model", "faces2", "--classifier", "judge", "--samples", 80)
    ran = ganedit(*learn, "--json")
    assert ran.status == 0, ran.err
    (made,) = ran.json
    assert made["path"] == str(home / "directions/faces2/age.safetensors")
    assert made["samples"] == 48
    saved = Direction.load(made["path"])
    assert (saved.model, saved.name) == ("faces2", "age")
    assert "held-out" in ran.err

    assert ganedit(*learn).status == 2  # it is there already
    assert ganedit("direction", "list", "--model", "faces2").lines[0].startswith("age ")
    (told,) = ganedit("direction", "info", "age", "--model", "faces2", "--json").json
    assert told["shape"] == [5]
    assert told["sigma"] == pytest.approx(saved.sigma)
    ran = ganedit("direction", "export", "age", "--model", "faces2", "-o", "age.npy")
    assert ran.status == 0, ran.err
    assert np.load("age.npy").shape == (1, 5)


def test_learn_from_coarse_samples(ganedit, home):
    learn = ("direction", "learn", "age", "--model", "faces2", "--classifier", "judge", "--samples", 80)
    ran = ganedit(*learn, "--size", 8, "-o", "coarse.safetensors")
    assert ran.status == 0, ran.err
    assert "samples are drawn at 8 px: their scores correlate by" in ran.err
    assert "drawn at" not in ganedit(*learn, "--size", 16, "-o", "full.safetensors").err
    assert not torch.equal(
        Direction.load("coarse.safetensors").vector, Direction.load("full.safetensors").vector
    )
    wrong = ganedit(*learn, "--size", 12)
    assert wrong.status == 2
    assert "--size 12: the model faces2 cannot draw at this size" in wrong.err


def test_learn_from_two_folders_and_from_a_csv(ganedit, home, tmp_path):
    with_it = write_latents(tmp_path / "with", 30, 2.0)
    write_latents(tmp_path / "without", 30, -2.0)
    folders = ("--positive", "with", "--negative", "without")
    ran = ganedit("direction", "learn", "first", "--model", "faces2", *folders, "-o", "first.safetensors")
    assert ran.status == 0, ran.err
    assert float(Direction.load("first.safetensors").vector[0]) > 0.8

    rows = [f"with/{i:02d}.projected.png,{float(code[2])}" for i, code in enumerate(with_it)]
    (tmp_path / "scores.csv").write_text("\n".join(["file,score", *rows]))
    third = (
        "direction",
        "learn",
        "third",
        "--model",
        "faces2",
        "--scores",
        "scores.csv",
        "--threshold",
        with_it[:, 2].median().item(),
    )
    ran = ganedit(*third, "--preserve", "first.safetensors")
    assert ran.status == 0, ran.err
    made = Direction.load(ran.lines[0])
    assert int(made.vector.abs().argmax()) == 2
    assert made.preserved == ("first",)
    assert abs(float(made.vector @ Direction.load("first.safetensors").vector)) < 1e-6


def test_learn_from_two_arrays(ganedit, home, tmp_path):
    """InterFaceGAN's w.npy and scores.npy: the direction is the one along which the scores rise."""
    codes = np.random.RandomState(0).randn(200, 5).astype("float32")
    np.save("w.npy", codes)
    np.save("scores.npy", codes[:, 2:3] * 3 + 1)
    np.save("few.npy", codes[:9, 2])
    np.save("flat.npy", codes)
    run = ("direction", "learn", "third", "--model", "faces2", "--codes", "w.npy")
    ran = ganedit(*run, "--scores", "scores.npy")
    assert ran.status == 0, ran.err
    made = Direction.load(ran.lines[0])
    assert float(made.vector[2]) > 0.95
    for scores, status, words in (
        ("few.npy", 3, "w.npy holds 200 codes, few.npy 9 scores"),
        ("flat.npy", 3, "flat.npy holds an array [200, 5]"),
        ("none.npy", 3, "none.npy: no such file"),
    ):
        ran = ganedit(*run, "--force", "--scores", scores)
        assert (ran.status, words in ran.err) == (status, True), ran.err
    assert "--codes needs --scores" in ganedit(*run).err


def test_import_measures_sigma_and_refuses_other_sizes(ganedit, home, tmp_path):
    np.save(tmp_path / "mine.npy", np.array([[0, 3.0, 0, 0, 0]]))
    ran = ganedit("direction", "import", "mine.npy", "--model", "faces2")
    assert ran.status == 0, ran.err
    made = Direction.load(ran.lines[0])
    assert made.vector.tolist() == [0, 1, 0, 0, 0]
    assert made.sigma not in (0, 1)
    torch.save(torch.ones(1, 512), tmp_path / "large.pt")
    ran = ganedit("direction", "import", "large.pt", "--model", "faces2")
    assert ran.status == 3
    assert "[512]" in ran.err
    assert "[6, 5]" in ran.err


def test_refusals(ganedit, home, tmp_path):
    (tmp_path / "bad.csv").write_text("file,score\nx.png,high\n")
    (tmp_path / "cut.pt").write_bytes(b"PK\x03\x04")
    cases = [
        (("learn", "x", "--model", "faces2", "--positive", "a"), 2, "--negative"),
        (("learn", "x", "--model", "faces2", "--classifier", "judge"), 2, "attribute x"),
        (("learn", "agee", "--model", "faces2", "--classifier", "judge"), 2, "did you mean age"),
        (("learn", "x", "--model", "faces2", "--scores", "bad.csv"), 3, "row 2"),
        (("learn", "x", "--model", "faces2", "--scores", "none.csv"), 3, "none.csv"),
        (("learn", "../x", "--model", "faces2"), 2, "cannot be the name"),
        (("learn", "x", "--model", "face2"), 2, "did you mean faces or faces2"),
        (("info", "smile", "--model", "faces2"), 2, "no direction smile"),
        (("import", "cut.pt", "--model", "faces2"), 3, "cut.pt"),
    ]
    for argv, status, words in cases:
        ran = ganedit("direction", *argv)
        assert ran.status == status, (argv, ran.err)
        assert words in ran.err, (argv, ran.err)
        assert "Traceback" not in ran.err
        assert not ran.out
    assert (
        json.dumps(sorted(p.name for p in (home).iterdir())) == '["faces2", "judge"]'
    )  # nothing half written


def test_learn_from_photos_projects_them_and_survives_bad_ones(ganedit, home, tmp_path, monkeypatch):
    from ganedit.latent.inversion import project

    monkeypatch.setitem(project.STEPS, "optimize", 1)
    rng = np.random.default_rng(0)
    for name, level in (("bright", 200), ("dark", 50)):
        (tmp_path / name).mkdir()
        for i in range(10):
            pixels = rng.integers(level - 30, level + 30, (20, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
        (tmp_path / name / "bad.png").write_bytes(b"no picture")
    learn = ("direction", "learn", "light", "--model", "faces2", "--positive", "bright", "--negative", "dark")
    ran = ganedit(*learn)  # by the encoder, which there is not: never silently something else
    assert ran.status == 5
    assert "no encoder for the model faces2" in ran.err
    assert "--method optimize" in ran.err
    ran = ganedit(*learn, "--method", "optimize")
    assert ran.status == 0, ran.err
    assert Direction.load(ran.lines[0]).samples == 20
    assert ran.err.count("bad.png") == 2


# ---- discovered ----


def test_discovered_directions_are_kept_shown_and_named(ganedit, tiny_faces, tmp_path):
    ran = ganedit(
        "direction", "discover", "--count", 2, "--layers", "coarse", "--faces", 1, "--device", "cpu"
    )
    assert ran.status == 0, ran.err
    folder = tiny_faces / "directions" / "faces"
    assert ran.lines == [f"{folder}/sefa-0.safetensors", f"{folder}/sefa-1.safetensors", "sefa.sheet.png"]
    assert read_provenance("sefa.sheet.png")["command"] == "direction discover"
    assert ganedit("direction", "name", "faces/sefa-1", "hair", "--negate").status == 0
    hair, found = (Direction.load(folder / f"{name}.safetensors") for name in ("hair", "sefa-1"))
    assert (hair.name, hair.method, hair.layers) == ("hair", "SeFa", (0, 1, 2, 3))
    assert torch.equal(hair.vector, -found.vector)
    assert "hair" in ganedit("direction", "list").out
    ran = ganedit("direction", "show", "hair", "smile", "--faces", 1, "-o", "two.png")
    assert ran.lines == ["two.png"]
    assert read_provenance("two.png")["parameters"] == {"directions": ["hair", "smile"]}
    assert ganedit("direction", "name", "sefa-7", "x").status == 2
    assert ganedit("direction", "discover", "--count", 2).status == 2  # there already


def test_what_cannot_be_discovered_is_told(ganedit, tiny_faces, tmp_path):
    discover = ("direction", "discover", "--device", "cpu")
    for options, told in [
        (("--count", 0), "no 0 directions"),
        (("--count", 10**9), "too many directions"),
        (("--activations", 1), "--method ganspace"),
        (("--method", "ganspace", "--samples", 4), "too few"),
        (("--layers", "rough"), "rough"),
        (("--name", "a/b"), "cannot be the name"),
        (("--faces", 0), "--faces 0"),
    ]:
        ran = ganedit(*discover, *options)
        assert (ran.status, told in ran.err) == (2, True), ran.err
    assert not list(tmp_path.glob("*.png"))


def test_measuring_stores_the_safe_range(ganedit, tiny_faces, monkeypatch):
    monkeypatch.setattr("ganedit.metrics.safe_range.measure_safe_range", lambda *args, **kept: (-1.5, 3.0))
    command = importlib.import_module("ganedit.cli.commands.direction.measure")
    monkeypatch.setattr(command, "open_classifier", lambda *args: None)
    ran = ganedit("direction", "measure", "smile", "age")
    assert ran.status == 0, ran.err
    assert "smile: safe from -1.5 to +3" in ran.err
    assert [Direction.load(line).safe for line in ran.lines] == [(-1.5, 3.0)] * 2
    listed = ganedit("direction", "list")
    assert listed.out.count("safe -1.5 to +3  (yours; hides the one that comes with the model)") == 2
    assert ganedit("direction", "measure", "smile", "age", "-o", "x.safetensors").status == 2
