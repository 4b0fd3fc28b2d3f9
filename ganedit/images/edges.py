"""Line drawings: of photographs, and of people's own sketches, in one look.

Few, thick, connected, dark lines on white: what image-to-image models that draw from edges are trained on
(pix2pix, arXiv:1611.07004, took them from the holistic edge detector, arXiv:1504.06375). Here they come from
OpenCV's filters alone, by a light form of coherent line drawing (Kang, Lee and Chui, NPAR 2007): differences
of Gaussians, averaged along the edges.

Everything is drawn at one working size and brought to the picture's own in the end, so that a face of 64
pixels and a photo of 2000 give like drawings, with lines of the same share of the picture.
"""

from __future__ import annotations

import numpy as np

from ganedit.images.pixels import resize, to_depth

SIDE = 256  # shorter side, in pixels, that lines are looked for at; lengths below are in these pixels
LONGEST = 16  # bound on the longer side of what is looked at, in `SIDE`s
PEN = 4  # width of a line
FINE, COARSE = 2.0, 3.5  # standard deviations of the two Gaussians whose difference is a line
ALONG, STEP = 3, 2  # standard deviation, along a line, of what supports it; how far apart that is looked at
BLOB = 7  # what is thicker than this, as pupils and brows are, stays dark
SPECK = 64  # pieces of less ink than this, in square pixels, are dropped
STRONG, WEAK = 0.018, 0.009  # that difference where a line begins, and where it ends
RED = 0.4  # how much redness counts as darkness, against lightness: lips and skin differ in it
FAINT = 0.08  # contrast, of black on white, below which there is nothing but paper
SHADED = 15  # what is thicker than this, and than two strokes, is shaded or filled in
GRAIN = 6  # times the paper's own unevenness that a stroke stands out by
BEGUN, ENDED = 0.45, 0.22  # contrast, of the strongest strokes', at which a stroke begins and ends
SOLID = 24  # thickness that fat spots of our own drawings do not reach


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
    lines = _photo_lines(_working(to_depth(pixels, np.uint8)))
    return _inked(lines, size or pixels.shape[:2], BLOB)


def clean_sketch(
    pixels: np.ndarray, alpha: np.ndarray | None = None, size: tuple[int, int] | None = None
) -> np.ndarray:
    """A person's own drawing in the look of `draw_edges`.

    Pencil, ink or crayon of any colour on paper of any colour and evenness, lines thin or thick, dark on
    light or light on dark, in a scan, a photo of it, or a picture with a transparent ground. A drawing that
    has the look already is only brought to the size: to be drawn again would cost it its fat spots.

    Args:
        pixels: [H, W, 3], uint8 or uint16.
        alpha: [H, W] of the same type, where the ground is transparent.
        size: As for `draw_edges`.

    Returns:
        [height, width, 3] uint8, as of `draw_edges`; all white where there are no lines.
    """
    drawing = _working(to_depth(pixels, np.uint8))
    if alpha is not None:
        drawing = _on_paper(drawing, _working(to_depth(alpha, np.uint8)))
    elif _drawn_alike(drawing):
        return resize(to_depth(pixels, np.uint8), size or pixels.shape[:2])
    lines = _strokes(drawing)
    return _inked(lines, size or pixels.shape[:2], max(BLOB, 1.6 * _stroke_width(lines)))


def _on_paper(drawing: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """[h, w, 3] laid on white or on black, whichever it is seen better on."""
    share = alpha[..., None].astype(np.float32) / 255
    laid = [(drawing * share + paper * (1 - share)).round().astype(np.uint8) for paper in (255, 0)]
    return max(laid, key=lambda picture: float(picture.std()))


def _drawn_alike(drawing: np.ndarray) -> bool:
    """Whether [h, w, 3] has the look of `draw_edges`: black lines of its pen's width on plain white."""
    import cv2

    inked = drawing.max(axis=2) < 128
    middle = thinned(inked)
    if np.median(drawing) < 248 or not middle.any():
        return False
    width = 2 * cv2.distanceTransform(inked.astype(np.uint8), cv2.DIST_L2, 5)
    black = np.median(drawing[middle]) <= 64
    grey = np.percentile(np.ptp(drawing, axis=2), 99) <= 32  # JPEG tints the rims of lines
    return bool(black and grey and PEN <= np.median(width[middle]) <= 1.6 * PEN and width.max() < SOLID)


def _strokes(drawing: np.ndarray) -> np.ndarray:
    """[h, w] bool: what differs from the paper around it, in whatever way; of shaded parts their rims."""
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
    """Of the typical line; 0 without any."""
    import cv2

    middle = thinned(lines)
    if not middle.any():
        return 0.0
    return 2 * float(np.median(cv2.distanceTransform(lines.astype(np.uint8), cv2.DIST_L2, 5)[middle]))


def _working(pixels: np.ndarray) -> np.ndarray:
    """The picture at the size that lines are looked for at; of strips the longer side is bounded."""
    height, width = pixels.shape[:2]
    scale = min(SIDE / min(height, width), LONGEST * SIDE / max(height, width))
    return resize(pixels, (max(round(height * scale), 1), max(round(width * scale), 1)))


def _photo_lines(pixels: np.ndarray) -> np.ndarray:
    """[h, w] bool: where a photograph is darker than on both sides, or on one."""
    import cv2

    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) / 100
    light = _even(cv2.bilateralFilter(lab[..., 0] - RED * lab[..., 1], 0, 0.12, 3))
    along = _flow(light)
    response = _smoothed_along(_darker(light), along)
    return _hysteresis(response, STRONG, WEAK)


