"""Device, data and gradients of a training step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from ganedit.compute import keep_freed_memory
from ganedit.data.order import Share
from ganedit.errors import UsageError
from ganedit.train.options.base import LoopOptions


@dataclass(frozen=True)
class Best:
    """The best snapshot so far: its value, after how many images, and what was measured."""

    value: float
    images: int
    by: str


@dataclass
class Run:
    """Device, data and gradients of a step."""

    fabric: Fabric
    options: LoopOptions
    step: int = 0
    saved: int | None = None
    """Images seen at the last checkpoint; None without one."""
    best: Best | None = None
    """The best snapshot so far; None if nothing was measured."""

    @property
    def device(self) -> torch.device:
        return self.fabric.device

    @property
    def images_seen(self) -> int:
        return self.step * self.options.batch

    @property
    def progress(self) -> float:
        """Share of the run before this step, 0 to 1."""
        return min(self.images_seen / (self.options.kimg * 1000), 1.0)

    @property
    def micro_batch(self) -> int:
        """Images per piece and device."""
        return self.options.batch // (self.options.devices * self.options.accumulate)

    def share(self, stream: int = 0) -> Share:
        """What this process takes from a set in this step: an argument for `draw` of the sets in
        `ganedit.data`.

        `stream` distinguishes sets that are drawn independently in the same step.
        """
        return Share(
            self.step,
            self.options.seed + stream,
            self.fabric.global_rank,
            self.fabric.world_size,
            self.micro_batch * self.options.accumulate,
            self.options.accumulate,
            self.device,
        )

    def minimise(
        self,
        optimizer: torch.optim.Optimizer,
        losses: Iterator[Tensor] | Sequence[Tensor],
        *,
        clip: float | None = None,
    ) -> Tensor:
        """Make one optimiser step on the mean of `losses`, one per accumulated piece, over all devices.

        `losses` may be a generator: each piece is back-propagated before the next is computed. Gradients
        with a total norm above `clip` are scaled down to it.
        """
        optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.device)
        for loss in losses:
            (loss / self.options.accumulate).backward()
            total += loss.detach() / self.options.accumulate
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        self._average_gradients(parameters)
        if clip is not None:
            nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        return total

    def _average_gradients(self, parameters: list[nn.Parameter]) -> None:
        if self.fabric.world_size == 1:
            return
        flat = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
        mean = self.fabric.all_reduce(flat, reduce_op="mean")
        assert isinstance(mean, Tensor)
        at = 0
        for p in parameters:
            p.grad = mean[at : at + p.numel()].view_as(p)
            at += p.numel()


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of an optimiser."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def start_fabric(device: str, devices: int) -> Fabric:
    """Launch Fabric on "auto", "cpu", "cuda" or "cuda:N"."""
    keep_freed_memory()
    kind, _, index = device.partition(":")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            "`device=cuda`, but no CUDA GPU is available here", "leave it out to train on the CPU"
        )
    fabric = Fabric(accelerator=kind, devices=[int(index)] if index else devices)
    fabric.launch()
    if fabric.device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    return fabric
