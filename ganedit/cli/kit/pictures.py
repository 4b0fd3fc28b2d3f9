"""What the commands that turn pictures into pictures share: options, names of results, reading ahead.

While a picture is computed, the next one is read and the last one is written, each in a thread.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.batch import sources, survive
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.outputs import check_folder
from ganedit.errors import GaneditError, UsageError
from ganedit.files import FILM_SUFFIXES as FILMS
from ganedit.files import IMAGE_SUFFIXES

if TYPE_CHECKING:
    import numpy as np

    from ganedit.images.film import Film
    from ganedit.images.io import Photo
    from ganedit.images.labels import LabelMap
    from ganedit.images.tiles import Progress
    from ganedit.store.models.base import Model
    from ganedit.store.uses import Use


LOSSY = (".jpg", ".jpeg", ".webp")
AHEAD = 4  # files that are read ahead where pictures are computed together
NAMED = 8  # damaged frames in a message


Inputs = Annotated[
    list[str] | None,
    typer.Argument(help="Pictures, folders, globs, or - for paths on standard input."),
]


Size = Annotated[
    int | None,
    typer.Option(help="Pixels of the shorter side that the network sees; the model's, or the picture's own."),
]


Tile = Annotated[
    int | None,
    typer.Option(help="Side of the tiles; 0 takes pictures whole; unless given what memory allows."),
]


Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")]


@dataclass
class _Item:
    """One input on its way, or how it failed."""

    path: Path
    target: Path
    reading: Future[Any] | None = None
    writing: Future[Any] | None = None
    details: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    done: bool = True  # its target is there, or will be once `writing` ends

    def __str__(self) -> str:
        return str(self.path)


@dataclass
class PictureJob:
    """Turns one input after the other into a result with a name of its own.

    Attributes:
        console: Of this run.
        use: The command.
        model: That does it.
        suffix: What is put behind the input's name, with the ending of the format if it is to be another.
        output: Folder for the results.
        change: What is done to pictures that `read` gave; also told whom to call after each tile.
        read: What is done to a path.
        parameters: What repeats the result, for its provenance.
        lossless: Results of JPEG and WebP files become PNG.
        films: Films are changed frame by frame.
        together: How many pictures like this one `change` is best given at once, if they have one size.
    """

    console: Console
    use: Use
    model: Model
    suffix: str
    output: Path
    change: Callable[[Sequence[Any], Progress], list[Photo]]
    read: Callable[[Path], Photo | LabelMap]
    parameters: dict[str, Any]
    lossless: bool = False
    films: bool = False
    together: Callable[[Any], int] | None = None

    def run(self, inputs: Sequence[str] | None) -> None:
        """Everything that the inputs name; see `run_batch` about errors."""
        if os.path.basename(self.suffix) != self.suffix:
            raise UsageError(f"--suffix {self.suffix} names a folder", "say with -o where results go")
        ahead = AHEAD if self.together else 1
        if not inputs or "-" in inputs:
            ahead = 0  # a pipe may be slow: its results must not wait
        suffixes = (*IMAGE_SUFFIXES, *FILMS) if self.films else IMAGE_SUFFIXES
        if not survive(self.console, self._items(sources(self.console, inputs, suffixes), ahead), self._end):
            raise UsageError("no input was given", "name files, folders or globs, or pipe paths in")

    def _items(self, paths: Iterator[Path | GaneditError], ahead: int) -> Iterator[_Item | GaneditError]:
        """Every input once it is done, or being written while the next one is computed."""
        read: deque[_Item | GaneditError] = deque()
        written: deque[_Item | GaneditError] = deque()
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
            try:
                for path in paths:
                    read.append(path if isinstance(path, GaneditError) else self._begin(path, reader))
                    while len(read) > ahead:
                        written += self._compute(self._group(read), writer)
                        while len(written) > ahead:
                            yield written.popleft()
                while read:
                    written += self._compute(self._group(read), writer)
            except KeyboardInterrupt:  # what is finished is handed over
                yield from written
                raise
            yield from written

    def _begin(self, path: Path, reader: ThreadPoolExecutor) -> _Item:
        from ganedit.images.film import is_film

        target = self.output
        try:
            check_folder(self.output)
            film = self.films and is_film(path)
            target = self.output / self._name(path, film)
            if target.resolve() == path.resolve():
                raise UsageError(f"{path} would be replaced by its own result", "choose a --suffix, or -o")
            if not self.console.should_write(target):
                return _Item(path, target)
            if film:
                return _Item(path, target, done=False)
            return _Item(path, target, reader.submit(self.read, path), done=False)
        except Exception as error:  # `_end` raises it again
            return _Item(path, target, error=error, done=False)

    def _name(self, path: Path, film: bool) -> str:
        from ganedit.images.encode import WRITERS
        from ganedit.images.video import SUFFIXES as FILM_WRITERS

        own, writers = path.suffix.lower(), FILM_WRITERS if film else WRITERS
        if os.path.splitext(f"x{self.suffix}")[1].lower() in writers:
            return f"{path.stem}{self.suffix}"
        if film:
            return f"{path.stem}{self.suffix}{own if own == '.gif' else '.mp4'}"
        keep = own in writers and not (self.lossless and own in LOSSY)
        return f"{path.stem}{self.suffix}{path.suffix if keep else '.png'}"

    def _group(self, read: deque[_Item | GaneditError]) -> list[_Item | GaneditError]:
        """The next input, with those of its size that were read meanwhile and are computed with it."""
        group = [read.popleft()]
        first = _picture(group[0]) if self.together else None
        if first is not None and self.together:
            from ganedit.images.sizes import shape_of

            try:
                room, shape = self.together(first), shape_of(first)
            except GaneditError:  # `change` says it again, of this input
                return group
            while read and len(group) < room and _is_read(read[0]):
                following = _picture(read[0])
                if following is None or shape_of(following) != shape:
                    break
                group.append(read.popleft())
        return group

    def _compute(
        self, group: Sequence[_Item | GaneditError], writer: ThreadPoolExecutor
    ) -> Sequence[_Item | GaneditError]:
        """Change what is left to be changed; a group is one item, or pictures."""
        item = group[0]
        if isinstance(item, GaneditError) or item.done or item.error:
            return group
        items = [one for one in group if isinstance(one, _Item)]
        try:
            if item.reading is None:
                self._film(item)
                return group
            with self.console.progress(f"{self.use} {item.path.name}") as bar:
                pictures = [one.reading.result() for one in items if one.reading]
                results = self.change(pictures, bar.update)
            for one, result in zip(items, results, strict=True):
                height, width = result.pixels.shape[:2]
                one.details = {"width": width, "height": height, "model": self.model.name}
                one.writing = writer.submit(self._write, one, result)
                one.done = True
        except Exception as error:  # `_end` raises it again
            if len(group) > 1:  # it may be that of a single one
                return [done for one in group for done in self._compute([one], writer)]
            item.error = error
        finally:
            for one in items:
                one.reading = None  # and with it the picture
        return group

    def _record(self, item: _Item) -> dict[str, Any] | None:
        model, composite = self.model, self.use != "translate"
        return self.console.provenance(
            self.use, self.parameters, model.name, model.sha256, item.path, composite
        )

    def _write(self, item: _Item, result: Photo) -> None:
        from ganedit.images.io import write_image

        write_image(item.target, result.pixels, like=result, provenance=self._record(item))

    def _end(self, item: _Item | GaneditError) -> None:
        """Hand the result over, or raise what went wrong."""
        if isinstance(item, GaneditError):
            raise item
        if item.writing is not None:
            item.writing.result()
        if item.done:
            self.console.emit(item.target, input=str(item.path), **item.details)
        if item.error is not None:
            raise item.error

    # ---- films ----

    def _film(self, item: _Item) -> None:
        from ganedit.images.film import convert, keeps_sound, open_film, parts_folder

        film = open_film(item.path)
        if film.sound and item.target.suffix.lower() == ".mp4" and not keeps_sound(film):
            self.console.warn(f"{item.path}: an MP4 cannot hold its sound ({film.sound}): left out")
        record = self._record(item)
        key = {"use": self.use, "model": self.model.sha256, **self.parameters, "dtype": str(self.model.dtype)}
        if parts_folder(item.target).is_dir():
            self.console.note(f"{item.path}: taking up an interrupted run")
        try:
            with self.console.progress(f"{self.use} {item.path.name}", len(film.times)) as bar:
                damaged = convert(
                    film, item.target, self._frame, key=key, comment=json.dumps(record) if record else "",
                    progress=bar.update,
                )  # fmt: skip
        except KeyboardInterrupt:
            self.console.note(f"{item.path}: what is finished is kept; the same command takes it up again")
            raise
        item.details, item.done = {"frames": len(film.times), "damaged": damaged}, True
        if damaged:
            item.error = _damage(film, damaged)

    def _frame(self, pixels: np.ndarray) -> np.ndarray:
        from ganedit.images.io import Photo

        (result,) = self.change([Photo(pixels)], lambda done, total: None)
        return result.pixels


def _is_read(item: _Item | GaneditError) -> bool:
    return isinstance(item, _Item) and item.reading is not None and item.reading.done()


def _picture(item: _Item | GaneditError) -> Any:
    """What was read, or None; waits for it."""
    if isinstance(item, GaneditError) or item.reading is None or item.reading.exception():
        return None
    return item.reading.result()


def _damage(film: Film, damaged: list[int]) -> GaneditError:
    named = ", ".join(str(i + 1) for i in damaged[:NAMED]) + (", ..." if len(damaged) > NAMED else "")
    return GaneditError(
        f"{film.path}: {len(damaged)} of {len(film.times)} frames are damaged ({named}); "
        "in their place the frame before is shown once more",
        "the rest is done",
    )
