"""What the bundled timbre models are trained on: notes within the instruments' reach, in time."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mido")
pytest.importorskip("soxr")

TOOL = Path(__file__).resolve().parents[1] / "tools" / "render_sounds.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("render_sounds", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules["render_sounds"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["render_sounds"]


@pytest.mark.parametrize(
    ("name", "number"),
    [("C4", 60), ("C#4", 61), ("A4", 69), ("B3", 59), ("F#5", 78), ("G#4", 68), ("D#5", 75), ("E5", 76)],
)
def test_names_of_notes(tool, name, number):
    assert tool.midi_number(name) == number


def test_a_tune(tool):
    """6 beats in 8.8 seconds, an octave up as it lies low; notes sound for 92% of their time."""
    beat = 8.8 / 6
    first, second, third = tool.tune("C4 E4:2 R:2 G4")
    assert [note.pitch for note in (first, second, third)] == [72, 76, 79]
    assert [note.start for note in (first, second, third)] == pytest.approx([0.1, 0.1 + beat, 0.1 + 5 * beat])
    assert [note.seconds / beat for note in (first, second, third)] == pytest.approx([0.92, 1.84, 0.92])
    assert tool.tune("C5 E4")[1].pitch == 64  # not so low


def test_every_tune_can_be_played_by_all(tool):
    for text in tool.TUNES.values():
        notes = tool.tune(text)
        for low, high in tool.RANGES.values():
            assert low <= min(note.pitch for note in notes)
            assert max(note.pitch for note in notes) <= high
        assert max(note.start + note.seconds for note in notes) < tool.SECONDS - 1


@pytest.mark.parametrize("name", ["violin", "flute", "piano", "harpsichord", "trumpet"])
def test_phrases_keep_to_the_instrument_and_end_in_time(tool, name):
    rng = np.random.default_rng(0)
    low, high = tool.RANGES[name]
    for _ in range(20):
        notes = tool.random_phrase(rng, low, high)
        assert len(notes) > 3
        assert all(low <= note.pitch <= high and 1 <= note.velocity <= 127 for note in notes)
        assert all(note.seconds > 0 for note in notes)
        assert max(note.start + note.seconds for note in notes) <= tool.SECONDS - 0.6
        assert [note.start for note in notes] == sorted(note.start for note in notes)


def test_phrases_follow_from_the_seed(tool):
    first, again, other = (tool.test_phrases(14, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first == again
    assert first[:10] == other[:10]  # the tunes
    assert first[10:] != other[10:]
    assert len(tool.test_phrases(3, np.random.default_rng(0))) == 3


def test_the_table_of_notes(tool, tmp_path):
    phrases = [tool.tune("C5 D5"), tool.tune("E5")]
    tool.write_notes(tmp_path / "new" / "notes.csv", phrases)
    with (tmp_path / "new" / "notes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["clip"], row["midi"]) for row in rows] == [
        ("000.flac", "72"), ("000.flac", "74"), ("001.flac", "76"),
    ]  # fmt: skip
    assert float(rows[0]["end_s"]) == pytest.approx(0.1 + 0.92 * 4.4, abs=1e-3)


def test_a_score_holds_all_phrases(tool, tmp_path):
    import mido

    phrases = [tool.tune("C5 D5"), tool.tune("E5")]
    tool.write_midi(tmp_path / "a.mid", phrases, 40)
    now, found = 0.0, []
    for message in mido.MidiFile(tmp_path / "a.mid"):
        now += message.time
        if message.type == "note_on":
            found.append((message.note, now))
        elif message.type == "program_change":
            assert message.program == 40
    assert [note for note, _ in found] == [72, 74, 76]
    assert [at for _, at in found] == pytest.approx([0.1, 4.5, 10.1], abs=2e-3)
