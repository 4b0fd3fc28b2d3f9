"""`ganedit edit`: photos and latents moved along directions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ganedit.cli.batch import IMAGE_SUFFIXES, LATENT_SUFFIXES, Result, run_batch
from ganedit.cli.codes import Models, Projections, latent_behind, latents_in
from ganedit.cli.context import Console
from ganedit.cli.project import (
    LATENT,
    Latest,
    Method,
    check_face,
    check_folder,
    face_stem,
    latent_path,
)
from ganedit.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from ganedit.images.io import Photo
    from ganedit.images.paste import Mode
    from ganedit.latent.directions import Direction, Edit
    from ganedit.latent.latent import Latent
    from ganedit.latent.photos import Crop
    from ganedit.store.models import Generator

PASTES = ("change", "replace")
SHEET_SIDE, FILM_SIDE = 512, 1024  # most pixels of a pasted photo on a sheet, and in a film
CROP_SIDE = 256  # least, of a crop in a film
FILM_FRAMES = 50  # one way; at 25 a second


class EditSpace(StrEnum):
    """What --direction may name."""

    w = "w"
    s = "s"


MAY_STAND_ALONE = {"--paste": PASTES}
"""Options that need no value, and the values they take, the first of which they mean without one."""


def command(
    console: Console,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(help="Latents, photos, folders, globs, or - for paths on standard input."),
    ] = None,
    direction: Annotated[
        list[str] | None,
        typer.Option(help="A direction's name or file, or with --space s channels; may be repeated."),
    ] = None,
    space: Annotated[
        EditSpace,
        typer.Option(help="s: of styles, by channels such as 6:42 (ganedit direction channels finds them)."),
    ] = EditSpace.w,
    magnitude: Annotated[
        list[float] | None,
        typer.Option(help="How far: the n-th belongs to the n-th direction; 1 unless given."),
    ] = None,
    layers: Annotated[
        list[str] | None, typer.Option(help="Such as 0-5 or 0,2,4-7: one for each direction, or one for all.")
    ] = None,
    sweep: Annotated[
        str | None, typer.Option(help="FROM:TO:COUNT magnitudes of the first direction, such as -3:3:7.")
    ] = None,
    video: Annotated[bool, typer.Option("--video", help="Also a film of the change.")] = False,
    sheet: Annotated[bool, typer.Option("--sheet", help="Also before and after side by side.")] = False,
    paste: Annotated[
        str | None,
        typer.Option(
            metavar="[change|replace]",
            help="Bring the edit into the whole photo: the change alone unless given, or the drawn face.",
        ),
    ] = None,
    photo: Annotated[Path | None, typer.Option(help="For --paste: where the photo is now.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Generator: a name or a file; the latent's own unless given.")
    ] = None,
    method: Annotated[
        Method | None, typer.Option(help="How photos are projected; hybrid unless given.")
    ] = None,
    face: Annotated[
        str, typer.Option(help="Of photos: largest, all, or a number: 2 is the second.")
    ] = "largest",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path("."),
) -> None:
    """Change a photo or latent along directions: smile, age, yaw, ...

    With --space s also by channels of the styles. Writes NAME.edited.png and NAME.edited.latent.safetensors;
    with --paste NAME.pasted.png, with --sweep NAME.edit+1.0.png and so on, and NAME.sheet.png. Prints the
    pictures. Photos are projected first. Without an input, takes the latest projection made in this folder.
    """
    check_face(face)
    request = Request.read(direction, magnitude, layers, sweep, paste, space)
    if photo is not None and paste is None:
        raise UsageError("--photo says where to paste, and --paste was not given", "add --paste, or drop it")
    editor = Editor(console, request, output, model, method, face, photo, sheet or sweep is not None, video)

    def latest() -> list[Path]:
        found = Latest.recall()
        names = ", ".join(map(str, found))
        console.note(f"{console.command}: no input given: taking the latest projection made here, {names}")
        return found

    named = None if inputs is None else [one for given in inputs for one in _latents_in(given)]
    run_batch(console, named, editor.work, suffixes=(*IMAGE_SUFFIXES, *LATENT_SUFFIXES), fallback=latest)


def _latents_in(source: str) -> list[str]:
    """Of a folder that holds latents, these are meant, and not the pictures beside them."""
    return [str(path) for path in latents_in(Path(source))] or [source]


@dataclass(frozen=True)
class Request:
    """What is to be changed, as the options say it."""

    directions: tuple[str, ...]
    layers: tuple[tuple[int, ...] | None, ...]  # for each direction
    plans: dict[str, tuple[float, ...]]  # magnitudes by what results are called: "" or "+1.0"
    paste: Mode | None
    space: EditSpace

    @classmethod
    def read(
        cls,
        directions: list[str] | None,
        magnitudes: list[float] | None,
        layers: list[str] | None,
        sweep: str | None,
        paste: str | None,
        space: EditSpace,
    ) -> Request:
        """Check the options against each other.

        Raises:
            UsageError: they make no sense.
        """
        from ganedit.latent.editing import parse_layers, parse_sweep

        directions, magnitudes, layers = directions or [], magnitudes or [], layers or []
        if not directions:
            raise UsageError("no --direction was given", "ganedit direction list tells which there are")
        swept = 0 if sweep is None else 1
        wanted = len(directions) - swept
        if len(magnitudes) not in (0, wanted):
            left = " that --sweep leaves" if swept else ""
            raise UsageError(
                f"{len(magnitudes)} --magnitude do not suit the {wanted} --direction{left}",
                "give one for each, in the same order, or none",
            )
        for value in magnitudes:
            if not math.isfinite(value):
                raise UsageError(f"--magnitude {value} is not a finite number", "choose -4 to 4")
        if len(layers) not in (0, 1, len(directions)):
            raise UsageError(
                f"{len(layers)} --layers do not suit {len(directions)} --direction",
                "give one for each, or one for all",
            )
        if paste is not None and paste not in PASTES:
            raise UsageError(f"--paste {paste} is unknown", f"choose {' or '.join(PASTES)}")
        rows: list[tuple[int, ...] | None] = [parse_layers(text) for text in layers] or [None]
        rest = tuple(magnitudes) or (1.0,) * wanted
        plans = {"": rest}
        if sweep is not None:
            values = parse_sweep(sweep)
            plans = {label: (v, *rest) for label, v in zip(_labels(values), values, strict=True)}
        rows = (rows * len(directions))[: len(directions)]
        return cls(tuple(directions), tuple(rows), plans, cast("Mode | None", paste), space)

    def moves(self, directions: list[Direction], plan: str) -> list[Edit]:
        return list(zip(directions, self.plans[plan], self.layers, strict=True))

    @property
    def swept(self) -> bool:
        return "" not in self.plans

    def __str__(self) -> str:
        """For the caption of a sheet: "smile, age 1"."""
        first = next(iter(self.plans.values()))
        told = [f"{Path(d).stem} {m:+g}" for d, m in zip(self.directions, first, strict=True)]
        return ", ".join([Path(self.directions[0]).stem, *told[1:]] if self.swept else told)


def _labels(values: list[float]) -> list[str]:
    """Magnitudes as +1.0, with as many decimals as tell them apart."""
    for decimals in range(1, 10):
        labels = [f"{value:+.{decimals}f}" for value in values]
        exact = all(abs(float(t) - v) < 1e-9 for t, v in zip(labels, values, strict=True))
        if len(set(labels)) == len(labels) and (exact or decimals >= 3):
            break
    return labels


# --- the work --------------------------------------------------------------------------------------


@dataclass
class _Subject:
    """One face to be edited."""

    stem: str
    path: Path  # its latent
    crop: Crop | None = None  # of a photo that is yet to be projected
    latent: Latent | None = None
    pictures: dict[str, np.ndarray] = field(default_factory=dict)  # by plan
    latents: dict[str, Latent] = field(default_factory=dict)
    before: np.ndarray | None = None  # what the model draws without any edit
    film: list[np.ndarray] = field(default_factory=list)


@dataclass
class _Targets:
    """Where the results of one input go, by plan."""

    pictures: dict[str, list[Path]]  # one per face
    pasted: dict[str, Path]
    sheet: Path | None
    video: Path | None

    def all(self) -> list[Path]:
        crops = [path for paths in self.pictures.values() for path in paths]
        more = [path for path in (self.sheet, self.video) if path is not None]
        return [*crops, *map(_latent_of, crops), *self.pasted.values(), *more]


def _latent_of(picture: Path) -> Path:
    return latent_path(picture.parent, picture.stem)


@dataclass
class Editor:
    """Edits one input after the other; opens each model once."""

    console: Console
    request: Request
    output: Path
    model: str | None
    method: Method | None
    face: str
    photo: Path | None
    sheet: bool
    video: bool

    def __post_init__(self) -> None:
        self._models = Models(self.console, self.model)
        self._projections = Projections(self.console, self.output, self.method)
        self._directions: dict[str, list[Direction]] = {}
        self._done: set[Path] = set()

    def work(self, path: Path) -> Iterator[Result]:
        """Everything that one latent or photo gives."""
        check_folder(self.output)
        latent = latent_behind(path)
        if latent is None:
            yield from self._from_photo(path)
        elif latent.resolve() not in self._done:  # a glob may name a latent and its picture
            self._done.add(latent.resolve())
            yield from self._from_latent(latent)

    def _from_latent(self, path: Path) -> Iterator[Result]:
        from ganedit.latent.latent import Latent
        from ganedit.latent.photos import find_photo

        latent = Latent.load(path)
        generator = self._models.of(latent)
        directions = self._directions_for(generator)
        photo = find_photo(latent, beside=path, given=self.photo) if self.request.paste else None
        subject = _Subject(path.name.removesuffix(LATENT), path, latent=latent)
        yield from self._edit(subject.stem, [subject], generator, directions, photo)

    def _from_photo(self, path: Path) -> Iterator[Result]:
        from ganedit.images.io import read_image
        from ganedit.latent.photos import crops_of

        photo = read_image(path)
        generator = self._models.open()
        directions = self._directions_for(generator)
        subjects = []
        for crop in crops_of(photo, generator, face=self.face):
            stem = face_stem(path.stem, crop.number)
            subjects.append(_Subject(stem, latent_path(self.output, stem), crop))
        yield from self._edit(
            path.stem, subjects, generator, directions, photo if self.request.paste else None
        )

    def _edit(
        self,
        name: str,
        subjects: list[_Subject],
        generator: Generator,
        directions: list[Direction],
        photo: Photo | None,
    ) -> Iterator[Result]:
        targets = self._targets(name, subjects, photo)
        wanted = [path for path in targets.all() if self.console.should_write(path)]
        if wanted:
            for subject in subjects:
                if subject.latent is None:
                    assert subject.crop is not None
                    subject.latent = self._projections.of(subject.crop, subject.stem, generator)
            for subject in subjects:
                self._draw(subject, generator, directions)
            self._write_crops(subjects, targets, wanted)
        for plan in self.request.plans:
            crops, pasted = targets.pictures[plan], targets.pasted.get(plan)
            if photo is not None and pasted in wanted:
                self._write_pasted(pasted, photo, subjects, plan)
            details = {
                "latents": [str(_latent_of(path)) for path in crops],
                "magnitudes": self.request.plans[plan],
            }
            if pasted is not None:
                yield Result(pasted, {**details, "pictures": [str(path) for path in crops]})
                continue
            for path in crops:
                yield Result(path, {**details, "latents": [str(_latent_of(path))]})
        if targets.video is not None:
            if targets.video in wanted:
                self._write_film(targets.video, subjects, photo)
            self.console.note(f"{name}: {targets.video} shows the change")
        if targets.sheet is not None:
            if targets.sheet in wanted:
                self._write_sheet(targets.sheet, name, subjects, photo)
            yield Result(targets.sheet, {"sheet": str(self.request)})

    def _targets(self, name: str, subjects: list[_Subject], photo: Photo | None) -> _Targets:
        from ganedit.images.encode import WRITERS

        plans = self.request.plans
        pictures = {
            plan: [self.output / f"{s.stem}.{f'edit{plan}' if plan else 'edited'}.png" for s in subjects]
            for plan in plans
        }
        pasted: dict[str, Path] = {}
        if photo is not None:
            own = photo.path.suffix if photo.path else ""
            suffix = own if own.lower() in WRITERS else ".png"
            pasted = {plan: self.output / f"{name}.pasted{plan}{suffix}" for plan in plans}
        sheet = self.output / f"{name}.sheet.png" if self.sheet else None
        video = self.output / f"{name}.edited.mp4" if self.video else None
        return _Targets(pictures, pasted, sheet, video)

    def _directions_for(self, generator: Generator) -> list[Direction]:
        """Opened before the first photo is projected, since that takes long."""
        from ganedit.latent.editing import check_layers

        if generator.sha256 not in self._directions:
            found = [self._named(name, generator) for name in self.request.directions]
            for one, rows in zip(found, self.request.layers, strict=True):
                one.check_model(generator)
                check_layers(one, rows)
                if rows and max(rows) >= generator.num_ws:
                    raise UsageError(
                        f"there is no layer {max(rows)}: the model {generator.name} has {generator.num_ws}",
                        f"layers go from 0 to {generator.num_ws - 1}",
                    )
            self._directions[generator.sha256] = found
        return self._directions[generator.sha256]

    def _named(self, name: str, generator: Generator) -> Direction:
        """A direction by its name or file; in the space s by channels."""
        from ganedit.latent import directions, styles

        channels = styles.CHANNELS.fullmatch(name) is not None
        if self.request.space is EditSpace.s:
            if channels or ("/" not in name and name not in directions.names_of(generator.name)):
                return styles.channel_direction(generator, styles.find_channels(generator, name))
        elif channels:
            raise UsageError(f"{name} names channels of styles", "add --space s")
        return directions.find(name, generator.name)

    # ---- drawing and writing ----

    def _draw(self, subject: _Subject, generator: Generator, directions: list[Direction]) -> None:
        from ganedit.latent.editing import between, draw, edit

        latent = subject.latent
        assert latent is not None
        own = latent.personal(generator)
        for plan in self.request.plans:
            subject.latents[plan] = edit(latent, self.request.moves(directions, plan))
        edited = list(subject.latents.values())
        start = edited[0] if len(edited) > 1 else latent
        film = between(start, edited[-1], FILM_FRAMES) if self.video else []
        with self.console.progress(f"drawing {subject.stem}", len(edited) + len(film) + 1) as bar:
            pictures = draw(own, [latent.original])
            bar.advance()
            for code in [*edited, *film]:
                pictures += draw(own, [code])
                bar.advance()
        subject.before = pictures[0]
        subject.pictures = dict(zip(self.request.plans, pictures[1:], strict=False))
        subject.film = pictures[1 + len(edited) :]

    def _record(self, latent: Latent, pasted: bool = False) -> dict[str, Any] | None:
        from ganedit.images.provenance import provenance

        if not self.console.options.provenance:
            return None
        parameters: dict[str, Any] = {"edits": list(latent.edits)}
        if pasted:
            parameters["paste"] = self.request.paste
        source = latent.source or None
        return provenance("edit", parameters, latent.model, latent.model_sha256, source, composite=pasted)

    def _write_crops(self, subjects: list[_Subject], targets: _Targets, wanted: list[Path]) -> None:
        from ganedit.files import all_or_none
        from ganedit.images.io import write_image

        for plan, paths in targets.pictures.items():
            for subject, path in zip(subjects, paths, strict=True):
                latent = subject.latents[plan]
                with all_or_none(path, _latent_of(path)):
                    if _latent_of(path) in wanted:
                        latent.save(_latent_of(path))
                    if path in wanted:
                        write_image(path, subject.pictures[plan], provenance=self._record(latent))

    def _pasted(
        self, photo: np.ndarray, subjects: list[_Subject], edited: list[np.ndarray], scale: float
    ) -> np.ndarray:
        """A photo, reduced by `scale`, with every face's picture in it, one after the other."""
        from ganedit.images.paste import paste

        for subject, picture in zip(subjects, edited, strict=True):
            assert subject.latent is not None
            assert subject.latent.affine is not None
            assert subject.before is not None
            affine = subject.latent.affine * scale
            photo = paste(photo, affine, subject.before, picture, mode=self.request.paste or "change")
        return photo

    def _write_pasted(self, path: Path, photo: Photo, subjects: list[_Subject], plan: str) -> None:
        import shutil

        import numpy as np

        from ganedit.files import atomic_path
        from ganedit.images.io import write_image

        pixels = self._pasted(photo.pixels, subjects, [s.pictures[plan] for s in subjects], 1.0)
        if np.array_equal(pixels, photo.pixels) and photo.path and path.suffix == photo.path.suffix:
            with atomic_path(path) as temporary:  # nothing changed: not even by compressing it once more
                shutil.copyfile(photo.path, temporary)
            return
        record = self._record(subjects[0].latents[plan], pasted=True)
        write_image(path, pixels, like=photo, provenance=record)

    def _write_sheet(self, path: Path, name: str, subjects: list[_Subject], photo: Photo | None) -> None:
        from ganedit.images.io import write_image
        from ganedit.images.sheet import enlarged, sheet

        plans = list(self.request.plans)
        labels = plans if self.request.swept else ["before", "after"]
        rows = [[s.pictures[plan] for plan in plans] for s in subjects]
        if not self.request.swept:
            rows = [[s.before, *row] for s, row in zip(subjects, rows, strict=True) if s.before is not None]
        if photo is not None:
            small, scale = _reduced(photo.pixels, SHEET_SIDE)
            columns = [list(column) for column in zip(*rows, strict=True)]
            rows = [[self._pasted(small, subjects, column, scale) for column in columns]]
            if not self.request.swept:
                rows[0][0] = small
        tiles = [enlarged(tile) for row in rows for tile in row]
        made = sheet(tiles, columns=len(labels), column_labels=labels, caption=f"{name}: {self.request}")
        record = self._record(subjects[0].latents[plans[-1]], pasted=photo is not None)
        write_image(path, made, provenance=record)

    def _write_film(self, path: Path, subjects: list[_Subject], photo: Photo | None) -> None:
        """There and back, with a rest at both ends."""
        import numpy as np

        from ganedit.images.sheet import enlarged
        from ganedit.images.video import write_video

        films = zip(*(s.film for s in subjects), strict=True)
        if photo is None:
            frames = [np.concatenate([enlarged(one, CROP_SIDE) for one in row], axis=1) for row in films]
        else:
            small, scale = _reduced(photo.pixels, FILM_SIDE)
            frames = [self._pasted(small, subjects, list(row), scale) for row in films]
        rest = FILM_FRAMES // 4
        write_video(path, [*frames[:1] * rest, *frames, *frames[-1:] * rest, *frames[::-1]])


def _reduced(pixels: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """8-bit pixels whose long side is at most `side`, and by how much they were reduced."""
    import numpy as np

    from ganedit.images.io import resize, to_depth

    scale = min(side / max(pixels.shape[:2]), 1.0)
    height, width = (max(round(n * scale), 1) for n in pixels.shape[:2])
    return resize(to_depth(pixels, np.uint8), (height, width)), scale
