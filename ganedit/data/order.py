"""The order in which training sees a set: a function of the step, without state.

Which images step 1,000 sees follows from the seed and the number 1,000 alone, so a resumed
run needs to remember nothing but its step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Share:
    """What one process takes from a set in one step; the choice depends only on these numbers.

    Attributes:
        step: Step of the run, from 0.
        seed: Determines the order; sets that are drawn independently in the same step have different seeds.
        rank, world: Number of this process, and of all processes.
        size: Number of entries.
        pieces: Number of batches that they are divided into.
        device: Device for the batches.
    """

    step: int
    seed: int
    rank: int
    world: int
    size: int
    pieces: int
    device: torch.device

    def rows(self, n: int) -> tuple[Tensor, ...]:
        """Indices out of n entries, int64, for each piece."""
        return index_batch(n, self.size, self.step, self.seed, self.rank, self.world).chunk(self.pieces)

    def flips(self) -> tuple[Tensor, ...]:
        """Whether each of them is flipped, bool, for each piece."""
        return mirror_batch(self.size, self.step, self.seed, self.rank, self.world).chunk(self.pieces)

    def rng(self) -> np.random.Generator:
        """Random numbers for the positions of crops."""
        return crop_rng(self.step, self.seed, self.rank, self.world)


def index_batch(n: int, batch: int, step: int, seed: int, rank: int = 0, world: int = 1) -> Tensor:
    """Rows that `rank` sees at `step`, from endless passes over the set, each newly shuffled.

    This is a pure function of its arguments. Within a pass, no image repeats over all ranks.

    Args:
        n: Images in the set.
        batch: Images per rank and step.
        step: Counted from 0.
        seed: Determines the order.
        rank, world: Number of this process, and of all processes.

    Returns:
        int64 [batch] in [0, n).
    """
    first = (step * world + rank) * batch
    positions = range(first, first + batch)
    rows = [_shuffled(n, seed, position // n)[position % n] for position in positions]
    return torch.from_numpy(np.array(rows, dtype=np.int64))


def mirror_batch(batch: int, step: int, seed: int, rank: int = 0, world: int = 1) -> Tensor:
    """Which images of a batch to flip, with probability 1/2: bool [batch], depends only on seed, step and
    rank."""
    rng = np.random.default_rng([seed, step * world + rank, 1])
    return torch.from_numpy(rng.random(batch) < 0.5)


def crop_rng(step: int, seed: int, rank: int = 0, world: int = 1) -> np.random.Generator:
    """Random numbers for the crops of a batch, which depend only on seed, step and rank."""
    return np.random.default_rng([seed, step * world + rank, 2])


@lru_cache(maxsize=4)
def _shuffled(n: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(n)
