"""Runs networks over pictures in bands of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganedit.images.tiles import CONTEXT, Cut, Progress, Run, check_tile, choose_tile, tiled
from ganedit.store.models import Translator, Upscaler

SAMPLE = 64  # side of the picture from which memory use is estimated


def in_bands(
    model: Translator | Upscaler,
    run: Run,
    cut: Cut,
    size: Sequence[int],
    tile: int | None,
    progress: Progress | None,
    scale: int = 1,
) -> Any:
    """The network's output in bands of rows, like `tiled` yields them."""
    height, width = size
    multiple = model.multiple if isinstance(model, Translator) else 4  # some upscalers fold 4x4 pixels

    def quietly(x: Tensor) -> Tensor:
        with torch.inference_mode():
            return run(x)

    context = getattr(model.network, "context", CONTEXT)
    check_tile(tile, context, model.name)
    if tile is None:
        upscaler = isinstance(model, Upscaler)
        side = SAMPLE if upscaler else max(SAMPLE, model.network.cfg.smallest)
        part = slice(0, min(side, height)), slice(0, min(side, width))
        tile = choose_tile(
            model.network, quietly, lambda: cut(*part), (height, width), whole=not upscaler, context=context
        )
    return tiled(
        quietly, cut, (height, width), tile,
        scale=scale, multiple=multiple, context=context, progress=progress,
    )  # fmt: skip


def collect(
    bands: Any, size: tuple[int, int], dtypes: Sequence[np.dtype], value_range: tuple[float, float]
) -> list[np.ndarray]:
    """Join bands [N, 3, n, W] to N pictures [H, W, 3]."""
    low, high = value_range
    pictures = [np.empty((*size, 3), dtype) for dtype in dtypes]
    for top, band in bands:
        for pixels, part in zip(pictures, band, strict=True):
            white = int(np.iinfo(pixels.dtype).max)
            levels = (part - low).mul_(white / (high - low)).round_().clamp_(0, white)
            pixels[top : top + band.shape[2]] = levels.permute(1, 2, 0).cpu().numpy()
    return pictures
