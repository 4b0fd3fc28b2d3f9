"""The before/after sheets of the bundled image-to-image models in docs/images.

    python benchmarks/sheets.py [MODEL ...] [--horses FOLDER] [-o docs/images]

Faces are the portrait in examples/ and samples of the bundled generator, none of them seen in training;
photographs of horses and zebras are not part of the project and come from --horses (testA and testB in it).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image
from torch import Tensor

from ganedit.images.align import TEMPLATES, align_faces
from ganedit.images.colorizing import colorize
from ganedit.images.edges import draw_edges
from ganedit.images.io import Photo, list_images, read_image, write_image
from ganedit.images.labels import LabelMap
from ganedit.images.pixels import luma, resize
from ganedit.images.regions import PALETTE, draw_regions
from ganedit.images.sheet import sheet
from ganedit.images.targets import style_encoder, style_of, target_of
from ganedit.images.tensors import from_tensor
from ganedit.images.translation import translate
from ganedit.images.upscaling import upscale
from ganedit.metrics.pose import crop_landmarks
from ganedit.store.load import load
from ganedit.store.models import Generator, Translator, Upscaler

ROOT = Path(__file__).resolve().parents[1]
PORTRAIT = ROOT / "examples" / "portrait.png"
SEEDS = (3, 8, 17, 21, 34)  # of sampled faces
SILHOUETTE = ROOT / "examples" / "horse.png"
SHOWN = 160  # pixels of each picture on a sheet
Rows = dict[str, list[np.ndarray]]  # pictures of a row, by its label


def main() -> None:
    args = parse()
    for name in args.models:
        rows = SHEETS[name](load(name), args.horses)
        columns = len(next(iter(rows.values())))
        pictures = [resize(picture, (SHOWN, SHOWN)) for row in rows.values() for picture in row]
        path = args.out / f"{name}.jpg"
        write_image(path, sheet(pictures, columns=columns, row_labels=list(rows)), quality=88)
        print(path)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="*", choices=[*SHEETS, []], default=list(SHEETS))
    parser.add_argument("--horses", type=Path, help="folder with testA (horses) and testB (zebras)")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "images")
    return parser.parse_args()


@cache
def faces() -> list[np.ndarray]:
    """The portrait, aligned, and samples of the generator: uint8 [S, S, 3]."""
    generator = cast(Generator, load("faces"))
    size = generator.card.resolution
    template = TEMPLATES[generator.card.template]
    ((_, aligned),) = align_faces(read_image(PORTRAIT).pixels, size=2 * size, template=template)
    drawn = generator.generate(SEEDS, psi=0.7)
    return [aligned.crop, *(from_tensor(picture) for picture in drawn)]


def edges2faces(model: Translator, _: Path | None) -> Rows:
    drawings = [draw_edges(face) for face in faces()]
    return {"lines": drawings, "drawn": through(model, drawings), "lines of": faces()}


def labels2faces(model: Translator, _: Path | None) -> Rows:
    """The regions of each face, drawn in the mean style, and in those of two of them."""
    large = np.stack([resize(face, (256, 256)) for face in faces()])
    points = crop_landmarks(large, TEMPLATES[cast(Generator, load("faces")).card.template])
    maps = [LabelMap(draw_regions([one], (256, 256))) for one in points]
    encoder = style_encoder(model)
    rows = {"map": [PALETTE.colours[map_.labels] for map_ in maps], "mean style": labelled(model, maps, None)}
    for label, face in (("style of the 2nd", large[1]), ("style of the 5th", large[4])):
        rows[label] = labelled(model, maps, style_of(Photo(face), encoder))
    return rows | {"map of": faces()}


def labelled(model: Translator, maps: Sequence[LabelMap], style: Tensor | None) -> list[np.ndarray]:
    size = model.card.resolution
    return [translate(map_, model, style=style, size=size).pixels for map_ in maps]


def mask2horse(model: Translator, _: Path | None) -> Rows:
    """One silhouette, at its own place and moved, turned round, made smaller."""
    mask = read_image(SILHOUETTE).pixels
    small = np.pad(resize(mask, (160, 160)), ((72, 24), (48, 48), (0, 0)))
    masks = [mask, mask[:, ::-1], small, np.roll(mask, 24, axis=1)]
    masks = [np.ascontiguousarray(resize(one, (256, 256))) for one in masks]
    return {"mask": masks, "drawn": through(model, masks)}


def colorize_faces(model: Translator, _: Path | None) -> Rows:
    greys = [np.repeat(luma(face).round().astype(np.uint8)[..., None], 3, axis=2) for face in faces()]
    coloured = [colorize(Photo(grey, grey=True), model, aligned=True).pixels for grey in greys]
    return {"grey": greys, "colorized": coloured, "the original": faces()}


def changed_faces(model: Translator, _: Path | None) -> Rows:
    return {"before": faces(), "after": through(model, faces())}


def faces_attributes(model: Translator, _: Path | None) -> Rows:
    rows: Rows = {"before": faces()}
    for label in ("young female", "old female", "young male", "old male"):
        target = target_of(model, label.split())
        rows[label] = [translate(Photo(face), model, label=target, aligned=True).pixels for face in faces()]
    return rows


def animals(model: Translator, horses: Path | None) -> Rows:
    """Every ninth test photograph."""
    if horses is None:
        raise SystemExit(f"the sheet of {model.name} needs --horses")
    folder = horses / ("testA" if model.name.startswith("horse") else "testB")
    photos = [read_image(path).pixels for path in list_images(folder)[::9]][:6]
    return {"photo": photos, "translated": through(model, photos)}


def upscaled(model: Upscaler, _: Path | None) -> Rows:
    """Three places of the portrait, reduced to a quarter and enlarged."""
    portrait = read_image(PORTRAIT).pixels
    side = 160
    places = [portrait[y : y + side, x : x + side] for y, x in ((100, 150), (40, 180), (300, 260))]
    small = [resize(place, (side // 4, side // 4)) for place in places]
    rows = {"bicubic": [np.asarray(Image.fromarray(x).resize((side, side), 3)) for x in small]}
    for name in dict.fromkeys(("upscale-x4", model.name)):
        rows[name] = [upscale(Photo(x), cast(Upscaler, load(name))).pixels for x in small]
    return rows | {"the original": places}


def through(model: Translator, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [translate(Photo(picture), model, aligned=True).pixels for picture in pictures]


SHEETS: dict[str, Callable[[Any, Path | None], Rows]] = {
    "edges2faces": edges2faces,
    "labels2faces": labels2faces,
    "mask2horse": mask2horse,
    "colorize-faces": colorize_faces,
    "young2old": changed_faces,
    "old2young": changed_faces,
    "faces-attributes": faces_attributes,
    "horse2zebra": animals,
    "zebra2horse": animals,
    "upscale-x4-gan": upscaled,
}


if __name__ == "__main__":
    main()
