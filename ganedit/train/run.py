"""Where a training step takes place: device, data, gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from lightning.fabric import Fabric
from torch import Tensor, nn

from ganedit.compute import keep_freed_memory
from ganedit.data.images import ImageSet, fetch
from ganedit.data.order import crop_rng, index_batch, mirror_batch
from ganedit.data.pictures import Pictures
from ganedit.errors import UsageError
from ganedit.train.options.base import LoopOptions

if TYPE_CHECKING:
    from ganedit.data.sounds import Sounds


@dataclass
class Run:
    """Where a step takes place: device, data, gradients."""

    fabric: Fabric
    options: LoopOptions
    step: int = 0
    _sets: dict[int, Tensor] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        return self.fabric.device

    @property
    def images_seen(self) -> int:
        return self.step * self.options.batch

    @property
    def progress(self) -> float:
        """Share of the run that lies behind this step, 0 to 1."""
        return min(self.images_seen / (self.options.kimg * 1000), 1.0)

    @property
    def micro_batch(self) -> int:
        """Images per piece and device."""
        return self.options.batch // (self.options.devices * self.options.accumulate)

    def draw(self, data: ImageSet, *, mirror: bool, stream: int = 0) -> list[tuple[Tensor, Tensor | None]]:
        """This step's real images [N, C, H, W] in [-1, 1] and labels, one pair per accumulated piece.

        `stream` tells apart data sets that are drawn independently in the same step.
        """
        pixels = self._on_device(data.images)
        pieces, share, where = self._share(stream)
        rows = index_batch(len(data), share, *where)
        flips = mirror_batch(share, *where) if mirror else torch.zeros(share, dtype=torch.bool)
        found: list[tuple[Tensor, Tensor | None]] = []
        for idx, flip in zip(rows.chunk(pieces), flips.chunk(pieces), strict=True):
            images = fetch(pixels, idx, flip)
            labels = None if data.labels is None else data.labels[idx].to(self.device)
            if labels is not None and data.class_names:
                labels = F.one_hot(labels, data.num_classes).float()
            found.append((images, labels))
        return found

    def draw_crops(
        self, data: Pictures, size: int, *, mirror: bool, turn: bool = False, stream: int = 0
    ) -> list[list[Tensor]]:
        """This step's random crops, one [N, 3, S, S] in [-1, 1] per layer of `data`, for each piece.

        See `Pictures.crops`; `stream` as for `draw`.
        """
        pieces, share, where = self._share(stream)
        rows = index_batch(len(data), share, *where)
        rng = crop_rng(*where)
        return [
            [
                layer.to(self.device)
                for layer in data.crops(piece.tolist(), size, rng, mirror=mirror, turn=turn)
            ]
            for piece in rows.chunk(pieces)
        ]

    def draw_windows(
        self, data: Sounds, frames: int, *, gain: float = 0.0, stream: int = 0
    ) -> list[tuple[Tensor, Tensor]]:
        """This step's random windows of sounds, spectrograms [N, 1, bins, F] and samples, for each piece.

        See `Sounds.windows`; `stream` as for `draw`.
        """
        pieces, share, where = self._share(stream)
        rows = index_batch(len(data), share, *where)
        rng = crop_rng(*where)
        drawn = (data.windows(piece.tolist(), frames, rng, gain) for piece in rows.chunk(pieces))
        return [(pictures.to(self.device), waves.to(self.device)) for pictures, waves in drawn]

    def _share(self, stream: int) -> tuple[int, int, tuple[int, int, int, int]]:
        """Pieces, images of this process in one step, and what its order of images follows from."""
        where = (self.step, self.options.seed + stream, self.fabric.global_rank, self.fabric.world_size)
        return self.options.accumulate, self.micro_batch * self.options.accumulate, where

    def _on_device(self, images: Tensor) -> Tensor:
        """The decoded set, on a GPU when it takes less than a quarter of it."""
        if self.device.type != "cuda":
            return images
        if id(images) not in self._sets:
            fits = images.numel() < torch.cuda.mem_get_info(self.device)[1] // 4
            self._sets[id(images)] = images.to(self.device) if fits else images
        return self._sets[id(images)]

    def minimise(
        self,
        optimizer: torch.optim.Optimizer,
        losses: Iterator[Tensor] | Sequence[Tensor],
        *,
        clip: float | None = None,
    ) -> Tensor:
        """One optimiser step on the mean of `losses`, one per accumulated piece, over all devices.

        `losses` may be a generator: each piece is back-propagated before the next is computed. Gradients
        together longer than `clip` are shortened to that.
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
        flat = self.fabric.all_reduce(flat, reduce_op="mean")  # type: ignore[assignment]
        at = 0
        for p in parameters:
            p.grad = flat[at : at + p.numel()].view_as(p)
            at += p.numel()


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """The learning rate from now on."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def start_fabric(device: str, devices: int) -> Fabric:
    """Fabric on "auto", "cpu", "cuda" or "cuda:N", launched."""
    keep_freed_memory()
    kind, _, index = device.partition(":")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda, but no CUDA GPU is available here", "drop it to train on the CPU")
    fabric = Fabric(accelerator=kind, devices=[int(index)] if index else devices)
    fabric.launch()
    if fabric.device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    return fabric
