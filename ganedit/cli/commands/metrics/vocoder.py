"""`ganedit metrics vocoder`: measure vocoders by copy synthesis."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.sounds import Limit, print_table
from ganedit.errors import UsageError

Vocoders = Annotated[str, typer.Option(help="Vocoders: names or folders, separated by commas.")]
COLUMNS = ("distance", "spectral convergence", "log magnitude", "times real time")


def vocoder(
    console: Console,
    sounds: Annotated[list[Path], typer.Argument(help="Folders of sounds.")],
    vocoders: Vocoders = "griffin-lim,gan,wavenet",
    limit: Limit = 0,
    seconds: Annotated[float, typer.Option(help="Use only the first seconds of each sound; 0: all.")] = 0,
) -> None:
    """Measure vocoders by copy synthesis: sounds are drawn, made sound again, and compared.

    Prints the multi-resolution STFT distance (spectral convergence and log magnitude), and how many seconds
    of sound a second of computing gives.
    """
    from ganedit.metrics.vocoding import measure_vocoders

    named = [name.strip() for name in vocoders.split(",") if name.strip()]
    if not named:
        raise UsageError("--vocoders names no vocoder", "such as griffin-lim,gan")
    found = measure_vocoders(
        sounds,
        named,
        limit=limit or None,
        seconds=seconds or None,
        device=console.options.device,
        seed=console.options.seed,
        watch=console.stage,
    )
    rows = {
        name: {column: getattr(q, column.replace(" ", "_")) for column in COLUMNS}
        for name, q in found.items()
    }
    count = max(q.sounds for q in found.values())
    print_table(console, f"copy synthesis of {count} sounds", rows, dict(zip(COLUMNS, COLUMNS, strict=True)))
