"""`ganedit project` with tiny models and a real photo, and with what is none."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from ganedit.images.io import read_image, read_provenance, write_image
from ganedit.latent.latent import Latent

PROJECT = ("project", "--device", "cpu")
QUICK = (*PROJECT, "--method", "encode")


@pytest.fixture
def photo(portrait, tmp_path, tiny_faces):
    """me.png, whose one face is quickly found."""
    write_image(tmp_path / "me.png", read_image(portrait).pixels[:300, 80:400])
    return tmp_path / "me.png"


@pytest.fixture
def crop(photo, tmp_path):
    """crop.png, square, for --aligned."""
    write_image(tmp_path / "crop.png", read_image(photo).pixels[40:200, 60:220])
    return tmp_path / "crop.png"


def names(folder):
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))


def test_a_photo_gives_a_latent_and_a_picture(ganedit, photo, tmp_path):
    ran = ganedit(*PROJECT, "me.png", "--steps", 3, "-o", "out", "--json")
    assert ran.status == 0, ran.err
    (told,) = ran.json
    assert told["path"] == "out/me.latent.safetensors"
    assert told["picture"] == "out/me.projected.png"
    assert told["input"] == "me.png"
    assert set(told["losses"]) == {"psnr", "distance"}
    assert names(tmp_path / "out") == ["me.latent.safetensors", "me.projected.png"]
    latent = Latent.load(told["path"])
    assert (latent.model, latent.space, latent.template) == ("faces", "w+", "close-up")
    assert (latent.source, latent.source_sha256) == (str(photo), read_image(photo).sha256)
    assert latent.losses == told["losses"]
    assert read_image(told["picture"]).pixels.shape == (32, 32, 3)
    record = read_provenance(told["picture"])
    assert (record["command"], record["model"]) == ("project", "faces")
    assert record["parameters"]["method"] == "hybrid"
    assert record["digital_source_type"].endswith("/trainedAlgorithmicMedia")
    assert json.loads((tmp_path / ".ganedit/last.json").read_text()) == {"latents": [told["path"]]}


def test_results_are_the_latents(ganedit, crop, tmp_path):
    """What `ganedit edit` takes from the pipe; without provenance where that is asked for."""
    ran = ganedit(*QUICK, "--aligned", "--no-provenance", stdin="crop.png\n")
    assert ran.lines == ["crop.latent.safetensors"], ran.err
    assert read_provenance(tmp_path / "crop.projected.png") is None


@pytest.mark.parametrize(
    "options", [("--method", "optimize"), ("--space", "w"), ("--method", "optimize", "--space", "z")]
)
def test_methods_and_spaces(ganedit, crop, options):
    ran = ganedit(*PROJECT, "--aligned", "crop.png", "--steps", 2, *options)
    assert ran.status == 0, ran.err
    latent = Latent.load(ran.lines[0])
    assert bool(latent.noise) == ("optimize" in options)
    assert latent.space in ("w+", options[-1])


def test_video_shows_the_target_beside_the_search(ganedit, crop, tmp_path):
    av = pytest.importorskip("av")
    ran = ganedit(*PROJECT, "--aligned", "crop.png", "--steps", 5, "--video", "--json")
    assert ran.status == 0, ran.err
    assert ran.json[0]["video"] == "crop.projection.mp4"
    assert "crop.projection.mp4" in ran.err
    with av.open(str(tmp_path / "crop.projection.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert frames[0].shape == (256, 512, 3)
    assert len(frames) == 4 + 25  # the search, then a second to look at its end
    target = np.asarray(Image.fromarray(read_image(crop).pixels).resize((256, 256)), float)
    assert np.abs(frames[0][:, :256] - target).mean() < 15


def test_several_faces_at_once(ganedit, tiny_faces, shared, tmp_path):
    path = shared / "data/photos/two_people.jpg"
    ran = ganedit(*QUICK, path, "--face", "all", "--batch", 2)
    assert ran.lines == ["two_people.latent.safetensors", "two_people.face2.latent.safetensors"], ran.err
    one, two = (Latent.load(line) for line in ran.lines)
    assert not np.allclose(one.affine, two.affine, atol=20)
    assert json.loads((tmp_path / ".ganedit/last.json").read_text())["latents"] == ran.lines
    assert ganedit(*QUICK, path, "--face", 2, "--force").lines == ran.lines[1:]
    missing = ganedit(*QUICK, path, "--face", 3)
    assert missing.status == 3
    assert "found 2" in missing.err


def test_a_batch_survives_bad_inputs(ganedit, photo, tmp_path):
    (tmp_path / "text.png").write_text("no image")
    write_image(tmp_path / "whole.jpg", read_image(photo).pixels)
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:4000])
    write_image(tmp_path / "wall.png", np.full((80, 80, 3), 90, np.uint8))
    (tmp_path / "empty").mkdir()
    for size in (1, 3):
        inputs = ("text.png", "cut.jpg", "wall.png", "nowhere.png", "empty", "me.png", "whole.jpg")
        ran = ganedit(*QUICK, *inputs, "-o", f"out{size}", "--batch", size)
        assert ran.status == 1
        assert ran.lines == [f"out{size}/me.latent.safetensors", f"out{size}/whole.latent.safetensors"]
        for words in (
            "text.png",
            "found text",
            "cut.jpg",
            "truncated",
            "wall.png",
            "no face",
            "nowhere.png",
            "empty",
        ):
            assert words in ran.err
        assert "5 of 7 inputs failed" in ran.err
        assert "Traceback" not in ran.err
        assert len(names(tmp_path / f"out{size}")) == 4


@pytest.mark.parametrize(("name", "words"), [
    ("text.png", "found text"), ("wall.png", "no face"), ("empty", "no png"), ("none.png", "no such file"),
])  # fmt: skip
def test_one_bad_input_exits_with_3(ganedit, tiny_faces, tmp_path, name, words):
    (tmp_path / "text.png").write_text("no image")
    write_image(tmp_path / "wall.png", np.full((80, 80, 3), 90, np.uint8))
    (tmp_path / "empty").mkdir()
    ran = ganedit(*QUICK, name)
    assert (ran.status, ran.out) == (3, "")
    assert words in ran.err
    assert not (tmp_path / ".ganedit").exists()


@pytest.mark.parametrize("face", ["largest", "all"])
def test_an_identical_request_is_done_already(ganedit, photo, tmp_path, no_model, face):
    run = (*QUICK, "me.png", "--face", face)
    first = ganedit(*run)
    assert first.status == 0, first.err
    made = {path: path.stat().st_mtime_ns for path in tmp_path.glob("me.*")}
    if face != "all":  # faces are counted by the template of the model
        no_model()
    again = ganedit(*run)
    assert (again.status, again.lines) == (0, first.lines), again.err
    assert "me.projected.png is done already" in again.err
    refused = ganedit(*run, "--space", "w")
    assert refused.status == 2
    assert "me.latent.safetensors is already there" in refused.err
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("me.*")} == made


def test_what_is_there_is_kept_or_overwritten(ganedit, crop, tmp_path):
    run = (*QUICK, "--aligned", "crop.png")
    assert ganedit(*run).status == 0
    path = tmp_path / "crop.latent.safetensors"
    refused = ganedit(*run, "--seed", 1)
    assert refused.status == 2
    assert "already there" in refused.err
    before = path.stat().st_mtime_ns
    kept = ganedit(*run, "--skip-existing", "--json")
    assert kept.json[0]["path"] == path.name
    assert path.stat().st_mtime_ns == before
    (tmp_path / "crop.projected.png").unlink()  # half a projection is made again
    assert ganedit(*run, "--skip-existing").status == 0
    assert (tmp_path / "crop.projected.png").exists()
    assert ganedit(*run, "--force").status == 0
    assert path.stat().st_mtime_ns > before


def test_an_unwritable_folder_is_refused_before_the_work(ganedit, crop, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(
        "ganedit.latent.inversion.project.project", lambda *a, **k: pytest.fail("it was computed")
    )
    ran = ganedit(*QUICK, "--aligned", "crop.png", "-o", "file/out")
    assert ran.status == 3
    assert "cannot write file/out" in ran.err


def test_a_full_disk_leaves_nothing_half_written(ganedit, crop, tmp_path, monkeypatch):
    import errno

    from safetensors import torch as safetensors

    def full(tensors, path, metadata=None):
        with open(path, "wb") as file:
            file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(safetensors, "save_file", full)
    ran = ganedit(*QUICK, "--aligned", "crop.png", "-o", "out")
    assert ran.status == 3
    assert "no space" in ran.err
    assert names(tmp_path / "out") == []  # not the picture without its latent either
    assert not [p for p in (tmp_path / "out").iterdir() if "part" in p.name]


def test_an_interrupted_search_leaves_nothing(ganedit, crop, tmp_path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("ganedit.latent.inversion.project._measure", interrupted)
    ran = ganedit(*PROJECT, "--aligned", "crop.png", "--steps", 2, "-o", "out")
    assert ran.status == 130
    assert not ran.out
    assert not (tmp_path / "out").exists()


def test_a_model_without_an_encoder_is_never_helped_out(ganedit, crop, tiny_faces, tmp_path):
    (tiny_faces / "faces-encoder/card.toml").unlink()
    ran = ganedit(*PROJECT, "--aligned", "crop.png")
    assert ran.status == 5
    assert "no encoder for the model faces" in ran.err
    assert "--method optimize" in ran.err
    assert ganedit(*PROJECT, "--aligned", "crop.png", "--method", "optimize", "--steps", 2).status == 0


def test_models_by_file(ganedit, crop, tiny_faces):
    ran = ganedit(*QUICK, "--aligned", "crop.png", "--model", tiny_faces / "faces")
    assert ran.status == 0, ran.err
    cut = tiny_faces / "faces/model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-100])
    ran = ganedit(*QUICK, "--aligned", "crop.png", "--force")
    assert ran.status == 4
    assert "damaged" in ran.err


@pytest.mark.parametrize(("options", "status", "words"), [
    (("--method", "magic"), 2, "magic"),
    (("--space", "z"), 2, "--method optimize"),
    (("--steps", "0"), 2, "--steps 0"),
    (("--face", "biggest"), 2, "--face biggest"),
    (("--face", "0"), 2, "--face 0"),
    (("--batch", "0"), 2, "--batch 0"),
    (("--method", "encode", "--video"), 2, "--video"),
    (("--model", "facse"), 2, "did you mean faces"),
    (("--model", "faces-encoder"), 4, "not a generator"),
    (("--encoder", "faces"), 4, "not an encoder"),
    (("--perceptual", "eyes"), 2, "eyes"),
])  # fmt: skip
def test_wrong_usage(ganedit, crop, options, status, words):
    ran = ganedit(*PROJECT, "--aligned", "crop.png", *options)
    assert ran.status == status, ran.err
    assert words in ran.err
    assert not ran.out


def test_no_input(ganedit, tiny_faces):
    assert ganedit(*QUICK).status == 2


def test_a_record_that_cannot_be_kept_is_no_failure(ganedit, crop, tmp_path):
    (tmp_path / ".ganedit").write_text("a file in the way")
    ran = ganedit(*QUICK, "--aligned", "crop.png")
    assert ran.status == 0
    assert "will need the latent's name" in ran.err


def test_out_of_memory_is_said(ganedit, crop, monkeypatch):
    import torch

    def none_left(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("ganedit.latent.inversion.project._project", none_left)
    ran = ganedit(*QUICK, "--aligned", "crop.png")
    assert ran.status == 1
    assert "out of memory" in ran.err
