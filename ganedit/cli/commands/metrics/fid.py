"""`ganedit metrics fid`: the Fréchet distance of two sets of images."""

from __future__ import annotations

from ganedit.cli.kit.image_sets import measure_command

fid = measure_command(
    "fid",
    """Measure how far samples are from real images: the Fréchet distance of their features.

    It sees quality and variety in one number, 0 for equal distributions, and is called FID only with
    --features inception. It falls with the number of images: compare only distances of equal numbers.
    """,
)
