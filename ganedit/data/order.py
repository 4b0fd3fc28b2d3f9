"""The order in which training sees a set: a function of the step, with no state.

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
    """What one process draws of a set in one step; the choice follows from these numbers alone.

    Attributes:
        step: Of the run, from 0.
        seed: Chooses the order; sets that are drawn independently in the same step have different ones.
        rank, world: This process and how many there are.
        size: Entries to draw.
        pieces: How many batches they are handed out in.
        device: Where these go.
    """

    step: int
    seed: int
    rank: int
    world: int
    size: int
    pieces: int
    device: torch.device

    def rows(self, n: int) -> tuple[Tensor, ...]:
        """Which of n entries, int64, for each piece."""
        return index_batch(n, self.size, self.step, self.seed, self.rank, self.world).chunk(self.pieces)

    def flips(self) -> tuple[Tensor, ...]:
        """Which of them are flipped, bool, for each piece."""
        return mirror_batch(self.size, self.step, self.seed, self.rank, self.world).chunk(self.pieces)

    def rng(self) -> np.random.Generator:
        """Where they are cropped follows from this."""
        return crop_rng(self.step, self.seed, self.rank, self.world)


def index_batch(n: int, batch: int, step: int, seed: int, rank: int = 0, world: int = 1) -> Tensor:
    """Rows that `rank` sees at `step`: an endless stream of freshly shuffled passes over the set.

    A pure function of its arguments. Within one pass no image repeats, over all ranks together.

    Args:
        n: Images in the set.
        batch: Images per rank and step.
        step: Counted from 0.
        seed: Chooses the order.
        rank, world: This process and how many there are.

    Returns:
        int64 [batch] in [0, n).
    """
    first = (step * world + rank) * batch
    positions = range(first, first + batch)
    rows = [_shuffled(n, seed, position // n)[position % n] for position in positions]
    return torch.from_numpy(np.array(rows, dtype=np.int64))


def mirror_batch(batch: int, step: int, seed: int, rank: int = 0, world: int = 1) -> Tensor:
    """Which images of a batch to flip: a fair coin each, from (seed, step, rank) alone; bool [batch]."""
    rng = np.random.default_rng([seed, step * world + rank, 1])
    return torch.from_numpy(rng.random(batch) < 0.5)


def crop_rng(step: int, seed: int, rank: int = 0, world: int = 1) -> np.random.Generator:
    """Where a batch is cropped follows from this, that is from (seed, step, rank) alone."""
    return np.random.default_rng([seed, step * world + rank, 2])


@lru_cache(maxsize=4)
def _shuffled(n: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(n)
