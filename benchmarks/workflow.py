"""Time and memory of the way from a photo to an edited photo with a generator of 1024 px.

python benchmarks/workflow.py [--folder /tmp/workflow] [--small] [--photo examples/portrait.png]
                              [--methods encode]

Writes a StyleGAN2 of 1024 px, e4e's encoder and the directions of encoder4editing with random weights in the
published formats and sizes, as a mirror, and runs the commands of docs/tutorial-ffhq.md on them: processor
seconds, seconds by the clock, and the most memory that each command held. The images mean nothing; time and
memory do not depend on the weights.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/helpers"))

from published_faces import PUBLISHED, SMALL, write_all  # noqa: E402

MODEL, ENCODER = "rosinality-ffhq", "e4e-ffhq"


def run(command: list[str], home: Path) -> tuple[float, float, float]:
    """Run `ganedit` with a home of its own: processor seconds, seconds, gigabytes at most."""
    environment = {**os.environ, "GANEDIT_HOME": str(home), "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "ganedit", *command], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"ganedit {' '.join(command)} failed")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss / 1e6


def steps(mirror: Path, out: Path, photo: Path, methods: list[str]) -> list[list[str]]:
    """The commands of the page, in their order."""
    pull = ["models", "pull", MODEL, ENCODER, "--mirror", str(mirror), "--yes", "--force"]
    directions = ["direction", "pull", "--model", MODEL, "--mirror", str(mirror), "--force"]
    project = ["project", str(photo), "--model", MODEL, "--encoder", ENCODER, "--method"]
    projections = [[*project, method, "-o", str(out / method)] for method in methods]
    latent = out / methods[0] / f"{photo.stem}.latent.safetensors"
    edit = [
        "edit",
        str(latent),
        "--model",
        MODEL,
        "--direction",
        "age",
        "--magnitude",
        "2",
        "--paste",
    ]
    return [pull, directions, *projections, [*edit, "-o", str(out)]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("/tmp/workflow"))
    parser.add_argument("--small", action="store_true", help="small networks, to try the program")
    parser.add_argument("--photo", type=Path, default=ROOT / "examples/portrait.png")
    parser.add_argument(
        "--methods", nargs="+", default=["encode"], help="others need a discriminator, which these files lack"
    )
    args = parser.parse_args()
    mirror = write_all(args.folder / "mirror", **(SMALL if args.small else PUBLISHED))
    print("| command | processor s | s | GB |\n|---|--:|--:|--:|")
    for command in steps(mirror, args.folder / "out", args.photo, args.methods):
        seconds, clock, memory = run(command, args.folder / "home")
        words = " ".join(word for word in command if "/" not in word)
        print(f"| {words} | {seconds:.1f} | {clock:.1f} | {memory:.2f} |", flush=True)


if __name__ == "__main__":
    main()
