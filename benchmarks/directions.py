"""What each direction changes: a matrix of directions and attributes, the rise of smiles, and identity.

    python benchmarks/directions.py --model faces

prints, as Markdown, how much each output of the classifier changes on average when samples are moved along
each direction, how much the probability of a smile rises on faces that do not smile, and how far dlib's
identity features move.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ganedit.images.align import TEMPLATES
from ganedit.images.tensors import to_levels
from ganedit.latent import sampling
from ganedit.latent.directions import named
from ganedit.latent.directions.direction import apply
from ganedit.metrics.identity import embed_crops, identity_distance
from ganedit.store.load import load
from ganedit.store.models import Classifier, Generator

SMILE = "smile"


def main() -> None:
    args = parse()
    generator, classifier = load(args.model, args.device), load(args.classifier, args.device)
    assert isinstance(generator, Generator)
    assert isinstance(classifier, Classifier)
    template = TEMPLATES[generator.card.template]
    names = args.directions or named.names_of(generator.name)
    codes = sampling.random_codes(generator, args.samples, psi=args.psi)
    ws = codes[:, None].expand(-1, generator.num_ws, -1)
    before = draw(generator, ws)
    measured = measure(classifier, before)
    features = embed_crops(pixels(before), template)

    print(f"{args.samples} samples of {generator.name} at psi {args.psi:g}, magnitude {args.magnitude:+g}\n")
    print("| direction | " + " | ".join(measured) + " | identity distance, median |")
    print("|---|" + "--:|" * (len(measured) + 1))
    for name in names:
        direction = named.find(name, generator.name)
        after = draw(generator, apply(ws, [(direction, args.magnitude, None)]))
        now = measure(classifier, after)
        moved = identity_distance(features, embed_crops(pixels(after), template))
        changes = [f"{float((now[key] - measured[key]).mean()):+.2f}" for key in measured]
        print(f"| {name} | " + " | ".join(changes) + f" | {np.median(moved):.3f} |", flush=True)
        if name == SMILE and SMILE in measured:
            sober = measured[SMILE] < 0.5
            rise = float((now[SMILE] - measured[SMILE])[sober].mean())
    if SMILE in names and SMILE in measured:
        print(f"\nsmile {args.magnitude:+g} on the {int(sober.sum())} faces that do not smile: {rise:+.3f}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="faces")
    parser.add_argument("--classifier", default="face-attributes")
    parser.add_argument("--directions", nargs="*", help="names or files; all of the model's unless given")
    parser.add_argument("--magnitude", type=float, default=2.0)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--psi", type=float, default=0.7)
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


def batches(generator: Generator, ws: Tensor) -> Iterator[Tensor]:
    for chunk in ws.split(16):
        with torch.no_grad():
            yield generator.synthesis(chunk).clamp(-1, 1).cpu()


def draw(generator: Generator, ws: Tensor) -> Tensor:
    """Pictures [N, 3, S, S] in [-1, 1]."""
    return torch.cat(list(batches(generator, ws)))


def measure(classifier: Classifier, images: Tensor) -> dict[str, Tensor]:
    """Each attribute of each picture [N]: probabilities, or numbers in their units."""
    parts = [classifier.measure(chunk) for chunk in images.split(64)]
    return {key: torch.cat([part[key].cpu() for part in parts]) for key in parts[0]}


def pixels(images: Tensor) -> np.ndarray:
    """uint8 [N, S, S, 3]."""
    return to_levels(images).permute(0, 2, 3, 1).contiguous().numpy()


if __name__ == "__main__":
    main()
