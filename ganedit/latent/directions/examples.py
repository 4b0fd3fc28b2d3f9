"""Directions learned from examples: a table of scores, two folders, or samples scored by a classifier."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganedit.errors import GaneditError, InputError, UsageError
from ganedit.files import LATENT_SUFFIX
from ganedit.latent.directions.direction import Direction
from ganedit.latent.directions.learning import learn
from ganedit.latent.latent import Latent
from ganedit.latent.sampling import SIGMA_SAMPLES, random_codes, score_samples

if TYPE_CHECKING:
    from ganedit.latent.inversion.project import ProjectOptions
    from ganedit.store.models import Classifier, Encoder, Generator

Watch = Callable[[str, int], AbstractContextManager[Callable[[int, int], None]]]
OnSkip = Callable[[Path, GaneditError], None]  # a photo that cannot be used
Examples = tuple[Tensor, Tensor]  # codes w [N, W] and scores [N]

FEWEST_SAMPLES = 50  # the extremes of these are compared


def learn_direction(
    name: str,
    generator: Generator,
    examples: Examples,
    *,
    threshold: float | None = None,
    preserve: Sequence[Direction] = (),
    method: str = "",
    seed: int = 0,
) -> Direction:
    """Learn a direction of a generator from codes with scores.

    Sigma is measured on random samples, so that magnitude 1 means the same for every direction.

    Args:
        name: Name of the direction; a positive magnitude raises the score.
        generator: The model that the codes belong to.
        examples: From `examples_from_classifier`, `examples_from_csv` or `examples_from_folders`.
        threshold: Score between the two classes; None compares the extremes.
        preserve: Directions of this generator whose attributes should stay as they are.
        method: What the record of the direction says (default: logistic regression).
        seed: Chooses the examples that are held out to measure the accuracy.

    Raises:
        InputError: Fewer than ten examples on a side.
        CheckpointError: A direction in `preserve` belongs to another model.

    Example:
        >>> faces, classifier = ganedit.load("faces"), ganedit.load("face-attributes")
        >>> examples = ganedit.examples_from_classifier(faces, classifier, "smile", samples=200)
        >>> ganedit.learn_direction("smile", faces, examples).space
        'w'
    """
    for other in preserve:
        other.check_model(generator)
    codes, scores = examples
    spread = random_codes(generator, SIGMA_SAMPLES)
    direction = learn(
        codes, scores, name=name, threshold=threshold, preserve=preserve, spread=spread, seed=seed
    )
    return replace(
        direction, model=generator.name, model_sha256=generator.sha256, method=method or direction.method
    )


def examples_from_classifier(
    generator: Generator,
    classifier: Classifier,
    attribute: str,
    *,
    samples: int = 5000,
    psi: float = 1.0,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Examples:
    """Draw samples and score one attribute of each.

    Raises:
        UsageError: Too few samples, or an attribute that the classifier does not have.
    """
    if samples < FEWEST_SAMPLES:
        raise UsageError(f"`samples={samples}` must be at least {FEWEST_SAMPLES}", "thousands are better")
    return score_samples(generator, classifier, attribute, samples, psi=psi, seed=seed, progress=progress)


def examples_from_csv(path: Path, generator: Generator) -> Examples:
    """Codes and scores of the rows of a CSV with the columns `file` and one more.

    `file` names a latent, or the picture beside it, relative to the CSV.

    Raises:
        InputError: The table or a latent cannot be read.
        CheckpointError: A latent belongs to another model.
    """
    codes, values = [], []
    for number, row in enumerate(_rows(path), 2):
        try:
            file, score = row[0].strip(), float(row[1])
            if not math.isfinite(score):
                raise ValueError("the score is not finite")
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


def examples_from_folders(
    positive: Path,
    negative: Path,
    generator: Generator,
    *,
    options: ProjectOptions | None = None,
    encoder: Encoder | None = None,
    on_skip: OnSkip | None = None,
    watch: Watch | None = None,
) -> Examples:
    """Codes of the latents, or else of the photos, in two folders; their scores are 1 and 0.

    Args:
        positive, negative: Folders of examples that have the attribute, and that lack it.
        generator: The model that the latents belong to, or that photos are projected into.
        options: How photos are projected; None takes the default method.
        encoder: Encoder to project with; None takes the generator's own.
        on_skip: Called with each photo that cannot be used, and why.
        watch: `watch(title, total)` is entered around each folder and gives its progress callback.

    Raises:
        InputError: A folder is missing, or none of its photos can be used.
    """
    for folder in (negative, positive):
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder", "name a folder of photos or of latents")
    codes: list[Tensor] = []
    labels: list[float] = []
    for label, folder in enumerate((negative, positive)):
        ws = [_code(path, generator) for path in sorted(folder.glob(f"*{LATENT_SUFFIX}"))]
        ws = ws or _project_folder(folder, generator, options, encoder, on_skip, watch)
        codes += ws
        labels += [float(label)] * len(ws)
    return _joined(codes), torch.tensor(labels)


def _project_folder(
    folder: Path,
    generator: Generator,
    options: ProjectOptions | None,
    encoder: Encoder | None,
    on_skip: OnSkip | None,
    watch: Watch | None,
) -> list[Tensor]:
    """ws [L, W] of each photo in a folder that has a usable face."""
    from ganedit.images.io import list_images
    from ganedit.latent.inversion.photos import project_photo

    paths = list_images(folder)
    watch = watch or (lambda title, total: nullcontext(lambda done, of: None))
    ws = []
    with watch(f"projecting {folder}", len(paths)) as progress:
        for done, path in enumerate(paths, 1):
            try:
                ws.append(project_photo(path, generator, options, encoder=encoder)[0].ws)
            except InputError as error:
                if on_skip:
                    on_skip(path, error)
            progress(done, len(paths))
    if not ws:
        raise InputError(f"no photo in {folder} could be used", "see the message for each of them")
    return ws


def _rows(path: Path) -> list[list[str]]:
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
    return rows


def _latent_beside(path: Path) -> Path:
    """The path of a latent, or of that for a picture: NAME.latent.safetensors for NAME[.projected].png."""
    if path.name.endswith(LATENT_SUFFIX):
        return path
    return path.with_name(path.stem.removesuffix(".projected") + LATENT_SUFFIX)


def _code(path: Path, generator: Generator) -> Tensor:
    """ws [L, W] of a latent file for this generator."""
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
    """Codes [N, W], averaged over layers, since one vector moves all layers."""
    return torch.stack(codes).mean(1)
