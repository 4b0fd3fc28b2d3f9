"""The training loop of all recipes. A recipe has its networks, losses and step; everything else is here.

Lightning Fabric runs the work on a CPU, a GPU or several (`torchrun`, SLURM). Gradients are averaged over
processes by `Run.minimise` rather than by a wrapper around each network, because GAN steps call parts of
networks, several times, with second derivatives.

No random state is kept between steps: every step is seeded from (seed, step, rank), and the data order is a
function of the same numbers. A checkpoint therefore only needs the networks, the optimisers, a few
numbers and the step, and a resumed run continues bit for bit on the same machine.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor

from ganedit.errors import GaneditError
from ganedit.train.checkpoints import save_checkpoint
from ganedit.train.logs import Log, Report
from ganedit.train.measuring import judge_of
from ganedit.train.options.base import LoopOptions
from ganedit.train.recipe import Recipe
from ganedit.train.run import Run


def train(
    recipe: Recipe,
    run: Run,
    out: Path,
    *,
    on_report: Callable[[Report], None] | None = None,
) -> None:
    """Train until `kimg` or `minutes`, writing checkpoints, sample grids and logs into `out`.

    To resume a run, call `load_checkpoint` before.

    Ctrl-C finishes the step, saves, and raises KeyboardInterrupt.
    """
    options, fabric = run.options, run.fabric
    for network in recipe.networks.values():
        network.to(fabric.device)
    log = Log(out, run) if fabric.is_global_zero else None
    judge = judge_of(recipe, run, out) if log else None
    total_steps = max(round(options.kimg * 1000 / options.batch), 1)
    started = time.monotonic()
    with _postponed_interrupt() as interrupted:
        while run.step < total_steps:
            torch.manual_seed(_step_seed(options.seed, run.step, fabric.global_rank))
            stats = recipe.step(run)
            run.step += 1
            stop = interrupted.is_set or _out_of_time(options, started)
            done = run.step == total_steps or _any_process(fabric, stop)
            look = done or _passed_multiple(run, options.sample_kimg)
            if log:
                measured = recipe.evaluate() if look else {}
                if judge and (done or _passed_multiple(run, judge.options.measure_kimg)):
                    measured |= judge.measure()
                log.step(
                    stats,
                    measured,
                    total_steps,
                    on_report,
                    force=bool(look or measured),
                    most_seconds=_time_left(options, started),
                )
            if log and look:
                log.picture(recipe.samples())
            if done or _passed_multiple(run, options.snapshot_kimg):
                _refuse_nan(stats, run)
                if fabric.is_global_zero:
                    save_checkpoint(recipe, run, out)
                    recipe.export(out / "model", run.images_seen)
                run.saved = run.images_seen
            if done:
                break
    if log:
        log.close()
    if interrupted.is_set:
        raise KeyboardInterrupt


def _any_process(fabric: Fabric, stop: bool) -> bool:
    """Whether any process wants to stop: all must stop after the same step, or some would wait forever."""
    if fabric.world_size == 1:
        return stop
    wishes = torch.tensor(float(stop), device=fabric.device)
    return float(torch.as_tensor(fabric.all_reduce(wishes, reduce_op="sum"))) > 0


def _refuse_nan(stats: dict[str, Tensor], run: Run) -> None:
    """A diverged run must not overwrite its last good checkpoint."""
    bad = [name for name, value in stats.items() if not bool(torch.isfinite(value))]
    if bad:
        raise GaneditError(
            f"training diverged at {run.images_seen / 1000:.1f} kimg: {', '.join(bad)} is not finite",
            "resume from the last checkpoint with a lower `lr` or with `dtype=float32`",
        )


def _passed_multiple(run: Run, kimg: float) -> bool:
    """Whether the last step passed a multiple of `kimg` thousand images."""
    every = max(kimg * 1000, 1)
    return run.images_seen // every != (run.images_seen - run.options.batch) // every


def _time_left(options: LoopOptions, started: float) -> float:
    """Seconds until `minutes` are over; infinite without that limit."""
    return options.minutes * 60 - (time.monotonic() - started) if options.minutes else math.inf


def _out_of_time(options: LoopOptions, started: float) -> bool:
    return _time_left(options, started) < 0


def _step_seed(seed: int, step: int, rank: int) -> int:
    return (seed * 1_000_003 + step) * 4096 + rank


class _Flag:
    is_set = False


@contextmanager
def _postponed_interrupt() -> Iterator[_Flag]:
    """Turn Ctrl-C, SIGTERM and SIGHUP into a flag while the block runs; a second one interrupts at once."""
    flag = _Flag()

    def handler(number: int, frame: Any) -> None:
        if flag.is_set:
            raise KeyboardInterrupt
        flag.is_set = True

    caught = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)  # not on Windows; nohup ignores it
    if hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
        caught.append(hangup)
    replaced: dict[int, Any] = {}
    with suppress(ValueError):  # signals can only be set in the main thread
        for one in caught:
            replaced[one] = signal.signal(one, handler)
    try:
        yield flag
    finally:
        for number, before in replaced.items():
            signal.signal(number, before)
