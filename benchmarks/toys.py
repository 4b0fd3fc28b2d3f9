"""Modes that GANs cover on sets of points, and the share of their points near one: the table in docs/gan.md.

python benchmarks/toys.py --out FOLDER [--sets ring8,grid25] [--methods minimax,wgan-gp] [--seeds 3]
                          [--kimg K]

Each run is `ganedit train gan SET` with the options of `METHODS`, in FOLDER/SET-METHOD-SEED, with its film.
Runs that are complete are not repeated, so that the program can be stopped and started again. The measures
are those of VEEGAN (Srivastava et al., arXiv:1705.07761), of 2,500 points after the last step; "lowest" is
the smallest number of modes in the last half of a run, which tells generators that oscillate. Seconds are
those of the processor.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from generator import describe

import ganedit

METHODS = {
    "minimax": {"preset": "goodfellow"},
    "non-saturating": {"preset": "goodfellow", "loss": "non-saturating"},
    "minibatch discrimination": {"preset": "dcgan", "minibatch_discrimination": True},
    "spectral norm": {"preset": "sngan"},
    "wgan-gp": {"preset": "wgan-gp"},
}
DONE = "seconds.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", default="ring8,grid25")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kimg", type=float, help="length of every run (default: that of the preset)")
    args = parser.parse_args()
    length = {"kimg": args.kimg} if args.kimg else {}
    print(describe(torch.device("cpu")))
    print("| set | method | modes at the end | lowest in the last half | within 3 sigma | seconds |")
    print("|---|---|---|---|---|---|")
    for name in args.sets.split(","):
        for method in args.methods.split(","):
            runs = []
            for seed in range(args.seeds):
                folder = args.out / f"{name}-{method.replace(' ', '-')}-{seed}"
                if not (folder / DONE).exists():
                    _train(name, folder, {**METHODS[method], **length, "seed": seed})
                runs.append(_measures(folder))
            print(_row(name, method, runs), flush=True)


def _train(name: str, folder: Path, options: dict[str, object]) -> None:
    started = time.process_time()
    ganedit.train_model("gan", name, folder, overwrite=True, device="cpu", **options)
    (folder / DONE).write_text(json.dumps(time.process_time() - started))


def _measures(folder: Path) -> tuple[int, int, float, float]:
    """Modes at the end, fewest modes in the last half, share near a mode, and processor seconds."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    looks = [line for line in lines if "modes" in line]
    later = [line for line in looks if line["images"] >= looks[-1]["images"] / 2]
    fewest = int(min(line["modes"] for line in later))
    seconds = json.loads((folder / DONE).read_text())
    return int(looks[-1]["modes"]), fewest, looks[-1]["within 3 sigma"], seconds


def _row(name: str, method: str, runs: list[tuple[int, int, float, float]]) -> str:
    modes, fewest, near, seconds = zip(*runs, strict=True)
    shares = ", ".join(f"{share:.0%}" for share in near)
    words = [name, method, ", ".join(map(str, modes)), ", ".join(map(str, fewest)), shares]
    return f"| {' | '.join(words)} | {sum(seconds) / len(seconds):.0f} |"


if __name__ == "__main__":
    main()
