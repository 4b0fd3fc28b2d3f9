"""How well faces are found: recall, false finds, rolled heads, and processor time in large photos.

python benchmarks/face_search.py [recall] [faceless] [margin] [roll] [large] [--shared ../shared]
    [--count 100] [--faceless FOLDER ...]

recall    faces found in the photos of the shared data, and aligned crops in which their face is found
faceless  finds in photos of horses and zebras, in the portrait without its head, and in --faceless FOLDER
margin    certainty (without its limit by the score) and unsteadiness of faces in aligned crops, and of
          whatever the detector takes for a face in the same photos without one
roll      for turns of four photos by 15 degrees, how far the eyes are from where they should be
large     four faces of 200 px in 48 and 17 megapixels
"""

from __future__ import annotations

import argparse
import csv
import math
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np

from ganedit.errors import InputError
from ganedit.images.face_detection import (
    Face,
    _cut,
    _look,
    _unsteadiness,
    luminance,
    oriented_square,
    roll,
)
from ganedit.images.faces import _attempts, find_faces
from ganedit.images.io import list_images, read_image
from ganedit.images.pixels import resize

ROOT = Path(__file__).resolve().parents[1]
PORTRAIT = ROOT / "examples" / "portrait.png"
ROLLED = ("astronaut", "obama_portrait", "biden_portrait", "obama_speech")


def found(pixels: np.ndarray) -> list[Face]:
    try:
        return find_faces(pixels)
    except InputError:
        return []


def recall(data: Path, count: int) -> None:
    with open(data / "photos" / "photos.csv", newline="") as file:
        photos = {row["file"]: row["faces_by_eye"] for row in csv.DictReader(file)}
    for name, by_eye in photos.items():
        faces = found(read_image(data / "photos" / name).pixels)
        print(f"{name:24} found {len(faces)}, by eye: {by_eye}")
    crops = aligned_crops(data, count)
    print(f"aligned crops of 128 px: found in {sum(bool(found(crop)) for crop in crops)} of {len(crops)}")


def aligned_crops(data: Path, count: int) -> list[np.ndarray]:
    with zipfile.ZipFile(data / "faces" / "faces-128.zip") as crops:
        names = sorted(name for name in crops.namelist() if name.endswith(".webp"))[:count]
        return [cv2.imdecode(np.frombuffer(crops.read(name), np.uint8), 1)[..., ::-1] for name in names]


def faceless(data: Path, count: int, folders: list[Path]) -> None:
    pictures, finds = without_faces(data, count, folders), 0
    for name, pixels in pictures:
        for face in found(pixels):
            finds += 1
            print(f"{name}: {[round(side) for side in face.box]}, score {face.score:.2f}", flush=True)
    print(f"{finds} finds in {len(pictures)} pictures without a face")


def without_faces(data: Path, count: int, folders: list[Path]) -> list[tuple[str, np.ndarray]]:
    portrait = read_image(PORTRAIT).pixels
    painted = portrait.copy()
    painted[:230, 150:300] = 200
    pictures = [("portrait, cut below the head", portrait[220:]), ("portrait, head painted over", painted)]
    for folder in [data / "horse2zebra" / "testA", data / "horse2zebra" / "testB", *folders]:
        pictures += [(path.name, read_image(path).pixels) for path in list_images(folder)[:count]]
    return pictures


def margin(data: Path, count: int, folders: list[Path]) -> None:
    kinds = {
        "faces": [("", crop) for crop in aligned_crops(data, count)],
        "false finds": without_faces(data, count, folders),
    }
    for kind, pictures in kinds.items():
        looks = []
        for name, pixels in pictures:
            grey = luminance(pixels)
            for _, detections in _attempts(grey, -0.1):  # as find_faces at the threshold 0
                looks += [(*second_look(grey, face), face.score, name) for face in detections]
                if kind == "faces" and detections:
                    break
        certainties, unsteady = sorted(one[0] for one in looks), sorted(one[1] for one in looks)
        print(f"{kind}: {len(looks)} in {len(pictures)} pictures")
        if looks:
            print(f"  certainty: {certainties[:3]}, median {np.median(certainties):.2f}, {certainties[-3:]}")
            print(f"  unsteadiness: {unsteady[0]} to {unsteady[-1]}")
        if kind != "faces":
            print(*sorted(looks, reverse=True)[:10], sep="\n", flush=True)


