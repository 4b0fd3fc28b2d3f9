"""Runs networks over pictures that do not fit in memory: in overlapping tiles, blended without seams.

Next to a cut, a network sees zeros or reflections instead of the picture. So the `context`
pixels of a tile at each cut are discarded, and the `ramp` pixels inside these are blended with its neighbour.
A network whose receptive field does not exceed the context gives the same picture as in one piece.
A network that normalises by the statistics of its whole input (instance normalisation) does not, as every
tile has its own statistics.
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
Progress = Callable[[int, int], None]  # tiles done, total tiles

CONTEXT, RAMP = 24, 8  # pixels of the input
ALWAYS_WHOLE = 512 * 512  # pixels; any machine has enough memory for them
TILE_MEMORY = 3 * 2**29  # bytes of activations, for networks whose output does not depend on tiles


@dataclass(frozen=True)
class Span:
    """The extent of a tile along one axis, and its weights."""

    start: int
    stop: int
    first: float  # pixels before this belong to the previous tile; here both weigh the same
    last: float
    ramp: int

    def weights(self, scale: int, device: torch.device) -> tuple[int, Tensor]:
        """The first position in the output where the tile counts, and its weights from there on.

        Together with those of the neighbours, they sum to one at every pixel.
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
    """The output of `run`, in bands of rows from top to bottom, so that it need not fit in memory.

    Args:
        run: The network, from [N, C, h, w] to [N, O, scale·h, scale·w].
        cut: Returns the input at rows and columns.
        size: Height and width of the input.
        tile: Side of the tiles; 0 means the whole picture at once.
        scale: Factor by which the output is larger than the input.
        multiple: Tiles begin at multiples of it, which networks with strided convolutions need.
        context: Pixels at each cut that are discarded.
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
    pending: Tensor | None = None  # rows to which the next band will be added
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
    network: nn.Module,
    run: Run,
    sample: Callable[[], Tensor],
    size: tuple[int, int],
    *,
    whole: bool,
    context: int = CONTEXT,
) -> int:
    """Side of the tiles that fits the free memory; 0 for the whole picture.

    Args:
        network: The network; the outputs of its layers are measured while it runs.
        run: As in `tiled`.
        sample: Returns a small input [1, C, h, w].
        size: Height and width of the picture.
        whole: Whether the output depends on the whole input: then tiles are used only if half of the free
            memory is not enough. Otherwise they give the same output, and `TILE_MEMORY` is the limit.
        context: As in `tiled`.
    """
    if size[0] * size[1] <= ALWAYS_WHOLE:
        return 0
    device = next(network.parameters()).device
    free = memory_of(device)
    budget = free / 2 if whole else min(free / 4, TILE_MEMORY)
    pixels = budget / activation_bytes(network, run, sample())
    if size[0] * size[1] <= pixels:
        return 0
    return max(int(pixels**0.5) // 16 * 16, least_tile(context))


def activation_bytes(network: nn.Module, run: Run, sample: Tensor) -> float:
    """Approximate memory in bytes that the network needs while it runs, per pixel of its input."""
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


def least_tile(context: int = CONTEXT) -> int:
    """Smallest side of a tile such that only neighbours overlap."""
    return 4 * (context + RAMP)


def check_tile(tile: int | None, context: int = CONTEXT, name: str = "") -> None:
    """Refuse a tile size that is too small for any network, or for the network of this name and context.

    Raises:
        UsageError: it is negative, or too small.
    """
    if tile and not tile >= least_tile(context):
        least = f"at least {least_tile(context)}{f' for {name}' if name else ''}"
        raise UsageError(f"`tile={tile}` must be {least}, or 0 for no tiles")
