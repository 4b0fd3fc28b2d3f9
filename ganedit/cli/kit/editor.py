"""Code shared by the commands that change latents: `edit`, `drag` and `clip edit`.

Photos are projected first; each face is drawn before and after, written with its latent, and, if requested,
pasted into its photo, and shown on a sheet and in a film.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ganedit.cli.kit.batch import run_batch
from ganedit.cli.kit.changes import Change
from ganedit.cli.kit.codes import MODEL, Models, Projections, latent_behind
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.destination import Destination
from ganedit.cli.kit.directions import model_name
from ganedit.cli.kit.done import Sha256Of, is_done, wants
from ganedit.cli.kit.edit_targets import Targets, is_copy
from ganedit.cli.kit.models import best_upscaler, open_model
from ganedit.cli.kit.options import Face as Face
from ganedit.cli.kit.options import Method
from ganedit.cli.kit.outputs import check_folder, face_stem, latent_path
from ganedit.cli.kit.projecting import Latest
from ganedit.cli.kit.results import Result
from ganedit.errors import UsageError
from ganedit.files import IMAGE_SUFFIXES, LATENT_SUFFIX, latents_in, same_file, sha256_file

if TYPE_CHECKING:
    from ganedit.images.io import Photo
    from ganedit.images.paste import Mode
    from ganedit.latent.latent import Latent
    from ganedit.latent.results import EditedFace
    from ganedit.store.models import Generator, Upscaler

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
Enhance = Annotated[
    bool,
    typer.Option(
        "--enhance",
        help="With --paste: enlarge the face with an upscaler first, to be sharp in a large photo.",
    ),
]
PhotoNow = Annotated[
    Path | None, typer.Option(help="Photo to paste into, if it has moved since it was projected.")
]
ModelOf = Annotated[str | None, typer.Option(help="Generator: a name or a file (default: the latent's own).")]
Done = Callable[[Path, str | None, bool], bool]
"""Whether a file with this label was made by an identical request; True for one that shows all faces."""


@dataclass
class Subject:
    """A face to edit."""

    stem: str
    path: Path  # its latent
    latent: Latent | None = None
    latents: dict[str, Latent] = field(default_factory=dict)  # edited, by label
    drawn: EditedFace | None = None
    sharp: EditedFace | None = None  # enlarged with --enhance

    @property
    def face(self) -> EditedFace:
        """The pictures that were drawn of it."""
        assert self.drawn is not None
        return self.drawn

    @cached_property
    def sha256(self) -> str:
        """Checksum of the file of its latent."""
        return sha256_file(self.path)

    @property
    def code(self) -> Latent:
        """Its latent, which is known or was projected."""
        assert self.latent is not None
        return self.latent


def pasting(paste: str | None, photo: Path | None) -> Mode | None:
    """How to paste, according to --paste and --photo.

    Raises:
        UsageError: an unknown way, or a photo to paste nothing into.
    """
    if paste is not None and paste not in PASTES:
        raise UsageError(f"--paste {paste} is unknown", f"choose {' or '.join(PASTES)}")
    if photo is not None and paste is None:
        raise UsageError("--photo says where to paste, and --paste was not given", "add --paste, or drop it")
    return cast("Mode | None", paste)


def _texts(paths: Sequence[Path]) -> list[str]:
    return [str(path) for path in paths]


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
    enhance: bool = False

    def __post_init__(self) -> None:
        if self.enhance and not self.change.paste:
            raise UsageError(
                "--enhance is for pasting, and --paste was not given", "add --paste; ganedit upscale enlarges"
            )
        self._models = Models(self.console, self.model)
        self._destination = Destination(self.output)
        self.folder = self._destination.folder
        self._projections = Projections(self.console, self.folder, self.method)
        self._upscaler = best_upscaler(self.console) if self.enhance else None

    def run(self, inputs: list[str] | None) -> None:
        """Edit all inputs, or without any the latest projection made in this folder."""

        def latest() -> list[Path]:
            paths = Latest.recall()
            names = ", ".join(map(str, paths))
            self.console.note(
                f"{self.console.command}: no input given: taking the latest projection made here, {names}"
            )
            return paths

        named = None if inputs is None else [one for given in inputs for one in self._latents_in(given)]
        suffixes = (*IMAGE_SUFFIXES, LATENT_SUFFIX)
        self._destination.check_inputs(self.console, named, suffixes)
        self._destination.check_count(len(self.change.labels), "magnitudes")
        if self.face == "all" and not self.change.paste:
            self._destination.check_count(2, "faces or more")
        run_batch(self.console, named, self.work, suffixes=suffixes, fallback=latest)

    def _latents_in(self, source: str) -> list[str]:
        """The latents in a folder if there are any; then the pictures next to them are ignored."""
        found = latents_in(Path(source), self.console.options.recursive)
        return [str(path) for path in found] or [source]

    def work(self, path: Path) -> Iterator[Result]:
        """Yield the results for one latent or photo."""
        from ganedit.latent.foreign import is_foreign

        check_folder(self.folder)
        self._destination.path(path, "")  # refuses a second input for one file
        if self._destination.file and same_file(self._destination.file, path):
            raise UsageError(f"{path} would be replaced by its own result", "name another file with -o")
        latent = latent_behind(path)
        if is_foreign(path):
            yield from self._from_foreign(path)
        elif latent is None:
            yield from self._from_photo(path)
        elif self.console.claim(f"latent {os.path.realpath(latent)}"):  # a glob may name it and its picture
            yield from self._from_latent(latent)

    def _from_latent(self, path: Path) -> Iterator[Result]:
        from ganedit.latent.latent import Latent

        yield from self._of_latent(Subject(path.name.removesuffix(LATENT_SUFFIX), path, Latent.load(path)))

    def _from_foreign(self, path: Path) -> Iterator[Result]:
        """Yield the results for the latents in a file of another program."""
        from ganedit.latent.foreign import import_latents

        for name, latent in import_latents(path, self._models.open()).items():
            yield from self._of_latent(Subject(name, path, latent))

    def _of_latent(self, subject: Subject) -> Iterator[Result]:
        from ganedit.latent.inversion.photos import find_photo

        latent, path = subject.code, subject.path
        photo = find_photo(latent, beside=path, given=self.photo) if self.change.paste else None
        targets = self._targets(subject.stem, photo)
        done = self._done_of(latent.model, lambda stem: subject.sha256 if stem == subject.stem else None)
        wanted = self._wanted_of_all(targets, done) + self._wanted_of(targets, [subject], done)
        if wanted:
            generator = self._models.of(latent)
            subject.latent = latent.for_model(generator)
            self.change.prepare(generator)
            self._make(targets, [subject], generator, wanted)
        yield from self._results(targets, [subject])

    def _from_photo(self, path: Path) -> Iterator[Result]:
        from ganedit.images.io import read_image
        from ganedit.latent.inversion.photos import crops_of

        photo = read_image(path)
        model = model_name(self.model or MODEL)
        name, whole = self.console.stem_of(path), photo if self.change.paste else None
        only = (
            None if self.face == "all" else face_stem(name, 1 if self.face == "largest" else int(self.face))
        )
        targets = self._targets(only or name, whole)

        def sha256_of(stem: str) -> str | None:
            """Checksum of the latent of a face, if this is a face to change."""
            asked = stem == only if only else True
            return self._projections.sha256_of(stem, photo.sha256, model) if asked else None

        done = self._done_of(model, sha256_of)
        wanted = self._wanted_of_all(targets, done)
        crops = crops_of(photo, self._opened(), face="all") if self.face == "all" else []
        stems = [only] if only else [face_stem(name, crop.number) for crop in crops]
        subjects = [Subject(stem, latent_path(self.folder, stem)) for stem in stems]
        wanted += self._wanted_of(targets, subjects, done)
        if wanted:
            for stem in stems:
                self._projections.check(stem, photo.sha256)
            generator = self._opened()
            for subject, crop in zip(
                subjects, crops or crops_of(photo, generator, face=self.face), strict=True
            ):
                subject.latent = self._projections.of(crop, subject.stem, generator)
            self._make(targets, subjects, generator, wanted)
        yield from self._results(targets, subjects)

    def _targets(self, name: str, photo: Photo | None) -> Targets:
        return Targets(self.folder, name, self.change, photo, self._destination.file, self.enhance)

    def _opened(self) -> Generator:
        """The generator for photos, with the change prepared for it."""
        generator = self._models.open()
        self.change.prepare(generator)
        return generator

    # ---- what is to be made ----

    def _request(self, label: str | None, model: str, together: bool = False) -> dict[str, Any]:
        """The request for a result with this label; `together` if it shows all faces."""
        every = {"face": "all"} if together and self.face == "all" else {}
        bare = {"metadata": False} if together and not self.metadata else {}
        enhanced = {"enhance": self._upscaler} if together and label is not None and self.enhance else {}
        return {**self.change.request(label, model), **every, **bare, **enhanced}

    def _done_of(self, model: str, sha256_of: Sha256Of) -> Done:
        def done(path: Path, label: str | None, together: bool) -> bool:
            return is_done(path, self._request(label, model, together), sha256_of)

        return done

    def _wanted_of_all(self, targets: Targets, done: Done) -> list[Path]:
        """The photos, the sheet and the film that are to be written."""
        wanted = []
        for label in self.change.labels:
            path = targets.pasted(label)
            if path and wants(self.console, path, partial(self._is_pasted, path, targets.photo, label, done)):
                wanted.append(path)
        more = [targets.of_all(".sheet.png")] if self.sheet else []
        more += [targets.of_all(".mp4")] if self.video else []
        return wanted + [path for path in more if wants(self.console, path, partial(done, path, None, True))]

    def _is_pasted(self, path: Path, photo: Photo | None, label: str, done: Done) -> bool:
        """Whether a file is the photo as this request leaves it; a change of magnitude 0 copies it."""
        return (self.metadata and is_copy(path, photo)) or done(path, label, True)

    def _wanted_of(self, targets: Targets, subjects: list[Subject], done: Done) -> list[Path]:
        """The pictures of faces, and their latents, that are to be written."""
        wanted = []
        for label in self.change.labels:
            for subject in subjects:
                picture = targets.picture(subject.stem, label)
                same = partial(done, picture, label, False)
                files = [picture, *targets.latents_of([picture])]
                wanted += [path for path in files if wants(self.console, path, same)]
        return wanted

    def _results(self, targets: Targets, subjects: list[Subject]) -> Iterator[Result]:
        """The results to print, which are written or were there already."""
        for label in self.change.labels:
            crops = [targets.picture(subject.stem, label) for subject in subjects]
            latents = targets.latents_of(crops)
            if (pasted := targets.pasted(label)) is not None:
                details = {"latents": _texts(latents), **self.change.details(label, latents)}
                yield Result(pasted, {**details, "pictures": _texts(crops)})
                continue
            for path in crops:
                own = targets.latents_of([path])
                yield Result(path, {"latents": _texts(own), **self.change.details(label, own)})
        if self.video:
            self.console.note(f"{targets.name}: {targets.of_all('.mp4')} shows the change")
        if self.sheet:
            yield Result(targets.of_all(".sheet.png"), {"sheet": str(self.change)})

    # ---- drawing and writing ----

    def _make(
        self, targets: Targets, subjects: list[Subject], generator: Generator, wanted: list[Path]
    ) -> None:
        for subject in subjects:
            self._draw(subject, generator)
        self._write_crops(targets, subjects, wanted)
        for label in self.change.labels:
            pasted = targets.pasted(label)
            if targets.photo is not None and pasted in wanted:
                self._write_pasted(pasted, targets.photo, subjects, label)
        if (film := targets.of_all(".mp4")) in wanted:
            self._write_film(film, subjects, targets.photo)
        if (sheet := targets.of_all(".sheet.png")) in wanted:
            self._write_sheet(sheet, targets, subjects)

    def _draw(self, subject: Subject, generator: Generator) -> None:
        from ganedit.latent.results import FILM_FRAMES, draw_edited

        latent = subject.code
        own = latent.personal(generator)
        subject.latents = {label: self.change.of(latent, generator, label) for label in self.change.labels}
        *_, last = subject.latents.values()
        with self.console.progress(f"drawing {subject.stem}") as bar:
            subject.drawn = draw_edited(
                latent, subject.latents, own,
                film=self.video, path=self.change.film_of(last, FILM_FRAMES),
                applied=partial(self.change.applied, own), progress=bar.update,
            )  # fmt: skip

    def _record(
        self, subjects: Sequence[Subject], label: str | None, latent: Latent, pasted: bool | None = None
    ) -> dict[str, Any] | None:
        """The record of a result; `pasted` is None for the picture of a single face."""
        parameters: dict[str, Any] = {"edits": list(latent.edits)}
        if self.change.units:
            parameters["units"] = self.change.units
        if pasted:
            parameters["paste"] = self.change.paste
            parameters |= {"enhance": self._upscaler} if self.enhance else {}
        inputs = {subject.stem: subject.sha256 for subject in subjects}
        together = pasted is not None
        parameters["request"] = self._request(label, latent.model, together) | {"inputs": inputs}
        source = latent.source or None
        return self.console.provenance(
            self.change.command, parameters, latent.model, latent.model_sha256, source, bool(pasted)
        )

    def _write_crops(self, targets: Targets, subjects: list[Subject], wanted: list[Path]) -> None:
        from ganedit.files import all_or_none
        from ganedit.images.io import write_image

        for label in self.change.labels:
            for subject in subjects:
                latent, path = subject.latents[label], targets.picture(subject.stem, label)
                with all_or_none(path, *targets.latents_of([path])):
                    for latent_file in targets.latents_of([path]):
                        if latent_file in wanted:
                            latent.save(latent_file)
                    if path in wanted:
                        record = self._record([subject], label, latent)
                        write_image(path, subject.face.after[label], provenance=record)

    def _write_pasted(self, path: Path, photo: Photo, subjects: list[Subject], label: str) -> None:
        import shutil

        import numpy as np

        from ganedit.files import atomic_path
        from ganedit.images.io import write_image
        from ganedit.latent.results import paste_faces

        faces = [self._to_paste(subject) for subject in subjects]
        mode = self.change.paste or "change"
        pixels = paste_faces(photo.pixels, faces, [face.after[label] for face in faces], mode=mode)
        photo = photo if self.metadata else replace(photo, metadata=None)
        kept = self.metadata and photo.path and path.suffix == photo.path.suffix
        if photo.path and kept and np.array_equal(pixels, photo.pixels):
            with atomic_path(path) as temporary:  # an exact copy, without compressing it again
                shutil.copyfile(photo.path, temporary)
            return
        record = self._record(subjects, label, subjects[0].latents[label], pasted=True)
        write_image(path, pixels, like=photo, provenance=record)

    def _to_paste(self, subject: Subject) -> EditedFace:
        """The face to paste, enlarged with --enhance."""
        from ganedit.latent.results import enhance_face

        if not self.enhance:
            return subject.face
        if subject.sharp is None:
            with self.console.progress(f"enlarging {subject.stem}") as bar:
                subject.sharp = enhance_face(subject.face, self._upscaling, bar.update)
        return subject.sharp

    @cached_property
    def _upscaling(self) -> Upscaler:
        assert self._upscaler is not None
        model: Upscaler = open_model(self.console, self._upscaler, "upscale")
        return model

    def _write_sheet(self, path: Path, targets: Targets, subjects: list[Subject]) -> None:
        from ganedit.images.io import write_image
        from ganedit.latent.results import edit_sheet

        pixels = None if targets.photo is None else targets.photo.pixels
        faces = [subject.face for subject in subjects]
        caption = f"{targets.name}: {self.change}"
        made = edit_sheet(faces, caption, photo=pixels, mode=self.change.paste or "change")
        write_image(path, made, provenance=self._record_of_all(subjects, targets.photo))

    def _write_film(self, path: Path, subjects: list[Subject], photo: Photo | None) -> None:
        import json

        from ganedit.images.video import write_video
        from ganedit.latent.results import edit_film

        pixels = None if photo is None else photo.pixels
        faces = [subject.face for subject in subjects]
        record = self._record_of_all(subjects, photo)
        frames = edit_film(faces, photo=pixels, mode=self.change.paste or "change")
        write_video(path, frames, comment=json.dumps(record) if record else "")

    def _record_of_all(self, subjects: list[Subject], photo: Photo | None) -> dict[str, Any] | None:
        last = list(subjects[0].latents.values())[-1]
        return self._record(subjects, None, last, pasted=photo is not None)
