"""The changes of `ganedit edit`, which are moves along directions, for `Editor`."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganedit.cli.kit.changes import Change
from ganedit.cli.kit.outputs import move_name
from ganedit.cli.kit.units import Units
from ganedit.errors import UsageError
from ganedit.files import sha256_file

if TYPE_CHECKING:
    from ganedit.images.paste import Mode
    from ganedit.latent.directions.direction import Direction
    from ganedit.latent.latent import Latent
    from ganedit.store.models import Generator

LOG = logging.getLogger(__name__)


class EditSpace(StrEnum):
    """Spaces for --direction."""

    w = "w"
    s = "s"


@dataclass
class DirectionChange(Change):
    """Directions and magnitudes, according to the options."""

    directions: tuple[str, ...]
    layers: tuple[tuple[int, ...] | None, ...]  # for each direction
    plans: dict[str, tuple[float, ...]]  # magnitudes by the label of the result: "" or "+1.0"
    paste: Mode | None
    space: EditSpace
    changed_units: Units
    safe: bool | None = None  # whether to clip magnitudes to safe ranges; None: those of photos
    command = "edit"

    def __post_init__(self) -> None:
        self._directions: dict[str, list[Direction]] = {}  # by the sha256 of the generator

    @classmethod
    def read(
        cls,
        directions: list[str] | None,
        magnitudes: list[float] | None,
        layers: list[str] | None,
        sweep: str | None,
        paste: Mode | None,
        space: EditSpace,
        units: Units,
        safe: bool | None = None,
    ) -> DirectionChange:
        """Check the options against each other.

        Raises:
            UsageError: They contradict each other.
        """
        directions, magnitudes, layers = directions or [], magnitudes or [], layers or []
        if not directions and (sweep is not None or not units.changes):
            raise UsageError("no --direction was given", "ganedit direction list shows them")
        swept = 0 if sweep is None else 1
        wanted = len(directions) - swept
        if len(magnitudes) not in (0, wanted):
            left = " that --sweep leaves" if swept else ""
            raise UsageError(
                f"{len(magnitudes)} --magnitude do not match the {wanted} --direction{left}",
                "give one for each, in the same order, or none",
            )
        for value in magnitudes:
            if not math.isfinite(value):
                raise UsageError(f"--magnitude {value} is not a finite number", "choose -4 to 4")
        if len(layers) not in (0, 1, len(directions)):
            raise UsageError(
                f"{len(layers)} --layers do not match {len(directions)} --direction",
                "give one for each, or one for all",
            )
        from ganedit.latent.editing import parse_layers, parse_sweep

        rows: list[tuple[int, ...] | None] = [parse_layers(text) for text in layers] or [None]
        rest = tuple(magnitudes) or (1.0,) * wanted
        plans = {"": rest}
        if sweep is not None:
            values = parse_sweep(sweep)
            plans = {label: (v, *rest) for label, v in zip(_labels(values), values, strict=True)}
        rows = (rows * len(directions))[: len(directions)]
        return cls(tuple(directions), tuple(rows), plans, paste, space, units, safe)

    @property
    def labels(self) -> Sequence[str]:
        return list(self.plans)

    def name(self, label: str | None) -> str:
        magnitudes = list(self.plans.values())
        first = magnitudes[0] if label is None else self.plans[label]
        amounts = [f"{value:+g}" for value in first]
        if label is None and self.swept:
            amounts[0] += f"to{magnitudes[-1][0]:+g}x{len(magnitudes)}"
        moves = zip(self.directions, amounts, self.layers, strict=True)
        return ".".join([*(move_name(*move) for move in moves), *filter(None, [self.changed_units.name])])

    def request(self, label: str | None, model: str) -> dict[str, Any]:
        from ganedit.latent.directions.named import file_of

        files = [file_of(name, model) for name in self.directions]
        return {
            "directions": self.directions,
            "sha256": [sha256_file(path) if path and path.is_file() else None for path in files],
            "magnitudes": list(self.plans.values()) if label is None else [self.plans[label]],
            "layers": self.layers,
            "space": self.space.value,
            "safe": self.safe,
            "units": self.changed_units.request,
        }

    def details(self, label: str, latents: Sequence[Path]) -> dict[str, Any]:
        return {"magnitudes": self.plans[label]} | ({"units": self.units} if self.units else {})

    @property
    def units(self) -> list[dict[str, Any]]:
        return self.changed_units.record

    def applied(self, generator: Generator, share: float = 1.0) -> AbstractContextManager[None]:
        return self.changed_units.applied(generator, share)

    def prepare(self, generator: Generator) -> None:
        from ganedit.latent.editing import check_layers

        if generator.sha256 in self._directions:
            return
        directions = [self._named(name, generator).for_model(generator) for name in self.directions]
        for one, rows in zip(directions, self.layers, strict=True):
            check_layers(one, rows)
            if rows and max(rows) >= generator.num_ws:
                raise UsageError(
                    f"there is no layer {max(rows)}: the model {generator.name} has {generator.num_ws}",
                    f"layers go from 0 to {generator.num_ws - 1}",
                )
        self.changed_units.prepare(generator)
        if self.swept:
            self._check_sweep(directions[0])
        self._directions[generator.sha256] = directions

    def _check_sweep(self, direction: Direction) -> None:
        """Warn of a sweep that goes too far; it is not clipped, since its results are named by magnitude."""
        ends = [magnitudes[0] for magnitudes in self.plans.values()]
        least, most = direction.limits
        if min(ends) < least or max(ends) > most:
            LOG.warning(
                f"the sweep of {direction.name} leaves its safe range from {least:+g} to {most:+g}: "
                "the outermost images may break"
            )

    def _named(self, name: str, generator: Generator) -> Direction:
        """A direction by its name or file, or in the space s by channels."""
        from ganedit.latent import styles
        from ganedit.latent.directions import named
        from ganedit.latent.directions.channels import channel_direction

        channels = styles.CHANNELS.fullmatch(name) is not None
        if self.space is EditSpace.s:
            if channels or ("/" not in name and name not in named.names_of(generator.name)):
                return channel_direction(generator, styles.find_channels(generator, name))
        elif channels:
            raise UsageError(f"{name} names channels of styles", "add --space s")
        return named.find(name, generator.name)

    def of(self, latent: Latent, generator: Generator, label: str) -> Latent:
        from ganedit.latent.editing import edit

        moves = zip(self._directions[generator.sha256], self.plans[label], self.layers, strict=True)
        clip = bool(latent.source) if self.safe is None else self.safe
        return edit(latent, list(moves), safe=None if self.swept else clip)

    def __str__(self) -> str:
        """Text for the caption of a sheet: "smile, age 1"."""
        first = next(iter(self.plans.values()))
        parts = [f"{Path(d).stem} {m:+g}" for d, m in zip(self.directions, first, strict=True)]
        if self.swept:
            parts[0] = Path(self.directions[0]).stem
        return ", ".join([*parts, *self.changed_units.descriptions])


def _labels(values: list[float]) -> list[str]:
    """Magnitudes as text, such as +1.0, with enough decimals to distinguish them."""
    for decimals in range(1, 10):
        labels = [f"{value:+.{decimals}f}" for value in values]
        exact = all(abs(float(t) - v) < 1e-9 for t, v in zip(labels, values, strict=True))
        if len(set(labels)) == len(labels) and (exact or decimals >= 3):
            break
    return labels
