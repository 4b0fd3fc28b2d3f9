"""Trains a GAN put together from parts: networks, loss, penalty, and how the class is told.

The methods of a decade differ in these choices more than in anything else (Kang et al., arXiv:2206.09479).
Each part names its paper; the step is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.data.images import ImageSet
from ganedit.data.pictures import sheet
from ganedit.data.toys import TOY_SETS, ToySet
from ganedit.errors import InputError
from ganedit.metrics.modes import mode_coverage
from ganedit.nets.fastgan import RedrawingJudge
from ganedit.nets.layers_spectral import folded_state
from ganedit.store.cards import Metric
from ganedit.store.load import save_model
from ganedit.train.diffaugment import diff_augment
from ganedit.train.ema import averaged_copy, ema_beta, update_ema
from ganedit.train.gan_networks import (
    ARCHITECTURES,
    make_discriminator,
    make_generator,
    refresh_statistics,
)
from ganedit.train.losses import (
    D_LOSSES,
    G_LOSSES,
    Equilibrium,
    gradient_penalty,
    orthogonality,
    r1_penalty,
)
from ganedit.train.options.gan import PRESETS, GANOptions, is_toy
from ganedit.train.run import Run
from ganedit.train.sources import Note, OnLoad, load_set
from ganedit.train.toy_pictures import picture_of_points, write_film
from ganedit.train.translation import PictureRecipe, frozen

SAMPLE_ROWS, SAMPLE_COLUMNS = 6, 10
TEST_POINTS = 2500  # as in VEEGAN
SHOWN_POINTS = 1000
SMALLEST_BATCH = 64  # of places that D judges for a picture
STATISTICS_SEED = 1234


class GAN(PictureRecipe[GANOptions]):
    """G, D and the average of G."""

    def __init__(
        self, options: GANOptions, data: ImageSet | ToySet, device: torch.device, note: Note
    ) -> None:
        self.data, self.note = data, note
        self.toy = data if isinstance(data, ToySet) else None
        self.classes = classes = data.num_classes if options.condition != "none" else 0
        shape = (1, 2) if self.toy else (options.resolution, 3)
        torch.manual_seed(options.seed)
        self.g = make_generator(options, *shape, classes)
        self.d = make_discriminator(options, *shape, classes)
        self.g_ema = averaged_copy(self.g)
        super().__init__(options, device, {"g": self.g, "d": self.d, "g_ema": self.g_ema})
        self.dtype = torch.float32 if self.toy else self.dtype
        betas = (options.beta1, options.beta2)
        self.optimizers = {
            "g": self.adam(self.g, betas=betas),
            "d": self.adam(self.d, lr=options.lr * options.ttur, betas=betas),
        }
        self.refreshed = False
        self.equilibrium = Equilibrium(options.diversity)
        self.d_loss = self.equilibrium.d_loss if options.loss == "began" else D_LOSSES[options.loss]
        self.g_loss = G_LOSSES[options.loss]
        # Second derivatives need the eager modules; everything else may be compiled.
        self.drawing = torch.compile(self.g) if options.compile else self.g
        self.judging = torch.compile(self.d) if options.compile else self.d

    # ---- the step ----

    def step(self, run: Run) -> dict[str, Tensor]:
        options = self.options
        self.decay(run, options.decay)
        stats: dict[str, Tensor] = {}
        for turn in range(options.d_steps):
            share = replace(run.share(), step=run.step * options.d_steps + turn)
            pieces = self.data.draw(share, mirror=options.mirror)
            stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(pieces, stats))
            if options.penalty == "clip":
                self._clip()
        with frozen(self.d):
            stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(run))
        seen = run.images_seen + options.batch
        self.refreshed = False
        update_ema(self.g_ema, self.g, ema_beta(options.batch, seen, options.ema_kimg, rampup=0.05))
        return stats

    def _d_losses(
        self, pieces: list[tuple[Tensor, Tensor | None]], stats: dict[str, Tensor]
    ) -> Iterator[Tensor]:
        for real, c in pieces:
            c = c if self.classes else None
            with torch.no_grad():
                fake, c_fake = self._fakes(len(real))
            on_real, guessed, redrawn = self._judge_real(real, c, stats)
            on_fake, _ = self._judge(fake, c_fake)
            stats |= {"d/real": on_real.detach().mean(), "d/fake": on_fake.detach().mean()}
            loss = self.d_loss(on_real, on_fake)
            if guessed is not None and c is not None:
                loss = loss + F.cross_entropy(guessed, c)
            yield loss + redrawn + self._penalty(real, fake, c, stats)

    def _penalty(
        self, real: Tensor, fake: Tensor, c: Tensor | None, stats: dict[str, Tensor]
    ) -> Tensor | float:
        kind, weight = self.options.penalty, self.options.weight_of_penalty
        if kind not in ("gp", "r1"):
            return 0.0
        if kind == "gp":
            penalty = gradient_penalty(lambda x: self.d(x, c)[0], real, fake)
        else:
            real = real.detach().requires_grad_(True)
            penalty = r1_penalty(self.d(real, c)[0], real) / 2
        stats["d/penalty"] = penalty.detach()
        return penalty * weight

    def _g_losses(self, run: Run) -> Iterator[Tensor]:
        for _ in range(self.options.accumulate):
            fake, c = self._fakes(run.micro_batch)
            on_fake, guessed = self._judge(fake, c)
            loss = self.g_loss(on_fake)
            if guessed is not None and c is not None:
                loss = loss + F.cross_entropy(guessed, c)
            if self.options.ortho:
                loss = loss + orthogonality(self.g) * self.options.ortho
            yield loss

    def _fakes(self, n: int) -> tuple[Tensor, Tensor | None]:
        """Generated images of random z, and of classes with the frequencies of the data."""
        z, c = self._codes(n)
        with self.activations():
            images: Tensor = self.drawing(z, c)
        return images.float(), c

    def _codes(self, n: int) -> tuple[Tensor, Tensor | None]:
        z = torch.randn(n, self.options.z_dim).to(self.device)
        if not self.classes or isinstance(self.data, ToySet) or self.data.labels is None:
            return z, None
        rows = torch.randint(len(self.data), (n,))
        return z, F.one_hot(self.data.labels[rows], self.classes).float().to(self.device)

    def _judge(self, images: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Logits, and those of the classes if D guesses them."""
        if self.options.changes:
            images = diff_augment(images, self.options.changes)
        with self.activations():
            logits, guessed = self.judging(images, c)
        return logits.float(), None if guessed is None else guessed.float()

    def _judge_real(
        self, images: Tensor, c: Tensor | None, stats: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor | None, Tensor | float]:
        """What `_judge` returns, and the weighted error of the images that D redraws, if it does so."""
        if not isinstance(self.d, RedrawingJudge):
            return *self._judge(images, c), 0.0
        images = diff_augment(images, self.options.changes)
        with self.activations():
            logits, guessed, error = self.d.judge_and_redraw(images, c)
        stats["d/redraw"] = error.detach()
        guessed = None if guessed is None else guessed.float()
        return logits.float(), guessed, error * self.options.redraw

    @torch.no_grad()
    def _clip(self) -> None:
        limit = self.options.weight_of_penalty
        for parameter in self.d.parameters():
            parameter.clamp_(-limit, limit)

    # ---- looking and saving ----

    def state(self) -> dict[str, Any]:
        return {"k": float(self.equilibrium.k)}

    def load_state(self, state: dict[str, Any]) -> None:
        self.equilibrium.k = torch.tensor(state["k"], device=self.device)

    @torch.no_grad()
    def samples(self) -> Tensor:
        if self.toy:
            torch.manual_seed(0)
            return picture_of_points(
                self.toy.sample(SHOWN_POINTS),
                self._points(SHOWN_POINTS),
                self._logits_of_points,
                self.toy.reach,
            )
        self._refresh()
        n = SAMPLE_ROWS * SAMPLE_COLUMNS
        # The seeds of `ganedit generate`.
        z = np.stack([self.g.draw_z(seed, 1.0) for seed in range(n)])  # type: ignore[operator]
        c = None
        if self.classes:
            numbers = torch.arange(n) % SAMPLE_COLUMNS % self.classes
            c = F.one_hot(numbers, self.classes).float().to(self.device)
        images = self.g_ema(torch.tensor(z, dtype=torch.float32, device=self.device), c)
        return sheet(images.split(SAMPLE_COLUMNS))

    @torch.no_grad()
    def _points(self, n: int) -> Tensor:
        """Generated points [N, 2], always of the same z."""
        z = torch.randn(n, self.options.z_dim, generator=torch.Generator().manual_seed(0))
        points: Tensor = self.g_ema(z.to(self.device))[:, :, 0, 0]
        return points.cpu()

    def _logits_of_points(self, points: Tensor) -> Tensor:
        """Logits [N, 1] of points [N, 2], in mixed batches of the usual size, as D may compare them."""
        order = torch.randperm(len(points), generator=torch.Generator().manual_seed(0))
        logits = torch.empty(len(points), 1)
        for rows in order.split(max(self.options.batch, SMALLEST_BATCH)):
            logits[rows] = self.d(points[rows].to(self.device)[:, :, None, None])[0].cpu()
        return logits

    def evaluate(self) -> dict[str, float]:
        """Modes covered, and the share of points near one; nothing for images."""
        if self.toy is None or not len(self.toy.modes):
            return {}
        found = mode_coverage(self._points(TEST_POINTS), self.toy.modes, self.toy.sigma)
        return {"modes": float(found.covered), "within 3 sigma": found.near}

    def _refresh(self) -> None:
        """Measure the average's normalisations, unless that was done since the last step."""
        if self.refreshed:
            return
        self.refreshed = True
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(STATISTICS_SEED)
            refresh_statistics(self.g_ema, lambda: self._codes(self.options.batch))

    def real_images(self, count: int) -> np.ndarray | None:
        return None if isinstance(self.data, ToySet) else self.data.some(count)

    def export(self, folder: Path, images: int) -> None:
        options = self.options
        self._refresh()
        measured = self.evaluate()
        names = list(self.data.class_names) if self.classes else []
        card = self.make_card(
            images,
            name=options.name or options.preset or "gan",
            task="generator",
            architecture=ARCHITECTURES[options.network],
            config=asdict(self.g.cfg),  # type: ignore[call-overload]
            resolution=1 if self.toy else options.resolution,
            details={"classes": names} if names else {},
            metrics=tuple(Metric(name, value) for name, value in measured.items()),
        )
        save_model(folder, card, folded_state(self.g_ema))
        if self.toy:
            write_film(folder.parent)
        if measured and images + options.batch > options.kimg * 1000:  # the last step
            assert self.toy
            self.note(
                f"{measured['modes']:.0f} of {len(self.toy.modes)} modes covered, "
                f"{measured['within 3 sigma']:.1%} of {TEST_POINTS} points within 3 sigma of one"
            )


def start(options: GANOptions, device: torch.device, note: Note, on_load: OnLoad | None = None) -> GAN:
    """The recipe for these options, with their data."""
    if options.preset:
        note(f"preset {options.preset}: {PRESETS[options.preset]}")
    if is_toy(options.data):
        return GAN(options, TOY_SETS[options.data[0]](), device, note)
    data = load_set(
        options,
        note,
        on_load,
        resolution=options.resolution,
        fit=options.fit,
        labels=Path(options.labels) if options.labels else None,
        label_column=options.label if options.condition != "none" else None,
    )
    if options.condition != "none" and data.num_classes < 2:
        raise InputError(
            f"{options.data[0]} has one class in {options.label!r}: {data.class_names[0]}",
            "leave `condition` out, or add images of others",
        )
    return GAN(options, data, device, note)
