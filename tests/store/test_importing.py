"""Checkpoints become models of the user's own, whole or not at all."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.files import sha256_file
from ganedit.store import importing, registry
from ganedit.store.cards import ModelCard
from ganedit.store.importing import describe_file, import_model, name_for
from ganedit.store.load import load, verify

GOLDEN = Path(__file__).parents[1] / "golden"
UNCONDITIONAL = GOLDEN / "sg2ada-uncond-64.pkl"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_import_keeps_model_and_discriminator(home):
    card = import_model(
        UNCONDITIONAL, "mine", template="ffhq", licence="MIT", terms="None.", source="https://example.org"
    )
    assert card.sha256 == ModelCard.load(home / "mine").sha256 == verify(home / "mine").sha256
    assert (card.name, card.template, card.licence, card.source) == (
        "mine", "ffhq", "MIT", "https://example.org",
    )  # fmt: skip
    assert card.details["source_sha256"] == sha256_file(UNCONDITIONAL)
    assert card.details["source_file"] == UNCONDITIONAL.name
    mine, original = load("mine", "cpu"), load(UNCONDITIONAL, "cpu")
    assert torch.equal(mine.generate(seeds=[0]), original.generate(seeds=[0]))
    image = mine.generate(seeds=[1])
    assert torch.equal(mine.discriminator(image), original.discriminator(image))


def test_float16_takes_half(home):
    import_model(UNCONDITIONAL, "whole", dtype="float32")
    import_model(UNCONDITIONAL, "half", dtype="float16")
    sizes = [(home / name / "model.safetensors").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.55 * sizes[0]
    whole, half = (load(name, "cpu").generate(seeds=[0]) for name in ("whole", "half"))
    assert (whole - half).abs().max() < 0.05 * whole.abs().max()


def test_models_of_ganedit_are_imported_too(home, tmp_path):
    import_model(UNCONDITIONAL, "mine", template="ffhq")
    again = import_model(home / "mine", "again")
    assert (again.name, again.template) == ("again", "ffhq")
    lone = shutil.copy(home / "mine" / "model.safetensors", tmp_path / "lone.safetensors")
    assert import_model(lone, "lone").template == "ffhq"
    pictures = [load(name, "cpu").generate(seeds=[0]) for name in ("mine", "again", "lone")]
    assert torch.equal(pictures[0], pictures[1])
    assert torch.equal(pictures[0], pictures[2])
    assert load("again", "cpu").discriminator is not None


def test_taken_names(home):
    first = import_model(UNCONDITIONAL, "mine")
    with pytest.raises(UsageError, match="already there"):
        import_model(UNCONDITIONAL, "mine")
    second = import_model(GOLDEN / "sg2ada-cond-32.pkl", "mine", force=True)
    assert first.sha256 != second.sha256 == ModelCard.load(home / "mine").sha256
    assert sorted(p.name for p in home.iterdir()) == ["mine"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "../a",
        "-x",
        ".hidden",
        "a b",
        "a\n",
        "x" * 65,
        "ä",
        "model.pkl",
        "faces",
        "a\0b",
    ],
)
def test_names_that_cannot_be(name):
    with pytest.raises(UsageError):
        registry.check_name(name, force=True)


def test_names_from_files(tmp_path):
    assert name_for("My Model (2).pkl") == "my-model-2"
    assert name_for("latest_net_G_A.pth") == "latest_net_g_a"
    assert name_for("???.pkl") == "model"
    folder = tmp_path / "biggan-64.v1"
    folder.mkdir()
    assert name_for(folder) == "biggan-64.v1"


def test_describing_writes_nothing(home):
    card = describe_file(UNCONDITIONAL)
    assert (card.task, card.resolution) == ("generator", 64)
    assert not home.exists()


def test_a_failed_import_leaves_nothing(home, tmp_path):
    damaged = tmp_path / "damaged.pkl"
    damaged.write_bytes(UNCONDITIONAL.read_bytes()[:100_000])
    with pytest.raises(CheckpointError):
        import_model(damaged, "mine")
    assert not home.exists()


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("before", [False, True])
def test_an_interrupted_import_leaves_things_as_they_were(home, monkeypatch, problem, before):
    if before:
        first = import_model(UNCONDITIONAL, "mine")

    def broken(*args: object, **kwargs: object) -> None:
        raise problem

    monkeypatch.setattr(ModelCard, "save", broken)
    with pytest.raises(type(problem)):
        import_model(GOLDEN / "sg2ada-cond-32.pkl", "mine", force=True)
    if before:
        assert verify(home / "mine").sha256 == first.sha256
    assert sorted(p.name for p in home.iterdir()) == ["mine"] * before


def test_hidden_folders_are_no_models(home):
    import_model(UNCONDITIONAL, "mine")
    shutil.copytree(home / "mine", home / ".mine.1234.part")
    assert [n for n in registry.names() if n not in registry.BUNDLED] == ["mine"]


# ---- what is no model ----


def test_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "models.zip", "w") as archive:
        archive.write(UNCONDITIONAL, "inside.pkl")
    with pytest.raises(CheckpointError, match=r"an archive with inside\.pkl") as raised:
        import_model(tmp_path / "models.zip", "mine")
    assert "unpack" in raised.value.hint
    for kind in ("w", "w:gz"):
        with tarfile.open(tmp_path / "models.tar", kind) as archive:
            archive.add(UNCONDITIONAL, "inside.pkl")
        with pytest.raises(CheckpointError, match="archive"):
            import_model(tmp_path / "models.tar", "mine")


def test_directions(tmp_path):
    from ganedit.latent.directions.direction import Direction

    np.save(tmp_path / "age.npy", np.ones((1, 512)))
    torch.save(torch.ones(1, 512), tmp_path / "age.pt")
    torch.save({"mean": torch.ones(1, 512), "comp": torch.ones(80, 1, 512)}, tmp_path / "pca.pt")
    Direction("age", torch.ones(8) / 8**0.5, 1.0, "faces", "").save(tmp_path / "age.safetensors")
    for name in ("age.npy", "age.pt", "pca.pt", "age.safetensors"):
        with pytest.raises(CheckpointError, match="looks like a direction") as raised:
            import_model(tmp_path / name, "mine")
        assert f"direction import {tmp_path / name}" in raised.value.hint


def test_latents(tmp_path):
    from ganedit.latent.latent import Latent

    path = Latent(torch.zeros(4, 8), model="faces", model_sha256="").save(tmp_path / "a.latent.safetensors")
    with pytest.raises(CheckpointError, match="is a latent"):
        import_model(path, "mine")


def test_other_files(tmp_path):
    (tmp_path / "page.pkl").write_text("<!DOCTYPE html><html></html>")
    with pytest.raises(CheckpointError):
        import_model(tmp_path / "page.pkl", "mine")
    with pytest.raises(InputError, match="no such file"):
        import_model(tmp_path / "nothing.pkl", "mine")
    with pytest.raises(UsageError, match="bfloat16"):
        import_model(UNCONDITIONAL, "mine", dtype="bfloat16")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError):
        import_model(tmp_path / "empty", "mine")


def test_vectors_are_told_from_networks():
    assert not importing._holds_vectors_only(UNCONDITIONAL)
