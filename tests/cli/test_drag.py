"""`ganedit drag` with tiny models: what it writes, what it says, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

from ganedit.images.io import read_image, read_provenance, write_image
from ganedit.images.video import comment_of
from ganedit.latent.latent import Latent

LATENT = "seed0003.latent.safetensors"
DRAG = ("drag", "--device", "cpu", "--identity", 0, "--steps", 3)
MOVE = ("--move", "12,12:16,14")
NAME = "seed0003.drag12,12-16,14"


@pytest.fixture
def sample(ganedit, tiny_faces):
    """seed0003.png and its latent."""
    assert ganedit("generate", "--device", "cpu", "--seeds", 3).status == 0
    return Latent.load(LATENT)


@pytest.fixture
def projected(ganedit, tiny_faces, portrait, tmp_path):
    """me.png with its projection."""
    write_image(tmp_path / "me.png", read_image(portrait).pixels[:300, 80:400])
    assert ganedit("project", "--device", "cpu", "--method", "encode", "me.png").status == 0
    return Latent.load("me.latent.safetensors")


def test_a_latent_is_dragged_and_knows_how(ganedit, sample):
    ran = ganedit(*DRAG, LATENT, *MOVE, "--json")
    assert ran.status == 0, ran.err
    (told,) = ran.json
    assert told["path"] == f"{NAME}.png"
    assert told["moves"] == ["12,12:16,14"]
    after = Latent.load(f"{NAME}.latent.safetensors")
    assert not torch.equal(after.ws, sample.ws)
    assert torch.equal(after.original, sample.ws)
    (edit,) = after.edits
    assert told["dragged"] == [edit]
    assert (edit["drag"], edit["steps"], edit["space"]) == (["12,12:16,14"], 3, "w+")
    record = read_provenance(f"{NAME}.png")
    assert record["command"] == "drag"
    assert record["parameters"]["request"]["moves"] == ["12,12:16,14"]
    assert record["parameters"]["edits"] == [edit]


def test_two_workers_drag_what_one_process_does(ganedit, tiny_faces):
    assert ganedit("generate", "--device", "cpu", "--seeds", "3,4").status == 0
    drag = (*DRAG, LATENT, "seed0004.latent.safetensors", *MOVE, "--model", tiny_faces / "faces")
    alone, shared = ganedit(*drag, "-o", "alone"), ganedit(*drag, "-o", "shared", "--workers", 2)
    assert shared.status == 0
    assert sorted(shared.err.splitlines()) == sorted(alone.err.splitlines())
    assert shared.out == alone.out.replace("alone", "shared")
    for path in shared.out.split():
        before = read_image(path.replace("shared", "alone")).pixels
        np.testing.assert_allclose(read_image(path).pixels.astype(int), before.astype(int), atol=1)


def test_a_point_that_did_not_arrive_is_named_with_how_far_it_came(ganedit, sample):
    ran = ganedit(*DRAG, LATENT, "--move", "5,5:30,30")
    assert ran.status == 0
    edit = Latent.load("seed0003.drag5,5-30,30.latent.safetensors").edits[-1]
    left = math.dist(edit["reached"][0], (30, 30))
    assert "the point 5,5 did not arrive: after 3 steps" in ran.err
    assert f"{left:.1f} px from its goal" in ran.err
    arrived = ganedit(*DRAG, LATENT, "--move", "5,5:5.5,5")
    assert arrived.status == 0
    assert "did not arrive" not in arrived.err


def test_an_identical_request_is_done_and_another_is_refused(ganedit, sample, no_model):
    assert ganedit(*DRAG, LATENT, *MOVE).status == 0
    no_model()
    again = ganedit(*DRAG, LATENT, *MOVE, "--json")
    assert again.status == 0
    assert "is done already, by the same request" in again.err
    assert again.json[0]["dragged"][0]["drag"] == ["12,12:16,14"]
    other = ganedit(*DRAG, LATENT, *MOVE, "--keep", 3)
    assert other.status == 2
    assert "--force" in other.err


def test_several_moves_a_mask_a_film_and_a_sheet(ganedit, sample):
    Image.fromarray(np.pad(np.full((32, 16), 255, np.uint8), ((0, 0), (0, 16)))).save("left half.png")
    moves = ("--move", "12,12:16,14", "--move", "6,20:5,21")
    ran = ganedit(*DRAG, LATENT, *moves, "--mask", "left half.png", "--video", "--sheet", "--space", "w")
    assert ran.status == 0, ran.err
    name = f"{NAME}+6,20-5,21.in-left_half"
    assert ran.lines == [f"{name}.png", f"{name}.sheet.png"]
    assert f"{name}.mp4 shows the change" in ran.err
    assert '"moves": ["12,12:16,14", "6,20:5,21"]' in comment_of(f"{name}.mp4")
    after = Latent.load(f"{name}.latent.safetensors")
    assert after.edits[-1]["masked"]
    assert len(after.edits[-1]["reached"]) == 2


def test_latents_come_through_a_pipe_and_can_be_dragged_again(ganedit, sample):
    first = ganedit(*DRAG, "-", *MOVE, stdin=f"{LATENT}\n")
    assert first.status == 0, first.err
    second = ganedit(*DRAG, "-", "--move", "20,20:22,20", stdin=first.out)
    assert second.status == 0, second.err
    assert second.lines == [f"{NAME}.drag20,20-22,20.png"]
    after = Latent.load(f"{NAME}.drag20,20-22,20.latent.safetensors")
    assert [edit["drag"] for edit in after.edits] == [["12,12:16,14"], ["20,20:22,20"]]
    assert torch.equal(after.original, sample.ws)


def test_a_photo_is_projected_dragged_and_pasted(ganedit, projected):
    ran = ganedit(*DRAG, "me.png", *MOVE, "--paste", "--json")
    assert ran.status == 0, ran.err
    assert ran.json[0]["path"] == "me.drag12,12-16,14.pasted.png"
    assert ran.json[0]["pictures"] == ["me.drag12,12-16,14.png"]
    before, after = (np.asarray(Image.open(path)) for path in ("me.png", ran.json[0]["path"]))
    assert before.shape == after.shape
    assert (before != after).any()
    assert (before == after).all(axis=2).mean() > 0.3  # far from the face, nothing changed


def test_coordinates_of_the_photo(ganedit, projected):
    """A move in the photo is the move in the crop that the affine says, and so is a mask."""
    affine = projected.affine
    start, goal = ((affine @ (x, y, 1)).round(2).tolist() for x, y in ((12, 12), (16, 14)))
    move = f"{start[0]},{start[1]}:{goal[0]},{goal[1]}"
    size = Image.open("me.png").size
    Image.new("L", size, 255).save("all.png")
    where = ("--photo-coordinates", "--move", move)
    ran = ganedit(*DRAG, "me.latent.safetensors", *where, "--mask", "all.png", "--json")
    assert ran.status == 0, ran.err
    assert ran.json[0]["moves"] == [move]
    (done,) = ran.json[0]["dragged"]
    numbers = [float(n) for n in done["drag"][0].replace(":", ",").split(",")]
    np.testing.assert_allclose(numbers, [12, 12, 16, 14], atol=0.01)
    ran = ganedit(*DRAG, "me.latent.safetensors", *where, "--mask", "me.projected.png", "--force")
    assert ran.status == 3
    assert f"the mask is 32x32, the photo {size[0]}x{size[1]}" in ran.err


def test_the_identity_of_a_face_counts_as_much_as_was_asked(ganedit, sample, monkeypatch):
    monkeypatch.setattr("ganedit.latent.motion.PERSON_FREE", 0.0)
    codes = []
    for weight in (0, 1000):
        words = ("drag", "--device", "cpu", "--steps", 6, "--identity", weight, LATENT, *MOVE, "-o", weight)
        assert ganedit(*words).status == 0
        codes.append(Latent.load(f"{weight}/{NAME}.latent.safetensors").ws)
    assert not torch.equal(*codes)


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ((), 2, "no --move was given"),
        (("--move", "12,12"), 2, "--move 12,12 is not X,Y:X2,Y2"),
        (("--move", "12,12:40,12"), 2, "the move 12,12:40,12 ends outside the crop, which has 32x32 pixels"),
        ((*MOVE, "--steps", 0), 2, "--steps 0 must be"),
        ((*MOVE, "--keep", -1), 2, "--keep -1"),
        ((*MOVE, "--space", "z"), 2, "--space"),
        ((*MOVE, "--mask", "wide.png"), 3, "the mask has 40x32 pixels, and the crop 32x32"),
        ((*MOVE, "--mask", "black.png"), 3, "black everywhere"),
        ((*MOVE, "--mask", "none.png"), 3, "none.png"),
        ((*MOVE, "--photo-coordinates"), 2, "was not made from a photo"),
        ((*MOVE, "--paste", "--photo", "none.jpg"), 3, "was not made from a photo"),
        ((*MOVE, "--photo", "x.jpg"), 2, "--paste was not given"),
        ((*MOVE, "--face", "0"), 2, "--face 0"),
    ],
)
def test_bad_requests_get_one_sentence(ganedit, sample, words, status, told):
    for name, size in (("wide", (40, 32)), ("black", (32, 32))):
        Image.new("L", size, 255 if name == "wide" else 0).save(f"{name}.png")
    ran = ganedit("drag", "--device", "cpu", "--identity", 0, LATENT, *words)
    assert (ran.status, ran.out) == (status, "")
    assert told in ran.err
    assert "Traceback" not in ran.err
