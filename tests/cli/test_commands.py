"""generate, models, info and doctor, run as a user does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganedit.cli.kit.generate_options import parse_grid, parse_seeds
from ganedit.errors import UsageError
from ganedit.images.provenance import provenance
from ganedit.images.tensors import to_tensor
from ganedit.latent.latent import Latent
from ganedit.nets.stylegan2 import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig
from ganedit.store.cards import Metric, ModelCard
from ganedit.store.load import load, save_model

GOLDEN = Path(__file__).parents[1] / "golden"
CONDITIONAL = GOLDEN / "sg2ada-cond-32.pkl"


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model called `tiny` in the user's folder, which otherwise is empty."""
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("ganedit.store.registry.bundled_folder", lambda: tmp_path / "nothing")
    g = GeneratorConfig(resolution=16, channels=(8, 8, 4), z_dim=6, w_dim=5, mapping_layers=2)
    d = DiscriminatorConfig(resolution=16, channels=(8, 8, 4))
    card = ModelCard(
        "tiny",
        "generator",
        "stylegan2",
        g.to_dict(),
        16,
        template="close-up",
        licence="MIT",
        metrics=(Metric("FID", 12.5, "ganedit metrics fid"),),
    )
    torch.manual_seed(0)
    save_model(
        tmp_path / "home/tiny",
        card,
        Generator(g).state_dict(),
        discriminator=(d.to_dict(), Discriminator(d).state_dict()),
    )
    return tmp_path / "home/tiny"


# ---- generate ----


def test_generate_writes_pictures_and_latents(ganedit, tiny, tmp_path):
    ran = ganedit(
        "generate", "--model", "tiny", "--seeds", "3,0-1", "--grid", "3x1", "-o", "out", "--device", "cpu"
    )
    assert ran.status == 0, ran.err
    assert ran.lines == ["out/seed0003.png", "out/seed0000.png", "out/seed0001.png", "out/grid.png"]
    model = load("tiny", "cpu")
    latent = Latent.load(tmp_path / "out/seed0003.latent.safetensors")
    latent.check_model(model)
    assert latent.template == "close-up"
    torch.testing.assert_close(latent.ws[None], model.mapping(model.z_of([3]), psi=0.7))
    drawn = np.asarray(Image.open(tmp_path / "out/seed0003.png"))
    wanted = model.synthesis(latent.ws[None]).clamp(-1, 1)
    assert (to_tensor(drawn) - wanted).abs().max() < 1.1 / 127.5  # rounding to 8 bits


def test_generate_says_what_it_did_in_the_picture(ganedit, tiny):
    ganedit("generate", "--model", "tiny", "--seeds", "7", "--psi", "0.5", "--device", "cpu")
    (about,) = ganedit("info", "seed0007.png", "--json").json
    assert (about["command"], about["model"], about["parameters"]["seed"]) == ("generate", "tiny", 7)
    assert "trainedAlgorithmicMedia" in about["digital_source_type"]
    assert "  psi                  0.5" in ganedit("info", "seed0007.png").out.splitlines()
    ganedit("generate", "--model", "tiny", "--seeds", "8", "--no-provenance")
    assert "none" in ganedit("info", "seed0008.png").out


def test_generate_leaves_finished_pictures(ganedit, tiny, tmp_path):
    argv = "generate", "--model", "tiny", "--seeds", "0-1"
    assert ganedit(*argv).status == 0
    before = (tmp_path / "seed0000.png").stat().st_mtime_ns
    (tmp_path / "seed0001.png").unlink()
    refused = ganedit(*argv)
    assert refused.status == 2
    assert "already there" in refused.err
    again = ganedit(*argv, "--skip-existing")
    assert sorted(again.lines) == ["seed0000.png", "seed0001.png"]
    assert (tmp_path / "seed0000.png").stat().st_mtime_ns == before
    assert ganedit(*argv, "--force").status == 0


def test_classes(ganedit, tmp_path):
    argv = "generate", "--model", CONDITIONAL, "--seeds", "0", "--device", "cpu"
    assert "--class from 0 to 9" in ganedit(*argv).err
    assert ganedit(*argv, "--class", "10").status == 3
    assert ganedit(*argv, "--class", "4", "-o", "four").status == 0
    assert ganedit(*argv, "--class", "5", "-o", "five").status == 0
    assert (tmp_path / "four/seed0000.png").read_bytes() != (tmp_path / "five/seed0000.png").read_bytes()


