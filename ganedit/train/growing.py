"""What recipes share whose networks grow while they learn (Karras et al., arXiv:1710.10196, section 2)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.data.images import ImageSet
from ganedit.data.pictures import sheet
from ganedit.nets.layers_conditional import shrunken_z
from ganedit.nets.progan import Discriminator, DiscriminatorConfig, Growing
from ganedit.nets.stylegan2 import channel_widths
from ganedit.store.load import save_model
from ganedit.train.ema import averaged_copy, ema_beta, update_ema
from ganedit.train.options.growing import GrowingOptions
from ganedit.train.run import Run
from ganedit.train.translation import PictureRecipe, frozen

SAMPLE_ROWS, SAMPLE_COLUMNS = 6, 10
BETAS = (0.0, 0.99)
Options = TypeVar("Options", bound=GrowingOptions)


@dataclass(frozen=True)
class Stage:
    """The level of the networks (0: 4 px, 1: 8 px, ...), and how far its finest block is faded in: 0 to 1."""

    level: int
    alpha: float

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return 4 << self.level

    @property
    def complete(self) -> int:
        """The largest level that is faded in altogether."""
        return self.level if self.alpha == 1 else self.level - 1


@dataclass(frozen=True)
class Schedule:
    """One phase at the first level, then for each further one a phase of fading in and one of staying.

    Attributes:
        first: The first level.
        last: The last level, which stays until the end.
        phase: Images in a phase.
    """

    first: int
    last: int
    phase: int

    @classmethod
    def of(cls, options: GrowingOptions) -> Schedule:
        """Without a length of phases in the options, growing takes the first half of the run."""
        first, last = (size.bit_length() - 3 for size in (options.first_size, options.resolution))
        kimg = options.phase_kimg or options.kimg / 2 / max(2 * (last - first), 1)
        return cls(first, last, max(round(kimg * 1000), 1))

    def stage(self, images: int) -> Stage:
        """The stage after a number of images."""
        phase, into = divmod(images, self.phase)
        fading = phase % 2 == 1 and phase < 2 * (self.last - self.first)
        level = min(self.first + (phase + 1) // 2, self.last)
        return Stage(level, into / self.phase if fading else 1.0)


def at_stage(images: Tensor, stage: Stage) -> Tensor:
    """Images [N, 3, R, R] at the size of a stage, [N, 3, S, S].

    While a size fades in, they are blended with what they are at the size before, as generated ones are.
    """
    x = F.avg_pool2d(images, images.shape[2] // stage.size)
    if stage.alpha == 1:
        return x
    return F.interpolate(F.avg_pool2d(x, 2), scale_factor=2.0, mode="nearest").lerp(x, stage.alpha)


class GrowingRecipe(PictureRecipe[Options]):
    """G, D and the average of G. Subclasses name the generator, what it draws and what is minimised."""

    architecture: ClassVar[str]
    blur: ClassVar[bool]  # in the discriminator
    sample_psi: ClassVar[float]

    def __init__(self, options: Options, data: ImageSet, device: torch.device) -> None:
        widths = channel_widths(options.resolution, options.channel_base, options.channel_max)
        torch.manual_seed(options.seed)
        self.data = data
        self.g = Growing(self.new_generator(options, widths))
        self.d = Discriminator(DiscriminatorConfig(widths, blur=self.blur))
        self.g_ema = averaged_copy(self.g)
        super().__init__(options, device, {"g": self.g, "d": self.d, "g_ema": self.g_ema})
        self.d.dtype = self.g.trunk.dtype = self.dtype
        self.optimizers = {"g": self.adam(self.g, betas=BETAS), "d": self.adam(self.d, betas=BETAS)}
        self.schedule = Schedule.of(options)
        self.stage = self.schedule.stage(0)  # of the step
        self.complete = self.stage.complete  # the largest level that is, after it

    # ---- what subclasses add ----

    @abstractmethod
    def new_generator(self, options: Options, widths: tuple[int, ...]) -> nn.Module:
        """The generator, with these channels at 4, 8, ... px."""

    @abstractmethod
    def features(self, n: int) -> list[Tensor]:
        """Activations of G after each block of the stage, for `n` random images."""

    @abstractmethod
    def d_loss(self, real: Tensor, fake: Tensor, stats: dict[str, Tensor]) -> Tensor:
        """The discriminator's loss on images of the stage; adds what it finds to `stats`."""

    @abstractmethod
    def g_loss(self, on_fake: Tensor) -> Tensor:
        """The generator's loss from logits [N, 1]."""

    # ---- the step ----

    def step(self, run: Run) -> dict[str, Tensor]:
        self._go_to_stage(run)
        options = self.options
        pieces = self.data.draw(run.share(), mirror=options.mirror)
        real = [at_stage(images, self.stage) for images, _ in pieces]
        about = {"size": float(self.stage.size), "fade": self.stage.alpha}
        stats = {name: torch.tensor(value, device=self.device) for name, value in about.items()}
        stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(real, stats))
        with frozen(self.d):
            stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(run))
        seen = run.images_seen + options.batch
        self.complete = self.schedule.stage(seen).complete
        update_ema(self.g_ema, self.g, ema_beta(options.batch, seen, options.ema_kimg, rampup=0.05))
        return stats

    def _go_to_stage(self, run: Run) -> None:
        """A new size starts with fresh moments of Adam: old ones are of other losses."""
        before, self.stage = self.stage, self.schedule.stage(run.images_seen)
        if self.stage.level > before.level:
            for optimizer in self.optimizers.values():
                optimizer.state.clear()

    def _d_losses(self, pieces: list[Tensor], stats: dict[str, Tensor]) -> Iterator[Tensor]:
        for real in pieces:
            with torch.no_grad():
                fake = self.fakes(len(real))
            yield self.d_loss(real, fake, stats)

    def _g_losses(self, run: Run) -> Iterator[Tensor]:
        for _ in range(self.options.accumulate):
            yield self.g_loss(self.judge(self.fakes(run.micro_batch)))

    def fakes(self, n: int) -> Tensor:
        """Random images of the stage, [n, 3, S, S]."""
        return self.g.image(self.features(n), self.stage.alpha)

    def judge(self, images: Tensor) -> Tensor:
        """Logits [N, 1] of images of the stage."""
        logits: Tensor = self.d(images, self.stage.alpha)
        return logits

    # ---- looking and saving ----

    def state(self) -> dict[str, Any]:
        return {"phase": self.schedule.phase, "level": self.stage.level}

    def load_state(self, state: dict[str, Any]) -> None:
        """The length of phases stays, as that of another `kimg` would lead back to a smaller size."""
        schedule = self.schedule
        if not self.options.phase_kimg:
            self.schedule = Schedule(schedule.first, schedule.last, int(state["phase"]))
        self.stage = Stage(int(state["level"]), 1.0)

    def real_images(self, count: int) -> np.ndarray:
        return self.data.some(count)

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Images of the largest complete size, by the seeds of `ganedit generate`, enlarged."""
        n, psi = SAMPLE_ROWS * SAMPLE_COLUMNS, self.sample_psi
        z = np.stack([shrunken_z(seed, 1.0, self.options.z_dim) for seed in range(n)])
        generator = self.g_ema.grown(self.complete)
        images = generator(torch.tensor(z, dtype=torch.float32, device=self.device), psi=psi)
        images = F.interpolate(images, self.options.resolution, mode="nearest")
        return sheet(images.split(SAMPLE_COLUMNS))

    def export(self, folder: Path, images: int) -> None:
        generator: Any = self.g_ema.grown(self.schedule.stage(images).complete)
        card = self.make_card(
            images,
            name=self.options.name or self.architecture,
            task="generator",
            architecture=self.architecture,
            config=asdict(generator.cfg),
            resolution=generator.cfg.resolution,
        )
        save_model(folder, card, generator.state_dict())
