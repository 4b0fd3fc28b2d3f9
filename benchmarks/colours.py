"""How near the colours of a colorizing model come to those of photographs that it never saw.

    python benchmarks/colours.py faces-128.zip --model colorize-faces --last 500

Greys the last pictures of a set, colours them again, and prints PSNR in RGB and the mean distance of the
colours (CIE a and b), each beside that of the grey picture; and how colourful the results are, beside the
photographs.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from ganedit.data.pictures import load_pictures
from ganedit.images.colorizing import colorize
from ganedit.images.io import Photo
from ganedit.images.pixels import luma
from ganedit.images.tensors import to_tensor
from ganedit.metrics.quality import psnr
from ganedit.store.load import load
from ganedit.store.models import Translator


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="colorize-faces")
    parser.add_argument("--last", type=int, default=500)
    args = parser.parse_args()
    model = cast(Translator, load(args.model))
    pictures = load_pictures([args.data], size=model.card.resolution)
    photos = [pictures[row][0] for row in range(len(pictures) - args.last, len(pictures))]
    greys = [np.repeat(luma(photo).round().astype(np.uint8)[..., None], 3, axis=2) for photo in photos]
    coloured = [colorize(Photo(grey, grey=True), model, aligned=True).pixels for grey in greys]
    print(f"{len(photos)} pictures of {args.data.name}, {args.model}\n")
    print("| | PSNR in dB | distance of colours | colourfulness |\n|---|--:|--:|--:|")
    for name, results in (("grey", greys), ("colorized", coloured), ("the photographs", photos)):
        pairs = list(zip(results, photos, strict=True))
        near = (
            ""
            if results is photos
            else f"{np.mean([float(psnr(to_tensor(a), to_tensor(b))) for a, b in pairs]):.2f}"
        )
        far = np.mean([np.linalg.norm(ab(a) - ab(b), axis=2).mean() for a, b in pairs])
        chroma = np.mean([np.linalg.norm(ab(a), axis=2).mean() for a in results])
        print(f"| {name} | {near} | {far:.2f} | {chroma:.2f} |")


def ab(pixels: np.ndarray) -> np.ndarray:
    """CIE a and b, [H, W, 2]."""
    return cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 1:]


if __name__ == "__main__":
    main()
