"""Broken, foreign and hostile files, full disks and interruptions: a sentence, a status, and no leftovers."""

from __future__ import annotations

import errno
import json
import os
import pickle
import struct
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from reference import reference_file
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ganedit.errors import InputError
from ganedit.images.io import list_images, read_image, write_image

EDIT = ("edit", "--device", "cpu", "--direction", "smile")
PROJECT = ("project", "--device", "cpu", "--method", "encode", "--aligned")


def files(folder: Path) -> list[str]:
    """Everything in a folder, temporary files too."""
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


def complains(ran, status: int, words: str) -> bool:
    """One line that says what happened and one with the next step, and nothing on standard output."""
    lines = ran.err.splitlines()
    assert (ran.status, ran.out) == (status, ""), ran.err
    assert words in ran.err
    assert len(lines) == 2, ran.err
    return lines[1].startswith("  next: ")


class Hostile:
    def __reduce__(self):
        return os.system, ("touch it-was-run",)


def lying_header() -> bytes:
    """A safetensors file that claims a tensor of four terabytes."""
    header = json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(16)


def archive() -> bytes:
    with zipfile.ZipFile(data := BytesIO(), "w") as file:
        file.writestr("a.txt", "no model")
    return data.getvalue()


WEIGHTS = {
    "empty.pkl": (b"", "it is empty"),
    "empty.safetensors": (b"", "it is empty"),
    "text.pkl": (b"no model", "it starts with"),
    "text.safetensors": (b"no model at all", "it starts with"),
    "other.pkl": (pickle.dumps({"a": 1}), "of no kind that ganedit knows; it holds a"),
    "hostile.pkl": (pickle.dumps(Hostile()), "system"),
    "lies.safetensors": (lying_header(), "4,398,046,511,104 bytes"),
    "archive.zip": (archive(), "not a PyTorch checkpoint"),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_that_are_none(ganedit, tiny_faces, tmp_path, name):
    data, words = WEIGHTS[name]
    (tmp_path / name).write_bytes(data)
    assert complains(ganedit("generate", "--model", name, "-o", "out"), 4, words)
    assert files(tmp_path) == [name]


def test_weights_cut_short(ganedit, tiny_faces, tmp_path):
    whole = (tiny_faces / "faces/model.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    save_file({"a": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    assert complains(ganedit("generate", "--model", "cut.safetensors"), 4, "damaged")
    assert complains(ganedit("project", "x.png", "--encoder", "cut.safetensors"), 4, "damaged")
    assert complains(ganedit("generate", "--model", "foreign.safetensors"), 4, "of no kind")
    assert complains(ganedit("generate", "--model", "faces-encoder"), 4, "is an encoder, not a generator")


@pytest.mark.parametrize(("name", "data", "words"), [
    ("empty.png", b"", "is empty"),
    ("text.png", b"no picture", "found text"),
    ("cut.png", None, "truncated"),
])  # fmt: skip
def test_info_says_what_is_wrong_with_a_picture(ganedit, portrait, tmp_path, name, data, words):
    (tmp_path / name).write_bytes(portrait.read_bytes()[:30] if data is None else data)
    assert complains(ganedit("info", name), 3, words)


def test_info_of_pickles(ganedit, tmp_path):
    ran = ganedit("info", reference_file("sg2ada-uncond-64.pkl"), "--json")
    assert ran.json[0]["resolution"] == 64
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(Hostile()))
    assert complains(ganedit("info", "a.pkl"), 4, "nothing in it was run")
    assert files(tmp_path) == ["a.pkl"]


@pytest.mark.parametrize(("name", "data", "words"), [
    ("text.npy", b"no array", "something else than numbers"),
    ("empty.npy", b"", "cannot be read"),
    ("cut.npz", b"PK\x03\x04 and no more", "cannot be read"),
    ("hostile.pt", pickle.dumps(Hostile()), "system"),
])  # fmt: skip
def test_directions_that_are_none(ganedit, tiny_faces, tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    assert complains(ganedit("direction", "import", name), 3, words)
    assert complains(ganedit("direction", "info", name), 3, words)
    assert files(tmp_path) == [name]


def test_a_direction_that_claims_terabytes(ganedit, tiny_faces, tmp_path):
    np.save(tmp_path / "lies.npy", np.ones(8))
    data = (tmp_path / "lies.npy").read_bytes()
    (tmp_path / "lies.npy").write_bytes(data.replace(b"(8,)", b"(9999999999999,)"))
    assert complains(ganedit("direction", "import", "lies.npy"), 3, "cannot be read as a direction")


@pytest.fixture
def sample(ganedit, tiny_faces):
    """seed0001.latent.safetensors."""
    assert ganedit("generate", "--seeds", 1, "--device", "cpu").status == 0
    return Path("seed0001.latent.safetensors")


def rewrite(path: Path, tensors=None, about=None) -> str:
    """The latent with other tensors, or other metadata."""
    with safe_open(path, "pt") as file:
        told = json.loads(file.metadata()["ganedit"])
    held = load_file(path) | (tensors or {})
    save_file(held, "x.latent.safetensors", {"ganedit": json.dumps(told | (about or {}))})
    return "x.latent.safetensors"


@pytest.mark.parametrize(("tensors", "about", "words"), [
    ({"ws": torch.full((8, 8), torch.nan)}, {}, "not finite"),
    ({"affine": torch.full((2, 3), torch.inf)}, {}, "not finite"),
    ({}, {"model": 5}, "not a latent"),
    ({}, {"edits": [3]}, "not a latent"),
    ({}, {"schema": "new"}, "not a latent"),
    ({}, {"schema": 99}, "newer ganedit"),
])  # fmt: skip
def test_latents_that_lie(ganedit, sample, tensors, about, words):
    assert complains(ganedit(*EDIT, rewrite(sample, tensors, about), "-o", "out"), 3, words)
    assert not Path("out").exists()


def test_weights_of_another_training_by_the_same_name(ganedit, sample):
    other = {"model_sha256": "1" * 64, "weights_sha256": "1" * 64}
    assert complains(ganedit(*EDIT, rewrite(sample, about=other)), 4, "with --model")


def test_an_empty_name_does_not_mean_this_folder(ganedit, portrait, tmp_path):
    """As of a script's unset variable."""
    (tmp_path / "me.png").write_bytes(portrait.read_bytes())
    assert complains(ganedit("align", ""), 3, "empty name")
    assert complains(ganedit("interpolate", "", "1", "-o", "walk.png"), 3, "empty name")


def test_pipes_and_folders_are_not_said_to_be_missing(ganedit, tiny_faces, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder").mkdir()
    assert complains(ganedit("interpolate", "pipe.png", "1", "-o", "walk.png"), 3, "pipe.png is a pipe")
    with pytest.raises(InputError, match="is a pipe"):
        list_images("pipe.png")
    assert complains(ganedit("latent", "export", "folder", "-o", "a.npz"), 3, "folder is a folder")
    assert complains(ganedit("direction", "import", "folder"), 3, "folder is a folder")


def test_a_latent_that_lies_is_named_among_others(ganedit, sample):
    bad = rewrite(sample, {"ws": torch.full((8, 8), torch.nan)})
    ran = ganedit("latent", "export", sample, bad, "-o", "both.npz")
    assert complains(ran, 3, "x.latent.safetensors: the latent holds")


def test_a_latent_is_not_a_model(ganedit, sample):
    ran = ganedit("generate", "--model", sample, "--device", "cpu")
    assert complains(ran, 4, "the model card lacks task, architecture, config")


def test_a_folder_that_cannot_be_made(ganedit, sample, tmp_path, monkeypatch):
    """As below /proc: the name of the temporary file would tell nobody anything."""

    def refuse(source, target):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(source))

    monkeypatch.setattr(os, "replace", refuse)
    ran = ganedit("latent", "export", sample, "-o", "codes.npz")
    assert complains(ran, 3, "cannot write codes.npz: no such file or directory")


def test_an_empty_value_is_shown(ganedit, tiny_faces):
    assert complains(ganedit("generate", "--psi", "", "--device", "cpu"), 2, "--psi '' is not")


def test_a_mistyped_model_has_no_directions(ganedit, tiny_faces):
    assert complains(ganedit("direction", "list", "--model", "face"), 2, "did you mean faces")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("kept", [0, 1, 2])  # files that still find room
def test_a_full_disk(ganedit, sample, tmp_path, monkeypatch, number, kept):
    replace, room = os.replace, iter(range(kept))

    def full(source, target):
        if Path(target).parent.name == "out" and next(room, None) is None:
            raise OSError(number, os.strerror(number), str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    ran = ganedit("generate", "--seeds", "1,2", "--device", "cpu", "-o", "out")
    assert ran.status == 3
    assert "free some space" in ran.err
    done = ["seed0001.latent.safetensors", "seed0001.png"] if kept == 2 else []
    assert files(tmp_path / "out") == done
    assert ran.lines == [f"out/{name}" for name in done if name.endswith("png")]


def test_ctrl_c_in_a_batch_keeps_what_is_finished(ganedit, tiny_faces, portrait, tmp_path, monkeypatch):
    pixels = read_image(portrait).pixels[:160, 140:300]
    for name in "abc":
        write_image(tmp_path / f"{name}.png", pixels)
    real, calls = read_image, []

    def interrupted(path):
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(path)

    monkeypatch.setattr("ganedit.images.io.read_image", interrupted)
    ran = ganedit(*PROJECT, "a.png", "b.png", "c.png", "-o", "out")
    assert (ran.status, ran.lines) == (130, ["out/a.latent.safetensors"])
    assert ran.err.splitlines()[-1] == "ganedit project: interrupted"
    assert files(tmp_path / "out") == ["a.latent.safetensors", "a.projected.png"]
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANEDIT_HOME", str(tiny_faces))
    monkeypatch.setattr("ganedit.store.registry.bundled_folder", lambda: tiny_faces / "nothing")
    ran = ganedit(*PROJECT, "a.png", "b.png", "c.png", "-o", "out", "--skip-existing")
    assert (ran.status, ran.lines) == (0, [f"out/{name}.latent.safetensors" for name in "abc"])


@pytest.mark.parametrize("words", [("-o", ""), ("--output=",)])
def test_an_empty_output_is_not_the_current_folder(ganedit, tiny_faces, words):
    ran = ganedit("generate", "--seeds", "1", *words)
    assert (ran.status, ran.out) == (2, "")
    assert "-o is empty" in ran.err
