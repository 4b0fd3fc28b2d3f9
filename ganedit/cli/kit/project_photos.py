"""Projects many photos in the batch engine, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganedit.cli.kit.batch import Stages, run_stages
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.destination import Destination
from ganedit.cli.kit.done import all_there, checksum_by_name, is_done, wants
from ganedit.cli.kit.outputs import check_folder, face_stem, latent_path, picture_path
from ganedit.cli.kit.projecting import Latest, Projector
from ganedit.cli.kit.results import Result
from ganedit.files import IMAGE_SUFFIXES, sha256_file

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from ganedit.latent.inversion.photos import Crop
    from ganedit.latent.inversion.project import Projection
    from ganedit.latent.latent import Latent

GPU_BATCH = 16  # photos at a time; halved if memory runs out
FILM_FRAMES, FILM_SIDE = 150, 256  # maximum number; minimum in pixels


@dataclass(frozen=True, eq=False)
class _Face:
    """A face to project."""

    path: Path
    stem: str
    crop: Crop


@dataclass(frozen=True, eq=False)
class _Projected:
    latent: Latent
    projection: Projection
    film: list[np.ndarray]  # of the search, with --video


@dataclass
class ProjectPhotos(Stages[_Face, _Face, _Projected]):
    console: Console
    prepare: Callable[[Latest], Projector]  # not called if nothing is to be made
    request: dict[str, Any]  # all that a projection depends on, besides the photo
    destination: Destination
    face: str
    aligned: bool
    video: bool
    batch: int | None  # faces projected at a time; None: depends on the device

    def __post_init__(self) -> None:
        self._latest = Latest(self.console)

    def run(self, inputs: Sequence[str] | None) -> None:
        """Project all inputs; see `run_batch` about errors."""

        def results(path: Path) -> list[Path]:
            return self._targets(self._only_stem(path))

        if self.face != "all" and all_there(self.console, inputs, IMAGE_SUFFIXES, results):
            self.console.work_alone()
        elif not self.console.hands_out:
            self.ahead = self._size - 1
        run_stages(self.console, inputs, self)

    @cached_property
    def projector(self) -> Projector:
        return self.prepare(self._latest)

    @cached_property
    def _size(self) -> int:
        on_gpu = self.projector.generator.device.type == "cuda"
        return 1 if self.video else self.batch or (GPU_BATCH if on_gpu else 1)

    def plan(self, path: Path) -> Iterator[_Face | Result]:
        check_folder(self.destination.folder)
        if self.face != "all":  # the name is known, so a photo to skip need not be read
            stem = self._only_stem(path)
            if not self._wanted(path, stem):
                yield self._existing(stem)
                return
            yield from (_Face(path, stem, crop) for crop in self._crops(path))
            return
        for crop in self._crops(path):
            stem = face_stem(self._name(path), crop.number)
            yield _Face(path, stem, crop) if self._wanted(path, stem) else self._existing(stem)

    def _only_stem(self, path: Path) -> str:
        number = 1 if self.face == "largest" or self.aligned else int(self.face)
        return face_stem(self._name(path), number)

    def read(self, task: _Face) -> _Face:
        return task

    def room(self, read: _Face) -> int:
        return self._size

    def compute(self, tasks: Sequence[_Face], read: Sequence[_Face]) -> list[_Projected]:
        title = f"projecting {tasks[0].path.name}" + (f" and {len(tasks) - 1} more" if len(tasks) > 1 else "")
        film: list[np.ndarray] = []
        projected = self.projector.run(
            [task.crop for task in tasks], title, _collect_frames(film) if self.video else None
        )
        return [_Projected(latent, projection, film) for latent, projection in projected]

    def write(self, task: _Face, made: _Projected) -> Result:
        if self.video:
            self._write_film(task, made.film)
        target, picture, *_ = self._targets(task.stem)
        request = self.request | {"inputs": {task.stem: sha256_file(task.path)}}
        more = self.projector.save(target, picture, task.path, made.latent, made.projection, request)
        result = self._result(task.stem)
        return replace(result, details={**result.details, **more, "face": task.crop.number})

    def _crops(self, path: Path) -> list[Crop]:
        return self.projector.crops(path, self.face, self.aligned)

    def _wanted(self, path: Path, stem: str) -> bool:
        """Whether to write the files of a projection: all or none."""
        targets = self._targets(stem)
        _, picture, *_ = targets

        def done() -> bool:
            there = all(target.exists() for target in targets)
            return there and is_done(picture, self.request, checksum_by_name(stem, path))

        wanted = [wants(self.console, target, done) for target in targets]
        return any(wanted)

    def _existing(self, stem: str) -> Result:
        result = self._result(stem)
        self._latest.add(result.path)
        return result

    def _result(self, stem: str) -> Result:
        latent, picture, *film = self._targets(stem)
        return Result(latent, {"picture": str(picture)} | ({"video": str(film[0])} if film else {}))

    def _targets(self, stem: str) -> list[Path]:
        film = [self._film_path(stem)] if self.video else []
        folder, file = self.destination.folder, self.destination.file
        return [latent_path(folder, stem), file or picture_path(folder, stem), *film]

    def _name(self, path: Path) -> str:
        target = self.destination.path(path, self.console.stem_of(path))
        return target.name if self.destination.file is None else target.stem

    def _film_path(self, stem: str) -> Path:
        return self.destination.folder / f"{stem}.projection.mp4"

    def _write_film(self, face: _Face, film: list[np.ndarray]) -> None:
        from ganedit.images.video import write_video

        every = -(-len(film) // FILM_FRAMES)
        frames = [*film[:-1][::every], *[film[-1]] * 25]  # show the result for a second
        path = self._film_path(face.stem)
        write_video(path, (_side_by_side(face.crop.pixels, frame) for frame in frames))
        self.console.note(f"{face.path}: {path} shows the search")


def _collect_frames(film: list[np.ndarray]) -> Callable[[Tensor], None]:
    """A callback that collects the picture of each step."""
    from ganedit.images.tensors import from_tensor

    return lambda images: film.append(from_tensor(images))


def _side_by_side(*pictures: np.ndarray) -> np.ndarray:
    """Pictures in a row, enlarged if they are small."""
    import numpy as np

    from ganedit.images.pixels import resize

    return np.concatenate([resize(one, max(len(one), FILM_SIDE)) for one in pictures], axis=1)
