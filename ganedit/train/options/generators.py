"""Options of the recipes for generators, their encoders and their directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ganedit.errors import UsageError
from ganedit.train.options.augmentation import DiffAugmentOptions
from ganedit.train.options.base import (
    LoopOptions,
    need_above,
    need_at_least,
    need_fraction,
    need_numbers,
    need_power_of_two,
    option,
)
from ganedit.train.options.measuring import MeasuredOptions
from ganedit.train.options.pretrained import (
    FeatureDiscriminatorOptions,
    PretrainedOptions,
    need_room_for_features,
)


@dataclass(frozen=True)
class StyleOptions(MeasuredOptions, DiffAugmentOptions, FeatureDiscriminatorOptions):
    """Options of the recipes for StyleGAN2 and StyleGAN3."""

    resolution: int = option(128, "Side of the images in pixels, a power of two.")
    fit: Literal["crop", "resize"] = option("crop", "How images that are not square are fitted.")
    label: str = option(
        "", "Column of labels to condition on: of the CSV, or class, or folder (default: unconditional)."
    )
    labels: str = option("", "CSV or dataset.json of labels (default: that in the folder or beside the zip).")
    channel_base: int = option(8192, "Channels at S pixels are this divided by S, ...")
    channel_max: int = option(256, "... but at most this.")
    z_dim: int = option(256, "Dimensions of the latent z.")
    w_dim: int = option(256, "Dimensions of the style codes w.")
    mapping_layers: int = option(4, "Layers of the mapping network.")
    lr: float = option(0.0025, "Learning rate.")
    d_lr: float = option(0.0, "Learning rate of the discriminator (default: --lr).")
    discriminator: bool = option(True, "Train the ordinary discriminator.")
    feature_gan_weight: float = option(
        1.0, "Weight of the feature discriminators in the generator's loss.", was="feature_weight"
    )
    feature_warmup: int = option(
        60, "Steps that the feature discriminators train alone when the generator starts --from a model."
    )
    r1_gamma: float = option(0.0, "Weight of the R1 penalty; 0: 0.0002 x resolution² / batch.")
    r1_every: int = option(16, "Steps between R1 penalties.")
    style_mixing: float = option(0.9, "Probability of style mixing.")
    ema_kimg: float = option(10.0, "Half-life of the averaged generator, in thousands of images.")
    ema_rampup: float = option(0.05, "Half-life at the start, as a fraction of the images seen so far.")
    mirror: bool = option(True, "Flip half of the images left to right.")
    augment: Literal["ada", "none"] = option("ada", "Augmentation of what the discriminator sees.")
    ada_target: float = option(0.6, "Mean sign of the discriminator on real images to aim for.")
    ada_kimg: float = option(500.0, "Thousands of images for the augmentation to go from 0 to 1.")
    ada_every: int = option(4, "Steps between adjustments of the augmentation.")
    start: str = option("", "Model to start from: a name, a folder or a checkpoint.")
    freeze_d: int = option(0, "Number of discriminator layers, counted from the image, to keep frozen.")
    name: str = option("generator", "Name of the exported model.")
    template: Literal["", "ffhq", "close-up"] = option("", "Alignment of the images, if they are faces.")
    about_data: str = option("", "Description of the training data, for the card.")
    terms: str = option("", "Terms of the training data's licence, for the card.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_power_of_two(self, "resolution", least=8)
        need_at_least(self, 1, "channel_base", "channel_max", "z_dim", "w_dim", "mapping_layers")
        need_at_least(self, 1, "r1_every", "ada_every")
        need_fraction(self, "style_mixing")
        need_above(self, 0, "ada_kimg")
        if not self.discriminator and not self.feature_discriminator:
            raise UsageError(
                "`discriminator=False` leaves nothing to learn from",
                "add `feature_discriminator=efficientnet-lite0`",
            )
        if self.changes and not self.discriminator:
            raise UsageError(
                f"`diffaugment={self.diffaugment}` changes what the ordinary discriminator sees, and "
                "`discriminator=False` leaves that out",
                "leave out one of them; feature discriminators have their own augmentation",
            )
        need_room_for_features(self, self.resolution)

    @property
    def gamma(self) -> float:
        """Weight of R1; the heuristic is that of stylegan2-ada's `auto` settings."""
        return self.r1_gamma or 0.0002 * self.resolution**2 / self.batch


