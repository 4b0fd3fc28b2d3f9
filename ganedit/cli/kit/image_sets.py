"""What the measures of image sets share: the sets that a command line names, and their description."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_generator
from ganedit.errors import UsageError

if TYPE_CHECKING:
    from ganedit.metrics.diversity import Diversity
    from ganedit.metrics.image_sets import DrawnImages, ReadImages

LEAST = {"samples": 2, "pairs": 1, "neighbours": 0, "resolution": 0, "limit": 0}
STABLE = "some thousands give stable numbers"
SetsArgument = Annotated[
    list[Path] | None,
    typer.Argument(help="Folders or zips: the images to measure, and those to compare with."),
]
DataOption = Annotated[
    Path | None, typer.Option(help="Folder or zip to compare with, such as the training data.")
]
ModelOption = Annotated[
    str | None, typer.Option(help="Generator to measure instead of a folder: a name or a file.")
]
SamplesOption = Annotated[int, typer.Option(help="Samples drawn from --model.")]
PsiOption = Annotated[float, typer.Option(help="Truncation of the samples; 1: none.")]
ResolutionOption = Annotated[
    int, typer.Option(help="Crop folders to squares of this side first; with --model it is the model's.")
]
LimitOption = Annotated[int, typer.Option(help="Use only the first N images by name of a folder; 0: all.")]
FeaturesOption = Annotated[
    str,
    typer.Option(
        help="Network: efficientnet-lite0, -lite1 or -lite2, inception, clip[:NAME], dlib, classifier:NAME."
    ),
]
DistanceOption = Annotated[
    str,
    typer.Option("--features", help="Network: vgg (LPIPS), or efficientnet-lite0, -lite1 or -lite2."),
]
WeightsOption = Annotated[Path | None, typer.Option(help="File of the weights of inception.")]


def sets_of(
    console: Console,
    sets: list[Path] | None,
    data: Path | None,
    model: str | None,
    *,
    wanted: int,
    samples: int,
    psi: float,
    resolution: int,
    limit: int,
) -> list[DrawnImages | ReadImages]:
    """Open the sets of images that a command line names, `wanted` in number, the model's first."""
    named = [*(sets or []), *([data] if data else [])]
    check_counts(samples=samples, resolution=resolution, limit=limit)
    if len(named) + (model is not None) != wanted:
        few = "one set of images" if wanted == 1 else "two sets of images"
        raise UsageError(
            f"{few} must be named, not {len(named) + (model is not None)}",
            "a folder, a zip, or --model" if wanted == 1 else "two folders, or --model NAME --data FOLDER",
        )
    from ganedit.metrics.image_sets import DrawnImages

    opened: list[DrawnImages | ReadImages] = []
    if model is not None:
        if resolution:
            raise UsageError("--resolution is that of the model", "leave it out with --model")
        generator = open_generator(console, model)
        resolution = generator.resolution
        opened.append(DrawnImages(generator, samples, psi, console.options.seed))
    return opened + [read(console, source, resolution, limit) for source in named]


def read(console: Console, source: Path, resolution: int, limit: int) -> ReadImages:
    """Read a folder or zip, and name the files that cannot be decoded."""
    from ganedit.metrics.image_sets import read_images

    with console.stage(f"reading {source}", limit) as progress:
        images = read_images(source, resolution=resolution, limit=limit, progress=progress)
    warn_skipped(console, images.skipped)
    return images


def warn_skipped(console: Console, skipped: Iterable[tuple[str, str]]) -> None:
    """Name the files that were left out, and why."""
    for name, reason in skipped:
        console.warn(f"{name}: {reason}")


def check_counts(**counts: int) -> None:
    """Refuse counts below their least, by the name of their flag."""
    for name, count in counts.items():
        if name == "limit" and (count < 0 or count == 1):
            raise UsageError(f"--limit {count} must be 0 or at least 2", STABLE)
        if count < LEAST[name]:
            raise UsageError(
                f"--{name} {count} must be at least {LEAST[name]}", STABLE if name == "samples" else ""
            )