def second_look(grey: np.ndarray, face: Face) -> tuple[float, float]:
    """The certainty of a face in its own crop, and how unsteady its landmarks are there."""
    centre, x, y = oriented_square(face.landmarks)
    axes = np.stack([x, y], axis=1) * 2 / 200
    view = _cut(grey, centre - axes @ np.full(2, 99.5), axes, np.array([200, 200]))
    certainty, _ = _look(grey, face.landmarks, 10.0)
    return round(certainty, 2), round(_unsteadiness(view), 3)


def rolled(pixels: np.ndarray, face: Face, degrees: int) -> np.ndarray:
    """The photo turned counter-clockwise about a face, reduced so that the face has 120 px."""
    scale = 120 / math.sqrt(face.area)
    x, y = face.landmarks.mean(0)
    turn = cv2.getRotationMatrix2D((x, y), degrees, scale)
    turn[:, 2] += 320 - np.array([x, y])
    return cv2.warpAffine(pixels, turn, (640, 640), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)


def rolls(data: Path) -> None:
    print(f"{'degrees':16}" + "".join(f"{degrees:5}" for degrees in range(0, 360, 15)))
    for name in ROLLED:
        pixels = read_image(data / "photos" / f"{name}.jpg").pixels
        upright = found(pixels)[0]
        errors = []
        for degrees in range(0, 360, 15):
            faces = found(rolled(pixels, upright, degrees))
            error = (
                (roll(faces[0].landmarks) - roll(upright.landmarks) + degrees + 180) % 360 - 180
                if faces
                else None
            )
            errors.append("    -" if error is None else f"{error:5.0f}")
        print(f"{name:16}" + "".join(errors), flush=True)


def scene(height: int, width: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """A textured photo with four faces of 200 px, and where they are."""
    noise = np.random.default_rng(0)
    pixels = sum(
        cv2.resize(noise.normal(0, 10, (height // k + 1, width // k + 1)).astype(np.float32), (width, height))
        for k in (3, 10, 40, 200)
    )
    pixels = np.repeat((pixels + 128).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    head = read_image(PORTRAIT).pixels[20:220, 110:330]
    head = resize(head, (round(head.shape[0] * 200 / 90), round(head.shape[1] * 200 / 90)))
    places = [(height // 3, width * k // 5) for k in (1, 2, 3, 4)]
    for y, x in places:
        pixels[y : y + head.shape[0], x : x + head.shape[1]] = head
    return pixels, places


def large() -> None:
    for height, width in ((6000, 8000), (1200, 14000)):
        pixels, places = scene(height, width)
        start = time.process_time()
        faces = found(pixels)
        seconds = time.process_time() - start
        start = time.process_time()
        found(pixels[: height // 3])
        empty = time.process_time() - start
        megapixels = height * width / 1e6
        print(
            f"{width}x{height}: {len(faces)} of {len(places)} faces, {seconds:.1f} s of processor time for "
            f"{megapixels:.0f} megapixels; {empty:.1f} s for the third without faces"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["recall", "faceless", "margin", "roll", "large"])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--faceless", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    data = args.shared / "data"
    if "recall" in args.parts:
        recall(data, args.count)
    if "faceless" in args.parts:
        faceless(data, args.count, args.faceless)
    if "margin" in args.parts:
        margin(data, args.count, args.faceless)
    if "roll" in args.parts:
        rolls(data)
    if "large" in args.parts:
        large()


if __name__ == "__main__":
    main()
