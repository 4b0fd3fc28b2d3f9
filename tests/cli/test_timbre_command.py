"""ganedit timbre and what measures it, run as a user does, with a network that changes nothing."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from sounds import QUICK, loudest, save_film, save_same, save_tones, tone

from ganedit.audio import timbre, vocoders
from ganedit.audio.files import read_sound
from ganedit.audio.phase import griffin_lim
from ganedit.audio.spectrogram import SpectrogramConfig, level
from ganedit.nets.hifigan import HiFiGANConfig, HiFiGANGenerator
from ganedit.nets.resnet import ResNetConfig, ResNetGenerator
from ganedit.nets.wavenet import WaveNet, WaveNetConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import save_model

CQT = SpectrogramConfig()
GL = ("--vocoder", "griffin-lim")


def save_network(folder: Path, task: str, architecture: str, network: torch.nn.Module, cfg=None) -> None:
    details = {} if cfg is None else cfg.as_details()
    card = ModelCard(folder.name, task, architecture, asdict(network.cfg), details=details)
    save_model(folder, card, network.state_dict())


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    save_same(home / "violin2flute")
    save_network(home / "zebras", "translator", "resnet", ResNetGenerator(ResNetConfig(width=4, blocks=1)))
    wave = WaveNet(WaveNetConfig(QUICK.bins, QUICK.hop, 4, 4, 4, cycles=1, layers=2))
    save_network(home / "waves", "vocoder", "wavenet", wave, QUICK)
    save_same(home / "constant-q", CQT)
    gan = HiFiGANGenerator(HiFiGANConfig(widths=(8, 8, 8)))
    save_network(home / "gan", "vocoder", "hifigan", gan, CQT)
    return home


@pytest.fixture(autouse=True)
def models(saved: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Installed; Griffin and Lim's vocoder makes one iteration."""
    monkeypatch.setenv("GANEDIT_HOME", str(saved))
    monkeypatch.setattr("ganedit.store.registry.bundled_folder", lambda: saved / "nothing")
    monkeypatch.setattr(vocoders, "griffin_lim", partial(griffin_lim, iterations=1))
    return saved


@pytest.fixture
def phrase(tmp_path: Path) -> Path:
    """Half a second of A4, 16 kHz."""
    soundfile.write(tmp_path / "phrase.wav", tone(440), 16000)
    return tmp_path / "phrase.wav"


def names(folder: str | Path = ".") -> list[str]:
    return sorted(p.name for p in Path(folder).iterdir())


# ---- what is written ----


def test_one_file(ganedit, phrase):
    ran = ganedit("timbre", "--model", "violin2flute", "phrase.wav", *GL, "-o", "flute.wav")
    assert (ran.status, ran.lines) == (0, ["flute.wav"]), ran.err
    found, given = read_sound("flute.wav"), read_sound(phrase)
    assert (found.samples.shape, found.rate) == (given.samples.shape, given.rate)
    assert loudest(found.samples[0], 16000) == pytest.approx(440, abs=1)
    assert level(found.samples[0], 16000) == pytest.approx(level(given.samples[0], 16000), abs=0.2)
    assert names() == ["flute.wav", "phrase.wav"]


def test_a_stereo_mp3_and_what_is_told(ganedit):
    """The model unless named is violin2flute; its name stands in the result's."""
    sound = np.stack([tone(440, 0.5, 44100), tone(660, 0.5, 44100, peak=0.05)], axis=1)
    soundfile.write("a.mp3", sound, 44100)
    length = read_sound("a.mp3").samples.shape
    ran = ganedit("timbre", "a.mp3", *GL, "--json", "-o", "out")
    assert ran.status == 0, ran.err
    (told,) = ran.json
    assert (told["path"], told["input"]) == ("out/a.violin2flute.mp3", "a.mp3")
    assert (told["model"], told["vocoder"]) == ("violin2flute", "griffin-lim")
    assert told["seconds"] == pytest.approx(0.5, abs=0.1)
    found = read_sound("out/a.violin2flute.mp3")
    assert (found.samples.shape, found.rate) == (length, 44100)
    assert [loudest(one, 44100) for one in found.samples] == pytest.approx([440, 660], abs=2)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_info_tells_how_a_sound_was_made(ganedit, phrase, suffix):
    target = f"out{suffix}"
    assert ganedit("timbre", "phrase.wav", *GL, "-o", target).status == 0
    (about,) = ganedit("info", target, "--json").json
    assert (about["program"], about["command"], about["model"]) == ("ganedit", "timbre", "violin2flute")
    assert about["parameters"]["vocoder"] == "griffin-lim"
    assert about["source"] == "phrase.wav"
    assert about["model_sha256"]
    assert ganedit("timbre", "phrase.wav", *GL, "--no-provenance", "--force", "-o", target).status == 0
    for path in (target, "phrase.wav"):
        assert "not written by ganedit" in ganedit("info", path).out


