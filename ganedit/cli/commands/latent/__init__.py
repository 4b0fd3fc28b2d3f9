"""`ganedit latent`: import and export latents of other programs."""

from __future__ import annotations

from ganedit.cli.commands.latent.export import export
from ganedit.cli.commands.latent.import_ import import_

COMMANDS = {"import": import_, "export": export}
