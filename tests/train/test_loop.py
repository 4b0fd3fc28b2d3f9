"""The loop's own promises, on a recipe of one number: checkpoints, interruption, divergence, accumulation."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from ganedit.data.images import ImageSet
from ganedit.errors import CheckpointError, GaneditError, InputError, UsageError
from ganedit.train import loop
from ganedit.train.checkpoints import CHECKPOINT, load_checkpoint, read_options, save_options
from ganedit.train.logs import Log, Report
from ganedit.train.loop import train
from ganedit.train.options.base import LoopOptions
from ganedit.train.recipe import Recipe
from ganedit.train.run import Run, start_fabric

DATA = ImageSet(
    torch.arange(12, dtype=torch.uint8).mul(20).view(12, 1, 1, 1).expand(12, 3, 4, 4).contiguous(),
    [f"{i}.png" for i in range(12)],
    None,
    [],
    [],
)


class MeanColour(Recipe):
    """Learns the mean of the pixels, plus random numbers that a resumed run has to draw again."""

    def __init__(self, spoil_at: int = -1) -> None:
        self.net = nn.Linear(1, 1)
        nn.init.zeros_(self.net.weight)
        nn.init.zeros_(self.net.bias)
        self.networks = {"net": self.net}
        self.optimizers = {"net": torch.optim.Adam(self.net.parameters(), 0.05)}
        self.spoil_at, self.exported, self.seen = spoil_at, [], []

    def step(self, run: Run) -> dict[str, torch.Tensor]:
        pieces = DATA.draw(run.share(), mirror=True)
        self.seen.append(torch.cat([images[:, 0, 0, 0] for images, _ in pieces]))
        losses = (self.loss(images) for images, _ in pieces)
        loss = run.minimise(self.optimizers["net"], losses)
        return {"loss": loss * float("nan") if run.step == self.spoil_at else loss}

    def loss(self, images: torch.Tensor) -> torch.Tensor:
        guess = self.net(torch.ones(len(images), 1))[:, 0]
        return (guess - images.mean((1, 2, 3)) + 0.1 * torch.randn(len(images))).square().mean()

    def export(self, folder: Path, images: int) -> None:
        self.exported.append(images)


def options(**more) -> LoopOptions:
    values = {"kimg": 0.08, "batch": 4, "seed": 3, "precision": "float32", **more}
    return LoopOptions(**values)


def go(out: Path, *, resume=False, recipe: MeanColour | None = None, on_report=None, **more) -> MeanColour:
    torch.manual_seed(99 if resume else 0)  # what went on before must not matter
    recipe = recipe or MeanColour()
    run = Run(start_fabric("cpu", 1), options(**more))
    if resume:
        load_checkpoint(recipe, run, out)
    train(recipe, run, out, on_report=on_report)
    return recipe


def weights(recipe: Recipe) -> list[torch.Tensor]:
    return [value.clone() for net in recipe.networks.values() for value in net.state_dict().values()]


def test_half_and_resume_is_the_whole(tmp_path):
    whole = go(tmp_path / "whole")
    go(tmp_path / "half", kimg=0.04)
    resumed = go(tmp_path / "half", resume=True)
    assert len(whole.seen) == 20
    assert len(resumed.seen) == 10
    assert all(torch.equal(a, b) for a, b in zip(whole.seen[10:], resumed.seen, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))


def test_it_learns(tmp_path):
    recipe = go(tmp_path, kimg=2.0)
    wanted = float(DATA.images.float().mean() / 127.5 - 1)
    assert float(recipe.net(torch.ones(1, 1)).detach()) == pytest.approx(wanted, abs=0.1)


def test_every_pass_sees_every_image_once(tmp_path):
    seen = torch.cat(go(tmp_path).seen)  # 80 images of 12
    assert len(seen) == 80
    for first in range(0, 72, 12):
        assert len(set(seen[first : first + 12].tolist())) == 12


def test_pieces_make_up_the_same_step(tmp_path):
    """Accumulation averages over pieces: without random numbers the first step is the same."""
    for name, pieces in (("one", 1), ("two", 2)):
        recipe = MeanColour()
        recipe.loss = lambda x, net=recipe.net: (net(x.mean((1, 2, 3))[:, None]) - 1).square().mean()
        go(tmp_path / name, recipe=recipe, accumulate=pieces, kimg=0.004)
        if name == "one":
            wanted = weights(recipe)
    for a, b in zip(wanted, weights(recipe), strict=True):
        torch.testing.assert_close(a, b)


def test_interrupting_saves_first(tmp_path, monkeypatch):
    monkeypatch.setattr(Log, "EVERY_SECONDS", 0.0)
    before = signal.getsignal(signal.SIGINT)
    recipe = MeanColour()

    def interrupt_at_the_fifth(report: Report) -> None:
        if report.images == 20:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        go(tmp_path, recipe=recipe, on_report=interrupt_at_the_fifth)
    assert signal.getsignal(signal.SIGINT) is before
    assert 20 <= recipe.exported[-1] <= 24
    resumed, whole = go(tmp_path, resume=True), go(tmp_path / "whole")
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))


def test_a_second_interrupt_does_not_wait():
    with loop._postponed_interrupt() as flag:
        os.kill(os.getpid(), signal.SIGINT)
        assert flag.is_set
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_diverged_run_keeps_its_last_checkpoint(tmp_path):
    go(tmp_path, kimg=0.04)
    good = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(GaneditError, match=r"diverged at 0\.1 kimg: loss is not finite") as caught:
        go(tmp_path, resume=True, recipe=MeanColour(spoil_at=19))
    assert "`lr`" in caught.value.hint
    assert (tmp_path / CHECKPOINT).read_bytes() == good


def test_reports_and_snapshots(tmp_path, monkeypatch):
    monkeypatch.setattr(Log, "EVERY_SECONDS", 0.0)
    reports = []
    recipe = go(tmp_path, on_report=reports.append, snapshot_kimg=0.03)
    assert [r.images for r in reports] == list(range(4, 84, 4))
    assert all(r.total == 80 and r.images_per_second > 0 and "loss" in r.stats for r in reports)
    assert reports[-1].seconds_left == 0
    assert recipe.exported == [32, 60, 80]  # the first steps past 30, 60, and the end
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["images"] for line in lines] == [r.images for r in reports]


def test_time_can_run_out(tmp_path):
    recipe = go(tmp_path, kimg=1000, minutes=1e-6)
    assert len(recipe.seen) == 1
    assert (tmp_path / CHECKPOINT).is_file()


def test_resuming_what_is_not_there_or_foreign(tmp_path):
    with pytest.raises(InputError, match="to resume from"):
        go(tmp_path, resume=True)
    go(tmp_path)
    other = MeanColour()
    other.net = other.networks["net"] = nn.Linear(2, 2)
    run = Run(start_fabric("cpu", 1), options())
    with pytest.raises(CheckpointError, match="does not fit this run"):
        load_checkpoint(other, run, tmp_path)
    for junk in (b"", b"no tensors at all", (tmp_path / CHECKPOINT).read_bytes()[:-40]):
        (tmp_path / CHECKPOINT).write_bytes(junk)
        with pytest.raises(CheckpointError, match="does not fit this run"):
            load_checkpoint(MeanColour(), run, tmp_path)


def test_a_safetensors_file_of_something_else(tmp_path):
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(2)}, tmp_path / CHECKPOINT)
    with pytest.raises(CheckpointError, match="does not fit"):
        load_checkpoint(MeanColour(), Run(start_fabric("cpu", 1), options()), tmp_path)


def test_options_beside_the_run(tmp_path):
    save_options(options(data=("a", "b")), tmp_path, recipe="stylegan2")
    found = read_options(tmp_path)
    assert found.pop("recipe") == "stylegan2"
    assert LoopOptions(**{**found, "data": tuple(found["data"])}) == options(data=("a", "b"))
    (tmp_path / "options.json").write_text("{")
    with pytest.raises(InputError, match="not a training run"):
        read_options(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kimg": 0}, "`kimg=0` must be above 0"),
        ({"batch": 6, "accumulate": 4}, "cannot be split"),
        ({"batch": 0}, "cannot be split"),
        ({"limit": -1}, "`limit=-1` must be"),
    ],
)
def test_options_that_make_no_sense(changes, said):
    with pytest.raises(UsageError, match=said):
        options(**changes)


def test_a_gpu_that_is_not_there():
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(UsageError, match="no CUDA GPU"):
        start_fabric("cuda", 1)


def test_what_is_measured_is_logged_with_the_samples(tmp_path):
    recipe = MeanColour()
    recipe.evaluate = lambda: {"held out": 0.5}
    reports = []
    go(tmp_path, recipe=recipe, on_report=reports.append, sample_kimg=0.04)
    assert [r.images for r in reports if "held out" in r.stats] == [40, 80]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["held out"] == 0.5


def test_progress_runs_from_0_to_1():
    run = Run(start_fabric("cpu", 1), options())
    assert [run.progress, Run(run.fabric, run.options, step=10).progress] == [0, 0.5]
    assert Run(run.fabric, run.options, step=30).progress == 1
