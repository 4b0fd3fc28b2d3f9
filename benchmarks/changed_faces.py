"""What translators of faces change: a classifier's answers before and after, and identity.

    python benchmarks/changed_faces.py faces-128.zip --model young2old --where "age<30"
    python benchmarks/changed_faces.py faces-128.zip --model faces-attributes --where "age<30" --to old,male

Of the last --last pictures of a labelled set (kept out of training), those of which --where is true. Prints
the means of the bundled classifier's answers, and the median distance of dlib's identity features (below 0.6
counts as the same person).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import cast

import numpy as np
import torch

from ganedit.data.pictures import load_pictures
from ganedit.images.align import TEMPLATES
from ganedit.images.io import Photo
from ganedit.images.targets import target_of
from ganedit.images.tensors import to_tensor
from ganedit.images.translation import translate
from ganedit.metrics.identity import embed_crops, identity_distance
from ganedit.store.load import load
from ganedit.store.models import Classifier, Translator
from ganedit.train.recipes.stargan import parse_rules, read_labels


def main() -> None:
    args = parse()
    model, classifier = cast(Translator, load(args.model)), cast(Classifier, load(args.classifier))
    faces = held_out(args.data, args.where, args.last, model.card.resolution)
    target = target_of(model, args.to.split(",")) if args.to else None
    changed = [translate(Photo(face), model, label=target, aligned=True).pixels for face in faces]
    answers = [measured(classifier, pictures) for pictures in (faces, changed)]
    template = TEMPLATES[classifier.card.template]
    moved = identity_distance(*(embed_crops(np.stack(some), template) for some in (faces, changed)))

    print(f"{len(faces)} faces with {args.where}, {args.model} {args.to or ''}\n")
    print("| | " + " | ".join(answers[0]) + " | identity distance, median |")
    print("|---|" + "--:|" * (len(answers[0]) + 1))
    for name, row in zip(("before", "after"), answers, strict=True):
        last = f"{np.median(moved):.3f}" if name == "after" else ""
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in row.values()) + f" | {last} |")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--where", required=True, help="such as age<30 or gender=male")
    parser.add_argument("--to", help="labels, for models that need them")
    parser.add_argument("--classifier", default="face-attributes")
    parser.add_argument("--last", type=int, default=500)
    return parser.parse_args()


def held_out(data: Path, where: str, last: int, size: int) -> list[np.ndarray]:
    """[S, S, 3] uint8 of those of the last pictures of which the rule is true."""
    pictures = load_pictures([data], size=size, load_size=size)
    (true,) = read_labels(data, pictures.names, parse_rules(f"chosen={where}")).T
    rows = range(len(pictures) - last, len(pictures))
    return [pictures[row][0] for row in rows if true[row]]


def measured(classifier: Classifier, faces: list[np.ndarray]) -> dict[str, float]:
    with torch.inference_mode():
        found = [classifier.measure(to_tensor(face)) for face in faces]
    return {name: float(torch.stack([one[name][0] for one in found]).mean()) for name in found[0]}


if __name__ == "__main__":
    main()
