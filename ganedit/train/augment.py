"""Adaptive discriminator augmentation: training with limited data (Karras et al., arXiv:2006.06676).

Everything the discriminator sees, real or generated, is first flipped, rotated, shifted, scaled and
recoloured at random, each with probability p, which is adjusted so that the discriminator is right about
real images neither too often nor too rarely. The transforms are the paper's configuration "bgc" (pixel
blitting, general geometry, colour) with its strengths.

All geometry is composed into one matrix per image and resampled once: up-sampled twice by the sym6 wavelet
filter, bilinearly sampled, low-passed and decimated by the same filter. Two things differ from the
reference implementation, neither visible in an image:

* Beyond the border the picture is reflected repeatedly. The reference reflects once, by an explicit
  padding whose size depends on the batch, and draws black beyond that. Fixed sizes need no device
  synchronisation.
* The two filters are applied as banded matrices (with the reflection folded in), since a matrix product at
  these sizes is faster than a depthwise convolution and differentiates to any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# The sym6 scaling filter (Daubechies, Ten Lectures on Wavelets), which is orthonormal to its own even shifts,
# so that up-sampling followed by down-sampling is exactly the identity.
SYM6 = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633,
    0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252,
    -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip
RIM = len(SYM6) // 4  # pixels around the target that the low-pass filter needs

WHOLE_SHIFT_MAX = 0.125  # fraction of the side
SHIFT_STD = 0.125  # fraction of the side
SCALE_STD = 0.2  # octaves
STRETCH_STD = 0.2  # octaves
BRIGHTNESS_STD = 0.2  # images run from -1 to 1
CONTRAST_STD = 0.5  # octaves
SATURATION_STD = 1.0  # octaves


@dataclass(frozen=True)
class Transforms:
    """Transforms for each of N images, applied in this order. All tensors are float64 on the CPU.

    Attributes:
        mirror: [N] 1 flips left to right.
        quarter_turns: [N] anticlockwise turns of 90 degrees.
        whole_shift: [N, 2] right and down, as fractions of the side, rounded to whole pixels.
        scale: [N] enlargement.
        turn_before: [N] anticlockwise rotation in radians.
        stretch: [N] factor s: x grows by s and y by 1/s.
        turn_after: [N] another rotation, so that the stretch points anywhere.
        shift: [N, 2] right and down, as fractions of the side.
        brightness: [N] added to every channel.
        contrast: [N] factor about mid-grey.
        luma_flip: [N] 1 inverts the luma and keeps the colour.
        hue: [N] rotation of the colour circle in radians.
        saturation: [N] factor on the colour.
    """

    mirror: Tensor
    quarter_turns: Tensor
    whole_shift: Tensor
    scale: Tensor
    turn_before: Tensor
    stretch: Tensor
    turn_after: Tensor
    shift: Tensor
    brightness: Tensor
    contrast: Tensor
    luma_flip: Tensor
    hue: Tensor
    saturation: Tensor

    @classmethod
    def neutral(cls, n: int) -> Transforms:
        """Transforms that leave N images unchanged."""
        zero, one, pair = torch.zeros(n).double(), torch.ones(n).double(), torch.zeros(n, 2).double()
        return cls(zero, zero, pair, one, zero, one, zero, pair, zero, one, zero, zero, one)

    @classmethod
    def sample(cls, n: int, p: float, generator: torch.Generator | None = None) -> Transforms:
        """Draw each transform for each image with probability `p`."""

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            return torch.rand(n, *shape, generator=generator, dtype=torch.float64) * (high - low) + low

        def normal(std: float, *shape: int) -> Tensor:
            return torch.randn(n, *shape, generator=generator, dtype=torch.float64) * std

        def gate(value: Tensor, neutral: float, chance: float = p) -> Tensor:
            use = torch.rand(n, generator=generator, dtype=torch.float64) < chance
            return torch.where(use if value.ndim == 1 else use[:, None], value, neutral)

        # Each rotation has this probability, so that at least one occurs with probability p.
        p_turn = 1 - math.sqrt(max(1 - p, 0))
        return cls(
            mirror=gate(uniform(0, 2).floor(), 0),
            quarter_turns=gate(uniform(0, 4).floor(), 0),
            whole_shift=gate(uniform(-WHOLE_SHIFT_MAX, WHOLE_SHIFT_MAX, 2), 0),
            scale=gate(normal(SCALE_STD).exp2(), 1),
            turn_before=gate(uniform(-math.pi, math.pi), 0, p_turn),
            stretch=gate(normal(STRETCH_STD).exp2(), 1),
            turn_after=gate(uniform(-math.pi, math.pi), 0, p_turn),
            shift=gate(normal(SHIFT_STD, 2), 0),
            brightness=gate(normal(BRIGHTNESS_STD), 0),
            contrast=gate(normal(CONTRAST_STD).exp2(), 1),
            luma_flip=gate(uniform(0, 2).floor(), 0),
            hue=gate(uniform(-math.pi, math.pi), 0),
            saturation=gate(normal(SATURATION_STD).exp2(), 1),
        )

    def geometry(self, height: int, width: int) -> Tensor:
        """[N, 3, 3]: from target to source pixels, x right and y down, the origin at the centre."""
        size = torch.tensor([width, height], dtype=torch.float64)
        return (
            _scaling(1 - 2 * self.mirror, torch.ones_like(self.mirror))
            @ _rotation(-self.quarter_turns * (math.pi / 2))
            @ _translation(-(self.whole_shift * size).round())
            @ _scaling(1 / self.scale, 1 / self.scale)
            @ _rotation(-self.turn_before)
            @ _scaling(1 / self.stretch, self.stretch)
            @ _rotation(-self.turn_after)
            @ _translation(-self.shift * size)
        )

    def colour(self) -> Tensor:
        """[N, 4, 4]: homogeneous matrix on RGB in [-1, 1]."""
        eye = torch.eye(4, dtype=torch.float64)
        grey = torch.zeros(4, 4, dtype=torch.float64)
        grey[:3, :3] = 1 / 3  # projection onto the grey axis
        rgb = torch.diag(torch.tensor([1.0, 1, 1, 0], dtype=torch.float64))

        def each(x: Tensor) -> Tensor:
            return x.view(-1, 1, 1)

        brighten = eye.repeat(len(self.brightness), 1, 1)
        brighten[:, :3, 3] = self.brightness[:, None]
        contrast = eye + each(self.contrast - 1) * rgb
        flip = eye - 2 * each(self.luma_flip) * grey
        saturate = eye + each(self.saturation - 1) * (rgb - grey)
        return saturate @ _hue_turn(self.hue, grey, rgb) @ flip @ contrast @ brighten


class AdaPipeline(nn.Module):
    """Random transforms of a batch, the same kinds for real and generated images.

    `p` is a plain number, written by the training loop from its `AdaController` and kept on the host: with
    p = 0 the pipeline does nothing, and reading it never waits for the device.
    """

    def __init__(self, p: float = 0.0) -> None:
        super().__init__()
        self.p = p

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Transform images, differentiably, to second order as well (R1 needs it).

        Args:
            images: Float [N, 3, H, W] or grey [N, 1, H, W], nominally in [-1, 1].
            generator: Source of the draws, on the CPU; None means torch's global one.

        Returns:
            The same shape and dtype; values may leave [-1, 1].
        """
        if self.p <= 0:
            return images
        drawn = Transforms.sample(len(images), self.p, generator)
        return transform(images, drawn)


