"""Networks run over pictures larger than memory allows: in overlapping tiles, blended without seams.

Next to a cut, a network sees zeros or reflections instead of the picture. So of every tile the `context`
pixels at each cut are thrown away, and over the `ramp` pixels inside these it gives way to its neighbour.
A network whose receptive field reaches no further than the context gives the same picture as in one piece.
One that normalises by the statistics of its whole input (instance normalisation) cannot: every tile has
statistics of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from ganedit.compute import memory_of
from ganedit.errors import UsageError

Cut = Callable[[slice, slice], Tensor]  # rows and columns of the input -> [N, C, h, w]
Run = Callable[[Tensor], Tensor]
Progress = Callable[[int, int], None]  # tiles done, tiles in all

CONTEXT, RAMP = 24, 8  # pixels of the input
ALWAYS_WHOLE = 512 * 512  # pixels; any machine has the memory
TILE_MEMORY = 3 * 2**29  # bytes of activations, for networks that give the same in tiles
LEAST = 2 * (CONTEXT + RAMP)  # side of a tile, so that only neighbours overlap


@dataclass(frozen=True)
class Span:
    """What a tile covers along one axis, and how it is weighed there."""

    start: int
    stop: int
    first: float  # pixels before this belong to the tile before; halfway between them at this
    last: float
    ramp: int

    def weights(self, scale: int, device: torch.device) -> tuple[int, Tensor]:
        """Where the tile begins to count in the output, and its weights from there on.

        With those of the neighbours they sum to one at every pixel.
        """
        at = (torch.arange(self.start * scale, self.stop * scale, device=device) + 0.5) / scale
        rise = ((at - self.first) / self.ramp + 0.5).clamp(0, 1)
        fall = ((at - self.last) / self.ramp + 0.5).clamp(0, 1)
        weights = rise - fall
        counts = weights.nonzero()
        begin, end = int(counts[0]), int(counts[-1]) + 1
        return self.start * scale + begin, weights[begin:end]


def spans(
    length: int, tile: int, *, multiple: int = 1, context: int = CONTEXT, ramp: int = RAMP
) -> list[Span]:
    """Cut `length` pixels into tiles of about `tile`, which begin at multiples of `multiple`."""
    overlap = 2 * context + ramp
    tile = max(tile, 2 * overlap, overlap + multiple)
    if length <= tile:
        return [Span(0, length, -1e9, 1e9, 1)]
    count = -(-(length - overlap) // (tile - overlap - (multiple - 1)))
    starts = [i * (length - tile) // (count - 1) // multiple * multiple for i in range(count)]
    stops = [*(start + tile for start in starts[:-1]), length]
    seams = [-1e9, *((after + stop) / 2 for stop, after in zip(stops[:-1], starts[1:], strict=True)), 1e9]
    return [
        Span(start, stop, first, last, ramp)
        for start, stop, (first, last) in zip(starts, stops, pairwise(seams), strict=True)
    ]


def tiled(
    run: Run,
    cut: Cut,
    size: tuple[int, int],
    tile: int,
    *,
    scale: int = 1,
    multiple: int = 1,
    context: int = CONTEXT,
    ramp: int = RAMP,
    progress: Progress | None = None,
) -> Iterator[tuple[int, Tensor]]:
    """The picture that `run` makes, in bands of rows from top to bottom, so that it need not fit in memory.

    Args:
        run: The network: [N, C, h, w] to [N, O, scale·h, scale·w].
        cut: Gives the input's rows and columns.
        size: Height and width of the input.
        tile: Side of the tiles; 0 takes the picture whole.
        scale: How many times as wide and high the output is.
        multiple: Tiles begin at multiples of it, as networks with strided convolutions want.
        context: Pixels at each cut that are thrown away.
        ramp: Pixels over which neighbours are blended.
        progress: Called after each tile.

    Yields:
        The first row, and rows [N, O, n, scale·W].
    """
    height, width = size
    options = {"multiple": multiple, "context": context, "ramp": ramp}
    rows, columns = (spans(n, tile or n, **options) for n in size)
    total = len(rows) * len(columns)
    if total == 1:
        whole = run(cut(slice(0, height), slice(0, width)))
        if progress:
            progress(1, 1)
        yield 0, whole
        return
    pending: Tensor | None = None  # rows that the next band is still to be added to
    for i, row in enumerate(rows):
        top, band = 0, torch.empty(0)
        for j, column in enumerate(columns):
            part = run(cut(slice(row.start, row.stop), slice(column.start, column.stop)))
            top, down = row.weights(scale, part.device)
            left, across = column.weights(scale, part.device)
            y, x = top - row.start * scale, left - column.start * scale
            part = part[:, :, y : y + len(down), x : x + len(across)] * (down[:, None] * across)
            if not j:
                band = part.new_zeros(*part.shape[:3], width * scale)
            band[..., left : left + len(across)] += part
            if progress:
                progress(i * len(columns) + j + 1, total)
        if pending is not None:
            band[:, :, : pending.shape[2]] += pending
        following = rows[i + 1].weights(scale, band.device)[0] if i + 1 < len(rows) else height * scale
        pending = band[:, :, following - top :].clone()
        yield top, band[:, :, : following - top]


def choose_tile(
    network: nn.Module, run: Run, sample: Callable[[], Tensor], size: tuple[int, int], *, whole: bool
) -> int:
    """Side of the tiles that suits the free memory; 0 for the whole picture.

    Args:
        network: Its layers' outputs are measured while it runs.
        run: As in `tiled`.
        sample: Gives a small input [1, C, h, w].
        size: Height and width of the picture.
        whole: The network looks at all of its input at once: tiles only where half of the free memory
            does not do. Otherwise tiles are as good, and `TILE_MEMORY` is enough.
    """
    if size[0] * size[1] <= ALWAYS_WHOLE:
        return 0
    device = next(network.parameters()).device
    free = memory_of(device)
    budget = free / 2 if whole else min(free / 4, TILE_MEMORY)
    pixels = budget / activation_bytes(network, run, sample())
    if size[0] * size[1] <= pixels:
        return 0
    return max(int(pixels**0.5) // 16 * 16, 2 * LEAST)


def activation_bytes(network: nn.Module, run: Run, sample: Tensor) -> float:
    """About how many bytes the network needs while it runs, for every pixel of its input."""
    most = 0

    def measure(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        nonlocal most
        tensors = [t for t in (*inputs, output) if isinstance(t, Tensor)]
        most = max(most, sum(t.numel() * t.element_size() for t in tensors))

    hooks = [m.register_forward_hook(measure) for m in network.modules() if not any(m.children())]
    try:
        run(sample)
    finally:
        for hook in hooks:
            hook.remove()
    return 2 * most / (sample.shape[0] * sample.shape[2] * sample.shape[3])


def check_tile(tile: int | None) -> None:
    """Refuse a side that leaves nothing of a tile.

    Raises:
        UsageError: it is negative, or too small.
    """
    if tile and not tile >= 2 * LEAST:
        raise UsageError(f"`tile={tile}` must be at least {2 * LEAST}, or 0 for no tiles")
