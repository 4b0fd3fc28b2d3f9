"""Pencil-like outlines of photographs, to train models that draw photographs from sketches."""

from __future__ import annotations

import numpy as np

BLUR = 0.012  # of the side: detail finer than a pencil stroke is no outline
LONGEST_LOST = 0.12  # of the side: pieces shorter than this are specks
STROKE = 0.012  # of the side


def outlines(pixels: np.ndarray) -> np.ndarray:
    """Few, thick, connected black lines on white where brightness or colour changes in uint8 [H, W, 3].

    In the manner of the holistic edge detector (arXiv:1504.06375) that pix2pix was trained with, by means of
    OpenCV alone: Canny's edges of the smoothed picture, at thresholds that follow its contrast, without the
    short ones, drawn as wide as a pencil would.
    """
    import cv2

    side = min(pixels.shape[:2])
    smooth = cv2.bilateralFilter(pixels, 0, 40, 0.02 * side)
    smooth = cv2.GaussianBlur(smooth, (0, 0), max(BLUR * side, 0.8))
    slopes = [cv2.Sobel(smooth, cv2.CV_16S, *order).astype(np.int32) for order in ((1, 0), (0, 1))]
    strengths = np.abs(slopes[0]) + np.abs(slopes[1])
    strongest = strengths.argmax(axis=2)[..., None]  # of the three channels
    dx, dy = (np.take_along_axis(slope, strongest, axis=2)[..., 0].astype(np.int16) for slope in slopes)
    contrast = float(np.percentile(strengths.max(axis=2), 92))
    edges = cv2.Canny(dx, dy, 0.45 * contrast, 0.9 * contrast)

    _, numbers, stats, _ = cv2.connectedComponentsWithStats(edges, connectivity=8)
    long = stats[:, cv2.CC_STAT_AREA] >= LONGEST_LOST * side
    long[0] = False  # the background
    width = max(round(STROKE * side), 1) + 1
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    lines = cv2.dilate(long[numbers].astype(np.uint8) * 255, pen)
    if side >= 64:  # the edge of a pencil line is soft
        lines = cv2.GaussianBlur(lines, (0, 0), 0.5)
    return np.repeat(255 - lines[..., None], 3, axis=2)
