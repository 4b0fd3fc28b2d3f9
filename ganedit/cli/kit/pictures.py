"""Code shared by the commands that translate pictures: options, names of results, reading ahead.

While a picture is computed, the next one is read and the previous one is written, each in a thread.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.batch import Stages, run_stages
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.destination import Destination
from ganedit.cli.kit.done import all_there, checksum_by_name, is_done, wants
from ganedit.cli.kit.outputs import check_folder
from ganedit.cli.kit.results import Result
from ganedit.errors import GaneditError, NoFaceError, UsageError
from ganedit.files import FILM_SUFFIXES as FILMS
from ganedit.files import IMAGE_SUFFIXES, IMAGE_WRITERS, same_file, sha256_file

if TYPE_CHECKING:
    import numpy as np

    from ganedit.images.film import Film
    from ganedit.images.io import Photo
    from ganedit.images.labels import LabelMap
    from ganedit.images.tiles import Progress
    from ganedit.store.models.base import Model
    from ganedit.store.uses import Use


LOSSY = (".jpg", ".jpeg", ".webp")
AHEAD = 4  # files to read ahead if pictures are computed together
NAMED = 8  # damaged frames that a message lists
Size = Annotated[
    int | None,
    typer.Option(
        help="Shorter side in pixels that the network sees (default: the model's, or the image's own)."
    ),
]
Tile = Annotated[
    int | None,
    typer.Option(
        "--tile", "-t", help="Side of the tiles in pixels; 0: no tiles (default: what memory allows)."
    ),
]


@dataclass(frozen=True)
class _Picture:
    """A picture to change."""

    path: Path
    target: Path


@dataclass(frozen=True)
class _Film:
    """A film to change frame by frame."""

    path: Path
    target: Path


@dataclass(frozen=True)
class Work:
    """What a model does with pictures.

    Attributes:
        model: The model.
        change: Function of pictures from `open`, and of a progress callback.
        open: Function that reads a path.
        films: Whether films are changed frame by frame.
        composite: Whether results are photos with generated parts, rather than entirely generated.
        together: Function that returns how many pictures like this one, of one size, to pass to `change` at
            once.
    """

    model: Model
    change: Callable[[Sequence[Any], Progress], list[Photo]]
    open: Callable[[Path], Photo | LabelMap]
    films: bool = False
    composite: bool = True
    together: Callable[[Any], int] | None = None


@dataclass
class PictureJob(Stages["_Picture | _Film", Any, "Photo | Result"]):
    """Turns one input after the other into a result.

    Attributes:
        console: The console.
        use: The command.
        model: Name or file of the model.
        suffix: Added to the input's name; may include another file suffix.
        output: Folder for the results, or a file for one.
        prepare: Opens the model; not called if nothing is to be made.
        parameters: Parameters for the provenance of the result.
        lossless: Whether results of JPEG and WebP files become PNG.
        films: Whether films may be changed frame by frame.
        metadata: Whether results keep EXIF and XMP.
        depends: Function of an input that returns further files that its result depends on, by their roles.
    """

    console: Console
    use: Use
    model: str
    suffix: str
    output: Path
    prepare: Callable[[], Work]
    parameters: dict[str, Any]
    lossless: bool = False
    films: bool = False
    metadata: bool = True
    depends: Callable[[Path], dict[str, Path]] = lambda path: {}

    def run(self, inputs: Sequence[str] | None) -> None:
        """Process all inputs; see `run_batch` about errors."""
        if os.path.basename(self.suffix) != self.suffix:
            raise UsageError(f"--suffix {self.suffix} names a folder", "say with -o where results go")
        suffixes = self._begin(inputs, self.films)
        console = self.console
        if all_there(console, inputs, suffixes, lambda path: [self._target(path)]):
            console.work_alone()
        elif not console.hands_out:
            suffixes = self._begin(inputs, self.work.films)
            ahead = AHEAD if self.work.together else 1
            self.ahead = self.behind = ahead if console.reads_ahead(inputs) else 0
        run_stages(self.console, inputs, self, suffixes=suffixes)

    def _begin(self, inputs: Sequence[str] | None, films: bool) -> Sequence[str]:
        """Check where results go, and return the suffixes of inputs."""
        self.films = films
        suffixes = (*IMAGE_SUFFIXES, *FILMS) if films else IMAGE_SUFFIXES
        writers = (*IMAGE_WRITERS, ".mp4", ".gif", ".apng") if films else IMAGE_WRITERS
        self._destination = Destination(self.output, writers)
        self._destination.check_inputs(self.console, inputs, suffixes)
        return suffixes

    @cached_property
    def work(self) -> Work:
        """The opened model."""
        return self.prepare()

    def plan(self, path: Path) -> Iterator[_Picture | _Film | Result]:
        check_folder(self._destination.folder)
        target = self._target(path)
        if same_file(target, path):
            raise UsageError(f"{path} would be replaced by its own result", "choose a --suffix, or -o")
        sha256_of = checksum_by_name(path.name, path)
        if not wants(self.console, target, lambda: is_done(target, self._request(path), sha256_of)):
            yield Result(target)
        else:
            yield _Film(path, target) if self._is_film(path) else _Picture(path, target)

    def _is_film(self, path: Path) -> bool:
        from ganedit.images.film import is_film

        return self.films and is_film(path)

    def _target(self, path: Path) -> Path:
        film = self._is_film(path)
        writers = _writers(path, film)
        ending = self._ending(path, film, writers)
        target = self._destination.path(path, self.console.stem_of(path, ending) + ending)
        if target.suffix.lower() not in writers:
            what = "a film" if film else "an image"
            raise UsageError(f"{path} is {what}, which {target} cannot be", f"choose {', '.join(writers)}")
        return target

    def _request(self, path: Path) -> dict[str, Any]:
        """All that the result for an input depends on, besides the input."""
        from ganedit.store.load import checksum_of

        plain = {key: value for key, value in self.parameters.items() if not isinstance(value, Path)}
        files = {role: sha256_file(file) for role, file in self.depends(path).items()}
        how = {
            "model": checksum_of(self.model),
            "dtype": self.console.options.dtype,
            "metadata": self.metadata,
        }
        return {"use": self.use, **how, **plain, **files}

    def _ending(self, path: Path, film: bool, writers: Sequence[str]) -> str:
        """What follows the name of an input in that of its result."""
        own = path.suffix.lower()
        if os.path.splitext(f"x{self.suffix}")[1].lower() in writers:
            return self.suffix
        keep = own in writers and not (self.lossless and own in LOSSY)
        return self.suffix + (path.suffix if keep else ".mp4" if film else ".png")

    def read(self, task: _Picture | _Film) -> Photo | LabelMap | None:
        return self.work.open(task.path) if isinstance(task, _Picture) else None

    def room(self, read: Photo | LabelMap | None) -> int:
        together = self.work.together
        return together(read) if together and read is not None else 1

    def alike(self, one: Photo | LabelMap, other: Photo | LabelMap | None) -> bool:
        from ganedit.images.sizes import shape_of

        return other is not None and shape_of(one) == shape_of(other)

    def compute(
        self, tasks: Sequence[_Picture | _Film], read: Sequence[Photo | LabelMap | None]
    ) -> Sequence[Photo | Result]:
        task = tasks[0]
        if isinstance(task, _Film):
            return [self._film(task)]
        with self.console.progress(f"{self.use} {task.path.name}") as bar:
            return self.work.change(read, bar.update)

    def write(self, task: _Picture | _Film, made: Photo | Result) -> Result:
        from ganedit.images.io import Photo, write_image

        if not isinstance(made, Photo):
            return made
        like = made if self.metadata else replace(made, metadata=None)
        write_image(task.target, made.pixels, like=like, provenance=self._record(task.path))
        height, width = made.pixels.shape[:2]
        return Result(task.target, {"width": width, "height": height, "model": self.work.model.name})

    def _record(self, path: Path) -> dict[str, Any] | None:
        model = self.work.model
        request = self._request(path) | {"inputs": {path.name: sha256_file(path)}}
        return self.console.provenance(
            self.use, {**self.parameters, "request": request}, model.name, model.sha256, path,
            self.work.composite,
        )  # fmt: skip

    def _film(self, task: _Film) -> Result:
        from ganedit.images.film import convert, keeps_sound, open_film, parts_folder

        film = open_film(task.path)
        if film.sound and task.target.suffix.lower() == ".mp4" and not keeps_sound(film):
            self.console.warn(f"{task.path}: an MP4 cannot hold its sound ({film.sound}): left out")
        if film.animation is not None and film.animation.transparent:
            self.console.warn(f"{task.path}: transparent parts of an animation are made white")
        film = self._with_metadata(film, task.target)
        record, self._faceless = self._record(task.path), 0
        model = self.work.model
        key = {"use": self.use, "model": model.sha256, **self.parameters, "dtype": str(model.dtype)}
        if parts_folder(task.target).is_dir():
            self.console.note(f"{task.path}: taking up an interrupted run")
        try:
            with self.console.progress(f"{self.use} {task.path.name}", len(film.times)) as bar:
                damaged = convert(
                    film, task.target, self._frame, key=key, comment=json.dumps(record) if record else "",
                    progress=bar.update,
                )  # fmt: skip
        except KeyboardInterrupt:
            self.console.note(f"{task.path}: what is finished is kept; the same command takes it up again")
            raise
        problem = _damage(film, damaged) if damaged else None
        if self._faceless == len(film.times):
            problem = NoFaceError(f"{task.path}: no frame shows a face; the result is unchanged")
        elif self._faceless:
            count = f"{self._faceless} of {len(film.times)} frames"
            self.console.warn(f"{task.path}: {count} show no face, and stay as they are")
        return Result(task.target, {"frames": len(film.times), "damaged": damaged}, problem)

    def _with_metadata(self, film: Film, target: Path) -> Film:
        """A film with the EXIF and XMP that its result is to keep."""
        if film.animation is None or film.animation.metadata is None:
            return film
        if self.metadata and target.suffix.lower() in (".gif", ".mp4"):
            self.console.warn(f"{film.path}: {target.name} cannot hold its EXIF and XMP: left out")
        return film if self.metadata else replace(film, animation=replace(film.animation, metadata=None))

    def _frame(self, pixels: np.ndarray) -> np.ndarray:
        from ganedit.images.io import Photo

        try:
            (result,) = self.work.change([Photo(pixels)], lambda done, total: None)
        except NoFaceError:
            self._faceless += 1
            return pixels
        return result.pixels


def _writers(path: Path, film: bool) -> tuple[str, ...]:
    """Suffixes of the files that an input can become."""
    from ganedit.images.animation import FORMATS as ANIMATIONS
    from ganedit.images.video import SUFFIXES as FILM_WRITERS

    own = path.suffix.lower()
    return (*FILM_WRITERS, *((own,) if own in ANIMATIONS else ())) if film else IMAGE_WRITERS


def _damage(film: Film, damaged: list[int]) -> GaneditError:
    named = ", ".join(str(i + 1) for i in damaged[:NAMED]) + (", ..." if len(damaged) > NAMED else "")
    return GaneditError(
        f"{film.path}: {len(damaged)} of {len(film.times)} frames are damaged ({named}); "
        "in their place the frame before is shown once more",
        "the rest is done",
    )
