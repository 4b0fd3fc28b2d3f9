"""`ganedit clip`: pictures changed, found and sorted by what a text says."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ganedit.cli.batch import IMAGE_SUFFIXES, sources, survive
from ganedit.cli.context import Console
from ganedit.cli.direction import Output
from ganedit.cli.editor import (
    MAY_STAND_ALONE,
    PASTES,
    Editor,
    Face,
    Inputs,
    ModelOf,
    OutputFolder,
    Paste,
    PhotoNow,
    Sheet,
    Video,
)
from ganedit.cli.project import LATENT, Method, check_face, check_folder, open_generator
from ganedit.cli.text_changes import ByDirection, ByMapper, ByOptimising, TextChange, Way
from ganedit.errors import GaneditError, UsageError

if TYPE_CHECKING:
    from ganedit.images.paste import Mode
    from ganedit.store.models import Clip, Generator

__all__ = ["COMMANDS", "MAY_STAND_ALONE"]  # looked up by `cli.app`

CLIP = "clip-faces"
LARGE = "ViT-B-32/laion2b_s34b_b79k"
COLUMNS = 8  # of a sheet of ranked pictures
SHOWN_SIDE = 256

Model = Annotated[str, typer.Option(help="Generator: a name or a file.")]
ClipModel = Annotated[
    str, typer.Option("--clip", help=f"clip-faces, a folder, or one of open_clip's, such as {LARGE}.")
]
Text = Annotated[str, typer.Option(help='What pictures should show: "a smiling face".')]
Neutral = Annotated[str | None, typer.Option(help='What they show before, as far as it matters: "a face".')]


class How(StrEnum):
    """StyleCLIP's three ways."""

    optimize = "optimize"
    direction = "direction"
    mapper = "mapper"


class LossName(StrEnum):
    similarity = "similarity"
    direction = "direction"


class Space(StrEnum):
    w = "w"
    w_plus = "w+"


def open_clip_model(console: Console, name: str, *texts: str | None) -> Clip:
    """A CLIP model; says which words of the texts a small one does not know."""
    from ganedit.store.load import load_clip

    options = console.options
    clip = load_clip(name, options.device, options.dtype)
    for text in filter(None, texts):
        unknown = clip.unknown_words(text)
        if unknown:
            known = "none of the words" if not clip.told_by(text) else "not"
            console.warn(
                f"{clip.name} knows {known} {', '.join(unknown)} in {text!r}: it reads words about the age, "
                f"gender and smile of faces; --clip {LARGE} reads any text"
            )
    return clip


# --- edit ------------------------------------------------------------------------------------------


