"""What timbre transfer is measured by: worked by hand, and on made-up sounds of known pitch and onsets."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from sounds import QUICK, tone

from ganedit.metrics import timbre
from ganedit.metrics.timbre import (
    InstrumentClassifier,
    NotePlayed,
    Pitch,
    Score,
    TimbreQuality,
    matches,
    mean_score,
    note_distance,
    note_spectra,
    onsets_of,
    pitch_kept,
    pitch_of,
    score_notes,
    score_pair,
    spectral_distance,
)

NAN = float("nan")
BRIGHT = [1, 0.9, 0.8, 0.7, 0.6, 0.5]


def pitch(*hertz):
    found = np.array(hertz, float)
    return Pitch(found, ~np.isnan(found))


# ---- spectra ----


def test_the_same_sound_is_no_distance_away_however_loud():
    given = tone(440)
    assert spectral_distance(given, given, QUICK) == 0
    assert spectral_distance(given, given * 0.1, QUICK) < 0.05  # what the floor hides differs by nothing
    assert spectral_distance(given, given[:7000], QUICK) < 0.5


def test_the_distance_is_in_decibels(monkeypatch):
    """Pictures that differ by 0.25 of [-1, 1] in half of their rows: 10 dB of 80, 5 in the mean."""
    pictures = iter([np.zeros((4, 9)), np.array([[0], [0], [0.25], [-0.25]]) * np.ones((4, 7))])
    monkeypatch.setattr(timbre, "picture", lambda *_: next(pictures))
    assert spectral_distance(tone(440), tone(440), QUICK) == pytest.approx(5)


def test_another_timbre_is_further_away_than_a_little_noise():
    given = tone(440)
    noise = (1e-4 * np.random.default_rng(0).standard_normal(8000)).astype(np.float32)
    near = spectral_distance(given, given + noise, QUICK)
    assert near < spectral_distance(given, tone(440, harmonics=BRIGHT), QUICK)


# ---- pitch ----


def test_pitch_by_hand():
    """A semitone is 100 cents, of which the median is taken where both are voiced: 0, 100 and 1200."""
    wanted = pitch(440, 440, 440, NAN, NAN)
    cents, alike = pitch_kept(pitch(440, 440 * 2 ** (1 / 12), 220, 100, NAN), wanted)
    assert cents == pytest.approx(100)
    assert alike == pytest.approx(4 / 5)
    cents, alike = pitch_kept(pitch(NAN, NAN), pitch(440, NAN))
    assert math.isnan(cents)
    assert alike == 0.5


def test_the_pitch_of_a_tone():
    found = pitch_of(tone(440, 0.5), 16000)
    assert len(found.hertz) == len(found.voiced) == 8
    assert found.voiced[1:-1].all()
    assert found.hertz[1:-1] == pytest.approx(440, rel=0.006)  # 10 cents, which its grid has


# ---- onsets ----


@pytest.mark.parametrize(
    ("found", "wanted", "count"),
    [
        ([], [], 0),
        ([1.0], [], 0),
        ([1.0, 2.0], [1.04, 2.06], 1),
        ([1.0, 1.02], [1.01], 1),  # each is used once
        ([1.0], [0.99, 1.01], 1),
        ([0.5, 1.0, 1.5], [0.1, 0.52, 1.49, 3.0], 2),
        ([1.0, 1.04], [0.97, 1.0], 2),
    ],
)
def test_onsets_that_are_the_same(found, wanted, count):
    assert matches(found, wanted) == matches(wanted, found) == count


def test_onsets_of_notes():
    parts = [np.zeros(3200, np.float32), tone(440, 0.3), np.zeros(1600, np.float32), tone(660, 0.3)]
    assert matches(onsets_of(np.concatenate(parts), 16000), [0.2, 0.6]) == 2


# ---- means ----


def test_the_mean_of_scores():
    """Onsets are counted together: F = 2 · 6 / (8 + 8). What is not known is left out."""
    scores = [Score(2.0, 10.0, 1.0, 1.0, 5, 3, 3), Score(4.0, NAN, 0.5, 0.0, 3, 5, 3)]
    assert mean_score(scores) == TimbreQuality(3, 10, 0.75, 0.5, 0.75, sounds=2)
    *means, sounds = astuple(mean_score([Score(NAN, NAN, NAN, NAN)]))
    assert all(math.isnan(value) for value in means)
    assert sounds == 1


def test_a_pair():
    truth, source = tone(440, 0.5, harmonics=BRIGHT), tone(440, 0.5)
    score = score_pair(source, truth, source, False, QUICK)
    assert score.distance == spectral_distance(source, truth, QUICK)
    assert (score.cents, score.voiced, score.is_target) == (0, 1, 0)
    assert score.both == score.found == score.wanted


# ---- known notes ----


def test_what_notes_look_like(monkeypatch):
    """Columns 0.008 s apart that hold their number: of a note from 0 to 0.8 s those from 25 up to 75."""
    drawn = np.arange(200)[None] * np.array([[1.0], [-1.0]])
    monkeypatch.setattr(timbre, "picture", lambda *_: drawn)
    notes = [
        [NotePlayed(0.0, 0.8, 69), NotePlayed(0.8, 1.6, 71), NotePlayed(1.0, 1.001, 72)],
        [NotePlayed(0.8, 1.6, 69)],
    ]
    found = note_spectra([tone(440), tone(440)], notes, QUICK)
    assert sorted(found) == [69, 71]  # the third is too short to have a middle
    first, second = np.arange(25, 75).mean(), np.arange(125, 175).mean()
    assert found[71] == pytest.approx([second, -second])
    assert found[69] == pytest.approx([(first + second) / 2, -(first + second) / 2])


def test_how_far_notes_are():
    """0.1 of [-1, 1] is 4 dB of 80: (0 + 8) / 2 of the one note, 4 of the other, of those that both have."""
    found = {60: np.array([0.0, 0.2]), 61: np.array([0.1, 0.1]), 62: np.array([9.0, 9.0])}
    wanted = {60: np.zeros(2), 61: np.zeros(2), 63: np.zeros(2)}
    assert note_distance(found, wanted, QUICK) == pytest.approx(4)
    assert math.isnan(note_distance({}, wanted, QUICK))


def test_a_sound_beside_its_notes():
    silence = np.zeros(3200, np.float32)
    sound = np.concatenate([silence, tone(440, 0.4), silence])
    played = [NotePlayed(0.2, 0.6, 69)]
    wanted = note_spectra([sound], [played], QUICK)
    score = score_notes(sound, played, wanted, True, QUICK)
    assert score.distance == 0
    assert score.cents < 10
    assert score.voiced > 0.6
    assert (score.is_target, score.wanted, score.both) == (1, 1, 1)
    wrong = score_notes(sound, [NotePlayed(0.2, 0.6, 70)], wanted, False, QUICK)
    assert wrong.cents == pytest.approx(100, abs=10)
    assert math.isnan(wrong.distance)


# ---- instruments ----


def test_instruments_are_told_apart():
    """By their harmonics, at pitches and levels that it never heard."""
    kinds = {"dull": [1, 0.05], "bright": BRIGHT}
    rng = np.random.default_rng(0)

    def play(kind, hertz, peak=0.25):
        clip = tone(hertz, 0.5, harmonics=kinds[kind], peak=peak)
        return clip + (1e-4 * rng.standard_normal(len(clip))).astype(np.float32)

    known = {kind: [play(kind, hertz) for hertz in (262, 330, 392, 523)] for kind in kinds}
    classifier = InstrumentClassifier(known, 16000)
    for kind in kinds:
        assert [classifier.name(play(kind, hertz, 0.2)) for hertz in (294, 349, 440)] == [kind] * 3
    pause = np.zeros(16000, np.float32)
    assert classifier.name(np.concatenate([pause, play("bright", 440), pause])) == "bright"
    assert classifier.name(pause) in kinds
