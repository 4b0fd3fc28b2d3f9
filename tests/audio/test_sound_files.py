"""Sound files: to the sample, whole or not at all, and a sentence about what is none."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import loudest, save_film, tone

from ganedit.audio import files
from ganedit.audio.files import WRITERS, decode, open_sound, read_sound, write_sound
from ganedit.errors import InputError
from ganedit.files import sha256_file

STEREO = np.stack([tone(440, 0.3, 44100, peak=0.8), tone(660, 0.3, 44100, peak=0.1)])
TOLERANCE = {".wav": 2**-15, ".flac": 2**-15, ".ogg": 0.05, ".mp3": 0.05}


# ---- there and back ----


@pytest.mark.parametrize("suffix", WRITERS)
def test_to_the_sample_and_left_is_left(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_sound(path, [STEREO[:, :5000], STEREO[:, 5000:]], 44100, comment="by hand")
    found = read_sound(path)
    assert (found.samples.shape, found.rate) == (STEREO.shape, 44100)
    assert found.samples.dtype == np.float32
    assert np.abs(found.samples - STEREO).max() <= TOLERANCE[suffix]
    with open_sound(path) as reader:
        assert (reader.channels, reader.comment) == (2, "by hand")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("suffix", "bits", "subtype"),
    [
        (".wav", 16, "PCM_16"), (".wav", 24, "PCM_24"), (".wav", 32, "FLOAT"),
        (".flac", 16, "PCM_16"), (".flac", 24, "PCM_24"), (".flac", 32, "PCM_24"), (".ogg", 24, "VORBIS"),
    ],
)  # fmt: skip
def test_as_deep_as_it_was(tmp_path, suffix, bits, subtype):
    path = tmp_path / f"a{suffix}"
    write_sound(path, [STEREO[:1]], 44100, bits=bits)
    with soundfile.SoundFile(path) as file:
        assert (file.subtype, file.channels) == (subtype, 1)
    with open_sound(path) as reader:
        assert reader.bits == {"PCM_16": 16, "PCM_24": 24, "FLOAT": 32, "VORBIS": 16}[subtype]
    off = np.abs(read_sound(path).samples - STEREO[:1]).max()
    assert off <= {"PCM_16": 2**-15, "PCM_24": 2**-23, "FLOAT": 0, "VORBIS": 0.05}[subtype]


def test_blocks_make_up_the_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BLOCK", 1000)
    write_sound(tmp_path / "a.flac", [STEREO], 44100)
    with open_sound(tmp_path / "a.flac") as reader:
        blocks = list(reader.blocks)
    assert [block.shape for block in blocks] == [(2, 1000)] * 13 + [(2, 230)]
    np.testing.assert_allclose(np.concatenate(blocks, axis=1), STEREO, atol=2**-15)


def test_full_scale_is_clipped_not_wrapped(tmp_path):
    loud = np.array([[1.5, -1.5, 1.0, -1.0]], np.float32)
    write_sound(tmp_path / "a.wav", [loud], 8000)
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav").samples, [[1, -1, 1, -1]], atol=2**-15)


def test_bytes_are_read_as_files_are(tmp_path):
    write_sound(tmp_path / "a.wav", [STEREO], 44100)
    found = decode((tmp_path / "a.wav").read_bytes(), "a.wav")
    assert np.array_equal(found.samples, read_sound(tmp_path / "a.wav").samples)


def test_the_sound_of_a_film(tmp_path, monkeypatch):
    """Also in blocks that are smaller than the frames that ffmpeg gives."""
    path = save_film(tmp_path / "a.mkv", STEREO)
    found = read_sound(path)
    assert found.rate == 44100
    np.testing.assert_allclose(found.samples, STEREO, atol=2**-14)
    monkeypatch.setattr(files, "BLOCK", 100)
    assert np.array_equal(read_sound(path).samples, found.samples)
    assert np.array_equal(decode(path.read_bytes(), "a.mkv").samples, found.samples)


def test_what_only_ffmpeg_reads(tmp_path):
    import av

    with av.open(str(tmp_path / "a.m4a"), "w") as out:
        stream = out.add_stream("aac", rate=44100, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(STEREO), format="fltp", layout="stereo")
        frame.sample_rate = 44100
        fifo = av.AudioFifo()
        fifo.write(frame)
        while (piece := fifo.read(1024, partial=True)) is not None:
            out.mux(stream.encode(piece))
        out.mux(stream.encode())
    found = read_sound(tmp_path / "a.m4a")
    assert (len(found.samples), found.rate) == (2, 44100)
    assert abs(found.samples.shape[1] - STEREO.shape[1]) < 3000  # AAC comes in frames
    middle = found.samples[:, 3000:12000]
    assert [loudest(channel, 44100) for channel in middle] == pytest.approx([440, 660], abs=3)


# ---- what is no sound ----


def broken(folder: Path, name: str) -> Path:
    """Files by name."""
    path = folder / name
    write_sound(folder / "whole.flac", [STEREO], 44100)
    whole = (folder / "whole.flac").read_bytes()
    (folder / "whole.flac").unlink()
    if name == "silent.mkv":
        return save_film(path, None)
    if name == "crowd.wav":
        soundfile.write(path, np.zeros((10, 40)), 8000)
        return path
    if name in ("slow.wav", "fast.wav"):
        soundfile.write(path, np.zeros((10, 1)), 10 if name == "slow.wav" else 2_000_000_000)
        return path
    if name == "nothing.wav":
        soundfile.write(path, np.zeros((0, 1)), 8000)
        return path
    data = {"text.wav": b"I am no sound.\n" * 9, "empty.wav": b"", "cut.flac": whole[: len(whole) // 2],
            "start.flac": whole[:30], "garbled.flac": whole[:9000] + bytes(3000) + whole[12000:]}  # fmt: skip
    path.write_bytes(data[name])
    return path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("text.wav", "cannot be read as sound"),
        ("empty.wav", "cannot be read as sound"),
        ("start.flac", "cannot be read as sound"),
        ("silent.mkv", "holds no sound"),
        ("nothing.wav", "holds no samples"),
        ("crowd.wav", "has 40 channels"),
        ("slow.wav", "has 10 samples a second"),
        ("fast.wav", "has 2000000000 samples a second"),
        ("cut.flac", "is damaged"),
        ("garbled.flac", "is damaged"),
    ],
)
def test_what_is_none_is_said(tmp_path, name, words):
    path = broken(tmp_path, name)
    with pytest.raises(InputError, match=words) as said:
        read_sound(path)
    assert str(path) in said.value.message
    with pytest.raises(InputError, match=words):
        decode(path.read_bytes(), name)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_sound(tmp_path / "a.wav")
    with pytest.raises(InputError, match="no such file"):
        read_sound(tmp_path)


@pytest.mark.parametrize(
    ("name", "rate", "words"),
    [
        ("a.xyz", 8000, "names no sound format"),
        ("a", 8000, "names no"),
        ("a.mp3", 12345, "cannot be written"),
    ],
)
def test_what_cannot_be_written(tmp_path, name, rate, words):
    with pytest.raises(InputError, match=words):
        write_sound(tmp_path / name, [STEREO], rate)
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.wav"
    write_sound(path, [STEREO], 44100)
    before = sha256_file(path)

    def blocks():
        yield STEREO
        raise InputError("half way")

    with pytest.raises(InputError, match="half way"):
        write_sound(path, blocks(), 44100)
    assert sha256_file(path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


def test_an_open_file_is_left_open():
    stream = io.BytesIO()
    soundfile.write(stream, STEREO.T, 44100, format="WAV")
    stream.seek(0)
    with open_sound(stream, "stream") as reader:
        assert reader.channels == 2
    assert not stream.closed
