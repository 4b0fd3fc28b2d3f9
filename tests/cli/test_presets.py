"""Edits in one step: the same as `ganedit edit --paste` with values from a table."""

from __future__ import annotations

import pytest

from ganedit.cli.kit.presets import PRESETS
from ganedit.images.io import read_image, read_provenance, write_image
from ganedit.latent.directions.named import names_of

CPU = ("--device", "cpu")


@pytest.fixture
def photo(ganedit, portrait, tmp_path, tiny_faces):
    """me.png, projected."""
    write_image(tmp_path / "me.png", read_image(portrait).pixels[:300, 80:400])
    assert ganedit("project", "me.png", "--method", "encode", *CPU).status == 0
    return tmp_path / "me.png"


@pytest.mark.parametrize(
    ("words", "direction", "magnitude"),
    [
        (("smile",), "smile", 2),
        (("serious",), "smile", -1.5),
        (("younger",), "age", -1.5),
        (("older", "--strength", 2), "age", 3),
    ],
)
def test_a_preset_is_an_edit_pasted_into_the_photo(ganedit, photo, words, direction, magnitude):
    ran = ganedit(*words, "me.png", *CPU)
    name = f"me.{direction}{magnitude:+g}.pasted.png"
    assert (ran.status, ran.lines) == (0, [name]), ran.err
    long = ("edit", "me.png", "--direction", direction, "--magnitude", magnitude, "--paste", *CPU)
    assert ganedit(*long, "-o", "long", "--method", "encode").status == 0
    assert (read_image(name).pixels == read_image(f"long/{name}").pixels).all()
    assert read_provenance(name)["command"] == "edit"
    again = ganedit(*long)
    assert (again.status, again.lines) == (0, [name]), again.err


def test_a_side_must_be_given(ganedit, photo, tiny_faces):
    folder = tiny_faces / "faces/directions"
    (folder / "yaw.safetensors").write_bytes((folder / "age.safetensors").read_bytes())
    for words in ((), ("--left", "--right")):
        ran = ganedit("turn", "me.png", *words, *CPU)
        assert ran.status == 2
        assert "needs a side" in ran.err
        assert "add --left or --right" in ran.err
    assert ganedit("turn", "me.png", "--left", *CPU).lines == ["me.yaw-1.pasted.png"]
    ran = ganedit("turn", "me.png", "--right", "-o", "right.png", *CPU)
    assert (ran.status, ran.lines) == (0, ["right.png"]), ran.err


def test_they_are_listed(ganedit):
    ran = ganedit("presets", "--json")
    assert [one["name"] for one in ran.json] == list(PRESETS)
    assert "turn" in ganedit("presets").out
    assert ganedit("smile", "x.png", "--strength", -1).status == 2


def test_their_directions_come_with_the_bundled_model():
    assert {one.direction for one in PRESETS.values()} <= set(names_of("faces"))
