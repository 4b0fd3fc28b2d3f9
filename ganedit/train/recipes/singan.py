"""Learns the patches of a single photo, scale by scale (SinGAN, Shaham et al., arXiv:1905.01164).

Each scale adds detail to images of the scales before it, against a critic of its patches (WGAN-GP), and draws
the photo again from a fixed noise. Only what the current scale computes is kept in memory. From ConSinGAN
(Hinz et al., arXiv:2003.11512) come scales that learn together, the coarser ones slower, and the spacing of a
given number of scales. Images pass between the scales, as in SinGAN, rather than features: everything that
starts from an image at some scale needs that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.data.pictures import sheet
from ganedit.errors import InputError, UsageError
from ganedit.images.io import list_images, read_image
from ganedit.images.pixels import over_white, resize
from ganedit.images.tensors import to_tensor
from ganedit.nets.singan import Critics, SinGAN, SinGANConfig, Window, resized
from ganedit.store.load import save_model
from ganedit.train.losses import local_gradient_penalty, wasserstein_d_loss, wasserstein_g_loss
from ganedit.train.options.singan import SinGANOptions
from ganedit.train.run import Run
from ganedit.train.sources import Note, OnLoad
from ganedit.train.translation import PictureRecipe, frozen

SAMPLES = 4  # random images on a sheet
LAST = 0.2  # share of a scale's iterations with the lower learning rate
LOWER = 0.1
BETAS = (0.5, 0.999)


class SinGANRecipe(PictureRecipe[SinGANOptions]):
    """The generators and the critics of all scales, of which one learns, or a few together."""

    def __init__(self, options: SinGANOptions, photos: Tensor, device: torch.device) -> None:
        count, _, height, width = photos.shape
        sizes = scale_sizes(height, width, options)
        torch.manual_seed(options.seed)
        self.cfg = SinGANConfig(
            heights=tuple(h for h, _ in sizes),
            widths=tuple(w for _, w in sizes),
            channels=(options.width,) * len(sizes),
            layers=options.layers,
            images=count,
            norm=options.norm,
            border=options.border,
        )
        self.g, self.d = SinGAN(self.cfg), Critics(self.cfg)
        super().__init__(options, device, {"g": self.g, "d": self.d})
        self.sizes = sizes
        self.photos = [resized(photos, size).clamp(-1, 1).to(device) for size in sizes]
        self.optimizers = {
            name: torch.optim.Adam([{"params": list(one.parameters())} for one in parts], options.lr, BETAS)
            for name, parts in (("g", self.g.scales), ("d", self.d.scales))
        }
        self.scale = -1
        self.drawn_again: Tensor | None = None  # the photos, by the scales that no longer learn

    # ---- from scale to scale ----

    def state(self) -> dict[str, Any]:
        return {"scale": self.scale}

    def load_state(self, state: dict[str, Any]) -> None:
        self.scale, self.drawn_again = int(state["scale"]), None

    @property
    def first(self) -> int:
        """The coarsest scale that learns now."""
        return max(self.scale - self.options.concurrent + 1, 0)

    def _follow(self, run: Run) -> None:
        """Begin the scale that a step belongs to, unless it is the current one, and set the rates."""
        passed = run.progress * len(self.sizes)
        while self.scale < min(int(passed), len(self.sizes) - 1):
            self._begin(self.scale + 1)
        late = passed - self.scale >= 1 - LAST
        for optimizer in self.optimizers.values():
            for scale, group in enumerate(optimizer.param_groups):
                slower = self.options.slower ** max(self.scale - scale, 0)
                group["lr"] = self.options.lr * slower * (LOWER if late else 1.0)

    @torch.no_grad()
    def _begin(self, scale: int) -> None:
        """Start a scale from the weights of the one before, and choose how much noise it gets."""
        if (again := self._again(scale)) is not None:
            error = resized(again, self.sizes[scale]) - self.photos[scale]
            self.g.gains[scale] = self.options.noise * error.square().mean().sqrt()
            for network in (self.g, self.d):
                network.scales[scale].load_state_dict(network.scales[scale - 1].state_dict())
        for optimizer in self.optimizers.values():
            optimizer.state.clear()
        self.scale, self.drawn_again = scale, None

    @torch.no_grad()
    def _again(self, scales: int) -> Tensor | None:
        """All photos drawn again by so many scales; None of none."""
        every = torch.arange(len(self.photos[0]), device=self.device)
        return self._draw(self.g.fixed(every, self.sizes[:scales])) if scales else None

    def _draw(
        self,
        noise: list[Tensor],
        image: Tensor | None = None,
        first: int = 0,
        window: Window | None = None,
    ) -> Tensor:
        with self.activations():
            drawn: Tensor = self.g(noise, image, first, window)
        return drawn

    # ---- the step ----

    def step(self, run: Run) -> dict[str, Tensor]:
        self._follow(run)
        if self.drawn_again is None and self.first:
            self.drawn_again = self._again(self.first)
        stats = {"scale": torch.tensor(float(self.scale), device=self.device)}
        for _ in range(self.options.d_steps):
            stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(run, stats))
        with frozen(self.d):
            for _ in range(self.options.g_steps):
                stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(run, stats))
        return stats

    def _d_losses(self, run: Run, stats: dict[str, Tensor]) -> Iterator[Tensor]:
        for _ in range(self.options.accumulate):
            window = self._window()
            real = window.of(self.photos[self.scale][self._some(run.micro_batch)])
            with torch.no_grad():
                noise, before = self._coarse(len(real))
                fake = self._draw(noise, before, self.first, window)
            on_real, on_fake = self._judge(torch.cat([real, fake])).chunk(2)
            loss = wasserstein_d_loss(on_real, on_fake)
            penalty = local_gradient_penalty(self._judge, real, fake)
            stats |= {"d/distance": -loss.detach(), "d/penalty": penalty.detach()}
            yield loss + penalty * self.options.penalty

    def _g_losses(self, run: Run, stats: dict[str, Tensor]) -> Iterator[Tensor]:
        n = run.micro_batch
        for _ in range(self.options.accumulate):
            chosen, window = self._some(n), self._window()
            noise, before = self._coarse(n)
            fixed = self.g.fixed(chosen, self.sizes[: self.scale + 1])[self.first :]
            again = None if self.drawn_again is None else self.drawn_again[chosen]
            both = [torch.cat(pair) for pair in zip(noise, fixed, strict=True)]
            start = None if before is None or again is None else torch.cat([before, again])
            fake, drawn = self._draw(both, start, self.first, window).chunk(2)
            error = F.mse_loss(drawn, window.of(self.photos[self.scale][chosen]))
            stats["g/reconstruction"] = error.detach()
            yield wasserstein_g_loss(self._judge(fake)) + error * self.options.reconstruction

    @torch.no_grad()
    def _coarse(self, n: int) -> tuple[list[Tensor], Tensor | None]:
        """Noise for the scales that learn, and random images [n, 3, h, w] by those before them, if any."""
        noise = self.g.noise(n, self.sizes[: self.scale + 1])
        before, rest = noise[: self.first], noise[self.first :]
        return rest, self._draw(before) if before else None

    def _some(self, n: int) -> Tensor:
        """Numbers of n photos."""
        return torch.randint(len(self.photos[0]), (n,)).to(self.device)

    def _window(self) -> Window:
        """The part of the image that learns now."""
        sides = [min(side, self.options.crop or side) for side in self.sizes[self.scale]]
        room = zip(self.sizes[self.scale], sides, strict=True)
        top, left = (int(torch.randint(whole - part + 1, ())) for whole, part in room)
        return Window(top, left, *sides)

    def _judge(self, images: Tensor) -> Tensor:
        with self.activations():
            judged: Tensor = self.d(self.scale, images)
        return judged.float()

    # ---- looking and saving ----

    @torch.no_grad()
    def samples(self) -> Tensor:
        """The photo, the photo drawn again, and random images, at the current scale."""
        sizes = self.sizes[: self.scale + 1]
        noise = self.g.noise(SAMPLES, sizes, torch.Generator().manual_seed(0))
        again = self._again(len(sizes))
        assert again is not None
        return sheet([torch.cat([self.photos[self.scale][:1], again[:1], self._draw(noise)])])

    def export(self, folder: Path, images: int) -> None:
        """Write the scales that have begun to learn: an interrupted run leaves a smaller image's model."""
        learned = self.scale + 1
        cfg = replace(
            self.cfg,
            heights=self.cfg.heights[:learned],
            widths=self.cfg.widths[:learned],
            channels=self.cfg.channels[:learned],
        )
        network = SinGAN(cfg)
        own = self.g.state_dict() | {"gains": self.g.gains[:learned]}
        card = self.make_card(
            images,
            name=self.options.name or "singan",
            task="single-image",
            architecture="singan",
            config=asdict(cfg),
            resolution=max(self.sizes[self.scale]),
        )
        save_model(folder, card, {key: own[key] for key in network.state_dict()}, dtype=torch.float16)


