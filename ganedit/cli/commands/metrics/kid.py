"""`ganedit metrics kid`: the kernel distance of two sets of images."""

from __future__ import annotations

from ganedit.cli.kit.image_sets import measure_command

kid = measure_command(
    "kid",
    """Measure how far samples are from real images: the kernel distance of their features.

    Its expectation does not depend on the number of images, so it suits few. It is called KID only with
    --features inception. The mean and the standard deviation over 100 subsets of at most 1,000 are printed.
    """,
)
