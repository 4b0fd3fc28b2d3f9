"""Latents of other programs: imported, exported, and taken by every command that takes latents."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from ganedit.latent.latent import Latent
from ganedit.store.load import load_generator

CPU = ("--device", "cpu")


@pytest.fixture
def codes(tiny_faces, tmp_path):
    """Two codes [2, 8, 8] of `faces`, in files as other programs write them."""
    generator = load_generator("faces", "cpu")
    found = generator.mapping(generator.z_of([1, 2])).numpy().copy()
    found[:, 4:] += 0.25
    np.savez(tmp_path / "projected_w.npz", w=found[:1])
    np.save(tmp_path / "both.npy", found)
    torch.save(torch.from_numpy(found), tmp_path / "latents.pt")
    torch.save({"a/me.jpg": torch.from_numpy(found[0])}, tmp_path / "named.pt")
    return found


def test_import_and_export_return_the_same_numbers(ganedit, codes, tmp_path):
    ran = ganedit("latent", "import", "both.npy", "-o", "out", "--name", "x", *CPU)
    assert ran.lines == ["out/x-0.latent.safetensors", "out/x-1.latent.safetensors"]
    again = Latent.load("out/x-1.latent.safetensors")
    assert np.array_equal(again.ws.numpy(), codes[1])
    assert (again.model, again.space, again.template) == ("faces", "w+", "close-up")
    for name in ("e.npz", "e.npy", "e.pt"):
        assert ganedit("latent", "export", *ran.lines, "-o", name).lines == [name]
    assert np.array_equal(np.load("e.npz")["w"], codes)
    assert np.array_equal(np.load("e.npy"), codes)
    assert np.array_equal(torch.load("e.pt", weights_only=True).numpy(), codes)


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("projected_w.npz", ["projected_w"]),
        ("both.npy", ["both-0", "both-1"]),
        ("latents.pt", ["latents-0", "latents-1"]),
        ("named.pt", ["me"]),
    ],
)
def test_edit_takes_them(ganedit, codes, file, names):
    ran = ganedit("edit", file, "--direction", "smile", "--magnitude", 0, "-o", "out", *CPU)
    assert ran.lines == [f"out/{name}.smile+0.png" for name in names]
    for name, code in zip(names, codes, strict=False):
        assert np.allclose(Latent.load(f"out/{name}.smile+0.latent.safetensors").ws.numpy(), code)


def test_the_other_commands_take_them(ganedit, codes):
    assert ganedit("interpolate", "projected_w.npz", "7", "--steps", 3, "-o", "w.png", *CPU).lines == [
        "w.png"
    ]
    assert ganedit("mix", "--rows", "both.npy", "--cols", "1", "-o", "m.png", *CPU).lines == ["m.png"]
    assert ganedit("math", "(mean(both.npy) + projected_w.npz) / 2", *CPU).lines == ["math.png"]
    mean = (codes.mean(0) + codes[0]) / 2
    assert np.allclose(Latent.load("math.latent.safetensors").ws.numpy(), mean, atol=1e-6)
    about = ganedit("info", "projected_w.npz", "latents.pt", "both.npy", "--json")
    assert [one["tensors"] for one in about.json] == [
        {"w": "float32 [1, 8, 8]"}, {"array": "float32 [2, 8, 8]"}, {"array": "float32 [2, 8, 8]"}
    ]  # fmt: skip


def test_folders_of_them(ganedit, codes, tmp_path):
    """A folder without images and latents of ganedit stands for the others."""
    (tmp_path / "old").mkdir()
    (tmp_path / "young").mkdir()
    np.save("old/a.npy", np.repeat(codes[:1], 10, 0) + np.random.RandomState(0).randn(10, 1, 8) / 9)
    np.save("young/b.npy", np.repeat(codes[1:], 10, 0) + np.random.RandomState(1).randn(10, 1, 8) / 9)
    edited = ganedit("edit", "old", "--direction", "smile", *CPU).lines
    assert edited == [f"a-{i}.smile+1.png" for i in range(10)]
    ran = ganedit("direction", "learn", "years", "--positive", "old", "--negative", "young", *CPU)
    assert ran.status == 0, ran.err


def test_a_table_of_them(ganedit, codes, tmp_path):
    from ganedit.latent.directions.examples import examples_from_csv

    np.save("one.npy", codes[0])
    (tmp_path / "t.csv").write_text("file,age\none.npy,3\nprojected_w.npz,4\n")
    found, scores = examples_from_csv(tmp_path / "t.csv", load_generator("faces", "cpu"))
    assert np.allclose(found.numpy(), codes[:1].mean(1).repeat(2, 0), atol=1e-6)
    assert scores.tolist() == [3, 4]


@pytest.mark.parametrize(
    "command", [("edit", "--direction", "smile"), ("interpolate", "1"), ("latent", "import")]
)
def test_codes_of_another_size_name_both(ganedit, tiny_faces, command):
    for name, shape in (("a.npy", (18, 512)), ("b.npy", (1, 18, 512))):
        np.save(name, np.zeros(shape, "float32"))
        ran = ganedit(*command, name, *CPU)
        what = (
            f"{name} holds codes {list(shape)}, as of a StyleGAN2 of 1024 pixels, the model faces (32 pixels)"
        )
        assert f"{what} takes [8, 8]" in ran.err
        assert "--model" in ran.err
        assert ran.status == 4


class Trap:
    def __reduce__(self):
        return os.mkdir, ("trapped",)


def test_nothing_in_the_files_runs(ganedit, tiny_faces, tmp_path):
    torch.save({"latents": Trap()}, "a.pt")
    np.save("b.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    np.savez("c.npz", w=np.array([Trap()], dtype=object))
    for name in ("a.pt", "b.npy", "c.npz"):
        ran = ganedit("edit", name, "--direction", "smile", *CPU)
        assert (ran.status, (tmp_path / "trapped").exists()) == (3, False)
        assert f"{name} cannot be read as latents" in ran.err


def test_what_a_file_of_codes_cannot_hold(ganedit, codes, tmp_path):
    latent = Latent(torch.zeros(8, 8), "faces", "", noise={"b8.conv0": torch.ones(8, 8)})
    latent.save("noisy.latent.safetensors")
    ran = ganedit("latent", "export", "noisy.latent.safetensors", "-o", "n.npz")
    assert ran.status == 0
    assert "without the latents' own noise" in ran.err
    Latent(torch.zeros(8, 8), "faces", "", styles=torch.ones(9)).save("s.latent.safetensors")
    assert "edited in the space s" in ganedit("latent", "export", "s.latent.safetensors", "-o", "s.npz").err
    ran = ganedit("edit", "projected_w.npz", "--direction", "smile", "--paste", *CPU)
    assert "was not made from a photo" in ran.err
