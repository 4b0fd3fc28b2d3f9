"""`ganedit singan`: images from the patches of one photo."""

from __future__ import annotations

from ganedit.cli.commands.singan.animate import animate
from ganedit.cli.commands.singan.edit import edit
from ganedit.cli.commands.singan.harmonize import harmonize
from ganedit.cli.commands.singan.paint import paint
from ganedit.cli.commands.singan.random import random
from ganedit.cli.commands.singan.superres import superres

COMMANDS = {
    "random": random,
    "superres": superres,
    "paint": paint,
    "edit": edit,
    "harmonize": harmonize,
    "animate": animate,
}
