"""Images per processor second of `ganedit train stylegan2`, and what the step spends its time on.

python benchmarks/training_step.py [--resolution 128] [--channel-base 4096] [--channel-max 256] [--batch 16]
                                   [--dtype float32] [--augment 0.5] [--rounds 3] [--threads 1] [--parts]

Random pictures and weights, since speed does not depend on them; CPU only. Three kinds of steps are timed:
without penalties, with path lengths, and with path lengths and R1. An average step weighs them as often as
they come. "usual" is the same step with PyTorch's own derivatives and a pass for each operation. The two take
turns, round by round, and the shortest of each kind counts, so that other programs disturb both alike;
"ratio" is how many times as fast ours is. --parts shows what the processor did in an average step.

All figures are processor seconds: the time that cores worked, all together.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import torch
from generator import describe

from ganedit.data.images import ImageSet
from ganedit.nets import layers_derivatives
from ganedit.train.options.generators import StyleGAN2Options
from ganedit.train.recipes.stylegan2 import StyleGAN2
from ganedit.train.run import Run, start_fabric

PICTURES = 64


def recipe_of(args: argparse.Namespace) -> tuple[StyleGAN2, Run]:
    """The recipe on random pictures, every image augmented with the chance asked for."""
    options = StyleGAN2Options(
        resolution=args.resolution,
        channel_base=args.channel_base,
        channel_max=args.channel_max,
        z_dim=args.z_dim,
        w_dim=args.w_dim,
        mapping_layers=args.mapping_layers,
        batch=args.batch,
        precision=args.dtype,
        augment="ada" if args.augment else "none",
    )
    pixels = torch.randint(0, 256, (PICTURES, 3, args.resolution, args.resolution), dtype=torch.uint8)
    fabric = start_fabric("cpu", 1)
    data = ImageSet(pixels, [str(i) for i in range(PICTURES)], None, [], [])
    recipe = StyleGAN2(options, data, fabric.device)
    recipe.ada.p = args.augment
    if recipe.augment:
        recipe.augment.p = args.augment
    return recipe, Run(fabric, options)


def kinds_of_steps(options: StyleGAN2Options) -> dict[str, tuple[int, float]]:
    """Number of a step of each kind, and the share of steps that are so; R1 comes with path lengths."""
    path, r1 = 1 / options.path_every, 1 / options.r1_every
    return {
        "without penalties": (1, 1 - path),
        "with path lengths": (options.path_every, path - r1),
        "with both": (options.r1_every, r1),
    }


@contextmanager
def usual() -> Iterator[None]:
    """PyTorch's own functions instead of ours."""
    with mock.patch.object(layers_derivatives, "_own", return_value=False):
        yield


def seconds(recipe: StyleGAN2, run: Run, step: int) -> float:
    """Processor seconds of the step of this number."""
    run.step = step
    started = time.process_time()
    recipe.step(run)
    return time.process_time() - started


def measure(recipe: StyleGAN2, run: Run, rounds: int) -> dict[str, tuple[float, float]]:
    """Shortest processor seconds of each kind of step, ours and the usual one, after one round to warm up."""
    kinds = kinds_of_steps(recipe.options)
    ours: dict[str, list[float]] = {kind: [] for kind in kinds}
    theirs: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(rounds + 1):
        for kind, (step, _share) in kinds.items():
            ours[kind].append(seconds(recipe, run, step))
            with usual():
                theirs[kind].append(seconds(recipe, run, step))
    return {kind: (min(ours[kind][1:]), min(theirs[kind][1:])) for kind in kinds}


def report(found: dict[str, tuple[float, float]], recipe: StyleGAN2, batch: int) -> None:
    print(f"{'step':20} {'ours, s':>9} {'usual, s':>9} {'ratio':>6}")
    for kind, (ours, theirs) in found.items():
        print(f"{kind:20} {ours:>9.3f} {theirs:>9.3f} {theirs / ours:>6.2f}")
    shares = {kind: share for kind, (_, share) in kinds_of_steps(recipe.options).items()}
    ours, theirs = (sum(shares[kind] * pair[i] for kind, pair in found.items()) for i in (0, 1))
    print(f"{'average':20} {ours:>9.3f} {theirs:>9.3f} {theirs / ours:>6.2f}")
    print(f"{batch / ours:.2f} images per processor second, the usual way {batch / theirs:.2f}")


def show_parts(recipe: StyleGAN2, run: Run) -> None:
    """The operations that an average step spends its time on."""
    totals: dict[str, float] = {}
    for step, share in kinds_of_steps(recipe.options).values():
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
            seconds(recipe, run, step)
        for event in profiler.key_averages():
            totals[event.key] = totals.get(event.key, 0) + share * event.self_cpu_time_total / 1e6
    whole = sum(totals.values())
    for name, spent in sorted(totals.items(), key=lambda item: -item[1])[:16]:
        print(f"{name[:44]:44} {spent:>8.3f} s {spent / whole:>6.1%}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--resolution", type=int, default=128, metavar="PX")
    parser.add_argument("--channel-base", type=int, default=4096)
    parser.add_argument("--channel-max", type=int, default=256)
    parser.add_argument("--z-dim", type=int, default=64)
    parser.add_argument("--w-dim", type=int, default=128)
    parser.add_argument("--mapping-layers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16, metavar="N")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--augment", type=float, default=0.5, metavar="P", help="chance; 0 switches it off")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parts", action="store_true", help="what the time goes into")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    print(describe(torch.device("cpu")), flush=True)
    recipe, run = recipe_of(args)
    report(measure(recipe, run, args.rounds), recipe, args.batch)
    if args.parts:
        show_parts(recipe, run)


if __name__ == "__main__":
    main()
