"""`ganedit studio`: a local page to edit with the mouse."""

from __future__ import annotations

import getpass
import importlib.util
import os
import threading
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.failures import explained, with_flags
from ganedit.errors import MissingError, UsageError

PASSWORD = "GANEDIT_STUDIO_PASSWORD"
LOCAL = "127.0.0.1"


def command(
    console: Console,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any other than the default needs a password.")
    ] = LOCAL,
    port: Annotated[int | None, typer.Option(help="Port (default: the first free one from 7860 on).")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Edit with the mouse: a page in the browser, served by this computer.

    A portrait under sliders, points dragged to where they should be, edits by text, samples, brushes,
    sounds and models; every result with the command that makes it again. The page is at a local address.
    With --host, other computers reach it too: a password is asked for, or taken from
    GANEDIT_STUDIO_PASSWORD. Uploads lie in a temporary folder, which goes when the server stops (Ctrl-C).
    """
    if importlib.util.find_spec("gradio") is None:
        raise MissingError("the page needs gradio, which is not installed", 'pip install "ganedit[studio]"')
    from ganedit.studio.settings import Settings, is_local

    password = os.environ.get(PASSWORD, "") or ("" if is_local(host) else _asked(console, host))
    options = console.options
    settings = Settings(host, port, password, options.device, options.dtype)
    from ganedit.studio.serving import served

    with served(settings, _sentence) as address:
        console.answer(address, {"address": address})
        console.note("Ctrl-C stops the server, and removes what was uploaded")
        if open_:
            typer.launch(address)
        threading.Event().wait()


def _sentence(error: Exception) -> str:
    """A failure as the command line words it."""
    found = explained(error, debug=False)
    return with_flags(f"{found.message}. Next: {found.hint}" if found.hint else found.message)


def _asked(console: Console, host: str) -> str:
    if not (console.stdin.isatty() and console.stderr.isatty()):
        raise UsageError(
            f"--host {host} lets other computers in, which needs a password",
            f"set {PASSWORD}, then start again",
        )
    password = getpass.getpass("Password for the page: ")
    if not password:
        raise UsageError(f"--host {host} needs a password, and none was entered", f"or set {PASSWORD}")
    return password
