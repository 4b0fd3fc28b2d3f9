"""Interface between recipes and the loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganedit.train.run import Run


class Recipe(ABC):
    """Networks, optimisers, and one step. Everything in `networks` and `optimizers` is checkpointed."""

    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]

    @abstractmethod
    def step(self, run: Run) -> dict[str, Tensor]:
        """Make one optimiser step for every network; returns scalars, still on the device."""

    def state(self) -> dict[str, Any]:
        """Further state to checkpoint, as plain values for JSON."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Restore what `state` returned."""

    def samples(self) -> Tensor | None:
        """A picture that shows progress, [3, H, W] in [-1, 1], or None."""
        return None

    def evaluate(self) -> dict[str, float]:
        """Measurements on held-out data, by name; logged with the samples."""
        return {}

    def real_images(self, count: int) -> np.ndarray | None:
        """Images that the generator's samples are measured against, [N, S, S, 3] uint8: at most `count` at
        random, always the same ones. None if it draws no images."""
        return None

    def export(self, folder: Path, images: int) -> None:  # noqa: B027
        """Write the model with its card to `folder`."""
