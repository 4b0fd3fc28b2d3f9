"""What a recipe brings to the loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganedit.train.run import Run


class Recipe(ABC):
    """Networks, optimisers, and one step. Everything in `networks` and `optimizers` is checkpointed."""

    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]

    @abstractmethod
    def step(self, run: Run) -> dict[str, Tensor]:
        """One optimiser step of every player; returns scalars, still on the device."""

    def state(self) -> dict[str, Any]:
        """Further numbers to checkpoint, as JSON takes them."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Take back what `state` gave."""

    def samples(self) -> Tensor | None:
        """A picture of progress, [3, H, W] in [-1, 1], or None."""
        return None

    def evaluate(self) -> dict[str, float]:
        """What is measured on pictures kept out of training, by name; logged with the samples."""
        return {}

    def export(self, folder: Path, images: int) -> None:  # noqa: B027
        """Write what users load, with its card, into `folder`."""
