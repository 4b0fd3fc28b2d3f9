"""What each recipe can be told. The fields are the flags of `ganedit train RECIPE`. Light to import."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, fields
from pathlib import PurePath
from typing import ClassVar, Literal

from ganedit.errors import UsageError
from ganedit.train.loop_options import (
    UP_HELP,
    CycleOptions,
    DuelOptions,
    LoopOptions,
    ModelOptions,
    flag_of,
    option,
    refuse_no_share,
    refuse_zeros,
)
from ganedit.train.sound_options import TimbreOptions, VocoderOptions, WaveNetOptions


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
class ClassifierOptions(LoopOptions):
    """Attributes of pictures, such as faces, from several labelled sets at once."""

    data: tuple[str, ...] = option((), "Folders or zips of pictures, each with its labels.csv.")
    kimg: float = option(300.0, "Length of training, in thousands of images.")
    batch: int = option(64, "Images per optimiser step, over all devices.")
    attributes: str = option(
        "smile,gender,age,yaw,pitch",
        "Columns of the sets' CSVs; yaw and pitch of faces are measured if no set has them.",
    )
    template: Literal["", "ffhq", "close-up"] = option(
        "close-up", 'Alignment of the crops, to find landmarks; "" if they are no faces.'
    )
    lr: float = 0.003
    weight_decay: float = 0.01
    test_share: float = option(0.1, "Of each set, kept out of training.")
    widths: str = option("24,48,64,96", "Channels at 32, 16, 8 and 4 px.")
    name: str = option("", "Of the exported model; face-attributes, or attributes where there are no faces.")
    about_data: str = option("", "What the images are, for the card.")
    terms: str = option("", "What their licence asks, for the card.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.test_share < 1:
            raise UsageError(f"--test-share {self.test_share} is no share", "choose 0 to 1, such as 0.1")


@dataclass(frozen=True)
class CLIPOptions(LoopOptions):
    """A small CLIP model of faces, from captions composed of labels."""

    data: tuple[str, ...] = option((), "Folders or zips of aligned faces, each with its labels.csv.")
    kimg: float = option(600.0, "Length of training, in thousands of images.")
    batch: int = option(128, "Images per optimiser step, over all devices.")
    classifier: str = option("face-attributes", "Tells of a smile, or a gender, what the CSV does not.")
    size: int = option(64, "Side of the pictures, a multiple of 32.")
    width: int = option(24, "Channels of the first stage of the ResNet.")
    embed: int = option(64, "Length of the features.")
    lr: float = 0.002
    weight_decay: float = option(0.05, "Of all weights but biases and gains.")
    test_share: float = option(0.03, "Of each set, kept out of training.")
    template: Literal["", "ffhq", "close-up"] = option("close-up", "Alignment of the faces.")
    name: str = option("clip-faces", "Of the exported model.")
    about_data: str = option("", "What the images are, for the card.")
    terms: str = option("", "What their licence asks, for the card.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size < 64 or self.size % 32:
            raise UsageError(f"--size {self.size} is no multiple of 32 from 64 up", "such as 64 or 96")
        if min(self.width, self.embed) < 2 or self.width % 2:
            raise UsageError("--width has to be even, --embed above 1", "such as 24 and 64")
        if not 0 < self.test_share < 1:
            raise UsageError(f"--test-share {self.test_share} is no share", "choose 0 to 1, such as 0.03")


@dataclass(frozen=True)
class CLIPMapperOptions(LoopOptions):
    """A network that changes codes of a generator to what one text says (StyleCLIP)."""

    takes_data: ClassVar[bool] = False
    data: tuple[str, ...] = option((), "None: the generator draws what the mapper learns from.")
    kimg: float = option(4.0, "Length of training, in thousands of codes.")
    batch: int = option(4, "Codes per optimiser step, over all devices.")
    model: str = option("faces", "Generator: a name or a file.")
    clip: str = option("clip-faces", "CLIP model: a name, a folder, or one of open_clip's.")
    text: str = option("", "What pictures should show.")
    neutral: str = option("", "What they show before, as far as it matters.")
    bands: str = option("coarse,middle,fine", "Rows of the code that may change.")
    closeness: float = option(0.1, "Weight of staying near the code, in units of the variance of codes.")
    identity: float = option(0.2, "Weight of the identity distance; faces only.")
    crops: int = option(4, "Random crops of a picture that CLIP looks at; 0: the whole.")
    psi: float = option(0.8, "Truncation of the codes that it learns from.")
    lr: float = 0.005
    name: str = option("", "Of the exported model; made of the text unless given.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.text.strip():
            raise UsageError("no --text was given", 'say what pictures should show: --text "a smiling face"')


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


@dataclass(frozen=True)
class PictureOptions(ModelOptions):
    """What recipes that make pictures out of pictures have in common."""

    mirror: bool = option(True, "Flip half of the crops left to right.")


@dataclass(frozen=True)
class SRGANOptions(PictureOptions):
    """Super-resolution: SRResNet by pixels alone, or with --adversarial as SRGAN."""

    data: tuple[str, ...] = option((), "Folders or zips of sharp pictures; one named twice counts twice.")
    batch: int = option(16, "Crops per optimiser step, over all devices.")
    scale: int = option(4, "How many times as wide and high: 2, 4 or 8.")
    size: int = option(96, "Side of the large crops, a multiple of --scale.")
    width: int = option(64, "Channels.")
    blocks: int = option(16, "Residual blocks.")
    norm: Literal["batch", "none"] = option("batch", "Normalisation; none as in EDSR.")
    residual: bool = option(False, "Draw only what a bicubic enlargement lacks: learned in fewer steps.")
    lr: float = option(5e-4, "At the start; it falls to 0 along half a cosine.")
    adversarial: bool = option(False, "Add a discriminator and the comparison of its features.")
    gan_weight: float = option(1e-3, "Of the adversarial loss.")
    feature_weight: float = option(0.1, "Of the distance of the discriminator's features.")
    pixel_weight: float = option(1.0, "Of the mean absolute difference of pixels.")
    start: str = option("", "Upscaler to start from: a name, a folder or a file.")
    test: str = option("", "Folders of *_HR.png and *_LR.png to measure on, separated by commas.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale not in (2, 4, 8):
            raise UsageError(f"--scale {self.scale} is not among 2, 4 and 8", "choose one of them")
        if self.size < 8 * self.scale or self.size % self.scale:
            raise UsageError(
                f"--size {self.size} does not suit --scale {self.scale}",
                f"choose a multiple of {self.scale} from {8 * self.scale} up",
            )
        refuse_zeros(self, "width", "blocks")


@dataclass(frozen=True)
class TranslationOptions(PictureOptions, DuelOptions):
    """What recipes that translate pictures have in common."""

    size: int = option(256, "Side of the crops that are trained on.")
    load_size: int = option(0, "Squeeze pictures to this side before they are cropped; 0: 286/256 of --size.")
    keep_size: bool = option(False, "Crop pictures at the size that they have.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.load_size < self.size:
            raise UsageError(f"--load-size {self.load_size} is below --size {self.size}", "swap them")
        if self.size < 16 or self.size % 4:
            raise UsageError(f"--size {self.size} is no multiple of 4 from 16 up", "such as 128 or 256")

    @property
    def squeeze(self) -> int:
        """Side that pictures are brought to; 0 leaves them."""
        return 0 if self.keep_size else self.load_size or round(self.size * 286 / 256)


@dataclass(frozen=True)
class Pix2pixOptions(TranslationOptions):
    """Pictures from paired pictures: U-Net against PatchGAN."""

    data: tuple[str, ...] = option(
        (), "One folder or zip of side-by-side pairs, or two with files of the same names."
    )
    kimg: float = option(80.0, "Length of training, in thousands of images.")
    batch: int = option(4, "Pairs per optimiser step, over all devices.")
    direction: Literal["AtoB", "BtoA"] = option("AtoB", "A is the left half, or the first folder.")
    patch: int = option(70, "Side of what the discriminator judges at once: 1, 16, 70 or 286.")
    unconditional: bool = option(False, "Hide the input from the discriminator.")
    gan: Literal["vanilla", "lsgan"] = option("vanilla", "Kind of the adversarial loss.")
    gan_weight: float = option(1.0, "Of the adversarial loss; 0 trains by pixels alone.")
    l1: float = option(100.0, "Weight of the mean absolute difference of pixels.")
    norm: Literal["batch", "instance"] = option("batch", "Normalisation; for --batch 1 instance.")
    dropout: bool = option(True, "In the middle of the generator.")
    up: Literal["transposed", "resize"] = option("transposed", UP_HELP)
    start: str = option("", "Model to start from, such as one trained by pixels alone: name, folder or file.")
    colorization: bool = option(False, "From lightness to colours (CIE Lab); data is any folder or zip.")
    input: Literal["", "edges"] = option(
        "", "edges: drawings by ganedit draw edges are given, and users' sketches are brought to their look."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.input and self.colorization:
            raise UsageError(
                f"--input {self.input} and --colorization are two kinds of input", "drop one of them"
            )
        if self.patch not in PATCHES:
            raise UsageError(
                f"--patch {self.patch} is not among {', '.join(map(str, PATCHES))}", "such as 70"
            )
        _refuse_small(self, PATCHES[self.patch])
        if self.size & (self.size - 1):
            raise UsageError(
                f"--size {self.size} is no power of two", "a U-Net halves it, such as 128 or 256"
            )
        if not self.gan_weight and not self.l1:
            raise UsageError("--gan-weight 0 --l1 0 leaves nothing to learn", "keep one of them")


@dataclass(frozen=True)
class CycleGANOptions(TranslationOptions, CycleOptions):
    """Pictures of one kind into another and back, without pairs."""

    kimg: float = option(200.0, "Length of training, in thousands of images of each domain.")
    attention: float = option(
        0.0, "Weight of the area of a mask that says where to change; 0: no mask, all may change."
    )
    history: int = option(50, "Fakes that the discriminators are shown again; 0 for none.")

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_small(self, PATCHES[70])


@dataclass(frozen=True)
class UNITOptions(TranslationOptions):
    """Pictures of one kind into another and back by way of a code that both share, without pairs."""

    data: tuple[str, ...] = option((), "Two folders or zips: domain A and domain B.")
    kimg: float = option(1000.0, "Length of training, in thousands of images of each domain.")
    batch: int = option(1, "Images of each domain per optimiser step, over all devices.")
    lr: float = 1e-4
    weight_decay: float = 1e-4
    blocks: int = option(4, "Residual blocks of an encoder, and as many of a decoder.")
    scales: int = option(3, "Sizes that pictures are judged at, each half of the one before.")
    gan_weight: float = option(1.0, "Of the adversarial loss.")
    reconstruction: float = option(10.0, "Weight of drawing a picture again from its code.")
    kl: float = option(0.01, "Weight of the codes' distance from the prior.")
    cycle: float = option(10.0, "Weight of coming back to where one started.")
    cycle_kl: float = option(0.01, "Weight of that distance for codes of translated pictures.")

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_zeros(self, "blocks", "scales")


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


@dataclass(frozen=True)
class InpaintOptions(TranslationOptions):
    """Holes filled from their surroundings: a context encoder."""

    kimg: float = option(300.0, "Length of training, in thousands of images.")
    batch: int = option(32, "Images per optimiser step, over all devices.")
    size: int = option(128, "Side of the pictures, a multiple of 16.")
    holes: Literal["both", "center", "random"] = option(
        "both", "The middle quarter of the area, one to four rectangles anywhere, or now this, now that."
    )
    reconstruction: float = option(0.999, "Weight of the squared error in the hole.")
    gan_weight: float = option(0.001, "Of the adversarial loss; 0 trains by pixels alone.")
    norm: Literal["batch", "instance"] = option("batch", "Normalisation.")
    template: Literal["", "ffhq", "close-up"] = option("", "Alignment of the images, if they are faces.")
    test: str = option("", "Folder or zip to measure on: its first 200 pictures, the middle cut out.")

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_small(self, PATCHES[70])
        if self.size % 16:
            raise UsageError(f"--size {self.size} is no multiple of 16", "such as 64 or 128")


@dataclass(frozen=True)
class StarGANOptions(PictureOptions):
    """One translator for many attributes, from labelled pictures."""

    data: tuple[str, ...] = option((), "Folders or zips of images, each with its labels.csv.")
    kimg: float = option(3200.0, "Length of training, in thousands of images.")
    batch: int = option(16, "Images per optimiser step, over all devices.")
    labels: str = option(
        "", "What the model is to change, as NAME=COLUMN=VALUE, or <, <=, > or >= for numbers: "
        "young=age<30,old=age>=60,male=gender=male"
    )  # fmt: skip
    size: int = option(128, "Side of the pictures, a power of two.")
    fit: Literal["crop", "resize"] = option("crop", "What to do with images that are not square.")
    width: int = option(64, "Channels of the generator's first layer.")
    judge_width: int = option(64, "Channels of the discriminator's first layer.")
    blocks: int = option(6, "Residual blocks.")
    residual: bool = option(False, "Learn what to add to a picture, instead of drawing all of it anew.")
    lr: float = 1e-4
    decay: float = option(0.5, "Share of the run at whose end the learning rate falls to 0.")
    critic: int = option(5, "Steps of the discriminator for one of the generator.")
    classify: float = option(1.0, "Weight of having the attributes asked for.")
    reconstruct: float = option(10.0, "Weight of coming back to where one started.")
    penalty: float = option(10.0, "Weight of the gradient penalty.")
    template: Literal["", "ffhq", "close-up"] = option("", "Alignment of the images, if they are faces.")

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_zeros(self, "width", "judge_width", "blocks")
        if not self.labels:
            raise UsageError("no --labels were named", "such as --labels young=age<30,old=age>=60")
        if self.size < 16 or self.size & (self.size - 1):
            raise UsageError(f"--size {self.size} is no power of two from 16 up", "such as 64 or 128")
        refuse_no_share(self, "decay")
        if self.critic < 1:
            raise UsageError("--critic 0 never trains the discriminator", "choose 1 or more")


def _refuse_small(options: TranslationOptions, halvings: int) -> None:
    """Crops of which a PatchGAN with so many convolutions of stride 2 leaves nothing to judge."""
    least = 4 * 2**halvings
    if options.size < least:
        raise UsageError(
            f"--size {options.size} is too small for this discriminator", f"choose {least} or more"
        )


PATCHES = {1: 0, 16: 1, 70: 3, 286: 5}
"""Convolutions of stride 2 by the side of the patch that a PatchGAN judges."""

IN_CARD = ("about_data", "terms", "test")  # what a card shows by itself


def command_line(options: LoopOptions) -> str:
    """The command that `options` came from: its data by name, then the flags that are not the defaults."""
    name = next(name for name, kind in RECIPES.items() if kind is type(options))
    words = [f"ganedit train {name}", *(PurePath(one).name for one in options.data)]
    for f in fields(options):
        value = getattr(options, f.name)
        if f.name == "data" or f.name in IN_CARD or value == f.default:
            continue
        flag = flag_of(f.name)
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            words.append(f"{flag} {shlex.quote(str(value))}")
    return " ".join(words)


RECIPES: dict[str, type[LoopOptions]] = {
    "stylegan2": StyleGAN2Options,
    "encoder": EncoderOptions,
    "clip": CLIPOptions,
    "clip-mapper": CLIPMapperOptions,
    "voynov": VoynovOptions,
    "classifier": ClassifierOptions,
    "pix2pix": Pix2pixOptions,
    "cyclegan": CycleGANOptions,
    "unit": UNITOptions,
    "pix2pixhd": Pix2pixHDOptions,
    "spade": SPADEOptions,
    "srgan": SRGANOptions,
    "inpaint": InpaintOptions,
    "stargan": StarGANOptions,
    "timbre": TimbreOptions,
    "vocoder": VocoderOptions,
    "wavenet": WaveNetOptions,
}
"""Recipe by name; `train.recipes.NAME`, its - as _, has `start(options, device, note, on_load) -> Recipe`."""
