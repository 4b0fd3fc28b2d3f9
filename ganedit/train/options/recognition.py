"""Options of the recipes for classifiers and CLIP models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ganedit.errors import UsageError
from ganedit.train.options.base import (
    LoopOptions,
    need_at_least,
    need_fraction,
    need_multiple,
    need_numbers,
    option,
)


@dataclass(frozen=True)
class ClassifierOptions(LoopOptions):
    """Train a classifier of attributes of faces or other images, from several labelled sets at once."""

    data: tuple[str, ...] = option((), "Folders or zips of images, each with its labels.csv.")
    kimg: float = option(300.0, "Length of training, in thousands of images.")
    batch: int = option(64, "Images per optimiser step, over all devices.")
    attributes: str = option(
        "smile,gender,age,yaw,pitch",
        "Columns of the CSVs; yaw and pitch of faces are measured where no set has them.",
    )
    template: Literal["", "ffhq", "close-up"] = option(
        "close-up", 'Alignment of the crops, to find landmarks; "" if they are not faces.'
    )
    lr: float = option(0.003, "Learning rate.")
    weight_decay: float = option(0.01, "Weight decay.")
    test_share: float = option(0.1, "Fraction of each set to keep out of training.")
    widths: str = option("24,48,64,96", "Channels at 32, 16, 8 and 4 px.")
    name: str = option("", "Name of the exported model (default: face-attributes, or attributes).")
    about_data: str = option("", "Description of the training data, for the card.")
    terms: str = option("", "Terms of the training data's licence, for the card.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_fraction(self, "test_share", ends=False)
        need_numbers(self, "widths", "24,48,64,96")


@dataclass(frozen=True)
class CLIPOptions(LoopOptions):
    """Train a small CLIP model of faces, on captions composed from labels."""

    data: tuple[str, ...] = option((), "Folders or zips of aligned faces, each with its labels.csv.")
    kimg: float = option(600.0, "Length of training, in thousands of images.")
    batch: int = option(128, "Images per optimiser step, over all devices.")
    classifier: str = option("face-attributes", "Classifier that supplies the labels missing from the CSV.")
    size: int = option(64, "Side of the images in pixels, a multiple of 32.")
    width: int = option(24, "Channels of the ResNet's first stage.")
    embed: int = option(64, "Dimensions of the features.")
    lr: float = option(0.002, "Learning rate.")
    weight_decay: float = option(0.05, "Weight decay of all weights but biases and gains.")
    test_share: float = option(0.03, "Fraction of each set to keep out of training.")
    template: Literal["", "ffhq", "close-up"] = option("close-up", "Alignment of the faces.")
    name: str = option("clip-faces", "Name of the exported model.")
    about_data: str = option("", "Description of the training data, for the card.")
    terms: str = option("", "Terms of the training data's licence, for the card.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_multiple(self, "size", 32, least=64)
        need_multiple(self, "width", 2, least=2)
        need_at_least(self, 2, "embed")
        need_fraction(self, "test_share", ends=False)


@dataclass(frozen=True)
class CLIPMapperOptions(LoopOptions):
    """Train a network that moves a generator's codes towards one text (StyleCLIP's mapper)."""

    takes_data: ClassVar[bool] = False
    data: tuple[str, ...] = option((), "None: the generator draws the samples.")
    kimg: float = option(4.0, "Length of training, in thousands of codes.")
    batch: int = option(4, "Codes per optimiser step, over all devices.")
    model: str = option("faces", "Generator: a name or a file.")
    clip: str = option("clip-faces", "CLIP model: a name, a folder, or one of open_clip's.")
    text: str = option("", "Text that the results should match.")
    neutral: str = option("", "Text that matches the images before the edit.")
    bands: str = option("coarse,middle,fine", "Layers of the code that may change.")
    closeness: float = option(0.1, "Weight of the distance from the code, in units of the codes' variance.")
    identity: float = option(0.2, "Weight of the identity distance; faces only.")
    crops: int = option(4, "Random crops of an image that CLIP sees; 0: the whole image.")
    psi: float = option(0.8, "Truncation of the codes to learn from.")
    lr: float = option(0.005, "Learning rate.")
    name: str = option("", "Name of the exported model (default: made from the text).")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.text.strip():
            raise UsageError("`text` is missing", 'describe the result, such as "a smiling face"')
