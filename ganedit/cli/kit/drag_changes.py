"""The change of `ganedit drag`, which moves points of an image, for `Editor`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganedit.cli.kit.changes import Change
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.outputs import safe_name
from ganedit.errors import InputError
from ganedit.files import sha256_file

if TYPE_CHECKING:
    import numpy as np

    from ganedit.images.io import Photo
    from ganedit.images.paste import Mode
    from ganedit.latent.dragging import Dragged, PointMove
    from ganedit.latent.latent import Latent
    from ganedit.latent.motion import DragOptions
    from ganedit.store.models import Generator


@dataclass
class DragChange(Change):
    """Points and their goals, according to the options."""

    console: Console
    moves: tuple[PointMove, ...]
    options: DragOptions
    mask: Path | None
    in_photo: bool  # whether moves and mask are in the photo's pixels, rather than the crop's
    photo: Path | None  # the photo, if it has moved since it was projected
    paste: Mode | None
    command = "drag"

    def __post_init__(self) -> None:
        self._last: Dragged | None = None

    def __str__(self) -> str:
        return "drag " + ", ".join(map(str, self.moves))

    def name(self, label: str | None) -> str:
        """Such as drag120,80-140,70; the options that are not in it are compared by the record."""
        moves = "+".join(str(move).replace(":", "-") for move in self.moves)
        masked = "" if self.mask is None else f".in-{safe_name(self.mask.stem)}"
        return f"drag{moves}{masked}"

    def request(self, label: str | None, model: str) -> dict[str, Any]:
        how = {"in_photo": self.in_photo, "mask": None if self.mask is None else sha256_file(self.mask)}
        return {"moves": [str(move) for move in self.moves], **how, **asdict(self.options)}

    def prepare(self, generator: Generator) -> None:
        from ganedit.latent.dragging import check_mask, check_moves

        generator.need_styles()
        if not self.in_photo:
            check_moves(self.moves, generator.resolution)
            if self._marked is not None:
                check_mask(self._marked, generator.resolution)

    def of(self, latent: Latent, generator: Generator, label: str) -> Latent:
        from ganedit.latent.dragging import drag, moves_in_crop
        from ganedit.metrics.identity import person_in

        moves = moves_in_crop(self.moves, latent) if self.in_photo else self.moves
        mask = None if self._marked is None else self._mask_for(latent, self._marked, generator.resolution)
        person = person_in(latent, generator) if self.options.identity else None
        with self.console.progress("dragging", self.options.steps) as bar:
            dragged = drag(
                latent, generator, moves, self.options, mask=mask, person=person, progress=bar.update
            )
        self._last = dragged
        return dragged.latent

    def film_of(self, edited: Latent, count: int) -> Sequence[Latent]:
        assert self._last is not None
        assert self._last.latent is edited  # it is asked for right after the drag
        return self._last.latents(count)

    def details(self, label: str, latents: Sequence[Path]) -> dict[str, Any]:
        """Where the points of each face came, as its latent records."""
        from ganedit.latent.latent import Latent

        dragged = [Latent.load(path).edits[-1] for path in latents]
        return {"moves": [str(move) for move in self.moves], "dragged": dragged}

    @cached_property
    def _marked(self) -> np.ndarray | None:
        """Where the mask is white, [H, W] bool; None without one."""
        from ganedit.images.inpainting import marked
        from ganedit.images.io import read_image

        return None if self.mask is None else marked(read_image(self.mask))

    def _mask_for(self, latent: Latent, white: np.ndarray, side: int) -> np.ndarray:
        from ganedit.images.align import crop_from_affine
        from ganedit.latent.dragging import check_mask
        from ganedit.latent.inversion.photos import find_photo

        if self.in_photo:
            photo = find_photo(latent, given=self.photo)
            _check_size(white, photo)
            assert latent.affine is not None  # otherwise there is no photo
            levels = (white[..., None].repeat(3, axis=2) * 255).astype("uint8")
            white = crop_from_affine(levels, latent.affine, side)[..., 0] > 127
        check_mask(white, side)
        return white


def _check_size(mask: np.ndarray, photo: Photo) -> None:
    if mask.shape != photo.pixels.shape[:2]:
        sizes = ["x".join(str(n) for n in one.shape[1::-1]) for one in (mask, photo.pixels)]
        raise InputError(
            f"the mask is {sizes[0]}, the photo {sizes[1]}",
            "draw the mask on the photo itself, or on the crop and leave out --photo-coordinates",
        )
