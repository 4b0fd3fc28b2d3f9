"""Numbers as colours, for pictures of spectrograms."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from ganedit.images.tensors import to_levels


def false_colours(values: np.ndarray) -> np.ndarray:
    """Colours for values: black for -1, by violet and orange to light yellow for 1.

    Args:
        values: [H, W] in [-1, 1], with the lowest frequency in the first row, which comes last.

    Returns:
        [H, W, 3] uint8.
    """
    grey = to_levels(torch.from_numpy(values[::-1].copy())).numpy()
    return cv2.cvtColor(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
