"""`ganedit direction export`: write directions for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.directions import Name, model_name
from ganedit.cli.kit.options import Model


def export(
    console: Console,
    name: Name,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .npy, .npz or .pt.")],
    model: Model = "faces",
) -> None:
    """Write a direction for other programs: float32 [1, W] or [L, W], of unit length."""
    from ganedit.latent.directions.foreign import export_direction
    from ganedit.latent.directions.named import find

    direction = find(name, model_name(model))
    if console.should_write(output):
        export_direction(direction, output)
    console.emit(output, sigma=direction.sigma)
