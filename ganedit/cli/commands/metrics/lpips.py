"""`ganedit metrics lpips`: the perceptual distance of pairs of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.image_sets import (
    DistanceOption,
    LimitOption,
    ModelOption,
    PsiOption,
    ResolutionOption,
    SamplesOption,
    SetsArgument,
    check_counts,
    described,
    diversity_of,
    warn_skipped,
)


def lpips(
    console: Console,
    sets: SetsArgument = None,
    model: ModelOption = None,
    features: DistanceOption = "efficientnet-lite1",
    pairs: Annotated[int, typer.Option(help="Random pairs of each class or folder.")] = 1000,
    samples: SamplesOption = 1000,
    psi: PsiOption = 1.0,
    resolution: ResolutionOption = 0,
    limit: LimitOption = 0,
) -> None:
    """Measure the perceptual distance of random pairs of one set, or of the pairs by name of two folders.

    Of one set or of --model it is variety: the larger, the more varied. Of two folders it is the distance
    of results from what was wanted. It is called LPIPS only with --features vgg.
    """
    check_counts(pairs=pairs)
    from ganedit.metrics.diversity import title_of

    if sets and len(sets) == 2 and model is None:
        return _of_pairs(console, sets, features, resolution, limit)
    images, found = diversity_of(
        console, sets, model, features,
        pairs=pairs, samples=samples, psi=psi, resolution=resolution, limit=limit,
    )  # fmt: skip
    words, about = described(images)
    data = {"groups": dict(found.groups), "seed": console.options.seed, "measured": about}
    _answer(console, features, title_of(features), found.value, found.pairs, words, data)
    return None


def _of_pairs(console: Console, sets: list[Path], features: str, resolution: int, limit: int) -> None:
    from ganedit.metrics.diversity import measure_pairs, title_of
    from ganedit.metrics.image_sets import read_pairs

    check_counts(resolution=resolution, limit=limit)
    with console.stage("reading pairs", limit) as progress:
        both = read_pairs(*sets, resolution=resolution, limit=limit, progress=progress)
    for one in both:
        warn_skipped(console, one.images.skipped)
    with console.stage("comparing pairs", len(both[0])) as progress:
        each = measure_pairs(*both, features, device=console.options.device, progress=progress)
    words = f"{sets[0].name} and {sets[1].name}"
    data = {"sources": [str(one) for one in sets]}
    _answer(console, features, title_of(features), float(each.mean()), len(each), words, data)


def _answer(
    console: Console, features: str, title: str, value: float, pairs: int, words: str, data: dict[str, Any]
) -> None:
    name = "lpips" if features == "vgg" else "distance"
    about = {name: value, "title": title, "features": features, "pairs": pairs}
    console.answer(f"{title}: {value:.4f}\n  {pairs} pairs of {words}", {**about, **data})
