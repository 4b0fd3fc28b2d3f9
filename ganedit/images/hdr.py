"""Films in HDR as ordinary ones: from PQ or HLG (ITU-R BT.2100) to the light and the colours of BT.709.

In order: light in cd/m² from the signal; relative to white (203 cd/m² by ITU-R BT.2408); from the primaries
of BT.2020 to those of BT.709; highlights compressed (Reinhard et al. 2002, equation 4, by the largest of the
three values, so that hues stay); and the signal of BT.1886, a gamma of 2.4.
"""

from __future__ import annotations

import numpy as np

TRANSFERS = {16: "PQ", 18: "HLG"}  # by their numbers in ITU-T H.273
WHITE = 203.0  # cd/m² of white paper in HDR
BRIGHTEST = 1000.0  # cd/m² that become the brightest of the result; of HLG's screen, and common in PQ
GAMMA = 2.4
_2020_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)  # of the primaries of BT.2020


def light_of(signal: np.ndarray, transfer: int) -> np.ndarray:
    """Light [..., 3] in cd/m² of a signal from 0 to 1 by PQ (16), or by HLG (18) on a screen of 1000."""
    if transfer == 16:
        root = signal ** (32 / 2523)
        ratio = np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)
        return np.asarray(10_000 * ratio ** (16384 / 2610))
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return np.asarray(BRIGHTEST * (scene @ _LUMINANCE)[..., None] ** 0.2 * scene)


def mapped(light: np.ndarray) -> np.ndarray:
    """Relative light [..., 3] from 0 to 1; `BRIGHTEST` becomes 1, and `WHITE` about 0.52."""
    relative = np.maximum(light, 0) / WHITE
    largest = relative.max(axis=-1, keepdims=True)
    scale = (1 + largest / (BRIGHTEST / WHITE) ** 2) / (1 + largest)
    return np.asarray(np.clip(relative * scale, 0, 1))


def to_sdr(pixels: np.ndarray, transfer: int, *, wide: bool = True) -> np.ndarray:
    """Pixels [H, W, 3] uint16 in HDR as uint8 of BT.709.

    Args:
        pixels: The signal, in full range.
        transfer: Number of PQ or HLG.
        wide: Whether its primaries are those of BT.2020, instead of BT.709.
    """
    light = light_of(pixels.astype(np.float32) / 65535, transfer)
    narrow = light @ _2020_TO_709.T if wide else light
    return np.asarray(np.rint(mapped(narrow) ** (1 / GAMMA) * 255), np.uint8)
