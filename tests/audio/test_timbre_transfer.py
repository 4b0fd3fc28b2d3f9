"""With a network that changes nothing, a sound comes back as its own copy synthesis: all that must stays."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from sounds import QUICK, loudest, same, tone, untrained

from ganedit.audio import timbre
from ganedit.audio.files import Sound
from ganedit.audio.phase import griffin_lim
from ganedit.audio.spectrogram import SpectrogramConfig, level, picture
from ganedit.audio.timbre import blocks, convert, limited, matching_gain, transfer, translate_picture
from ganedit.errors import CheckpointError, InputError
from ganedit.store.models import Translator


def vocode(picture, length):
    return griffin_lim(picture, QUICK, length, iterations=4)


def played(*channels, rate=16000, model=None):
    return transfer(Sound(np.stack(channels), rate), model or same(), vocode).samples


# ---- what stays ----


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100])
def test_length_pitch_and_level_stay(rate):
    given = tone(440, 0.9, rate, peak=0.05)[: round(0.9 * rate) - 1]
    (found,) = played(given, rate=rate)
    assert (found.shape, found.dtype) == (given.shape, np.float32)
    assert loudest(found, rate) == pytest.approx(440, abs=1)
    assert level(found, rate) == pytest.approx(level(given, rate), abs=0.2)


def test_with_a_constant_q_transform_too():
    """The default of both: the spectrogram of all bundled models, and the vocoder that needs no model."""
    given = tone(440, 1.0)
    cfg = SpectrogramConfig()
    (found,) = transfer(
        Sound(given[None], 16000), same(cfg), partial(_griffin_lim, cfg=cfg, iterations=1)
    ).samples
    assert loudest(found, 16000) == pytest.approx(440, abs=1)
    assert level(found, 16000) == pytest.approx(level(given, 16000), abs=0.2)
    assert np.abs(picture(found, cfg) - picture(given, cfg))[picture(given, cfg) > 0].mean() < 0.1


def _griffin_lim(picture, length, cfg, iterations):
    return griffin_lim(picture, cfg, length, iterations=iterations)


def test_channels_are_treated_alike_each_at_its_own_level():
    left, quiet = tone(440), tone(660, peak=0.02)
    a, b, c, silent = played(left, quiet, left, np.zeros_like(left))
    assert np.array_equal(a, c)
    assert not silent.any()
    assert level(b, 16000) == pytest.approx(level(quiet, 16000), abs=0.2)
    assert loudest(b, 16000) == pytest.approx(660, abs=2)
    assert np.array_equal(played(left)[0], a)


@pytest.mark.parametrize("rate", [16000, 44100])
def test_nothing_is_clipped(rate):
    """A square wave has a level that its smoothed copy cannot reach, a sine one that it can."""
    sine = tone(200, 0.5, rate, harmonics=[1], peak=1)
    square, found = played(np.sign(sine).astype(np.float32), sine, rate=rate)
    assert 0.9 < np.abs(square).max() <= 1
    assert level(square, rate) > -2
    assert (np.abs(found) > 0.9999).mean() < 0.01
    assert level(found, rate) == pytest.approx(-3.01, abs=0.2)


def test_noise_passes():
    given = (0.1 * np.random.default_rng(0).standard_normal(12000)).astype(np.float32)
    (found,) = played(given)
    assert level(found, 16000) == pytest.approx(level(given, 16000), abs=0.2)
    bands = [np.square(np.abs(np.fft.rfft(x))).reshape(-1)[1:].reshape(8, -1).sum(axis=1)
             for x in (given, found)]  # fmt: skip
    np.testing.assert_allclose(bands[1], bands[0], rtol=0.5)


@pytest.mark.parametrize("seconds", [1 / 16000, 0.001, 0.01, 0.1])
def test_short_sounds(seconds):
    given = tone(1000, seconds) + np.float32(0.1)
    (found,) = played(given)
    assert found.shape == given.shape
    assert np.isfinite(found).all()
    if seconds >= 0.01:
        assert level(found, 16000) == pytest.approx(level(given, 16000), abs=0.2)


def test_one_sample_at_another_rate():
    assert played(np.array([0.5], np.float32), rate=44100).shape == (1, 1)


# ---- what is refused ----


@pytest.mark.parametrize(
    ("samples", "words"),
    [(np.zeros((1, 0)), "empty"), (np.array([[0, math.nan]]), "not finite"), (np.array([[math.inf]]), "no")],
)
def test_sounds_that_are_none(samples, words):
    with pytest.raises(InputError, match=words):
        transfer(Sound(samples.astype(np.float32), 16000), same(), vocode)


def test_models_for_something_else():
    card, network = untrained()
    card.details["use"] = "translate"
    model = Translator(card, network, torch.device("cpu"))
    with pytest.raises(CheckpointError, match="same is a translator") as said:
        played(tone(440), model=model)
    assert said.value.hint == "ganedit translate --model same"


@pytest.mark.parametrize("frames", [0, 1, -4, "128", 2.5, None, 2**40])
def test_impossible_windows(frames):
    model = same()
    model.card.details["frames"] = frames
    with pytest.raises(CheckpointError, match="takes windows of"):
        played(tone(440), model=model)


# ---- windows of spectrograms ----


@pytest.mark.parametrize("columns", [1, 31, 63, 64, 65, 96, 97, 640, 701])
def test_windows_put_a_picture_together(columns):
    given = np.random.default_rng(0).uniform(-1, 1, (QUICK.bins, columns)).astype(np.float32)
    np.testing.assert_allclose(translate_picture(given, same()), given, atol=1e-6)


def test_windows_fade_into_each_other(monkeypatch):
    """Windows of 8 start 4 apart, weighed by 1 2 3 4 4 3 2 1; the first becomes 0 and the second 0.9. Columns
    4 to 7 are (4, 3, 2, 1) of the first and (1, 2, 3, 4) of the second."""
    shapes = []

    class Numbered:
        card = same(frames=8).card

        def __call__(self, x):
            shapes.append(tuple(x.shape))
            start = sum(shape[0] for shape in shapes) - len(x)
            return torch.arange(start, start + len(x))[:, None, None, None].expand_as(x) * 0.9

    found = translate_picture(np.zeros((1, 12), np.float32), Numbered())
    wanted = [0, 0, 0, 0, 0.9 / 5, 0.9 * 2 / 5, 0.9 * 3 / 5, 0.9 * 4 / 5, 0.9, 0.9, 0.9, 0.9]
    np.testing.assert_allclose(found[0], wanted, atol=1e-6)
    monkeypatch.setattr(timbre, "BATCH", 2)
    shapes.clear()
    translate_picture(np.zeros((1, 30), np.float32), Numbered())
    assert shapes == [(2, 1, 1, 8)] * 3 + [(1, 1, 1, 8)]


# ---- blocks of sound ----


@pytest.fixture
def short_blocks(monkeypatch):
    """Blocks of 0.8 s, cut in their last 0.3 s, with 0.2 s around them."""
    for name, seconds in (("BLOCK_SECONDS", 0.8), ("CUT_SECONDS", 0.3), ("CONTEXT_SECONDS", 0.2)):
        monkeypatch.setattr(timbre, name, seconds)


def test_blocks_are_cut_where_it_is_quietest(short_blocks):
    given = np.ones(16000 * 2, np.float32)
    given[10000:10960] = 0.01  # within the last 0.3 s of the first 0.8
    given[3000:5000] = 0  # not
    found = list(blocks(given, QUICK))
    assert 10000 <= found[0][1] <= 10480
    assert found[0][0] == 0
    assert found[-1][1] == len(given)
    assert all(before[1] == after[0] for before, after in pairwise(found))
    assert all(0.5 * 16000 <= end - start <= 0.8 * 16000 for start, end in found[:-1])
    assert list(blocks(given[:12800], QUICK)) == [(0, 12800)]


def test_cuts_are_not_heard(short_blocks):
    """A pure tone in three blocks: as steady as in one, and no click above it."""
    given = tone(500, 2.0, harmonics=[1])
    assert len(list(blocks(given, QUICK))) > 2
    (found,) = played(given)
    assert len(found) == len(given)
    inner = found[2000:-2000]
    jump = np.abs(np.diff(inner, n=2)).max()  # a sine's is its peak times the square of its step
    assert jump < 2 * np.abs(np.diff(given, n=2)).max()
    assert loudest(inner, 16000) == pytest.approx(500, abs=1)


def test_one_after_the_other_and_told(short_blocks):
    given, told, seen = tone(440, 2.0), [], []
    out = np.zeros_like(given)
    convert(
        given, out, same(), vocode,
        progress=lambda done, total: told.append((done, total)),
        look=lambda before, after: seen.append((before, after)),
    )  # fmt: skip
    ends = [end / 16000 for _, end in blocks(given, QUICK)]
    assert told == [(end, 2.0) for end in ends]
    assert all(np.allclose(before, after, atol=1e-6) for before, after in seen)
    columns = sum(before.shape[1] for before, _ in seen)
    assert 0 <= columns - QUICK.frames(32000) <= 2 * len(ends)


class Watched(np.ndarray):
    """An array that notes the largest piece of it that was asked for."""

    largest = 0

    def __getitem__(self, where):
        found = np.asarray(self)[where]
        Watched.largest = max(Watched.largest, np.size(found))
        return found


def test_memory_does_not_grow_with_the_length(short_blocks):
    """`level` reads a minute at once; all else a block and what is around it."""
    largest = []
    for seconds in (2, 4):
        Watched.largest = 0
        given = tone(440, seconds).view(Watched)
        given_level = level(np.asarray(given), 16000)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(timbre, "level", lambda *_: given_level)
            convert(given, np.zeros(seconds * 16000, np.float32), same(), vocode)
        largest.append(Watched.largest)
    assert largest[0] <= 1.2 * 16000
    assert largest[1] <= 1.2 * 16000


# ---- level ----


def test_what_is_bent():
    given = np.array([0, 0.5, -0.8, 0.9, -1.0, 5, -50], np.float32)
    found = limited(given)
    assert found[:3].tolist() == given[:3].tolist()
    assert found[3:5] == pytest.approx([0.8 + 0.2 * math.tanh(0.5), -0.8 - 0.2 * math.tanh(1)])
    assert found[5:].tolist() == [1, -1]
    assert (np.diff(limited(np.linspace(0, 2, 100))) > 0).all()


def test_the_gain_makes_good_what_the_limiter_takes():
    given = tone(440, harmonics=[1], peak=0.1)  # -23.01 dB
    assert matching_gain(given, 16000, -33.01) == pytest.approx(10**-0.5, rel=1e-3)
    gain = matching_gain(given, 16000, -3.5)
    assert gain > 10 ** (19.51 / 20)
    assert level(limited(given * gain), 16000) == pytest.approx(-3.5, abs=0.2)
    assert matching_gain(given, 16000, -math.inf) == 1
    assert matching_gain(np.zeros(100), 16000, -20) == 1
