"""Seconds and memory that `ganedit timbre` takes, the start of Python included.

    python benchmarks/timbre.py examples/greensleeves-violin.flac
    python benchmarks/timbre.py examples/greensleeves-violin.flac --vocoders gan --repeat 360

The phrase is played --repeat times in a row: 360 times 10 s are an hour. Prints, for each vocoder, seconds
and the peak of the resident memory.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ganedit.audio.files import read_sound, write_sound


def main() -> None:
    args = parse()
    sound = read_sound(args.phrase)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "phrase.wav")
        write_sound(path, (sound.samples for _ in range(args.repeat)), sound.rate)
        seconds = args.repeat * sound.samples.shape[1] / sound.rate
        print(f"{seconds:.1f} s of sound, {os.cpu_count()} cores\n\n| vocoder | s | peak MB |\n|---|--:|--:|")
        for vocoder in args.vocoders.split(","):
            out = Path(folder, f"{vocoder}.wav")
            options = [
                "--model",
                args.model,
                "--vocoder",
                vocoder,
                "--candidates",
                "1",
                "-o",
                str(out),
                "--force",
            ]
            took, peak = zip(*(measured([str(path), *options]) for _ in range(args.runs)), strict=True)
            print(f"| {vocoder} | {np.median(took):.1f} | {max(peak):.0f} |", flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("phrase", type=Path)
    parser.add_argument("--model", default="violin2flute")
    parser.add_argument("--vocoders", default="griffin-lim,gan")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--runs", type=int, default=1, help="of which the median is printed")
    return parser.parse_args()


def measured(arguments: list[str]) -> tuple[float, float]:
    """Seconds and peak resident MB of one `ganedit timbre` in a process of its own."""
    started = time.perf_counter()
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "ganedit", "--quiet", "timbre", *arguments],
        dict(os.environ),
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, used = os.wait4(process, 0)
    if status:
        sys.exit("ganedit timbre failed")
    return time.perf_counter() - started, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
