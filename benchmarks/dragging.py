"""How well `ganedit.drag` brings points to their goals.

python benchmarks/dragging.py samples [--model faces] [--count 100] [--psi 0.7]
python benchmarks/dragging.py photos CROPS [--model faces] [--last 30] [--method hybrid]
python benchmarks/dragging.py picture [--model faces] [-o docs/images/drag.jpg]

`samples` repeats the face experiment of the paper (Pan et al., arXiv:2305.10973, table 1): 1, 5 or 68 of
dlib's landmarks of each sample are dragged to where they lie in the next one. The landmarks of the result are
found again, so that the distances do not depend on the tracking.

`photos` drags one landmark of each photograph by a tenth of the face's width: the tip of the nose or a
corner of the mouth, in turn, each in one of eight directions. CROPS is a folder or zip of aligned crops, of
which the last ones by name are used: those of the training zip were kept out of training. It prints how many
points came within 2 pixels of their goals, as the program tracks them, by pixels (where the result looks most
like the surroundings of the point before), and as dlib finds them, and the identity distance (dlib; below 0.6
counts as the same person) between the projection and the result.

dlib fits the shape of a whole face, and follows less when a part of it moves alone. As a measure of that, it
also looks at photographs in which a warp has moved the point and what is around it exactly to the goal, and
at photographs shifted by a pixel.

`picture` draws samples before and after, with the points and their goals, for the documentation.

Seconds are of the processor, per drag, after loading.
"""

from __future__ import annotations

import argparse
import logging
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

import ganedit
from ganedit.data.images import load_images
from ganedit.images.align import TEMPLATES
from ganedit.images.io import Photo, write_image
from ganedit.images.pixels import resize
from ganedit.images.sheet import sheet
from ganedit.latent.dragging import Dragged, PointMove, drag
from ganedit.latent.editing import draw
from ganedit.latent.inversion.photos import project_photo
from ganedit.latent.inversion.project import METHODS
from ganedit.latent.latent import Latent
from ganedit.latent.motion import DragOptions
from ganedit.metrics.identity import embed_crops, face_box, identity_distance, person_in
from ganedit.metrics.pose import crop_landmarks
from ganedit.store.load import encoder_for, load_generator
from ganedit.store.models import Generator

ROOT = Path(__file__).resolve().parents[1]
POINTS = {1: [30], 5: [36, 45, 30, 48, 54], 68: list(range(68))}  # tip of the nose; eyes, nose and mouth; all
PAPER = {1: 2.44 / 12.93, 5: 3.18 / 11.66, 68: 4.73 / 16.02}  # distances after and before, of table 1
TURNS = [30, 48, 54]  # landmarks of photos: tip of the nose, corners of the mouth
FINE = 512  # side to which crops are enlarged to find landmarks, as dlib rounds them to pixels
NEAR = 2.0  # pixels
WARPS = (12, 25)  # standard deviations of warps, in pixels of a crop
SHOWN = 192  # pixels of a picture
SHOWN_DRAGS: list[tuple[int, dict[int, tuple[float, float]]]] = [
    (3, {30: (8, 0)}),
    (8, {30: (-7, -3)}),
    (17, {48: (-4, -4), 54: (4, -4)}),
    (21, {30: (0, -6)}),
    (34, {37: (0, -2), 41: (0, 2), 44: (0, -2), 46: (0, 2)}),
    (40, {62: (0, -1), 66: (0, 4)}),
]
"""Seeds, and by how much their landmarks are dragged, in hundredths of the crop's side."""


def main() -> None:
    args = parse()
    logging.disable(logging.WARNING)  # points that did not arrive are counted
    generator = load_generator(args.model)
    options = DragOptions(**{one.name: getattr(args, one.name) for one in fields(DragOptions)})
    {"samples": samples, "photos": photos, "picture": picture}[args.what](generator, options, args)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["samples", "photos", "picture"])
    parser.add_argument("crops", type=Path, nargs="?", help="of photos")
    parser.add_argument("--model", default="faces")
    parser.add_argument("--encoder", default=None, help="a name or folder; the installed one unless given")
    parser.add_argument("--count", type=int, default=100, help="samples")
    parser.add_argument("--psi", type=float, default=0.7, help="truncation of the samples")
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--points", type=int, nargs="+", default=list(POINTS), choices=list(POINTS))
    parser.add_argument("--last", type=int, default=30, help="photographs, from the end of the set")
    parser.add_argument("--method", default="hybrid", choices=METHODS, help="how photographs are projected")
    parser.add_argument("-o", "--out", type=Path, default=None, help="a picture of the results")
    for one in fields(DragOptions):
        parser.add_argument(f"--{one.name}", type=type(one.default), default=one.default)
    return parser.parse_args()


