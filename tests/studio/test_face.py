"""The face that a visitor edits: its history, and the command that makes it again, on tiny models."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import ganedit
from ganedit.studio.commands import edit_words, pipeline
from ganedit.studio.drag import clicked, drag, parse
from ganedit.studio.face import Face
from ganedit.studio.jobs import Job
from ganedit.studio.portrait import find, project


@pytest.fixture
def photo(portrait, tmp_path):
    """A photo of one face, called `my photo.png`."""
    ganedit.write_image(tmp_path / "my photo.png", ganedit.read_image(portrait).pixels[:300, 80:400])
    return ganedit.read_image(tmp_path / "my photo.png")


@pytest.fixture
def face(photo, tiny_faces):
    generator = ganedit.load("faces", "cpu")
    return project(find(photo, generator), generator, "encode", Job("", threading.Event()))


@pytest.fixture
def sample(tiny_faces):
    generator = ganedit.load("faces", "cpu")
    (drawn,) = ganedit.generate(generator, [3])
    return Face(generator, drawn.latent, "seed0003.png", origin=["generate", "--seeds", "3"])


def test_moving_one_slider_on_and_on_is_one_step_back(sample):
    for magnitude in (0.5, 1.0, 1.5):
        sample.move("smile", magnitude)
    sample.move("age", -1.0)
    assert sample.now.magnitudes == {"smile": 1.5, "age": -1.0}
    sample.undo()
    assert sample.now.magnitudes == {"smile": 1.5}
    sample.undo()
    assert sample.now.latent is sample.projected
    assert sample.can == (False, True)
    sample.redo()
    sample.redo()
    assert sample.now.magnitudes == {"smile": 1.5, "age": -1.0}
    assert sample.can == (True, False)


def test_a_slider_at_0_is_no_edit(sample):
    sample.move("smile", 1.0)
    sample.move("smile", 0.0)
    assert sample.steps == ()
    assert sample.now.latent is sample.projected


def test_reset_can_be_undone(sample):
    sample.move("smile", 1.0)
    moved = sample.now
    sample.reset()
    assert np.array_equal(sample.pixels, sample.before)
    sample.undo()
    assert sample.now is moved


def test_a_new_change_after_undo_forgets_what_was_undone(sample):
    sample.move("smile", 1.0)
    sample.undo()
    sample.move("age", 1.0)
    assert sample.can == (True, False)
    assert sample.now.magnitudes == {"age": 1.0}


def test_beyond_the_safe_range_is_said_and_asked_for(sample):
    sample.move("smile", 4.0)
    assert sample.beyond == []
    sample.move("smile", 4.5)
    assert sample.beyond == ["smile +4.5 is beyond its safe range from -4.0 to +4.0"]
    assert "--unsafe" in sample.command()


def test_sliders_are_grouped_by_kind(sample):
    assert sample.groups == {"Expression": ["smile"], "Age and looks": ["age"]}


@pytest.mark.parametrize("magnitude", [2.0, 5.3])
def test_the_command_makes_the_same_photo(face, shell, tmp_path, magnitude):
    face.move("smile", magnitude)
    face.move("age", -1.2)
    pixels = face.write(tmp_path / "from-page.png")
    shell(face.command())
    made = ganedit.read_image(tmp_path / "my photo.edited.png").pixels
    assert np.array_equal(made, pixels)
    assert not np.array_equal(pixels, face.photo.pixels)


def test_the_commands_of_several_tabs_make_the_same_photo(face, shell, tmp_path):
    face.move("smile", 1.5)
    moves, options = parse("12,20:15,18"), ganedit.DragOptions(3, identity=0.0)
    job = Job("", threading.Event())
    dragged = drag(face, moves, options, None, job, "12,20:15,18")
    face.bake(dragged.latent, ["drag", "--move", str(moves[0]), "--steps", "3", "--identity", "0"])
    assert face.now.magnitudes == {}
    face.move("age", 1.0)
    assert face.command().count(" | ") == 2
    pixels = face.write(tmp_path / "from-page.png")
    shell(face.command())
    assert np.array_equal(ganedit.read_image(tmp_path / "my photo.edited.png").pixels, pixels)


def test_the_commands_for_a_sample_make_the_same_picture(sample, shell, tmp_path):
    sample.move("smile", 2.0)
    pixels = sample.write(tmp_path / "from-page.png")
    assert sample.command().startswith("ganedit generate --seeds 3 | ganedit edit - ")
    shell(sample.command())
    assert np.array_equal(ganedit.read_image(tmp_path / "seed0003.edited.png").pixels, pixels)


def test_the_file_says_how_it_was_made(face, tmp_path):
    face.move("smile", 1.0)
    face.write(tmp_path / "out.png")
    record = ganedit.read_provenance(tmp_path / "out.png")
    assert record["parameters"]["command"] == face.command()
    assert record["parameters"]["edits"][-1]["direction"] == "smile"
    assert record["source"] == "my photo.png"
    assert record["digital_source_type"].endswith("compositeWithTrainedAlgorithmicMedia")


def test_what_was_not_done_is_not_in_the_command(face):
    assert face.command() == "ganedit project 'my photo.png' --method encode"
    face.bake(face.now.latent, ["clip", "edit", "--text", "it's old"])
    line = face.command()
    assert line.startswith("ganedit clip edit 'my photo.png' --text 'it'\"'\"'s old' --projection encode")


def test_a_pipeline_passes_files_on():
    steps = [edit_words({"age": 1.0}, unsafe=True), ["drag", "--move", "1,2:3,4"]]
    assert pipeline(steps, "me.jpg", first=["--face", "2"], last=["-o", "out.png"]) == (
        "ganedit edit me.jpg --direction age --magnitude 1 --unsafe --face 2"
        " | ganedit drag - --move 1,2:3,4 -o out.png"
    )


def test_clicks_become_moves():
    text = ""
    for x, y in ((40, 80), (36.25, 76), (88, 80)):
        text = clicked(text, x, y)
    assert text == "40,80:36.2,76 88,80"
    (move,) = parse(text)
    assert str(move) == "40,80:36.2,76"