@pytest.mark.parametrize(("noise", "same"), [("const", True), ("none", True), ("random", True)])
def test_every_noise_repeats(ganedit, tmp_path, noise, same):
    """Also fresh noise, which --seed starts."""
    argv = (
        "generate",
        "--model",
        GOLDEN / "sg2ada-uncond-64.pkl",
        "--seeds",
        "0",
        "--noise",
        noise,
        "--device",
        "cpu",
    )
    for folder in ("a", "b"):
        assert ganedit(*argv, "-o", folder).status == 0
    first, second = (np.asarray(Image.open(tmp_path / f"{f}/seed0000.png")) for f in "ab")
    assert np.array_equal(first, second) is same


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (["--model", "tinny"], 2, "did you mean tiny"),
        (["--seeds", "x"], 2, "0-63"),
        (["--seeds", "3-1"], 2, "0-63"),
        (["--grid", "3"], 2, "8x8"),
        (["--grid", "3x3", "--seeds", "0-7"], 2, "9 seeds"),
        (["--psi", "nan"], 2, "finite"),
        (["--cutoff", "-1"], 2, "cutoff"),
        (["--noise", "loud"], 2, "--noise"),
        (["--class", "1"], 3, "no class"),
        (["--device", "cuda:77"], 5, "--device cpu"),
        (["-o", "/proc/nowhere"], 3, "/proc/nowhere"),
    ],
    ids=str,
)
def test_generate_refuses(ganedit, tiny, argv, status, said):
    ran = ganedit("generate", *(["--model", "tiny"] if "--model" not in argv else []), *argv)
    assert (ran.status, ran.out) == (status, ""), ran.err
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_seed_lists():
    assert parse_seeds("0-3,7, 2") == [0, 1, 2, 3, 7]
    assert parse_grid("8x4") == (8, 4)
    for wrong in ("", "-1", "1-", "4294967296", "0-99999999", "1.5"):
        with pytest.raises(UsageError):
            parse_seeds(wrong)


# ---- models ----


def test_models(ganedit, tiny):
    assert [m["name"] for m in ganedit("models", "list", "--installed", "--json").json] == ["tiny"]
    card = ganedit("models", "info", "tiny").out
    assert all(words in card for words in ("close-up", "MIT", "FID: 12.5", "measured by ganedit metrics fid"))
    assert ganedit("models", "path", "tiny").lines == [str(tiny)]
    assert ganedit("models", "verify").lines == [str(tiny)]
    assert "did you mean tiny" in ganedit("models", "info", "tin").err


def test_damage_is_found(ganedit, tiny):
    with open(tiny / "discriminator.safetensors", "r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x07")
    ran = ganedit("models", "verify", "tiny")
    assert (ran.status, ran.out) == (4, "")
    assert "discriminator.safetensors was changed" in ran.err
    assert ganedit("doctor").status == 4


def test_one_damaged_model_among_others(ganedit, tiny):
    shutil.copytree(tiny, tiny.parent / "other")
    (tiny / "model.safetensors").unlink()
    ran = ganedit("models", "verify")
    assert (ran.status, ran.lines) == (1, [str(tiny.parent / "other")])


def test_no_models(ganedit, monkeypatch, tmp_path):
    monkeypatch.setattr("ganedit.store.registry.folders", lambda: [tmp_path])
    ran = ganedit("models", "list", "--installed")
    assert (ran.status, ran.out) == (0, "")
    assert "no models" in ran.err


# ---- info and doctor ----


def test_info_of_a_latent(ganedit, tiny):
    ganedit("generate", "--model", "tiny", "--seeds", "0")
    (about,) = ganedit("info", "seed0000.latent.safetensors", "--json").json
    assert (about["model"], about["space"], about["tensors"]) == ("tiny", "w", {"ws": "6x5"})


def test_info_goes_on_after_a_bad_file(ganedit, tiny, tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    (tmp_path / "b.safetensors").write_text("no tensors")
    Image.new("RGB", (4, 4)).save(tmp_path / "c.png")
    ran = ganedit("info", "a.png", "b.safetensors", "c.png")
    assert ran.status == 1
    assert "c.png" in ran.out
    assert all(name in ran.err for name in ("a.png", "b.safetensors"))


def test_doctor(ganedit, tiny):
    ran = ganedit("doctor")
    assert ran.status == 0, ran.err
    assert all(words in ran.out for words in ("torch", "cpu", "GiB", "tiny", "verified"))
    about = json.loads(ganedit("doctor", "--json").out)
    assert about["devices"][0]["memory_gib"] > 0


def test_doctor_names_what_is_missing_and_how_to_get_it(ganedit, tiny, monkeypatch):
    from importlib import metadata

    from ganedit.cli.commands import doctor

    def version(name: str) -> str:
        if name == "dlib-bin":
            raise metadata.PackageNotFoundError
        return metadata.version(name)

    monkeypatch.setattr(doctor, "version", version)
    ran = ganedit("doctor")
    assert ran.status == 5
    assert "pip install dlib-bin" in ran.out
    monkeypatch.setattr("ganedit.store.registry.bundled_folder", lambda: tiny / "nothing")
    assert "model faces-encoder" in ganedit("doctor").out


def test_info_names_no_folder_of_another_machine(ganedit, tmp_path):
    ws = torch.zeros(2, 4)
    for name, source, shown in (
        ("a", "/home/somebody/photos/me.jpg", "me.jpg"),
        ("b", str(tmp_path / "photos/me.jpg"), "photos/me.jpg"),
    ):
        Latent(ws, "faces", "0" * 64, "w+", source=source).save(tmp_path / f"{name}.latent.safetensors")
        ran = ganedit("info", f"{name}.latent.safetensors")
        assert f" {shown}\n" in ran.out
        assert source not in ran.out


def test_records_of_images_name_the_source_alone():
    assert provenance("upscale", {}, source="/home/somebody/me.jpg")["source"] == "me.jpg"
    assert provenance("align", {}, source="/home/somebody/me.jpg")["source"] == "/home/somebody/me.jpg"
