"""What every recipe can be told, and how its options are written down. Light to import."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

from ganedit.errors import UsageError


def option(default: Any, help: str) -> Any:
    """A field with a sentence for `--help`."""
    return field(default=default, metadata={"help": help})


def flag_of(field_name: str) -> str:
    """What a field is called on the command line."""
    return "--" + ("from" if field_name == "start" else field_name.replace("_", "-"))


@dataclass(frozen=True)
class LoopOptions:
    """What every recipe can be told."""

    takes_data: ClassVar[bool] = True  # or the generator draws what is learned from
    items: ClassVar[str] = "images"  # what is read, and counted by kimg
    data: tuple[str, ...] = option((), "Folder or zip of images.")
    kimg: float = option(1000.0, "Length of training, in thousands of images.")
    minutes: float = option(0.0, "Stop after this long even if --kimg is not reached; 0 means no limit.")
    batch: int = option(32, "Images per optimiser step, over all devices.")
    accumulate: int = option(1, "Split each device's share into this many pieces, to save memory.")
    seed: int = 0
    precision: Literal["auto", "float32", "bfloat16"] = option(
        "auto", "Of the activations; auto takes bfloat16 where the processor computes in it."
    )
    compile: bool = option(False, "Compile the passes without second derivatives.")
    devices: int = option(1, "GPUs, or processes on the CPU.")
    limit: int = option(0, "Use the first so many images by name, to keep others for testing; 0 takes all.")
    snapshot_kimg: float = option(50.0, "Between checkpoints.")
    sample_kimg: float = option(25.0, "Between sample pictures.")

    def __post_init__(self) -> None:
        if self.data and not self.takes_data:
            raise UsageError("this recipe takes no data", "the generator draws what it learns from")
        for f in fields(self):
            value = getattr(self, f.name)
            least = -1 if f.name == "ada_target" else 0  # the one that is a mean of signs
            if isinstance(value, int | float) and not least <= value < math.inf:  # NaN is neither
                flag = flag_of(f.name)
                raise UsageError(f"{flag} {value} makes no sense", f"choose a number from {least} up")
        if not getattr(self, "lr", 1.0) > 0:
            raise UsageError("--lr 0 learns nothing", "choose a number above 0, such as 0.002")
        if not self.kimg > 0:
            raise UsageError(f"--kimg {self.kimg} trains nothing", "pass a number above 0")
        pieces = self.devices * self.accumulate
        if self.batch < 1 or pieces < 1 or self.batch % pieces:
            raise UsageError(
                f"--batch {self.batch} cannot be split over --devices {self.devices} x "
                f"--accumulate {self.accumulate}",
                f"choose a multiple of {max(pieces, 1)}",
            )


@dataclass(frozen=True)
class ModelOptions(LoopOptions):
    """What is told of the model that a recipe exports."""

    name: str = option("", "Of the exported model; that of the recipe unless given.")
    about_data: str = option("", "What it is trained on, for the card.")
    terms: str = option("", "What the licence of that asks, for the card.")


@dataclass(frozen=True)
class DuelOptions(ModelOptions):
    """What recipes with a generator and a discriminator that learn in turns have in common."""

    width: int = option(64, "Channels of the first layer of a generator.")
    judge_width: int = option(64, "Channels of the first layer of a discriminator.")
    lr: float = 2e-4
    decay: float = option(0.5, "Share of the run at whose end the learning rate falls to 0.")

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_zeros(self, "width", "judge_width")
        refuse_no_share(self, "decay")


UP_HELP = "Convolution that doubles the size: transposed as published, or of repeated pixels, less chequered."


@dataclass(frozen=True)
class CycleOptions(DuelOptions):
    """What recipes between two domains, there and back without pairs, have in common."""

    data: tuple[str, ...] = option((), "Two folders or zips: domain A and domain B.")
    batch: int = option(1, "Items of each domain per optimiser step, over all devices.")
    blocks: int = option(9, "Residual blocks: 6 suit 128 px, 9 suit 256 px.")
    cycle: float = option(10.0, "Weight of coming back to where one started.")
    identity: float = option(0.5, "Weight, in units of --cycle, of leaving the other domain as it is.")
    up: Literal["transposed", "resize"] = option("transposed", UP_HELP)
    start: str = option("", "Exported model to start from, the way back within it: a folder.")
    name_back: str = option("", "Of the exported model from B to A.")

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_zeros(self, "blocks")


def refuse_zeros(options: LoopOptions, *names: str) -> None:
    """Sizes of networks that must not be 0."""
    for name in names:
        if getattr(options, name) < 1:
            raise UsageError(f"{flag_of(name)} 0 leaves no network", "choose 1 or more")


def refuse_no_share(options: LoopOptions, *names: str) -> None:
    """Shares that must not be above 1."""
    for name in names:
        if getattr(options, name) > 1:
            raise UsageError(f"{flag_of(name)} {getattr(options, name)} is no share", "choose 0 to 1")
