"""Render phrases on five instruments: what the bundled timbre models were trained and are measured on.

    apt install fluidsynth fluid-soundfont-gm && pip install mido
    python tools/render_sounds.py sounds --real DATA/audio
    python tools/render_sounds.py examples/greensleeves-violin.flac --tune greensleeves --instrument violin

`sounds/train/INSTRUMENT` holds phrases that no other instrument plays, and with --real also the training
clips of recordings of that instrument; `sounds/test/INSTRUMENT` holds the same phrases for all, so that the
true result of a translation is known. The tunes, all older than a century and without an author's claim, are
in the test set alone. FLAC, 16 kHz, mono, phrases of 10 s.

The sound font is FluidR3 (Frank Wen, MIT licence).
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
import soundfile
import soxr

RATE = 16000
SECONDS = 10.0  # of a phrase, the last of which lets the last note ring
SYNTH_RATE = 44100
TUNE_PEAK = 0.7  # of full scale
SYNTH = ("fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.6")  # no reverberation, no chorus
TICKS = 960  # per second, at MIDI's tempo of 120 beats a minute
SOUND_FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")

PROGRAMS = {"violin": 40, "flute": 73, "piano": 0, "harpsichord": 6, "trumpet": 56}
"""Numbers of General MIDI, counted from 0."""

RANGES = {
    "violin": (55, 93),
    "flute": (60, 93),
    "piano": (48, 88),
    "harpsichord": (48, 86),
    "trumpet": (55, 84),
}
"""MIDI numbers of the lowest and the highest note that is played."""

COMMON = (60, 84)  # what all of them reach: test phrases stay in it
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11), (0, 2, 3, 5, 7, 9, 10), tuple(range(12)))

TUNES = {
    "ode-to-joy": "E4 E4 F4 G4 G4 F4 E4 D4 C4 C4 D4 E4 E4:1.5 D4:.5 D4:2",  # Beethoven, 1824
    "ah-vous-dirai-je": "C4 C4 G4 G4 A4 A4 G4:2 F4 F4 E4 E4 D4 D4 C4:2",  # France, 1761
    "frere-jacques": "C4 D4 E4 C4 C4 D4 E4 C4 E4 F4 G4:2 E4 F4 G4:2 G4:.5 A4:.5 G4:.5 F4:.5 E4 C4",
    "greensleeves": "A4 C5:2 D5 E5:1.5 F5:.5 E5 D5:2 B4 G4:1.5 A4:.5 B4 C5:2 A4 A4:1.5 G#4:.5 A4 B4:2 G#4",
    "scarborough-fair": "D4:2 D4 A4:2 A4 E4:1.5 F4:.5 E4 D4:3 R A4 C5 D5:2 C5 A4 B4 G4 A4:3",
    "auld-lang-syne": "C4 F4:1.5 F4:.5 F4 A4 G4:1.5 F4:.5 G4 A4 F4:1.5 F4:.5 A4 C5 D5:3",  # Scotland
    "amazing-grace": "D4 G4:2 B4:.5 G4:.5 B4:2 A4 G4:2 E4 D4:2 D4 G4:2 B4:.5 G4:.5 B4:2 A4 D5:3",
    "minuet-in-g": "D5 G4:.5 A4:.5 B4:.5 C5:.5 D5 G4 G4 E5 C5:.5 D5:.5 E5:.5 F#5:.5 G5 G4 G4",  # Petzold
    "bourree": "E5:.5 F#5:.5 G5 F#5:.5 E5:.5 D#5 E5:.5 F#5:.5 B4 C#5:.5 D#5:.5 E5 D5:.5 C5:.5 B4 A4:.5 G4",
    "korobeiniki": "E5 B4:.5 C5:.5 D5 C5:.5 B4:.5 A4 A4:.5 C5:.5 E5 D5:.5 C5:.5 B4:1.5 C5:.5 D5 E5 C5 A4 A4",
}  # fmt: skip
"""Notes with their length in beats after a colon where it is not 1; R is a rest."""


class Note(NamedTuple):
    start: float  # seconds
    seconds: float
    pitch: int  # MIDI number
    velocity: int  # 1 to 127


def main() -> None:
    args = parse()
    if not SOUND_FONT.is_file() or not shutil.which("fluidsynth"):
        sys.exit("fluidsynth or its sound font is missing: apt install fluidsynth fluid-soundfont-gm")
    if args.tune:
        (phrase,) = render([tune(TUNES[args.tune])], PROGRAMS[args.instrument])
        soundfile.write(args.out, phrase * (TUNE_PEAK / np.abs(phrase).max()), RATE, subtype="PCM_16")
        return
    test = test_phrases(args.test, np.random.default_rng(args.seed))
    write_notes(args.out / "test" / "notes.csv", test)
    for number, (name, program) in enumerate(PROGRAMS.items()):
        rng = np.random.default_rng((args.seed, 1 + number))
        train = [random_phrase(rng, *RANGES[name]) for _ in range(args.train)]
        for split, phrases in (("train", train), ("test", test)):
            folder = args.out / split / name
            folder.mkdir(parents=True, exist_ok=True)
            for i, sound in enumerate(render(phrases, program)):
                soundfile.write(folder / f"{i:03d}.flac", sound, RATE, subtype="PCM_16")
        if args.real:
            for clip in sorted((args.real / name).glob("train_*.flac")):
                shutil.copy(clip, args.out / "train" / name / f"real_{clip.name}")
        print(f"{args.out}: {name}", file=sys.stderr)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, help="folder; with --tune a sound file")
    parser.add_argument("--train", type=int, default=120, help="phrases of each instrument")
    parser.add_argument("--test", type=int, default=60, help="phrases that all play, tunes among them")
    parser.add_argument("--real", type=Path, help="folder of folders of recordings: flute/train_00.flac")
    parser.add_argument("--tune", choices=TUNES)
    parser.add_argument("--instrument", choices=PROGRAMS, default="violin")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def write_notes(path: Path, phrases: Sequence[Sequence[Note]]) -> None:
    """What is played in each phrase, with the columns of `DATA/audio/notes.csv` that it knows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("clip", "start_s", "end_s", "midi", "velocity"))
        for i, phrase in enumerate(phrases):
            for note in phrase:
                end = note.start + note.seconds
                times = f"{note.start:.4f}", f"{end:.4f}"
                table.writerow((f"{i:03d}.flac", *times, note.pitch, note.velocity))


