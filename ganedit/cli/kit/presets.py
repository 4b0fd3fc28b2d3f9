"""Edits in one step, such as `ganedit smile me.jpg`: moves along a direction, pasted into the photo.

Light to import: the program's help lists them.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Preset:
    """One edit.

    Attributes:
        direction: Name of the direction.
        magnitude: Magnitude at strength 1.
        help: Sentence for the help.
        sides: Options of which one must be given, and the sign of the magnitude for each; empty for none.
    """

    direction: str
    magnitude: float
    help: str
    sides: dict[str, int] = field(default_factory=dict)


PRESETS = {
    "smile": Preset("smile", 2, "Make the face in a photo smile."),
    "serious": Preset("smile", -1.5, "Take the smile out of a photo."),
    "younger": Preset("age", -1.5, "Make the face in a photo younger."),
    "older": Preset("age", 1.5, "Make the face in a photo older."),
    "turn": Preset("yaw", 1, "Turn the face in a photo to the left or right.", {"left": -1, "right": 1}),
    "tilt": Preset("pitch", 1.5, "Tilt the face in a photo up or down.", {"up": 1, "down": -1}),
}


def examples_of(name: str) -> tuple[str, str]:
    """Two examples for the help of a preset."""
    sides = [f" --{side}" for side in PRESETS[name].sides] or ["", ""]
    return f"ganedit {name} me.jpg{sides[0]}", f"ganedit {name} photos/{sides[1]} --strength 1.5 -o out"
