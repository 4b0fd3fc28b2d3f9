"""`ganedit latent export`: write latents for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console


def export(
    console: Console,
    latents: Annotated[list[Path], typer.Argument(help="Latents of one model, in the order of the file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .npz, .npy or .pt.")],
) -> None:
    """Write latents for other programs: float32 [N, L, W], in .npz files under the key w."""
    from ganedit.latent.foreign import export_latents
    from ganedit.latent.latent import Latent

    opened = [Latent.load(path) for path in latents]
    if console.should_write(output):
        export_latents(opened, output)
    console.emit(output, latents=[str(path) for path in latents])