def test_info_of_what_is_no_sound(ganedit):
    Path("a.wav").write_text("no sound")
    ran = ganedit("info", "a.wav")
    assert (ran.status, ran.out) == (3, "")
    assert "a.wav cannot be read as sound" in ran.err


def test_the_picture(ganedit, phrase):
    ran = ganedit("timbre", "phrase.wav", *GL, "--show", "--json", "-o", "out")
    assert [told["path"] for told in ran.json] == [
        "out/phrase.violin2flute.wav", "out/phrase.violin2flute.png",
    ]  # fmt: skip
    with Image.open(ran.json[1]["path"]) as image:
        assert image.height > 2 * QUICK.bins
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.std() > 10
    (about,) = ganedit("info", ran.json[1]["path"], "--json").json
    assert (about["command"], about["source"]) == ("timbre", "phrase.wav")


def test_a_folder_a_glob_and_a_pipe(ganedit, tmp_path):
    save_tones(tmp_path / "many", [440, 550], 0.3)
    (tmp_path / "many" / "notes.txt").write_text("not a sound")
    wanted = ["out/0.violin2flute.wav", "out/1.violin2flute.wav"]
    assert ganedit("timbre", "many", *GL, "-o", "out").lines == wanted
    assert ganedit("timbre", "many/*.wav", *GL, "-o", "out", "--force").lines == wanted
    piped = ganedit("timbre", *GL, "-o", "out/again", stdin="\n".join(wanted))
    assert piped.lines == [f"out/again/{i}.violin2flute.violin2flute.wav" for i in (0, 1)]


def test_the_sound_of_a_film(ganedit, tmp_path):
    """Comes as WAV; films of a folder count."""
    (tmp_path / "films").mkdir()
    save_film(tmp_path / "films" / "a.mkv", np.stack([tone(440, 0.5, 44100), tone(660, 0.5, 44100)]))
    ran = ganedit("timbre", "films", *GL)
    assert (ran.status, ran.lines) == (0, ["a.violin2flute.wav"]), ran.err
    found = read_sound("a.violin2flute.wav")
    assert (found.samples.shape, found.rate) == ((2, 22050), 44100)
    assert [loudest(one, 44100) for one in found.samples] == pytest.approx([440, 660], abs=2)


def test_finished_ones(ganedit, phrase):
    argv = "timbre", "phrase.wav", *GL, "-o", "out.wav"
    assert ganedit(*argv).status == 0
    before = Path("out.wav").stat().st_mtime_ns
    again = ganedit(*argv)
    assert (again.status, again.out) == (2, "")
    assert "already there" in again.err
    assert ganedit(*argv, "--skip-existing").lines == ["out.wav"]
    assert Path("out.wav").stat().st_mtime_ns == before
    assert ganedit(*argv, "--force").lines == ["out.wav"]
    assert Path("out.wav").stat().st_mtime_ns > before


def test_two_inputs_are_not_written_over_each_other(ganedit, tmp_path):
    save_tones(tmp_path / "many", [440, 550], 0.3)
    ran = ganedit("timbre", "many", *GL, "--force", "-o", "out.wav")
    assert (ran.status, ran.lines) == (2, [])
    assert "-o out.wav names one file, and there are 2 inputs" in ran.err
    assert not Path("out.wav").exists()


