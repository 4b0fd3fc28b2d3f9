"""`ganedit direction`: learn, list, describe, import and export directions of the style space."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.batch import survive
from ganedit.cli.channels import channels
from ganedit.cli.context import Console
from ganedit.cli.direction_sheet import REACH, check_faces, write_sheet
from ganedit.cli.discover import check_name, discover
from ganedit.cli.project import LATENT, Method, Projector, check_folder, open_generator
from ganedit.errors import CheckpointError, GaneditError, InputError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from ganedit.latent.directions import Direction
    from ganedit.store.models import Generator

Name = Annotated[str, typer.Argument(help="Name of the direction.")]
Model = Annotated[str, typer.Option(help="Generator: a name or a file.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="File instead of your own folder of directions.")
]

FEWEST_SAMPLES = 50  # of which the extremes are compared


def learn(
    console: Console,
    name: Name,
    model: Model = "faces",
    attribute: Annotated[
        str | None, typer.Option(help="Label samples by this output of --classifier.")
    ] = None,
    classifier: Annotated[str, typer.Option(help="Classifier: a name or a file.")] = "face-attributes",
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
    from ganedit.latent import directions

    target = output or directions.user_folder(_model_name(model)) / f"{name}{directions.SUFFIX}"
    check_name(name)
    if not console.should_write(target):
        console.emit(target)
        return
    generator = open_generator(console, model)
    generator.need_styles()
    kept = [directions.find(other, generator.name) for other in preserve or []]
    for other in kept:
        other.check_model(generator)
    if scores is not None:
        codes, values = _from_csv(scores, generator)
    elif positive is not None and negative is not None:
        codes, values = _from_folders(console, positive, negative, generator, method, encoder)
    else:
        codes, values = _from_classifier(console, classifier, attribute or name, generator, samples, psi)
    found = directions.learn(
        codes,
        values,
        name=name,
        threshold=threshold,
        preserve=kept,
        spread=directions.random_codes(generator, directions.SIGMA_SAMPLES),  # a sigma means the same for all
        seed=console.options.seed,
    )
    found = replace(found, model=generator.name, model_sha256=generator.sha256)
    found.save(target)
    console.note(
        f"{name}: {found.accuracy:.1%} of held-out examples told apart, learned from {found.samples}"
    )
    console.emit(target, accuracy=found.accuracy, sigma=found.sigma, samples=found.samples)


def list_directions(console: Console, model: Model = "faces") -> None:
    """List the directions known by name for a model."""
    from ganedit.latent import directions

    def show(name: str) -> None:
        found = directions.find(name, _model_name(model))
        told = "" if found.accuracy is None else f"accuracy {found.accuracy:.1%}"
        about = {"name": name, "model": found.model, "method": found.method, "accuracy": found.accuracy}
        console.answer(f"{name:<16} {found.method:<22} {told}".rstrip(), about)

    if not survive(console, directions.names_of(_model_name(model)), show):
        console.note(f"the model {model} has no directions; ganedit direction learn makes them")


def info(console: Console, name: Name, model: Model = "faces") -> None:
    """Tell how a direction was made. NAME may be a file."""
    from ganedit.latent import directions

    found = directions.find(name, _model_name(model))
    about: dict[str, Any] = {
        "name": found.name,
        "space": found.space,
        "shape": list(found.vector.shape),
        "sigma": found.sigma,
        "model": found.model,
        "model_sha256": found.model_sha256,
        "method": found.method,
        "layers": list(found.layers),
        "accuracy": found.accuracy,
        "samples": found.samples,
        "preserved": list(found.preserved),
    }
    known = {key: value for key, value in about.items() if value not in ("", None, [], 0)}
    console.answer("\n".join(f"{key:<14} {_plain(value)}" for key, value in known.items()), about)


def import_(
    console: Console,
    file: Annotated[Path, typer.Argument(help=".npy, .npz or .pt: one direction, or a set of components.")],
    name: Annotated[str | None, typer.Option(help="What to call it; the file's name unless given.")] = None,
    model: Model = "faces",
    output: Output = None,
) -> None:
    """Take over directions that other programs wrote, for a model with codes of their size.

    A set, such as GANSpace's components, becomes one direction each: NAME-0, NAME-1 and so on.
    """
    from ganedit.latent import directions
    from ganedit.latent.direction_files import import_directions

    found = import_directions(file, name)
    if output and len(found) > 1:
        raise UsageError(f"{file} holds {len(found)} directions, --output names one file", "leave it out")
    folder = directions.user_folder(_model_name(model))
    for one in found:
        check_name(one.name)
    generator = open_generator(console, model)
    codes = None
    for one in found:
        one.check_model(generator)
        target = output or folder / f"{one.name}{directions.SUFFIX}"
        if console.should_write(target):
            if codes is None:
                codes = directions.random_codes(generator, directions.SIGMA_SAMPLES)
            sigma = directions.spread_along(one.vector, _shaped(codes, one, generator))
            replace(one, sigma=sigma, model=generator.name, model_sha256=generator.sha256).save(target)
        console.emit(target)


def export(
    console: Console,
    name: Name,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .npy or .pt.")],
    model: Model = "faces",
) -> None:
    """Write a direction as other programs read it: unit length, float32, [1, W] or [L, W]."""
    from ganedit.latent.direction_files import export_direction
    from ganedit.latent.directions import find

    found = find(name, _model_name(model))
    if console.should_write(output):
        export_direction(found, output)
    console.emit(output, sigma=found.sigma)


def show(
    console: Console,
    names: Annotated[list[str], typer.Argument(help="Names or files of directions, or channels (6:42).")],
    faces: Annotated[int, typer.Option(help="Samples on the sheet.")] = 2,
    magnitude: Annotated[float, typer.Option(help="How far the sheet goes, both ways.")] = REACH,
    model: Model = "faces",
    output: Annotated[Path, typer.Option("--output", "-o", help="The sheet.")] = Path("directions.png"),
) -> None:
    """Draw a sheet of what directions do to samples, from magnitude -3 to +3 unless told otherwise."""
    if not 0 < magnitude <= 100:
        raise UsageError(f"--magnitude {magnitude} makes no sense", "3 is usual, for channels 10")
    check_faces(faces)
    check_folder(output.parent)
    generator = open_generator(console, model)
    found = [_find(name, generator) for name in names]
    for one in found:
        one.check_model(generator)
    if console.should_write(output):
        write_sheet(console, generator, found, faces, output, magnitude)
    console.emit(output, directions=[one.name for one in found])


def name_(
    console: Console,
    direction: Annotated[str, typer.Argument(help="NAME or MODEL/NAME, such as faces/sefa-3 or faces/6:42.")],
    name: Annotated[str, typer.Argument(help="What to call it.")],
    negate: Annotated[bool, typer.Option("--negate", help="Turn it round: + does what - did.")] = False,
    model: Model = "faces",
) -> None:
    """Give a direction that was discovered, or channels of the styles, a name; the numbered one stays."""
    from ganedit.latent import directions, styles

    named, _, short = direction.rpartition("/")
    owner = _model_name(named or model)
    check_name(name)
    if styles.CHANNELS.fullmatch(short):
        found = _find(short, open_generator(console, named or model))
    else:
        found = directions.find(short, owner)
    vector = -found.vector if negate else found.vector
    target = directions.user_folder(owner) / f"{name}{directions.SUFFIX}"
    if console.should_write(target):
        replace(found, name=name, vector=vector).save(target)
    console.emit(target, named=found.name)


COMMANDS = {
    "learn": learn,
    "discover": discover,
    "channels": channels,
    "show": show,
    "name": name_,
    "list": list_directions,
    "info": info,
    "import": import_,
    "export": export,
}


# --- examples --------------------------------------------------------------------------------------


def _from_classifier(
    console: Console, classifier: str, attribute: str, generator: Generator, samples: int, psi: float
) -> tuple[Tensor, Tensor]:
    from ganedit.latent.directions import score_samples
    from ganedit.store.models import Classifier

    judge = console.load(classifier)
    if not isinstance(judge, Classifier):
        raise CheckpointError(f"{classifier} is {judge.card.kind}, not a classifier", "ganedit models list")
    with console.progress(f"drawing {samples} samples", samples) as bar:
        return score_samples(
            generator, judge, attribute, samples, psi=psi, seed=console.options.seed, progress=bar.advance
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
        found = [_code(path, generator) for path in sorted(folder.glob(f"*{LATENT}"))]
        found = found or _project_folder(console, folder, generator, method, encoder)
        codes += found
        labels += [float(label)] * len(found)
    return _joined(codes), torch.tensor(labels)


def _project_folder(
    console: Console, folder: Path, generator: Generator, method: Method, encoder: str | None
) -> list[Tensor]:
    """ws [L, W] of each photo of a folder; those without a usable face are named and left out."""
    from ganedit.images.io import list_images
    from ganedit.latent.photos import project_photo
    from ganedit.latent.project import ProjectOptions

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
    if path.name.endswith(LATENT):
        return path
    return path.with_name(path.stem.removesuffix(".projected") + LATENT)


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


# --- small things ----------------------------------------------------------------------------------


def _find(name: str, generator: Generator) -> Direction:
    """A direction by its name or file, or of channels of the styles."""
    from ganedit.latent import directions, styles

    if styles.CHANNELS.fullmatch(name):
        return styles.channel_direction(generator, styles.find_channels(generator, name))
    return directions.find(name, generator.name)


def _shaped(codes: Tensor, direction: Direction, generator: Generator) -> Tensor:
    """Codes [N, W] in the form of a direction: with a row per layer where it has them."""
    return codes if direction.vector.ndim == 1 else codes[:, None].expand(-1, generator.num_ws, -1)


def _model_name(model: str) -> str:
    """What directions of a model are filed under: its name, or the stem of its file.

    Raises:
        UsageError: there is no such model, and there are no directions of one.
    """
    from ganedit.latent.directions import names_of
    from ganedit.store import registry
    from ganedit.store.cards import CARD, ModelCard

    path = Path(model).expanduser()
    folder = path.parent if path.name == registry.WEIGHTS else path
    if registry.find(model) is None and (folder / CARD).is_file():
        return ModelCard.load(folder).name
    name = path.stem if path.suffix else path.name
    if not path.is_file() and not names_of(name):
        registry.folder_of(model)  # complains
    return name


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


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
