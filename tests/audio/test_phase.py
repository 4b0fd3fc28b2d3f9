"""Phases that are found again: the right tones, nearer with every iteration, coherent before the first."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import QUICK, loudest, tone

from ganedit.audio import phase
from ganedit.audio.phase import griffin_lim, peak_phases
from ganedit.audio.spectrogram import SpectrogramConfig, amplitudes, inverse, picture, transform

CQT = SpectrogramConfig()
MEL = SpectrogramConfig("mel", window=512, hop=128, mels=80)
CHORD = (440.0, 660.0, 880.0)


def chord(seconds=1.0):
    return np.sum([tone(hertz, seconds, harmonics=[1], peak=0.2) for hertz in CHORD], axis=0)


def distance(samples, wanted, cfg):
    """Of amplitudes, as a share of what is wanted (spectral convergence)."""
    found, wanted = (amplitudes(picture(x, cfg), cfg) for x in (samples, wanted))
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


@pytest.mark.parametrize(("cfg", "most"), [(CQT, 0.25), (QUICK, 0.1), (MEL, 0.2)], ids=["cqt", "stft", "mel"])
def test_a_chord_comes_back(cfg, most):
    given = chord()
    found = griffin_lim(picture(given, cfg), cfg, len(given), iterations=6)
    assert found.shape == given.shape
    assert found.dtype == np.float32
    assert distance(found, given, cfg) < most
    spectrum = np.abs(np.fft.rfft(found * np.hanning(len(found))))
    peaks = [int(f) - 30 + int(spectrum[int(f) - 30 : int(f) + 30].argmax()) for f in CHORD]  # rows are Hz
    assert peaks == pytest.approx(CHORD, abs=2)


@pytest.mark.parametrize("length", [1, 100, 5000, 5001])
def test_as_long_as_asked(length):
    assert griffin_lim(picture(tone(440)[:length], QUICK), QUICK, length).shape == (length,)


def test_silence_stays_silent():
    for cfg in (QUICK, MEL):
        assert not griffin_lim(np.full((cfg.bins, 20), -1, np.float32), cfg, 19 * cfg.hop).any()


def test_iterations_bring_it_nearer():
    given = chord(0.5) + tone(523, 0.5)
    looks = picture(given, QUICK)
    found = [distance(griffin_lim(looks, QUICK, 8000, iterations=n), given, QUICK) for n in (0, 4, 32)]
    assert found[0] > found[1] > found[2]


@pytest.mark.parametrize(("cfg", "counts"), [(CQT, [0]), (QUICK, [0, 8])], ids=["cqt", "stft"])
def test_phases_that_follow_the_peaks_beat_random_ones(monkeypatch, cfg, counts):
    given = tone(440) + tone(523)
    looks = picture(given, cfg)

    def found():
        return [distance(griffin_lim(looks, cfg, 8000, iterations=n), given, cfg) for n in counts]

    followed = found()
    rng = np.random.default_rng(0)
    monkeypatch.setattr(phase, "peak_phases", lambda a, cfg: rng.uniform(-np.pi, np.pi, a.shape))
    assert all(ours < drawn / 2 for ours, drawn in zip(followed, found(), strict=True))


def test_a_steady_tone_is_steady():
    """Its phases turn by 2 pi hertz hop / rate from column to column: nothing beats before any iteration."""
    hertz = 32 * 16000 / 512  # in the middle of row 32
    looks = picture(tone(hertz, harmonics=[1]), QUICK)
    phases = peak_phases(amplitudes(looks, QUICK), QUICK)
    turned = np.diff(phases[32]) - 2 * np.pi * hertz * QUICK.hop / QUICK.rate
    assert np.abs(turned[2:-2]).max() < 0.02
    heard = griffin_lim(looks, QUICK, 8000, iterations=0)[1000:-1000]
    loud = np.sqrt(np.square(heard[: len(heard) // 500 * 500]).reshape(-1, 500).mean(axis=1))
    assert loud.max() < 1.05 * loud.min()
    assert loudest(heard, 16000) == pytest.approx(hertz, abs=2)


def test_the_parabola_finds_tones_between_rows():
    hertz = 32.3 * 16000 / 512
    looks = picture(tone(hertz, harmonics=[1]), QUICK)
    heard = inverse(
        amplitudes(looks, QUICK) * np.exp(1j * peak_phases(amplitudes(looks, QUICK), QUICK)), QUICK, 8000
    )
    assert loudest(heard, 16000) == pytest.approx(hertz, abs=3)


def test_the_transform_is_undone():
    """What griffin_lim iterates: with the true phases it changes nothing."""
    given = tone(440)
    found = transform(inverse(transform(given, QUICK), QUICK, 8000), QUICK)
    np.testing.assert_allclose(found, transform(given, QUICK), atol=1e-4)
