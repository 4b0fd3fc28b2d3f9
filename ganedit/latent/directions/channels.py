"""Channels of the style space as directions (StyleSpace, arXiv:2011.12799)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganedit.errors import UsageError
from ganedit.latent.directions.direction import Direction
from ganedit.latent.styles import Channel, style_spread, total, usual_magnitude

if TYPE_CHECKING:
    from ganedit.store.models import Generator


def channel_direction(
    generator: Generator, chosen: Iterable[Channel], std: Tensor | None = None, *, name: str | None = None
) -> Direction:
    """A direction in s whose magnitude 1 moves each of these channels by its own standard deviation.

    Args:
        generator: The generator that has these channels.
        chosen: The channels, at least one.
        std: [total], from `style_spread`; computed if it is None.
        name: Name of the direction; by default the channels, separated by commas.
    """
    chosen = list(chosen)
    name = name or ",".join(map(str, chosen))
    std = style_spread(generator)[1] if std is None else std
    vector = torch.zeros(total(generator))
    vector[[one.index for one in chosen]] = std[[one.index for one in chosen]]
    sigma = float(vector.norm())
    if not sigma > 0:
        raise UsageError(f"{name} is the same in every sample of the model {generator.name}")
    return Direction(
        name=name,
        vector=vector / sigma,
        sigma=sigma,
        **generator.identity,
        method="StyleSpace",
        space="s",
        usual=usual_magnitude(generator, vector, std),
    )
