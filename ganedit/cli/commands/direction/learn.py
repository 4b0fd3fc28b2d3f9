"""`ganedit direction learn`: a direction from scored or sorted examples."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.directions import Name, Output, check_name, model_name
from ganedit.cli.kit.models import open_classifier, open_generator
from ganedit.cli.kit.options import ClassifierName, Method, Model
from ganedit.cli.kit.projecting import Projector
from ganedit.errors import GaneditError, InputError, UsageError
from ganedit.files import LATENT_SUFFIX

if TYPE_CHECKING:
    from torch import Tensor

    from ganedit.store.models import Generator


FEWEST_SAMPLES = 50  # of which the extremes are compared


def learn(
    console: Console,
    name: Name,
    model: Model = "faces",
    attribute: Annotated[
        str | None, typer.Option(help="Label samples by this output of --classifier.")
    ] = None,
    classifier: ClassifierName = "face-attributes",
    scores: Annotated[
        Path | None, typer.Option(help="CSV of latent files (or the pictures beside them) and scores.")
    ] = None,
    positive: Annotated[Path | None, typer.Option(help="Folder of photos or latents that have it.")] = None,
    negative: Annotated[Path | None, typer.Option(help="Folder of photos or latents that lack it.")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Score between the classes; else the extreme thirds are compared.")
    ] = None,
    preserve: Annotated[
        list[str] | None, typer.Option(help="Direction whose attribute should stay; may be repeated.")
    ] = None,
    samples: Annotated[int, typer.Option(help="Samples to draw for --attribute.")] = 5000,
    psi: Annotated[float, typer.Option(help="Truncation of those samples.")] = 1.0,
    method: Annotated[Method, typer.Option(help="How photos of folders are projected.")] = Method.HYBRID,
    encoder: Annotated[
        str | None, typer.Option(help="Encoder for it: a name or a file; the generator's own unless given.")
    ] = None,
    output: Output = None,
) -> None:
    """Learn a direction from scored samples, from two folders of examples, or by a classifier.

    A linear classifier is fitted to the codes; its normal is the direction, its accuracy on a fifth of the
    examples, held out, is told. With neither --scores nor folders, samples are drawn and labelled by the
    classifier's output --attribute, which is NAME unless given.
    """
    if (positive is None) != (negative is None):
        raise UsageError("--positive and --negative belong together", "name both folders")
    if sum(x is not None for x in (scores, positive, attribute)) > 1:
        raise UsageError("--scores, --attribute and --positive exclude each other", "choose one of them")
    _check_numbers(threshold, samples, psi)
    from ganedit.latent import sampling
    from ganedit.latent.directions import learning, named

    target = output or named.user_file(model_name(model), name)
    check_name(name)
    if not console.should_write(target):
        console.emit(target)
        return
    generator = open_generator(console, model)
    generator.need_styles()
    kept = [named.find(other, generator.name) for other in preserve or []]
    for other in kept:
        other.check_model(generator)
    if scores is not None:
        codes, values = _from_csv(scores, generator)
    elif positive is not None and negative is not None:
        codes, values = _from_folders(console, positive, negative, generator, method, encoder)
    else:
        codes, values = _from_classifier(console, classifier, attribute or name, generator, samples, psi)
    found = learning.learn(
        codes,
        values,
        name=name,
        threshold=threshold,
        preserve=kept,
        spread=sampling.random_codes(generator, sampling.SIGMA_SAMPLES),  # a sigma means the same for all
        seed=console.options.seed,
    )
    found = replace(found, model=generator.name, model_sha256=generator.sha256)
    found.save(target)
    console.note(
        f"{name}: {found.accuracy:.1%} of held-out examples told apart, learned from {found.samples}"
    )
    console.emit(target, accuracy=found.accuracy, sigma=found.sigma, samples=found.samples)


def _from_classifier(
    console: Console, classifier: str, attribute: str, generator: Generator, samples: int, psi: float
) -> tuple[Tensor, Tensor]:
    from ganedit.latent.sampling import score_samples

    judge = open_classifier(console, classifier)
    with console.progress(f"drawing {samples} samples", samples) as bar:
        return score_samples(
            generator, judge, attribute, samples, psi=psi, seed=console.options.seed, progress=bar.update
        )


def _from_csv(path: Path, generator: Generator) -> tuple[Tensor, Tensor]:
    """Codes and scores of the rows of a CSV: `file` and one more column."""
    import torch

    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            header, *rows = [row for row in csv.reader(stream) if row] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        what = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is not text"
        raise InputError(
            f"{path} cannot be read as a CSV: {what}", "it needs the columns file, and the scores"
        ) from error
    if len(header) != 2 or header[0].strip() != "file":
        raise InputError(
            f"{path} has the columns {', '.join(header) or 'none'}", "it needs two: file, and the scores"
        )
    codes, values = [], []
    for number, row in enumerate(rows, 2):
        try:
            file, score = row[0].strip(), float(row[1])
            if not math.isfinite(score):
                raise ValueError("no finite score")
        except (ValueError, IndexError) as error:
            raise InputError(
                f"{path}, row {number}: no file and score: {','.join(row)}",
                "each row is a file, a comma, a number",
            ) from error
        codes.append(_code(_latent_beside(path.parent / file), generator))
        values.append(score)
    if not codes:
        raise InputError(f"{path} has no rows", "each row is a file, a comma, a number")
    return _joined(codes), torch.tensor(values)


def _from_folders(
    console: Console,
    positive: Path,
    negative: Path,
    generator: Generator,
    method: Method,
    encoder: str | None,
) -> tuple[Tensor, Tensor]:
    """Codes of the latents, or of the photos, in two folders; 1 and 0."""
    import torch

    for folder in (negative, positive):
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder", "name a folder of photos or of latents")
    codes: list[Tensor] = []
    labels: list[float] = []
    for label, folder in enumerate((negative, positive)):
        found = [_code(path, generator) for path in sorted(folder.glob(f"*{LATENT_SUFFIX}"))]
        found = found or _project_folder(console, folder, generator, method, encoder)
        codes += found
        labels += [float(label)] * len(found)
    return _joined(codes), torch.tensor(labels)


def _project_folder(
    console: Console, folder: Path, generator: Generator, method: Method, encoder: str | None
) -> list[Tensor]:
    """ws [L, W] of each photo of a folder; those without a usable face are named and left out."""
    from ganedit.images.io import list_images
    from ganedit.latent.inversion.photos import project_photo
    from ganedit.latent.inversion.project import ProjectOptions

    paths = list_images(folder)
    options = ProjectOptions(method.value, seed=console.options.seed)
    helper = Projector.open(console, generator, options, encoder).encoder  # complains now if it cannot work
    found = []
    with console.progress(f"projecting {folder}", len(paths)) as bar:
        for path in paths:
            try:
                found.append(project_photo(path, generator, options, encoder=helper)[0].ws)
            except InputError as error:
                console.complain(error, str(path))
            bar.advance()
    if not found:
        raise InputError(f"no photo in {folder} could be used", "see what was said of each")
    return found


def _latent_beside(path: Path) -> Path:
    """A latent itself, or that of a picture: NAME.png and NAME.projected.png have NAME.latent.safetensors."""
    if path.name.endswith(LATENT_SUFFIX):
        return path
    return path.with_name(path.stem.removesuffix(".projected") + LATENT_SUFFIX)


def _code(path: Path, generator: Generator) -> Tensor:
    """ws [L, W] of a latent file of this generator."""
    from ganedit.latent.latent import Latent

    try:
        latent = Latent.load(path)
        latent.check_model(generator)
        latent.check_codes()
    except GaneditError as error:
        if str(path) in error.message:
            raise
        raise type(error)(f"{path}: {error.message}", error.hint) from error
    return latent.ws


def _joined(codes: list[Tensor]) -> Tensor:
    """[N, W], each the mean over its layers: one vector moves them all."""
    import torch

    return torch.stack(codes).mean(1)


def _check_numbers(threshold: float | None, samples: int, psi: float) -> None:
    if threshold is not None and not math.isfinite(threshold):
        raise UsageError(
            f"--threshold {threshold} is not a finite number", "choose a score between the classes"
        )
    if not math.isfinite(psi):
        raise UsageError(f"--psi {psi} is not a finite number", "0.7 to 1 are usual")
    if samples < FEWEST_SAMPLES:
        raise UsageError(
            f"--samples {samples} is too few", f"choose {FEWEST_SAMPLES} or more, better thousands"
        )
