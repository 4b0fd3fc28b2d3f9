"""Options of the recipes that draw from label maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganedit.errors import UsageError
from ganedit.train.options.base import (
    UP_HELP,
    option,
    refuse_zeros,
)
from ganedit.train.options.pictures import TranslationOptions


@dataclass(frozen=True)
class LabelMapOptions(TranslationOptions):
    """What recipes that draw from label maps have in common."""

    data: tuple[str, ...] = option(
        (), "Two folders or zips with files of the same names: label maps, then their photos."
    )
    labels: str = option("", "Names of the labels in the order of their numbers: sky,grass; or how many.")
    palette: str = option("", "File with a line R G B NAME for each label, for maps without numbers.")
    edges: bool = option(False, "Show the network the outlines of the regions, too.")
    instances: str = option("", "Folder or zip of maps that number single things: outlines are theirs.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.labels and not self.palette:
            raise UsageError("no --labels were named", "such as --labels background,skin,hair, or --labels 3")


@dataclass(frozen=True)
class Pix2pixHDOptions(LabelMapOptions):
    """Photos from label maps, or pictures from pictures, coarse to fine."""

    kimg: float = option(600.0, "Length of training, in thousands of images.")
    batch: int = option(1, "Maps per optimiser step, over all devices.")
    labels: str = option("", "Names or number of the labels, as sky,grass; 0 for pairs of pictures.")
    edges: bool = option(True, "Show the network the outlines of the regions, too.")
    width: int = option(64, "Channels of the first layer of the global generator.")
    downs: int = option(4, "Times that the global generator halves the size.")
    blocks: int = option(9, "Its residual blocks.")
    local: int = option(0, "Enhancers around it, each for twice the size; 0 trains it alone.")
    local_blocks: int = option(3, "Residual blocks of an enhancer.")
    up: Literal["transposed", "resize"] = option("transposed", UP_HELP)
    start: str = option("", "Generator to start from, with fewer enhancers or as many: name, folder or file.")
    fix_global: float = option(0.0, "Share of the run in which all but the last enhancer is held as it was.")
    scales: int = option(3, "Sizes that pictures are judged at, each half of the one before.")
    feature_weight: float = option(40.0, "Of the distance of the discriminators' features, per layer 10.")
    vgg: float = option(0.0, "Weight of LPIPS, the distance of VGG's features, whose weights are fetched.")

    @property
    def from_pictures(self) -> bool:
        """Whether it draws from pictures rather than from label maps."""
        return self.labels.strip() == "0"

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_zeros(self, "downs", "blocks", "local_blocks", "scales")
        multiple = 2 ** (self.downs + self.local)
        if self.size % multiple or self.size < 2 * multiple:
            raise UsageError(
                f"--size {self.size} cannot be halved {self.downs + self.local} times",
                f"choose a multiple of {multiple} from {2 * multiple} up, or fewer --downs",
            )
        if self.width % 2**self.local:
            raise UsageError(
                f"--width {self.width} cannot be halved for --local {self.local}", "each enhancer has half"
            )
        if self.fix_global > 1 or (self.fix_global and not (self.local and self.start)):
            raise UsageError(
                f"--fix-global {self.fix_global} is no share, or there is nothing to hold",
                "choose 0 to 1, with --local and --from a global generator",
            )
        if self.from_pictures and (self.palette or self.instances):
            raise UsageError("--labels 0 takes pictures, without --palette and --instances", "leave them out")


@dataclass(frozen=True)
class SPADEOptions(LabelMapOptions):
    """Photos from label maps by spatially adaptive normalisation, in the style of another photo if wanted."""

    kimg: float = option(400.0, "Length of training, in thousands of images.")
    batch: int = option(16, "Maps per optimiser step, over all devices.")
    lr: float = option(2e-4, "The generator learns at half of it, the discriminator at twice.")
    hidden: int = option(128, "Channels of what each normalisation reads from the map.")
    upsampling: Literal["normal", "more", "most"] = option("normal", "5, 6 or 7 doublings in the generator.")
    feature_weight: float = option(40.0, "Of the distance of the discriminators' features.")
    l1: float = option(0.0, "Weight of the mean absolute difference of pixels.")
    encoder: bool = option(False, "Learn an encoder of styles, so that one map gives many pictures.")
    encoder_norm: Literal["instance", "none"] = option(
        "instance", "Its normalisation; without, it sees colours and light better."
    )
    encoder_width: int = option(64, "Channels of its first layer.")
    style_dim: int = option(256, "Length of the styles.")
    kl: float = option(0.05, "Weight of the styles' distance from the prior.")

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_zeros(self, "hidden", "encoder_width", "style_dim")
        least = {"normal": 32, "more": 64, "most": 128}[self.upsampling]
        if self.size % least:
            raise UsageError(
                f"--size {self.size} is no multiple of {least}, as --upsampling {self.upsampling} needs",
                f"such as {4 * least}",
            )
