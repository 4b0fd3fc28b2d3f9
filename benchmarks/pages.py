r"""The picture at the top of a page of the documentation, in docs/images.

    python benchmarks/pages.py [PAGE ...] [--shared ../shared] [--run FOLDER] [-o docs/images]

All are made by the bundled models, from the portrait in examples/ and from samples. Two need more. The page
metrics measures distances from the faces in --shared; none of them is shown. The page train shows a run that
learns to draw samples of `faces` from their lines:

    ganedit generate --seeds 0-1499 --psi 0.8 -o faces && ganedit draw edges faces/*.png --pairs -o pairs
    ganedit train pix2pix pairs --out runs/lines --size 64 --load-size 64 --width 24 --batch 8 --lr 1e-3 \
        --up resize --gan-weight 0 --kimg 6 --sample-kimg 1
    python benchmarks/pages.py train --run runs/lines
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import cache, partial
from itertools import takewhile
from pathlib import Path
from typing import cast

import numpy as np
import torch
from charts import bars, captioned, column, curves, note, stacked

import ganedit
from ganedit.audio.files import read_sound
from ganedit.audio.spectrogram import SpectrogramConfig, levelled, picture
from ganedit.audio.timbre import translate_picture
from ganedit.audio.vocoders import vocoder_of
from ganedit.cli.kit.presets import PRESETS
from ganedit.data.images import load_images
from ganedit.images.align import TEMPLATES, AlignedFace, align_faces
from ganedit.images.colorizing import colorize
from ganedit.images.edges import draw_edges
from ganedit.images.inpainting import inpaint
from ganedit.images.io import Photo, read_image, write_image
from ganedit.images.labels import LabelMap
from ganedit.images.paste import Mode
from ganedit.images.pixels import luma, resize
from ganedit.images.regions import PALETTE, draw_regions
from ganedit.images.sheet import sheet
from ganedit.images.targets import style_encoder, style_of, target_of
from ganedit.images.tensors import from_tensor, to_tensor
from ganedit.images.translation import translate
from ganedit.images.upscaling import upscale
from ganedit.latent.directions.named import find
from ganedit.latent.editing import draw, edit, paste_latent
from ganedit.latent.inversion.photos import project_photo
from ganedit.latent.inversion.project import Method, ProjectOptions
from ganedit.metrics.faces import draw as draw_samples
from ganedit.metrics.frechet import frechet_distance_of
from ganedit.metrics.identity import embed_crops
from ganedit.metrics.pose import crop_landmarks
from ganedit.store.load import load
from ganedit.store.models import Classifier, Clip, Encoder, Generator, SingleImage, Translator, Upscaler
from ganedit.text.ranking import rank

ROOT = Path(__file__).resolve().parents[1]
SIDE = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pages", nargs="*", choices=[*PAGES, "metrics", "train", []])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="for the page metrics")
    parser.add_argument("--run", type=Path, default=ROOT / "runs" / "lines", help="for the page train")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "images")
    args = parser.parse_args()
    pages = PAGES | {"metrics": partial(metrics, args.shared / "data"), "train": partial(train, args.run)}
    for name in args.pages or pages:
        print(write_image(args.out / f"{name}.jpg", pages[name](), quality=82), flush=True)


def in_a_row(columns: dict[str, np.ndarray]) -> np.ndarray:
    return sheet(list(columns.values()), columns=len(columns), column_labels=list(columns))


@cache
def portrait() -> Photo:
    return read_image(ROOT / "examples" / "portrait.png")


def aligned(template: str, size: int) -> AlignedFace:
    ((_, face),) = align_faces(portrait(), size=size, template=TEMPLATES[template])
    return face


def closer(pixels: np.ndarray, side: int = SIDE) -> np.ndarray:
    """The head in the portrait."""
    return resize(pixels[:300, 80:380], (side, side))


def closest(pixels: np.ndarray, side: int) -> np.ndarray:
    """The face in the portrait."""
    return resize(pixels[20:220, 125:325], (side, side))


def align() -> np.ndarray:
    return in_a_row(
        {
            "the photo": resize(portrait().pixels, (SIDE, SIDE)),
            "--template ffhq": aligned("ffhq", SIDE).crop,
            "--template close-up": aligned("close-up", SIDE).crop,
        }
    )


def hole() -> np.ndarray:
    """[H, W] bool: a stroke across the mouth of the portrait."""
    at = aligned("close-up", 64).affine
    y, x = np.mgrid[: portrait().pixels.shape[0], : portrait().pixels.shape[1]]
    back = np.linalg.inv(np.vstack([at, [0, 0, 1]]))[:2]
    u, v = (back @ np.stack([x.ravel() + 0.5, y.ravel() + 0.5, np.ones(x.size)])).reshape(2, *x.shape)
    return np.asarray(((u - 32) / 16) ** 2 + ((v - 45) / 6) ** 2 < 1)


def inpainting() -> np.ndarray:
    photo, where = portrait(), hole()
    marked = photo.pixels.copy()
    marked[where] = 255
    filled = inpaint(photo, where, cast(Translator, load("inpaint-faces")))
    return in_a_row(
        {"the photo": closer(photo.pixels), "the hole": closer(marked), "filled": closer(filled.pixels)}
    )


@cache
def projected(method: Method) -> np.ndarray:
    faces = cast(Generator, load("faces"))
    return draw(faces, project_photo(portrait(), faces, ProjectOptions(method)))[0]


def project() -> np.ndarray:
    side = cast(Generator, load("faces")).resolution
    rows = {"the photo's face": aligned("close-up", side).crop}
    methods: tuple[Method, ...] = ("encode", "hybrid", "tune")
    rows |= {f"--method {method}": projected(method) for method in methods}
    return in_a_row({name: resize(picture, (SIDE, SIDE)) for name, picture in rows.items()})


def pasting() -> np.ndarray:
    faces = cast(Generator, load("faces"))
    (latent,) = project_photo(portrait(), faces)
    serious = edit(latent, [(find("smile", "faces"), -1.5, None)])
    drawn = {"drawn": resize(draw(faces, [serious])[0], (SIDE, SIDE))}
    modes: tuple[Mode, ...] = ("change", "replace")
    pasted = {
        f"--paste {mode}": closer(paste_latent(portrait().pixels, serious, faces, mode=mode))
        for mode in modes
    }
    return in_a_row({"the photo": closer(portrait().pixels), **drawn, **pasted})


def upscaling() -> np.ndarray:
    small = resize(portrait().pixels[60:220, 150:310], (80, 80))
    rows = {"80 pixels, enlarged": resize(small, (320, 320))}
    for name in ("upscale-x4", "upscale-x4-gan", "real-esrgan-x4"):
        rows[name] = upscale(Photo(small), cast(Upscaler, load(name))).pixels
    return in_a_row(rows)


def presets() -> np.ndarray:
    """The portrait after each edit in one step, and in the middle as it was."""
    faces = cast(Generator, load("faces"))
    (latent,) = project_photo(portrait(), faces)
    tiles = []
    for name, preset in PRESETS.items():
        for side, sign in (preset.sides or {"": 1}).items():
            move = (find(preset.direction, "faces"), preset.magnitude * sign, None)
            pasted = paste_latent(portrait().pixels, edit(latent, [move]), faces)
            command = f"ganedit {name}" + (f" --{side}" if side else "")
            tiles.append(captioned(closest(pasted, 300), command, size=20))
    tiles.insert(4, captioned(closest(portrait().pixels, 300), "the photo", size=20))
    return sheet(tiles, columns=3, pad=12)


def classifier() -> np.ndarray:
    """Samples in the order of their scores, from the least to the most."""
    faces, judge = cast(Generator, load("faces")), cast(Classifier, load("face-attributes"))
    with torch.no_grad():
        images = torch.cat([faces.generate(range(at, at + 50), psi=0.7) for at in range(0, 400, 50)])
    scores = judge.measure(images)
    words = {"smile": "{:.0%}", "age": "{:.0f} years", "yaw": "{:+.0f}°"}
    tiles = []
    for name, written in words.items():
        order = scores[name].argsort()[torch.linspace(2, 397, 7).round().long()].tolist()
        for number in order:
            sample = resize(from_tensor(images[number]), (150, 150))
            tiles.append(captioned(sample, written.format(float(scores[name][number]))))
    return sheet(tiles, columns=7, row_labels=list(words), pad=8)


def metrics(data: Path) -> np.ndarray:
    """Fréchet distances of samples at several truncations, above the first of these samples."""
    faces, side = cast(Generator, load("faces")), 170
    template = TEMPLATES[faces.card.template]
    real = load_images(data / "faces" / "faces-128.zip", resolution=faces.resolution, limit=1000)
    wanted = embed_crops(real.images.permute(0, 2, 3, 1).numpy(), template)
    distances, samples = {}, {}
    for psi in (0.2, 0.4, 0.6, 0.8, 1.0):
        samples[psi] = draw_samples(faces, 500, psi=psi)
        distances[psi] = frechet_distance_of(embed_crops(samples[psi], template), wanted)
        print(f"psi {psi:g}: {distances[psi]:.4f}", flush=True)
    most = max(distances.values())
    tiles = [column(value, most, f"{value:.2f}", side, side) for value in distances.values()]
    for number in range(3):
        tiles += [resize(drawn[number], (side, side)) for drawn in samples.values()]
    labels = [f"psi {psi:g}" for psi in samples]
    return sheet(tiles, columns=len(samples), column_labels=labels, pad=8)


def train(run: Path) -> np.ndarray:
    """What a run of pix2pix draws of four inputs after each stage, and its loss."""
    stages = sorted(run.glob("samples-*k.png"))
    first = read_image(stages[0]).pixels
    side = first.shape[0] // 3
    rows = {"lines": first[:side]}
    for path in [stages[round(at)] for at in np.geomspace(1, len(stages), 4) - 1]:
        rows[f"{int(path.stem[8:-1])},000 images"] = read_image(path).pixels[side : 2 * side]
    rows["the faces"] = first[2 * side :]
    tiles = [
        resize(row[:, at : at + side], (128, 128)) for row in rows.values() for at in range(0, 6 * side, side)
    ]
    drawn = sheet(tiles, columns=6, row_labels=list(rows), pad=6)
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    seen, loss = np.array([(line["images"] / 1000, line["g/l1"]) for line in lines if "g/l1" in line]).T
    chart = curves({"mean error": (smooth(seen), smooth(loss))}, "thousands of images", 220, drawn.shape[1])
    return stacked([drawn, chart], gap=0)


def smooth(values: np.ndarray, window: int = 9) -> np.ndarray:
    return np.convolve(values, np.ones(window) / window, "valid")


def performance() -> np.ndarray:
    """The tables of docs/performance.md as bars."""
    styles = {
        f"{px} px, {kind}": {"forward": float(forward), "and back": float(both)}
        for px, kind, batch, forward, both in table("| px | type | batch | forward")
        if batch == "1"
    }
    others = {
        f"{network.partition(',')[0]}, {px} px": {"float32": float(full), "bfloat16": float(half)}
        for network, px, full, half in table("| network | px | float32, core s")
    }
    return stacked(
        [
            bars("StyleGAN2: core seconds per image", styles, "s", 900),
            bars("Translators and upscalers: core seconds per image", others, "s", 900),
        ]
    )


def table(start: str) -> list[list[str]]:
    """The cells of the table in docs/performance.md whose first line starts so."""
    lines = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(start))
    rows = takewhile(lambda line: line.startswith("|"), lines[at + 2 :])
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def models() -> np.ndarray:
    """What each bundled model takes, and what it makes of it."""
    tiles = []
    for name, pair in (of_faces() | of_drawings() | of_sounds() | of_others()).items():
        shown = sheet([resize(one, (136, 136)) for one in pair], columns=2, pad=4)[4:-4, 4:-4]
        tiles.append(captioned(shown, f"{name}\n{MODELS[name]}", size=17))
    return sheet(tiles, columns=3, pad=16)


MODELS = {
    "faces": "two samples",
    "faces-encoder": "a photo into a code, and drawn",
    "face-attributes": "a photo, measured",
    "clip-faces": "the best of 300 samples for a text",
    "colorize-faces": "greyscale into colour",
    "inpaint-faces": "a hole, filled",
    "young2old": "years older",
    "old2young": "years younger",
    "faces-attributes": "--to old,male",
    "edges2faces": "lines into a face",
    "labels2faces": "a map into a face",
    "labels2faces-encoder": "the same map in a photo's style",
    "mask2horse": "a silhouette into a horse",
    "horse2zebra": "a horse into a zebra",
    "zebra2horse": "a zebra into a horse",
    "upscale-x4": "40 pixels into 160",
    "upscale-x4-gan": "40 pixels into 160",
    "violin2flute": "a violin into a flute",
    "flute2violin": "a flute into a violin",
    "vocoder-gan": "a spectrogram into sound",
    "vocoder-wavenet": "a spectrogram into sound",
    "digits": "--class 7, twice",
    "galaxies": "the photo it knows, and a sample",
}

Pairs = dict[str, tuple[np.ndarray, np.ndarray]]


def of_faces() -> Pairs:
    faces = cast(Generator, load("faces"))
    side = faces.resolution
    face, large = aligned("close-up", side).crop, aligned("close-up", 2 * side).crop
    one, other = draw_samples(faces, 35, psi=0.7)[[21, 34]]
    with torch.no_grad():
        code = cast(Encoder, load("faces-encoder"))(to_tensor(face))
        redrawn = from_tensor(faces.synthesis(code)[0])
    scores = cast(Classifier, load("face-attributes")).measure(to_tensor(face))
    said = [
        f"smile {float(scores['smile']):.0%}",
        f"{float(scores['age']):.0f} years",
        f"turned {float(scores['yaw']):.0f}°",
    ]
    text = "an old man with a smile"
    samples = [Photo(sample) for sample in draw_samples(faces, 300, psi=0.8)]
    (best, _), *_ = rank(samples, cast(Clip, load("clip-faces")), text, aligned=True)
    grey = np.repeat(luma(large).round().astype(np.uint8)[..., None], 3, axis=2)
    coloured = colorize(Photo(grey, grey=True), translator("colorize-faces"), aligned=True).pixels
    photo, where = portrait(), hole()
    marked = photo.pixels.copy()
    marked[where] = 255
    filled = inpaint(photo, where, translator("inpaint-faces")).pixels
    changed: Pairs = {}
    for name, target in (("young2old", None), ("old2young", None), ("faces-attributes", "old male")):
        label = None if target is None else target_of(translator(name), target.split())
        changed[name] = face, translate(Photo(face), translator(name), label=label, aligned=True).pixels
    return {
        "faces": (one, other),
        "faces-encoder": (face, redrawn),
        "face-attributes": (face, note(said, 136, 136, size=16)),
        "clip-faces": (note(["“an old man", "with a smile”"], 136, 136, size=16), best.pixels),
        "colorize-faces": (grey, coloured),
        "inpaint-faces": (closest(marked, 150), closest(filled, 150)),
        **changed,
    }


def of_drawings() -> Pairs:
    """Models of drawings, of horses, and of photos at any size."""
    face = aligned("close-up", 256).crop
    edges = draw_edges(face)
    regions = crop_landmarks(face[None], TEMPLATES["close-up"])
    map_ = LabelMap(draw_regions([regions[0]], (256, 256)))
    shown, labels = PALETTE.colours[map_.labels], translator("labels2faces")
    style = style_of(Photo(face), style_encoder(labels))
    drawn = [translate(map_, labels, style=one, size=labels.card.resolution).pixels for one in (None, style)]
    silhouette = resize(read_image(ROOT / "examples" / "horse.png").pixels, (256, 256))
    horse = translate(Photo(silhouette), translator("mask2horse"), aligned=True).pixels
    zebra = translate(Photo(horse), translator("horse2zebra"), aligned=True).pixels
    small = resize(portrait().pixels[60:220, 150:310], (40, 40))
    enlarged = {
        name: (
            np.repeat(np.repeat(small, 4, 0), 4, 1),
            upscale(Photo(small), cast(Upscaler, load(name))).pixels,
        )
        for name in ("upscale-x4", "upscale-x4-gan")
    }
    return {
        "edges2faces": (edges, translate(Photo(edges), translator("edges2faces"), aligned=True).pixels),
        "labels2faces": (shown, drawn[0]),
        "labels2faces-encoder": (face, drawn[1]),
        "mask2horse": (silhouette, horse),
        "horse2zebra": (horse, zebra),
        "zebra2horse": (zebra, translate(Photo(zebra), translator("zebra2horse"), aligned=True).pixels),
        **enlarged,
    }


def of_sounds() -> Pairs:
    """Spectrograms of two seconds of a phrase, before and after."""
    cfg, pairs = SpectrogramConfig(), {}
    clips = {}
    for instrument in ("violin", "flute"):
        sound = read_sound(ROOT / "examples" / f"greensleeves-{instrument}.flac")
        clips[instrument] = levelled(sound.samples[0, : 2 * sound.rate], sound.rate, cfg).samples
    for name in ("violin2flute", "flute2violin"):
        before = picture(clips[name.partition("2")[0]], cfg)
        pairs[name] = spectrogram(before), spectrogram(translate_picture(before, translator(name)))
    before = picture(clips["violin"], cfg)
    for name in ("vocoder-gan", "vocoder-wavenet"):
        played = vocoder_of(cfg, name)(before, len(clips["violin"]))
        pairs[name] = spectrogram(before), spectrogram(picture(played, cfg))
    return pairs


def of_others() -> Pairs:
    """Generators of other things than faces."""
    digits, galaxies = cast(Generator, load("digits")), cast(SingleImage, load("galaxies"))
    seven, other = (one.pixels for one in ganedit.generate(digits, range(2), class_=7, truncation=1.0))
    (sample,) = ganedit.singan_random(galaxies, seed=1)
    known = read_image(ROOT / "examples" / "galaxies.png").pixels
    side = min(known.shape[:2])
    return {
        "digits": (resize(seven, (136, 136)), resize(other, (136, 136))),
        "galaxies": (known[:side, :side], sample.pixels[:side, :side]),
    }


def spectrogram(values: np.ndarray) -> np.ndarray:
    """[bins, frames] in [-1, 1] as a picture, low notes below."""
    grey = ((np.clip(values[::-1], -1, 1) + 1) * 127.5).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def translator(name: str) -> Translator:
    return cast(Translator, load(name))


PAGES: dict[str, Callable[[], np.ndarray]] = {
    "align": align,
    "classifier": classifier,
    "inpaint": inpainting,
    "models": models,
    "paste": pasting,
    "performance": performance,
    "presets": presets,
    "project": project,
    "upscale": upscaling,
}


if __name__ == "__main__":
    main()