def transform(images: Tensor, transforms: Transforms) -> Tensor:
    """Apply given transforms to images [N, 1 or 3, H, W]; see `AdaPipeline.forward`."""
    height, width = images.shape[2:]
    with torch.autocast(images.device.type, enabled=False):  # colours need more than 8 bits of mantissa
        exact = images if images.dtype == torch.float64 else images.float()
        moved = _warp(exact, transforms.geometry(height, width))
        return _recolour(moved, transforms.colour()).to(images.dtype)


class AdaController:
    """Adjusts the probability of augmentation by how often the discriminator is right about real images.

    With overfitting, r = E[sign(D(real))] is near 1. Every few steps p increases by a fixed amount if r is
    above the target, and decreases if it is below; the amount is such that p needs `kimg` thousand images to
    go from 0 to 1.

    Args:
        target: The desired r.
        kimg: Thousands of images in which p can go from 0 to 1; a smaller number reacts faster.
        every: Steps between adjustments.
        p: Initial probability.
    """

    def __init__(self, target: float = 0.6, kimg: float = 500, every: int = 4, p: float = 0.0) -> None:
        self.target, self.kimg, self.every, self.p = target, kimg, every, p
        self.r = 0.0  # latest measurement
        self._signs: list[Tensor] = []
        self._images = 0

    def step(
        self, real_logits: Tensor, images: int, reduce: Callable[[Tensor], Tensor] | None = None
    ) -> float:
        """Record one discriminator step, and return the probability to use from now on.

        Args:
            real_logits: D's logits on this process's real images, any shape.
            images: Number of images that all processes together saw in this step.
            reduce: Averages a scalar tensor over processes; None for a single one.
        """
        self._signs.append(real_logits.detach().sign().float().mean())  # stays on the device
        self._images += images
        if len(self._signs) >= self.every:
            mean = torch.stack(self._signs).mean()
            self.r = float(reduce(mean) if reduce else mean)
            direction = (self.r > self.target) - (self.r < self.target)
            self.p = min(max(self.p + direction * self._images / (self.kimg * 1000), 0.0), 1.0)
            self._signs, self._images = [], 0
        return self.p

    def state_dict(self) -> dict[str, object]:
        """Everything that `step` has recorded, as plain numbers."""
        return {
            "p": self.p,
            "r": self.r,
            "signs": [float(sign) for sign in self._signs],
            "images": self._images,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.p, self.r, self._images = float(state["p"]), float(state["r"]), int(state["images"])
        self._signs = [torch.tensor(sign) for sign in state["signs"]]


# --- resampling ------------------------------------------------------------------------------------


def _warp(images: Tensor, geometry: Tensor) -> Tensor:
    """Resample images [N, C, H, W] by matrices [N, 3, 3] from target to source pixels."""
    height, width = images.shape[2:]
    fine = _up(height, images) @ images @ _up(width, images).mT  # [N, C, 2H, 2W]
    rim_height, rim_width = height + 2 * RIM, width + 2 * RIM
    # affine_grid wants both frames to run from -1 to 1 over their own size
    to_unit = torch.diag(torch.tensor([2 / width, 2 / height, 1], dtype=torch.float64))
    from_unit = torch.diag(torch.tensor([rim_width / 2, rim_height / 2, 1], dtype=torch.float64))
    theta = (to_unit @ geometry @ from_unit)[:, :2].to(images.device, images.dtype, non_blocking=True)
    shape = [len(images), images.shape[1], 2 * rim_height, 2 * rim_width]
    grid = F.affine_grid(theta, shape, align_corners=False)
    moved: Tensor = _Sample.apply(fine, grid)  # [N, C, 2(H+2 RIM), 2(W+2 RIM)]
    return _down(height, images) @ moved @ _down(width, images).mT  # [N, C, H, W]


def _up(size: int, like: Tensor) -> Tensor:
    return _up_matrix(size).to(like.device, like.dtype)


def _down(size: int, like: Tensor) -> Tensor:
    return _down_matrix(size).to(like.device, like.dtype)


@lru_cache(maxsize=8)
def _up_matrix(size: int) -> Tensor:
    """[2 size, size]: up-sampling by two with reflection at the border."""
    matrix = torch.zeros(2 * size, size, dtype=torch.float64)
    for source in range(-2 * RIM, size + 2 * RIM):
        column = _reflect(source, size)
        for tap, weight in enumerate(SYM6):
            row = 2 * source + tap - (len(SYM6) // 2 - 1)
            if 0 <= row < 2 * size:
                matrix[row, column] += weight * math.sqrt(
                    2
                )  # the factor sqrt(2) keeps a constant image constant
    return matrix


@lru_cache(maxsize=8)
def _down_matrix(size: int) -> Tensor:
    """[size, 2 (size + 2 RIM)]: low-pass and decimation by two; the transpose of up-sampling, halved."""
    matrix = torch.zeros(size, 2 * (size + 2 * RIM), dtype=torch.float64)
    for row in range(size):
        for tap, weight in enumerate(SYM6):
            matrix[row, 2 * (row + RIM) + tap - (len(SYM6) // 2 - 1)] += weight / math.sqrt(2)
    return matrix


def _reflect(i: int, size: int) -> int:
    """Index into `size` samples that are mirrored repeatedly at both ends."""
    i %= 2 * size
    return min(i, 2 * size - 1 - i)


class _Sample(torch.autograd.Function):
    """Bilinear `grid_sample` with reflection; linear in the image, hence twice differentiable in it.

    PyTorch stops at first derivatives. With the grid held constant, sampling is a matrix A on the image, its
    backward pass is A^T, and the backward pass of that is A again.
    """

    @staticmethod
    def forward(ctx: Any, image: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = image.shape
        return F.grid_sample(image, grid, "bilinear", "reflection", align_corners=False)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _SampleTransposed.apply(gradient, grid, ctx.shape), None


class _SampleTransposed(torch.autograd.Function):
    """A^T of `_Sample`."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        image = gradient.new_empty(1).expand(shape)  # only its shape matters for this gradient
        bilinear, reflection = 0, 2  # aten's codes
        back: Callable[..., tuple[Tensor, Tensor]] = torch.ops.aten.grid_sampler_2d_backward
        return back(gradient, image, grid, bilinear, reflection, False, [True, False])[0]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _Sample.apply(gradient, grid), None, None


# --- matrices --------------------------------------------------------------------------------------


def _recolour(images: Tensor, colour: Tensor) -> Tensor:
    matrix = colour.to(images.device, images.dtype, non_blocking=True)
    if images.shape[1] == 1:  # grey stays grey: the mean of the three transformed channels
        row = matrix[:, :3].mean(1)  # [N, 4]
        return images * row[:, :3].sum(1).view(-1, 1, 1, 1) + row[:, 3].view(-1, 1, 1, 1)
    return torch.einsum("nij,njhw->nihw", matrix[:, :3, :3], images) + matrix[:, :3, 3, None, None]


def _rotation(angle: Tensor) -> Tensor:
    """[N, 3, 3]: rotation by `angle`, anticlockwise as seen on a screen (y runs down)."""
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack([cos, sin, zero, -sin, cos, zero, zero, zero, one], 1).view(-1, 3, 3)


def _scaling(x: Tensor, y: Tensor) -> Tensor:
    return torch.diag_embed(torch.stack([x, y, torch.ones_like(x)], 1))


def _translation(offset: Tensor) -> Tensor:
    matrix = torch.eye(3, dtype=offset.dtype).repeat(len(offset), 1, 1)
    matrix[:, :2, 2] = offset
    return matrix


def _hue_turn(angle: Tensor, grey: Tensor, rgb: Tensor) -> Tensor:
    """[N, 4, 4]: rotation about the grey axis (Rodrigues' formula)."""
    cross = torch.zeros(4, 4, dtype=torch.float64)
    cross[:3, :3] = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    cos, sin = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
    turn = cos * rgb + sin * cross + (1 - cos) * grey
    turn[:, 3, 3] = 1
    return turn
