"""Options of recipes whose discriminators see changed images. Light to import."""

from __future__ import annotations

from dataclasses import dataclass

from ganedit.errors import UsageError
from ganedit.train.options.base import LoopOptions, option

AUGMENTATIONS = ("color", "translation", "cutout")


@dataclass(frozen=True)
class DiffAugmentOptions(LoopOptions):
    """What DiffAugment changes in the images that the discriminator sees (arXiv:2006.10738)."""

    diffaugment: str = option("", "Changes before the discriminator, such as color,translation,cutout.")

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [one for one in self.changes if one not in AUGMENTATIONS]
        if unknown:
            raise UsageError(
                f"`diffaugment={self.diffaugment}` has {unknown[0]!r}, which is no change",
                f"choose of {', '.join(AUGMENTATIONS)}",
            )

    @property
    def changes(self) -> tuple[str, ...]:
        """The changes of `diffaugment`, in the order given."""
        return tuple(one.strip() for one in self.diffaugment.split(",") if one.strip())
