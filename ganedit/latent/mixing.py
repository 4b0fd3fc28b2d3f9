"""Style mixing: rows of one code replaced by another's (StyleGAN, Karras et al., arXiv:1812.04948)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganedit.errors import UsageError
from ganedit.latent.editing import parse_layers
from ganedit.latent.latent import Latent, added_styles
from ganedit.latent.styles import style_layers

if TYPE_CHECKING:
    from ganedit.store.models import Generator

BANDS = {"coarse": (0, 16), "middle": (16, 64), "fine": (64, float("inf"))}
"""Layer sizes in pixels, from and below: pose and shape; features and hair; colours and texture."""


def mix(ws: Tensor, styles: Tensor, rows: Sequence[int]) -> Tensor:
    """Codes ws [..., L, W] with these rows replaced by those of `styles` [..., L, W]."""
    mixed = ws.clone()
    mixed[..., list(rows), :] = styles[..., list(rows), :]
    return mixed


def mix_latents(latent: Latent, other: Latent, rows: Sequence[int], generator: Generator) -> Latent:
    """Mix two latents: take some layers from the second (style mixing, Karras et al., arXiv:1812.04948).

    Args:
        latent: The latent that all other layers come from.
        other: The latent that the layers `rows` come from, with what its edits add to their styles.
        rows: Row numbers of the style code, coarse first; `ganedit.latent.mixing.rows_of` turns "coarse",
            "middle" and "fine" into them.
        generator: The generator of both.

    Returns:
        A new latent with the record of the first.

    Examples:
        >>> faces = ganedit.load("faces")
        >>> one, two = (sample.latent for sample in ganedit.generate(faces, [1, 2]))
        >>> mixed = ganedit.mix(one, two, [0, 1], faces)
        >>> bool((mixed.ws[:2] == two.ws[:2]).all()), bool((mixed.ws[2:] == one.ws[2:]).all())
        (True, True)
    """
    ws = mix(latent.ws, other.ws, rows)
    added = added_styles([latent, other])
    if added is None:
        return replace(latent, ws=ws)
    taken = torch.tensor(
        [layer.row in rows for layer in style_layers(generator) for _ in range(layer.channels)]
    )
    return replace(latent, ws=ws, styles=torch.where(taken, added[1], added[0]))


def rows_of(generator: Generator, text: str) -> list[int]:
    """The rows of a style code named by `coarse`, `middle`, `fine`, `0-3,7`, or several of these with commas.

    Raises:
        UsageError: none of these, or rows that the generator does not have.
    """
    rows: set[int] = set()
    for word in (part.strip() for part in text.split(",")):
        if word in BANDS:
            low, high = BANDS[word]
            these = [row for row, size in enumerate(generator.row_sizes) if low <= size < high]
            if not these:
                raise UsageError(
                    f"the model {generator.name} has no {word} layers: it draws {generator.resolution} px",
                    "choose another band",
                )
        else:
            these = list(parse_layers(word))
        rows.update(these)
    if max(rows) >= generator.num_ws:
        raise UsageError(
            f"there is no layer {max(rows)}: the model {generator.name} has {generator.num_ws}",
            f"layers go from 0 to {generator.num_ws - 1}",
        )
    return sorted(rows)
