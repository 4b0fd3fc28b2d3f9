"""Line drawings of photographs, and sketches redrawn in the same style.

They have few, thick, connected, dark lines on white, like the training data of image-to-image models
(pix2pix, arXiv:1611.07004, used the holistic edge detector, arXiv:1504.06375). Here they come from
OpenCV's filters, by a simple form of coherent line drawing (Kang, Lee and Chui, NPAR 2007): differences
of Gaussians, averaged along the edges.

Everything is drawn at one working size and finally resized to the picture's, so that a face of 64
pixels and a photo of 2000 give similar drawings, with lines of the same relative width.
"""

from __future__ import annotations

import numpy as np

from ganedit.images.pixels import resize, to_depth

SIDE = 256  # shorter side at which lines are detected; the lengths below are in pixels at this size
LONGEST = 16  # limit on the longer side, in multiples of `SIDE`
PEN = 4  # width of a line
FINE, COARSE = 2.0, 3.5  # standard deviations of the two Gaussians whose difference is a line
ALONG, STEP = 3, 2  # standard deviation of the smoothing along a line; distance between its samples
BLOB = 7  # anything thicker, such as pupils and brows, stays dark
SPECK = 64  # pieces with less area than this, in square pixels, are dropped
STRONG, WEAK = 0.018, 0.009  # the difference of Gaussians at which a line begins, and at which it ends
RED = 0.4  # weight of redness relative to lightness, as lips differ from skin by redness
FAINT = 0.08  # contrast below which everything is paper, where black on white is 1
SHADED = 15  # anything thicker than this and than two strokes is shaded or filled in
GRAIN = 6  # how many times more than the paper's own unevenness a stroke must stand out
BEGUN, ENDED = 0.45, 0.22  # contrast, relative to the strongest strokes, at which a stroke begins and ends
SOLID = 24  # thicker than thick spots in drawings of `draw_edges`


