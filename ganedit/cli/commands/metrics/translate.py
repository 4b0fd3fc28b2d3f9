"""`ganedit metrics translate`: measure a translator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_classifier, open_model
from ganedit.cli.kit.options import TEMPLATE_NAMES
from ganedit.errors import InputError, UsageError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from ganedit.store.models import Translator


class Pairs(StrEnum):
    """What the right half of side-by-side pictures is to the left one."""

    wanted = "wanted"
    mask = "mask"


def translate(
    console: Console,
    data: Annotated[Path, typer.Argument(help="Folder of pictures to translate; see --pairs.")],
    model: Annotated[str, typer.Option(help="Translator: a name or a file.")],
    pairs: Annotated[
        Pairs | None,
        typer.Option(
            help="Left halves are translated; right halves are what was wanted, or a mask, white on what "
            "is to change."
        ),
    ] = None,
    direction: Annotated[str, typer.Option(help="ab or ba, of models that go both ways.")] = "ab",
    size: Annotated[int | None, typer.Option(help="As of ganedit translate.")] = None,
    classifier: Annotated[str | None, typer.Option(help="Classifier: a name or a file.")] = None,
    target: Annotated[str | None, typer.Option(help="Binary attribute that results should have.")] = None,
    faces: Annotated[
        str | None, typer.Option(help="Results are faces aligned by this template: ffhq or close-up.")
    ] = None,
    real: Annotated[
        Path | None, typer.Option(help="Folder of real faces; with --pairs wanted the right halves.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Pictures at most, the first by name.")] = 500,
) -> None:
    """Judge a translator: is the rest left alone, is the target reached, are drawn faces faces?

    With --pairs mask, the PSNR between picture and result outside the mask. With --pairs wanted, that between
    what was wanted and the result. With --classifier and --target, the share of results that are taken for
    the target. With --faces, the share in which dlib finds a face, and the Fréchet distance of identity
    features to real faces; of models that draw from the maps of ganedit draw regions also how well the parts
    of the faces lie where these have them. Models with styles draw each picture in one at random (--seed).
    """
    from ganedit.metrics.translating import measure_faces_drawn, region_agreement, share_taken_for

    if limit < 2:
        raise UsageError(f"--limit {limit} is too few", "pass at least some hundred")
    if (classifier is None) != (target is None):
        raise UsageError("--classifier and --target belong together", "give both, or none")
    if faces is not None and faces not in TEMPLATE_NAMES:
        raise UsageError(f"there is no template {faces}", did_you_mean(faces, TEMPLATE_NAMES))
    if faces is not None and real is None and pairs != Pairs.wanted:
        raise UsageError("--faces compares with real faces, and none were given", "--real FOLDER")
    translator: Translator = open_model(console, model, "translate")
    judge = None if classifier is None else open_classifier(console, classifier)
    rows = _translated(console, translator, data, limit, pairs, direction, size)
    outputs = [row.output for row in rows]
    found: dict[str, Any] = {"model": translator.name, "sha256": translator.sha256, "pictures": len(rows)}
    lines = []
    if pairs is not None:
        key, title = (
            ("background_psnr", "background") if pairs is Pairs.mask else ("psnr", "to what was wanted")
        )
        found[key] = _mean_psnr(rows, pairs)
        lines.append(f"PSNR, {title:20} {found[key]:.2f} dB")
    if judge is not None and target is not None:
        with console.stage("classifying", len(outputs)) as progress:
            found["taken_for_target"] = share_taken_for(outputs, judge, target, progress)
        lines.append(f"{'taken for ' + target:26} {found['taken_for_target']:.1%}")
    if faces is not None:
        from ganedit.images.align import TEMPLATES
        from ganedit.images.regions import REGIONS

        wanted = (
            [row.beside for row in rows if row.beside is not None] if real is None else _read(real, limit)
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


@dataclass(frozen=True)
class _Row:
    """A picture or label map, what became of it, and what stands beside it; uint8 [H, W, 3]."""

    given: np.ndarray | None  # None for label maps
    output: np.ndarray
    beside: np.ndarray | None
    labels: np.ndarray | None = None  # [H, W] of label maps


def _translated(
    console: Console,
    model: Translator,
    data: Path,
    limit: int,
    pairs: Pairs | None,
    direction: str,
    size: int | None,
) -> list[_Row]:
    import torch

    from ganedit.images.io import Photo, list_images
    from ganedit.images.labels import LabelMap, read_label_map
    from ganedit.images.translation import takes_labels, translate

    if direction not in ("ab", "ba"):
        raise UsageError(f"there is no direction {direction}", "ab or ba")
    rows: list[_Row] = []
    paths = list_images(data)[:limit]
    maps = takes_labels(model)
    if maps and pairs is not None:
        raise UsageError("label maps are not read from pairs", "name a folder of maps, and --real")
    random = torch.Generator().manual_seed(console.options.seed)
    with console.progress("translating", len(paths)) as bar:
        for path in paths:
            given, beside = (None, None) if maps else _halves(path, pairs)
            source = read_label_map(path) if given is None else Photo(given, path=path)
            style = torch.randn(1, model.style_dim, generator=random) if model.style_dim else None
            output = translate(source, model, direction=direction, style=style, size=size)  # type: ignore[arg-type]
            labels = source.labels if isinstance(source, LabelMap) else None
            rows.append(_Row(given, output.pixels, beside, labels))
            bar.advance()
    return rows


def _halves(path: Path, pairs: Pairs | None) -> tuple[np.ndarray, np.ndarray | None]:
    """What is to be translated, and what stands beside it."""
    (pixels,) = _read(path, 1)
    if pairs is None:
        return pixels, None
    width = pixels.shape[1]
    if width % 2:
        raise InputError(f"{path} is no side-by-side pair: it is {width} pixels wide, an odd number")
    return pixels[:, : width // 2], pixels[:, width // 2 :]


def _read(source: Path, limit: int) -> list[np.ndarray]:
    """Pictures, 8 bits deep."""
    import numpy as np

    from ganedit.images.io import list_images, read_image
    from ganedit.images.pixels import to_depth

    return [to_depth(read_image(path).pixels, np.uint8) for path in list_images(source)[:limit]]


def _mean_psnr(rows: list[_Row], pairs: Pairs) -> float:
    import numpy as np

    from ganedit.images.pixels import resize
    from ganedit.metrics.translating import background_psnr

    each = []
    for row in rows:
        shape = row.output.shape[:2]
        assert row.given is not None
        assert row.beside is not None
        beside = resize(row.beside, shape)
        if pairs is Pairs.mask:
            each.append(background_psnr(resize(row.given, shape), row.output, beside))
        else:
            each.append(background_psnr(beside, row.output, np.zeros_like(beside)))
    return float(np.nanmean(each))
