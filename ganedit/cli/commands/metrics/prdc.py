"""`ganedit metrics prdc`: precision, recall, density and coverage of a set of images."""

from __future__ import annotations

from ganedit.cli.kit.image_sets import measure_command

prdc = measure_command(
    "prdc",
    """Measure quality and variety apart: precision, recall, density and coverage.

    Precision and density say how many samples lie among the real images; recall and coverage how many of
    the real images lie among the samples.
    """,
)
