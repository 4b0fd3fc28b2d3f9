"""`ganedit clip`: edit, find and rank pictures by a text."""

from __future__ import annotations

from ganedit.cli.commands.clip.direction import direction
from ganedit.cli.commands.clip.edit import edit
from ganedit.cli.commands.clip.generate import generate
from ganedit.cli.commands.clip.rank import rank
from ganedit.cli.kit.editor import MAY_STAND_ALONE

__all__ = ["COMMANDS", "MAY_STAND_ALONE"]  # read by `cli.app`

COMMANDS = {"edit": edit, "generate": generate, "direction": direction, "rank": rank}
