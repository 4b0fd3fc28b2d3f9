"""`ganedit direction`: learn, list, describe, download, import and export directions of the style space."""

from __future__ import annotations

from ganedit.cli.commands.direction.channels import channels
from ganedit.cli.commands.direction.discover import discover
from ganedit.cli.commands.direction.export import export
from ganedit.cli.commands.direction.import_ import import_
from ganedit.cli.commands.direction.info import info
from ganedit.cli.commands.direction.learn import learn
from ganedit.cli.commands.direction.list import list_directions
from ganedit.cli.commands.direction.measure import measure
from ganedit.cli.commands.direction.name import name_
from ganedit.cli.commands.direction.pull import pull
from ganedit.cli.commands.direction.show import show

COMMANDS = {
    "learn": learn,
    "discover": discover,
    "channels": channels,
    "show": show,
    "measure": measure,
    "name": name_,
    "list": list_directions,
    "info": info,
    "pull": pull,
    "import": import_,
    "export": export,
}
