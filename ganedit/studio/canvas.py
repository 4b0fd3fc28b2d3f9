"""Canvases to paint on, and what was painted."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from ganedit.images.pixels import over_white, resize


def brush(colours: list[str], size: int, **options: Any) -> gr.ImageEditor:
    """A canvas with a brush of these colours."""
    return gr.ImageEditor(
        type="numpy", image_mode="RGBA", sources=[], transforms=[], layers=False, buttons=[],
        brush=gr.Brush(colors=colours, color_mode="fixed", default_size=size), **options,
    )  # fmt: skip


def painted(value: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Where a visitor has painted, [H, W] bool in the size `shape`; None for nowhere."""
    layers = [layer for layer in (value or {}).get("layers") or [] if layer is not None]
    if not layers:
        return None
    alpha = np.max([layer[..., 3] for layer in layers], axis=0)
    levels = resize(np.ascontiguousarray(alpha[..., None].repeat(3, axis=2)), (shape[0], shape[1]))
    mask: np.ndarray = levels[..., 0] > 127
    return mask if mask.any() else None


def on_paper(value: Any) -> np.ndarray:
    """What was drawn, [H, W, 3] on white."""
    drawn = np.asarray(value["composite"])
    return over_white(drawn[..., :3], drawn[..., 3])


def nearest_labels(pixels: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """The label [H, W] whose colour is nearest to each pixel [H, W, 3].

    >>> nearest_labels(np.array([[[250, 5, 0]]], np.uint8), np.array([[0, 0, 0], [255, 0, 0]])).tolist()
    [[1]]
    """
    best = np.zeros(pixels.shape[:2], np.uint8)
    least = np.full(pixels.shape[:2], np.inf)
    for label, colour in enumerate(colours.astype(float)):
        distance = np.square(pixels - colour).sum(axis=2)
        closer = distance < least
        best[closer], least[closer] = label, distance[closer]
    return best
