"""Options of the recipes for image-to-image translation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganedit.errors import UsageError
from ganedit.train.options.base import (
    UP_HELP,
    CycleOptions,
    need_at_least,
    need_fraction,
    need_power_of_two,
    option,
)
from ganedit.train.options.pictures import (
    PATCHES,
    PictureOptions,
    TranslationOptions,
    need_room_for_patches,
)
from ganedit.train.options.pretrained import PretrainedOptions, need_room_for_features


@dataclass(frozen=True)
class Pix2pixOptions(TranslationOptions):
    """Train pix2pix: image-to-image translation from pairs, a U-Net against a PatchGAN."""

    data: tuple[str, ...] = option(
        (), "One folder or zip of side-by-side pairs, or two with files of the same names."
    )
    kimg: float = option(80.0, "Length of training, in thousands of images.")
    batch: int = option(4, "Pairs per optimiser step, over all devices.")
    direction: Literal["AtoB", "BtoA"] = option("AtoB", "A is the left half, or the first folder.")
    patch: int = option(70, "Receptive field of the discriminator in pixels: 1, 16, 70 or 286.")
    unconditional: bool = option(False, "Hide the input from the discriminator.")
    gan: Literal["vanilla", "lsgan"] = option("vanilla", "Adversarial loss.")
    gan_weight: float = option(1.0, "Weight of the adversarial loss; 0 trains on pixels alone.")
    l1: float = option(100.0, "Weight of the L1 loss.")
    perceptual_weight: float = option(10.0, "Weight of the perceptual loss.")
    norm: Literal["batch", "instance"] = option("batch", "Normalisation; instance suits --batch 1.")
    dropout: bool = option(True, "Use dropout in the middle of the generator.")
    up: Literal["transposed", "resize"] = option("transposed", UP_HELP)
    residual: bool = option(False, "Learn what to add to an image, instead of drawing all of it.")
    start: str = option("", "Model to start from: a name, a folder or a file.")
    colorization: bool = option(False, "Learn colours from lightness (CIE Lab); data is any folder or zip.")
    input: Literal["", "edges"] = option(
        "", "edges: the inputs are drawings by `ganedit draw edges`; people's sketches are redrawn like them."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.input and self.colorization:
            raise UsageError(
                f"`input={self.input}` and `colorization` exclude each other", "drop one of them"
            )
        if self.residual and self.colorization:
            raise UsageError("`residual` and `colorization` exclude each other", "drop one of them")
        if self.patch not in PATCHES:
            raise UsageError(f"`patch={self.patch}` must be one of {', '.join(map(str, PATCHES))}")
        need_room_for_patches(self, PATCHES[self.patch])
        need_power_of_two(self, "size", least=16)  # the U-Net halves it down to 1
        if not any((self.gan_weight, self.l1, self.perceptual, self.feature_discriminator)):
            raise UsageError("`gan_weight=0` with `l1=0` leaves nothing to learn from", "set one of them")


@dataclass(frozen=True)
class CycleGANOptions(TranslationOptions, CycleOptions):
    """Train CycleGAN: image-to-image translation between two sets, without pairs."""

    kimg: float = option(200.0, "Length of training, in thousands of images of each domain.")
    perceptual_weight: float = option(10.0, "Weight of the perceptual loss.")
    attention: float = option(
        0.0, "Weight of the area of a learned mask outside which nothing changes; 0: no mask."
    )
    history: int = option(50, "Earlier results that the discriminators are shown again; 0: none.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_room_for_patches(self, PATCHES[70])


@dataclass(frozen=True)
class CUTOptions(TranslationOptions):
    """Train CUT: image-to-image translation from one set to another without pairs, in one direction."""

    data: tuple[str, ...] = option((), "Two folders or zips: domain A and domain B.")
    kimg: float = option(100.0, "Length of training, in thousands of images of each domain.")
    batch: int = option(1, "Images of each domain per optimiser step, over all devices.")
    blocks: int = option(9, "Residual blocks: 6 suit 128 px, 9 suit 256 px.")
    up: Literal["transposed", "resize"] = option("transposed", UP_HELP)
    contrast: float = option(1.0, "Weight of the contrastive loss of translated images; FastCUT: 10.")
    identity: float = option(1.0, "Weight of that loss of images of B, drawn again; FastCUT: 0.")
    equivariant: bool = option(False, "Compare half of the images with the result for their mirror image.")
    patches: int = option(256, "Patches of each layer that are compared.")
    gan_weight: float = option(1.0, "Weight of the adversarial loss.")
    masks: float = option(
        0.0, "Weight of a mask outside which nothing changes; A are pairs of images and their masks. 0: none."
    )
    start: str = option("", "Model to start from: a name, a folder or a file.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_at_least(self, 1, "blocks")
        need_at_least(self, 2, "patches")
        need_room_for_patches(self, PATCHES[70])
        if self.perceptual:
            raise UsageError("`perceptual` needs targets, which this recipe does not have", "leave it out")


@dataclass(frozen=True)
class UNITOptions(TranslationOptions):
    """Train UNIT: image-to-image translation through a shared latent space, without pairs."""

    data: tuple[str, ...] = option((), "Two folders or zips: domain A and domain B.")
    kimg: float = option(1000.0, "Length of training, in thousands of images of each domain.")
    batch: int = option(1, "Images of each domain per optimiser step, over all devices.")
    lr: float = option(1e-4, "Learning rate.")
    weight_decay: float = option(1e-4, "Weight decay.")
    blocks: int = option(4, "Residual blocks of each encoder and of each decoder.")
    scales: int = option(3, "Scales of the discriminator, each half of the one before.")
    gan_weight: float = option(1.0, "Weight of the adversarial loss.")
    reconstruction: float = option(10.0, "Weight of reconstructing an image from its code.")
    kl: float = option(0.01, "Weight of the codes' KL divergence from the prior.")
    cycle: float = option(10.0, "Weight of the cycle-consistency loss.")
    perceptual_weight: float = option(10.0, "Weight of the perceptual loss.")
    cycle_kl: float = option(0.01, "Weight of the KL divergence for codes of translated images.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_at_least(self, 1, "blocks", "scales")


@dataclass(frozen=True)
class StarGANOptions(PictureOptions, PretrainedOptions):
    """Train StarGAN: one translator for many attributes, from labelled images."""

    data: tuple[str, ...] = option((), "Folders or zips of images, each with its labels.csv.")
    kimg: float = option(3200.0, "Length of training, in thousands of images.")
    batch: int = option(16, "Images per optimiser step, over all devices.")
    labels: str = option(
        "", "Attributes to change, as NAME=COLUMN=VALUE, or with <, <=, > or >= for numbers: "
        "young=age<30,old=age>=60,male=gender=male"
    )  # fmt: skip
    size: int = option(128, "Side of the images in pixels, a power of two.")
    fit: Literal["crop", "resize"] = option("crop", "How images that are not square are fitted.")
    width: int = option(64, "Channels of the generator's first layer.")
    d_width: int = option(64, "Channels of the discriminator's first layer.", was="judge_width")
    blocks: int = option(6, "Residual blocks.")
    residual: bool = option(False, "Learn what to add to an image, instead of drawing all of it.")
    lr: float = option(1e-4, "Learning rate.")
    decay: float = option(0.5, "Fraction of the run, at its end, over which the learning rate falls to 0.")
    critic: int = option(5, "Discriminator steps per generator step.")
    classify: float = option(1.0, "Weight of the classification loss.")
    reconstruct: float = option(10.0, "Weight of the reconstruction loss.")
    penalty: float = option(10.0, "Weight of the gradient penalty.")
    perceptual_weight: float = option(10.0, "Weight of the perceptual loss.")
    template: Literal["", "ffhq", "close-up"] = option("", "Alignment of the images, if they are faces.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_at_least(self, 1, "width", "d_width", "blocks", "critic")
        if not self.labels:
            raise UsageError("`labels` is missing", "such as young=age<30,old=age>=60")
        need_power_of_two(self, "size", least=16)
        need_room_for_features(self, self.size)
        need_fraction(self, "decay")
