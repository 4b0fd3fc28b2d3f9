"""`ganedit models`: manage models."""

from __future__ import annotations

from ganedit.cli.commands.models.export import export
from ganedit.cli.commands.models.import_ import import_
from ganedit.cli.commands.models.info import info
from ganedit.cli.commands.models.list import list_models
from ganedit.cli.commands.models.path import path
from ganedit.cli.commands.models.pull import pull
from ganedit.cli.commands.models.remove import remove
from ganedit.cli.commands.models.verify import verify

COMMANDS = {
    "list": list_models,
    "info": info,
    "pull": pull,
    "import": import_,
    "export": export,
    "verify": verify,
    "rm": remove,
    "path": path,
}
