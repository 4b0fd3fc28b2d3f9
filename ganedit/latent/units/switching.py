"""Single units (feature maps) of a generator switched off or on while it draws.

GAN Dissection (Bau et al., arXiv:1811.10597): a unit that is switched off, everywhere or inside a painted
region, removes what it draws; one that is switched on, which means set to a high value that it also reaches
by itself, adds it.

Regions are painted on the picture, and resized to the layer. StyleGAN3's maps extend beyond the
picture by a margin: there a region continues as it is at the picture's border, so that what is painted up to
the border does not fade.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.errors import InputError, UsageError
from ganedit.images.io import read_image
from ganedit.images.pixels import luma
from ganedit.latent.sampling import random_codes
from ganedit.latent.units.activations import (
    BATCH,
    LayerShape,
    UpperQuantile,
    activations,
    check_layer,
    layer_shapes,
)

if TYPE_CHECKING:
    from ganedit.store.models import Generator

QUANTILE = 0.99  # of a unit's activations: the value of a unit that is switched on
SAMPLES = 64  # number of pictures for computing the quantile
CHANGE = re.compile(r"layer(\d{1,3}):(\d{1,4}(?:-\d{1,4})?(?:,\d{1,4}(?:-\d{1,4})?)*)(?:@(.+))?")


@dataclass(frozen=True, eq=False)
class UnitChange:
    """Units of one layer switched off, or on.

    Attributes:
        layer: Index of `Generator.layers`.
        units: Channels.
        on: Whether to set them to a high value of their own instead of 0.
        mask: [H, W] float32 from 0 to 1, the share of the change at each pixel; None means 1 everywhere.
        name: Name of the mask, for the record.
    """

    layer: int
    units: tuple[int, ...]
    on: bool = False
    mask: np.ndarray | None = None
    name: str = ""

    def __str__(self) -> str:
        """The change as written on a command line."""
        units = ",".join(map(str, self.units))
        return f"layer{self.layer}:{units}" + (f"@{self.name}" if self.mask is not None else "")

    @property
    def record(self) -> dict[str, Any]:
        """For the provenance of a picture."""
        about = {"layer": self.layer, "units": list(self.units)}
        verb = {"change": "activate" if self.on else "ablate"}
        return verb | about | ({"mask": self.name} if self.mask is not None else {})


def parse_change(text: str, *, on: bool) -> UnitChange:
    """Parse `layer4:17,33`, `layer4:0-7`, or with a painted region `layer4:5@mask.png`.

    Raises:
        UsageError: the text has another form.
        InputError: the mask cannot be read, or is black.
    """
    match = CHANGE.fullmatch(text.strip())
    if not match:
        option = "activate" if on else "ablate"
        raise UsageError(
            f"`{option}={text}` names no units", "write layer4:17,33 or layer4:0-7, or layer4:17@mask.png"
        )
    units: dict[int, None] = {}
    for part in match[2].split(","):
        first, _, last = part.partition("-")
        units |= dict.fromkeys(range(int(first), int(last or first) + 1))
    if not units:
        raise UsageError(f"{text} names no units", "ranges rise: write 0-7")
    mask = None if match[3] is None else read_mask(match[3])
    return UnitChange(int(match[1]), tuple(units), on, mask, match[3] or "")


def read_mask(path: str | Path) -> np.ndarray:
    """A painted region [H, W] float32: 1 where the picture is white, 0 where it is black or transparent.

    Raises:
        InputError: it cannot be read, or nothing is painted.
    """
    photo = read_image(path)
    height, width = photo.pixels.shape[:2]
    if height != width:
        raise InputError(
            f"the mask {path} has {width}x{height} pixels, and the images that it belongs to are square",
            "paint it on the crop that was edited, not on the whole photo",
        )
    white = np.iinfo(photo.pixels.dtype).max
    mask = luma(photo.pixels).astype(np.float32) / white
    if photo.alpha is not None:
        mask *= photo.alpha / white
    if not mask.max() >= 0.5:
        raise InputError(f"nothing is painted in the mask {path}", "paint in white what is to change")
    return mask


class UnitEdit:
    """Changes to the units of one generator, checked and ready to be applied."""

    def __init__(
        self, generator: Generator, changes: Sequence[UnitChange], *, samples: int = SAMPLES, seed: int = 0
    ) -> None:
        """
        Args:
            generator: The generator whose units change.
            changes: Changes, applied in this order.
            samples: Number of pictures for computing a unit's high value, the quantile 0.99.
            seed: Seed of the first of them.

        Raises:
            UsageError: a layer or unit that the generator does not have.
            CheckpointError: the generator has no style space.
        """
        shapes = layer_shapes(generator)
        self.changes = tuple(changes)
        self._parts: list[tuple[UnitChange, Tensor, Tensor | None]] = []
        for change in changes:
            _check(change, shapes, generator)
            shape = shapes[change.layer]
            values = torch.zeros(len(change.units), device=generator.device)
            if change.on:
                values = high_values(generator, shape, change.units, samples=samples, seed=seed)
            region = None if change.mask is None else _region(change.mask, shape).to(generator.device)
            self._parts.append((change, values[:, None, None], region))

    @property
    def record(self) -> list[dict[str, Any]]:
        """For the provenance of a picture."""
        return [change.record for change in self.changes]

    @contextmanager
    def applied(self, generator: Generator, strength: float = 1.0) -> Iterator[None]:
        """Context in which `generator` draws with the units changed.

        Args:
            generator: The generator that this was made for, or a `personal` copy of it.
            strength: 1 for the whole change, less for a part of it, as in films.
        """
        layers = generator.layers
        with ExitStack() as stack:
            for change, values, region in self._parts:
                hook = _Hook(list(change.units), values, strength if region is None else region * strength)
                stack.callback(layers[change.layer].register_forward_hook(hook).remove)
            yield


@dataclass
class _Hook:
    """Moves units of a layer's output [N, C, S, S] towards values [U, 1, 1] by a fraction `share`."""

    units: list[int]
    values: Tensor
    share: Tensor | float  # or [S, S]

    def __call__(self, module: nn.Module, given: Any, output: Tensor) -> Tensor:
        own = output[:, self.units].float()
        output = output.clone()
        output[:, self.units] = (own + (self.values - own) * self.share).to(output.dtype)
        return output


