"""Options shared by several commands."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ganedit.errors import UsageError

TEMPLATE_NAMES = ("ffhq", "close-up")

Photos = Annotated[
    list[str] | None, typer.Argument(help="Photos, folders, globs, or - for paths on standard input.")
]
Pictures = Annotated[
    list[str] | None, typer.Argument(help="Images, folders, globs, or - for paths on standard input.")
]
Model = Annotated[str, typer.Option(help="Generator: a name or a file.")]
ClassifierName = Annotated[str, typer.Option(help="Classifier: a name or a file.")]
Aligned = Annotated[
    bool, typer.Option("--aligned", help="The images are aligned crops: do not look for faces.")
]
Face = Annotated[str, typer.Option(help="Face of a photo: largest, all, or a number (2: second largest).")]
NoMetadata = Annotated[
    bool, typer.Option("--no-metadata", help="Do not keep EXIF and XMP: date, camera, place and so on.")
]
OutputFolder = Annotated[
    Path, typer.Option("--output", "-o", help="Folder for the results, or a file for one: out.png.")
]

BULK_OPTIONS: dict[str, Any] = {
    "workers": Annotated[
        int | None,
        typer.Option(
            help="Processes that share the inputs (default: 1; with --ray: one per GPU, or processor).",
            show_default=False,
        ),
    ],
    "ray": Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Share the inputs among the machines of a Ray cluster: its address, auto, or local.",
        ),
    ],
}
"""Options of the commands whose inputs can be handed out to several processes; stored in the console."""


class Method(StrEnum):
    """Methods of projection."""

    HYBRID = "hybrid"
    OPTIMIZE = "optimize"
    ENCODE = "encode"
    TUNE = "tune"


class Space(StrEnum):
    """Spaces for projection."""

    w_plus = "w+"
    w = "w"
    z = "z"


def check_face(face: str) -> None:
    """Refuse an impossible --face before any work starts."""
    if face not in ("largest", "all") and not (face.isdecimal() and int(face) > 0):
        raise UsageError(f"--face {face} must be largest, all, or a number from 1")
