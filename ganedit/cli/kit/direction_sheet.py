"""Draws a sheet that shows the effect of directions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ganedit.cli.kit.context import Console
from ganedit.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from ganedit.latent.directions.direction import Direction
    from ganedit.store.models import Generator

REACH, COLUMNS = 3.0, 7  # magnitudes from -3 to 3
SHOWN_PSI = 0.7


def write_sheet(
    console: Console,
    generator: Generator,
    directions: list[Direction],
    faces: int,
    path: Path,
    reach: float = REACH,
) -> None:
    """Write a sheet with a row for each direction and sample, from -reach to +reach."""
    import numpy as np

    from ganedit.images.io import write_image
    from ganedit.images.sheet import enlarged, sheet
    from ganedit.latent.editing import draw, edit
    from ganedit.latent.latent import Latent
    from ganedit.latent.sampling import random_codes

    magnitudes = np.linspace(-reach, reach, COLUMNS).tolist()
    codes = random_codes(generator, faces, psi=SHOWN_PSI)[:, None].expand(-1, generator.num_ws, -1)
    pictures: list[np.ndarray] = []
    labels: list[str] = []
    with console.progress("drawing", len(directions) * faces) as bar:
        for one in directions:
            for code in codes:
                latent = Latent(code.cpu(), **generator.identity)
                moved = [edit(latent, [(one, m, None)]) for m in magnitudes]
                pictures += [enlarged(picture, 96) for picture in draw(generator, moved)]
                labels.append("" if len(labels) % faces else one.name)
                bar.advance()
    made = sheet(
        pictures,
        columns=COLUMNS,
        row_labels=labels,
        column_labels=[f"{m:+.2g}" if m else "0" for m in magnitudes],
    )
    parameters = {"directions": [one.name for one in directions]}
    record = console.provenance(
        console.command.removeprefix("ganedit "), parameters, generator.name, generator.sha256
    )
    write_image(path, made, provenance=record)


def check_faces(faces: int) -> None:
    """Raise UsageError unless there is a sample to show directions on."""
    if faces < 1:
        raise UsageError(f"--faces {faces} must be at least 1", "such as 2")
