"""What an edit does to photographs that no model was trained on.

    python benchmarks/edits.py faces-128.zip --direction smile --magnitude 2 --sheet edits.png

Projects the last --last crops of a set, moves their codes along the direction, and prints by how much the
attribute rises (of a probability: on the crops where it is below one half), how far dlib's identity features
move from the crop itself, and in how many results dlib finds a face. The sheet has every crop, its
projection and its edit, one above the other. --save keeps the codes for another run.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from directions import draw, pixels
from torch import Tensor

from ganedit.data.images import load_images
from ganedit.images.align import TEMPLATES
from ganedit.images.io import write_image
from ganedit.images.sheet import sheet
from ganedit.latent.directions import named
from ganedit.latent.directions.direction import apply
from ganedit.latent.inversion.project import METHODS, ProjectOptions, project
from ganedit.metrics.identity import embed_crops, identity_distance
from ganedit.metrics.quality import detection_rate
from ganedit.store.load import encoder_for, load_classifier, load_generator
from ganedit.store.models import Generator

COLUMNS = 10  # of the sheet


def main() -> None:
    args = parse()
    generator, classifier = load_generator(args.model), load_classifier(args.classifier)
    direction = named.find(args.direction, generator.name)
    crops = load_images(args.crops, resolution=generator.resolution).images[-args.last :].float() / 127.5 - 1
    codes = codes_of(generator, crops, args)
    projected = draw(generator, codes)
    edited = draw(generator, apply(codes, [(direction, args.magnitude, None)]))

    template = TEMPLATES[generator.card.template]
    persons = [embed_crops(pixels(images), template) for images in (crops, projected, edited)]
    with torch.inference_mode():
        values = [classifier.measure(images)[args.direction] for images in (crops, projected, edited)]
    before, after = values[1:]
    lacking = before < 0.5 if float(before.max()) <= 1 else torch.ones_like(before, dtype=torch.bool)
    print(f"{len(crops)} crops, {generator.name}, {args.method}, {args.direction} {args.magnitude:+g}\n")
    means = ", ".join(f"{float(one.mean()):.3f}" for one in values)
    print(f"{args.direction}, mean of the crops, projected, edited: {means}")
    print(f"rise on the {int(lacking.sum())} without it: {float((after - before)[lacking].mean()):+.3f}")
    for name, persons_of, images in zip(
        ("projected", "edited"), persons[1:], (projected, edited), strict=True
    ):
        distance = float(np.median(identity_distance(persons[0], persons_of)))
        rate = detection_rate(pixels(images))
        print(f"{name}: identity distance {distance:.3f} (median), face found in {rate:.1%}")
    if args.sheet:
        groups = zip(*(some.split(COLUMNS) for some in (crops, projected, edited)), strict=True)
        tiles = [one for group in groups for row in group for one in pixels(row)]
        write_image(args.sheet, sheet(tiles, columns=COLUMNS))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("crops", type=Path)
    parser.add_argument("--model", default="faces")
    parser.add_argument("--classifier", default="face-attributes")
    parser.add_argument("--direction", default="smile")
    parser.add_argument("--magnitude", type=float, default=2.0)
    parser.add_argument("--method", default="hybrid", choices=[m for m in METHODS if m != "tune"])
    parser.add_argument("--editability", type=float, default=ProjectOptions().editability)
    parser.add_argument("--last", type=int, default=50)
    parser.add_argument("--save", type=Path, default=None)
    parser.add_argument("--sheet", type=Path, default=None)
    return parser.parse_args()


def codes_of(generator: Generator, crops: Tensor, args: argparse.Namespace) -> Tensor:
    """ws [N, L, W], from --save if it is there."""
    if args.save and args.save.exists():
        return torch.from_numpy(np.load(args.save))
    options = replace(ProjectOptions(), method=args.method, editability=args.editability)
    encoder = encoder_for(generator)
    found = [project(generator, crop[None], options, encoder=encoder)[0].ws for crop in crops]
    if args.save:
        np.save(args.save, torch.stack(found).numpy())
    return torch.stack(found)


if __name__ == "__main__":
    main()
