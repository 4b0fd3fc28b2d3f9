"""Code shared by the commands that change latents: `edit` by directions, and `clip edit` by a text.

Photos are projected first; each face is drawn before and after, written with its latent, and, if requested,
pasted into its photo, and shown on a sheet and in a film.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.batch import Result, run_batch
from ganedit.cli.kit.codes import Models, Projections, latent_behind
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.options import Method
from ganedit.cli.kit.outputs import check_folder, face_stem, latent_path
from ganedit.cli.kit.projecting import Latest
from ganedit.files import IMAGE_SUFFIXES, LATENT_SUFFIX, latents_in

if TYPE_CHECKING:
    from ganedit.images.io import Photo
    from ganedit.images.paste import Mode
    from ganedit.latent.inversion.photos import Crop
    from ganedit.latent.latent import Latent
    from ganedit.latent.results import EditedFace
    from ganedit.store.models import Generator

PASTES = ("change", "replace")
MAY_STAND_ALONE = {"--paste": PASTES}
"""Options that may be given without a value, and their possible values, of which the first is the default."""

Inputs = Annotated[
    list[str] | None,
    typer.Argument(help="Latents, photos, folders, globs, or - for paths on standard input."),
]
Video = Annotated[bool, typer.Option("--video", help="Also write a film of the change.")]
Sheet = Annotated[bool, typer.Option("--sheet", help="Also write before and after side by side.")]
Paste = Annotated[
    str | None,
    typer.Option(
        metavar="[change|replace]",
        help="Paste the edit into the whole photo: only the change (default), or the generated face.",
    ),
]
PhotoNow = Annotated[
    Path | None, typer.Option(help="Photo to paste into, if it has moved since it was projected.")
]
ModelOf = Annotated[str | None, typer.Option(help="Generator: a name or a file (default: the latent's own).")]
Face = Annotated[str, typer.Option(help="Face of a photo: largest, all, or a number (2: second largest).")]


class Change(ABC):
    """A change of latents; its `str` is for the caption of a sheet.

    Attributes:
        command: The command, for records.
        paste: How results are pasted into photos, or None.
    """

    command: str
    paste: Mode | None

    @property
    def labels(self) -> Sequence[str]:
        """Labels of the results for one input: "" if there is one, otherwise "+1.0" and so on."""
        return ("",)

    @property
    def swept(self) -> bool:
        """Whether there are several results."""
        return "" not in self.labels

    @abstractmethod
    def prepare(self, generator: Generator) -> None:
        """Open what is needed and refuse impossible changes, before the first photo is projected."""

    @abstractmethod
    def of(self, latent: Latent, generator: Generator, label: str) -> Latent:
        """The changed latent."""

    def details(self, label: str) -> dict[str, Any]:
        """Details of a result for --json."""
        return {}

    @property
    def units(self) -> list[dict[str, Any]]:
        """Changes to single units of the generator, for the record of pictures.

        A latent cannot store them, so none is written if there are any.
        """
        return []

    def applied(self, generator: Generator, share: float = 1.0) -> AbstractContextManager[None]:
        """Context in which `generator` draws changed pictures; `share` is the fraction of the changes to
        units."""
        return nullcontext()


@dataclass
class Subject:
    """A face to edit."""

    stem: str
    path: Path  # its latent
    crop: Crop | None = None  # of a photo that is not yet projected
    latent: Latent | None = None
    latents: dict[str, Latent] = field(default_factory=dict)  # edited, by label
    drawn: EditedFace | None = None

    @property
    def face(self) -> EditedFace:
        """The pictures that were drawn of it."""
        assert self.drawn is not None
        return self.drawn


@dataclass
class Targets:
    """Output files for one input, by label."""

    pictures: dict[str, list[Path]]  # one per face
    pasted: dict[str, Path]
    sheet: Path | None
    video: Path | None
    latents: bool  # whether latents are written next to the pictures

    def all(self) -> list[Path]:
        crops = [path for paths in self.pictures.values() for path in paths]
        more = [path for path in (self.sheet, self.video) if path is not None]
        return [*crops, *self.latents_of(crops), *self.pasted.values(), *more]

    def latents_of(self, crops: Sequence[Path]) -> list[Path]:
        return [_latent_of(path) for path in crops] if self.latents else []


def _latent_of(picture: Path) -> Path:
    return latent_path(picture.parent, picture.stem)


def _texts(paths: Sequence[Path]) -> list[str]:
    return [str(path) for path in paths]


def _latents_in(source: str) -> list[str]:
    """The latents in a folder if there are any; then the pictures next to them are ignored."""
    return [str(path) for path in latents_in(Path(source))] or [source]


@dataclass
class Editor:
    """Edits one input after the other, and opens each model once."""

    console: Console
    change: Change
    output: Path
    model: str | None
    method: Method | None
    face: str
    photo: Path | None
    sheet: bool
    video: bool
    metadata: bool = True

    def __post_init__(self) -> None:
        self._models = Models(self.console, self.model)
        self._projections = Projections(self.console, self.output, self.method)
        self._done: set[Path] = set()

    def run(self, inputs: list[str] | None) -> None:
        """Edit all inputs, or without any the latest projection made in this folder."""

        def latest() -> list[Path]:
            paths = Latest.recall()
            names = ", ".join(map(str, paths))
            self.console.note(
                f"{self.console.command}: no input given: taking the latest projection made here, {names}"
            )
            return paths

        named = None if inputs is None else [one for given in inputs for one in _latents_in(given)]
        suffixes = (*IMAGE_SUFFIXES, LATENT_SUFFIX)
        run_batch(self.console, named, self.work, suffixes=suffixes, fallback=latest)

    def work(self, path: Path) -> Iterator[Result]:
        """Yield the results for one latent or photo."""
        check_folder(self.output)
        from ganedit.latent.foreign import is_foreign

        latent = latent_behind(path)
        if is_foreign(path):
            yield from self._from_foreign(path)
        elif latent is None:
            yield from self._from_photo(path)
        elif latent.resolve() not in self._done:  # a glob may name a latent and its picture
            self._done.add(latent.resolve())
            yield from self._from_latent(latent)

    def _from_latent(self, path: Path) -> Iterator[Result]:
        from ganedit.latent.inversion.photos import find_photo
        from ganedit.latent.latent import Latent

        latent = Latent.load(path)
        generator = self._models.of(latent)
        latent = latent.for_model(generator)
        self.change.prepare(generator)
        photo = find_photo(latent, beside=path, given=self.photo) if self.change.paste else None
        subject = Subject(path.name.removesuffix(LATENT_SUFFIX), path, latent=latent)
        yield from self._edit(subject.stem, [subject], generator, photo)

    def _from_foreign(self, path: Path) -> Iterator[Result]:
        """Yield the results for the latents in a file of another program."""
        from ganedit.latent.foreign import import_latents
        from ganedit.latent.inversion.photos import find_photo

        generator = self._models.open()
        self.change.prepare(generator)
        for name, latent in import_latents(path, generator).items():
            photo = find_photo(latent, given=self.photo) if self.change.paste else None
            yield from self._edit(name, [Subject(name, path, latent=latent)], generator, photo)

    def _from_photo(self, path: Path) -> Iterator[Result]:
        from ganedit.images.io import read_image
        from ganedit.latent.inversion.photos import crops_of

        photo = read_image(path)
        generator = self._models.open()
        self.change.prepare(generator)
        subjects = []
        for crop in crops_of(photo, generator, face=self.face):
            stem = face_stem(path.stem, crop.number)
            subjects.append(Subject(stem, latent_path(self.output, stem), crop))
        yield from self._edit(path.stem, subjects, generator, photo if self.change.paste else None)

    def _edit(
        self,
        name: str,
        subjects: list[Subject],
        generator: Generator,
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
                self._draw(subject, generator)
            self._write_crops(subjects, targets, wanted)
        for label in self.change.labels:
            crops, pasted = targets.pictures[label], targets.pasted.get(label)
            if photo is not None and pasted in wanted:
                self._write_pasted(pasted, photo, subjects, label)
            details = {"latents": _texts(targets.latents_of(crops)), **self.change.details(label)}
            if pasted is not None:
                yield Result(pasted, {**details, "pictures": _texts(crops)})
                continue
            for path in crops:
                yield Result(path, {**details, "latents": _texts(targets.latents_of([path]))})
        if targets.video is not None:
            if targets.video in wanted:
                self._write_film(targets.video, subjects, photo)
            self.console.note(f"{name}: {targets.video} shows the change")
        if targets.sheet is not None:
            if targets.sheet in wanted:
                self._write_sheet(targets.sheet, name, subjects, photo)
            yield Result(targets.sheet, {"sheet": str(self.change)})

    def _targets(self, name: str, subjects: list[Subject], photo: Photo | None) -> Targets:
        from ganedit.images.encode import WRITERS

        labels = self.change.labels
        pictures = {
            label: [self.output / f"{s.stem}.{f'edit{label}' if label else 'edited'}.png" for s in subjects]
            for label in labels
        }
        pasted: dict[str, Path] = {}
        if photo is not None:
            own = photo.path.suffix if photo.path else ""
            suffix = own if own.lower() in WRITERS else ".png"
            pasted = {label: self.output / f"{name}.pasted{label}{suffix}" for label in labels}
        sheet = self.output / f"{name}.sheet.png" if self.sheet else None
        video = self.output / f"{name}.edited.mp4" if self.video else None
        return Targets(pictures, pasted, sheet, video, latents=not self.change.units)

    # ---- drawing and writing ----

    def _draw(self, subject: Subject, generator: Generator) -> None:
        from ganedit.latent.results import draw_edited

        latent = subject.latent
        assert latent is not None
        own = latent.personal(generator)
        subject.latents = {label: self.change.of(latent, generator, label) for label in self.change.labels}
        with self.console.progress(f"drawing {subject.stem}") as bar:
            subject.drawn = draw_edited(
                latent, subject.latents, own,
                film=self.video, applied=partial(self.change.applied, own), progress=bar.update,
            )  # fmt: skip

    def _record(self, latent: Latent, pasted: bool = False) -> dict[str, Any] | None:
        parameters: dict[str, Any] = {"edits": list(latent.edits)}
        if self.change.units:
            parameters["units"] = self.change.units
        if pasted:
            parameters["paste"] = self.change.paste
        source = latent.source or None
        return self.console.provenance(
            self.change.command, parameters, latent.model, latent.model_sha256, source, pasted
        )

    def _write_crops(self, subjects: list[Subject], targets: Targets, wanted: list[Path]) -> None:
        from ganedit.files import all_or_none
        from ganedit.images.io import write_image

        for label, paths in targets.pictures.items():
            for subject, path in zip(subjects, paths, strict=True):
                latent = subject.latents[label]
                with all_or_none(path, *targets.latents_of([path])):
                    for latent_file in targets.latents_of([path]):
                        if latent_file in wanted:
                            latent.save(latent_file)
                    if path in wanted:
                        write_image(path, subject.face.after[label], provenance=self._record(latent))

    def _write_pasted(self, path: Path, photo: Photo, subjects: list[Subject], label: str) -> None:
        import shutil

        import numpy as np

        from ganedit.files import atomic_path
        from ganedit.images.io import write_image
        from ganedit.latent.results import paste_faces

        faces = [subject.face for subject in subjects]
        mode = self.change.paste or "change"
        pixels = paste_faces(photo.pixels, faces, [face.after[label] for face in faces], mode=mode)
        photo = photo if self.metadata else replace(photo, metadata=None)
        kept = self.metadata and photo.path and path.suffix == photo.path.suffix
        if photo.path and kept and np.array_equal(pixels, photo.pixels):
            with atomic_path(path) as temporary:  # an exact copy, without compressing it again
                shutil.copyfile(photo.path, temporary)
            return
        record = self._record(subjects[0].latents[label], pasted=True)
        write_image(path, pixels, like=photo, provenance=record)

    def _write_sheet(self, path: Path, name: str, subjects: list[Subject], photo: Photo | None) -> None:
        from ganedit.images.io import write_image
        from ganedit.latent.results import edit_sheet

        pixels = None if photo is None else photo.pixels
        faces = [subject.face for subject in subjects]
        made = edit_sheet(faces, f"{name}: {self.change}", photo=pixels, mode=self.change.paste or "change")
        last = list(subjects[0].latents.values())[-1]
        write_image(path, made, provenance=self._record(last, pasted=photo is not None))

    def _write_film(self, path: Path, subjects: list[Subject], photo: Photo | None) -> None:
        from ganedit.images.video import write_video
        from ganedit.latent.results import edit_film

        pixels = None if photo is None else photo.pixels
        faces = [subject.face for subject in subjects]
        write_video(path, edit_film(faces, photo=pixels, mode=self.change.paste or "change"))
