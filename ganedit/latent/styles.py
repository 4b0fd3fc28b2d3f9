"""The style space S of a generator: the factors on each channel of each layer (StyleSpace, Wu et al.,
arXiv:2011.12799).

A code s [total] is the style codes of all layers one after the other, in the order in which they are
computed; `6:42` is channel 42 of layer 6, both counted from 0. As in the paper, layers to RGB are included.
StyleGAN2 has such a space, and so has StyleGAN3, whose layer 0 is the pose of its input: cosine, sine, x, y.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.latent.sampling import SIGMA_SAMPLES, random_codes
from ganedit.nets.layers_style import StyleLayer

if TYPE_CHECKING:
    from ganedit.nets.layers_style import Noise
    from ganedit.store.models import Generator


CHANNEL = re.compile(r"\s*(\d{1,3}):(\d{1,5})\s*")
CHANNELS = re.compile(rf"{CHANNEL.pattern}(?:,{CHANNEL.pattern})*")  # several channels
FARTHEST = 2.0  # standard deviations, in the mean square over a layer; see `usual_magnitude`
BATCH = 512  # codes whose styles are computed at a time


@dataclass(frozen=True)
class Channel:
    """One number of a code s."""

    index: int  # within s
    layer: int
    number: int  # within its layer
    about: StyleLayer

    def __str__(self) -> str:
        return f"{self.layer}:{self.number}"


def need(generator: Generator, hint: str = "use a StyleGAN2 or StyleGAN3") -> None:
    """Refuse a generator whose styles cannot be read.

    Raises:
        CheckpointError: they cannot be read; `hint` is its hint.
    """
    generator.need_styles()
    if not hasattr(generator.network.synthesis, "style_layers"):
        raise CheckpointError(
            f"the styles of the model {generator.name} ({generator.card.architecture}) cannot be read", hint
        )


def style_layers(generator: Generator) -> list[StyleLayer]:
    """The layers of a code s, in order. Raises CheckpointError if there are none."""
    need(generator)
    return list(generator.network.synthesis.style_layers)


def channels(generator: Generator) -> list[Channel]:
    """Every channel, in the order of s."""
    every: list[Channel] = []
    for number, layer in enumerate(style_layers(generator)):
        every += [Channel(len(every) + i, number, i, layer) for i in range(layer.channels)]
    return every


def total(generator: Generator) -> int:
    """Length of a code s."""
    return sum(layer.channels for layer in style_layers(generator))


def find_channels(generator: Generator, text: str) -> list[Channel]:
    """The channels named by `6:42` or `6:42,9:1`.

    Raises:
        UsageError: not a list of channels, or channels that the generator does not have.
    """
    layers = style_layers(generator)
    firsts = [0, *accumulate(layer.channels for layer in layers)]
    chosen: dict[int, Channel] = {}
    for word in text.split(","):
        match = CHANNEL.fullmatch(word)
        if match is None:
            raise UsageError(f"{text!r} names no channels", "write LAYER:CHANNEL, such as 6:42 or 6:42,9:1")
        layer, number = int(match[1]), int(match[2])
        if layer >= len(layers):
            raise UsageError(
                f"there is no layer {layer} in {word.strip()}: the styles of the model {generator.name} have "
                f"{len(layers)}",
                f"layers go from 0 to {len(layers) - 1}",
            )
        if number >= layers[layer].channels:
            raise UsageError(
                f"there is no channel {word.strip()}: layer {layer} of the model {generator.name} has "
                f"{layers[layer].channels}",
                f"channels go from {layer}:0 to {layer}:{layers[layer].channels - 1}",
            )
        index = firsts[layer] + number
        chosen[index] = Channel(index, layer, number, layers[layer])
    return list(chosen.values())


def styles_of(generator: Generator, ws: Tensor) -> Tensor:
    """Codes s [N, total] of style codes ws [N, L, W]; gradients pass through."""
    need(generator)
    return torch.cat(generator.network.synthesis.styles(ws.to(generator.device, torch.float32)), dim=1)


def draw_styles(generator: Generator, s: Tensor, noise: Noise = "const") -> Tensor:
    """Images [N, 3, H, W], about [-1, 1] (not clamped), of codes s [N, total]; gradients pass through.

    Raises:
        InputError: codes of another size.
        CheckpointError: a generator without readable styles.
    """
    counts = [layer.channels for layer in style_layers(generator)]
    if s.ndim != 2 or s.shape[1] != sum(counts):
        raise InputError(
            f"codes s must be [N, {sum(counts)}] for the model {generator.name}, not {list(s.shape)}"
        )
    pieces = s.to(generator.device, torch.float32).split(counts, dim=1)
    images: Tensor = generator.network.synthesis.from_styles(pieces, noise)
    return images


@torch.no_grad()
def style_spread(
    generator: Generator, samples: int = SIGMA_SAMPLES, *, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [total] of every channel over random codes, the same every time."""
    codes = random_codes(generator, samples, seed=seed)
    middle = styles_of(generator, codes.mean(dim=0).expand(1, generator.num_ws, -1))  # the maps are affine
    squares = torch.zeros(middle.shape[1], dtype=torch.float64)
    for some in codes.split(BATCH):
        away = styles_of(generator, some[:, None].expand(-1, generator.num_ws, -1)) - middle
        squares += away.double().square().sum(dim=0).cpu()
    return middle[0].cpu(), (squares / max(samples - 1, 1)).sqrt().float()


def usual_magnitude(generator: Generator, move: Tensor, std: Tensor) -> float:
    """The magnitude of a move of styles beyond which images may break, rounded to 0.1.

    It moves no layer farther than `FARTHEST`: the root of the mean square over its channels, in standard
    deviations of samples. The layer counts as a whole because the generator scales it as a whole.
    docs/channels.md says how this was measured.

    Args:
        generator: The generator.
        move: What magnitude 1 adds to a code s, [total].
        std: [total], from `style_spread`.
    """
    away = (move.cpu() / std.cpu().clamp_min(torch.finfo(torch.float32).tiny)).double()
    parts = away.split([layer.channels for layer in style_layers(generator)])
    return round(FARTHEST / max(float(part.square().mean().sqrt()) for part in parts), 1)
