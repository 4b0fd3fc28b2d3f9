"""Spectrograms read in decibels of sines, come back as amplitudes, and forget the level of the sound."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sounds import tone

from ganedit.audio.spectrogram import (
    LEVEL,
    SpectrogramConfig,
    amplitudes,
    block_powers,
    frequencies,
    inverse,
    level,
    levelled,
    picture,
    resample,
    transform,
)
from ganedit.errors import CheckpointError, InputError

CQT, STFT, MEL = (SpectrogramConfig(kind) for kind in ("cqt", "stft", "mel"))


def sine(hertz, seconds=1.0, amplitude=1.0, rate=16000):
    return tone(hertz, seconds, rate, harmonics=[1], peak=amplitude)


def decibels(drawn, cfg):
    return (1 - drawn) * cfg.floor / 2


# ---- what a picture shows ----


@pytest.mark.parametrize(("cfg", "most"), [(CQT, 0.1), (STFT, 0.1), (MEL, 6.1)], ids=["cqt", "stft", "mel"])
@pytest.mark.parametrize("hertz", [250, 2000, 6000])
def test_a_sine_of_amplitude_1_reads_0_db_in_its_row(cfg, most, hertz):
    """Here half of it, 6.02 dB less. Mel triangles also take in what the window smears about the sine."""
    row = int(np.abs(frequencies(cfg) - hertz).argmin())
    drawn = picture(sine(frequencies(cfg)[row], amplitude=0.5), cfg)
    middle = decibels(drawn[:, drawn.shape[1] // 2], cfg) + 6.02
    assert int(middle.argmax()) == row
    assert -0.1 < middle[row] < most


@pytest.mark.parametrize("cfg", [CQT, STFT, MEL], ids=["cqt", "stft", "mel"])
@pytest.mark.parametrize("samples", [1, 255, 256, 16000])
def test_size_and_range(cfg, samples):
    drawn = picture(np.random.default_rng(0).uniform(-9, 9, samples).astype(np.float32), cfg)
    assert drawn.shape == (cfg.bins, cfg.frames(samples)) == (len(frequencies(cfg)), samples // 256 + 1)
    assert drawn.dtype == np.float32
    assert -1 <= drawn.min() <= drawn.max() <= 1


def test_a_column_is_centred_on_its_samples():
    click = np.zeros(8000, np.float32)
    click[20 * 256] = 1
    for cfg in (CQT, STFT):
        assert int(np.abs(transform(click, cfg)).sum(axis=0).argmax()) == 20


def test_decibels_become_amplitudes_again():
    wanted = 10 ** (np.array([[0.0, -20.0, -79.0, -80.0]]) / 20)
    drawn = 1 - 20 * np.log10(wanted) / 40 * -1
    assert drawn == pytest.approx(np.array([[1, 0.5, -0.975, -1]]))
    assert amplitudes(drawn, CQT)[0, :3] == pytest.approx(wanted[0, :3], rel=1e-5)
    assert amplitudes(np.array([[-1.0, -3.0]]), CQT).tolist() == [[0, 0]]  # the floor is silence
    assert amplitudes(np.array([[2.0]]), CQT) == 1


@pytest.mark.parametrize("cfg", [CQT, STFT], ids=["cqt", "stft"])
def test_a_picture_keeps_every_amplitude_above_the_floor(cfg):
    given = np.abs(transform(tone(440) + tone(1234), cfg))
    back = amplitudes(picture(tone(440) + tone(1234), cfg), cfg)
    loud = given > 1.001e-4
    np.testing.assert_allclose(back[loud], given[loud], rtol=1e-4)
    assert not back[given < 0.999e-4].any()


def test_a_floor_of_another_height():
    cfg = dataclasses.replace(STFT, floor=-40.0)
    quiet = sine(1000, amplitude=0.005)  # -46 dB
    assert (picture(quiet, cfg) == -1).all()
    assert picture(quiet, STFT).max() == pytest.approx(1 - 46 / 40, abs=0.01)


@pytest.mark.parametrize("cfg", [CQT, STFT], ids=["cqt", "stft"])
def test_with_its_phases_a_sound_comes_back(cfg):
    given = tone(440, 1.0) + tone(660, 1.0)
    back = inverse(transform(given, cfg), cfg, len(given))
    assert back.shape == given.shape
    off = (back - given)[4000:-4000]
    assert 10 * np.log10(np.square(given[4000:-4000]).mean() / np.square(off).mean()) > 25


# ---- what a card says ----


def test_a_card_keeps_the_configuration():
    cfg = SpectrogramConfig("mel", hop=128, mels=64, floor=-60.0)
    assert SpectrogramConfig.from_details(cfg.as_details()) == cfg
    assert SpectrogramConfig.from_details({}) == SpectrogramConfig()
    assert SpectrogramConfig.from_details({"spectrogram": {"hop": 512, "later": 1}}).hop == 512


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "wavelet"}, {"hop": 100}, {"hop": 0}, {"hop": -64}, {"octaves": 20}, {"octaves": 0},
        {"rate": 0}, {"rate": "fast"}, {"floor": 0.0}, {"floor": 20.0}, {"floor": float("nan")},
        {"lowest": 0.0}, {"lowest": 4000.0}, {"bins_per_octave": 0}, {"kind": "stft", "window": 1},
        {"kind": "mel", "mels": 0}, {"kind": "stft", "hop": 1024}, {"hop": 256.5},
        {"octaves": 10**9}, 7, None, [1],
    ],
    ids=str,
)  # fmt: skip
def test_impossible_configurations_are_refused(wrong):
    if isinstance(wrong, dict):
        with pytest.raises((ValueError, TypeError)):
            SpectrogramConfig(**wrong)
    with pytest.raises(CheckpointError, match="spectrogram is impossible"):
        SpectrogramConfig.from_details({"spectrogram": wrong})


# ---- level ----


def test_the_level_of_a_sine():
    assert level(sine(1000), 16000) == pytest.approx(-3.01, abs=0.01)
    assert level(sine(1000, amplitude=0.1), 16000) == pytest.approx(-23.01, abs=0.01)
    assert level(sine(1000, 0.01), 16000) == pytest.approx(-3.01, abs=0.05)  # shorter than a block


def test_silence_has_no_level():
    assert level(np.zeros(16000, np.float32), 16000) == -np.inf
    assert level(np.zeros(0, np.float32), 16000) == -np.inf
    assert level(sine(1000, amplitude=1e-4), 16000) == -np.inf  # -83 dB


@pytest.mark.parametrize("pause", [0.0, 0.003], ids=["silent", "hissing"])
def test_pauses_do_not_count(pause):
    rng = np.random.default_rng(0)
    between = (pause * rng.standard_normal(3 * 16000)).astype(np.float32)
    sounds = np.concatenate([sine(440), between, sine(440)])
    assert level(sounds, 16000) == pytest.approx(-3.01, abs=0.01)


def test_powers_by_the_block():
    """The last one is shorter; more blocks than are read at once."""
    assert block_powers(np.array([1.0, 3, 2, 2, 4]), 2).tolist() == [5, 4, 16]
    assert block_powers(np.arange(1500.0), 1).tolist() == (np.arange(1500.0) ** 2).tolist()
    assert block_powers(np.zeros(0), 2).tolist() == []
    assert block_powers(np.array([1.0, 3]), 2, lambda piece: piece * 2).tolist() == [20]


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_a_sound_is_brought_to_one_rate_and_level(rate):
    given = sine(440, 0.5, 0.02, rate)
    found = levelled(given, rate, STFT)
    assert (found.length, found.rate) == (len(given), rate)
    assert found.level == pytest.approx(-36.99, abs=0.02)
    assert abs(len(found.samples) - 8000) <= 1
    assert found.samples.dtype == np.float32
    assert level(found.samples, 16000) == pytest.approx(LEVEL, abs=0.1)
    louder = levelled(given * 30, rate, STFT)
    np.testing.assert_allclose(louder.samples, found.samples, atol=1e-5)


def test_silence_is_not_made_louder():
    found = levelled(np.zeros(4000, np.float32), 16000, STFT)
    assert found.level == -np.inf
    assert not found.samples.any()


@pytest.mark.parametrize(
    ("samples", "words"), [([], "empty"), ([0.0, np.nan], "not finite"), ([np.inf], "not finite")]
)
def test_what_has_no_level_is_refused(samples, words):
    with pytest.raises(InputError, match=words):
        levelled(np.array(samples, np.float32), 16000, STFT)


def test_resampling_keeps_the_tone():
    given = sine(1000, 0.5, 0.5, 44100)
    found = resample(given, 44100, 16000)
    assert len(found) == 8000
    assert np.abs(found - sine(1000, 0.5, 0.5, 16000))[200:-200].max() < 1e-3
    assert resample(given, 44100, 44100) is given
