"""Options of the recipes of classifiers and CLIP models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ganedit.errors import UsageError
from ganedit.train.options.base import (
    LoopOptions,
    option,
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