def diversity_of(
    console: Console,
    sets: list[Path] | None,
    model: str | None,
    measure: str,
    *,
    pairs: int,
    samples: int,
    psi: float,
    resolution: int,
    limit: int,
) -> tuple[DrawnImages | ReadImages, Diversity]:
    """Open the one set that a command line names, and compare random pairs of each of its groups."""
    from ganedit.metrics.diversity import measure_diversity

    (images,) = sets_of(
        console, sets, None, model, wanted=1, samples=samples, psi=psi, resolution=resolution, limit=limit
    )
    with console.stage("comparing pairs", pairs * len(images.groups)) as progress:
        return images, measure_diversity(
            images, measure, groups=images.groups, pairs=pairs, seed=console.options.seed,
            device=console.options.device, progress=progress,
        )  # fmt: skip


def described(images: DrawnImages | ReadImages) -> tuple[str, dict[str, Any]]:
    """A set in words, and as data."""
    from ganedit.metrics.image_sets import DrawnImages

    if isinstance(images, DrawnImages):
        model, last = images.generator, images.seed + images.count - 1
        words = f"{images.count} samples of {model.name} at psi {images.psi:g}, seeds {images.seed} to {last}"
        return words, {
            "model": model.name, "sha256": model.sha256, "images": images.count, "psi": images.psi,
            "seed": images.seed, "resolution": model.resolution,
        }  # fmt: skip
    height, width = images[:1].shape[1:3]
    words = f"{len(images)} images of {images.source.name}, {width}x{height} px"
    return words, {"source": str(images.source), "images": len(images), "size": [width, height]}


def measure_command(measure: str, doc: str) -> Callable[..., None]:
    """The command of one of `metrics.samples.MEASURES`; the others can be had in the same pass."""

    def command(
        console: Console,
        sets: SetsArgument = None,
        model: ModelOption = None,
        data: DataOption = None,
        features: FeaturesOption = "efficientnet-lite1",
        also: Annotated[str, typer.Option(help="More of fid, kid, is and prdc in the same pass.")] = "",
        samples: SamplesOption = 5000,
        psi: PsiOption = 1.0,
        resolution: ResolutionOption = 0,
        limit: LimitOption = 0,
        neighbours: Annotated[
            int, typer.Option(help="Neighbours of prdc; 0: 3 for precision and recall, 5 for the others.")
        ] = 0,
        weights: WeightsOption = None,
        template: Annotated[
            str, typer.Option(help="Alignment of the faces, for dlib (default: that of --model).")
        ] = "",
    ) -> None:
        from ganedit.metrics.image_features import feature_network
        from ganedit.metrics.samples import check_measures, measure_images

        measures = list(dict.fromkeys([measure, *filter(None, map(str.strip, also.split(",")))]))
        check_measures(measures)
        check_counts(neighbours=neighbours)
        opened = sets_of(
            console, sets, data, model, wanted=1 if measures == ["is"] else 2, samples=samples, psi=psi,
            resolution=resolution, limit=limit,
        )  # fmt: skip
        if model is not None and not template:
            template = opened[0].generator.card.template  # type: ignore[union-attr]
        network = feature_network(features, weights=weights, template=template, device=console.options.device)
        real = opened[1] if len(opened) > 1 else None
        found = measure_images(
            opened[0], real, measures, network,
            neighbours=neighbours, seed=console.options.seed, watch=console.stage,
        )  # fmt: skip
        parts = [described(one) for one in opened]
        lines = [
            f"{one.title}: {one.value:.5g}" + ("" if one.spread is None else f" ± {one.spread:.2g}")
            for one in found
        ]
        lines.append(f"  {' and '.join(words for words, _ in parts)}; features: {network.name}")
        about = {"features": network.name, "neighbours": neighbours, "seed": console.options.seed}
        sides = dict(zip(("measured", "compared_with"), (data for _, data in parts), strict=False))
        console.answer("\n".join(lines), {"measures": [asdict(one) for one in found], **about, **sides})

    command.__doc__ = doc
    return command
