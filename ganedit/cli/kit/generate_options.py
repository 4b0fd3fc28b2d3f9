"""Parses the options of `ganedit generate`."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from ganedit.errors import UsageError

if TYPE_CHECKING:
    from ganedit.latent.generating import Move

MOST = 1_000_000  # seeds in one run


def parse_seeds(text: str) -> list[int]:
    """Parse `0-3,7` to [0, 1, 2, 3, 7], without repetitions.

    Raises:
        UsageError: not a list of seeds, or too many.
    """
    seeds: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})(?:-(\d{1,10}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < 2**32:
            raise UsageError(f"--seeds {text} is not a list of seeds", "write 0-63 or 1,5,9-12")
        if last - first + len(seeds) >= MOST:
            raise UsageError(f"--seeds {text} are more than {MOST:,}", "split the run")
        seeds |= dict.fromkeys(range(first, last + 1))
    return list(seeds)


def parse_grid(text: str) -> tuple[int, int]:
    """Parse `8x4` to (8, 4), columns and rows.

    Raises:
        UsageError: not two numbers from 1 to 100.
    """
    match = re.fullmatch(r"(\d{1,3})x(\d{1,3})", text)
    columns, rows = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (1 <= columns <= 100 and 1 <= rows <= 100):
        raise UsageError(f"--grid {text} is not COLUMNSxROWS", "write 8x8")
    return columns, rows


def parse_move(degrees: float, shift: str | None) -> Move | None:
    """Parse `30` and `0.1,-0.05` to a Move; None if nothing moves.

    Raises:
        UsageError: not finite numbers.
    """
    from ganedit.latent.generating import Move

    try:
        x, y = (float(part) for part in (shift or "0,0").split(","))
    except ValueError:
        x = y = math.nan
    if not all(math.isfinite(n) for n in (x, y)):
        raise UsageError(f"--translate {shift} is not X,Y", "write 0.1,-0.05")
    if not math.isfinite(degrees):
        raise UsageError(f"--rotate {degrees} is not a finite number", "write 30")
    return Move(degrees, x, y) if degrees or x or y else None