def draw_edges(pixels: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
    """Draw the outlines of a photo, in the style that `edges2faces` and pix2pix models learn from.

    Args:
        pixels: The photo [H, W, 3], uint8 or uint16.
        size: Height and width of the drawing; None takes those of the photo.

    Returns:
        [height, width, 3] uint8: black lines on white with soft edges, about 1/64 of the shorter side wide.

    Examples:
        >>> ganedit.draw_edges(ganedit.read_image("examples/portrait.png").pixels).shape
        (512, 512, 3)
    """
    lines = _photo_lines(_at_working_size(to_depth(pixels, np.uint8)))
    return _redrawn(lines, size or pixels.shape[:2], BLOB)


def clean_sketch(
    pixels: np.ndarray, alpha: np.ndarray | None = None, size: tuple[int, int] | None = None
) -> np.ndarray:
    """Redraw a sketch in the style of `draw_edges`.

    The sketch may be in pencil, ink or crayon of any colour on paper of any colour and evenness, with thin or
    thick lines, dark on light or light on dark; it may be a scan, a photo, or a picture with a transparent
    background. A drawing that has the style already is only resized, since redrawing would thin thick spots.

    Args:
        pixels: [H, W, 3], uint8 or uint16.
        alpha: [H, W] of the same type, if the background is transparent.
        size: As in `draw_edges`.

    Returns:
        [height, width, 3] uint8, like `draw_edges`; all white if there are no lines.
    """
    drawing = _at_working_size(to_depth(pixels, np.uint8))
    if alpha is not None:
        drawing = on_paper(drawing, _at_working_size(to_depth(alpha, np.uint8)))
    elif _in_own_style(drawing):
        return resize(to_depth(pixels, np.uint8), size or pixels.shape[:2])
    lines = _strokes(drawing)
    return _redrawn(lines, size or pixels.shape[:2], max(BLOB, 1.6 * _stroke_width(lines)))


def on_paper(drawing: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """[h, w, 3] on white or on black, whichever gives more contrast."""
    share = alpha[..., None].astype(np.float32) / 255
    laid = [(drawing * share + paper * (1 - share)).round().astype(np.uint8) for paper in (255, 0)]
    return max(laid, key=lambda picture: float(picture.std()))


def _in_own_style(drawing: np.ndarray) -> bool:
    """Whether [h, w, 3] has the style of `draw_edges`: black lines of its pen's width on plain white."""
    import cv2

    inked = drawing.max(axis=2) < 128
    middle = thinned(inked)
    if np.median(drawing) < 248 or not middle.any():
        return False
    width = 2 * cv2.distanceTransform(inked.astype(np.uint8), cv2.DIST_L2, 5)
    black = np.median(drawing[middle]) <= 64
    grey = np.percentile(np.ptp(drawing, axis=2), 99) <= 32  # JPEG tints the edges of lines
    return bool(black and grey and PEN <= np.median(width[middle]) <= 1.6 * PEN and width.max() < SOLID)


def _strokes(drawing: np.ndarray) -> np.ndarray:
    """[h, w] bool: pixels that differ from the paper around them; of shaded areas only the outlines."""
    import cv2

    window = SIDE // 5 * 2 + 1  # most of every such square is paper
    paper = cv2.medianBlur(drawing, window)
    contrast = cv2.GaussianBlur(cv2.absdiff(drawing, paper).max(axis=2).astype(np.float32) / 255, (0, 0), 0.8)
    grain = float(np.median(contrast))
    strongest = float(np.percentile(contrast, 99))
    if strongest < max(FAINT, GRAIN / 2 * grain):
        return np.zeros(contrast.shape, bool)
    strokes = _hysteresis(
        contrast, max(BEGUN * strongest, GRAIN * grain), max(ENDED * strongest, GRAIN / 2 * grain)
    )
    closed = cv2.morphologyEx(strokes.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    side = max(SHADED, round(2 * _stroke_width(closed > 0)))
    shaded = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    return (closed - cv2.erode(shaded, np.ones((5, 5), np.uint8))) > 0


def _stroke_width(lines: np.ndarray) -> float:
    """Width of the typical line; 0 without lines."""
    import cv2

    middle = thinned(lines)
    if not middle.any():
        return 0.0
    return 2 * float(np.median(cv2.distanceTransform(lines.astype(np.uint8), cv2.DIST_L2, 5)[middle]))


def _at_working_size(pixels: np.ndarray) -> np.ndarray:
    """The picture at the size at which lines are detected; for strips, the longer side is limited."""
    height, width = pixels.shape[:2]
    scale = min(SIDE / min(height, width), LONGEST * SIDE / max(height, width))
    return resize(pixels, (max(round(height * scale), 1), max(round(width * scale), 1)))


def _photo_lines(pixels: np.ndarray) -> np.ndarray:
    """[h, w] bool: where a photograph is darker than on both sides, or on one."""
    import cv2

    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) / 100
    light = _evened_contrast(cv2.bilateralFilter(lab[..., 0] - RED * lab[..., 1], 0, 0.12, 3))
    along = _flow(light)
    response = _smoothed_along(_darkness(light), along)
    return _hysteresis(response, STRONG, WEAK)


def _evened_contrast(light: np.ndarray) -> np.ndarray:
    """Brightness with local contrast brought closer to that of the whole picture."""
    spread = np.sqrt(_surroundings((light - _surroundings(light)) ** 2).clip(0))
    return np.asarray(light * (0.16 / (spread + 0.06)))


def _surroundings(values: np.ndarray) -> np.ndarray:
    """Averages over a neighbourhood of a tenth of the side."""
    import cv2

    height, width = values.shape
    small = cv2.resize(values, (max(width // 8, 1), max(height // 8, 1)), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), 3), (width, height), interpolation=cv2.INTER_LINEAR)


def _flow(light: np.ndarray) -> np.ndarray:
    """[h, w, 2] unit vectors x, y along the edges, from the smoothed structure tensor."""
    import cv2

    soft = cv2.GaussianBlur(light, (0, 0), 1.5)
    dx, dy = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(p, (0, 0), 3) for p in (dx * dx, dy * dy, dx * dy))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    return np.stack([np.cos(angle), np.sin(angle)], axis=2)


def _darkness(light: np.ndarray) -> np.ndarray:
    """How much darker each pixel is than its surroundings: a wide minus a narrow Gaussian."""
    import cv2

    return cv2.GaussianBlur(light, (0, 0), COARSE) - cv2.GaussianBlur(light, (0, 0), FINE)


def _smoothed_along(values: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Values averaged along the flow, step by step in both directions, so that bends are followed."""
    total, weights = values.copy(), 1.0
    layers = np.concatenate([values[..., None], along], axis=2)
    for sign in (1.0, -1.0):
        at, heading = _grid(values.shape), sign * along
        for way in range(STEP, 2 * ALONG + 1, STEP):
            at = at + STEP * heading
            weight = float(np.exp(-(way**2) / (2 * ALONG**2)))
            here = _sample(layers, at)
            total += weight * here[..., 0]
            weights += weight
            # A line has no direction: of its two continuations, take the one that does not turn back.
            onward = (here[..., 1:] * heading).sum(2, keepdims=True) >= 0
            heading = np.where(onward, here[..., 1:], -here[..., 1:])
    return total / weights


def _grid(shape: tuple[int, ...]) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.stack([x, y], axis=2)


def _sample(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Interpolate values at positions [h, w, 2]; beyond its edges, the picture is mirrored."""
    import cv2

    x, y = at[..., 0].astype(np.float32), at[..., 1].astype(np.float32)
    return cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def _hysteresis(response: np.ndarray, strong: float, weak: float) -> np.ndarray:
    """[h, w] bool: pixels above `weak` that are connected to a pixel above `strong`."""
    import cv2

    count, numbers = cv2.connectedComponents((response > weak).astype(np.uint8), connectivity=8)
    kept = np.zeros(count, bool)
    kept[np.unique(numbers[response > strong])] = True
    kept[0] = False  # the paper
    return np.asarray(kept[numbers])


def _redrawn(lines: np.ndarray, size: tuple[int, int], blob: float) -> np.ndarray:
    """Redraw lines [h, w] bool with a pen of one width, at a size; anything thicker than `blob` stays dark.

    Returns:
        [height, width, 3] uint8.
    """
    import cv2

    reach = round(blob) // 2 * 2 + 1
    thick = cv2.erode(lines.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    middle = thinned(lines) | (thick > 0)
    distance = cv2.distanceTransform((~middle).astype(np.uint8), cv2.DIST_L2, 5)
    if not middle.any():
        distance[:] = PEN
    ink = np.clip(PEN / 2 + 0.5 - distance, 0, 1).astype(np.float32)
    _, numbers, stats, _ = cv2.connectedComponentsWithStats((ink > 0).astype(np.uint8), connectivity=8)
    ink[(stats[:, cv2.CC_STAT_AREA] < SPECK)[numbers]] = 0
    paper = 255 - 255 * cv2.GaussianBlur(ink, (0, 0), 0.8)
    drawn = resize(paper, size).round().clip(0, 255).astype(np.uint8)
    return np.repeat(drawn[..., None], 3, axis=2)


def thinned(mask: np.ndarray) -> np.ndarray:
    """Centre lines, one pixel wide, of a mask [h, w] bool (Zhang and Suen, CACM 1984)."""
    import cv2

    lines = np.pad(mask, 1).astype(np.uint8)
    weights = np.array([[128, 1, 2], [64, 0, 4], [32, 16, 8]], np.float32)
    while True:
        before = int(lines.sum())
        for table in _REMOVABLE:
            around = cv2.filter2D(
                lines.astype(np.float32), cv2.CV_32F, weights, borderType=cv2.BORDER_CONSTANT
            )
            lines[table[around.astype(np.uint8)]] = 0
        if int(lines.sum()) == before:
            return lines[1:-1, 1:-1].astype(bool)


def _removable(first: bool) -> np.ndarray:
    """Which of the 256 neighbourhoods (bit 0 up, then clockwise) lose their central pixel in a half step."""
    codes = np.arange(256)
    p = [(codes >> bit) & 1 for bit in range(8)]
    count = sum(p)
    rises = sum((p[i] == 0) & (p[(i + 1) % 8] == 1) for i in range(8))
    up, right, down, left = p[0], p[2], p[4], p[6]
    a, b = (up * right * down, right * down * left) if first else (up * right * left, up * down * left)
    return np.asarray((count >= 2) & (count <= 6) & (rises == 1) & (a == 0) & (b == 0))


_REMOVABLE = (_removable(True), _removable(False))