def scale_sizes(height: int, width: int, options: SinGANOptions) -> list[tuple[int, int]]:
    """Height and width at each scale, the coarsest first.

    Without a number of scales, each is `factor` times the next, or a little more, so that the coarsest has a
    shorter side of `smallest`. Otherwise scale n of N is as ConSinGAN says (arXiv:2003.11512, section 3).

    Raises:
        InputError: The photo is smaller than the coarsest scale.
    """
    shorter = min(height, width)
    if shorter < options.smallest:
        raise InputError(
            f"a photo of {width}x{height} pixels is too small: the coarsest scale has {options.smallest}",
            "take a larger one, a larger `size`, or a smaller `smallest`",
        )
    least = options.smallest / shorter
    count = options.scales or 1 + math.ceil(math.log(least) / math.log(options.factor) - 1e-9)
    if count == 1:
        return [(height, width)]
    finer = count - 1
    powers = [float(finer - n) for n in range(count)]
    if options.scales and finer > 1:
        powers = [(finer - 1) / math.log(finer) * math.log(finer - n) + 1 for n in range(finer)] + [0.0]
    shares = [least ** (power / finer) for power in powers]
    return [(max(round(height * s), 1), max(round(width * s), 1)) for s in shares]


def load_photos(options: SinGANOptions, on_load: OnLoad | None) -> Tensor:
    """The photos that the options name, reduced to their `size`, [K, 3, H, W] in [-1, 1].

    Raises:
        InputError: They differ in size, or one cannot be read.
    """
    paths = list(chain.from_iterable(list_images(Path(one)) for one in options.data))
    paths = paths[: options.limit or None]
    found: list[np.ndarray] = []
    for i, path in enumerate(paths):
        photo = read_image(path)
        pixels = over_white(photo.pixels, photo.alpha)
        if found and pixels.shape != found[0].shape:
            one, other = (f"{p.shape[1]}x{p.shape[0]}" for p in (found[0], pixels))
            raise InputError(
                f"the photos differ in size: {paths[0]} has {one} pixels, {path} {other}",
                "crop them to one size",
            )
        found.append(pixels)
        if on_load:
            on_load(i + 1, len(paths))
    height, width = found[0].shape[:2]
    share = min(options.size / max(height, width), 1.0)
    size = (max(round(height * share), 1), max(round(width * share), 1))
    return torch.cat([to_tensor(resize(pixels, size)) for pixels in found])


def start(
    options: SinGANOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> SinGANRecipe:
    """The recipe for these options, with their photos."""
    if options.norm == "instance" and options.concurrent > 1:
        raise UsageError("`concurrent` learns without `norm=instance`", "drop one of them")
    recipe = SinGANRecipe(options, load_photos(options, on_load), device)
    note(f"scales: {', '.join(f'{w}x{h}' for h, w in recipe.sizes)}")
    return recipe
