"""Seconds per image of a StyleGAN2 generator of the published size, forward and forward + backward.

python benchmarks/generator.py [--sizes 256 1024] [--dtypes float32 bfloat16] [--batches 1 4]
                               [--device cpu] [--threads 2] [--repeats 3] [--forward-only] [--no-compile]

Channel base 32768, at most 512; z and w of 512; random weights, since speed does not depend on them.
"backward" goes to the style codes, as in projection, with the weights held. Each figure is the best of
--repeats after one run that is not counted; "core s" are the seconds that processor cores worked on an
image, all together, which other programs on the machine disturb less than the clock. On a GPU the forward
pass is also timed under torch.compile.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from ganedit.compute import keep_freed_memory
from ganedit.nets.stylegan2 import Generator, GeneratorConfig, SynthesisNetwork, channel_widths

CHANNEL_BASE, CHANNEL_MAX = 32768, 512
DTYPES = ["float32", "bfloat16"]


def published_generator(resolution: int, device: torch.device) -> Generator:
    """The published architecture at `resolution`, with noise switched on."""
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(resolution, channel_widths(resolution, CHANNEL_BASE, CHANNEL_MAX)))
    for block in generator.synthesis.blocks:
        for layer in block.layers:
            torch.nn.init.constant_(layer.noise_strength, 0.1)
    return generator.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)


def best_seconds(run: Callable[[], object], device: torch.device, repeats: int) -> tuple[float, float]:
    """Shortest of `repeats` runs, after one to warm up: by the clock, and of all processor cores together."""
    times = []
    for _ in range(repeats + 1):
        start, worked = time.perf_counter(), time.process_time()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append((time.perf_counter() - start, time.process_time() - worked))
    clock, cores = zip(*times[1:], strict=True)
    return min(clock), min(cores)


def forward(synthesis: Callable[[Tensor], Tensor], ws: Tensor) -> None:
    with torch.no_grad():
        synthesis(ws)


def forward_backward(synthesis: Callable[[Tensor], Tensor], ws: Tensor) -> None:
    ws = ws.detach().requires_grad_(True)
    synthesis(ws).square().mean().backward()


def passes(
    synthesis: SynthesisNetwork, device: torch.device, args: argparse.Namespace
) -> Iterator[tuple[str, Callable[[Tensor], None]]]:
    """What is timed, by name."""
    yield "forward", lambda ws: forward(synthesis, ws)
    if not args.forward_only:
        yield "forward+backward", lambda ws: forward_backward(synthesis, ws)
    if device.type == "cuda" and not args.no_compile:
        compiled = torch.compile(synthesis)
        yield "forward, compiled", lambda ws: forward(compiled, ws)


def describe(device: torch.device) -> str:
    """The machine, and how busy it is."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    load = f", load {os.getloadavg()[0]:.1f} before the run" if hasattr(os, "getloadavg") else ""
    threads = f"{torch.get_num_threads()} threads" if torch.get_num_threads() > 1 else "1 thread"
    return f"{platform.machine()} CPU with {instructions()}, {threads}, torch {torch.__version__}{load}"


def instructions() -> str:
    """The widest vectors and matrices that the processor computes with."""
    found = [torch.backends.cpu.get_cpu_capability()]
    if torch.cpu._is_avx512_bf16_supported():
        found.append("AVX512-BF16")
    if torch.cpu._is_amx_tile_supported():
        found.append("AMX")
    return ", ".join(found)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 1024], metavar="PX")
    parser.add_argument("--dtypes", nargs="+", default=DTYPES, choices=DTYPES)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4], metavar="N")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; 0 takes PyTorch's choice")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--forward-only", action="store_true")
    parser.add_argument("--no-compile", action="store_true")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    device = torch.device(args.device)
    keep_freed_memory()
    if args.threads:
        torch.set_num_threads(args.threads)
    print(describe(device))
    print(f"{'px':>5} {'type':9} {'batch':>5}  {'pass':18} {'s/image':>9} {'core s':>9} {'images/s':>9}")
    for resolution in args.sizes:
        generator = published_generator(resolution, device)
        for dtype in args.dtypes:
            generator.synthesis.dtype = getattr(torch, dtype)
            for batch in args.batches:
                ws = generator.style_codes(torch.randn(batch, generator.cfg.z_dim, device=device)).clone()
                for name, run in passes(generator.synthesis, device, args):
                    found = best_seconds(partial(run, ws), device, args.repeats)
                    clock, cores = (seconds / batch for seconds in found)
                    what = f"{resolution:>5} {dtype:9} {batch:>5}  {name:18}"
                    print(f"{what} {clock:>9.4f} {cores:>9.4f} {1 / clock:>9.2f}", flush=True)


if __name__ == "__main__":
    main()
