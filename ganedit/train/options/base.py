"""Options that every recipe shares, and how options are declared and checked. Light to import."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

from ganedit.errors import UsageError


def option(default: Any, help: str, *, was: str = "") -> Any:
    """A field with its help text, and its name in earlier versions, which is still accepted."""
    return field(default=default, metadata={"help": help, "was": was})


def flag_of(field_name: str) -> str:
    """The flag of a field on the command line."""
    return "--" + ("from" if field_name == "start" else field_name.replace("_", "-"))


@dataclass(frozen=True)
class LoopOptions:
    """Options that every recipe shares."""

    takes_data: ClassVar[bool] = True  # False if a generator draws the training data
    items: ClassVar[str] = "images"  # name of the items that are read, and counted by kimg
    data: tuple[str, ...] = option((), "Folder or zip of images.")
    kimg: float = option(1000.0, "Length of training, in thousands of images.")
    minutes: float = option(0.0, "Stop after this many minutes even if --kimg is not reached; 0: no limit.")
    batch: int = option(32, "Images per optimiser step, over all devices.")
    accumulate: int = option(1, "Split each device's share into this many pieces, to save memory.")
    seed: int = 0
    precision: Literal["auto", "float32", "bfloat16"] = option(
        "auto", "Type of the activations; auto: bfloat16 where the processor has it in hardware."
    )
    compile: bool = option(False, "Compile the passes that need no second derivatives.")
    devices: int = option(1, "Number of GPUs, or of processes on the CPU.")
    limit: int = option(0, "Use only the first N images by name, to keep the rest for testing; 0: all.")
    snapshot_kimg: float = option(50.0, "Thousands of images between checkpoints.")
    sample_kimg: float = option(25.0, "Thousands of images between sample sheets.")

    @classmethod
    def filled(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values that were given, and those that follow from them in place of the defaults."""
        return dict(values)

    def __post_init__(self) -> None:
        if self.data and not self.takes_data:
            raise UsageError("this recipe takes no data", "leave it out: the generator draws the samples")
        for f in fields(self):
            value = getattr(self, f.name)
            least = (
                -1 if f.name == "ada_target" else 0
            )  # the target is a mean of signs; all others are sizes and weights
            if isinstance(value, int | float) and not least <= value < math.inf:  # also refuses NaN
                raise UsageError(f"`{f.name}={value}` must be a number of at least {least}")
        need_above(self, 0, "kimg", *(["lr"] if hasattr(self, "lr") else []))
        pieces = self.devices * self.accumulate
        if self.batch < 1 or pieces < 1 or self.batch % pieces:
            raise UsageError(
                f"`batch={self.batch}` cannot be split over `devices={self.devices}` x "
                f"`accumulate={self.accumulate}`",
                f"choose a multiple of {max(pieces, 1)}",
            )


@dataclass(frozen=True)
class ModelOptions(LoopOptions):
    """Options for the card of the exported model."""

    name: str = option("", "Name of the exported model (default: the recipe's).")
    about_data: str = option("", "Description of the training data, for the card.")
    terms: str = option("", "Terms of the training data's licence, for the card.")


@dataclass(frozen=True)
class DuelOptions(ModelOptions):
    """Options of recipes in which a generator and a discriminator learn in turns."""

    width: int = option(64, "Channels of the generator's first layer.")
    d_width: int = option(64, "Channels of the discriminator's first layer.", was="judge_width")
    lr: float = option(2e-4, "Learning rate.")
    decay: float = option(0.5, "Fraction of the run, at its end, over which the learning rate falls to 0.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_at_least(self, 1, "width", "d_width")
        need_fraction(self, "decay")


UP_HELP = "Up-sampling: transposed convolutions as published, or resize-convolutions, with less checkerboard."


@dataclass(frozen=True)
class CycleOptions(DuelOptions):
    """Options of recipes that translate between two domains without pairs."""

    data: tuple[str, ...] = option((), "Two folders or zips: domain A and domain B.")
    batch: int = option(1, "Items of each domain per optimiser step, over all devices.")
    blocks: int = option(9, "Residual blocks: 6 suit 128 px, 9 suit 256 px.")
    cycle: float = option(10.0, "Weight of the cycle-consistency loss.")
    identity: float = option(0.5, "Weight of the identity loss, in units of --cycle.")
    up: Literal["transposed", "resize"] = option("transposed", UP_HELP)
    start: str = option("", "Exported model to start from: a folder with the model of the way back in it.")
    name_back: str = option("", "Name of the exported model from B to A.")

    def __post_init__(self) -> None:
        super().__post_init__()
        need_at_least(self, 1, "blocks")


# --- checks: each names the field and its value, which the command line shows as a flag --------------


def need_at_least(options: Any, least: int, *names: str) -> None:
    """Raise UsageError unless every named field is at least `least`."""
    for name in names:
        value = getattr(options, name)
        if not value >= least:
            raise UsageError(f"`{name}={value}` must be at least {least}")


def need_above(options: Any, least: float, *names: str) -> None:
    """Raise UsageError unless every named field is above `least`."""
    for name in names:
        value = getattr(options, name)
        if not value > least:
            raise UsageError(f"`{name}={value}` must be above {least:g}")


def need_fraction(options: Any, *names: str, ends: bool = True) -> None:
    """Raise UsageError unless every named field is between 0 and 1, both excluded without `ends`."""
    for name in names:
        value = getattr(options, name)
        if not (0 <= value <= 1 if ends else 0 < value < 1):
            raise UsageError(f"`{name}={value}` must be between 0 and 1{'' if ends else ', and neither'}")


def need_multiple(options: Any, name: str, of: int, *, least: int) -> None:
    """Raise UsageError unless the field is a multiple of `of`, at least `least`."""
    value = getattr(options, name)
    if value < least or value % of:
        raise UsageError(f"`{name}={value}` must be a multiple of {of}, at least {least}")


def need_power_of_two(options: Any, name: str, *, least: int) -> None:
    """Raise UsageError unless the field is a power of two, at least `least`."""
    value = getattr(options, name)
    if value < least or value & (value - 1):
        raise UsageError(f"`{name}={value}` must be a power of two, {least} or more")


def need_numbers(options: Any, name: str, example: str) -> None:
    """Raise UsageError unless the field is a list of positive integers separated by commas."""
    text = getattr(options, name)
    if not all(part.strip().isdigit() and int(part) for part in text.split(",")):
        raise UsageError(
            f"`{name}={text}` must be positive numbers separated by commas", f"such as {example}"
        )
