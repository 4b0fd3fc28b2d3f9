"""The presets of `ganedit train gan` on digits, as long each: the table and the sheet in docs/gan.md.

python benchmarks/digits.py DATA/digits --out FOLDER [--minutes 4] [--presets dcgan,sngan]
                            [--model digits] [--sheet docs/images/gan-digits.jpg]

DATA/digits holds mnist.zip with the folders train and test. A classifier (LeNet) learns from the real digits
of train. Then each preset learns from train, in FOLDER/PRESET, for --minutes of the clock, so that nothing
else should run; complete runs are not repeated. Of 1,000 samples: how many the classifier reads as the class
asked for, their Fréchet distance from 1,000 images of test in the classifier's features, and MS-SSIM between
100 pairs of a class (AC-GAN, arXiv:1610.09585: above that of real digits, they are too alike). Presets that
know no classes get the classes that the classifier reads. --model measures further models, and the first row
real digits.
"""

from __future__ import annotations

import argparse
import json
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from generator import describe

import ganedit
from ganedit.images.io import write_image
from ganedit.images.pixels import resize
from ganedit.images.sheet import sheet
from ganedit.metrics.diversity import measure_diversity
from ganedit.metrics.frechet import frechet_distance_of
from ganedit.metrics.image_features import FeatureNetwork, feature_network, look_at
from ganedit.metrics.image_sets import DrawnImages, read_images
from ganedit.store.load import load_generator
from ganedit.train.options.gan import PRESETS

SIDE, COUNT, SHOWN = 32, 1000, 10
CONDITIONAL = ("cgan", "acgan", "biggan")
SMALL: dict[str, dict[str, Any]] = {
    "goodfellow": {"width": 256},
    "biggan": {"width": 16, "lr": 2e-4},  # the paper's rate is for batches of 2,048
}
"""What the presets get besides --width 32, which keeps all of them at about the same cost."""


@dataclass(frozen=True)
class Row:
    """What was measured of one set of digits."""

    name: str
    kimg: float
    accuracy: float | None
    distance: float
    similarity: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--presets", default=",".join(PRESETS))
    parser.add_argument("--model", nargs="*", default=[], help="further models of digits to measure")
    parser.add_argument("--sheet", type=Path, help="also an image: a row of samples for each")
    args = parser.parse_args()
    torch.set_num_threads(1)
    digits = unpacked(args.data / "mnist.zip", args.out / "mnist")
    judge = feature_network(f"classifier:{classifier(args.data, args.out)}", device="cpu")
    real = read_images(digits / "test", resolution=SIDE, limit=0)
    print(describe(torch.device("cpu")))
    print(f"{args.minutes:g} minutes each\n")
    print("| digits | kimg | read as the class | Fréchet distance | MS-SSIM |\n|---|--:|--:|--:|--:|")
    rng = np.random.default_rng(0)
    mixed = rng.permutation(len(real))
    images = np.concatenate([real[int(i) : int(i) + 1] for i in mixed])
    classes = [int(Path(real.pictures.names[i]).parent.name) for i in mixed]
    reference = look_at(images[COUNT:], judge)[0]
    show(measured("real", 0, images[:COUNT], classes[:COUNT], reference, judge, True))
    shown = {"real": by_class(images, classes)}
    for name in [*filter(None, args.presets.split(",")), *args.model]:
        model, kimg = trained(name, digits / "train", args) if name in PRESETS else (name, 0.0)
        row, samples = of_model(Path(name).name, kimg, model, reference, judge)
        show(row)
        shown[row.name] = samples
    if args.sheet:
        tiles = [resize(one, 2 * SIDE) for samples in shown.values() for one in samples]
        write_image(args.sheet, sheet(tiles, columns=SHOWN, row_labels=list(shown)), quality=88)


def unpacked(source: Path, folder: Path) -> Path:
    """The digits as a folder for each part and class."""
    if not folder.exists():
        with zipfile.ZipFile(source) as packed:
            packed.extractall(folder)
    return folder


def classifier(data: Path, out: Path) -> Path:
    """A classifier that knows real digits of train alone; it is learned once."""
    folder = out / "classifier"
    if not (folder / "model").exists():
        zips = (data / "mnist.zip", data / "usps.zip")  # source-only: the second is only tested on
        ganedit.train_model("adapt", zips, folder, method="source-only", device="cpu", overwrite=True)
    (accuracy,) = (
        one.value for one in ganedit.load(folder / "model").card.metrics if one.name == "source accuracy"
    )
    print(f"the classifier reads {accuracy:.1%} of test")
    return folder / "model"


def trained(preset: str, digits: Path, args: argparse.Namespace) -> tuple[Path, float]:
    """A model of a preset, and the thousands of images that it learned from."""
    folder = args.out / preset
    options = {"width": 32, **SMALL.get(preset, {}), "resolution": SIDE, "minutes": args.minutes}
    if preset in CONDITIONAL:
        options["label"] = "folder"
    if not (folder / "model").exists():
        started = time.perf_counter()
        ganedit.train_model("gan", digits, folder, preset=preset, device="cpu", overwrite=True, **options)
        print(f"{preset}: {time.perf_counter() - started:.0f} s", flush=True)
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    return folder / "model", last["images"] / 1000


def of_model(
    name: str, kimg: float, model: str | Path, reference: np.ndarray, judge: FeatureNetwork
) -> tuple[Row, list[np.ndarray]]:
    """The row of a generator, and a sample of each class."""
    generator = load_generator(model, device="cpu")
    images = DrawnImages(generator, COUNT)[:]
    asked = [i % generator.num_classes for i in range(COUNT)] if generator.num_classes else None
    classes = asked if asked is not None else list(read(images, judge))
    row = measured(name, kimg, images, classes, reference, judge, asked is not None)
    return row, by_class(images, classes)


def measured(
    name: str,
    kimg: float,
    images: np.ndarray,
    classes: Sequence[int],
    reference: np.ndarray,
    judge: FeatureNetwork,
    known: bool,
) -> Row:
    """The row of 1,000 images whose classes are `known`, or were read by the classifier."""
    groups = {str(k): [i for i, one in enumerate(classes) if one == k] for k in range(10)}
    accuracy = float(np.mean(read(images, judge) == np.array(classes))) if known else None
    distance = frechet_distance_of(look_at(images, judge)[0], reference)
    return Row(name, kimg, accuracy, distance, measure_diversity(images, "ms-ssim", groups=groups).value)


def read(images: np.ndarray, judge: FeatureNetwork) -> np.ndarray:
    """The class of each image, as the classifier reads it."""
    _, logits = look_at(images, judge, classes=True)
    assert logits is not None
    return logits.argmax(dim=1).numpy()


def by_class(images: np.ndarray, classes: Sequence[int]) -> list[np.ndarray]:
    """The first image of each class; black where there is none."""
    first = {one: i for i, one in reversed(list(enumerate(classes)))}
    return [images[first[k]] if k in first else np.zeros_like(images[0]) for k in range(SHOWN)]


def show(row: Row) -> None:
    accuracy = "-" if row.accuracy is None else f"{row.accuracy:.1%}"
    kimg = f"{row.kimg:.0f}" if row.kimg else ""
    print(f"| `{row.name}` | {kimg} | {accuracy} | {row.distance:.2f} | {row.similarity:.3f} |", flush=True)


if __name__ == "__main__":
    main()