def edit(
    console: Console,
    inputs: Inputs = None,
    text: Text = "",
    neutral: Neutral = None,
    method: Annotated[
        How,
        typer.Option(help="optimize: each code by itself; direction: along style channels; mapper: trained."),
    ] = How.optimize,
    strength: Annotated[float, typer.Option(help="How much of the change; of a direction, in sigmas.")] = 1.0,
    threshold: Annotated[
        float | None, typer.Option(help="For direction: relevance from which a channel moves; 0 to 1.")
    ] = None,
    mapper: Annotated[
        str | None, typer.Option(help="For mapper: what ganedit train clip-mapper made.")
    ] = None,
    layers: Annotated[
        str | None, typer.Option(help="For optimize: coarse, middle, fine, or rows such as 0-5.")
    ] = None,
    space: Annotated[
        Space, typer.Option(help="For optimize: w moves all rows alike, w+ each by itself.")
    ] = Space.w,
    steps: Annotated[int, typer.Option(help="For optimize.")] = 40,
    closeness: Annotated[float, typer.Option(help="For optimize: weight of staying near the code.")] = 0.1,
    identity: Annotated[float, typer.Option(help="For optimize: weight of staying the same person.")] = 0.2,
    loss: Annotated[
        LossName, typer.Option(help="For optimize: similarity, or direction: as the texts differ.")
    ] = LossName.similarity,
    crops: Annotated[int, typer.Option(help="For optimize: random crops that CLIP looks at.")] = 4,
    video: Video = False,
    sheet: Sheet = False,
    paste: Paste = None,
    photo: PhotoNow = None,
    model: ModelOf = None,
    clip: ClipModel = CLIP,
    projection: Annotated[
        Method | None, typer.Option(help="How photos are projected; hybrid unless given.")
    ] = None,
    face: Face = "largest",
    output: OutputFolder = Path("."),
) -> None:
    """Change a photo or latent to what a text says (StyleCLIP).

    Writes what ganedit edit does: NAME.edited.png, NAME.edited.latent.safetensors, with --paste
    NAME.pasted.png, and so on. Photos are projected first.
    """
    from ganedit.text.guidance import Wish
    from ganedit.text.optimize import SteerOptions

    check_face(face)
    if not math.isfinite(strength):
        raise UsageError(f"--strength {strength} is not a finite number", "choose 1, or -3 to 3")
    if paste is not None and paste not in PASTES:
        raise UsageError(f"--paste {paste} is unknown", f"choose {' or '.join(PASTES)}")
    if photo is not None and paste is None:
        raise UsageError("--photo says where to paste, and --paste was not given", "add --paste, or drop it")
    for given, option, owner in ((mapper, "--mapper", How.mapper), (threshold, "--threshold", How.direction)):
        if given is not None and method is not owner:
            raise UsageError(f"{option} is for --method {owner.value}", "add that, or leave it out")
    way: Way
    if method is How.mapper:
        if mapper is None:
            raise UsageError("no --mapper was named", "train one: ganedit train clip-mapper --text ...")
        way = ByMapper(console, mapper, strength)
    else:
        if not text.strip():
            raise UsageError("no --text was given", 'say what pictures should show: --text "a smiling face"')
        judge = open_clip_model(console, clip, text, neutral)
        if method is How.direction:
            if neutral is None:
                raise UsageError(
                    "--method direction needs something to come from", 'such as --neutral "a face"'
                )
            way = ByDirection(console, judge, text, neutral, strength, threshold)
        else:
            wish = Wish(text, neutral, loss.value, crops)
            options = SteerOptions(
                steps, space.value, closeness=closeness, identity=identity, seed=console.options.seed
            )
            way = ByOptimising(console, judge, wish, options, strength, layers)
    change = TextChange(way, cast("Mode | None", paste))
    Editor(console, change, output, model, projection, face, photo, sheet, video).run(inputs)


# --- generate --------------------------------------------------------------------------------------


def generate(
    console: Console,
    text: Text = "",
    neutral: Neutral = None,
    count: Annotated[int, typer.Option(help="Pictures to keep, the best ones.")] = 1,
    candidates: Annotated[int, typer.Option(help="Seeds that are looked at.")] = 64,
    restarts: Annotated[int, typer.Option(help="The best of them, each optimised.")] = 4,
    steps: Annotated[int, typer.Option(help="Of the optimisation.")] = 40,
    closeness: Annotated[float, typer.Option(help="Weight of staying near the seed.")] = 0.1,
    crops: Annotated[int, typer.Option(help="Random crops that CLIP looks at.")] = 4,
    psi: Annotated[float, typer.Option(help="Truncation of the seeds.")] = 0.7,
    model: Model = "faces",
    clip: ClipModel = CLIP,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path("."),
) -> None:
    """Find a picture of what a text says, from noise.

    Writes TEXT-1.png and its latent, the best first, and prints the pictures.
    """
    from ganedit.text.guidance import Wish
    from ganedit.text.optimize import SteerOptions, search

    if not text.strip():
        raise UsageError("no --text was given", 'say what to draw: --text "an old man"')
    if not 1 <= count <= restarts:
        raise UsageError(f"--count {count} of {restarts} --restarts makes no sense", "choose more --restarts")
    if not math.isfinite(psi):
        raise UsageError(f"--psi {psi} is not a finite number", "0.5 to 1 are usual")
    check_folder(output)
    stem = _file_name(text)
    paths = [output / f"{stem}-{i + 1}.png" for i in range(count)]
    latents = [output / f"{stem}-{i + 1}{LATENT}" for i in range(count)]
    wanted = [path for path in (*paths, *latents) if console.should_write(path)]
    if not wanted:
        for path in paths:
            console.emit(path)
        return
    judge = open_clip_model(console, clip, text, neutral)
    generator = open_generator(console, model)
    generator.need_styles()
    options = SteerOptions(steps, closeness=closeness, identity=0.0, seed=console.options.seed)
    with console.progress(text, steps) as bar:
        found = search(
            generator, judge, Wish(text, neutral, crops=crops), options,
            candidates=candidates, restarts=restarts, psi=psi, progress=lambda *_: bar.advance(),
        )  # fmt: skip
    for one, path, code in zip(found, paths, latents, strict=False):
        about = {"text": text, "clip": judge.name, "psi": psi, "seed": one.seed}
        _write_found(console, generator, one.ws, {p for p in (path, code) if p in wanted}, about)
        console.emit(path, seed=one.seed, similarity=round(one.similarity, 4), latent=str(code))


