"""`ganedit edit` with tiny models: latents, photos, pipes, pasting, and everything that can be wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from profiles import P3, SRGB_CURVE, colours

from ganedit.images.io import read_image, read_provenance, write_image
from ganedit.images.pixels import to_depth
from ganedit.latent.directions.direction import Direction
from ganedit.latent.latent import Latent
from ganedit.store.load import load_generator

EDIT = ("edit", "--device", "cpu")
SMILE = (*EDIT, "--direction", "smile")
PROJECT = ("project", "--device", "cpu", "--method", "encode")


@pytest.fixture
def photo(portrait, tmp_path, tiny_faces):
    """me.png, whose one face is quickly found."""
    write_image(tmp_path / "me.png", read_image(portrait).pixels[:300, 80:400])
    return tmp_path / "me.png"


@pytest.fixture
def sample(ganedit, tiny_faces, tmp_path):
    """a.latent.safetensors, of a sample."""
    generator = load_generator("faces", "cpu")
    ws = generator.mapping(generator.z_of([1]))[0].detach()
    Latent(ws, "faces", generator.sha256, "w").save(tmp_path / "a.latent.safetensors")
    return ws


@pytest.fixture
def projected(ganedit, photo):
    """me.latent.safetensors, made here."""
    assert ganedit(*PROJECT, "me.png").status == 0
    return photo


def direction(home, name):
    found = Direction.load(home / f"faces/directions/{name}.safetensors")
    return found.vector * found.sigma


def names(folder):
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))


# ---- what is edited, and how ----


def test_a_latent_is_moved_and_drawn(ganedit, sample, tiny_faces, tmp_path):
    ran = ganedit(*SMILE, "a.latent.safetensors", "--magnitude", 2, "-o", "out", "--json")
    assert ran.status == 0, ran.err
    (told,) = ran.json
    assert told["path"] == "out/a.smile+2.png"
    assert told["latents"] == ["out/a.smile+2.latent.safetensors"]
    latent = Latent.load(told["latents"][0])
    torch.testing.assert_close(latent.ws, sample + 2 * direction(tiny_faces, "smile"))
    assert latent.edits[0]["direction"] == "smile"
    assert torch.equal(latent.original, sample)
    record = read_provenance(told["path"])
    assert record["command"] == "edit"
    assert record["parameters"]["edits"][0]["magnitude"] == 2
    assert record["digital_source_type"].endswith("/trainedAlgorithmicMedia")
    assert names(tmp_path / "out") == ["a.smile+2.latent.safetensors", "a.smile+2.png"]


def test_several_directions_each_with_its_magnitude_and_layers(ganedit, sample, tiny_faces):
    options = (
        "--magnitude",
        2,
        "--direction",
        "age",
        "--magnitude",
        -1,
        "--layers",
        "0-3",
        "--layers",
        "5,6",
    )
    ran = ganedit(*SMILE, *options, "a.latent.safetensors")
    assert ran.status == 0, ran.err
    expected = sample.clone()
    expected[:4] += 2 * direction(tiny_faces, "smile")
    expected[5:7] -= direction(tiny_faces, "age")
    torch.testing.assert_close(Latent.load("a.smile+2@0-3.age-1@5-6.latent.safetensors").ws, expected)


def test_a_magnitude_is_1_unless_given_and_one_range_is_for_all(ganedit, sample, tiny_faces):
    assert ganedit(*SMILE, "--direction", "age", "--layers", "0", "a.latent.safetensors").status == 0
    moved = Latent.load("a.smile+1@0.age+1@0.latent.safetensors").ws
    both = direction(tiny_faces, "smile") + direction(tiny_faces, "age")
    torch.testing.assert_close(moved[0], sample[0] + both)
    assert torch.equal(moved[1:], sample[1:])


def test_a_direction_by_file(ganedit, sample, tmp_path):
    np.save(tmp_path / "mine.npy", np.eye(8)[:1])
    ran = ganedit(*EDIT, "--direction", "mine.npy", "--magnitude", -2, "a.latent.safetensors")
    assert ran.status == 0, ran.err
    torch.testing.assert_close(Latent.load("a.mine-2.latent.safetensors").ws[:, 0], sample[:, 0] - 2)


def test_a_sweep_gives_files_and_a_sheet(ganedit, sample, tmp_path):
    ran = ganedit(*SMILE, "--sweep", "-3:3:3", "--direction", "age", "--magnitude", 1, "a.latent.safetensors")
    assert ran.status == 0, ran.err
    assert ran.lines == [
        "a.smile-3.age+1.png",
        "a.smile+0.age+1.png",
        "a.smile+3.age+1.png",
        "a.smile-3to+3x3.age+1.sheet.png",
    ]
    for label, smile in (("-3", -3), ("+0", 0), ("+3", 3)):
        edits = Latent.load(f"a.smile{label}.age+1.latent.safetensors").edits
        assert [edit["magnitude"] for edit in edits] == [smile, 1]
    height, width = read_image("a.smile-3to+3x3.age+1.sheet.png").pixels.shape[:2]
    assert width > 3 * 128
    assert 128 < height < 256


def test_sweeps_in_fine_steps_have_names_apart(ganedit, sample):
    ran = ganedit(*SMILE, "--sweep", "0:0.5:3", "a.latent.safetensors")
    assert ran.lines[:3] == ["a.smile+0.png", "a.smile+0.25.png", "a.smile+0.5.png"], ran.err
    ran = ganedit(*SMILE, "--sweep", "0:1:4", "a.latent.safetensors")
    assert ran.lines[1:3] == ["a.smile+0.333333.png", "a.smile+0.666667.png"], ran.err


def test_film_and_sheet_of_one_edit(ganedit, sample, tmp_path):
    av = pytest.importorskip("av")
    ran = ganedit(*SMILE, "a.latent.safetensors", "--video", "--sheet")
    assert ran.lines == ["a.smile+1.png", "a.smile+1.sheet.png"], ran.err
    assert "a.smile+1.mp4" in ran.err
    with av.open(str(tmp_path / "a.smile+1.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert frames[0].shape == (256, 256, 3)
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() < 3  # there and back
    assert np.abs(frames[0].astype(int) - frames[len(frames) // 2]).mean() > 0.5


def test_edits_of_edits_know_the_first_code(ganedit, sample, tiny_faces):
    ganedit(*SMILE, "a.latent.safetensors")
    ran = ganedit(*EDIT, "--direction", "age", stdin="a.smile+1.png\n")  # the picture, as the pipe brings it
    assert ran.lines == ["a.smile+1.age+1.png"], ran.err
    latent = Latent.load("a.smile+1.age+1.latent.safetensors")
    assert [edit["direction"] for edit in latent.edits] == ["smile", "age"]
    assert torch.equal(latent.original, sample)


# ---- where it comes from ----


def test_the_pipeline_of_the_readme(ganedit, photo):
    first = ganedit(*PROJECT, "me.png")
    ran = ganedit(*SMILE, "--magnitude", 2, stdin=first.out)
    assert (ran.status, ran.lines) == (0, ["me.smile+2.png"]), ran.err


def test_without_input_the_latest_projection_here_is_taken(ganedit, projected):
    ran = ganedit(*SMILE, "--magnitude", 2)
    assert (ran.status, ran.lines) == (0, ["me.smile+2.png"]), ran.err
    assert "latest projection made here, me.latent.safetensors" in ran.err


def test_without_input_and_projection(ganedit, tiny_faces, tmp_path):
    ran = ganedit(*SMILE)
    assert ran.status == 2
    assert "no projection was made in this folder" in ran.err
    (tmp_path / ".ganedit").mkdir()
    (tmp_path / ".ganedit/last.json").write_text("{")
    ran = ganedit(*SMILE)
    assert ran.status == 3
    assert "last.json is damaged" in ran.err
    (tmp_path / ".ganedit/last.json").write_text(json.dumps({"latents": ["gone.latent.safetensors"]}))
    ran = ganedit(*SMILE)
    assert ran.status == 3
    assert "gone.latent.safetensors" in ran.err


def test_a_photo_is_projected_once(ganedit, photo, tmp_path):
    ran = ganedit(*SMILE, "me.png", "--method", "encode")
    assert (ran.status, ran.lines) == (0, ["me.smile+1.png"]), ran.err
    assert {"me.latent.safetensors", "me.projected.png", "me.smile+1.png"} <= set(names(tmp_path))
    made = (tmp_path / "me.latent.safetensors").stat().st_mtime_ns
    again = ganedit(*SMILE, "me.png", "--magnitude", 2)
    assert again.status == 0
    assert "taking its projection me.latent.safetensors" in again.err
    assert (tmp_path / "me.latent.safetensors").stat().st_mtime_ns == made
    again = ganedit(*EDIT, "--direction", "age", "me.png", "--method", "encode")
    assert (again.status, again.lines) == (0, ["me.age+1.png"]), again.err
    assert (tmp_path / "me.latent.safetensors").stat().st_mtime_ns == made
    assert ganedit(*SMILE, "me.png", "--method", "optimize").status == 2  # another projection of that name
    assert ganedit(*SMILE, "me.png", "--method", "encode", "--force").status == 0
    assert (tmp_path / "me.latent.safetensors").stat().st_mtime_ns > made


def test_another_photo_of_that_name_is_not_mixed_up(ganedit, projected, tmp_path):
    pixels = read_image(projected).pixels
    write_image(tmp_path / "other/me.png", pixels[:, ::-1])
    ran = ganedit(*SMILE, "other/me.png")
    assert ran.status == 2
    assert "me.latent.safetensors is" in ran.err
    assert ganedit(*SMILE, "other/me.png", "--method", "encode", "--force").status == 0
    assert Latent.load("me.latent.safetensors").source == str(tmp_path / "other/me.png")


def test_samples_of_generate(ganedit, tiny_faces, tmp_path):
    made = ganedit("generate", "--device", "cpu", "--seeds", "0-2", "-o", "s", "--grid", "3x1")
    ran = ganedit(*SMILE, "s", "-o", "out")
    expected = [f"out/seed000{i}.smile+1.png" for i in range(3)]
    assert (ran.status, ran.lines) == (0, expected), ran.err
    ran = ganedit(*SMILE, "-o", "out2", stdin="\n".join(made.lines[:3]))
    assert ran.lines == [line.replace("out", "out2") for line in expected], ran.err
    ran = ganedit(*SMILE, "-o", "out3", "s/seed*")  # latents and pictures: each face once
    assert ran.lines == [line.replace("out", "out3") for line in expected], ran.err


# ---- into the photo ----


def test_paste_changes_the_face_and_nothing_else(ganedit, projected, tmp_path):
    ran = ganedit(*SMILE, "--magnitude", 6, "--paste", "--json")
    assert ran.status == 0, ran.err
    (told,) = ran.json
    assert told["path"] == "me.smile+6.pasted.png"
    assert told["pictures"] == ["me.smile+6.png"]
    before, after = read_image(projected).pixels, read_image("me.smile+6.pasted.png").pixels
    changed = (before != after).any(axis=2)
    assert changed[60:160, 100:190].mean() > 0.3
    assert not changed[220:].any()
    record = read_provenance("me.smile+6.pasted.png")
    assert record["digital_source_type"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert record["parameters"]["paste"] == "change"


@pytest.mark.parametrize("kind", ["png", "jpg", "16bit"])
def test_a_zero_edit_leaves_the_photo_bit_for_bit(ganedit, photo, tmp_path, kind):
    path = tmp_path / f"it.{'jpg' if kind == 'jpg' else 'png'}"
    pixels = read_image(photo).pixels
    write_image(path, to_depth(pixels, np.uint16) if kind == "16bit" else pixels)
    ran = ganedit(*SMILE, path.name, "--method", "encode", "--magnitude", 0, "--paste")
    assert ran.lines == [f"it.smile+0.pasted{path.suffix}"], ran.err
    assert (tmp_path / ran.lines[0]).read_bytes() == path.read_bytes()
    assert Image.open(ran.lines[0]).format == Image.open(path).format


def test_a_pasted_photo_keeps_its_profile_and_metadata(ganedit, photo):
    """Where nothing was pasted, the stored numbers stay: they must not go to sRGB and back."""
    icc, exif = colours(P3, SRGB_CURVE), Image.Exif()
    exif[0x0110], exif[0x0112] = "Model One", 1
    stored = np.asarray(Image.open(photo).convert("RGB"))
    Image.fromarray(stored).save("p3.png", icc_profile=icc, exif=exif)
    paste = (*SMILE, "p3.png", "--method", "encode", "--magnitude", 6, "--paste")
    assert ganedit(*paste).status == 0
    with Image.open("p3.smile+6.pasted.png") as image:
        assert image.info["icc_profile"] == icc
        assert image.getexif()[0x0110] == "Model One"
        changed = (np.asarray(image) != stored).any(axis=2)
    assert 0.01 < changed.mean() < 0.6
    assert not changed[220:].any()
    assert ganedit(*paste, "--force", "--no-metadata").status == 0
    with Image.open("p3.smile+6.pasted.png") as image:
        assert 0x0110 not in image.getexif()
        assert image.info["icc_profile"] == icc


def test_paste_replace_and_other_spellings(ganedit, projected):
    assert ganedit(*SMILE, "--paste", "replace").status == 0
    replaced = read_image("me.smile+1.replaced.png").pixels
    assert read_provenance("me.smile+1.replaced.png")["parameters"]["paste"] == "replace"
    assert ganedit(*EDIT, "--paste", "--direction", "smile", "--magnitude", -1).status == 0
    assert ganedit(*SMILE, "--paste=change").status == 0
    assert (read_image("me.smile+1.pasted.png").pixels != replaced).any()
    ran = ganedit(*SMILE, "--paste=over")
    assert ran.status == 2
    assert "change or replace" in ran.err


def test_paste_of_a_sweep_with_film(ganedit, projected, tmp_path):
    ran = ganedit(*SMILE, "--paste", "--sweep", "0:4:2", "--video")
    both = "me.smile+0to+4x2.pasted"
    assert ran.lines == ["me.smile+0.pasted.png", "me.smile+4.pasted.png", f"{both}.sheet.png"], ran.err
    np.testing.assert_array_equal(read_image("me.smile+0.pasted.png").pixels, read_image(projected).pixels)
    assert (tmp_path / f"{both}.mp4").exists()
    assert read_image(f"{both}.sheet.png").pixels.shape[1] > 2 * 320


def test_every_face_goes_into_one_photo(ganedit, tiny_faces, shared, tmp_path):
    path = shared / "data/photos/two_people.jpg"
    options = ("--method", "encode", "--face", "all", "--magnitude", 8, "--paste", "--sheet", "--json")
    ran = ganedit(*SMILE, path, *options)
    assert ran.status == 0, ran.err
    told = ran.json[0]
    assert told["path"] == "two_people.smile+8.pasted.jpg"
    assert told["pictures"] == ["two_people.smile+8.png", "two_people.face2.smile+8.png"]
    before, after = read_image(path).pixels.astype(int), read_image(told["path"]).pixels.astype(int)
    for name in ("two_people.latent.safetensors", "two_people.face2.latent.safetensors"):
        x, y = (Latent.load(name).affine @ [16, 16, 1]).astype(int)
        assert np.abs(after - before)[y - 10 : y + 10, x - 10 : x + 10].mean() > 8
    ran = ganedit(*SMILE, path, "--method", "encode", "--face", 2, "-o", "second")
    assert ran.lines == ["second/two_people.face2.smile+1.png"], ran.err


def test_an_enhanced_face_is_drawn_larger_before_it_is_pasted(ganedit, projected, monkeypatch):
    upscaler = str(Path(__file__).parents[2] / "weights/upscale-x4")
    monkeypatch.setattr("ganedit.cli.kit.editor.best_upscaler", lambda console: upscaler)
    ran = ganedit(*SMILE, "--magnitude", 6, "--paste", "--enhance")
    assert ran.lines == ["me.smile+6.pasted-enhanced.png"], ran.err
    assert read_provenance(ran.lines[0])["parameters"]["enhance"] == upscaler
    assert ganedit(*SMILE, "--magnitude", 6, "--paste", "--enhance").err.count("done already") == 2
    assert ganedit(*SMILE, "--magnitude", 6, "--paste").status == 0
    before = read_image(projected).pixels
    plain, sharp = (read_image(f"me.smile+6.{name}.png").pixels for name in ("pasted", "pasted-enhanced"))
    assert (plain != sharp).any()
    np.testing.assert_array_equal(sharp[220:], before[220:])
    changes = [np.abs(one.astype(float) - before).mean() for one in (plain, sharp)]
    assert changes[1] == pytest.approx(changes[0], rel=0.3)


def test_a_photo_that_moved_or_changed(ganedit, projected, tmp_path):
    projected.rename(tmp_path / "moved.png")
    ran = ganedit(*SMILE, "--paste")
    assert ran.status == 3
    assert "me.png is no longer there" in ran.err
    assert "--photo" in ran.err
    assert "me.smile+1.png" not in names(tmp_path)
    assert ganedit(*SMILE, "--paste", "--photo", "moved.png").status == 0
    write_image(projected, read_image("moved.png").pixels[::-1])
    ran = ganedit(*SMILE, "--paste", "--force")
    assert ran.status == 3
    assert "sha256 differs" in ran.err


def test_a_sample_cannot_be_pasted(ganedit, sample):
    ran = ganedit(*SMILE, "a.latent.safetensors", "--paste")
    assert ran.status == 3
    assert "not made from a photo" in ran.err


def test_noise_and_tuned_weights_are_drawn(ganedit, sample, tmp_path):
    generator = load_generator("faces", "cpu")
    latent = Latent.load("a.latent.safetensors")
    name = next(
        n for n, _ in generator.network.named_parameters() if n.endswith("torgb.bias") or "to_rgb" in n
    )
    change = torch.full_like(dict(generator.network.named_parameters())[name], 0.5)
    Latent(latent.ws, "faces", generator.sha256, tuned={name: change}).save(tmp_path / "t.latent.safetensors")
    assert ganedit(*SMILE, "--magnitude", 0, "a.latent.safetensors", "t.latent.safetensors").status == 0
    assert (read_image("a.smile+0.png").pixels != read_image("t.smile+0.png").pixels).any()
    assert Latent.load("t.smile+0.latent.safetensors").tuned


# ---- what can be wrong ----


@pytest.mark.parametrize(("options", "status", "words"), [
    ((), 2, "no --direction"),
    (("--direction", "smiel"), 2, "did you mean smile"),
    (("--direction", "smile", "--magnitude", "nan"), 2, "not a finite number"),
    (("--direction", "smile", "--magnitude", "inf"), 2, "not a finite number"),
    (("--direction", "smile", "--magnitude", "very"), 2, "--magnitude"),
    (("--direction", "smile", "--magnitude", "1", "--magnitude", "2"), 2, "2 --magnitude"),
    (("--direction", "smile", "--direction", "age", "--magnitude", "1"), 2, "1 --magnitude"),
    (("--direction", "smile", "--magnitude", "1", "--sweep", "0:1:2"), 2, "--sweep leaves"),
    (("--direction", "smile", "--layers", "0-9"), 2, "there is no layer 9"),
    (("--direction", "smile", "--layers", "all"), 2, "--layers all"),
    (("--direction", "smile", "--layers", "0", "--layers", "1"), 2, "2 --layers"),
    (("--direction", "smile", "--sweep", "0:1"), 2, "FROM:TO:COUNT"),
    (("--direction", "smile", "--photo", "x.png"), 2, "--paste was not given"),
    (("--direction", "smile", "--face", "biggest"), 2, "--face biggest"),
    (("--direction", "smile", "--enhance"), 2, "--paste was not given"),
    (("--direction", "smile", "--model", "facse"), 2, "did you mean faces"),
    (("--direction", "wide.npy"), 3, "[9]"),
    (("--direction", "none.safetensors"), 3, "none.safetensors"),
    (("--direction", "a.latent.safetensors"), 3, "a.latent.safetensors"),
    (("--direction", "cats.safetensors"), 4, "cats"),
    (("--direction", "smile", "-o", "file/out"), 3, "cannot write file/out"),
])  # fmt: skip
def test_refusals(ganedit, sample, tmp_path, options, status, words):
    np.save(tmp_path / "wide.npy", np.ones((1, 9)))
    Direction("cats", torch.ones(8) / 8**0.5, 1.0, "cats", "1" * 64).save(tmp_path / "cats.safetensors")
    (tmp_path / "file").write_text("in the way")
    before = names(tmp_path)
    ran = ganedit(*EDIT, "a.latent.safetensors", *options)
    assert ran.status == status, ran.err
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert not ran.out
    assert names(tmp_path) == before


def test_a_latent_of_another_model(ganedit, sample, tiny_faces, tmp_path):
    Latent(sample, "cats", "1" * 64, "w").save(tmp_path / "cat.latent.safetensors")
    ran = ganedit(*SMILE, "cat.latent.safetensors")
    assert ran.status == 4
    assert "model cats" in ran.err
    ran = ganedit(*SMILE, "cat.latent.safetensors", "--model", "faces")
    assert ran.status == 4
    assert "cats (111111111111), not with faces (" in ran.err


def test_a_batch_survives_bad_inputs(ganedit, sample, photo, tmp_path):
    (tmp_path / "text.png").write_text("no image")
    whole = (tmp_path / "a.latent.safetensors").read_bytes()
    (tmp_path / "cut.latent.safetensors").write_bytes(whole[:-20])
    (tmp_path / "junk.latent.safetensors").write_bytes(b"junk" * 9)
    write_image(tmp_path / "whole.jpg", read_image(photo).pixels)
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:4000])
    write_image(tmp_path / "wall.png", np.full((80, 80, 3), 90, np.uint8))
    (tmp_path / "empty").mkdir()
    bad = ("text.png", "cut.latent.safetensors", "junk.latent.safetensors", "cut.jpg", "wall.png", "empty")
    ran = ganedit(*SMILE, *bad, "a.latent.safetensors", "--method", "encode", "-o", "out")
    assert ran.status == 1
    assert ran.lines == ["out/a.smile+1.png"]
    for words in (*bad, "found text", "not a latent", "truncated", "no face", "6 of 7 inputs failed"):
        assert words in ran.err
    assert "Traceback" not in ran.err
    assert names(tmp_path / "out") == ["a.smile+1.latent.safetensors", "a.smile+1.png"]


def test_a_bad_direction_is_found_before_the_projection(ganedit, photo, monkeypatch):
    monkeypatch.setattr(
        "ganedit.latent.inversion.project.project", lambda *a, **k: pytest.fail("it was computed")
    )
    assert ganedit(*EDIT, "me.png", "--direction", "smiel").status == 2


def test_what_is_there_is_kept_or_overwritten(ganedit, sample, tmp_path):
    run = (*SMILE, "a.latent.safetensors", "--sheet")
    assert ganedit(*run).status == 0
    made = (tmp_path / "a.smile+1.png").stat().st_mtime_ns
    assert ganedit(*run, "--skip-existing").lines == ["a.smile+1.png", "a.smile+1.sheet.png"]
    assert (tmp_path / "a.smile+1.png").stat().st_mtime_ns == made
    (tmp_path / "a.smile+1.sheet.png").unlink()
    assert ganedit(*run, "--skip-existing").status == 0
    assert (tmp_path / "a.smile+1.sheet.png").exists()
    assert (tmp_path / "a.smile+1.png").stat().st_mtime_ns == made
    assert ganedit(*run, "--force").status == 0
    assert (tmp_path / "a.smile+1.png").stat().st_mtime_ns > made


def test_an_interrupted_run_leaves_nothing_half_written(ganedit, sample, tmp_path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("ganedit.images.io.encode", interrupted)
    ran = ganedit(*SMILE, "a.latent.safetensors", "-o", "out")
    assert (ran.status, ran.out) == (130, "")
    assert names(tmp_path / "out") == []  # not the latent without its picture either
    assert not [p for p in (tmp_path / "out").iterdir() if "part" in p.name]


def test_json_lines_parse(ganedit, sample):
    ran = ganedit(*SMILE, "--sweep", "-1:1:2", "a.latent.safetensors", "--json")
    assert [line["path"] for line in ran.json] == [
        "a.smile-1.png",
        "a.smile+1.png",
        "a.smile-1to+1x2.sheet.png",
    ]
    assert [line.get("magnitudes") for line in ran.json] == [[-1.0], [1.0], None]


@pytest.fixture
def narrow(tiny_faces):
    """The direction smile with a safe range from -1 to +2."""
    path = tiny_faces / "faces/directions/smile.safetensors"
    replace(Direction.load(path), safe=(-1.0, 2.0)).save(path)


def magnitude_of(path):
    return Latent.load(path).edits[-1]["magnitude"]


def test_magnitudes_of_photos_are_clipped(ganedit, narrow, photo):
    ran = ganedit(*SMILE, photo.name, "--method", "encode", "--magnitude", 40)
    assert ran.status == 0
    assert "smile +40 is beyond the safe range from -1 to +2: clipped to +2" in ran.err
    assert magnitude_of(ran.lines[0].replace(".png", ".latent.safetensors")) == 2.0
    ran = ganedit(*SMILE, photo.name, "--method", "encode", "--magnitude", 40, "--unsafe", "--force")
    assert "the image may break" in ran.err
    assert magnitude_of(ran.lines[0].replace(".png", ".latent.safetensors")) == 40.0


def test_magnitudes_of_samples_are_warned_about(ganedit, narrow, sample):
    ran = ganedit(*SMILE, "a.latent.safetensors", "--magnitude", -3)
    assert "smile -3 is beyond the safe range from -1 to +2: the image may break" in ran.err
    assert magnitude_of(ran.lines[0].replace(".png", ".latent.safetensors")) == -3.0
    ran = ganedit(*SMILE, "a.latent.safetensors", "--magnitude", -3, "--safe", "--force")
    assert magnitude_of(ran.lines[0].replace(".png", ".latent.safetensors")) == -1.0


# ---- experiments in one folder ----


def test_an_identical_request_is_done_already(ganedit, projected, tmp_path, no_model):
    run = (*SMILE, "me.png", "--magnitude", 2, "--paste", "--sheet", "--video")
    first = ganedit(*run)
    assert first.status == 0, first.err
    made = {path: path.stat().st_mtime_ns for path in tmp_path.glob("me.*")}
    no_model()
    again = ganedit(*run)
    assert (again.status, again.lines) == (0, first.lines), again.err
    assert "me.smile+2.pasted.png is done already" in again.err
    latent = ganedit(*SMILE, "me.latent.safetensors", "--magnitude", 2)
    assert (latent.status, latent.lines) == (0, ["me.smile+2.png"]), latent.err
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("me.*")} == made


def test_a_projection_made_by_edit_is_done_already(ganedit, photo, no_model):
    edited = ganedit(*SMILE, "me.png", "--method", "encode")
    assert edited.status == 0, edited.err
    no_model()
    again = ganedit(*PROJECT, "me.png")
    assert (again.status, again.lines) == (0, ["me.latent.safetensors"]), again.err
    assert "me.projected.png is done already" in again.err


def test_faces_of_one_photo_are_not_taken_for_each_other(ganedit, photo, tiny_faces, tmp_path):
    half = read_image(photo).pixels
    write_image(tmp_path / "two.png", np.concatenate([half, half[:, ::-1]], axis=1))
    run = (*SMILE, "two.png", "--method", "encode", "--magnitude", 2, "--paste")
    first = ganedit(*run)
    assert (first.status, first.lines) == (0, ["two.smile+2.pasted.png"]), first.err
    assert "two.png shows 2 faces; this takes the largest, --face all takes every one" in first.err
    second = ganedit(*run, "--face", 2)
    assert (second.status, second.lines) == (0, ["two.face2.smile+2.pasted.png"]), second.err
    one, other = (read_image(ran.lines[0]).pixels != read_image("two.png").pixels for ran in (first, second))
    middle = half.shape[1]
    assert one[:, :middle].any() != one[:, middle:].any()
    assert other[:, :middle].any() == one[:, middle:].any()
    file = ganedit(*run, "-o", "x.png")
    assert file.status == 0, file.err
    refused = ganedit(*run, "--face", 2, "-o", "x.png")
    assert refused.status == 2
    assert "x.png is already there" in refused.err


def test_a_sweep_and_a_paste_take_up_what_is_there(ganedit, projected, tmp_path):
    assert ganedit(*SMILE, "--magnitude", 2).status == 0
    made = (tmp_path / "me.smile+2.png").stat().st_mtime_ns
    ran = ganedit(*SMILE, "--sweep", "0:2:2", "--paste")
    assert ran.status == 0, ran.err
    assert ran.lines[1] == "me.smile+2.pasted.png"
    assert (tmp_path / "me.smile+2.png").stat().st_mtime_ns == made


def test_a_photo_with_its_metadata_is_not_one_without(ganedit, projected):
    """What hides the place of a photo must not be taken as done by what shows it."""
    run = (*SMILE, "me.png", "--paste")
    assert ganedit(*run).status == 0
    refused = ganedit(*run, "--no-metadata")
    assert refused.status == 2
    assert "me.smile+1.pasted.png is already there" in refused.err


@pytest.mark.parametrize("other", ["input", "direction", "no record"])
def test_another_request_of_that_name_is_refused_before_models_are_opened(
    ganedit, sample, tiny_faces, tmp_path, no_model, other
):
    run = (*SMILE, "a.latent.safetensors")
    assert ganedit(*run).status == 0
    if other == "input":
        Latent(sample + 1, "faces", load_generator("faces", "cpu").sha256, "w").save("a.latent.safetensors")
    elif other == "direction":
        path = tiny_faces / "faces/directions/smile.safetensors"
        path.write_bytes((tiny_faces / "faces/directions/age.safetensors").read_bytes())
    else:
        Image.open("a.smile+1.png").save("a.smile+1.png")  # without the record of how it was made
    no_model()
    ran = ganedit(*run)
    assert ran.status == 2
    assert "a.smile+1.png is already there" in ran.err


def test_another_photo_of_that_name_is_refused_before_models_are_opened(ganedit, projected, no_model):
    write_image("other/me.png", read_image(projected).pixels[:, ::-1])
    no_model()
    ran = ganedit(*SMILE, "other/me.png")
    assert ran.status == 2
    assert "me.latent.safetensors is there already, and of another image" in ran.err


def test_names_do_not_grow_without_end(ganedit, sample, tmp_path):
    latest = "a.latent.safetensors"
    for _ in range(20):
        ran = ganedit(*SMILE, "--magnitude", 0.125, latest, "--json")
        assert ran.status == 0, ran.err
        (latest,) = ran.json[0]["latents"]
    assert len(latest) < 200
    assert len(Latent.load(latest).edits) == 20
    assert len(list(tmp_path.glob("*.png"))) == 20


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("--direction", "3:1,6:2", "--space", "s", "--magnitude", 10), "a.3_1,6_2+10.png"),
        (("--ablate", "layer4:0-1,3"), "a.off-layer4_0,1,3.png"),
        (("--activate", "layer4:5@my top?.png", "--direction", "age"), "a.age+1.on-layer4_5@my_top_.png"),
        (("--direction", "age", "--magnitude", -0.5, "--layers", "0,2,3,4"), "a.age-0.5@0,2-4.png"),
    ],
)
def test_names_have_characters_that_every_file_system_allows(ganedit, sample, options, name):
    Image.new("L", (32, 32), 255).save("my top?.png")
    ran = ganedit(*EDIT, "a.latent.safetensors", *options)
    assert (ran.status, ran.lines) == (0, [name]), ran.err


def test_a_sweep_beyond_the_safe_range_is_said_once(ganedit, narrow, sample):
    ran = ganedit(*SMILE, "a.latent.safetensors", "--sweep", "-3:3:7")
    assert ran.status == 0, ran.err
    assert ran.err.count("the sweep of smile leaves its safe range from -1 to +2") == 1
    assert "is beyond" not in ran.err