@dataclass(frozen=True)
class StyleGAN2Options(StyleOptions):
    """Train a StyleGAN2 generator with adaptive augmentation.

    The defaults suit 16,000 faces at 128 px on one large GPU.
    """

    path_weight: float = option(2.0, "Weight of path-length regularisation; 0: none.")
    path_every: int = option(8, "Steps between path-length penalties.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_at_least(self, 1, "path_every")


@dataclass(frozen=True)
class StyleGAN3Options(StyleOptions):
    """Train a StyleGAN3 generator, whose details move (t), or also turn (r), with its content."""

    variant: Literal["t", "r"] = option("t", "t: details move; r: they also turn, with twice the channels.")
    layers: int = option(14, "Layers of the generator before the one that makes the image.")
    mapping_layers: int = option(2, "Layers of the mapping network.")
    d_lr: float = option(0.002, "Learning rate of the discriminator.")
    style_mixing: float = option(0.0, "Probability of style mixing.")
    blur_kimg: float = option(
        200.0, "Thousands of images until the discriminator sees sharp ones (r); 0: from the beginning."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        need_power_of_two(self, "resolution", least=16)
        need_at_least(self, 4, "layers")


@dataclass(frozen=True)
class EncoderOptions(PretrainedOptions):
    """Train an encoder from images to a generator's style codes."""

    model: str = option("faces", "Generator: a name, a folder or a checkpoint.")
    kimg: float = option(60.0, "Length of training, in thousands of images.")
    batch: int = option(16, "Images per step: half samples of the generator, half real.")
    lr: float = option(1e-3, "Learning rate.")
    code_weight: float = option(0.5, "Weight of the error of known codes, in units of their variance.")
    offset_weight: float = option(0.02, "Weight of the offsets between layers; more keeps codes editable.")
    start: str = option("", "Encoder to start from: a name or a folder.")
    mixed: float = option(0.3, "Fraction of samples drawn with style mixing.")
    mirror: bool = option(True, "Flip half of the images left to right.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch % (2 * self.devices * self.accumulate):
            raise UsageError(f"`batch={self.batch}` must be even: half samples, half real images")


@dataclass(frozen=True)
class VoynovOptions(LoopOptions):
    """Discover directions of a generator that a network can tell apart (Voynov & Babenko, 2020)."""

    takes_data: ClassVar[bool] = False
    data: tuple[str, ...] = option((), "None: the generator draws the samples.")
    kimg: float = option(200.0, "Length of training, in thousands of pairs of samples.")
    batch: int = option(32, "Pairs per optimiser step, over all devices.")
    model: str = option("faces", "Generator: a name, a folder or a checkpoint.")
    count: int = option(64, "Number of directions; they are orthogonal.")
    reach: float = option(6.0, "Largest shift, in mean standard deviations of the codes.")
    shift_weight: float = option(0.25, "Weight of the error of the shift, beside the cross-entropy.")
    lr: float = option(1e-3, "Learning rate.")
    widths: str = option("32,64,96,128", "Channels of the predictor at 1/2, 1/4, 1/8 and 1/16 of the side.")
    snapshot_kimg: float = option(20.0, "Thousands of pairs between checkpoints.")
    sample_kimg: float = option(20.0, "Thousands of pairs between sample sheets.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_at_least(self, 2, "count")
        need_above(self, 0.5, "reach")
        need_numbers(self, "widths", "32,64,96,128")
