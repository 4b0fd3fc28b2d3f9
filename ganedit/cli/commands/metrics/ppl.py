"""`ganedit metrics ppl`: the perceptual path length of a generator."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.image_sets import DistanceOption, check_counts
from ganedit.cli.kit.models import open_generator


class Space(StrEnum):
    """Where codes are interpolated."""

    w = "w"
    z = "z"


class Sampling(StrEnum):
    """Where on the way images are compared."""

    end = "end"
    full = "full"


def ppl(
    console: Console,
    model: Annotated[str, typer.Option(help="Generator: a name or a file.")] = "faces",
    space: Annotated[Space, typer.Option(help="Interpolate styles (w) or latents (z).")] = Space.w,
    sampling: Annotated[
        Sampling, typer.Option(help="Compare at the ends of the ways, or anywhere on them (full).")
    ] = Sampling.end,
    features: DistanceOption = "efficientnet-lite1",
    samples: Annotated[int, typer.Option(help="Number of ways; published values take 100,000.")] = 1000,
) -> None:
    """Measure how evenly a generator moves through its images: perceptual path length.

    The perceptual distance of two images a tiny step apart, divided by the square of the step: smaller is
    smoother. Compare only numbers of the same network; published ones are of --features vgg.
    """
    check_counts(samples=samples)
    from ganedit.metrics.diversity import measure_path_length, title_of

    generator = open_generator(console, model)
    with console.stage(f"walking {samples} ways", samples) as progress:
        length = measure_path_length(
            generator, space.value, sampling.value, features,
            samples=samples, seed=console.options.seed, progress=progress,
        )  # fmt: skip
    title = f"perceptual path length in {space.value}, {sampling.value}, by the {title_of(features)}"
    console.answer(
        f"{title}: {length:.5g}\n  {samples} ways of {generator.name}",
        {
            "path_length": length, "space": space.value, "sampling": sampling.value, "features": features,
            "samples": samples, "seed": console.options.seed, "model": generator.name,
            "sha256": generator.sha256,
        },
    )  # fmt: skip
