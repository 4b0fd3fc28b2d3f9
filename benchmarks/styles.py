"""What the image encoder of a SPADE model is worth: photos drawn again from their own map and style.

    python benchmarks/styles.py MAPS PHOTOS --model labels2faces

Prints the mean PSNR to the photos of what is drawn of their maps in their own style, in the next photo's, and
in the mean style.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import cast

import numpy as np

from ganedit.images.io import list_images, read_image
from ganedit.images.labels import read_label_map
from ganedit.images.pixels import resize
from ganedit.images.targets import style_encoder, style_of
from ganedit.images.tensors import to_tensor
from ganedit.images.translation import translate
from ganedit.metrics.quality import psnr
from ganedit.store.load import load
from ganedit.store.models import Translator


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("maps", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--model", default="labels2faces")
    args = parser.parse_args()
    model = cast(Translator, load(args.model))
    encoder = style_encoder(model)
    photos = {path.stem: read_image(path) for path in list_images(args.photos)}
    maps = {path.stem: read_label_map(path) for path in list_images(args.maps)}
    names = sorted(photos.keys() & maps.keys())
    styles = [style_of(photos[name], encoder) for name in names]
    for told, row in (("own", styles), ("next", styles[1:] + styles[:1]), ("mean", [None] * len(styles))):
        found = []
        for name, style in zip(names, row, strict=True):
            drawn = translate(maps[name], model, style=style).pixels
            wanted = resize(photos[name].pixels, drawn.shape[:2])
            found.append(float(psnr(to_tensor(drawn), to_tensor(wanted))))
        print(f"{told} style: {np.mean(found):.2f} dB over {len(found)} photos")


if __name__ == "__main__":
    main()
