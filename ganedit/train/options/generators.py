"""Options of the recipes of generators, their encoders and directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ganedit.errors import UsageError
from ganedit.train.options.base import (
    LoopOptions,
    option,
    refuse_zeros,
)


@dataclass(frozen=True)
class StyleGAN2Options(LoopOptions):
    """StyleGAN2 with adaptive augmentation. The defaults suit 16,000 faces at 128 px on one large GPU."""

    resolution: int = option(128, "Side of the pictures, a power of two.")
    fit: Literal["crop", "resize"] = option("crop", "What to do with images that are not square.")
    label: str = option("", "Column of labels to condition on; none without it.")
    labels: str = option("", "CSV that holds it; labels.csv in the folder or beside the zip unless given.")
    channel_base: int = option(8192, "Channels at s pixels are this divided by s, ...")
    channel_max: int = option(256, "... but at most this.")
    z_dim: int = 256
    w_dim: int = 256
    mapping_layers: int = 4
    lr: float = 0.0025
    d_lr: float = option(0.0, "Learning rate of the discriminator (default: --lr).")
    discriminator: bool = option(True, "Train the ordinary discriminator.")
    feature_discriminator: Literal["", "efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"] = (
        option("", "Pretrained network on whose features further discriminators learn (extra: features).")
    )
    feature_weight: float = option(1.0, "Weight of the feature discriminators in the generator's loss.")
    feature_lr: float = option(0.0005, "Learning rate of the feature discriminators.")
    feature_warmup: int = option(
        60, "Steps that the feature discriminators train alone when the generator starts --from a model."
    )
    r1_gamma: float = option(0.0, "Weight of R1; 0 takes 0.0002 x resolution² / batch.")
    r1_every: int = option(16, "Steps between R1 penalties.")
    path_weight: float = option(2.0, "Weight of path-length regularisation; 0 leaves it out.")
    path_every: int = option(8, "Steps between path-length penalties.")
    style_mixing: float = option(0.9, "Probability.")
    ema_kimg: float = option(10.0, "Half-life of the averaged generator, in thousands of images.")
    ema_rampup: float = option(0.05, "Half-life at the start, as a share of the images seen.")
    mirror: bool = option(True, "Flip half of the images left to right.")
    augment: Literal["ada", "none"] = "ada"
    ada_target: float = option(0.6, "Sign of D on real images to steer for.")
    ada_kimg: float = option(500.0, "Thousands of images for the augmentation to go from 0 to 1.")
    ada_every: int = option(4, "Steps between adjustments.")
    start: str = option("", "Model to start from: a name, a folder or a checkpoint.")
    freeze_d: int = option(0, "Layers of D, counted from the image, that keep their weights.")
    name: str = option("generator", "Of the exported model.")
    template: Literal["", "ffhq", "close-up"] = option("", "Alignment of the images, if they are faces.")
    about_data: str = option("", "What the images are, for the card.")
    terms: str = option("", "What their licence asks, for the card.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.resolution < 8 or self.resolution & (self.resolution - 1):
            raise UsageError(
                f"--resolution {self.resolution} is no power of two from 8 up", "such as 64 or 128"
            )
        refuse_zeros(self, "channel_base", "channel_max", "z_dim", "w_dim", "mapping_layers")
        if not 0 <= self.style_mixing <= 1:
            raise UsageError(f"--style-mixing {self.style_mixing} is no probability", "choose 0 to 1")
        if not self.ada_kimg > 0:
            raise UsageError("--ada-kimg 0 steers nothing", "choose a number above 0, or --augment none")
        if min(self.r1_every, self.path_every, self.ada_every) < 1:
            raise UsageError("--r1-every, --path-every and --ada-every count steps", "choose 1 or more")
        if not self.discriminator and not self.feature_discriminator:
            raise UsageError(
                "--no-discriminator leaves nothing to learn from",
                "add --feature-discriminator efficientnet-lite0",
            )
        if self.feature_discriminator and self.resolution < 32:
            raise UsageError(
                f"--feature-discriminator needs images of at least 32 px, not {self.resolution}",
                "choose a larger --resolution",
            )
        if self.feature_discriminator and not self.feature_lr > 0:
            raise UsageError("--feature-lr must be above 0", "such as 0.0005")

    @property
    def gamma(self) -> float:
        """Weight of R1; the heuristic is that of stylegan2-ada's `auto` settings."""
        return self.r1_gamma or 0.0002 * self.resolution**2 / self.batch


@dataclass(frozen=True)
class EncoderOptions(LoopOptions):
    """An encoder of pictures into a generator's style codes."""

    model: str = option("faces", "The generator: a name, a folder or a checkpoint.")
    kimg: float = option(60.0, "Length of training, in thousands of images.")
    batch: int = option(16, "Images per step: half samples of the generator, half real.")
    lr: float = 1e-3
    code_weight: float = option(0.5, "Of the error of known codes, in units of their variance.")
    offset_weight: float = option(0.02, "Of the offsets between layers; more keeps codes editable.")
    start: str = option("", "Encoder to start from: a name or a folder.")
    mixed: float = option(0.3, "Share of samples whose code changes part of the way up.")
    mirror: bool = option(True, "Flip half of the images left to right.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch % (2 * self.devices * self.accumulate):
            raise UsageError(
                f"--batch {self.batch} must be even: half samples, half real pictures", "such as 16"
            )


@dataclass(frozen=True)
class VoynovOptions(LoopOptions):
    """Directions of a generator that a predictor tells apart by what they change (Voynov & Babenko)."""

    takes_data: ClassVar[bool] = False
    data: tuple[str, ...] = option((), "None: the generator draws what is learned from.")
    kimg: float = option(200.0, "Length of training, in thousands of pairs of pictures.")
    batch: int = option(32, "Pairs per optimiser step, over all devices.")
    model: str = option("faces", "The generator: a name, a folder or a checkpoint.")
    count: int = option(64, "How many directions; they are at right angles to each other.")
    reach: float = option(6.0, "Largest shift, in mean standard deviations of codes.")
    shift_weight: float = option(0.25, "Of the error of the shift, beside the cross-entropy.")
    lr: float = 1e-3
    widths: str = option("32,64,96,128", "Channels of the predictor at 1/2, 1/4, 1/8 and 1/16 of the side.")
    snapshot_kimg: float = option(20.0, "Between checkpoints.")
    sample_kimg: float = option(20.0, "Between sample pictures.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.count < 2:
            raise UsageError(f"--count {self.count} leaves nothing to tell apart", "choose 2 or more")
        if not self.reach > 0.5:
            raise UsageError(f"--reach {self.reach} cannot be seen", "choose more than 0.5, such as 6")
        if not all(width.strip().isdigit() and int(width) for width in self.widths.split(",")):
            raise UsageError(f"--widths {self.widths} is no list of numbers", "such as 32,64,96,128")
