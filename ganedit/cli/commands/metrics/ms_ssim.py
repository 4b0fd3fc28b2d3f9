"""`ganedit metrics ms-ssim`: how alike images of a class are."""

from __future__ import annotations

from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.image_sets import (
    LimitOption,
    ModelOption,
    PsiOption,
    ResolutionOption,
    SamplesOption,
    SetsArgument,
    check_counts,
    described,
    diversity_of,
)


def ms_ssim(
    console: Console,
    sets: SetsArgument = None,
    model: ModelOption = None,
    pairs: Annotated[int, typer.Option(help="Pairs of images of each class or folder.")] = 100,
    samples: SamplesOption = 1000,
    psi: PsiOption = 1.0,
    resolution: ResolutionOption = 0,
    limit: LimitOption = 0,
) -> None:
    """Measure how alike the images of each class are: the mean MS-SSIM of random pairs (AC-GAN).

    The larger, the less varied: compare it with the value of real images at the same size. Classes are
    those of --model, or the subfolders of a folder.
    """
    check_counts(pairs=pairs)
    images, found = diversity_of(
        console, sets, model, "ms-ssim",
        pairs=pairs, samples=samples, psi=psi, resolution=resolution, limit=limit,
    )  # fmt: skip
    words, about = described(images)
    lines = [f"MS-SSIM of pairs: {found.value:.4f}"]
    lines += [f"  {name:24} {value:.4f}" for name, value in found.groups.items() if len(found.groups) > 1]
    lines.append(f"  {found.pairs} pairs of {words}; {found.scales} of 5 scales")
    console.answer(
        "\n".join(lines),
        {
            "ms_ssim": found.value, "groups": dict(found.groups), "pairs": found.pairs,
            "scales": found.scales, "seed": console.options.seed, "measured": about,
        },
    )  # fmt: skip
