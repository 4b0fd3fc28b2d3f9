"""Activations of the units (feature maps) of a generator while it draws, and their exact quantiles.

A layer is an index of `Generator.layers`. StyleGAN3's maps extend beyond the picture by a margin, which is
cut off here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganedit.errors import UsageError

if TYPE_CHECKING:
    from ganedit.store.models import Generator

BATCH = 16  # pictures whose activations are in memory at a time


@dataclass(frozen=True)
class LayerShape:
    """Shape of a layer's activations: `units` maps with `size` samples a side, `inside` of them in the
    picture."""

    layer: int
    units: int
    size: int
    inside: int

    @property
    def margin(self) -> int:
        """Samples beyond the picture on each side."""
        return (self.size - self.inside) // 2

    def __str__(self) -> str:
        return f"layer{self.layer} ({self.inside} px)"


class _StopForward(Exception):
    """Raised by a hook to stop the forward pass when the remaining layers are not needed."""


@torch.no_grad()
def layer_shapes(generator: Generator) -> list[LayerShape]:
    """The shapes of all layers, determined by drawing the average picture.

    Raises:
        CheckpointError: the model has no style space.
    """
    shapes: list[torch.Size] = []
    with ExitStack() as stack:
        for module in generator.layers:
            stack.callback(module.register_forward_hook(lambda *call: shapes.append(call[2].shape)).remove)
        generator.synthesis(generator.w_avg.expand(1, generator.num_ws, -1))
    inside = getattr(generator.network.cfg, "rates", [shape[-1] for shape in shapes])
    return [LayerShape(i, s[1], s[-1], n) for i, (s, n) in enumerate(zip(shapes, inside, strict=True))]


@torch.no_grad()
def activations(
    generator: Generator, codes: Tensor, shapes: Sequence[LayerShape], *, draw: bool = True
) -> tuple[Tensor, list[Tensor]]:
    """Activations of layers while pictures of codes w [N, W] are drawn.

    Args:
        generator: With a style space.
        codes: [N, W], each used for all rows.
        shapes: The layers, from `layer_shapes`.
        draw: If False, no layer after the last of these is computed, and the pictures are empty.

    Returns:
        Pictures [N, 3, R, R], and for each layer the activations within the picture, [N, C, S, S] float32.
    """
    ws = codes[:, None].expand(-1, generator.num_ws, -1)
    pictures, maps = watched(generator, shapes, lambda: generator.synthesis(ws), whole=draw)
    return torch.empty(len(codes), 3, 0, 0) if pictures is None else pictures, maps


def watched(
    generator: Generator, shapes: Sequence[LayerShape], draw: Callable[[], Tensor], *, whole: bool
) -> tuple[Tensor | None, list[Tensor]]:
    """What `draw` returns, and the activations [N, C, S, S] of layers while it draws; gradients pass through.

    Unless the `whole` picture is wanted, no layer after the last of these is computed, and it is None.
    """
    maps: dict[int, Tensor] = {}
    last = max(shape.layer for shape in shapes)
    modules = generator.layers

    def take(shape: LayerShape, output: Tensor) -> None:
        span = slice(shape.margin, shape.margin + shape.inside)
        maps[shape.layer] = output[:, :, span, span].float()
        if not whole and shape.layer == last:
            raise _StopForward

    pictures = None
    with ExitStack() as stack:
        for shape in shapes:
            hook = modules[shape.layer].register_forward_hook(
                lambda _module, _given, output, shape=shape: take(shape, output)
            )
            stack.callback(hook.remove)
        with suppress(_StopForward):
            pictures = draw()
    return pictures, [maps[shape.layer] for shape in shapes]


class UpperQuantile:
    """Exact quantiles of many numbers that arrive in pieces: of `total` numbers per row, only those that may
    still matter are kept.

    The quantile q is the smallest number of the row that at least the share q of the row does not exceed.
    """

    def __init__(self, q: float, total: int) -> None:
        if not 0 < q < 1:
            raise UsageError(f"`quantile={q}` must be between 0 and 1", "such as 0.99")
        self.keep = total - math.ceil(q * total - 1e-6) + 1  # the quantile is the last of these
        self._pieces: list[Tensor] = []

    def add(self, values: Tensor) -> None:
        """Add numbers [rows, n]."""
        self._pieces.append(values)
        if sum(piece.shape[1] for piece in self._pieces) >= 2 * self.keep:  # rarely, if many are kept
            self._pieces = [self._largest()]

    def result(self) -> Tensor:
        """The quantiles [rows]."""
        return self._largest().amin(dim=1)

    def _largest(self) -> Tensor:
        values = torch.cat(self._pieces, dim=1)
        return values.topk(min(self.keep, values.shape[1]), dim=1).values


def check_layer(layer: int, shapes: Sequence[LayerShape], generator: Generator) -> None:
    """Raise UsageError unless the generator has this layer."""
    if not 0 <= layer < len(shapes):
        raise UsageError(
            f"there is no layer {layer}: the model {generator.name} has {len(shapes)}",
            f"layers go from 0 to {len(shapes) - 1}",
        )
