"""Options of recipes for generators that are measured as they learn. Light to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganedit.train.options.base import LoopOptions, need_above, need_at_least, option


@dataclass(frozen=True)
class MeasuredOptions(LoopOptions):
    """How a generator is measured against its data, whose best snapshot is kept beside the last."""

    measure: Literal["", "fid", "kid"] = option(
        "", "Measure the generator as it learns, and keep the best snapshot: fid or kid."
    )
    measure_kimg: float = option(50.0, "Thousands of images between measures.")
    measure_samples: int = option(2000, "Samples, and images of the data, for each measure.")
    measure_features: str = option(
        "efficientnet-lite1", "Network for --measure, as in ganedit metrics --features."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        need_above(self, 0, "measure_kimg")
        need_at_least(self, 2, "measure_samples")