def test_a_sound_is_not_replaced_by_its_own_result(ganedit, phrase):
    before = phrase.read_bytes()
    ran = ganedit("timbre", "phrase.wav", *GL, "--force", "-o", "phrase.wav")
    assert ran.status == 2
    assert "replaced by its own result" in ran.err
    assert phrase.read_bytes() == before


def test_silence_has_no_picture(ganedit):
    soundfile.write("silence.wav", np.zeros(4000), 16000)
    ran = ganedit("timbre", "silence.wav", *GL, "--show")
    assert ran.status == 0, ran.err
    assert ran.lines == ["silence.violin2flute.wav"]
    assert names() == ["silence.violin2flute.wav", "silence.wav"]
    assert not read_sound("silence.violin2flute.wav").samples.any()


# ---- bad input ----


def test_bad_ones_in_a_batch(ganedit, phrase):
    Path("text.wav").write_text("I am no sound.")
    Path("empty.wav").touch()
    soundfile.write("nan.wav", np.array([0.1, np.nan]), 16000, subtype="FLOAT")
    before = names()
    bad = ["text.wav", "empty.wav", "nan.wav", "gone.wav"]
    ran = ganedit("timbre", *bad, "phrase.wav", *GL, "-o", "out")
    assert (ran.status, ran.lines) == (1, ["out/phrase.violin2flute.wav"])
    assert all(name in ran.err for name in bad)
    assert "4 of 5 inputs failed" in ran.err
    assert names("out") == ["phrase.violin2flute.wav"]
    assert names() == sorted([*before, "out"])


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (
            "timbre phrase.wav --model zebras",
            4,
            ["zebras is a translator", "ganedit translate --model zebras"],
        ),
        ("timbre phrase.wav --model waves", 4, ["waves is a vocoder, not a translator of sounds"]),
        ("translate x.png --model violin2flute", 4, ["sounds", "ganedit timbre --model violin2flute"]),
        ("timbre phrase.wav --vocoder zebras", 4, ["zebras is a translator, not a vocoder", "griffin-lim"]),
        ("timbre phrase.wav --vocoder gan", 4, ["is for other spectrograms"]),
        ("timbre phrase.wav --model nothing", 2, ["there is no model nothing"]),
        ("timbre phrase.wav --candidates 0", 2, ["--candidates 0"]),
        ("timbre --vocoder griffin-lim", 2, ["no input"]),
        ("metrics timbre many many --instruments many", 2, ["has no folder many"]),
        ("metrics vocoder nowhere", 3, ["nowhere holds no sounds"]),
    ],
)
def test_what_does_not_suit_is_said(ganedit, phrase, monkeypatch, models, argv, status, said):
    monkeypatch.setitem(vocoders.BUNDLED, "gan", str(models / "gan"))
    ran = ganedit(*argv.split())
    assert ran.status == status, ran.err
    assert all(words in ran.err for words in said), ran.err
    assert "Traceback" not in ran.err


# ---- vocoders ----


def test_a_wavenet(ganedit, models, monkeypatch):
    monkeypatch.setattr(timbre, "SHORTEST_SECONDS", 0.05)
    soundfile.write("short.wav", tone(440, 0.05), 16000)
    argv = "timbre", "short.wav", "--vocoder", models / "waves", "--candidates"
    for out, *more in (("a.wav", 2), ("b.wav", 2), ("c.wav", 2, "--seed", 1)):
        assert ganedit(*argv, *more, "-o", out).status == 0
    a, b, c = (read_sound(name).samples for name in ("a.wav", "b.wav", "c.wav"))
    assert a.shape == (1, 800)
    assert np.array_equal(a, b)  # of the same seed
    assert not np.array_equal(a, c)


