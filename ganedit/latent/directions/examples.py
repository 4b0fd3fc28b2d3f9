"""Directions learned from examples: a table of scores, two folders, or samples scored by a classifier."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import GaneditError, InputError, UsageError
from ganedit.files import LATENT_SUFFIX, latents_in, read_text
from ganedit.latent.directions.direction import Direction
from ganedit.latent.directions.learning import learn
from ganedit.latent.foreign import import_latents, is_foreign
from ganedit.latent.inversion.photos import OnSkip, Watch, project_folder
from ganedit.latent.latent import Latent
from ganedit.latent.sampling import SIGMA_SAMPLES, Trial, random_codes, score_samples
from ganedit.store.arrays import as_numbers, read_arrays

if TYPE_CHECKING:
    from ganedit.latent.inversion.project import ProjectOptions
    from ganedit.store.models import Classifier, Encoder, Generator

Examples = tuple[Tensor, Tensor]  # codes w [N, W] and scores [N]

FEWEST_SAMPLES = 50  # the extremes of these are compared


def learn_direction(
    name: str,
    generator: Generator,
    examples: Examples,
    *,
    threshold: float | None = None,
    preserve: Sequence[Direction] = (),
    layers: Sequence[int] = (),
    method: str = "",
    seed: int = 0,
) -> Direction:
    """Learn a direction of a generator from codes with scores.

    The direction is the normal of a logistic regression (InterFaceGAN, Shen et al., arXiv:1907.10786). Its
    sigma is measured on random samples, so that magnitude 1 means the same for every direction.

    Args:
        name: Name of the direction; a positive magnitude raises the score.
        generator: The generator of the codes.
        examples: From `examples_from_classifier`, `examples_from_csv`, `examples_from_arrays` or
            `examples_from_folders`.
        threshold: Score between the two classes; None takes two distinct values as the classes, and otherwise
            compares the highest and the lowest 30%.
        preserve: Directions of this generator whose attributes should stay as they are.
        layers: Rows of the code that the direction changes by default, coarse first; empty means all. Fewer
            change less of the person.
        method: What the record of the direction says (default: logistic regression).
        seed: Chooses the held-out examples that measure the accuracy.

    Returns:
        The direction, to be saved with `save` or used in `ganedit.edit`.

    Raises:
        InputError: Fewer than ten examples in a class.
        CheckpointError: A direction in `preserve` belongs to another model.

    Examples:
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
    return replace(direction, **generator.identity, layers=tuple(layers), method=method or direction.method)


