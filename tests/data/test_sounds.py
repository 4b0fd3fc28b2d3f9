"""Sets of sounds: a spectrogram and the samples it was drawn of, cut at the same places."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import soundfile
import torch
from sounds import QUICK, save_tones, tone

from ganedit.audio.spectrogram import LEVEL, level, picture
from ganedit.data.sounds import Sounds, load_sounds
from ganedit.errors import InputError, UsageError
from ganedit.train.options.recipes import TimbreOptions, VocoderOptions
from ganedit.train.sound_sources import load_all


@pytest.fixture
def folder(tmp_path):
    """Three tones of 0.6 s at 16 kHz."""
    return save_tones(tmp_path / "a", [440, 550, 660], 0.6)


def load(source, frames=32, **how):
    return load_sounds(source, QUICK, frames=frames, **how)


def ramp(count=1):
    """Sounds whose samples count up, and whose pictures hold the number of their column."""
    samples = np.arange(40 * QUICK.hop, dtype=np.float32)
    columns = np.broadcast_to(np.arange(41) / 100, (QUICK.bins, 41)).astype(np.float16)
    return Sounds(QUICK, list("abcdef")[:count], [samples] * count, [columns] * count)


# ---- what is loaded ----


def test_a_folder(folder):
    told = []
    found = load(folder, progress=lambda done, total: told.append((done, total)))
    assert found.names == ["0.wav", "1.wav", "2.wav"]
    assert len(found) == 3
    assert told[-1] == (3, 3)
    for samples, drawn in zip(found.samples, found.pictures, strict=True):
        assert level(samples, 16000) == pytest.approx(LEVEL, abs=0.1)
        assert drawn.shape == (QUICK.bins, QUICK.frames(len(samples)))
        np.testing.assert_allclose(drawn, picture(samples, QUICK), atol=1e-3)


def test_a_zip_is_as_good(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for path in sorted(folder.iterdir()):
            file.write(path, f"inside/{path.name}")
    found, wanted = load(tmp_path / "a.zip"), load(folder)
    assert [name.split("/")[-1] for name in found.names] == wanted.names
    assert all(np.array_equal(*both) for both in zip(found.samples, wanted.samples, strict=True))


def test_any_rate_any_channels(tmp_path):
    (tmp_path / "a").mkdir()
    sound = np.stack([tone(440, 0.6, 44100), tone(440, 0.6, 44100)], axis=1)
    soundfile.write(tmp_path / "a" / "stereo.mp3", sound, 44100)
    soundfile.write(tmp_path / "a" / "mono.flac", tone(440, 0.6, 22050), 22050)
    found = load(tmp_path / "a")
    assert found.names == ["mono.flac", "stereo.mp3"]
    drawn = [one[:, 20:40].astype(np.float32).mean(axis=1) for one in found.pictures]
    loud = drawn[0] > 0
    assert np.abs(drawn[0] - drawn[1])[loud].max() < 0.1


def test_what_cannot_be_used_is_named(folder):
    (folder / "text.wav").write_text("no sound")
    soundfile.write(folder / "short.wav", tone(440, 0.1), 16000)
    soundfile.write(folder / "nan.wav", np.full(9600, np.nan), 16000, subtype="FLOAT")
    found = load(folder)
    assert len(found) == 3
    reasons = dict(found.skipped)
    assert sorted(reasons) == ["nan.wav", "short.wav", "text.wav"]
    assert "0.1 s are shorter than a window" in reasons["short.wav"]
    assert "not finite" in reasons["nan.wav"]
    assert "cannot be read as sound" in reasons["text.wav"]
    with pytest.raises(InputError, match=r"no sound of .* can be used"):
        load(folder, frames=1000)


def test_the_first_by_name(folder):
    assert load(folder, limit=2).names == ["0.wav", "1.wav"]


def test_nothing_there(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no sounds"):
        load(tmp_path / "empty")
    with pytest.raises(InputError, match="nowhere"):
        load(tmp_path / "nowhere")


def test_several_are_one(folder, tmp_path):
    other = save_tones(tmp_path / "b", [330], 0.6)
    (other / "text.wav").write_text("no sound")
    said = []
    found = load_all(VocoderOptions(data=(str(folder), str(other)), frames=32), QUICK, said.append)
    assert found.names == [*(f"{folder}/{i}.wav" for i in range(3)), f"{other}/0.wav"]
    assert len(found.samples) == len(found.pictures) == 4
    assert any("text.wav" in line for line in said)
    limited = load_all(VocoderOptions(data=(str(folder), str(other)), frames=32, limit=1), QUICK, said.append)
    assert len(limited) == 2
    with pytest.raises(UsageError, match="folders or zips of sounds"):
        load_all(VocoderOptions(), QUICK, said.append)


# ---- windows ----


def test_a_window_of_both():
    drawn, wave = ramp().window(0, 5, 8)
    assert drawn[0] == pytest.approx(np.arange(5, 13) / 100, abs=1e-3)
    assert wave.tolist() == list(range(5 * 128, 13 * 128))


def test_the_last_window_ends_in_silence():
    """41 columns of 40 hops: the last is centred on the end."""
    drawn, wave = ramp().window(0, 33, 8)
    assert drawn.shape == (QUICK.bins, 8)
    assert wave[: 7 * 128].tolist() == list(range(33 * 128, 40 * 128))
    assert wave[7 * 128 :].tolist() == [0] * 128


def test_windows_are_drawn_everywhere_and_belong_together():
    sounds = ramp(2)
    pictures, waves = sounds.windows([0, 1] * 100, 8, np.random.default_rng(0))
    assert pictures.shape == (200, 1, QUICK.bins, 8)
    assert waves.shape == (200, 8 * 128)
    starts = (pictures[:, 0, 0, 0] * 100).round()
    assert torch.equal(starts * 128, waves[:, 0])
    assert set(starts.int().tolist()) == set(range(34))  # the first and the last too


def test_gain_changes_both():
    """Decibels in the picture, of which 80 are 2; factors in the samples."""
    sounds = ramp()
    plain, louder = (sounds.windows([0] * 50, 8, np.random.default_rng(0), gain) for gain in (0.0, 6.0))
    factor = louder[1][:, 100] / plain[1][:, 100]
    decibels = 20 * factor.log10()
    torch.testing.assert_close(louder[1], plain[1] * factor[:, None])
    assert float(decibels.abs().max()) <= 6
    assert float(decibels.max()) > 4
    assert float(decibels.min()) < -4
    moved = (louder[0] - plain[0])[:, 0, 0, 0] * 40
    torch.testing.assert_close(moved, decibels, atol=1e-3, rtol=0)


def test_gain_does_not_leave_the_range():
    sounds = ramp()
    sounds.pictures[0] = np.ones((QUICK.bins, 41), np.float16)
    sounds.pictures[0][:100] = -1
    pictures, _ = sounds.windows([0] * 20, 8, np.random.default_rng(0), 12.0)
    assert pictures.min() == -1
    assert pictures.max() == 1


def test_the_middle_for_samples():
    pictures, waves = ramp(2).centres([1, 0], 9)
    assert (pictures[:, 0, 0, 0] * 100).round().tolist() == [16, 16]
    assert waves[:, 0].tolist() == [16 * 128] * 2


@pytest.mark.parametrize("kind", [TimbreOptions, VocoderOptions])
@pytest.mark.parametrize("frames", [0, 24, 33, 100])
def test_windows_that_networks_cannot_halve(kind, frames):
    with pytest.raises(UsageError, match="must be a multiple of 8, at least 32"):
        kind(frames=frames)