def _write_found(
    console: Console, generator: Generator, ws: Any, paths: set[Path], parameters: dict[str, Any]
) -> None:
    """The picture and the latent of a code, as far as they are asked for."""
    from ganedit.files import all_or_none
    from ganedit.images.io import write_image
    from ganedit.images.provenance import provenance
    from ganedit.latent.editing import draw
    from ganedit.latent.latent import Latent

    latent = Latent(ws, generator.name, generator.sha256, "w+", template=generator.card.template)
    record = None
    if console.options.provenance:
        record = provenance("clip generate", parameters, generator.name, generator.sha256)
    with all_or_none(*paths):
        for path in paths:
            if path.name.endswith(LATENT):
                latent.save(path)
            else:
                write_image(path, draw(generator, [latent])[0], provenance=record)


def _file_name(text: str) -> str:
    import re

    return re.sub(r"\W+", "-", text.lower()).strip("-")[:60] or "text"


# --- direction -------------------------------------------------------------------------------------


def direction(
    console: Console,
    text: Annotated[str, typer.Argument(help='Where + goes: "an old person".')],
    other: Annotated[str, typer.Argument(help='Where - goes: "a young person".')],
    name: Annotated[str, typer.Option(help="What to call the direction.")] = "",
    preserve: Annotated[
        list[str] | None, typer.Option(help="Direction whose attribute should stay; may be repeated.")
    ] = None,
    samples: Annotated[int, typer.Option(help="Pictures that are compared with both texts.")] = 2000,
    psi: Annotated[float, typer.Option(help="Truncation of those samples.")] = 1.0,
    model: Model = "faces",
    clip: ClipModel = CLIP,
    output: Output = None,
) -> None:
    """Make a direction out of two texts, for edit --direction.

    Samples are scored by which text fits them better, and a linear classifier is fitted to their codes, as by
    ganedit direction learn.
    """
    from dataclasses import replace

    from ganedit.cli.direction import _model_name as model_name
    from ganedit.cli.discover import check_name
    from ganedit.latent import directions
    from ganedit.text.scoring import score_by_texts

    name = name or f"{_file_name(text)}-text"
    check_name(name)
    if samples < 100:
        raise UsageError(f"--samples {samples} are too few", "choose 100 or more, such as 2000")
    target = output or directions.user_folder(model_name(model)) / f"{name}{directions.SUFFIX}"
    if not console.should_write(target):
        console.emit(target)
        return
    judge = open_clip_model(console, clip, text, other)
    generator = open_generator(console, model)
    generator.need_styles()
    kept = [directions.find(one, generator.name) for one in preserve or []]
    for one in kept:
        one.check_model(generator)
    with console.progress(f"drawing {samples} samples", samples) as bar:
        codes, scores = score_by_texts(
            generator, judge, text, other, samples, psi=psi, seed=console.options.seed, progress=bar.advance
        )
    found = directions.learn(
        codes, scores, name=name, preserve=kept, seed=console.options.seed,
        spread=directions.random_codes(generator, directions.SIGMA_SAMPLES),
    )  # fmt: skip
    about = f"CLIP: {text!r} against {other!r}"
    found = replace(found, model=generator.name, model_sha256=generator.sha256, method=about)
    found.save(target)
    console.note(f"{name}: {found.accuracy:.1%} of held-out samples told apart")
    console.emit(target, accuracy=found.accuracy, sigma=found.sigma, samples=found.samples)