def test_a_gan(ganedit, phrase, models, monkeypatch):
    monkeypatch.setitem(vocoders.BUNDLED, "gan", str(models / "gan"))
    ran = ganedit("timbre", "phrase.wav", "--model", "constant-q", "--vocoder", "gan", "-o", "out.wav")
    assert ran.status == 0, ran.err
    found = read_sound("out.wav").samples[0]
    assert len(found) == 8000
    assert loudest(found, 16000) == pytest.approx(440, abs=3)


# ---- what measures ----


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two instruments by name: dull and bright, the same tunes."""
    save_tones(tmp_path / "dull", [440, 554], 1.0, harmonics=[1, 0.1])
    save_tones(tmp_path / "bright", [440, 554], 1.0, harmonics=[1, 0.9, 0.8, 0.7, 0.6, 0.5])
    instruments = tmp_path / "instruments"
    for name in ("dull", "bright"):
        shutil.copytree(tmp_path / name, instruments / name)
    return instruments


def test_the_numbers_of_a_translator(ganedit, pairs):
    """It leaves sounds as they are: as far away as the source, and taken for it."""
    argv = "metrics", "timbre", "dull", "bright", "--instruments", "instruments", *GL
    ran = ganedit(*argv, "--json", "--limit", "1")
    assert ran.status == 0, ran.err
    rows = ran.json[0]["rows"]
    assert rows["translated"]["distance"] == pytest.approx(rows["source"]["distance"], rel=0.3)
    assert rows["source"]["distance"] > 2
    truth = next(row for name, row in rows.items() if name.startswith("true one"))
    assert truth["distance"] < rows["source"]["distance"] / 2
    assert (rows["source"]["is_target"], truth["is_target"]) == (0, 1)
    assert rows["source"]["cents"] == 0
    assert rows["source"]["voiced"] == 1


def test_the_numbers_by_known_notes(ganedit, pairs):
    played = [f"{kind}/{i}.wav,0.0,1.0,{69 + 4 * i}" for kind in ("dull", "bright") for i in (0, 1)]
    lines = ["clip,start_s,end_s,midi", *played]
    Path("notes.csv").write_text("\n".join(lines))
    argv = ["metrics", "timbre", "dull", "bright", "--instruments", "instruments", *GL, "--limit", "1"]
    ran = ganedit(*argv, "--notes", "notes.csv")
    assert ran.status == 0, ran.err
    assert [line.split("|")[1].strip() for line in ran.lines[4:]] == ["source", "translated"]
    cells = [cell.strip() for cell in ran.lines[4].split("|")[2:-1]]
    assert float(cells[0]) > 2
    assert float(cells[1]) < 10
    Path("notes.csv").write_text("clip,midi\nx,9\n")
    assert "is not a table of notes" in ganedit(*argv, "--notes", "notes.csv").err
    Path("notes.csv").write_text(lines[0])
    assert "lists no notes of dull/0.wav" in ganedit(*argv, "--notes", "notes.csv").err


def test_pairs_have_the_same_names(ganedit, pairs):
    Path("bright/0.wav").unlink()
    ran = ganedit("metrics", "timbre", "dull", "bright", "--instruments", "instruments", *GL)
    assert ran.status == 3
    assert "1 sounds have no partner: 0.wav" in ran.err


def test_vocoders_are_compared(ganedit, tmp_path, models):
    save_tones(tmp_path / "many", [440, 550], 1.0)
    argv = "metrics", "vocoder", "many", "--vocoders", f"griffin-lim,{models / 'gan'}"
    ran = ganedit(*argv, "--json", "--limit", "1", "--seconds", "0.4")
    assert ran.status == 0, ran.err
    rows = ran.json[0]["rows"]
    assert list(rows) == ["griffin-lim", str(models / "gan")]
    for row in rows.values():
        parts = row["spectral convergence"] + row["log magnitude"]
        assert row["distance"] == pytest.approx(parts)
        assert row["times real time"] > 0


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1"])
def test_impossible_lengths_of_copy_synthesis(ganedit, tmp_path, seconds):
    ran = ganedit("metrics", "vocoder", tmp_path, "--vocoders", "griffin-lim", "--seconds", seconds)
    assert (ran.status, "must be above 0 and finite" in ran.err) == (2, True), ran.err
