"""Changes to units by --ablate and --activate."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.outputs import safe_name

if TYPE_CHECKING:
    from ganedit.latent.units.switching import UnitChange, UnitEdit
    from ganedit.store.models import Generator

Ablate = Annotated[
    list[str] | None,
    typer.Option(
        metavar="UNITS",
        help="Switch units off: layer4:17,33, or where a mask is white layer4:17@mask.png; may be repeated.",
    ),
]
Activate = Annotated[
    list[str] | None,
    typer.Option(metavar="UNITS", help="Switch units on, as for --ablate (ganedit dissect finds them)."),
]


class Units:
    """Changes to single units, the same for every input."""

    def __init__(self, ablate: list[str] | None, activate: list[str] | None) -> None:
        """
        Raises:
            UsageError: values that are not units.
            InputError: a mask that cannot be used.
        """
        self.changes: list[UnitChange] = []
        if ablate or activate:
            from ganedit.latent.units.switching import parse_change

            self.changes += [parse_change(text, on=False) for text in ablate or ()]
            self.changes += [parse_change(text, on=True) for text in activate or ()]
        self._edits: dict[str, UnitEdit] = {}  # by the sha256 of the generator

    def prepare(self, generator: Generator) -> None:
        """Refuse units that the generator does not have, and compute the values that units are set to."""
        if self.changes and generator.sha256 not in self._edits:
            from ganedit.latent.units.switching import UnitEdit

            self._edits[generator.sha256] = UnitEdit(generator, self.changes)

    def applied(self, generator: Generator, share: float = 1.0) -> AbstractContextManager[None]:
        """Context in which `generator`, or a personal copy of it, draws with its units changed."""
        edit = self._edits.get(generator.sha256)
        return edit.applied(generator, share) if edit else nullcontext()

    @property
    def record(self) -> list[dict[str, Any]]:
        return [change.record for change in self.changes]

    @property
    def name(self) -> str:
        """The changes as a part of a file's name, such as off-layer4_17,33; empty if there are none."""
        return ".".join(f"{'on' if one.on else 'off'}-{_name_of(one)}" for one in self.changes)

    @property
    def request(self) -> list[dict[str, Any]]:
        """The changes with all that they depend on, to recognise an identical request."""
        masks = [None if one.mask is None else sha256(one.mask.tobytes()).hexdigest() for one in self.changes]
        return [{**one.record, "mask_sha256": mask} for one, mask in zip(self.changes, masks, strict=True)]

    @property
    def descriptions(self) -> list[str]:
        """Texts for the caption of a sheet."""
        return [f"{'activate' if one.on else 'ablate'} {one}" for one in self.changes]


def _name_of(change: UnitChange) -> str:
    units, _, mask = str(change).partition("@")
    return safe_name(units) + (f"@{safe_name(Path(mask).stem)}" if mask else "")
