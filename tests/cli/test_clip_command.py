"""`ganedit clip` with tiny models: what it writes, what it prints, and what it refuses."""

from __future__ import annotations

import csv

import pytest
import torch
from PIL import Image

from ganedit.images.io import read_provenance
from ganedit.latent.directions.direction import Direction
from ganedit.latent.latent import Latent

LATENT = "seed0003.latent.safetensors"
FAST = ("--steps", 2, "--crops", 0)


@pytest.fixture
def clip(ganedit, tiny_faces, tiny_clip):
    """`ganedit clip COMMAND ...` with the tiny model, beside a latent."""
    assert ganedit("generate", "--device", "cpu", "--seeds", 3).status == 0

    def run(command, *words):
        return ganedit("clip", command, *words, "--device", "cpu", "--clip", tiny_clip)

    return run


@pytest.mark.parametrize(
    "how",
    [
        FAST,
        ("--space", "w+", "--layers", "coarse", *FAST),
        ("--loss", "direction", "--neutral", "a girl", *FAST),
        ("--method", "direction", "--neutral", "a girl", "--threshold", 0.2),
    ],
)
def test_a_latent_is_changed_and_knows_why(clip, how):
    ran = clip("edit", LATENT, "--text", "an old man", *how, "--sheet", "--json")
    assert ran.status == 0, ran.err
    name = "seed0003.an-old-man" + (".from-a-girl" if "--neutral" in how else "")
    name += ".direction" if "--threshold" in how else ""
    assert [line["path"] for line in ran.json] == [f"{name}.png", f"{name}.sheet.png"]
    before, after = Latent.load(LATENT), Latent.load(f"{name}.latent.safetensors")
    assert "an old man" in str(after.edits)
    assert torch.equal(after.original, before.ws)
    moved = not torch.equal(after.ws, before.ws) or after.styles is not None
    assert moved
    record = read_provenance(f"{name}.png")
    assert record["command"] == "clip edit"
    assert "an old man" in str(record["parameters"])


def test_no_strength_is_no_change(clip):
    assert clip("edit", LATENT, "--text", "an old man", "--strength", 0, *FAST).status == 0
    assert torch.equal(Latent.load("seed0003.an-old-man+0.latent.safetensors").ws, Latent.load(LATENT).ws)


