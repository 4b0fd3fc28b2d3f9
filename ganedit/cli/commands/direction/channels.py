"""`ganedit direction channels`: find channels of the style space that change an attribute or a region."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.direction_sheet import check_faces, write_sheet
from ganedit.cli.kit.models import open_classifier, open_generator
from ganedit.cli.kit.options import ClassifierName, Model
from ganedit.cli.kit.outputs import check_folder
from ganedit.errors import InputError, UsageError, did_you_mean

if TYPE_CHECKING:
    from ganedit.latent.directions.channel_search import Finding, MaskOf, Search
    from ganedit.store.models import Generator


FEWEST_SAMPLES = 8


def channels(
    console: Console,
    attribute: Annotated[
        str | None,
        typer.Option(
            help="Attribute that the channels should move: an output of --classifier, such as smile."
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help="Region of the face that they should change: mouth, eyes, brows, nose, skin ..."),
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(help="Mask, white where they should change the images.")
    ] = None,
    classifier: ClassifierName = "face-attributes",
    count: Annotated[int, typer.Option(help="Number of channels.")] = 12,
    magnitude: Annotated[
        float, typer.Option(help="Standard deviations by which a channel is moved down and up.")
    ] = 10.0,
    samples: Annotated[int, typer.Option(help="Number of samples to measure on.")] = 64,
    faces: Annotated[int, typer.Option(help="Samples on the sheet.")] = 2,
    model: Model = "faces",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write a sheet (PNG).")] = None,
) -> None:
    """Find the style channels that change an attribute or a region most.

    Prints a table, the best first: how much each output of the classifier changes from -MAGNITUDE to
    +MAGNITUDE, how much the images and the region change (in levels of 255), and the share of all change
    that lies in the region. ganedit edit --space s edits images by these channels.
    """
    from ganedit.latent.directions.channel_search import Search, find_channels_that
    from ganedit.latent.styles import need

    _check(attribute, region, mask, count, magnitude, samples)
    check_faces(faces)
    if output is not None:
        check_folder(output.parent)
    generator = open_generator(console, model)
    need(generator, "ganedit direction discover --method ganspace works with it")
    search = Search(
        classifier=open_classifier(console, classifier) if attribute else None,
        attribute=attribute,
        mask_of=_mask_of(region, mask, generator),
        magnitude=magnitude,
        samples=samples,
        seed=console.options.seed,
    )
    with console.progress("measuring channels", count) as bar:
        findings = find_channels_that(generator, search, count, bar.update)
    if not findings:
        raise InputError("no channel changes that visibly", "choose a larger --magnitude, or another region")
    _tell(console, findings, search)
    if output is not None:
        _draw(console, generator, findings, faces, magnitude, output)


def _tell(console: Console, findings: list[Finding], search: Search) -> None:
    """Print the table, or with --json a line for each channel."""
    names = list(findings[0].effects)
    head = ["channel", "px", "use", *names, "change", *(["in region", "share"] if search.mask_of else [])]
    rows = []
    for one in findings:
        effects = [f"{one.effects[name]:+.2f}" for name in names]
        share = [] if one.share is None else [f"{one.within:.1f}", f"{one.share:.0%}"]
        size = f"{one.channel.about.size:.3g}"
        rows.append([str(one.channel), size, one.channel.about.use, *effects, f"{one.change:.1f}", *share])
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: list[str]) -> str:
        left = [cell.ljust(width) for cell, width in zip(cells[:3], widths[:3], strict=True)]
        right = [cell.rjust(width) for cell, width in zip(cells[3:], widths[3:], strict=True)]
        return "  ".join([*left, *right]).rstrip()

    console.note(line(head))
    for one, row in zip(findings, rows, strict=True):
        console.answer(line(row), _row(one, search))


def _row(finding: Finding, search: Search) -> dict[str, Any]:
    about = finding.channel.about
    details: dict[str, Any] = {
        "channel": str(finding.channel),
        "layer": finding.channel.layer,
        "px": about.size,
        "use": about.use,
        "magnitude": search.magnitude,
        "change": finding.change,
    }
    if finding.share is not None:
        details |= {"change_in_region": finding.within, "share_in_region": finding.share}
    if finding.effects:
        details |= {"effects": finding.effects, "scores": finding.scores}
    return details


def _draw(
    console: Console,
    generator: Generator,
    findings: list[Finding],
    faces: int,
    magnitude: float,
    output: Path,
) -> None:
    from ganedit.latent.directions.channels import channel_direction
    from ganedit.latent.styles import style_spread

    if console.should_write(output):
        std = style_spread(generator)[1]
        shown = [channel_direction(generator, [one.channel], std) for one in findings]
        write_sheet(console, generator, shown, faces, output, magnitude)
    console.emit(output, channels=[str(one.channel) for one in findings])


def _check(
    attribute: str | None,
    region: str | None,
    mask: Path | None,
    count: int,
    magnitude: float,
    samples: int,
) -> None:
    from ganedit.images.regions import REGIONS
    from ganedit.metrics.masks import ALSO_CALLED

    if attribute is None and region is None and mask is None:
        raise UsageError("nothing to look for was named", "add --attribute smile, --region mouth, or --mask")
    if region is not None and mask is not None:
        raise UsageError("--region and --mask exclude each other", "choose one of them")
    known = [*REGIONS, *ALSO_CALLED]
    if region is not None and region not in known:
        raise UsageError(
            f"there is no region {region}", did_you_mean(region, known) or f"choose {', '.join(known)}"
        )
    if not 1 <= count <= 1000:
        raise UsageError(f"--count {count} must be between 1 and 1000", "such as 12")
    if not 0 < magnitude <= 100:
        raise UsageError(f"--magnitude {magnitude} must be above 0 and at most 100", "10 is usual")
    if samples < FEWEST_SAMPLES:
        raise UsageError(f"--samples {samples} is too few", f"choose {FEWEST_SAMPLES} or more, such as 64")


def _mask_of(region: str | None, mask: Path | None, generator: Generator) -> MaskOf | None:
    from ganedit.images.io import read_image
    from ganedit.metrics.masks import painted_mask, region_mask

    if region is not None:
        return region_mask(region, generator)
    return None if mask is None else painted_mask(read_image(mask), generator.resolution)
