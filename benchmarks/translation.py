"""Time and memory of image-to-image translators: networks at 256 px, folders of files.

    python benchmarks/translation.py                     # ResNet-9 of width 64 and a U-Net, float32 and bf16
    python benchmarks/translation.py --files 50          # the command itself on a folder of 256-px JPEGs

Weights are random. Each figure of the first is the best of --repeats after one run that is not counted;
"core s" are the seconds that processor cores worked on an image, all together, which other programs on the
machine disturb less than the clock.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from generator import best_seconds
from PIL import Image
from torch import nn

from ganedit.compute import keep_freed_memory
from ganedit.nets.resnet import ResNetConfig, ResNetGenerator
from ganedit.nets.unet import UNetConfig, UNetGenerator
from ganedit.store.cards import ModelCard
from ganedit.store.load import save_model

ROOT = Path(__file__).resolve().parents[1]
SIDE = 256
DTYPES = ["float32", "bfloat16"]
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "resnet-9": lambda: ResNetGenerator(ResNetConfig()),
    "unet-256": lambda: UNetGenerator(UNetConfig()),
}


def time_networks(args: argparse.Namespace) -> None:
    device = torch.device(args.device)
    print(f"{'network':10} {'type':9} {'batch':>5} {'ms/image':>9} {'core ms':>9} {'images/s':>9}")
    for name, make in NETWORKS.items():
        torch.manual_seed(0)
        network = make().eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)
        for dtype in DTYPES:
            network.to(getattr(torch, dtype))
            for batch in args.batches:
                x = torch.rand(batch, 3, SIDE, SIDE, device=device).mul_(2).sub_(1)
                with torch.inference_mode():
                    run = partial(network, x.to(getattr(torch, dtype)))
                    clock, cores = (n / batch for n in best_seconds(run, device, args.repeats))
                what = f"{name:10} {dtype:9} {batch:>5}"
                print(f"{what} {clock * 1e3:>9.1f} {cores * 1e3:>9.1f} {1 / clock:>9.1f}")


def run_command(command: str, *argv: str, home: Path) -> tuple[float, float]:
    """Seconds that a command took, and the most memory that it held, in GB."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GANEDIT_HOME": str(home)}
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "ganedit", command, "--quiet", *argv],
        env=environment, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def picture(height: int, width: int, seed: int) -> Image.Image:
    """Soft noise, about as hard to encode as a photo."""
    small = np.random.default_rng(seed).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def time_files(args: argparse.Namespace) -> None:
    """A folder of small files through `ganedit translate`."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        network = ResNetGenerator(ResNetConfig())
        card = ModelCard("bench-resnet", "translator", "resnet", asdict(network.cfg))
        save_model(home / card.name, card, network.state_dict())
        (home / "in").mkdir()
        for i in range(args.files):
            picture(SIDE, SIDE, i).save(home / "in" / f"{i:04d}.jpg")
        for dtype in DTYPES:
            argv = "--model", card.name, "--dtype", dtype, "--device", args.device
            paths = [str(home / "in" / f"{i:04d}.jpg") for i in range(args.files)]
            alone, _ = run_command("translate", paths[0], *argv, "-o", f"{folder}/{dtype}-one", home=home)
            taken, memory = run_command("translate", *paths, *argv, "-o", f"{folder}/{dtype}", home=home)
            each = (taken - alone) / (args.files - 1)
            print(f"translate, {args.files} files, {dtype}: {taken:.1f} s, of which {alone - each:.1f} s to "
                  f"start; {each * 1e3:.0f} ms/file, {1 / each:.2f} files/s, {memory:.2f} GB")  # fmt: skip


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=0, metavar="N")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4], metavar="N")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    keep_freed_memory()
    load = f", load {os.getloadavg()[0]:.1f} before the run" if hasattr(os, "getloadavg") else ""
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}{load}")
    if args.files:
        time_files(args)
    else:
        time_networks(args)


if __name__ == "__main__":
    main()
