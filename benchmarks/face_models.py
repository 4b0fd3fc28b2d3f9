"""How near the results of the models for faces come to photographs, by features of whole images.

    python benchmarks/face_models.py faces-128.zip
    python benchmarks/face_models.py faces-128.zip --models inpaint-faces edges2faces=runs/edges2faces/model

Each model gets the last --last crops of a labelled set, which were kept out of training: with the middle cut
out, in greyscale, as line drawings, as label maps, or as they are. Prints the Fréchet distance of
efficientnet-lite1's features between its results and the photographs; for models that change age, between
the results and photographs of people of that age. There, two more numbers say what the distance means: that
of the inputs as they are, and that of as many other photographs of this age, which no model should beat.
Results and photographs are compared at 128 px. NAME=MODEL measures another model in the same way.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from ganedit.data.pictures import Pictures, load_pictures
from ganedit.images.align import TEMPLATES
from ganedit.images.colorizing import colorize
from ganedit.images.edges import draw_edges
from ganedit.images.inpainting import redraw
from ganedit.images.io import Photo, write_image
from ganedit.images.labels import LabelMap
from ganedit.images.pixels import luma, resize
from ganedit.images.regions import draw_regions
from ganedit.images.sheet import sheet
from ganedit.images.targets import style_encoder, style_of, target_of
from ganedit.images.tensors import from_tensor, to_tensor
from ganedit.images.translation import translate
from ganedit.metrics.frechet import frechet_distance_of
from ganedit.metrics.image_features import embed_images
from ganedit.metrics.inpainting import centre_hole
from ganedit.metrics.pose import crop_landmarks
from ganedit.store.load import load
from ganedit.store.models import Translator
from ganedit.train.recipes.stargan import parse_rules, read_labels

SIDE = 128
SHOWN = 8
Draw = Callable[[Any, np.ndarray], np.ndarray]
"""Draws a crop [S, S, 3] with a model."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", nargs="+", default=list(DRAW), help="NAME, or NAME=MODEL")
    parser.add_argument("--last", type=int, default=500)
    parser.add_argument("--sheet", type=Path, default=None, help="also an image of the first results")
    args = parser.parse_args()

    pictures = load_pictures([args.data], size=SIDE, load_size=SIDE)
    faces = Faces(args.data, pictures, args.last)
    rows, names = [np.stack(faces.crops[:SHOWN])], ["photo"]
    others = Faces(args.data, pictures, 5 * args.last, skip=args.last)
    print(f"{len(faces.crops)} crops of {args.data.name}\n")
    print("| model | inputs | distance | of the inputs | of photographs |\n|---|--:|--:|--:|--:|")
    for name, model in (one.split("=") if "=" in one else (one, one) for one in args.models):
        where, wanted = RULES.get(name, ("", ""))
        inputs, real = faces.where(where), faces.where(wanted)
        opened = cast(Translator, load(model))
        drawn = [DRAW[name](opened, crop) for crop in inputs]
        results = np.stack([at_side(one) for one in drawn])
        reference = embed_images(np.stack(real))
        compared = [list(results)] + ([inputs, others.where(wanted)[: len(inputs)]] if wanted else [])
        distances = [frechet_distance_of(embed_images(np.stack(one)), reference) for one in compared]
        cells = " | ".join([str(len(inputs)), *(f"{distance:.1f}" for distance in distances)])
        print(f"| {name} | {cells} |" + ("" if wanted else " | |"), flush=True)
        rows.append(results[:SHOWN])
        names.append(name)
    if args.sheet:
        tiles = [image for row in rows for image in row]
        write_image(args.sheet, sheet(tiles, columns=SHOWN, row_labels=names))


class Faces:
    """The last crops of a set before those to skip, and which of them a rule such as age<30 is true of."""

    def __init__(self, data: Path, pictures: Pictures, last: int, skip: int = 0) -> None:
        end = len(pictures) - skip
        rows = range(max(end - last, 0), end)
        self.data, self.names = data, [pictures.names[row] for row in rows]
        self.crops = [pictures[row][0] for row in rows]

    def where(self, rule: str) -> list[np.ndarray]:
        if not rule:
            return self.crops
        (true,) = read_labels(self.data, self.names, parse_rules(f"chosen={rule}")).T
        return [crop for crop, chosen in zip(self.crops, true, strict=True) if chosen]


def at_side(pixels: np.ndarray) -> np.ndarray:
    resized: np.ndarray = resize(pixels.astype(np.float32), SIDE).round().clip(0, 255).astype(np.uint8)
    return resized


def inpainted(model: Translator, crop: np.ndarray) -> np.ndarray:
    image, hole = to_tensor(crop), centre_hole(SIDE)
    return from_tensor(torch.where(hole, redraw(model, image, hole), image))


def coloured(model: Translator, crop: np.ndarray) -> np.ndarray:
    grey = np.repeat(luma(crop).round().astype(np.uint8)[..., None], 3, axis=2)
    return colorize(Photo(grey, grey=True), model, aligned=True).pixels


def from_edges(model: Translator, crop: np.ndarray) -> np.ndarray:
    side = model.card.resolution
    return translate(Photo(draw_edges(crop, (side, side))), model, aligned=True).pixels


def from_regions(model: Translator, crop: np.ndarray) -> np.ndarray:
    landmarks = crop_landmarks(crop[None], TEMPLATES["close-up"])
    drawn = draw_regions(list(landmarks), crop.shape[:2])
    return translate(LabelMap(drawn), model, style=style_of(Photo(crop), style_encoder(model))).pixels


def changed(*target: str) -> Draw:
    def draw(model: Translator, crop: np.ndarray) -> np.ndarray:
        label = target_of(model, target) if target else None
        return translate(Photo(crop), model, label=label, aligned=True).pixels

    return draw


DRAW: dict[str, Draw] = {
    "inpaint-faces": inpainted,
    "colorize-faces": coloured,
    "edges2faces": from_edges,
    "labels2faces": from_regions,
    "faces-attributes": changed("old", "male"),
    "young2old": changed(),
    "old2young": changed(),
}
RULES = {
    "faces-attributes": ("age<30", "age>=55"),
    "young2old": ("age<30", "age>=30"),
    "old2young": ("age>=55", "age<55"),
}
"""Which crops a model gets, and which photographs its results should resemble."""


if __name__ == "__main__":
    main()
