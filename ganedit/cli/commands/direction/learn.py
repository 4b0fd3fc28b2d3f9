"""`ganedit direction learn`: learn a direction from scored or sorted examples."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.directions import Name, Output, check_name, model_name
from ganedit.cli.kit.models import open_classifier, open_generator
from ganedit.cli.kit.options import ClassifierName, Method, Model
from ganedit.errors import UsageError

if TYPE_CHECKING:
    from ganedit.latent.directions.examples import Examples
    from ganedit.latent.sampling import Trial
    from ganedit.store.models import Generator


def learn(
    console: Console,
    name: Name,
    model: Model = "faces",
    attribute: Annotated[
        str | None, typer.Option(help="Output of --classifier that labels the samples.")
    ] = None,
    classifier: ClassifierName = "face-attributes",
    scores: Annotated[
        Path | None,
        typer.Option(
            help="CSV of latent files (or the images beside them) and scores; or with --codes, scores."
        ),
    ] = None,
    codes: Annotated[
        Path | None, typer.Option(help="Codes of --scores as an array, such as InterFaceGAN's w.npy.")
    ] = None,
    positive: Annotated[
        Path | None, typer.Option(help="Folder of photos or latents with the attribute.")
    ] = None,
    negative: Annotated[
        Path | None, typer.Option(help="Folder of photos or latents without the attribute.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Score that separates the classes (default: compare the extreme thirds)."),
    ] = None,
    preserve: Annotated[
        list[str] | None,
        typer.Option(help="Direction whose attribute should stay the same; may be repeated."),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            help="Layers that it changes: coarse, middle, fine, or rows such as 2-5 (default: all)."
        ),
    ] = None,
    samples: Annotated[int, typer.Option(help="Samples to draw for --attribute.")] = 5000,
    psi: Annotated[float, typer.Option(help="Truncation of the samples.")] = 1.0,
    size: Annotated[
        int | None,
        typer.Option(help="Side at which samples are drawn (default: the least at which they score alike)."),
    ] = None,
    method: Annotated[Method, typer.Option(help="How photos in the folders are projected.")] = Method.HYBRID,
    encoder: Annotated[
        str | None, typer.Option(help="Encoder: a name or a file (default: the generator's own).")
    ] = None,
    output: Output = None,
) -> None:
    """Learn a direction from scored samples, from two folders of examples, or by a classifier.

    Fits a linear classifier to the codes and takes its normal; prints its accuracy on a held-out fifth of the
    examples. With neither --scores nor folders, draws samples and labels them by the output --attribute of
    the classifier (default: NAME).
    """
    if (positive is None) != (negative is None):
        raise UsageError("--positive and --negative belong together", "name both folders")
    if sum(x is not None for x in (scores, positive, attribute)) > 1:
        raise UsageError("--scores, --attribute and --positive exclude each other", "choose one of them")
    if codes is not None and scores is None:
        raise UsageError("--codes needs --scores, an array of their scores", "such as --scores scores.npy")
    _check_numbers(threshold, samples, psi)
    from ganedit.latent.directions import examples, named
    from ganedit.latent.mixing import rows_of

    target = output or named.user_file(model_name(model), name)
    check_name(name)
    if not console.should_write(target):
        console.emit(target)
        return
    generator = open_generator(console, model)
    generator.need_styles()
    rows = rows_of(generator, layers) if layers else ()
    kept = [named.find(other, generator.name) for other in preserve or []]
    if scores is not None and codes is not None:
        scored = examples.examples_from_arrays(codes, scores, generator)
    elif scores is not None:
        scored = examples.examples_from_csv(scores, generator)
    elif positive is not None and negative is not None:
        scored = _from_folders(console, positive, negative, generator, method, encoder)
    else:
        scorer = open_classifier(console, classifier)
        with console.progress(f"drawing {samples} samples", samples) as bar:
            scored = examples.examples_from_classifier(
                generator, scorer, attribute or name, samples=samples, psi=psi, seed=console.options.seed,
                size=size, on_trial=lambda trial: console.note(_told(trial, generator)),
                progress=bar.update,
            )  # fmt: skip
    learned = examples.learn_direction(
        name, generator, scored, threshold=threshold, preserve=kept, layers=rows, seed=console.options.seed
    )
    learned.save(target)
    console.note(
        f"{name}: {learned.accuracy:.1%} of held-out examples classified correctly, "
        f"learned from {learned.samples}"
    )
    console.emit(target, accuracy=learned.accuracy, sigma=learned.sigma, samples=learned.samples)


def _from_folders(
    console: Console,
    positive: Path,
    negative: Path,
    generator: Generator,
    method: Method,
    encoder: str | None,
) -> Examples:
    from ganedit.latent.directions.examples import examples_from_folders
    from ganedit.latent.inversion.project import ProjectOptions
    from ganedit.store.load import encoder_for

    options = ProjectOptions(method.value, seed=console.options.seed)
    helper = encoder_for(generator, encoder) if encoder else None
    return examples_from_folders(
        positive, negative, generator, options=options, encoder=helper,
        on_skip=lambda path, error: console.complain(error, str(path)), watch=console.stage,
    )  # fmt: skip


def _told(trial: Trial, generator: Generator) -> str:
    if trial.size == generator.resolution:
        return "samples are drawn in full: coarse images score differently"
    return (
        f"samples are drawn at {trial.size} px: their scores correlate by {trial.correlation:.3f} with those "
        "of full images"
    )


def _check_numbers(threshold: float | None, samples: int, psi: float) -> None:
    if threshold is not None and not math.isfinite(threshold):
        raise UsageError(
            f"--threshold {threshold} is not a finite number", "choose a score between the classes"
        )
    if not math.isfinite(psi):
        raise UsageError(f"--psi {psi} is not a finite number", "0.7 to 1 are usual")
