"""Sounds that were cut short are refused; those that do not say how long they are can be read."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ganedit.audio.files import decode, read_sound
from ganedit.errors import InputError

WAVE = (np.sin(np.arange(30_000) * 0.05) * 0.5).astype(np.float32)
KINDS = {
    "x.wav": ("WAV", "PCM_16"),
    "y.wav": ("RF64", "PCM_24"),
    "x.aiff": ("AIFF", "PCM_16"),
    "x.flac": ("FLAC", "PCM_16"),
    "x.ogg": ("OGG", "VORBIS"),
    "x.opus": ("OGG", "OPUS"),
    "x.mp3": ("MP3", "MPEG_LAYER_III"),
}


def written(path: Path) -> Path:
    kind, subtype = KINDS[path.name]
    soundfile.write(path, WAVE, 16_000, subtype, format=kind)
    return path


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [0.8, 0.5])
def test_cut(tmp_path, name, share):
    path = written(tmp_path / name)
    assert read_sound(path).samples.shape == (1, 30_000)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=r"cut short|damaged") as caught:
        read_sound(path)
    assert path.name in caught.value.message
    with pytest.raises(InputError, match=r"cut short|damaged"):
        decode(path.read_bytes(), name)


def test_what_is_said(tmp_path):
    """30,000 samples of 2 bytes, of which 20,000 are there."""
    path = written(tmp_path / "x.wav")
    path.write_bytes(path.read_bytes()[:-20_000])
    with pytest.raises(InputError) as caught:
        read_sound(path)
    assert caught.value.message == f"{path} is cut short: 40000 of 60000 bytes are there"
    assert caught.value.hint == "copy or export it again"


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 0x7FFFF000, 0x80000000])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_streamed_wav_does_not_know_its_length(length, subtype):
    buffer = io.BytesIO()
    soundfile.write(buffer, WAVE, 16_000, subtype, format="WAV")
    data = bytearray(buffer.getvalue())
    at = data.index(b"data") + 4
    data[at : at + 4] = data[4:8] = struct.pack("<I", length)
    sound = decode(bytes(data), "stream.wav")
    assert sound.samples.shape == (1, 30_000)
    np.testing.assert_allclose(sound.samples[0], WAVE, atol=1e-4)


def test_chunks_after_the_sound_do_not_matter(tmp_path):
    path = written(tmp_path / "x.wav")
    path.write_bytes(path.read_bytes() + b"LIST" + struct.pack("<I", 3) + b"abc\0")
    assert read_sound(path).samples.shape == (1, 30_000)


def test_an_mp3_without_a_count_of_frames_is_read_as_far_as_it_goes(tmp_path):
    """Its length is estimated from its first frames, here from loud ones, so that it promises nothing."""
    import av

    loud = np.random.default_rng(0).standard_normal((1, 1152)).astype(np.float32) * 0.3
    with av.open(str(tmp_path / "x.mp3"), "w", options={"write_xing": "0"}) as out:
        stream = out.add_stream("libmp3lame", rate=44_100, layout="mono", options={"q": "0"})
        for i in range(100):
            samples = loud if i < 5 else loud * 0
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44_100, i * 1152
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    assert read_sound(tmp_path / "x.mp3").samples.shape[1] >= 100 * 1152


@pytest.mark.parametrize("suffix", [".m4a", ".mkv", ".webm"])
def test_containers(tmp_path, suffix):
    import av

    path = tmp_path / f"x{suffix}"
    codec, rate = ("libopus", 48_000) if suffix == ".webm" else ("aac", 16_000)
    with av.open(str(path), "w", options={"movflags": "faststart"} if suffix == ".m4a" else {}) as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        for i in range(100):
            frame = av.AudioFrame.from_ndarray(WAVE[None, :1024].copy(), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, i * 1024
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    assert abs(read_sound(path).samples.shape[1] - 102_400) <= 2048
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"cut short|damaged"):
        read_sound(path)