def test_a_mapper_is_trained_and_used(clip, ganedit, tiny_clip):
    ran = ganedit(
        "train", "clip-mapper", "--text", "an old man", "--clip", tiny_clip, "--out", "run", "--kimg", 0.004,
        "--identity", 0, "--crops", 0, "--device", "cpu",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    ran = clip("edit", LATENT, "--method", "mapper", "--mapper", "run/model", "--json")
    assert ran.status == 0, ran.err
    assert ran.json[0]["text"] == "an old man"
    other = clip("edit", LATENT, "--method", "mapper", "--mapper", "faces")
    assert other.status == 4
    assert "a generator, not a mapper" in other.err


def test_pictures_are_found_from_noise(clip):
    words = ("--text", "an old man", "--candidates", 4, "--restarts", 2, "--count", 2, *FAST)
    ran = clip("generate", *words, "-o", "found", "--json")
    assert ran.status == 0, ran.err
    assert [line["path"] for line in ran.json] == ["found/an-old-man-1.png", "found/an-old-man-2.png"]
    assert ran.json[0]["similarity"] >= ran.json[1]["similarity"]
    assert Latent.load(ran.json[0]["latent"]).model == "faces"
    assert read_provenance("found/an-old-man-1.png")["parameters"]["text"] == "an old man"


def test_two_texts_make_a_direction(clip, ganedit):
    ran = clip("direction", "an old man", "a girl", "--name", "age-text", "--samples", 100, "--json")
    assert ran.status == 0, ran.err
    made = Direction.load(ran.json[0]["path"])
    assert made.name == "age-text"
    assert made.method == "CLIP: 'an old man' against 'a girl'"
    edited = ganedit("edit", LATENT, "--direction", "age-text", "--device", "cpu")
    assert edited.status == 0, edited.err


def test_pictures_are_ranked_and_the_bad_ones_named(clip, tmp_path):
    for name, colour in (("a", 40), ("b", 220)):
        Image.effect_noise((64, 64), 80).point(lambda v, c=colour: (v + c) // 2).convert("RGB").save(
            f"{name}.png"
        )
    (tmp_path / "c.png").write_text("no picture")
    ran = clip(
        "rank", "a.png", "b.png", "c.png", "--text", "an old man", "--aligned", "-o", "sheet.png", "--json"
    )
    assert ran.status == 1
    assert "c.png" in ran.err
    assert {line["path"] for line in ran.json} == {"a.png", "b.png"}
    assert ran.json[0]["similarity"] >= ran.json[1]["similarity"]
    assert Image.open("sheet.png").width > 2 * 256


def test_unknown_words_stop_it(clip):
    for command in (["edit", LATENT, *FAST], ["rank", LATENT], ["generate"]):
        ran = clip(*command, "--text", "an old dog")
        assert ran.status == 2
        assert "does not know dog in 'an old dog'" in ran.err
        assert "ViT-B-32/laion2b_s34b_b79k" in ran.err
        assert "--anyway" in ran.err
    assert clip("direction", "an old dog", "a man").status == 2
    ran = clip("edit", LATENT, "--text", "an old dog", *FAST, "--anyway")
    assert ran.status == 0
    assert "does not know dog in 'an old dog': left out" in ran.err
    ran = clip("edit", LATENT, "--text", "purple dog", *FAST, "--anyway")
    assert ran.status == 2
    assert "knows no word" in ran.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["edit", LATENT], "no --text"),
        (["edit", LATENT, "--text", "old", "--method", "direction"], "a text to start from"),
        (["edit", LATENT, "--text", "old", "--method", "mapper"], "no --mapper"),
        (["edit", LATENT, "--text", "old", "--mapper", "x"], "--mapper is for --method mapper"),
        (["edit", LATENT, "--text", "old", "--threshold", 0.3], "--threshold is for --method direction"),
        (["edit", LATENT, "--text", "old", "--loss", "direction"], "a text to start from"),
        (["edit", LATENT, "--text", "old", "--strength", "nan"], "--strength"),
        (["edit", LATENT, "--text", "old", "--steps", 0], "--steps 0"),
        (["edit", LATENT, "--text", "old", "--layers", "99"], "no layer 99"),
        (["generate"], "no --text"),
        (["generate", "--text", "old", "--count", 9], "--count 9"),
        (["direction", "old", "old"], "the same to"),
        (["direction", "old", "young", "--samples", 5], "too few"),
        (["rank", "x.png"], "no --text"),
    ],
)
def test_what_makes_no_sense_is_told(clip, words, told):
    ran = clip(*words)
    assert ran.status == 2, ran.err
    assert told in ran.err


def test_other_models_are_no_clip(ganedit, tiny_faces):
    assert ganedit("generate", "--device", "cpu", "--seeds", 3).status == 0
    ran = ganedit("clip", "edit", LATENT, "--text", "old", "--clip", "faces", "--device", "cpu")
    assert ran.status == 4
    assert "not a CLIP model" in ran.err


def test_zero_shot_is_measured(ganedit, tiny_clip, tmp_path):
    folder = tmp_path / "people"
    folder.mkdir()
    with open(folder / "labels.csv", "w", newline="") as stream:
        table = csv.writer(stream)
        table.writerows([["file", "age", "gender"], *([f"{i}.png", 20 + i, "male"] for i in range(4))])
    for i in range(4):
        Image.new("RGB", (32, 32), (60 * i, 90, 30)).save(folder / f"{i}.png")
    ran = ganedit("metrics", "clip", folder, "--clip", tiny_clip, "--skip", 1, "--json", "--device", "cpu")
    assert ran.status == 0, ran.err
    (told,) = ran.json
    assert told["pictures"] == 3
    assert set(told) == {"model", "pictures", "gender accuracy", "age mean absolute error"}
    assert ganedit("metrics", "clip", folder, "--clip", tiny_clip, "--skip", 9).status == 3


def test_a_photo_is_changed_in_place(ganedit, tiny_faces, tiny_clip, portrait):
    ran = ganedit(
        "clip", "edit", portrait, "--text", "an old man", "--paste", "--projection", "encode",
        "--clip", tiny_clip, "--device", "cpu", "--json", *FAST,
    )  # fmt: skip
    assert ran.status == 0, ran.err
    assert ran.json[0]["path"] == "portrait.an-old-man.pasted.png"
    assert Image.open("portrait.an-old-man.pasted.png").size == Image.open(portrait).size
