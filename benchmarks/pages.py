"""The pictures at the top of the pages align, inpaint, paste, project and upscale, in docs/images.

    python benchmarks/pages.py [PAGE ...] [-o docs/images]

All are made from the portrait in examples/ by the bundled models.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np

from ganedit.images.align import TEMPLATES, AlignedFace, align_faces
from ganedit.images.inpainting import inpaint
from ganedit.images.io import Photo, read_image, write_image
from ganedit.images.paste import Mode
from ganedit.images.pixels import resize
from ganedit.images.sheet import sheet
from ganedit.images.upscaling import upscale
from ganedit.latent.directions.named import find
from ganedit.latent.editing import draw, edit, paste_latent
from ganedit.latent.inversion.photos import project_photo
from ganedit.latent.inversion.project import Method, ProjectOptions
from ganedit.store.load import load
from ganedit.store.models import Generator, Translator, Upscaler

ROOT = Path(__file__).resolve().parents[1]
SIDE = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pages", nargs="*", choices=[*PAGES, []], help="which (default: all)")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "images")
    args = parser.parse_args()
    for name in args.pages or PAGES:
        columns = PAGES[name]()
        shown = sheet(list(columns.values()), columns=len(columns), column_labels=list(columns))
        print(write_image(args.out / f"{name}.jpg", shown, quality=88))


@cache
def portrait() -> Photo:
    return read_image(ROOT / "examples" / "portrait.png")


def aligned(template: str, size: int) -> AlignedFace:
    ((_, face),) = align_faces(portrait(), size=size, template=TEMPLATES[template])
    return face


def closer(pixels: np.ndarray, side: int = SIDE) -> np.ndarray:
    """The head in the portrait."""
    return resize(pixels[:300, 80:380], (side, side))


def align() -> dict[str, np.ndarray]:
    return {
        "the photo": resize(portrait().pixels, (SIDE, SIDE)),
        "--template ffhq": aligned("ffhq", SIDE).crop,
        "--template close-up": aligned("close-up", SIDE).crop,
    }


def hole() -> np.ndarray:
    """[H, W] bool: a stroke across the mouth of the portrait."""
    at = aligned("close-up", 64).affine
    y, x = np.mgrid[: portrait().pixels.shape[0], : portrait().pixels.shape[1]]
    back = np.linalg.inv(np.vstack([at, [0, 0, 1]]))[:2]
    u, v = (back @ np.stack([x.ravel() + 0.5, y.ravel() + 0.5, np.ones(x.size)])).reshape(2, *x.shape)
    return np.asarray(((u - 32) / 16) ** 2 + ((v - 45) / 6) ** 2 < 1)


def inpainting() -> dict[str, np.ndarray]:
    photo, where = portrait(), hole()
    marked = photo.pixels.copy()
    marked[where] = 255
    filled = inpaint(photo, where, cast(Translator, load("inpaint-faces")))
    return {"the photo": closer(photo.pixels), "the hole": closer(marked), "filled": closer(filled.pixels)}


@cache
def projected(method: Method) -> np.ndarray:
    faces = cast(Generator, load("faces"))
    return draw(faces, project_photo(portrait(), faces, ProjectOptions(method)))[0]


def project() -> dict[str, np.ndarray]:
    side = cast(Generator, load("faces")).resolution
    rows = {"the photo's face": aligned("close-up", side).crop}
    methods: tuple[Method, ...] = ("encode", "hybrid", "tune")
    rows |= {f"--method {method}": projected(method) for method in methods}
    return {name: resize(picture, (SIDE, SIDE)) for name, picture in rows.items()}


def pasting() -> dict[str, np.ndarray]:
    faces = cast(Generator, load("faces"))
    (latent,) = project_photo(portrait(), faces)
    serious = edit(latent, [(find("smile", "faces"), -1.5, None)])
    drawn = {"drawn": resize(draw(faces, [serious])[0], (SIDE, SIDE))}
    modes: tuple[Mode, ...] = ("change", "replace")
    pasted = {
        f"--paste {mode}": closer(paste_latent(portrait().pixels, serious, faces, mode=mode))
        for mode in modes
    }
    return {"the photo": closer(portrait().pixels), **drawn, **pasted}


def upscaling() -> dict[str, np.ndarray]:
    small = resize(portrait().pixels[60:220, 150:310], (80, 80))
    rows = {"80 pixels, enlarged": resize(small, (320, 320))}
    for name in ("upscale-x4", "upscale-x4-gan"):
        rows[name] = upscale(Photo(small), cast(Upscaler, load(name))).pixels
    return rows


PAGES: dict[str, Callable[[], dict[str, np.ndarray]]] = {
    "align": align,
    "inpaint": inpainting,
    "paste": pasting,
    "project": project,
    "upscale": upscaling,
}


if __name__ == "__main__":
    main()
