"""From file to file: the same as in memory, in pieces, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import QUICK, same, tone

from ganedit.audio import files, long_sounds, timbre
from ganedit.audio.files import Sound, read_sound
from ganedit.audio.long_sounds import FileSamples, transfer_file
from ganedit.audio.phase import griffin_lim
from ganedit.audio.spectrogram import block_powers
from ganedit.audio.timbre import transfer
from ganedit.errors import CheckpointError, InputError


def vocode(picture, length):
    return griffin_lim(picture, QUICK, length, iterations=2)


def stereo(rate, seconds=1.1):
    return np.stack([tone(440, seconds, rate), tone(660, seconds, rate, peak=0.05)])


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(files, "BLOCK", 3000)
    monkeypatch.setattr(long_sounds, "FILE_BLOCK", 2500)
    for name, seconds in (("BLOCK_SECONDS", 0.6), ("CUT_SECONDS", 0.2), ("CONTEXT_SECONDS", 0.2)):
        monkeypatch.setattr(timbre, name, seconds)


def test_samples_in_a_file_are_as_those_of_an_array(tmp_path):
    wanted = np.arange(10, dtype=np.float32)
    with FileSamples(tmp_path / "a.f32") as found:
        assert len(found) == 0
        assert found[0:5].shape == (0,)
        found.append(wanted[:4])
        found.append(wanted[4:])
        for where in (slice(2, 5), slice(7, 99), slice(20, 30), slice(5, 2), slice(None)):
            assert found[where].tolist() == wanted[where].tolist()
        found[3:5] = np.array([30, 40])
        assert found[2:6].tolist() == [2, 30, 40, 5]
        found.extend(12)
        assert (len(found), found[9:].tolist()) == (12, [9, 0, 0])
        assert block_powers(found, 4).tolist() == [(0 + 1 + 4 + 900) / 4, (1600 + 25 + 36 + 49) / 4, 145 / 4]


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_the_same_as_in_memory(tmp_path, small_pieces, rate):
    given = stereo(rate)
    soundfile.write(tmp_path / "a.wav", given.T, rate, subtype="FLOAT")
    told = []
    seconds = transfer_file(
        tmp_path / "a.wav", tmp_path / "out" / "b.wav", same(), vocode, comment="why",
        progress=lambda done, total: told.append(done / total),
    )  # fmt: skip
    assert seconds == pytest.approx(given.shape[1] / rate)
    found, wanted = read_sound(tmp_path / "out" / "b.wav"), transfer(Sound(given, rate), same(), vocode)
    assert found.rate == rate
    assert found.samples.shape == given.shape
    assert np.abs(found.samples - wanted.samples).max() < 2e-3
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) > 4
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["b.wav"]
    with soundfile.SoundFile(tmp_path / "out" / "b.wav") as file:
        assert (file.subtype, file.comment) == ("FLOAT", "why")


def test_the_whole_is_never_read_at_once(tmp_path, small_pieces, monkeypatch):
    """Everything that is taken into memory is noted, for a sound and for one that is twice as long."""
    plain, taken = timbre.picture, []
    monkeypatch.setattr(timbre, "picture", lambda x, cfg: (taken.append(x.size), plain(x, cfg))[1])
    cut = long_sounds._cut

    def counted(blocks, *args):
        return cut((taken.append(block.shape[1]) or block for block in blocks), *args)

    monkeypatch.setattr(long_sounds, "_cut", counted)
    most = []
    for seconds in (1.5, 3.0):
        soundfile.write(tmp_path / "a.wav", tone(440, seconds), 16000)
        taken.clear()
        transfer_file(tmp_path / "a.wav", tmp_path / "b.wav", same(), vocode)
        most.append(max(taken))
    assert most[0] == most[1] <= 16000


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3"])
def test_formats(tmp_path, suffix):
    soundfile.write(tmp_path / f"a{suffix}", stereo(44100, 0.4).T, 44100)
    length = read_sound(tmp_path / f"a{suffix}").samples.shape
    transfer_file(tmp_path / f"a{suffix}", tmp_path / f"b{suffix}", same(), vocode)
    found = read_sound(tmp_path / f"b{suffix}")
    assert (found.samples.shape, found.rate) == (length, 44100)


@pytest.mark.parametrize("samples", [1, 2, 441])
def test_hardly_any_samples(tmp_path, samples):
    """One sample at 44.1 kHz is none at 16 kHz."""
    soundfile.write(tmp_path / "a.wav", np.full(samples, 0.1), 44100)
    transfer_file(tmp_path / "a.wav", tmp_path / "b.wav", same(), vocode)
    assert read_sound(tmp_path / "b.wav").samples.shape == (1, samples)


def test_silence(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((5000, 2)), 44100)
    transfer_file(tmp_path / "a.wav", tmp_path / "b.wav", same(), vocode)
    found = read_sound(tmp_path / "b.wav")
    assert found.samples.shape == (2, 5000)
    assert not found.samples.any()


def test_a_loud_sound_stays_below_full_scale(tmp_path):
    square = np.sign(tone(200, 0.5, 44100, harmonics=[1]))
    soundfile.write(tmp_path / "a.wav", square, 44100, subtype="FLOAT")
    transfer_file(tmp_path / "a.wav", tmp_path / "b.wav", same(), vocode)
    assert 0.9 < np.abs(read_sound(tmp_path / "b.wav").samples).max() <= 1


def left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("problem", [RuntimeError, KeyboardInterrupt, MemoryError])
def test_what_is_half_done_goes(tmp_path, problem):
    soundfile.write(tmp_path / "a.wav", tone(440), 16000)

    def broken(picture, length):
        assert any(p.name.startswith(".b.wav.") for p in tmp_path.iterdir())
        raise problem

    with pytest.raises(problem):
        transfer_file(tmp_path / "a.wav", tmp_path / "b.wav", same(), broken)
    assert left(tmp_path) == ["a.wav"]


def test_bad_sounds_leave_nothing(tmp_path):
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16000)
    soundfile.write(tmp_path / "whole.flac", stereo(44100).T, 44100)
    data = (tmp_path / "whole.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(data[: len(data) // 2])
    before = left(tmp_path)
    for name, words in (("nan.wav", "not finite"), ("none.wav", "no samples"), ("cut.flac", "damaged")):
        with pytest.raises(InputError, match=words):
            transfer_file(tmp_path / name, tmp_path / "b.wav", same(), vocode)
    with pytest.raises(InputError, match="names no sound format"):
        transfer_file(tmp_path / "whole.flac", tmp_path / "b.xyz", same(), vocode)
    model = same()
    model.card.details["use"] = "inpaint"
    with pytest.raises(CheckpointError, match="fills holes"):
        transfer_file(tmp_path / "whole.flac", tmp_path / "b.wav", model, vocode)
    assert left(tmp_path) == before