# --- rank ------------------------------------------------------------------------------------------


def rank(
    console: Console,
    inputs: Annotated[
        list[str] | None, typer.Argument(help="Pictures, folders, globs, or - for paths on standard input.")
    ] = None,
    text: Text = "",
    neutral: Neutral = None,
    aligned: Annotated[
        bool, typer.Option("--aligned", help="The pictures are aligned crops; else faces are looked for.")
    ] = False,
    clip: ClipModel = CLIP,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also a sheet of the pictures in their order.")
    ] = None,
) -> None:
    """Sort pictures by how well a text fits them, the best first.

    Prints them with the cosine; less that of --neutral, where there is one. A model of faces looks at the
    largest face of each.
    """
    if not text.strip():
        raise UsageError("no --text was given", 'such as --text "a smiling face"')
    judge = open_clip_model(console, clip, text, neutral)
    found: list[tuple[float, Path]] = []

    def score(item: Path | GaneditError) -> None:
        if isinstance(item, GaneditError):
            raise item
        found.append((_score(judge, item, text, neutral, aligned), item))

    from ganedit.cli.batch import BatchFailed

    problem: BatchFailed | None = None
    try:
        if not survive(console, sources(console, inputs, IMAGE_SUFFIXES), score):
            raise UsageError("no input was given", "name pictures or folders, or pipe paths in")
    except BatchFailed as error:
        problem = error
    found.sort(key=lambda one: -one[0])
    if output is not None and found and console.should_write(output):
        _write_ranked(output, found, f"{text}" + (f" against {neutral}" if neutral else ""))
    for value, path in found:
        console.answer(f"{value:+.4f}  {path}", {"path": str(path), "similarity": round(value, 4)})
    if problem is not None:
        raise problem


def _score(clip: Clip, path: Path, text: str, neutral: str | None, aligned: bool) -> float:
    from ganedit.images.align import TEMPLATES, align_faces, center_crop
    from ganedit.images.io import read_image, to_tensor
    from ganedit.images.provenance import read_provenance
    from ganedit.text.guidance import Wish, text_features

    photo = read_image(path)
    template = TEMPLATES.get(clip.card.template)
    drawn = (read_provenance(path) or {}).get("model")  # by a generator, which draws aligned faces
    if template is None or aligned or (drawn and photo.pixels.shape[0] == photo.pixels.shape[1]):
        pixels = center_crop(photo.pixels, max(clip.size, 1)).crop
    else:
        ((_, face),) = align_faces(photo.pixels, size=clip.size, template=template, which="largest")
        pixels = face.crop
    return float(clip.images(to_tensor(pixels))[0] @ text_features(clip, Wish(text, neutral)))


def _write_ranked(output: Path, found: list[tuple[float, Path]], caption: str) -> None:
    from ganedit.images.align import center_crop
    from ganedit.images.io import read_image, write_image
    from ganedit.images.sheet import sheet

    tiles = [center_crop(read_image(path).pixels, SHOWN_SIDE).crop for _, path in found]
    write_image(output, sheet(tiles, columns=min(COLUMNS, len(tiles)), caption=caption))


COMMANDS = {"edit": edit, "generate": generate, "direction": direction, "rank": rank}