def samples(generator: Generator, options: DragOptions, args: argparse.Namespace) -> None:
    """Drags 1, 5 and 68 landmarks to those of another sample."""
    seeds = range(args.seed, args.seed + args.count + 1)
    codes = sampled(generator, seeds, args.psi)
    before = draw(generator, codes)
    found = landmarks(generator, before)
    people = embed_crops(np.stack(before[:-1]), TEMPLATES[generator.card.template])
    print(f"{generator.name}, {generator.resolution} px, {args.count} samples at psi {args.psi:g}")
    print(" points  before   after   ratio   paper  arrived  steps  identity  seconds")
    for count in args.points:
        which = POINTS[count]
        results: list[Dragged] = []
        seconds: list[float] = []
        for latent, own, other in zip(codes, found, found[1:], strict=False):
            moves = [PointMove(tuple(own[i]), tuple(other[i])) for i in which]
            results.append(timed(latent, generator, moves, options, seconds))
        after = draw(generator, [one.latent for one in results])
        start = np.linalg.norm(found[:-1] - found[1:], axis=2)[:, which].mean()
        end = np.linalg.norm(landmarks(generator, after) - found[1:], axis=2)[:, which].mean()
        arrived = np.mean([point.arrived for one in results for point in one.points])
        changed = embed_crops(np.stack(after), TEMPLATES[generator.card.template])
        print(
            f"{count:7} {start:7.2f} {end:7.2f} {end / start:7.3f} {PAPER[count]:7.3f} {arrived:8.0%} "
            f"{statistics.mean(one.steps for one in results):6.0f} "
            f"{np.median(identity_distance(people, changed)):9.3f} {statistics.mean(seconds):8.2f}",
            flush=True,
        )


