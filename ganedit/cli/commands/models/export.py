"""`ganedit models export`: write models for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.errors import UsageError


def export(
    console: Console,
    name: Annotated[str, typer.Argument(help="Name of a model, or a file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    form: Annotated[
        str, typer.Option("--format", help="Format: safetensors, pth, ncnn, rosinality or nvlabs-state.")
    ] = "safetensors",
) -> None:
    """Write a model as a file for other programs."""
    from ganedit.store import export as exporting
    from ganedit.store.load import load

    if form not in exporting.FORMATS:
        raise UsageError(f"{form} is not an export format", f"choose {', '.join(exporting.FORMATS)}")
    if console.should_write(output):
        exporting.export(load(name, "cpu"), output, form)
    console.emit(output, name=name, format=form)
