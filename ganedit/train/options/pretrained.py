"""Options of recipes that learn from the features of pretrained networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganedit.errors import UsageError
from ganedit.train.options.base import LoopOptions, need_above, option

FeatureNetwork = Literal["", "efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"]
COARSEST = 32  # pixels of an image that share one of the coarsest features


@dataclass(frozen=True)
class FeatureDiscriminatorOptions(LoopOptions):
    """Options of recipes with discriminators on pretrained features."""

    feature_discriminator: FeatureNetwork = option(
        "", "Pretrained network on whose features more discriminators learn (extra: features)."
    )
    feature_gan_weight: float = option(1.0, "Weight of the feature discriminators in the generator's loss.")
    feature_lr: float = option(0.0005, "Learning rate of the feature discriminators.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_above(self, 0, "feature_lr")


@dataclass(frozen=True)
class PretrainedOptions(FeatureDiscriminatorOptions):
    """Options of recipes that also compare results with targets by pretrained features."""

    perceptual: FeatureNetwork = option(
        "", "Pretrained network whose features of results and targets are compared (extra: features)."
    )
    perceptual_weight: float = option(1.0, "Weight of the perceptual loss.")


def need_room_for_features(options: FeatureDiscriminatorOptions, side: int) -> None:
    """Raise UsageError for images whose side in pixels the feature discriminators cannot take."""
    if options.feature_discriminator and (side < COARSEST or side % COARSEST):
        raise UsageError(
            f"`feature_discriminator` needs images whose side is a multiple of {COARSEST} pixels, not {side}",
            "choose another size, or leave it out",
        )
