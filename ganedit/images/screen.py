"""How the pixels of a film are to be shown: their shape, orientation and colours.

Frames are decoded to RGB by the matrix that the film names, or that players guess from its size, and encoded
by that of BT.709, which the result names. Primaries, transfer and the shape of pixels are those of the film,
but films in HDR become ordinary ones (`images.hdr`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from ganedit.images.hdr import TRANSFERS, to_sdr
from ganedit.images.orientation import Turn, matrix_turn, turned

# Numbers of ITU-T H.273, which ffmpeg uses.
BT709, UNKNOWN, BT601, LIMITED = 1, 2, 6, 1
HD = 720  # rows from which on players take BT.709 for a film that names no matrix


@dataclass(frozen=True)
class Screen:
    """How the pixels of a film are to be shown.

    Attributes:
        aspect: Width of a pixel, divided by its height; of the frames as they are turned.
        matrix: Number of the matrix from RGB to the colours that are stored.
        primaries, transfer: Numbers of the meaning of RGB; `UNKNOWN` if the film does not say.
    """

    aspect: Fraction = Fraction(1)
    matrix: int = BT709
    primaries: int = UNKNOWN
    transfer: int = UNKNOWN

    @property
    def hdr(self) -> bool:
        """Whether it is a film in HDR."""
        return self.transfer in TRANSFERS

    @classmethod
    def of(cls, stream: Any, frame: Any) -> Screen:
        """That of a film's stream and its first frame."""
        ratio = stream.sample_aspect_ratio
        aspect = Fraction(ratio.numerator, ratio.denominator) if ratio else Fraction(1)
        matrix = int(frame.colorspace)
        if matrix == UNKNOWN:
            matrix = BT709 if frame.height >= HD else BT601
        screen = cls(aspect, matrix, int(frame.color_primaries), int(frame.color_trc))
        transposed = (turn := _turn(frame)) is not None and turn[0]
        return replace(screen, aspect=1 / aspect) if transposed else screen


def rgb_of(frame: Any, screen: Screen) -> np.ndarray:
    """A decoded frame, upright: [H, W, 3] uint8."""
    deep = "rgb48le" if screen.hdr else "rgb24"
    pixels = frame.reformat(format=deep, src_colorspace=screen.matrix).to_ndarray()
    if screen.hdr:
        pixels = to_sdr(pixels, screen.transfer, wide=screen.primaries != BT709)
    return pixels if (turn := _turn(frame)) is None else turned(pixels, turn)


def yuv_of(pixels: np.ndarray) -> Any:
    """A frame to encode, of [H, W, 3] uint8 with even sides, by the matrix of BT.709."""
    import av

    return av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p", dst_colorspace=BT709)


def tag(stream: Any, screen: Screen) -> None:
    """Say in a stream of frames from `yuv_of` how they are to be shown."""
    stream.codec_context.sample_aspect_ratio = screen.aspect
    stream.codec_context.colorspace, stream.codec_context.color_range = BT709, LIMITED
    stream.codec_context.color_primaries = BT709 if screen.hdr else screen.primaries
    stream.codec_context.color_trc = BT709 if screen.hdr else screen.transfer


def losses(container: Any, frame: Any) -> list[str]:
    """What a result cannot keep of a film, in words."""
    streams, bits = container.streams, max(part.bits for part in frame.format.components)
    found = []
    if transfer := TRANSFERS.get(int(frame.color_trc)):
        found.append(f"it is in HDR ({transfer}), and becomes an ordinary film of BT.709")
    if bits > 8:
        found.append(f"its {bits} bits per channel become 8")
    if frame.interlaced_frame:
        found.append("it is interlaced, and its frames are taken as they are")
    if len(streams.audio) > 1:
        found.append(f"of its {len(streams.audio)} sound tracks the first is kept")
    if streams.subtitles:
        found.append("its subtitles are left out")
    return found


def _turn(frame: Any) -> Turn | None:
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return None if matrix is None else matrix_turn(bytes(matrix))
