"""`ganedit smile me.jpg` and other edits in one step; `ganedit presets` lists them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.direction_changes import DirectionChange, EditSpace
from ganedit.cli.kit.editor import Editor, Enhance, Face, Inputs, ModelOf
from ganedit.cli.kit.options import NoMetadata, OutputFolder, check_face
from ganedit.cli.kit.presets import PRESETS, Preset
from ganedit.cli.kit.units import Units
from ganedit.errors import UsageError


def presets(console: Console) -> None:
    """List the edits that take one step: ganedit smile, ganedit younger, and so on."""
    for name, one in PRESETS.items():
        how = f"--direction {one.direction} --magnitude {one.magnitude:g}"
        sides = f" ({' or '.join(f'--{side}' for side in one.sides)})" if one.sides else ""
        about = {"name": name, "direction": one.direction, "magnitude": one.magnitude}
        console.answer(
            f"{name:<10} {one.help}{sides} Like ganedit edit {how} --paste.", about | {"sides": one.sides}
        )


def _command(name: str) -> Callable[..., None]:
    """The typer function for a preset, with an option for each of its sides."""
    own = inspect.signature(_edit, eval_str=True).parameters.values()
    sides = [
        inspect.Parameter(
            side,
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[bool, typer.Option(f"--{side}", help=f"Towards this side: {side}.")],
        )
        for side in PRESETS[name].sides
    ]
    taken = [one for one in own if one.name not in ("name", "given")]
    console, inputs, *rest = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in taken]

    def command(console: Console, inputs: list[str] | None, **values: Any) -> None:
        given = [side for side in PRESETS[name].sides if values.pop(side)]
        _edit(name, given, console, inputs, **values)

    command.__signature__ = inspect.Signature([console, inputs, *sides, *rest])  # type: ignore[attr-defined]
    command.__doc__ = f"""{PRESETS[name].help}

    Does what ganedit edit does with --paste, along the direction {PRESETS[name].direction}, and
    writes the whole photo. ganedit edit has more options.
    """
    return command


def _edit(
    name: str,
    given: list[str],
    console: Console,
    inputs: Inputs = None,
    strength: Annotated[float, typer.Option(help="How far, as a fraction of what is usual.")] = 1.0,
    model: ModelOf = None,
    enhance: Enhance = False,
    face: Face = "largest",
    output: OutputFolder = Path("."),
    no_metadata: NoMetadata = False,
) -> None:
    check_face(face)
    if not math.isfinite(strength) or strength < 0:
        raise UsageError(f"--strength {strength} must be at least 0", "1 is usual, 0.5 is half of it")
    one = PRESETS[name]
    magnitude = one.magnitude * _sign(one, given) * strength
    change = DirectionChange.read(
        [one.direction], [magnitude], None, None, "change", EditSpace.w, Units(None, None)
    )
    editor = Editor(console, change, output, model, None, face, None, False, False, not no_metadata, enhance)
    editor.run(inputs)


def _sign(preset: Preset, given: list[str]) -> int:
    """The sign of the magnitude for the side that was given."""
    if not preset.sides:
        return 1
    if len(given) != 1:
        raise UsageError(
            f"this edit needs a side, and {len(given)} were given",
            f"add {' or '.join(f'--{side}' for side in preset.sides)}",
        )
    return preset.sides[given[0]]


COMMAND_OF: dict[str, Callable[..., None]] = {"presets": presets}
"""The commands of this module by name; unlike those of a group, they have no common first word."""
COMMAND_OF |= {name: _command(name) for name in PRESETS}
