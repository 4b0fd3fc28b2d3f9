"""Draws points of the plane: real ones, generated ones, and what the discriminator thinks of each place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ganedit.images.video import write_video

SIDE = 384  # pixels
FRAMES_PER_SECOND = 8
PLACES = 96  # that the discriminator judges, along each side
FAKE, REAL = (0.12, 0.25, 0.65), (0.85, 0.2, 0.1)  # colours of the places that it finds generated, real
GENERATED_DOT, REAL_DOT = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)


@torch.no_grad()
def picture_of_points(
    real: Tensor, generated: Tensor, discriminator: Callable[[Tensor], Tensor], reach: float
) -> Tensor:
    """Heat map of a discriminator, with real points in black and generated ones in white.

    Args:
        real: [N, 2].
        generated: [M, 2]; points outside the picture are left out.
        discriminator: Maps points [K, 2] to logits [K, 1]; their ranks are shown, from blue to red.
        reach: The plane is shown from minus this to this.

    Returns:
        [3, SIDE, SIDE] in [-1, 1]; y grows upwards.
    """
    picture = _heat_map(discriminator, reach)
    for points, colour, size in ((real, REAL_DOT, 3), (generated, GENERATED_DOT, 2)):
        _dots(picture, points.cpu() / reach, colour, size)
    return picture * 2 - 1


def _heat_map(discriminator: Callable[[Tensor], Tensor], reach: float) -> Tensor:
    """[3, SIDE, SIDE] in [0, 1]. Logits are unbounded, so the map shows their ranks."""
    line = (torch.arange(PLACES) + 0.5) / PLACES * (2 * reach) - reach
    y, x = torch.meshgrid(line.flip(0), line, indexing="ij")
    logits = discriminator(torch.stack([x.flatten(), y.flatten()], dim=1)).flatten().float().cpu()
    ranks = torch.empty_like(logits)
    ranks[logits.argsort(stable=True)] = torch.linspace(0, 1, len(logits))
    warmth = F.interpolate(ranks.view(1, 1, PLACES, PLACES), (SIDE, SIDE), mode="bilinear")[0]
    cold, warm = torch.tensor(FAKE)[:, None, None], torch.tensor(REAL)[:, None, None]
    paler = 0.45  # so that dots stand out
    return torch.lerp(
        torch.lerp(cold, warm, warmth), torch.ones(3, 1, 1), paler * (1 - (2 * warmth - 1).abs())
    )


def _dots(picture: Tensor, points: Tensor, colour: tuple[float, float, float], size: int) -> None:
    """Colour a square of `size` pixels at each point, in place; the picture reaches from -1 to 1."""
    at = ((points * torch.tensor([1.0, -1.0]) + 1) / 2 * SIDE).round().long()  # columns, rows
    inside = ((at >= 0) & (at <= SIDE - size)).all(dim=1)
    for dy in range(size):
        for dx in range(size):
            rows, columns = at[inside, 1] + dy, at[inside, 0] + dx
            picture[:, rows, columns] = torch.tensor(colour)[:, None]


def write_film(folder: Path) -> Path:
    """Join the pictures that a run has left in its folder to a film, `film.mp4` in it."""
    pictures = sorted(folder.glob("samples-*k.png"))
    frames = (np.asarray(Image.open(path).convert("RGB")) for path in pictures)
    return write_video(folder / "film.mp4", frames, FRAMES_PER_SECOND)
