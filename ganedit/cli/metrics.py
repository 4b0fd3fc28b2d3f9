"""`ganedit metrics`: measure a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.align import TEMPLATE_NAMES
from ganedit.cli.context import Console
from ganedit.cli.pictures import open_model
from ganedit.cli.project import open_generator
from ganedit.cli.sound_metrics import timbre, vocoder
from ganedit.errors import CheckpointError, InputError, UsageError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from ganedit.store.models import Classifier, Translator


class Pairs(StrEnum):
    """What the right half of side-by-side pictures is to the left one."""

    wanted = "wanted"
    mask = "mask"


def faces(
    console: Console,
    data: Annotated[Path, typer.Option(help="Folder or zip of the aligned crops that it was trained on.")],
    model: Annotated[str, typer.Option(help="Generator of faces: a name or a file.")] = "faces",
    samples: Annotated[int, typer.Option(help="Pictures for the distance, at psi 1.")] = 5000,
    detect: Annotated[int, typer.Option(help="Pictures for the face detector.")] = 1000,
    psi: Annotated[float, typer.Option(help="Truncation of the pictures for the detector.")] = 0.7,
    real: Annotated[int, typer.Option(help="Crops to compare with, the first by name.")] = 10000,
    template: Annotated[str | None, typer.Option(help="Alignment, where the model names none.")] = None,
) -> None:
    """Judge a generator of faces by dlib: are they found, and are they as varied as real ones?

    Prints the share of samples in which the detector finds a face, and the Fréchet distance between the
    identity features of samples and of real crops, beside that of two halves of the real crops.
    """
    for name, count in (("--samples", samples), ("--detect", detect), ("--real", real)):
        if count < 4:
            raise UsageError(f"{name} {count} is too few", "pass at least some hundred")
    if not math.isfinite(psi):
        raise UsageError(f"--psi {psi} is not a finite number", "0.5 to 1 are usual")
    from ganedit.images.align import TEMPLATES
    from ganedit.metrics.faces import measure_faces
    from ganedit.train.data import load_images

    if template is not None and template not in TEMPLATES:
        raise UsageError(f"there is no template {template}", did_you_mean(template, TEMPLATES))
    generator = open_generator(console, model)
    name = template or generator.card.template
    if name not in TEMPLATES:
        raise InputError(
            f"the model {generator.name} does not say how its faces are aligned",
            f"pass --template {' or '.join(TEMPLATES)}",
        )
    with _watch(console)("reading the real images", real) as progress:
        crops = load_images(data, resolution=generator.resolution, limit=real, progress=progress)
    for skipped, reason in crops.skipped:
        console.warn(f"{skipped}: {reason}")
    found = measure_faces(
        generator,
        crops.images.permute(0, 2, 3, 1).numpy(),
        TEMPLATES[name],
        samples=samples,
        detection_samples=detect,
        psi=psi,
        watch=_watch(console),
    )
    console.answer(
        f"face found in     {found.detection_rate:.1%} of {detect} samples at psi {psi:g}\n"
        f"Fréchet distance  {found.frechet:.4f}  {samples} samples at psi 1, {found.real} real images\n"
        f"  of two halves   {found.frechet_halves:.4f}  of the real images",
        {"model": generator.name, "sha256": generator.sha256, **asdict(found)},
    )


def upscale(
    console: Console,
    data: Annotated[list[Path], typer.Argument(help="Folders of pairs NAME_HR.png and NAME_LR.png.")],
    model: Annotated[str, typer.Option(help="Upscaler: a name or a file.")] = "upscale-x4",
    tile: Annotated[int | None, typer.Option(help="As of ganedit upscale.")] = None,
) -> None:
    """Judge an upscaler on pairs of large and small pictures, such as Set5 and Set14.

    Prints PSNR and SSIM on the luma, without a border as wide as the scale, beside those of a bicubic filter.
    """
    from ganedit.metrics.upscaling import measure_upscaler

    upscaler = open_model(console, model, "upscale")
    lines, found = [f"{'':16}{'PSNR':>8}{'bicubic':>9}{'gain':>7}{'SSIM':>9}{'bicubic':>9}"], []
    for folder in data:
        with _watch(console)(f"measuring on {folder}", 0) as progress:
            q = measure_upscaler(upscaler, folder, tile=tile, progress=progress)
        gain = q.psnr - q.bicubic_psnr
        lines.append(
            f"{folder.name:16}{q.psnr:8.2f}{q.bicubic_psnr:9.2f}{gain:+7.2f}{q.ssim:9.4f}{q.bicubic_ssim:9.4f}"
        )
        found.append({"data": str(folder), "model": upscaler.name, "sha256": upscaler.sha256, **asdict(q)})
    console.answer("\n".join(lines), found)


def inpaint(
    console: Console,
    data: Annotated[Path, typer.Argument(help="Folder or zip of pictures that the model has not seen.")],
    model: Annotated[str, typer.Option(help="Model that fills holes: a name or a file.")] = "inpaint-faces",
    limit: Annotated[int, typer.Option(help="Pictures at most, the first by name.")] = 500,
) -> None:
    """Judge a model that fills holes by a hole in the middle, a quarter of the area.

    Prints the PSNR in the hole, beside that of the mean colour around it and of OpenCV's inpainting. Pictures
    are cropped to squares of the size that the model was trained at.
    """
    if limit < 1:
        raise UsageError(f"--limit {limit} leaves no picture", "pass at least some hundred")
    from ganedit.images.inpainting import SIDE
    from ganedit.metrics.inpainting import measure_inpainting
    from ganedit.train.data import load_images

    inpainter = open_model(console, model, "inpaint")
    with _watch(console)("reading the pictures", limit) as progress:
        side = inpainter.card.resolution or SIDE
        crops = load_images(data, resolution=side, limit=limit, progress=progress)
    for skipped, reason in crops.skipped:
        console.warn(f"{skipped}: {reason}")
    with _watch(console)("filling holes", len(crops)) as progress:
        q = measure_inpainting(inpainter, crops.images, progress=progress)
    console.answer(
        f"PSNR in the hole  {q.psnr:.2f} dB  {q.pictures} pictures, {q.share:.0%} of the area\n"
        f"  mean of the rim {q.rim_psnr:.2f} dB\n"
        f"  OpenCV          {q.opencv_psnr:.2f} dB",
        {"model": inpainter.name, "sha256": inpainter.sha256, **asdict(q)},
    )


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
    judge = None if classifier is None else _classifier(console, classifier)
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
        with _watch(console)("classifying", len(outputs)) as progress:
            found["taken_for_target"] = share_taken_for(outputs, judge, target, progress)
        lines.append(f"{'taken for ' + target:26} {found['taken_for_target']:.1%}")
    if faces is not None:
        from ganedit.images.align import TEMPLATES
        from ganedit.images.regions import REGIONS

        wanted = (
            [row.beside for row in rows if row.beside is not None] if real is None else _read(real, limit)
        )
        with _watch(console)("embedding faces", len(outputs) + len(wanted)) as progress:
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


def clip(
    console: Console,
    data: Annotated[Path, typer.Argument(help="Folder or zip of aligned faces with a labels.csv.")],
    model: Annotated[str, typer.Option("--clip", help="A CLIP model, as of ganedit clip.")] = "clip-faces",
    skip: Annotated[int, typer.Option(help="The first so many, by name, which training saw.")] = 0,
    limit: Annotated[int, typer.Option(help="Pictures after these; 0 takes all.")] = 0,
) -> None:
    """Ask a CLIP model for the gender, the smile and the age of faces, by texts alone (zero-shot).

    Prints the accuracy for gender and smile, and the mean absolute error of the age in years, as far as the
    columns gender, smile and age of the labels tell them.
    """
    if min(skip, limit) < 0:
        raise UsageError("--skip and --limit cannot be negative", "choose 0 or more")
    from ganedit.cli.clip import open_clip_model
    from ganedit.metrics.zero_shot import zero_shot
    from ganedit.train.captions import FACTS, read_facts
    from ganedit.train.data import load_images

    judge = open_clip_model(console, model)
    with _watch(console)("reading the pictures", limit) as progress:
        images = load_images(
            data, resolution=judge.size, limit=skip + limit if limit else None, progress=progress
        )
    facts = read_facts(data, images.names)[skip:]
    if not len(facts):
        raise InputError(f"{data} has {len(images)} pictures, and --skip {skip} leaves none")
    columns = dict(zip(FACTS, facts.unbind(1), strict=True))
    labels = {name: column for name, column in columns.items() if not column.isnan().all()}
    if not labels:
        raise InputError(f"the labels of {data} have no column {', '.join(FACTS)}")
    found = zero_shot(judge, images.images[skip:], labels)
    lines = [f"{name:<24} {value:.3f}" for name, value in found.items()]
    console.answer("\n".join(lines), {"model": judge.name, "pictures": len(facts), **found})


COMMANDS = {
    "faces": faces,
    "upscale": upscale,
    "inpaint": inpaint,
    "translate": translate,
    "clip": clip,
    "timbre": timbre,
    "vocoder": vocoder,
}


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

    from ganedit.images.io import list_images, read_image, to_depth

    return [to_depth(read_image(path).pixels, np.uint8) for path in list_images(source)[:limit]]


def _mean_psnr(rows: list[_Row], pairs: Pairs) -> float:
    import numpy as np

    from ganedit.images.io import resize
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


def _classifier(console: Console, name: str) -> Classifier:
    from ganedit.store.models import Classifier

    model = console.load(name)
    if not isinstance(model, Classifier):
        raise CheckpointError(f"{name} is {model.card.kind}, not a classifier", "ganedit models list")
    return model


def _watch(console: Console) -> Callable:
    """Turns the library's (done, total) callbacks into a progress bar."""

    @contextmanager
    def stage(title: str, total: int) -> Iterator[Callable[[int, int], None]]:
        console.note(title)
        with console.progress(title, total) as bar:
            seen = 0

            def progress(done: int, of: int) -> None:
                nonlocal seen
                bar.advance(done - seen)
                seen = done

            yield progress

    return stage
