"""What the units (feature maps) of a generator do while it draws, and exact quantiles of it.

A layer is an index of `Generator.layers`. StyleGAN3's maps reach beyond the picture by a margin, which is cut
off here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganedit.errors import UsageError

if TYPE_CHECKING:
    from ganedit.store.models import Generator

BATCH = 16  # pictures whose activations are held at a time


@dataclass(frozen=True)
class LayerShape:
    """Activations of one layer: `units` maps of `size` samples a side, `inside` of them in the picture."""

    layer: int
    units: int
    size: int
    inside: int

    @property
    def margin(self) -> int:
        """Samples beyond the picture, at each side."""
        return (self.size - self.inside) // 2

    def __str__(self) -> str:
        return f"layer{self.layer} ({self.inside} px)"


class _Enough(Exception):
    """Ends a drawing whose picture nobody wants."""


@torch.no_grad()
def layer_shapes(generator: Generator) -> list[LayerShape]:
    """The shapes of all layers, found by drawing the average picture.

    Raises:
        CheckpointError: the model has no style space, and no layers to choose from.
    """
    found: list[torch.Size] = []
    with ExitStack() as stack:
        for module in generator.layers:
            stack.callback(module.register_forward_hook(lambda *call: found.append(call[2].shape)).remove)
        generator.synthesis(generator.w_avg.expand(1, generator.num_ws, -1))
    inside = getattr(generator.network.cfg, "rates", [shape[-1] for shape in found])
    return [LayerShape(i, s[1], s[-1], n) for i, (s, n) in enumerate(zip(found, inside, strict=True))]


@torch.no_grad()
def activations(
    generator: Generator, codes: Tensor, shapes: Sequence[LayerShape], *, draw: bool = True
) -> tuple[Tensor, list[Tensor]]:
    """What layers do while the pictures of codes w [N, W] are drawn.

    Args:
        generator: With a style space.
        codes: [N, W], each for all rows.
        shapes: Of the layers wanted.
        draw: Without it no layer after the last wanted one is computed, and the pictures are empty.

    Returns:
        Pictures [N, 3, R, R], and for each layer [N, C, S, S] float32, what lies in the picture.
    """
    found: dict[int, Tensor] = {}
    last = max(shape.layer for shape in shapes)
    modules = generator.layers

    def take(shape: LayerShape, output: Tensor) -> None:
        span = slice(shape.margin, shape.margin + shape.inside)
        found[shape.layer] = output[:, :, span, span].float()
        if not draw and shape.layer == last:
            raise _Enough

    with ExitStack() as stack:
        for shape in shapes:
            hook = modules[shape.layer].register_forward_hook(
                lambda _module, _given, output, shape=shape: take(shape, output)
            )
            stack.callback(hook.remove)
        try:
            pictures = generator.synthesis(codes[:, None].expand(-1, generator.num_ws, -1))
        except _Enough:
            pictures = torch.empty(len(codes), 3, 0, 0)
    return pictures, [found[shape.layer] for shape in shapes]


class UpperQuantile:
    """Exact quantiles of many numbers that come in pieces: of `total` numbers a row only those that may
    still matter are kept.

    The quantile q is the least number of the row that at least the share q of the row does not exceed.
    """

    def __init__(self, q: float, total: int) -> None:
        if not 0 < q < 1:
            raise UsageError(f"`quantile={q}` must be between 0 and 1", "such as 0.99")
        self.keep = total - math.ceil(q * total - 1e-6) + 1  # the quantile is the last of these
        self._pieces: list[Tensor] = []

    def add(self, values: Tensor) -> None:
        """Numbers [rows, n] more."""
        self._pieces.append(values)
        if sum(piece.shape[1] for piece in self._pieces) >= 2 * self.keep:  # seldom, where many are kept
            self._pieces = [self._largest()]

    def result(self) -> Tensor:
        """[rows]."""
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