def test_phrases(count: int, rng: np.random.Generator) -> list[list[Note]]:
    """The tunes, then random phrases."""
    tunes = [tune(text) for text in TUNES.values()][:count]
    return tunes + [random_phrase(rng, *COMMON) for _ in range(count - len(tunes))]


def tune(text: str) -> list[Note]:
    """A tune of `TUNES`, an octave up if it lies low, as fast as fits into a phrase."""
    notes = [(name, float(beats or 1)) for name, _, beats in (word.partition(":") for word in text.split())]
    beat = (SECONDS - 1.2) / sum(beats for _, beats in notes)
    lift = 0 if "5" in text else 12
    found, at = [], 0.1
    for i, (name, beats) in enumerate(notes):
        if name != "R":
            found.append(Note(at, 0.92 * beats * beat, midi_number(name) + lift, 80 + 15 * (i % 2)))
        at += beats * beat
    return found


def midi_number(name: str) -> int:
    """Of a note such as C4 (60) or F#5."""
    return 12 * (int(name[-1]) + 1) + "C C#D D#E F F#G G#A A#B ".index(name[:-1].ljust(2)) // 2


def random_phrase(rng: np.random.Generator, low: int, high: int) -> list[Note]:
    """A walk in a random scale, or a scale or arpeggio up and down, in a rhythm of its own."""
    scale, root = SCALES[rng.choice(len(SCALES), p=(0.45, 0.2, 0.25, 0.1))], int(rng.integers(12))
    steps = [pitch for pitch in range(low, high + 1) if (pitch - root) % 12 in scale]
    leaps, kind = (1, 1, 1, 2, 2, 3, 4, 5), rng.choice(("walk", "scale", "arpeggio"), p=(0.7, 0.15, 0.15))
    beat, legato = rng.uniform(0.25, 0.7), rng.choice((0.55, 0.85, 0.95, 1.0))
    loud, place, way = rng.uniform(55, 105), int(rng.integers(len(steps))), 1
    found, at = [], 0.05 + 0.2 * rng.random()
    while at < SECONDS - 1.0:
        beats = rng.choice((0.5, 1, 1, 1.5, 2, 3)) if kind == "walk" else 0.5
        seconds = min(beats * beat, SECONDS - 0.7 - at)
        if kind != "walk" or rng.random() > 0.1:  # the rest are rests
            velocity = int(np.clip(loud + rng.normal(0, 8), 30, 120))
            found.append(Note(at, max(seconds * legato, 0.08), steps[place], velocity))
        if kind == "walk":
            place += int(rng.choice(leaps)) * int(rng.choice((-1, 1)))
        else:
            way = -way if not 0 <= place + way < len(steps) or rng.random() < 0.08 else way
            place += way * (1 if kind == "scale" else 2)
        place = int(np.clip(place, 0, len(steps) - 1))
        at += beats * beat
    return found


def render(phrases: Sequence[Sequence[Note]], program: int) -> list[np.ndarray]:
    """Each phrase on an instrument: float32 [SECONDS · RATE], without reverberation."""
    with tempfile.TemporaryDirectory() as folder:
        score, sound = Path(folder, "score.mid"), Path(folder, "sound.wav")
        write_midi(score, phrases, program)
        subprocess.run(
            [*SYNTH, "-r", str(SYNTH_RATE), "-F", str(sound), str(SOUND_FONT), str(score)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        samples, _ = soundfile.read(sound, dtype="float32", always_2d=True)
    samples = soxr.resample(samples.mean(axis=1), SYNTH_RATE, RATE, quality="VHQ")
    length = round(SECONDS * RATE)
    samples = np.pad(samples, (0, max(length * len(phrases) - len(samples), 0)))
    return [samples[i * length : (i + 1) * length] for i in range(len(phrases))]


def write_midi(path: Path, phrases: Sequence[Sequence[Note]], program: int) -> None:
    """All phrases one after the other, `SECONDS` for each."""
    events = []
    for i, phrase in enumerate(phrases):
        for note in phrase:
            start = i * SECONDS + note.start
            events.append((start, "note_on", note.pitch, note.velocity))
            events.append((start + note.seconds, "note_off", note.pitch, 0))
    track = mido.MidiTrack([mido.Message("program_change", program=program)])
    now = 0
    for seconds, kind, pitch, velocity in sorted(events, key=lambda e: (e[0], e[1])):
        tick = round(seconds * TICKS)
        track.append(mido.Message(kind, note=pitch, velocity=velocity, time=tick - now))
        now = tick
    mido.MidiFile(ticks_per_beat=TICKS // 2, tracks=[track]).save(path)


if __name__ == "__main__":
    main()