def photos(generator: Generator, options: DragOptions, args: argparse.Namespace) -> None:
    """Drags one landmark of each photograph by a tenth of the face."""
    template, side = TEMPLATES[generator.card.template], generator.resolution
    crops = load_images(args.crops, resolution=side).images[-args.last :].permute(0, 2, 3, 1).numpy()
    encoder = None if args.method == "optimize" else encoder_for(generator, args.encoder)
    codes = [
        project_photo(Photo(crop), generator, args.method, encoder=encoder, aligned=True)[0] for crop in crops
    ]
    before = [draw(latent.personal(generator), [latent])[0] for latent in codes]
    found = landmarks(generator, before)
    left, _, right, _ = face_box(template, side)
    results: list[Dragged] = []
    seconds: list[float] = []
    moves = [move_of(n, own, (right - left) / 10, side) for n, own in enumerate(found)]
    for latent, move in zip(codes, moves, strict=True):
        results.append(timed(latent, generator, [move], options, seconds))
    after = [draw(one.latent.personal(generator), [one.latent])[0] for one in results]
    which = [TURNS[n % len(TURNS)] for n in range(len(results))]
    goals = np.array([move.goal for move in moves])

    def by_dlib(pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Pixels of each point from its goal, as dlib finds it."""
        return np.linalg.norm(landmarks(generator, pictures)[range(len(which)), which] - goals, axis=1)

    ways = {
        "as tracked": np.array([one.points[0].left for one in results]),
        "by pixels": np.array(
            [
                math.dist(found_again(old, new, move), move.goal)
                for old, new, move in zip(before, after, moves, strict=True)
            ]
        ),
        "by dlib": by_dlib(after),
    }
    for width in WARPS:
        warped = [warp(old, move, width) for old, move in zip(before, moves, strict=True)]
        ways[f"by dlib, warped exactly within {width} px"] = by_dlib(warped)
    shifted = [np.roll(old, 1, axis=1) for old in before]
    moved = landmarks(generator, shifted)[range(len(which)), which] - (1, 0)
    jitter = np.linalg.norm(moved - found[range(len(which)), which], axis=1)
    distance = identity_distance(
        embed_crops(np.stack(before), template), embed_crops(np.stack(after), template)
    )
    print(
        f"{generator.name}, {side} px, {len(crops)} photographs, points moved by {(right - left) / 10:.1f} px"
    )
    for how, pixels in ways.items():
        print(f"{how}: {np.mean(pixels <= NEAR):.0%} within {NEAR:g} px, median {np.median(pixels):.2f} px")
    print(f"dlib after a shift by a pixel: median {np.median(jitter):.2f} px off, most {jitter.max():.2f}")
    print(
        f"identity distance: median {np.median(distance):.3f}, mean {distance.mean():.3f}, "
        f"most {distance.max():.3f}"
    )
    print(
        f"steps: {statistics.mean(one.steps for one in results):.0f}, seconds: {statistics.mean(seconds):.2f}"
    )
    if args.out:
        shown = [
            tile
            for crop, old, new, result in zip(crops, before, after, results, strict=True)
            for tile in (resize(crop, SHOWN), marked(old, result, start=True), marked(new, result))
        ]
        write_image(args.out, sheet(shown, columns=6), quality=90)


def picture(generator: Generator, options: DragOptions, args: argparse.Namespace) -> None:
    """Samples before and after, with their points and goals."""
    seeds = [seed for seed, _ in SHOWN_DRAGS]
    codes = sampled(generator, seeds, args.psi)
    before = draw(generator, codes)
    rows: list[list[np.ndarray]] = [[], []]
    for latent, own, old, (_, wanted) in zip(
        codes, landmarks(generator, before), before, SHOWN_DRAGS, strict=True
    ):
        by = {i: np.array(shift) * generator.resolution / 100 for i, shift in wanted.items()}
        moves = [PointMove(tuple(own[i]), tuple(own[i] + shift)) for i, shift in by.items()]
        dragged = timed(latent, generator, moves, options, [])
        (new,) = draw(generator, [dragged.latent])
        rows[0].append(marked(old, dragged, start=True))
        rows[1].append(marked(new, dragged))
    tiles = [tile for row in rows for tile in row]
    path = args.out or ROOT / "docs" / "images" / "drag.jpg"
    write_image(path, sheet(tiles, columns=len(seeds), row_labels=["before", "after"]), quality=88)
    print(path)


def sampled(generator: Generator, seeds: Sequence[int], psi: float) -> list[Latent]:
    """The latents of seeds."""
    found = ganedit.generate(generator, seeds, truncation=psi)
    return [one.latent for one in found if one.latent is not None]


def move_of(number: int, own: np.ndarray, length: float, side: int) -> PointMove:
    """The move of a photograph: one of four landmarks, in one of eight directions."""
    x, y = own[TURNS[number % len(TURNS)]]
    angle = (number * 3 % 8) * math.pi / 4
    goal = (x + length * math.cos(angle), y + length * math.sin(angle))
    return PointMove((float(x), float(y)), (min(max(goal[0], 0.0), side), min(max(goal[1], 0.0), side)))


def timed(
    latent: Latent,
    generator: Generator,
    moves: Sequence[PointMove],
    options: DragOptions,
    seconds: list[float],
) -> Dragged:
    person = person_in(latent, generator) if options.identity else None
    started = time.process_time()
    dragged = drag(latent, generator, moves, options, person=person)
    seconds.append(time.process_time() - started)
    return dragged


def landmarks(generator: Generator, crops: Sequence[np.ndarray]) -> np.ndarray:
    """[N, 68, 2], in pixels of the crops, with the centre of the first at 0.5."""
    large = np.stack([resize(crop, FINE) for crop in crops])
    found = crop_landmarks(large, TEMPLATES[generator.card.template])
    return ((found + 0.5) * (generator.resolution / FINE)).clip(0, generator.resolution)


def warp(crop: np.ndarray, move: PointMove, width: float) -> np.ndarray:
    """A crop whose point is moved exactly to its goal, and what lies around it, by a Gaussian of `width`."""
    height, across = crop.shape[:2]
    y, x = (axis + 0.5 for axis in np.mgrid[:height, :across].astype(np.float32))
    (x0, y0), (x1, y1) = move.start, move.goal
    from_x, from_y = x, y
    for _ in range(30):  # where the pixel at x, y comes from: a fixed point
        share = np.exp(-((from_x - x0) ** 2 + (from_y - y0) ** 2) / (2 * width**2))
        from_x, from_y = x - share * (x1 - x0), y - share * (y1 - y0)
    maps = ((from_x - 0.5).astype(np.float32), (from_y - 0.5).astype(np.float32))
    return cv2.remap(crop, *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def found_again(before: np.ndarray, after: np.ndarray, move: PointMove) -> tuple[float, float]:
    """Where `after` looks most like the square of 11 px around the point in `before`."""
    fine, half, reach = 4, 5, 20  # pictures are enlarged; pixels of a crop
    border = fine * (half + reach + 4)
    old, new = (
        cv2.copyMakeBorder(
            cv2.resize(one, None, fx=fine, fy=fine, interpolation=cv2.INTER_CUBIC),
            *(border,) * 4, cv2.BORDER_REPLICATE,
        )
        for one in (before, after)
    )  # fmt: skip
    x, y = (round(n * fine - 0.5) + border for n in move.start)
    patch = old[y - fine * half : y + fine * half + 1, x - fine * half : x + fine * half + 1]
    around = fine * (half + reach)
    place = new[y - around : y + around + 1, x - around : x + around + 1]
    best = cv2.minMaxLoc(cv2.matchTemplate(place, patch, cv2.TM_CCOEFF_NORMED))[3]
    return tuple(n + at / fine - reach for n, at in zip(move.start, best, strict=True))


def marked(crop: np.ndarray, dragged: Dragged, *, start: bool = False) -> np.ndarray:
    """An enlarged crop with its points in red, and their goals in blue."""
    image = Image.fromarray(resize(crop, SHOWN))
    pen, scale = ImageDraw.Draw(image), SHOWN / crop.shape[0]
    for point in dragged.points:
        here = point.move.start if start else point.at
        ends = [(x * scale, y * scale) for x, y in (here, point.move.goal)]
        pen.line(ends, fill="white")
        for (x, y), colour in zip(ends, ("red", "blue"), strict=True):
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour, outline="white")
    return np.asarray(image)


if __name__ == "__main__":
    main()