def _even(light: np.ndarray) -> np.ndarray:
    """Brightness with the contrast of each surrounding brought nearer to that of the whole."""
    spread = np.sqrt(_surroundings((light - _surroundings(light)) ** 2).clip(0))
    return light * (0.16 / (spread + 0.06))


def _surroundings(values: np.ndarray) -> np.ndarray:
    """Averages over a tenth of the side."""
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


def _darker(light: np.ndarray) -> np.ndarray:
    """How much darker each pixel is than what surrounds it: a wide minus a narrow Gaussian."""
    import cv2

    return cv2.GaussianBlur(light, (0, 0), COARSE) - cv2.GaussianBlur(light, (0, 0), FINE)


def _smoothed_along(values: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Averaged along the flow, step by step in both directions, so that bends are followed."""
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
            # A line has no direction: of the two ways on, the one that does not turn back.
            onward = (here[..., 1:] * heading).sum(2, keepdims=True) >= 0
            heading = np.where(onward, here[..., 1:], -here[..., 1:])
    return total / weights


def _grid(shape: tuple[int, ...]) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.stack([x, y], axis=2)


def _sample(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Values between pixels at positions [h, w, 2]; what lies outside is mirrored."""
    import cv2

    x, y = at[..., 0].astype(np.float32), at[..., 1].astype(np.float32)
    return cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def _hysteresis(response: np.ndarray, strong: float, weak: float) -> np.ndarray:
    """[h, w] bool: what is weak or more, and connected to something strong."""
    import cv2

    count, numbers = cv2.connectedComponents((response > weak).astype(np.uint8), connectivity=8)
    kept = np.zeros(count, bool)
    kept[np.unique(numbers[response > strong])] = True
    kept[0] = False  # the paper
    return kept[numbers]


def _inked(lines: np.ndarray, size: tuple[int, int], blob: float) -> np.ndarray:
    """Lines [h, w] bool redrawn by one pen at a size; what is thicker than `blob` stays dark.

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
    """Middle lines, one pixel wide, of a mask [h, w] bool (Zhang and Suen, CACM 1984)."""
    import cv2

    found = np.pad(mask, 1).astype(np.uint8)
    weights = np.array([[128, 1, 2], [64, 0, 4], [32, 16, 8]], np.float32)
    while True:
        before = int(found.sum())
        for table in _REMOVABLE:
            around = cv2.filter2D(
                found.astype(np.float32), cv2.CV_32F, weights, borderType=cv2.BORDER_CONSTANT
            )
            found[table[around.astype(np.uint8)]] = 0
        if int(found.sum()) == before:
            return found[1:-1, 1:-1].astype(bool)


def _removable(first: bool) -> np.ndarray:
    """Which of the 256 neighbourhoods (bit 0 up, then clockwise) lose their middle in a half step."""
    codes = np.arange(256)
    p = [(codes >> bit) & 1 for bit in range(8)]
    count = sum(p)
    rises = sum((p[i] == 0) & (p[(i + 1) % 8] == 1) for i in range(8))
    up, right, down, left = p[0], p[2], p[4], p[6]
    a, b = (up * right * down, right * down * left) if first else (up * right * left, up * down * left)
    return (count >= 2) & (count <= 6) & (rises == 1) & (a == 0) & (b == 0)


_REMOVABLE = (_removable(True), _removable(False))
