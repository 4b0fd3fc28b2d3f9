"""Whether samples may be drawn coarsely when a classifier scores them, and how much time that saves.

python benchmarks/coarse_samples.py scores [--model faces] [--samples 1000] [--sizes 32 64]
python benchmarks/coarse_samples.py time [--resolution 1024] [--sizes 64 128 256 512]

`scores` compares the scores of a model's coarse images with those of its full ones: their correlation, mean
difference and how many of the extreme 30% agree; and the directions that `ganedit direction learn` makes of
both, by their cosine. Beside it stands the cosine of the directions of two halves of the full samples, which
differ by chance only.

`time` draws with a StyleGAN2 of the published size and random weights: processor seconds for an image, best
of --repeats. One thread.
"""

from __future__ import annotations

import argparse

import torch
from generator import best_seconds, describe, published_generator
from torch import Tensor

import ganedit
from ganedit.latent.directions.learning import learn
from ganedit.latent.sampling import random_codes, score_codes
from ganedit.store.cards import ModelCard
from ganedit.store.models import Generator


def all_scores(model: Generator, classifier: object, codes: Tensor, size: int) -> Tensor:
    """Scores [N, A] of all attributes of the images of codes [N, W], drawn at `size` px."""
    kept: list[Tensor] = []

    def score(images: Tensor) -> Tensor:
        kept.append(classifier(images).float())
        return kept[-1][:, 0]

    score_codes(model, score, codes, size)
    return torch.cat(kept)


def cosine(codes: Tensor, scores: Tensor, other_codes: Tensor, other: Tensor) -> float:
    """Of the directions that are learned from two sets of scores."""
    one = learn(codes, scores, name="one", spread=codes)
    two = learn(other_codes, other, name="two", spread=other_codes)
    return float(one.vector @ two.vector)


def agreement(one: Tensor, other: Tensor) -> float:
    """The share of the highest 30% by one score that are so by the other."""
    count = int(0.3 * len(one))
    both = set(one.topk(count).indices.tolist()) & set(other.topk(count).indices.tolist())
    return len(both) / count


def compare_scores(args: argparse.Namespace) -> None:
    model, classifier = ganedit.load(args.model, "cpu"), ganedit.load("face-attributes", "cpu")
    codes = random_codes(model, args.samples)
    full = all_scores(model, classifier, codes, model.resolution)
    half = args.samples // 2
    print(
        "| size | attribute | correlation | mean difference | deviation | extremes | direction | by chance |"
    )
    print("|--:|---|--:|--:|--:|--:|--:|--:|")
    for size in args.sizes:
        coarse = all_scores(model, classifier, codes, size)
        for i, name in enumerate(classifier.attributes):
            a, b = full[:, i], coarse[:, i]
            numbers = (
                f"{float(torch.corrcoef(torch.stack([a, b]))[0, 1]):.3f}",
                f"{float((b - a).mean()):+.2f}",
                f"{float(a.std()):.2f}",
                f"{agreement(a, b):.0%}",
                f"{cosine(codes, a, codes, b):.3f}",
                f"{cosine(codes[:half], a[:half], codes[half:], a[half:]):.3f}",
            )
            print(f"| {size} | {name} | {' | '.join(numbers)} |", flush=True)


def measure_time(args: argparse.Namespace) -> None:
    device = torch.device("cpu")
    network = published_generator(args.resolution, device)
    card = ModelCard("random", "generator", "stylegan2", network.cfg.to_dict(), args.resolution)
    model = Generator(card, network)
    codes = random_codes(model, 4)
    print(describe(device))
    print("| size | processor s per image | times as fast |\n|--:|--:|--:|")
    seconds = {}
    for size in (args.resolution, *args.sizes):
        some = codes[: 1 if size > 256 else 4]

        def draw(size: int = size, some: Tensor = some) -> None:
            score_codes(model, lambda images: images.mean((1, 2, 3)), some, size)

        seconds[size] = best_seconds(draw, device, args.repeats)[1] / len(some)
        times = seconds[args.resolution] / seconds[size]
        print(f"| {size} | {seconds[size]:.2f} | {times:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["scores", "time"])
    parser.add_argument("--model", default="faces")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--resolution", type=int, default=1024)
    parser.add_argument("--sizes", type=int, nargs="+")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.what == "scores":
        args.sizes = args.sizes or [32, 64]
        compare_scores(args)
    else:
        args.sizes = args.sizes or [64, 128, 256, 512]
        measure_time(args)


if __name__ == "__main__":
    main()
