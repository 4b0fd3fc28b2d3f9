"""`ganedit metrics is`: the Inception Score of a set of images."""

from __future__ import annotations

from ganedit.cli.kit.image_sets import measure_command

is_ = measure_command(
    "is",
    """Measure how surely images belong to classes, and how evenly to all of them.

    It looks at no real images. It is called the Inception Score only with --features inception; other
    networks with classes are efficientnet-lite0 to 2 and classifier:NAME.
    """,
)