def high_values(
    generator: Generator,
    shape: LayerShape,
    units: Sequence[int],
    *,
    quantile: float = QUANTILE,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Tensor:
    """[U]: a high quantile of the units' own activations over all places of random pictures."""
    quantiles = UpperQuantile(quantile, samples * shape.inside**2)
    for codes in random_codes(generator, samples, seed=seed).split(BATCH):
        _, (maps,) = activations(generator, codes, [shape], draw=False)
        quantiles.add(maps[:, list(units)].transpose(0, 1).flatten(1))
    return quantiles.result()


def _check(change: UnitChange, shapes: Sequence[LayerShape], generator: Generator) -> None:
    check_layer(change.layer, shapes, generator)
    shape = shapes[change.layer]
    strange = [unit for unit in change.units if not 0 <= unit < shape.units]
    if strange or not change.units:
        raise UsageError(
            f"there is no unit {strange[0] if strange else ''} in {shape} of the model {generator.name}",
            f"its units go from 0 to {shape.units - 1}",
        )


def _region(mask: np.ndarray, shape: LayerShape) -> Tensor:
    """A mask of the picture [H, W] resized to the layer [S, S]; the margin continues the picture's border."""
    inner = torch.from_numpy(np.ascontiguousarray(mask, np.float32))[None, None]
    inner = F.interpolate(inner, (shape.inside,) * 2, mode="bilinear", antialias=True, align_corners=False)
    return F.pad(inner, [shape.margin] * 4, mode="replicate")[0, 0].clamp(0, 1)
