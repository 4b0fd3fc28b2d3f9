"""The diagrams at the top of the pages in docs/formats, and of docs/restore.md and docs/bulk.md.

    python benchmarks/diagrams.py docs/images

Those of formats become `format-NAME.svg` in that folder, where NAME is that of the page. Sizes and names
are those of `ganedit/nets` and `ganedit/store/formats`; where files differ in size, a published one is
drawn. To look at one:

    chromium --headless --screenshot=x.png --window-size=900,830 docs/images/format-NAME.svg
"""

from __future__ import annotations

import sys
from pathlib import Path

from diagrams_bulk import bulk
from diagrams_files import directions, genforce, latents, rosinality
from diagrams_generators import biggan, encoders, stylegan_nvlabs
from diagrams_translators import cyclegan_pix2pix, pix2pixhd_spade, restore, stargan_unit, super_resolution
from svg import Shapes, picture

DIAGRAMS = {
    "biggan": biggan,
    "cyclegan-pix2pix": cyclegan_pix2pix,
    "directions": directions,
    "encoders": encoders,
    "genforce": genforce,
    "latents": latents,
    "pix2pixhd-spade": pix2pixhd_spade,
    "rosinality": rosinality,
    "stargan-unit": stargan_unit,
    "stylegan-nvlabs": stylegan_nvlabs,
    "super-resolution": super_resolution,
}
"""By the name of the page of a format: height, title and shapes."""


def main(folder: Path) -> None:
    for name, diagram in DIAGRAMS.items():
        _write(folder / f"format-{name}.svg", diagram())
    _write(folder / "restore.svg", restore())
    _write(folder / "bulk.svg", bulk())


def _write(path: Path, drawn: tuple[int, str, Shapes]) -> None:
    path.write_text(picture(*drawn), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
