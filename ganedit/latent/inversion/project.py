"""GAN inversion: from a picture to the code that draws it.

There are four methods with one signature:

- `optimize`: the projector published with StyleGAN2 (Karras et al., arXiv:1912.04958, appendix D): noise on
  the code that fades out, a learning-rate schedule, and regularised noise maps.
- `encode`: one pass of an encoder trained for the generator.
- `hybrid`: the encoder's code, then optimised.
- `tune`: `hybrid`, then pivotal tuning (Roich et al., arXiv:2106.05744): the generator itself is adjusted a
  little around the code; only the changed tensors are kept.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from ganedit.errors import InputError, MissingError, UsageError
from ganedit.latent.inversion.perceptual import Distance, Perceptual, distance_to
from ganedit.store.models import Encoder, Generator

Method = Literal["optimize", "encode", "hybrid", "tune"]
METHODS = ("optimize", "encode", "hybrid", "tune")
Space = Literal["z", "w", "w+"]
SPACES = ("z", "w", "w+")
STEPS = {"optimize": 400, "encode": 0, "hybrid": 160, "tune": 160}
TUNE_STEPS = 200
OnStep = Callable[[int, int, Tensor], None]  # step, total steps, current images [N, 3, H, W]

W_SAMPLES = 4096  # to estimate the spread of w


@dataclass(frozen=True)
class ProjectOptions:
    """How photos are projected.

    Attributes:
        method: "encode" (one pass of an encoder), "hybrid" (its code, then optimised), "optimize" (from the
            average code; needs no encoder) or "tune" (hybrid, then the generator itself is adjusted).
        space: "w+" (a code per layer), "w" (one code for all layers) or "z" (only with "optimize").
        steps: Steps of the code's optimisation, 1 to 100,000; None takes the default of the method.
        tune_steps: Steps of the generator's adjustment, with "tune".
        perceptual: What compares images: features of the model's "discriminator", "lpips", or "pixels"
            (pixels and structure alone).
        editability: Weight that keeps the rows of a w+ code close together and near the mean.
        seed: Seed of the random numbers of the search.

    Raises:
        UsageError: A value that does not exist or does not suit the others.
    """

    method: Method = "hybrid"
    space: Space = "w+"
    steps: int | None = None
    tune_steps: int = TUNE_STEPS
    perceptual: Perceptual = "discriminator"
    editability: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UsageError(f"`method={self.method}` is unknown", f"choose {', '.join(METHODS)}")
        if self.space not in SPACES:
            raise UsageError(f"`space={self.space}` is unknown", f"choose {', '.join(SPACES)}")
        if self.method != "optimize" and self.space == "z":
            raise UsageError(
                f"`method={self.method}` starts from the encoder, which gives no z", "use `method=optimize`"
            )
        if self.steps is not None and not 1 <= self.steps <= 100_000:
            raise UsageError(f"`steps={self.steps}` must be between 1 and 100000")

    @property
    def code_steps(self) -> int:
        return STEPS[self.method] if self.steps is None else self.steps


@dataclass
class Projection:
    """The result for one picture.

    Attributes:
        ws: The code [L, W].
        image: The picture that it draws, [3, H, W], about [-1, 1].
        noise: Optimised noise maps by layer, empty except for `optimize`.
        tuned: Changes to the generator's parameters, empty except for `tune`.
        losses: Final distance, and PSNR in dB.
    """

    ws: Tensor
    image: Tensor
    noise: dict[str, Tensor] = field(default_factory=dict)
    tuned: dict[str, Tensor] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)


def project(
    generator: Generator,
    images: Tensor,
    options: ProjectOptions | None = None,
    *,
    encoder: Encoder | None = None,
    on_step: OnStep | None = None,
) -> list[Projection]:
    """Invert aligned pictures.

    Args:
        generator: A generator with its discriminator, unless `options.perceptual` needs none or the method is
            "encode".
        images: [N, 3, R, R] in [-1, 1], aligned as the generator's card says, at its resolution.
        options: Method, space, lengths.
        encoder: Encoder for this generator; needed by every method except "optimize".
        on_step: Called after every step.

    Returns:
        One projection per picture. If memory runs out, the batch is split in half.

    Raises:
        InputError: pictures of the wrong size.
        MissingError: no encoder.
    """
    options = options or ProjectOptions()
    side = generator.resolution
    if images.ndim != 4 or tuple(images.shape[1:]) != (3, side, side):
        raise InputError(
            f"images for {generator.name} must be [N, 3, {side}, {side}], not {list(images.shape)}"
        )
    if options.method != "optimize" and encoder is None:
        raise MissingError(
            f"`method={options.method}` needs an encoder for {generator.name}, and there is none",
            "train one (ganedit train encoder), or use `method=optimize`",
        )
    if options.space == "z" and generator.num_classes:
        raise UsageError("a model with classes cannot be projected to z", "choose the `space` w or w+")
    images = images.to(generator.device, torch.float32)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(options.seed)
            return _project(generator, images, options, encoder, on_step)
    except torch.OutOfMemoryError:
        if len(images) == 1:
            raise
        torch.cuda.empty_cache()
        return [
            projection
            for half in images.chunk(2)
            for projection in project(generator, half, options, encoder=encoder, on_step=on_step)
        ]


def _project(
    generator: Generator,
    images: Tensor,
    options: ProjectOptions,
    encoder: Encoder | None,
    on_step: OnStep | None,
) -> list[Projection]:
    start = None
    if encoder is not None and options.method != "optimize":
        with torch.no_grad():
            start = encoder(images)
            if options.space == "w":
                start = start.mean(dim=1, keepdim=True).expand_as(start)
    if options.method == "encode":
        assert start is not None
        with torch.no_grad():
            projections = [Projection(*pair) for pair in zip(start, generator.synthesis(start), strict=True)]
            _measure(projections, images, None)
        return projections
    distance = distance_to(images, generator, options.perceptual)
    projections = _Search(generator, images, options, distance, start).run(on_step)
    if options.method == "tune":
        for one, image in zip(projections, images, strict=True):
            target = image.unsqueeze(0)
            tune(generator, one, target, distance_to(target, generator, options.perceptual), options, on_step)
    _measure(projections, images, distance)
    return projections


@torch.no_grad()
def _measure(projections: list[Projection], targets: Tensor, distance: Distance | None) -> None:
    drawn = torch.stack([one.image for one in projections])
    errors = ((drawn.clamp(-1, 1) - targets) / 2).square().mean(dim=(1, 2, 3))
    for one, error in zip(projections, errors.tolist(), strict=True):
        one.losses["psnr"] = round(-10 * math.log10(max(error, 1e-10)), 3)
    if distance is not None:
        for one, value in zip(projections, distance(drawn).tolist(), strict=True):
            one.losses["distance"] = round(value, 5)


# --- the code --------------------------------------------------------------------------------------


class _Search:
    """Gradient descent on the codes of a batch of pictures, and with `optimize` on noise maps."""

    LR: ClassVar = {"optimize": 0.1, "hybrid": 0.05, "tune": 0.05}
    W_NOISE = 0.05  # times the spread of w, at the start; `optimize` only
    W_NOISE_UNTIL = 0.75  # share of the steps
    LR_UP, LR_DOWN = 0.05, 0.25  # shares of the steps
    NOISE_WEIGHT = 1e5

    def __init__(
        self,
        generator: Generator,
        targets: Tensor,
        options: ProjectOptions,
        distance: Distance,
        start: Tensor | None,
    ) -> None:
        self.generator, self.options, self.distance = generator, options, distance
        self.published = options.method == "optimize"
        n = len(targets)
        self.w_std = _spread_of_w(generator)
        rows = generator.num_ws if options.space == "w+" else 1
        if options.space == "z":
            self.code = torch.zeros(n, generator.z_dim, device=generator.device)
            self.code.normal_(std=0.1)  # the mapping normalises z, and 0 has no direction
        elif start is not None:
            self.code = start[:, :rows].clone()
        else:
            self.code = generator.w_avg.detach().expand(n, rows, -1).clone()
        self.code.requires_grad_(True)
        self.noise: dict[str, Tensor] = {}
        if self.published:
            maps = generator.network.synthesis.noise_maps()
            self.noise = {name: torch.randn(n, 1, *m.shape, device=m.device) for name, m in maps.items()}
            for noise in self.noise.values():
                noise.requires_grad_(True)

    def run(self, on_step: OnStep | None) -> list[Projection]:
        steps = self.options.code_steps
        optimizer = torch.optim.Adam([self.code, *self.noise.values()], betas=(0.9, 0.999))
        for step in range(steps):
            t = step / steps
            optimizer.param_groups[0]["lr"] = self.LR[self.options.method] * self._schedule(t)
            ws = self._codes(t)
            images = self.generator.synthesis(ws, self.noise or "const")
            loss = (self.distance(images) + self._prior(ws)).sum()
            if self.noise:
                loss = loss + self.NOISE_WEIGHT * noise_regularization(list(self.noise.values()))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            self._renormalize()
            if on_step:
                on_step(step + 1, steps, images.detach())
        with torch.no_grad():
            ws = self._codes(1.0)
            images = self.generator.synthesis(ws, self.noise or "const")
        maps = {name: noise.detach()[:, 0] for name, noise in self.noise.items()}
        return [
            Projection(ws[i].detach().clone(), images[i], {name: m[i].clone() for name, m in maps.items()})
            for i in range(len(ws))
        ]

    def _schedule(self, t: float) -> float:
        """Learning rate at time `t`: a short ramp up, a cosine down (arXiv:1912.04958, appendix D)."""
        down = min(1.0, (1 - t) / self.LR_DOWN)
        return (0.5 - 0.5 * math.cos(down * math.pi)) * min(1.0, t / self.LR_UP + 0.02)

    def _codes(self, t: float) -> Tensor:
        """ws [N, L, W] of the code, with noise that fades while `t` goes from 0 to 1."""
        if self.options.space == "z":
            return self.generator.mapping(self.code)
        ws = self.code.expand(-1, self.generator.num_ws, -1)
        if self.published:
            scale = self.w_std * self.W_NOISE * max(0.0, 1 - t / self.W_NOISE_UNTIL) ** 2
            ws = ws + torch.randn_like(self.code) * scale
        return ws

    def _prior(self, ws: Tensor) -> Tensor:
        """Distance [N] of the rows from each other and from the mean, in units of the spread of w.

        Codes close to those that the generator was trained with are editable (arXiv:2102.02766, section 3).
        """
        if self.options.space == "z" or not self.options.editability:
            return torch.zeros(len(ws), device=ws.device)
        center = ws.mean(dim=1, keepdim=True)
        apart = ((ws - center) / self.w_std).square().mean(dim=(1, 2))
        away = ((center[:, 0] - self.generator.w_avg) / self.w_std).square().mean(dim=1)
        return self.options.editability * (apart + 0.1 * away)

    @torch.no_grad()
    def _renormalize(self) -> None:
        for noise in self.noise.values():
            noise -= noise.mean(dim=(2, 3), keepdim=True)
            noise *= noise.square().mean(dim=(2, 3), keepdim=True).rsqrt()


@torch.no_grad()
def _spread_of_w(generator: Generator) -> float:
    """Root mean square distance of w from its mean, per number (StyleGAN2's projector)."""
    z = torch.randn(W_SAMPLES, generator.z_dim, device=generator.device)
    c = None
    if generator.num_classes:
        label = torch.arange(W_SAMPLES) % generator.num_classes
        c = torch.eye(generator.num_classes, device=generator.device)[label]
    w = generator.mapping(z, c)[:, 0]
    return float((w - w.mean(dim=0)).square().mean().sqrt())


def noise_regularization(noise: list[Tensor]) -> Tensor:
    """Autocorrelation of noise maps [N, 1, H, W] at every scale down to 8 px, summed over maps and pictures.

    It keeps the maps noise-like, so that they do not encode the picture (arXiv:1912.04958, appendix D).
    """
    total = noise[0].new_zeros(())
    for level in noise:
        while True:
            for axis in (2, 3):
                total = total + (level * level.roll(1, axis)).mean(dim=(1, 2, 3)).square().sum()
            if level.shape[2] <= 8:
                break
            level = nn.functional.avg_pool2d(level, 2) * 2  # keeps unit variance
    return total


# --- the generator ---------------------------------------------------------------------------------

TUNE_LR = 3e-3
TUNE_PIXELS = 10.0  # weight of the squared pixel error, added to the perceptual distance
LOCALITY_WEIGHT, LOCALITY_EVERY, LOCALITY_REACH = 1.0, 4, 1.0
NOT_TUNED = ("noise_const", "noise_strength")


def tune(
    generator: Generator,
    projection: Projection,
    target: Tensor,
    distance: Distance,
    options: ProjectOptions,
    on_step: OnStep | None = None,
) -> None:
    """Pivotal tuning: adjust the synthesis network around the code until it draws the picture.

    Fills `projection.tuned` with float16 changes, as they are stored, and redraws `projection.image` with
    them. Codes near the pivot must keep drawing the same pictures (the locality term of arXiv:2106.05744).
    """
    own = copy.copy(generator)
    own.network = copy.deepcopy(generator.network)
    synthesis = own.network.synthesis
    names = [name for name, _ in synthesis.named_parameters() if not name.endswith(NOT_TUNED)]
    parameters = [p for name, p in synthesis.named_parameters() if name in set(names)]
    pivot = projection.ws.unsqueeze(0)
    with _gradients(parameters):
        optimizer = torch.optim.Adam(parameters)
        for step in range(options.tune_steps):
            quarter_turn = step / options.tune_steps * math.pi / 2
            optimizer.param_groups[0]["lr"] = TUNE_LR * (0.1 + 0.9 * math.cos(quarter_turn))
            image = own.synthesis(pivot)
            loss = distance(image).sum() + TUNE_PIXELS * (image - target).square().mean()
            if step % LOCALITY_EVERY == 0:
                loss = loss + LOCALITY_WEIGHT * _locality(generator, own, pivot)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            if on_step:
                on_step(step + 1, options.tune_steps, image.detach())
    before = dict(generator.network.synthesis.named_parameters())
    with torch.no_grad():
        for name, p in zip(names, parameters, strict=True):
            change = (p - before[name]).half()
            projection.tuned[f"synthesis.{name}"] = change
            p.copy_(before[name] + change.float())
        projection.image = own.synthesis(pivot)[0]


def _locality(generator: Generator, own: Generator, pivot: Tensor) -> Tensor:
    """How much the picture changed for a code between the pivot and a random one."""
    c = None
    if generator.num_classes:
        c = generator.one_hot(int(torch.randint(generator.num_classes, ())))
    with torch.no_grad():
        other = generator.mapping(torch.randn(1, generator.z_dim, device=pivot.device), c)
        between = pivot + LOCALITY_REACH * torch.rand((), device=pivot.device) * (other - pivot)
        wanted = generator.synthesis(between)
    return (own.synthesis(between) - wanted).square().mean()


@contextmanager
def _gradients(parameters: list[nn.Parameter]) -> Iterator[None]:
    for p in parameters:
        p.requires_grad_(True)
    try:
        yield
    finally:
        for p in parameters:
            p.requires_grad_(False)
