"""Accuracy of classifiers on a domain of which they had no labels, by method: a table as in the papers.

    python benchmarks/adaptation.py DATA/digits --photos DATA/sr/train
    python benchmarks/adaptation.py DATA/digits --pairs usps-mnist --methods adda --seeds 1 --kimg 20

DATA/digits holds mnist.zip and usps.zip with the folders train and test. The small protocol of ADDA: 2,000
images of MNIST and 1,800 of USPS to learn from. MNIST-M blends MNIST's digits with crops of --photos.
Prints mean and standard deviation over the seeds of the accuracy on the target's test part in percent,
beside what the papers report for the same pair, and processor seconds of a run.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch

import ganedit
from ganedit.train.options.adaptation import METHODS

LIMITS = {"mnist": 2000, "usps": 1800, "mnistm": 2000}
PAPERS = {
    "mnist-usps": {"source-only": 75.2, "dann": 77.1, "adda": 89.4, "cycada": 95.6},
    "usps-mnist": {"source-only": 57.1, "dann": 73.0, "adda": 90.1, "cycada": 96.5},
    "mnist-mnistm": {"source-only": 52.3, "dann": 76.7},
}
"""The tables of ADDA and CyCADA (CyCADA learned from all images), and that of DANN for MNIST-M."""


def run(args: argparse.Namespace, pair: str, method: str, seed: int) -> tuple[float, float]:
    """Accuracy on the target in percent, and processor seconds."""
    source, target = pair.split("-")
    zips = tuple(args.data / f"{name.removesuffix('m')}.zip" for name in (source, target))
    blend = {"blend": str(args.photos)} if target == "mnistm" else {}
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        model = ganedit.train_model(
            "adapt", zips, Path(folder) / "run", method=method, seed=seed, kimg=args.kimg,
            limit_source=LIMITS[source], limit_target=LIMITS[target], **blend,
        )  # fmt: skip
        card = ganedit.load(model).card
    found = {metric.name: metric.value for metric in card.metrics}
    return 100 * found["target accuracy"], time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--photos", type=Path, default=None)
    parser.add_argument("--pairs", nargs="+", default=list(PAPERS))
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kimg", type=float, default=100.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.photos is None:
        args.pairs = [pair for pair in args.pairs if not pair.endswith("mnistm")]
    print("| from, to | method | accuracy | the paper's | processor s |\n|---|---|--:|--:|--:|")
    for pair in args.pairs:
        for method in args.methods:
            each = [run(args, pair, method, seed) for seed in range(args.seeds)]
            accuracies, seconds = zip(*each, strict=True)
            mean = f"{statistics.mean(accuracies):.1f}"
            mean += f" ± {statistics.stdev(accuracies):.1f}" if len(each) > 1 else ""
            cells = (pair.replace("-", ", "), method, mean, PAPERS[pair].get(method, ""))
            print(f"| {' | '.join(map(str, cells))} | {statistics.mean(seconds):.0f} |", flush=True)


if __name__ == "__main__":
    main()
