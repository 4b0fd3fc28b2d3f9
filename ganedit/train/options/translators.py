"""Options of the recipes that translate pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganedit.errors import UsageError
from ganedit.train.options.base import (
    UP_HELP,
    CycleOptions,
    option,
    refuse_no_share,
    refuse_zeros,
)
from ganedit.train.options.pictures import PATCHES, PictureOptions, TranslationOptions, refuse_small


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
        refuse_small(self, PATCHES[self.patch])
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
        refuse_small(self, PATCHES[70])


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
