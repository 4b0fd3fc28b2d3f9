"""Options of `train gan`, and the presets that name the classics. Light to import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ganedit.errors import UsageError, did_you_mean
from ganedit.train.options.augmentation import DiffAugmentOptions
from ganedit.train.options.base import (
    ModelOptions,
    flag_of,
    need_above,
    need_at_least,
    need_fraction,
    need_power_of_two,
    option,
)
from ganedit.train.options.measuring import MeasuredOptions

PENALTY_WEIGHTS = {"none": 0.0, "clip": 0.01, "gp": 10.0, "r1": 10.0}
TOYS = ("ring8", "grid25", "swissroll")


@dataclass(frozen=True)
class GANOptions(MeasuredOptions, DiffAugmentOptions, ModelOptions):
    """Train a GAN put together from parts: network, loss, penalty, and how it is told classes.

    Instead of images, ring8, grid25 and swissroll draw points of the plane, and the run leaves a film.
    """

    data: tuple[str, ...] = option((), "Folder or zip of images; or ring8, grid25 or swissroll.")
    preset: str = option("", "A classic, whose options are those not given: see the documentation.")
    network: Literal["mlp", "dcgan", "resnet", "biggan", "fastgan"] = option("dcgan", "Both networks.")
    loss: Literal["minimax", "non-saturating", "least-squares", "wasserstein", "hinge", "began"] = option(
        "non-saturating", "What the networks play for; began: a discriminator that redraws images."
    )
    penalty: Literal["none", "clip", "gp", "r1"] = option(
        "none", "What keeps the discriminator smooth: clipped weights, or a gradient penalty."
    )
    penalty_weight: float = option(0.0, "Its weight, or the limit of clip; 0: 0.01 (clip), 10 (gp, r1).")
    condition: Literal["none", "concat", "cbn", "projection", "acgan"] = option(
        "none", "How the networks are told the class."
    )
    spectral_norm: Literal["none", "d", "both"] = option("none", "Networks with spectral normalisation.")
    minibatch_discrimination: bool = option(False, "Let the discriminator compare the images of a batch.")
    minibatch_stddev: bool = option(False, "Show the discriminator the standard deviation in a batch.")
    d_steps: int = option(1, "Steps of the discriminator for each of the generator.")
    ttur: float = option(1.0, "The discriminator's learning rate, in units of --lr.")
    ortho: float = option(0.0, "Weight of the generator's orthogonal regularisation.")
    diversity: float = option(0.5, "Share of the real error that generated images are held at (began).")
    redraw: float = option(1.0, "Weight of the error of redrawn real images (fastgan); 0: none.")
    resolution: int = option(32, "Side of the images in pixels, a power of two.")
    fit: Literal["crop", "resize"] = option("crop", "How images that are not square are fitted.")
    label: str = option("", "Column of labels to condition on: of the CSV, or class, or folder.")
    labels: str = option("", "CSV or dataset.json of labels (default: that in the folder or beside the zip).")
    z_dim: int = option(128, "Dimensions of the latent z.")
    width: int = option(64, "Channels of the generator at full size; of each layer with mlp.")
    d_width: int = option(0, "Channels of the discriminator at full size (default: --width).")
    layers: int = option(2, "Hidden layers of mlp.")
    lr: float = option(2e-4, "Learning rate of the generator.")
    beta1: float = option(0.5, "Decay of Adam's first moments.")
    beta2: float = option(0.999, "Decay of Adam's second moments.")
    decay: float = option(0.0, "Fraction of the run, at its end, over which the learning rates fall to 0.")
    batch: int = option(64, "Images per step, over all devices.")
    ema_kimg: float = option(10.0, "Half-life of the averaged generator, in thousands of images; 0: none.")
    mirror: bool = option(False, "Flip half of the images left to right.")

    @classmethod
    def filled(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values with those that the preset, and a toy set, add to them."""
        name = values.get("preset", "")
        if name and name not in PRESETS:
            raise UsageError(f"there is no preset {name}", did_you_mean(name, PRESETS))
        preset = PRESETS[name] if name else Preset("")
        toys = {**TOY_OPTIONS, **preset.toys} if is_toy(values.get("data", ())) else {}
        return {**preset.options, **toys, **values}

    def __post_init__(self) -> None:
        super().__post_init__()
        need_above(self, 0, "ttur")
        need_at_least(self, 1, "d_steps", "z_dim", "width", "layers")
        need_fraction(self, "beta1", "beta2", "decay")
        if not is_toy(self.data):
            need_power_of_two(self, "resolution", least=16)
        self._check_loss()
        self._check_condition()
        self._check_changes()

    def _check_loss(self) -> None:
        if self.penalty == "clip" and self.loss != "wasserstein":
            raise UsageError(
                f"`penalty=clip` bounds a critic, and `loss={self.loss}` has none",
                "choose `loss=wasserstein`",
            )
        if self.penalty == "clip" and self.spectral_norm != "none":
            raise UsageError("`penalty=clip` and `spectral_norm` both bound the critic", "choose one of them")
        if self.loss == "wasserstein" and self.penalty == "none" and self.spectral_norm == "none":
            raise UsageError(
                "`loss=wasserstein` needs a bounded critic",
                "add `penalty=gp`, `penalty=clip` or `spectral_norm=d`",
            )
        if self.loss != "began":
            return
        need_fraction(self, "diversity", ends=False)
        without = ("penalty", "condition", "spectral_norm", "minibatch_discrimination", "minibatch_stddev")
        for name in without:
            if getattr(self, name) not in ("none", False):
                raise UsageError(
                    f"`loss=began` has no place for `{name}={getattr(self, name)}`",
                    "its discriminator is an auto-encoder; leave one of them out",
                )

    def _check_condition(self) -> None:
        if self.network == "biggan" and self.condition != "projection":
            raise UsageError(
                f"`network=biggan` cannot take `condition={self.condition}`", "choose `condition=projection`"
            )
        if self.network == "mlp" and self.condition in ("cbn", "projection"):
            raise UsageError(
                f"`network=mlp` has no normalisation, which `condition={self.condition}` needs",
                "choose `condition=concat` or `condition=acgan`, or another network",
            )
        if self.condition != "none" and not self.label:
            raise UsageError(
                f"`condition={self.condition}` needs the classes of the images",
                "name their column with `label`",
            )
        if self.network == "biggan" and self.loss == "began":
            raise UsageError("`network=biggan` cannot redraw images, as `loss=began` needs", "choose another")

    def _check_changes(self) -> None:
        if is_toy(self.data) and (self.network != "mlp" or self.condition != "none" or self.changes):
            raise UsageError(
                f"{self.data[0]} holds points without classes, and these options are for images",
                "leave out all but `network=mlp`",
            )
        if is_toy(self.data) and self.measure:
            raise UsageError(f"`measure={self.measure}` compares images, and {self.data[0]} holds points")
        if self.minibatch_discrimination and self.batch < 2:
            raise UsageError("`minibatch_discrimination` compares images, and `batch=1` holds one")

    @property
    def weight_of_penalty(self) -> float:
        return self.penalty_weight or PENALTY_WEIGHTS[self.penalty]


