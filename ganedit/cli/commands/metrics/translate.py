"""`ganedit metrics translate`: measure a translator."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_classifier, open_model
from ganedit.cli.kit.options import TEMPLATE_NAMES
from ganedit.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from ganedit.store.models import Translator


class Pairs(StrEnum):
    """What the right half of side-by-side pictures is to the left one."""

    wanted = "wanted"
    mask = "mask"


def translate(
    console: Console,
    data: Annotated[Path, typer.Argument(help="Folder of images to translate; see --pairs.")],
    model: Annotated[str, typer.Option(help="Translator: a name or a file.")],
    pairs: Annotated[
        Pairs | None,
        typer.Option(
            help="Translate the left halves; the right halves are the wanted results, or masks, white on "
            "what should change."
        ),
    ] = None,
    direction: Annotated[str, typer.Option(help="Direction of two-way models: ab or ba.")] = "ab",
    size: Annotated[int | None, typer.Option(help="As in ganedit translate.")] = None,
    classifier: Annotated[
        str | None,
        typer.Option(help="Classifier: a name, a file, or efficientnet-lite0 for ImageNet's classes."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Binary attribute, or ImageNet class, that the results should have.")
    ] = None,
    faces: Annotated[
        str | None, typer.Option(help="Alignment template, if the results are faces: ffhq or close-up.")
    ] = None,
    real: Annotated[
        Path | None,
        typer.Option(help="Folder of real faces (default with --pairs wanted: the right halves)."),
    ] = None,
    limit: Annotated[int, typer.Option(help="Use only the first N images by name.")] = 500,
) -> None:
    """Measure a translator: is the rest left alone, is the target reached, are drawn faces faces?

    With --pairs mask, the PSNR between image and result outside the mask. With --pairs wanted, that between
    what was wanted and the result. With --classifier and --target, the share of results that are taken for
    the target, of ImageNet's 1,000 classes with --classifier efficientnet-lite0. With --faces, the share in
    which dlib finds a face, and the Fréchet distance of identity features to real faces; of models that draw
    from the maps of ganedit draw regions also how well the parts of the faces lie where these have them.
    Models with styles draw each image in one at random (--seed).
    """
    from ganedit.metrics.imagenet import share_of_class
    from ganedit.metrics.translating import (
        mean_psnr,
        measure_faces_drawn,
        read_folder,
        region_agreement,
        share_taken_for,
        translate_folder,
    )
    from ganedit.nets.efficientnet_lite import CONFIGS

    if limit < 2:
        raise UsageError(f"--limit {limit} must be at least 2", "some hundred give stable numbers")
    if (classifier is None) != (target is None):
        raise UsageError("--classifier and --target belong together", "give both, or none")
    if faces is not None and faces not in TEMPLATE_NAMES:
        raise UsageError(f"there is no template {faces}", did_you_mean(faces, TEMPLATE_NAMES))
    if faces is not None and real is None and pairs != Pairs.wanted:
        raise UsageError("--faces compares with real faces, and none were given", "--real FOLDER")
    translator: Translator = open_model(console, model, "translate")
    judge = None if classifier is None or classifier in CONFIGS else open_classifier(console, classifier)
    with console.progress("translating", limit) as bar:
        rows = translate_folder(
            data, translator, pairs=pairs.value if pairs else None, direction=direction, size=size,
            limit=limit, seed=console.options.seed, progress=bar.update,
        )  # fmt: skip
    outputs = [row.output for row in rows]
    found: dict[str, Any] = {"model": translator.name, "sha256": translator.sha256, "pictures": len(rows)}
    lines = []
    if pairs is not None:
        key, title = (
            ("background_psnr", "background") if pairs is Pairs.mask else ("psnr", "to what was wanted")
        )
        found[key] = mean_psnr(rows, pairs.value)
        lines.append(f"PSNR, {title:20} {found[key]:.2f} dB")
    if classifier is not None and target is not None:
        with console.stage("classifying", len(outputs)) as progress:
            found["taken_for_target"] = (
                share_taken_for(outputs, judge, target, progress)
                if judge is not None
                else share_of_class(outputs, target, classifier, progress)
            )
        lines.append(f"{'taken for ' + target:26} {found['taken_for_target']:.1%}")
    if faces is not None:
        from ganedit.images.align import TEMPLATES
        from ganedit.images.regions import REGIONS

        wanted = (
            [row.beside for row in rows if row.beside is not None]
            if real is None
            else read_folder(real, limit)
        )
        with console.stage("embedding faces", len(outputs) + len(wanted)) as progress:
            q = measure_faces_drawn(outputs, wanted, TEMPLATES[faces], progress)
        found |= {"detection_rate": q.detection_rate, "frechet": q.frechet, "real": q.real}
        lines.append(f"{'face found in':26} {q.detection_rate:.1%}")
        lines.append(f"{'Fréchet distance':26} {q.frechet:.4f}  to {q.real} real faces")
        if tuple(translator.card.details.get("labels", ())) == REGIONS:
            maps = [row.labels for row in rows if row.labels is not None]
            found["region_iou"] = region_agreement(outputs, maps, TEMPLATES[faces])
            lines.append(f"{'mean IoU of regions':26} {found['region_iou']:.3f}")
    if not lines:
        raise UsageError("nothing to measure was named", "--pairs, --classifier with --target, or --faces")
    console.answer("\n".join([*lines, f"{'pictures':26} {len(rows)}"]), found)
