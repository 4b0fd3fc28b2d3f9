"""Runs of tiny recipes, as the tests of training make them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganedit.train.loop import Recipe, Report, Run, load_checkpoint, start_fabric, train
from ganedit.train.loop_options import LoopOptions

Make = Callable[[LoopOptions], Recipe]
CPU = torch.device("cpu")


def trained(
    make: Make, opts: LoopOptions, out: Path, *, resume: bool = False, reports: list[Report] | None = None
) -> Recipe:
    """The recipe after its run, into the folder `out`."""
    fabric = start_fabric("cpu", 1)
    recipe = make(opts)
    torch.manual_seed(50 if resume else 0)  # what went on before must not matter
    run = Run(fabric, opts)
    if resume:
        load_checkpoint(recipe, run, out)
    train(recipe, run, out, on_report=None if reports is None else reports.append)
    return recipe


def assert_resumes(make: Make, opts: LoopOptions, out: Path) -> None:
    """A run cut off after half of its steps, at a snapshot, and resumed ends as one in one piece."""
    whole = trained(make, opts, out / "whole")
    steps = round(opts.kimg * 1000 / opts.batch)
    kind = type(whole)
    step = kind.step

    def until_half(self: Recipe, run: Run):
        if run.step == steps // 2:
            raise RuntimeError("power cut")
        return step(self, run)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kind, "step", until_half)
        with pytest.raises(RuntimeError, match="power cut"):
            trained(make, opts, out / "half")
    resumed = trained(make, opts, out / "half", resume=True)
    for name, network in whole.networks.items():
        theirs = resumed.networks[name].state_dict()
        for key, value in network.state_dict().items():
            assert torch.equal(value, theirs[key]), f"{name}.{key}"


def sheet_error(sheet: torch.Tensor, rows: int, drawn: int, wanted: int) -> float:
    """Mean absolute difference of two rows of `Recipe.samples()`, which shows the same pictures every time.

    Tests of learning compare it before and after a run: what a step logs is of that step's crops alone.
    """
    each = sheet.chunk(rows, dim=1)
    return float((each[drawn] - each[wanted]).abs().mean())


def draw_pictures(folder: Path, count: int, size: tuple[int, int] = (40, 36), seed: int = 0) -> Path:
    """`count` smooth random pictures `0.png` ... of (width, height) in a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for i in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        coarse.resize(size, Image.Resampling.BICUBIC).save(folder / f"{i}.png")
    return folder
