"""What the recipes of StyleGAN2 and StyleGAN3 share: discriminators, augmentation, and the step.

They can use discriminators on pretrained features: in addition to the ordinary discriminator, as in
"Ensembling Off-the-shelf Models for GAN Training" (Kumari et al., arXiv:2112.09130), or instead of it, as in
"Projected GANs Converge Faster" (Sauer et al., arXiv:2111.01007).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ganedit.compute import training_dtype
from ganedit.data.images import ImageSet, fetch
from ganedit.data.pictures import sheet
from ganedit.errors import CheckpointError
from ganedit.nets.layers_style import StyleGenerator
from ganedit.nets.stylegan2 import ConvLayer, Discriminator, DiscriminatorConfig, channel_widths
from ganedit.store.cards import ModelCard
from ganedit.store.load import load_generator, save_model
from ganedit.train.augment import AdaController, AdaPipeline
from ganedit.train.diffaugment import diff_augment
from ganedit.train.ema import averaged_copy, ema_beta, update_ema
from ganedit.train.feature_discriminator import CALIBRATION_IMAGES, FeatureAdversary
from ganedit.train.losses import logistic_d_loss, nonsaturating_g_loss, out_of_range, r1_penalty
from ganedit.train.options.generators import StyleOptions
from ganedit.train.options.recipes import command_line
from ganedit.train.recipe import Recipe
from ganedit.train.run import Run
from ganedit.train.sources import Note, OnLoad, load_set
from ganedit.train.style_codes import random_codes

SAMPLE_ROWS, SAMPLE_COLUMNS = 6, 12
RANGE_WEIGHT = 100.0  # of values beyond [-1, 1], which features of images do not penalise
Options = TypeVar("Options", bound=StyleOptions)
AnyRecipe = TypeVar("AnyRecipe", bound="StyleRecipe[Any]")


@dataclass
class Fakes:
    """Results of the generator's step that the discriminators' steps reuse."""

    images: Tensor
    labels: Tensor | None
    features: list[Tensor] | None  # for the feature discriminators


class StyleRecipe(Recipe, Generic[Options]):
    """G, D and the average of G. Subclasses make the generator, and may add to its step.

    The discriminator's step reuses the fakes of the generator's step (drawn before its update), which saves
    one synthesis pass in five without changing the expected gradients.
    """

    architecture: ClassVar[str]
    noise: ClassVar[Literal["random", "none"]]  # in training

    def __init__(self, options: Options, data: ImageSet, device: torch.device) -> None:
        self.options, self.data, self.device = options, data, device
        widths = channel_widths(options.resolution, options.channel_base, options.channel_max)
        torch.manual_seed(options.seed)
        self.g: Any = self.new_generator(widths).to(device)
        dtype = training_dtype(options.precision, device)
        self.g.synthesis.dtype = dtype
        self.d = self._new_discriminator(widths, dtype).to(device) if options.discriminator else None
        self.adversary = self._new_adversary(device, dtype) if options.feature_discriminator else None
        self.g_ema = averaged_copy(self.g)
        self.networks = {"g": self.g, "g_ema": self.g_ema}
        self.optimizers = {"g": _adam(self.g.parameters(), options.lr, self.extra_g_step_every)}
        self.d_parameters: list[nn.Parameter] = []
        if self.d:
            for layer in _layers_from_image(self.d)[: options.freeze_d]:
                layer.requires_grad_(False)
            self.d_parameters = [p for p in self.d.parameters() if p.requires_grad]
            self.networks["d"] = self.d
            self.optimizers["d"] = _adam(self.d_parameters, options.d_lr or options.lr, options.r1_every)
        if self.adversary:
            self.networks["features"] = self.adversary.network
            self.optimizers["features"] = self.adversary.optimizer
        self.augment = AdaPipeline().to(device) if options.augment == "ada" else None
        self.images_seen = 0  # before the step
        self.ada = AdaController(options.ada_target, options.ada_kimg, options.ada_every)
        # Second derivatives need the eager modules; everything else may be compiled.
        synthesis: Any = self.g.synthesis
        self.synthesis: Any = torch.compile(synthesis) if options.compile else synthesis
        self.compiled_d = torch.compile(self.d) if options.compile and self.d else self.d

    # ---- what subclasses add ----

    @abstractmethod
    def new_generator(self, widths: tuple[int, ...]) -> StyleGenerator:
        """The generator; `widths` are the discriminator's channels at 4, 8, ... px."""

    @property
    def extra_g_step_every(self) -> int:
        """Steps between those in which `extra_g_step` moves the generator; 0: it never does."""
        return 0

    def extra_g_step(self, run: Run, stats: dict[str, Tensor]) -> None:
        """Further steps of the generator, with what they find in `stats`."""

    def calm(self) -> None:
        """Make the images of a new generator smaller, from which features are taken."""

    def seen(self, images: Tensor) -> Tensor:
        """What the discriminator sees of images [N, 3, S, S]."""
        images = self.augment(images) if self.augment else images
        return diff_augment(images, self.options.changes)

    # ---- making ----

    def _new_discriminator(self, widths: tuple[int, ...], dtype: torch.dtype) -> Discriminator:
        classes = self.data.num_classes
        embedding = widths[0] if classes else 0
        d = Discriminator(
            DiscriminatorConfig(self.options.resolution, widths, classes, mapping_dim=embedding)
        )
        d.dtype = dtype
        return d

    def _new_adversary(self, device: torch.device, dtype: torch.dtype) -> FeatureAdversary:
        options = self.options
        self.calm()
        rows = torch.randint(len(self.data), (CALIBRATION_IMAGES,))
        real = fetch(self.data.images, rows).to(device)
        return FeatureAdversary(options.feature_discriminator, real, lr=options.feature_lr, dtype=dtype)

    # ---- the step ----

    def step(self, run: Run) -> dict[str, Tensor]:
        self.images_seen = run.images_seen
        pieces = self.data.draw(run.share(), mirror=self.options.mirror)
        fakes: list[Fakes] = []
        stats: dict[str, Tensor] = {}
        if self._warming_up(run):
            with torch.no_grad():
                fakes = [self._draw_fakes(run) for _ in range(self.options.accumulate)]
        else:
            self._g_step(run, fakes, stats)
        if self.d:
            self._d_step(run, pieces, fakes, stats)
        if self.adversary:
            losses = self._feature_losses(pieces, fakes)
            stats["features/loss"] = run.minimise(self.optimizers["features"], losses)
        seen, options = run.images_seen + self.options.batch, self.options
        update_ema(self.g_ema, self.g, ema_beta(options.batch, seen, options.ema_kimg, options.ema_rampup))
        return stats

    def _warming_up(self, run: Run) -> bool:
        """Whether the feature discriminators are still too new for a trained generator to learn from."""
        return bool(self.options.start and self.adversary and run.step < self.options.feature_warmup)

    def _g_step(self, run: Run, fakes: list[Fakes], stats: dict[str, Tensor]) -> None:
        self._d_requires_grad(False)
        stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(run, fakes))
        self.extra_g_step(run, stats)
        self._d_requires_grad(True)

    def _d_step(
        self,
        run: Run,
        pieces: list[tuple[Tensor, Tensor | None]],
        fakes: list[Fakes],
        stats: dict[str, Tensor],
    ) -> None:
        real_logits: list[Tensor] = []
        losses = self._d_losses(pieces, fakes, real_logits, stats)
        stats["d/loss"] = run.minimise(self.optimizers["d"], losses)
        if run.step % self.options.r1_every == 0:
            scale = self.options.gamma / 2 * self.options.r1_every  # makes up for the skipped steps
            r1 = run.minimise(self.optimizers["d"], self._r1_losses(pieces, scale))
            stats["d/r1"] = r1 / scale
        on_real = torch.cat(real_logits)
        stats["d/real"] = on_real.mean()
        if self.augment:
            self.augment.p = self.ada.step(on_real, self.options.batch, averaged(run))
            stats["d/augment"] = torch.tensor(self.augment.p, device=run.device)

    def _draw_fakes(self, run: Run) -> Fakes:
        ws, labels = self.codes(run.micro_batch)
        images = self.synthesis(ws, self.noise)
        return Fakes(images, labels, self.adversary.features(images) if self.adversary else None)

    def _g_losses(self, run: Run, fakes: list[Fakes]) -> Iterator[Tensor]:
        for _ in range(self.options.accumulate):
            drawn = self._draw_fakes(run)
            loss = torch.zeros((), device=drawn.images.device)
            if self.d:
                loss = loss + nonsaturating_g_loss(self._logits(drawn.images, drawn.labels))
            if self.adversary and drawn.features:
                loss = loss + self.adversary.g_loss(drawn.features) * self.options.feature_gan_weight
                loss = loss + out_of_range(drawn.images) * RANGE_WEIGHT
            yield loss
            features = None if drawn.features is None else [f.detach() for f in drawn.features]
            fakes.append(Fakes(drawn.images.detach(), drawn.labels, features))

    def _d_losses(
        self,
        real: list[tuple[Tensor, Tensor | None]],
        fakes: list[Fakes],
        real_logits: list[Tensor],
        stats: dict[str, Tensor],
    ) -> Iterator[Tensor]:
        for (images, c), fake in zip(real, fakes, strict=True):
            on_real, on_fake = self._logits(images, c), self._logits(fake.images, fake.labels)
            stats["d/fake"] = on_fake.detach().mean()
            real_logits.append(on_real.detach())
            yield logistic_d_loss(on_real, on_fake)

    def _feature_losses(
        self, real: list[tuple[Tensor, Tensor | None]], fakes: list[Fakes]
    ) -> Iterator[Tensor]:
        assert self.adversary
        for (images, _), fake in zip(real, fakes, strict=True):
            with torch.no_grad():
                features = self.adversary.features(images)
            assert fake.features
            yield self.adversary.d_loss(features, fake.features)

    def _r1_losses(self, real: list[tuple[Tensor, Tensor | None]], scale: float) -> Iterator[Tensor]:
        assert self.d
        for images, c in real:
            images = images.detach().requires_grad_(True)
            yield r1_penalty(self.d(self.seen(images), c), images) * scale

    def _logits(self, images: Tensor, c: Tensor | None) -> Tensor:
        assert self.compiled_d
        logits: Tensor = self.compiled_d(self.seen(images), c)
        return logits

    def codes(self, n: int) -> tuple[Tensor, Tensor | None]:
        """ws [N, L, w_dim] of random z, and of classes with the frequencies of the data."""
        device = self.device
        c = None
        if self.data.labels is not None and self.data.num_classes:
            rows = torch.randint(len(self.data), (n,))
            c = nn.functional.one_hot(self.data.labels[rows], self.data.num_classes).float().to(device)
        return random_codes(self.g, n, c, mixing=self.options.style_mixing), c

    def _d_requires_grad(self, on: bool) -> None:
        for p in self.d_parameters:
            p.requires_grad_(on)

    # ---- loading and saving ----

    def state(self) -> dict[str, Any]:
        return {"ada": self.ada.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        self.ada.load_state_dict(state["ada"])
        if self.augment:
            self.augment.p = self.ada.p

    @torch.no_grad()
    def transfer(self, generator: StyleGenerator, discriminator: Discriminator | None) -> list[str]:
        """Start from trained networks: copy every tensor whose name and shape agree.

        Returns:
            Names of tensors that remain random.

        Raises:
            CheckpointError: Nothing fits.
        """
        left = _copy_matching(self.g, generator)
        if all(name in left for name in self.g.state_dict() if name.endswith(".weight")):
            raise CheckpointError(
                "no weight of the given checkpoint fits this generator",
                "set `channel_base`, `channel_max`, `z_dim` and `w_dim` as in the checkpoint's card",
            )
        self.g_ema.load_state_dict(self.g.state_dict())
        if discriminator is not None and self.d:
            left += _copy_matching(self.d, discriminator)
        return left

    def real_images(self, count: int) -> np.ndarray:
        return self.data.some(count)

    def export(self, folder: Path, images: int) -> None:
        options = self.options
        card = ModelCard(
            name=options.name,
            task="generator",
            architecture=self.architecture,
            config=self.g.cfg.to_dict(),
            resolution=options.resolution,
            template=options.template,
            data=options.about_data,
            source=f"{command_line(options)} ({images / 1000:.0f} kimg)",
            terms=options.terms,
            details={"classes": self.data.class_names} if self.data.class_names else {},
        )
        d = (self.d.cfg.to_dict(), self.d.state_dict()) if self.d else None
        save_model(folder, card, self.g_ema.state_dict(), discriminator=d, dtype=torch.float16)

    @torch.no_grad()
    def samples(self) -> Tensor:
        n = SAMPLE_ROWS * SAMPLE_COLUMNS
        # The seeds of `ganedit generate`. Not torch's: its stream began with the mapping network's first
        # weights, and codes equal to weights are far from all others.
        rows = [np.random.RandomState(seed).randn(self.g.cfg.z_dim) for seed in range(n)]
        z = torch.tensor(np.stack(rows), dtype=torch.float32, device=self.device)
        c = None
        if self.data.num_classes:
            column = torch.arange(n) % SAMPLE_COLUMNS % self.data.num_classes
            c = nn.functional.one_hot(column, self.data.num_classes).float().to(z.device)
        images = self.g_ema(z, c, psi=0.7)
        return sheet(images.split(SAMPLE_COLUMNS))


def start_style_recipe(
    kind: Callable[[Options, ImageSet, torch.device], AnyRecipe],
    options: Options,
    device: torch.device,
    note: Note,
    on_load: OnLoad | None = None,
) -> AnyRecipe:
    """The recipe for these options, with their data and the model to start from."""
    data = load_set(
        options,
        note,
        on_load,
        resolution=options.resolution,
        fit=options.fit,
        labels=Path(options.labels) if options.labels else None,
        label_column=options.label or None,
    )
    recipe = kind(options, data, device)
    if options.start:
        model = load_generator(options.start, device=str(device))
        discriminator = model.discriminator.network if model.has_discriminator else None
        fresh = recipe.transfer(model.network, discriminator)
        note(f"started from {model.name}; {len(fresh)} tensors stay random")
    return recipe


def averaged(run: Run) -> Callable[[Tensor], Tensor]:
    """Mean of a scalar over processes."""
    return lambda x: torch.as_tensor(run.fabric.all_reduce(x, reduce_op="mean"))


def _adam(parameters: Any, lr: float, every: int) -> torch.optim.Adam:
    """Adam with betas (0, 0.99), adjusted for a lazy penalty that adds a step every `every` steps."""
    share = every / (every + 1) if every else 1.0
    return torch.optim.Adam(parameters, lr=lr * share, betas=(0.0, 0.99**share), eps=1e-8)


def _layers_from_image(d: Discriminator) -> list[nn.Module]:
    """The convolutions of D in the order in which an image meets them (Freeze-D, arXiv:2002.10964)."""
    return [module for block in d.blocks for module in block.modules() if isinstance(module, ConvLayer)]


def _copy_matching(network: nn.Module, source: nn.Module) -> list[str]:
    theirs, left = source.state_dict(), []
    for name, mine in network.state_dict().items():
        if name in theirs and theirs[name].shape == mine.shape:
            mine.copy_(theirs[name])
        else:
            left.append(name)
    return left
