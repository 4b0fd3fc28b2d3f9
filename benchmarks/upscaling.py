"""Time, exactness and memory of upscalers.

    python benchmarks/upscaling.py [--models real-esrgan-x4 upscale-x4] [--photo examples/portrait.png]
    python benchmarks/upscaling.py --megapixels 12 --models upscale-x4
    python benchmarks/upscaling.py --megapixels 12 --models real-esrgan-x4 --tiles 4

The first compares three ways to enlarge a tile of the photo, in processor seconds, each the best of --repeats
that take turns: "usual" is float32 with channels first, as other programs run these networks; "float32" and
"bfloat16" are what `ganedit.load` returns. Mean difference and PSNR are those of bfloat16 to float32, over
--parts tiles from corner to corner of the photo. The others enlarge the photo to so many megapixels, and then
read it, upscale it, and write a JPEG, as the command does. With --tiles, the network computes only so many
tiles, the others are enlarged without it, and the time of all of them is calculated.
"""

from __future__ import annotations

import argparse
import copy
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from generator import describe
from PIL import Image
from torch import Tensor

import ganedit
from ganedit.compute import keep_freed_memory
from ganedit.images.tensors import to_unit
from ganedit.store.models import Upscaler

ROOT = Path(__file__).resolve().parents[1]


def seconds(run: Callable[[], object]) -> float:
    """Processor seconds of a call."""
    start = time.process_time()
    run()
    return time.process_time() - start


def opened(name: str, dtype: str = "auto") -> Upscaler:
    return cast(Upscaler, ganedit.load(name, "cpu", dtype))


def tiles_of(photo: ganedit.Photo, side: int, parts: int) -> list[Tensor]:
    """Tiles [1, 3, side, side] from corner to corner of a photo."""
    height, width = photo.pixels.shape[:2]
    tiles = []
    for share in np.linspace(0, 1, parts):
        y, x = round((height - side) * share), round((width - side) * share)
        tiles.append(to_unit(photo.pixels[y : y + side, x : x + side]))
    return tiles


def compare(name: str, args: argparse.Namespace) -> None:
    """A row of the table: seconds per tile, their ratios, and how much bfloat16 changes."""
    full, half = opened(name, "float32"), opened(name, "bfloat16")
    usual = copy.deepcopy(full.network).to(memory_format=torch.contiguous_format)
    tiles = tiles_of(ganedit.read_image(args.photo), args.side, args.parts)
    x = tiles[len(tiles) // 2]
    ways = [lambda: usual(x.contiguous()), lambda: full(x), lambda: half(x)]
    rounds = [[seconds(way) for way in ways] for _ in range(args.repeats + 1)]
    times = np.min(rounds[1:], axis=0)
    differences = torch.cat([half(tile).clamp(0, 1) - full(tile).clamp(0, 1) for tile in tiles])
    mean, psnr = differences.abs().mean() * 255, -10 * differences.square().mean().log10()
    print(f"{name:22} {' '.join(f'{one:>9.3f}' for one in times)} {times[0] / times[1]:>8.2f} "
          f"{times[0] / times[2]:>8.2f} {mean:>8.2f}/255 {psnr:>6.1f} dB", flush=True)  # fmt: skip


def limit_tiles(model: Upscaler, most: int) -> list[float]:
    """Let a model compute only `most` tiles (0: all), enlarge the rest plainly; processor seconds."""
    spent: list[float] = []
    compute = model._run

    def run(x: Tensor) -> Tensor:
        if most and len(spent) > most and min(x.shape[2:]) > 64:  # the first call measures the memory
            return F.interpolate(x, scale_factor=model.scale)
        start = time.process_time()
        y = compute(x)
        spent.append(time.process_time() - start)
        return y

    model._run = run  # type: ignore[method-assign]
    return spent


def upscale_photo(name: str, args: argparse.Namespace) -> None:
    """A large photo from file to file."""
    model = opened(name)
    spent = limit_tiles(model, args.tiles)
    counts: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        source = Image.open(args.photo).convert("RGB")
        factor = (args.megapixels * 1e6 / (source.width * source.height)) ** 0.5
        size = round(source.width * factor), round(source.height * factor)
        source.resize(size, Image.Resampling.BICUBIC).save(f"{folder}/photo.jpg", quality=95)
        start, clock = time.process_time(), time.perf_counter()
        photo = ganedit.read_image(f"{folder}/photo.jpg")
        result = ganedit.upscale(photo, model, progress=lambda _done, total: counts.append(total))
        ganedit.write_image(f"{folder}/large.jpg", result.pixels, like=result)
        worked, clock = time.process_time() - start, time.perf_counter() - clock
    tiles, computed = counts[-1], spent[1:]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    worked += (tiles - len(computed)) * float(np.mean(computed))
    how = f"calculated from {len(computed)} tiles" if args.tiles else f"{clock:.0f} s by the clock"
    what = f"{name}, {model.dtype}, {size[0]}x{size[1]} px, {tiles} tiles"
    print(f"{what}: {worked:.0f} processor s ({how}), peak memory {memory:.2f} GB", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["real-esrgan-x4", "upscale-x4"], metavar="NAME")
    parser.add_argument("--photo", type=Path, default=ROOT / "examples/portrait.png")
    parser.add_argument("--side", type=int, default=128, metavar="PX")
    parser.add_argument("--parts", type=int, default=4, metavar="N")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--megapixels", type=float, default=0, metavar="N")
    parser.add_argument("--tiles", type=int, default=0, metavar="N", help="0 computes all of them")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    keep_freed_memory()
    print(describe(torch.device("cpu")))
    if args.megapixels:
        for name in args.models:
            upscale_photo(name, args)
        return
    columns = "".join(f"{word:>10}" for word in ("usual", "float32", "bfloat16"))
    print(f"{'s per tile':22}{columns} {'ratio':>8} {'ratio':>8} {'difference':>12} {'PSNR':>9}")
    with torch.inference_mode():
        for name in args.models:
            compare(name, args)


if __name__ == "__main__":
    main()
