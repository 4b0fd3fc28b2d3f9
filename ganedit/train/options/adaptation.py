"""Options of domain adaptation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ganedit.errors import UsageError
from ganedit.train.options.base import ModelOptions, need_at_least, need_multiple, option

AdaptMethod = Literal["source-only", "confusion", "dann", "adda", "cycada"]
METHODS: tuple[str, ...] = get_args(AdaptMethod)


@dataclass(frozen=True)
class AdaptOptions(ModelOptions):
    """Train a classifier with labels of one domain alone, so that it works on another."""

    data: tuple[str, ...] = option(
        (), "The source, which has classes, and the target; of train and test in them, both are used."
    )
    kimg: float = option(100.0, "Length of training, in thousands of images of each domain.")
    batch: int = option(64, "Images of each domain per optimiser step, over all devices.")
    method: AdaptMethod = option(
        "adda",
        "source-only; confusion: equal mean features; dann: reversed gradients; adda: features against an "
        "adversary; cycada: translated images, then adda.",
    )
    label: str = option("folder", "Column of the classes; folder: each class has a folder of its own.")
    size: int = option(28, "Side of the images in pixels, a multiple of 4.")
    limit_source: int = option(0, "Use only so many images of the source, chosen by --seed; 0: all.")
    limit_target: int = option(0, "The same of the target.")
    blend: str = option("", "Folder or zip of photos, with crops of which the target is blended (MNIST-M).")
    lr: float = option(1e-3, "Learning rate of the classifier while it learns from labels.")
    d_lr: float = option(2e-4, "Learning rate of the adversary, and of the features against it.")
    weight: float = option(1.0, "Weight of what brings features together in confusion and dann.")
    width: int = option(16, "Channels of the first layers of cycada's generators.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.limit:
            raise UsageError("`limit` does not say of which domain", "`limit_source` or `limit_target`")
        if self.method not in METHODS:
            raise UsageError(f"there is no method {self.method}", f"one of {', '.join(METHODS)}")
        need_multiple(self, "size", 4, least=16)
        need_at_least(self, 1, "width")
