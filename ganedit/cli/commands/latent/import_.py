"""`ganedit latent import`: import latents of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_generator
from ganedit.cli.kit.options import Model, OutputFolder
from ganedit.cli.kit.outputs import check_folder, latent_path


def import_(
    console: Console,
    file: Annotated[
        Path,
        typer.Argument(help="File to import (.npz, .npy or .pt): one code, or several, or codes by name."),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the latent (default: the file's name).")] = None,
    model: Model = "faces",
    output: OutputFolder = Path("."),
) -> None:
    """Import latents of other programs, for a model with codes of their size.

    Writes NAME.latent.safetensors; for several codes NAME-0.latent.safetensors and so on. Prints the paths.
    """
    from ganedit.latent.foreign import import_latents

    check_folder(output)
    for called, latent in import_latents(file, open_generator(console, model), name).items():
        target = latent_path(output, called)
        if console.should_write(target):
            latent.save(target)
        console.emit(target, space=latent.space)
