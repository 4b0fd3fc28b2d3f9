"""Style mixing: rows of one code in the place of another's (StyleGAN, Karras et al., arXiv:1812.04948)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from ganedit.errors import UsageError
from ganedit.latent.editing import parse_layers

if TYPE_CHECKING:
    from ganedit.store.models import Generator

BANDS = {"coarse": (0, 16), "middle": (16, 64), "fine": (64, float("inf"))}
"""From and below how many pixels: pose and shape; features and hair; colours and texture."""


def mix(ws: Tensor, styles: Tensor, rows: Sequence[int]) -> Tensor:
    """Codes ws [..., L, W] with these rows taken from `styles` [..., L, W]."""
    mixed = ws.clone()
    mixed[..., list(rows), :] = styles[..., list(rows), :]
    return mixed


def rows_of(generator: Generator, text: str) -> list[int]:
    """The rows of a style code that are meant by `coarse`, `middle`, `fine`, or `0-3,7`; several by commas.

    Raises:
        UsageError: none of these, or rows that the generator does not have.
    """
    rows: set[int] = set()
    for word in (part.strip() for part in text.split(",")):
        if word in BANDS:
            low, high = BANDS[word]
            found = [row for row, size in enumerate(generator.row_sizes) if low <= size < high]
            if not found:
                raise UsageError(
                    f"the model {generator.name} has no {word} layers: it draws {generator.resolution} px",
                    "choose another band",
                )
        else:
            found = list(parse_layers(word))
        rows.update(found)
    if max(rows) >= generator.num_ws:
        raise UsageError(
            f"there is no layer {max(rows)}: the model {generator.name} has {generator.num_ws}",
            f"layers go from 0 to {generator.num_ws - 1}",
        )
    return sorted(rows)