def examples_from_classifier(
    generator: Generator,
    classifier: Classifier,
    attribute: str,
    *,
    samples: int = 5000,
    psi: float = 1.0,
    seed: int = 0,
    size: int | None = None,
    on_trial: Callable[[Trial], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Examples:
    """Draw samples of a generator and score one attribute of each.

    A large StyleGAN2 draws them at the least size at which 64 samples score as they do in full, by a
    correlation of at least 0.95. Scores are then brought to those of full images by a line.

    Args:
        generator: The generator.
        classifier: The classifier.
        attribute: One of `classifier.attributes`.
        samples: Number of samples, at least 50.
        psi: Truncation of the samples: 1 gives most variety, 0 the average image.
        seed: Seed of the random codes.
        size: Side in pixels at which the samples are drawn, one of `generator.sizes`; None lets the trial
            decide.
        on_trial: Called with the result of the trial, if there was one.
        progress: Called with (samples done, samples in all).

    Returns:
        Codes [N, W], and scores [N]: the outputs of the classifier, logits or numbers.

    Raises:
        UsageError: Too few samples, an attribute that the classifier does not have, or a size at which the
            generator cannot draw.

    Examples:
        >>> faces, classifier = ganedit.load("faces"), ganedit.load("face-attributes")
        >>> codes, scores = ganedit.examples_from_classifier(faces, classifier, "age", samples=50)
        >>> len(codes), scores.shape
        (50, torch.Size([50]))
    """
    if samples < FEWEST_SAMPLES:
        raise UsageError(f"`samples={samples}` must be at least {FEWEST_SAMPLES}", "thousands are better")
    return score_samples(
        generator, classifier, attribute, samples,
        psi=psi, seed=seed, size=size, on_trial=on_trial, progress=progress,
    )  # fmt: skip


def examples_from_csv(path: Path, generator: Generator) -> Examples:
    """Read codes and scores from a CSV with the column `file` and a column of scores.

    Args:
        path: The CSV. `file` names a latent, of ganedit or another program, or the image beside one,
            relative to the folder of the CSV.
        generator: The generator of the latents.

    Returns:
        Codes [N, W] and scores [N].

    Raises:
        InputError: The table or a latent cannot be read.
        CheckpointError: A latent belongs to another model.

    Examples:
        >>> from pathlib import Path
        >>> faces = ganedit.load("faces")
        >>> for sample in ganedit.generate(faces, [1, 2]):
        ...     path = sample.latent.save(f"{sample.seed}.latent.safetensors")
        >>> rows = ["file,smile", "1.latent.safetensors,0.9", "2.latent.safetensors,0.2"]
        >>> _ = Path("scores.csv").write_text("\\n".join(rows))
        >>> codes, scores = ganedit.examples_from_csv(Path("scores.csv"), faces)
        >>> [round(float(score), 1) for score in scores]
        [0.9, 0.2]
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


def examples_from_arrays(codes: str | Path, scores: str | Path, generator: Generator) -> Examples:
    """Read codes and scores from two files of arrays, as InterFaceGAN's training does.

    Args:
        codes: Codes [N, W], or [N, L, W], in a .npy, .npz or .pt file, such as `w.npy`.
        scores: Scores [N] or [N, 1], in such a file, such as `scores.npy`.
        generator: The generator of the codes.

    Returns:
        Codes [N, W] and scores [N].

    Raises:
        InputError: A file cannot be read, or they do not have the same number of rows.
        CheckpointError: The codes are those of a model of another size.

    Examples:
        >>> import numpy as np
        >>> faces = ganedit.load("faces")
        >>> np.save("w.npy", np.zeros((20, faces.w_dim), "float32"))
        >>> np.save("scores.npy", np.arange(20.0)[:, None])
        >>> found, scores = ganedit.examples_from_arrays("w.npy", "scores.npy", faces)
        >>> found.shape == (20, faces.w_dim), scores[:3].tolist()
        (True, [0.0, 1.0, 2.0])
    """
    codes, scores = Path(codes), Path(scores)
    hint = "give scores [N] or [N, 1] in a .npy, .npz or .pt file"
    content = read_arrays(scores, "scores", hint)
    if isinstance(content, Mapping) and len(content) == 1:
        content = next(iter(content.values()))
    values = as_numbers(content)
    if values is None or values.ndim > 2 or values.shape[0] != values.size:
        what = "no single array of numbers" if values is None else f"an array {list(values.shape)}"
        raise InputError(f"{scores.name} holds {what}", hint)
    if not np.isfinite(values).all():
        raise InputError(f"{scores.name} holds scores that are not finite", "leave those codes out")
    ws = _codes(codes, generator)
    if len(ws) != values.size:
        raise InputError(
            f"{codes.name} holds {len(ws)} codes, {scores.name} {values.size} scores",
            "each code needs its score, in the same order",
        )
    return _joined(ws), torch.from_numpy(values.reshape(-1).astype(np.float32))


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
    """Collect codes from two folders of examples; those of the first score 1, those of the second 0.

    Args:
        positive: Folder of examples that have the attribute: latents, or if it has none photos, which are
            projected.
        negative: Folder of examples that lack the attribute.
        generator: The generator that the latents belong to, or that photos are projected into.
        options: How photos are projected; None takes the default method.
        encoder: The encoder to project with; None takes that of the generator.
        on_skip: Called with each photo that cannot be used, and the error.
        watch: `watch(title, total)` is entered around each folder and gives its progress callback.

    Returns:
        Codes [N, W] and scores [N].

    Raises:
        InputError: A folder is missing, or none of its photos can be used.
        CheckpointError: A latent belongs to another model.

    Examples:
        >>> from pathlib import Path
        >>> faces = ganedit.load("faces")
        >>> for folder, seed in (("old", 3), ("young", 8)):
        ...     (sample,) = ganedit.generate(faces, [seed])
        ...     path = sample.latent.save(f"{folder}/{seed}.latent.safetensors")
        >>> codes, scores = ganedit.examples_from_folders(Path("old"), Path("young"), faces)
        >>> sorted(scores.tolist())
        [0.0, 1.0]
    """
    for folder in (negative, positive):
        if not folder.is_dir():
            what = "is not a folder" if Path(folder).exists() else "does not exist"
            raise InputError(f"{folder} {what}", "name a folder of photos or of latents")
    codes: list[Tensor] = []
    labels: list[float] = []
    for label, folder in enumerate((negative, positive)):
        ws = [code for path in latents_in(folder) for code in _codes(path, generator)]
        if not ws:
            projected = project_folder(
                folder, generator, options, encoder=encoder, on_skip=on_skip, watch=watch
            )
            ws = [latent.ws for latent in projected]
        codes += ws
        labels += [float(label)] * len(ws)
    return _joined(codes), torch.tensor(labels)


def _rows(path: Path) -> list[list[str]]:
    try:
        table = csv.reader(io.StringIO(read_text(path, "utf-8-sig"), newline=""))
        header, *rows = [row for row in table if row] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        what = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is not text"
        raise InputError(
            f"{path} cannot be read as a CSV: {what}", "it needs the columns file, and the scores"
        ) from error
    if len(header) != 2 or header[0].strip() != "file":
        found = f"the columns {', '.join(header)}" if header else "no columns"
        raise InputError(f"{path} has {found}", "it needs two: file, and the scores")
    return rows


def _latent_beside(path: Path) -> Path:
    """The path of a latent, or of that for a picture: NAME.latent.safetensors for NAME[.projected].png."""
    if path.name.endswith(LATENT_SUFFIX) or is_foreign(path):
        return path
    return path.with_name(path.stem.removesuffix(".projected") + LATENT_SUFFIX)


def _code(path: Path, generator: Generator) -> Tensor:
    """ws [L, W] of a file with one latent for this generator."""
    codes = _codes(path, generator)
    if len(codes) > 1:
        raise InputError(f"{path} holds {len(codes)} codes", "give each its own file, or name a folder")
    return codes[0]


def _codes(path: Path, generator: Generator) -> list[Tensor]:
    """ws [L, W] of the latents in a file for this generator: several only in files of other programs."""
    if is_foreign(path):
        return [latent.ws for latent in import_latents(path, generator).values()]
    try:
        latent = Latent.load(path)
        latent.check_model(generator)
        latent.check_codes()
    except GaneditError as error:
        if str(path) in error.message:
            raise
        raise type(error)(f"{path}: {error.message}", error.hint) from error
    return [latent.ws]


def _joined(codes: list[Tensor]) -> Tensor:
    """Codes [N, W], averaged over layers, since one vector moves all layers."""
    return torch.stack(codes).mean(1)
