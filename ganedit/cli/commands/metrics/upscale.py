"""`ganedit metrics upscale`: measure an upscaler."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_model


def upscale(
    console: Console,
    data: Annotated[list[Path], typer.Argument(help="Folders of pairs NAME_HR.png and NAME_LR.png.")],
    model: Annotated[str, typer.Option(help="Upscaler: a name or a file.")] = "upscale-x4",
    tile: Annotated[int | None, typer.Option(help="As in ganedit upscale.")] = None,
) -> None:
    """Measure an upscaler on pairs of large and small images, such as Set5 and Set14.

    Prints PSNR and SSIM on the luma, without a border as wide as the scale, beside those of a bicubic filter.
    """
    from ganedit.metrics.upscaling import measure_upscaler

    upscaler = open_model(console, model, "upscale")
    lines, found = [f"{'':16}{'PSNR':>8}{'bicubic':>9}{'gain':>7}{'SSIM':>9}{'bicubic':>9}"], []
    for folder in data:
        with console.stage(f"measuring on {folder}", 0) as progress:
            q = measure_upscaler(upscaler, folder, tile=tile, progress=progress)
        gain = q.psnr - q.bicubic_psnr
        lines.append(
            f"{folder.name:16}{q.psnr:8.2f}{q.bicubic_psnr:9.2f}{gain:+7.2f}{q.ssim:9.4f}{q.bicubic_ssim:9.4f}"
        )
        found.append({"data": str(folder), "model": upscaler.name, "sha256": upscaler.sha256, **asdict(q)})
    console.answer("\n".join(lines), found)