def is_toy(data: tuple[str, ...]) -> bool:
    """Whether the data are one of the sets of points: one of their names, and no file of that name."""
    return len(data) == 1 and data[0] in TOYS and not Path(data[0]).exists()


@dataclass(frozen=True)
class Preset:
    """A classic: what it is, its options, and what differs on points of the plane."""

    about: str
    options: Mapping[str, Any] = field(default_factory=dict)
    toys: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        words = [f"{flag_of(name)} {value}" for name, value in self.options.items()]
        return f"{self.about}: {' '.join(words)}"


TOY_OPTIONS: dict[str, Any] = {
    "network": "mlp",
    "z_dim": 16,
    "width": 128,
    "layers": 2,
    "batch": 128,
    "lr": 1e-3,
    "kimg": 500.0,
    "sample_kimg": 10.0,
    "ema_kimg": 0.0,
    "precision": "float32",
}

PRESETS = {
    "goodfellow": Preset(
        "the first GAN (Goodfellow et al. 2014), fully connected, playing the minimax game",
        {"network": "mlp", "loss": "minimax", "width": 512, "ema_kimg": 0.0},
        {"ttur": 0.1},  # rates of Unrolled GANs (arXiv:1611.02163)
    ),
    "dcgan": Preset(
        "convolutions and batch normalisation (Radford et al. 2016)",
        {"network": "dcgan", "loss": "non-saturating", "z_dim": 100},
    ),
    "wgan": Preset(
        "the earth mover's distance by a critic with clipped weights (Arjovsky et al. 2017)",
        {
            "network": "dcgan", "loss": "wasserstein", "penalty": "clip", "d_steps": 5, "lr": 5e-5,
            "beta1": 0.0, "beta2": 0.99,
        },
        {"lr": 5e-4},
    ),
    "wgan-gp": Preset(
        "the earth mover's distance by a critic of slope 1 (Gulrajani et al. 2017)",
        {
            "network": "resnet", "loss": "wasserstein", "penalty": "gp", "d_steps": 5, "beta1": 0.0,
            "beta2": 0.9, "decay": 1.0,
        },
        {"d_steps": 3, "penalty_weight": 0.1},
    ),
    "lsgan": Preset(
        "least squares (Mao et al. 2017)", {"network": "dcgan", "loss": "least-squares", "z_dim": 100}
    ),
    "began": Preset(
        "an auto-encoder as discriminator, held in equilibrium (Berthelot et al. 2017)",
        {"network": "dcgan", "loss": "began", "z_dim": 64, "lr": 1e-4},
    ),
    "sngan": Preset(
        "spectral normalisation of the discriminator (Miyato et al. 2018)",
        {
            "network": "resnet", "loss": "hinge", "spectral_norm": "d", "d_steps": 5, "beta1": 0.0,
            "beta2": 0.9,
        },
        {"d_steps": 1, "decay": 1.0},
    ),
    "cgan": Preset(
        "both networks are shown the class (Mirza & Osindero 2014)",
        {"network": "dcgan", "loss": "non-saturating", "condition": "concat"},
    ),
    "acgan": Preset(
        "the discriminator guesses the class (Odena et al. 2017)",
        {"network": "dcgan", "loss": "non-saturating", "condition": "acgan"},
    ),
    "biggan": Preset(
        "residual bottlenecks, attention, a shared class embedding (Brock et al. 2019)",
        {
            "network": "biggan", "loss": "hinge", "condition": "projection", "spectral_norm": "both",
            "ttur": 4.0, "lr": 5e-5, "d_steps": 2, "beta1": 0.0, "ortho": 1e-4,
        },
    ),
    "fastgan": Preset(
        "for few images: skip-layer excitation, a discriminator that redraws them (Liu et al. 2021)",
        {
            "network": "fastgan", "loss": "hinge", "spectral_norm": "both", "z_dim": 256, "batch": 8,
            "diffaugment": "color,translation",
        },
    ),
}  # fmt: skip
