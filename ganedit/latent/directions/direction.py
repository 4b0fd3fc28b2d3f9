"""Directions in a generator's style space along which one attribute of the picture changes.

A direction file, `NAME.safetensors`, holds `direction` [W] or [L, W], of unit length, and, if parts shared
with other directions were removed, also `normal`, the original. The metadata key "ganedit" is JSON:
`schema` (1), `name`, `sigma`, `model`, `model_sha256`, `weights_sha256`, `method`, `layers`, `accuracy`,
`samples`, `preserved`, `space`, `safe` and `usual`. In the space "s" instead of "w" the direction is [total],
for the codes of `latent.styles`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganedit.errors import CheckpointError, InputError, UsageError

if TYPE_CHECKING:
    from ganedit.store.models import Generator


SCHEMA = 1
USUAL = 4.0  # standard deviations beyond which images usually break
SPACES = ("w", "s")  # style codes ws; the styles of all layers


@dataclass(frozen=True)
class Direction:
    """A unit vector along which an attribute of the image changes, and how far samples spread along it.

    Attributes:
        name: Its name.
        vector: [W] for all layers alike, [L, W], or [total] for styles; float32, of unit length in all.
        sigma: Standard deviation of random codes along `vector`; magnitude 1 moves a code this far.
        model: Name of the generator; empty if unknown.
        model_sha256: Checksum of the generator's file; empty if unknown.
        method: How it was found.
        layers: Rows of the code that it changes by default; empty means all.
        accuracy: Accuracy of the classifier behind it on held-out examples, 0 to 1; None if there is none.
        samples: Number of examples that it was learned from.
        preserved: Names of directions whose attributes it leaves alone.
        normal: Normal vector of that classifier before `preserved` was taken into account; None if there is
            none.
        space: What it is added to: "w" (style codes) or "s" (the styles of all layers).
        safe: Least and greatest magnitude that leave images intact, from `measure_safe_range`; None if it was
            not measured.
        weights_sha256: Checksum of the generator's weights, which is the same whatever file holds them; empty
            if unknown.
        usual: Magnitude in both directions beyond which images usually break, where `safe` was not measured;
            None means 4 for style codes, and no limit for styles.

    Raises:
        InputError: A vector of the wrong shape, zero or not finite, or an invalid sigma or safe range.
    """

    name: str
    vector: Tensor
    sigma: float = 1.0
    model: str = ""
    model_sha256: str = ""
    method: str = ""
    layers: tuple[int, ...] = ()
    accuracy: float | None = None
    samples: int = 0
    preserved: tuple[str, ...] = ()
    normal: Tensor | None = None
    space: str = "w"
    safe: tuple[float, float] | None = None
    weights_sha256: str = ""
    usual: float | None = None

    def __post_init__(self) -> None:
        if self.vector.ndim not in (1, 2) or not self.vector.numel():
            raise InputError(f"a direction is [W] or [L, W], not {list(self.vector.shape)}")
        if not bool(torch.isfinite(self.vector).all()) or not float(self.vector.norm()) > 0:
            raise InputError(f"the direction {self.name} is zero or not finite")
        if not (math.isfinite(self.sigma) and self.sigma > 0):
            raise InputError(f"the direction {self.name} has the impossible sigma {self.sigma}")
        if self.space not in SPACES or (self.space == "s" and self.vector.ndim != 1):
            raise InputError(
                f"the direction {self.name} {list(self.vector.shape)} is not one of {self.space}"
            )

        if self.safe is not None and not -math.inf < self.safe[0] <= 0 <= self.safe[1] < math.inf:
            raise InputError(f"the direction {self.name} has the impossible safe range {self.safe}")
        if self.usual is not None and not (math.isfinite(self.usual) and self.usual > 0):
            raise InputError(f"the direction {self.name} has the impossible usual range {self.usual}")

    @property
    def limits(self) -> tuple[float, float]:
        """The safe range; where it was not measured, the usual one."""
        usual = self.usual or (USUAL if self.space == "w" else math.inf)
        return self.safe or (-usual, usual)

    def clipped(self, magnitude: float) -> float:
        """The nearest magnitude within the limits.

        >>> Direction("smile", torch.ones(4), safe=(-2.0, 3.0)).clipped(40.0)
        3.0
        """
        low, high = self.limits
        return min(max(magnitude, low), high)

    @property
    def w_dim(self) -> int:
        return self.vector.shape[-1]

    def save(self, path: str | Path) -> Path:
        """Write NAME.safetensors, atomically. Raises InputError if it cannot be written."""
        from ganedit.store.weights import write_weights

        tensors = {"direction": self.vector.float()}
        if self.normal is not None:
            tensors["normal"] = self.normal.float()
        return write_weights(path, tensors, {key: getattr(self, key) for key in _KEPT} | {"schema": SCHEMA})

    @classmethod
    def load(cls, path: str | Path) -> Direction:
        """Read a direction file. Raises InputError when it is missing, damaged, or something else."""
        from ganedit.store.weights import record_in

        hint = "ganedit direction import takes others'"
        with record_in(Path(path), "direction", SCHEMA, hint) as (tensors, about):
            known = {key: about[key] for key in _KEPT if key in about}
            known |= {key: tuple(known.get(key, ())) for key in ("layers", "preserved")}
            known["safe"] = tuple(known["safe"]) if known.get("safe") else None
            texts = [known.get(key, "") for key in _TEXTS]
            if not all(isinstance(text, str) for text in texts):
                raise TypeError("no text")
            return cls(vector=tensors["direction"].float(), normal=tensors.get("normal"), **known)

    def check_model(self, generator: Generator) -> None:
        """Refuse a generator with another code size, or other than the one the direction was learned on.

        Raises:
            InputError: The sizes differ; the error names both.
            CheckpointError: The models differ; the error names both.
        """
        if self.space == "w":
            self.check_size(generator.num_ws, generator.w_dim)
        else:
            self._check_styles(generator)
        if self.model_sha256 and not generator.known_as(self.model_sha256, self.weights_sha256):
            mine = f"{self.model} ({self.model_sha256[:12]})"
            raise CheckpointError(
                f"the direction {self.name} was learned on the model {mine}, not on "
                f"{generator.name} ({generator.sha256[:12]})",
                f"use `model={self.model}`, or learn it again"
                if self.model != generator.name
                else "name the file of those weights with `model`, or learn it again",
            )

    def for_model(self, generator: Generator) -> Direction:
        """This direction, as one of `generator`, which has the weights it was learned on, perhaps in another
        file.

        Raises:
            InputError, CheckpointError: as in `check_model`.
        """
        self.check_model(generator)
        return replace(self, **generator.identity) if self.model_sha256 else self

    def _check_styles(self, generator: Generator) -> None:
        from ganedit.latent.styles import total

        if len(self.vector) != (count := total(generator)):
            raise InputError(
                f"the direction {self.name} is for {len(self.vector)} styles, the model {generator.name} has "
                f"{count}",
                "it was made for another model",
            )

    def check_size(self, num_ws: int, w_dim: int) -> None:
        """Raise InputError unless the direction fits codes [num_ws, w_dim]."""
        if self.space != "w":
            raise InputError(
                f"the direction {self.name} changes styles (space {self.space}), not codes w",
                "ganedit edit moves latents along it",
            )
        rows = self.vector.shape[0] if self.vector.ndim == 2 else num_ws
        if (rows, self.w_dim) != (num_ws, w_dim):
            raise InputError(
                f"the direction {self.name} is {list(self.vector.shape)}, the codes are [{num_ws}, {w_dim}]",
                "it was made for another model",
            )


_TEXTS = ("name", "model", "model_sha256", "weights_sha256", "method", "space")
_KEPT = (*_TEXTS, "sigma", "layers", "accuracy", "samples", "preserved", "safe", "usual")
Edit = tuple[
    Direction, float, Sequence[int] | None
]  # direction, magnitude in sigmas, layers (None: the direction's own)


def apply(ws: Tensor, edits: Iterable[Edit]) -> Tensor:
    """Move style codes along directions: ws + magnitude · sigma · vector for each edit.

    Args:
        ws: [L, W] or [N, L, W].
        edits: Direction, magnitude in standard deviations (0 changes nothing, beyond about 4 pictures
            break), and the layers to change, coarse first; None means the direction's own, or all.

    Returns:
        New codes; `ws` is left alone.

    Raises:
        UsageError: A magnitude that is not finite, or a layer that the code does not have.
        InputError: A direction for codes of another size.
    """
    moved = ws.clone()
    for direction, magnitude, layers in edits:
        if not math.isfinite(magnitude):
            raise UsageError(f"magnitude {magnitude} of {direction.name} is not a finite number")
        direction.check_size(*ws.shape[-2:])
        rows = list(layers if layers is not None else direction.layers or range(ws.shape[-2]))
        if beyond := [row for row in rows if not 0 <= row < ws.shape[-2]]:
            raise UsageError(
                f"there is no layer {beyond[0]}: the code has {ws.shape[-2]}",
                f"layers go from 0 to {ws.shape[-2] - 1}",
            )
        vector = direction.vector.to(ws) * (magnitude * direction.sigma)
        moved[..., rows, :] += vector[rows] if vector.ndim == 2 else vector
    return moved
