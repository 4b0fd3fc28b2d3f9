"""StyleGAN2 with adaptive augmentation (Karras et al., arXiv:1912.04958 and arXiv:2006.06676)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganedit.errors import CheckpointError
from ganedit.nets.stylegan2 import (
    ConvLayer,
    Discriminator,
    DiscriminatorConfig,
    Generator,
    GeneratorConfig,
    channel_widths,
)
from ganedit.store.cards import ModelCard
from ganedit.store.load import load_generator, save_model
from ganedit.train.augment import AdaController, AdaPipeline
from ganedit.train.data import ImageSet
from ganedit.train.ema import ema_beta, update_ema
from ganedit.train.loop import Note, OnLoad, Recipe, Run, activation_dtype, load_set
from ganedit.train.losses import logistic_d_loss, nonsaturating_g_loss, path_lengths, r1_penalty
from ganedit.train.options import StyleGAN2Options, command_line
from ganedit.train.pictures import sheet

W_AVG_BETA = 0.995
PATH_DECAY = 0.01
SAMPLE_ROWS, SAMPLE_COLUMNS = 6, 12


class StyleGAN2(Recipe):
    """G, D and the averaged G.

    The discriminator's step reuses the fakes of the generator's step (taken before its update), which saves
    one synthesis pass in five without touching what is estimated.
    """

    def __init__(self, options: StyleGAN2Options, data: ImageSet, device: torch.device) -> None:
        self.options, self.data = options, data
        widths = channel_widths(options.resolution, options.channel_base, options.channel_max)
        classes = data.num_classes
        torch.manual_seed(options.seed)
        self.g = Generator(
            GeneratorConfig(
                options.resolution,
                widths,
                options.z_dim,
                options.w_dim,
                classes,
                options.mapping_layers,
            )
        ).to(device)
        embedding = widths[0] if classes else 0
        self.d = Discriminator(
            DiscriminatorConfig(options.resolution, widths, classes, mapping_dim=embedding)
        ).to(device)
        self.g_ema = copy.deepcopy(self.g).eval().requires_grad_(False)
        dtype = activation_dtype(options.precision, device)
        self.g.synthesis.dtype = self.d.dtype = self.g_ema.synthesis.dtype = dtype
        self.networks = {"g": self.g, "d": self.d, "g_ema": self.g_ema}

        self.frozen = _layers_from_image(self.d)[: options.freeze_d]
        self.d_parameters = list(self.d.parameters())
        for layer in self.frozen:
            layer.requires_grad_(False)
        self.d_parameters = [p for p in self.d.parameters() if p.requires_grad]
        self.optimizers = {
            "g": _adam(self.g.parameters(), options.lr, options.path_every if options.path_weight else 0),
            "d": _adam(self.d_parameters, options.lr, options.r1_every),
        }
        self.augment = AdaPipeline().to(device) if options.augment == "ada" else None
        self.ada = AdaController(options.ada_target, options.ada_kimg, options.ada_every)
        self.path_mean = torch.zeros((), device=device)
        # Second derivatives need the eager modules; everything else may be compiled.
        self.synthesis = torch.compile(self.g.synthesis) if options.compile else self.g.synthesis
        self.judge = torch.compile(self.d) if options.compile else self.d

    # ---- the step ----

    def step(self, run: Run) -> dict[str, Tensor]:
        pieces = run.draw(self.data, mirror=self.options.mirror)
        fakes: list[tuple[Tensor, Tensor | None]] = []
        stats: dict[str, Tensor] = {}
        self._d_requires_grad(False)
        stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(run, fakes))
        if self.options.path_weight and run.step % self.options.path_every == 0:
            run.minimise(self.optimizers["g"], self._path_losses(run))
            stats["g/path"] = self.path_mean
        self._d_requires_grad(True)
        on_real: list[Tensor] = []
        stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(pieces, fakes, on_real, stats))
        if run.step % self.options.r1_every == 0:
            scale = self.options.gamma / 2 * self.options.r1_every  # pays for the skipped steps too
            r1 = run.minimise(self.optimizers["d"], self._r1_losses(pieces, scale))
            stats["d/r1"] = r1 / scale
        self._after_step(run, torch.cat(on_real), stats)
        return stats

    def _g_losses(self, run: Run, fakes: list[tuple[Tensor, Tensor | None]]) -> Iterator[Tensor]:
        for _ in range(self.options.accumulate):
            ws, c = self._codes(run.micro_batch, mix=True)
            images = self.synthesis(ws, "random")
            yield nonsaturating_g_loss(self._logits(images, c))
            fakes.append((images.detach(), c))

    def _path_losses(self, run: Run) -> Iterator[Tensor]:
        for _ in range(self.options.accumulate):
            # Half the images: the double backward pass takes twice the memory.
            ws, _ = self._codes(max(run.micro_batch // 2, 1), mix=True)
            lengths = path_lengths(self.g.synthesis(ws, "random"), ws)
            mean = self.path_mean.lerp(_averaged(run)(lengths.detach().mean()), PATH_DECAY)
            self.path_mean = mean
            penalty = (lengths - mean).square().mean()
            yield penalty * self.options.path_weight * self.options.path_every

    def _d_losses(
        self,
        real: list[tuple[Tensor, Tensor | None]],
        fakes: list[tuple[Tensor, Tensor | None]],
        real_logits: list[Tensor],
        stats: dict[str, Tensor],
    ) -> Iterator[Tensor]:
        for (images, c), (fake, fake_c) in zip(real, fakes, strict=True):
            on_real, on_fake = self._logits(images, c), self._logits(fake, fake_c)
            stats["d/fake"] = on_fake.detach().mean()
            real_logits.append(on_real.detach())
            yield logistic_d_loss(on_real, on_fake)

    def _r1_losses(self, real: list[tuple[Tensor, Tensor | None]], scale: float) -> Iterator[Tensor]:
        for images, c in real:
            images = images.detach().requires_grad_(True)
            augmented = self.augment(images) if self.augment else images
            yield r1_penalty(self.d(augmented, c), images) * scale

    def _logits(self, images: Tensor, c: Tensor | None) -> Tensor:
        return self.judge(self.augment(images) if self.augment else images, c)

    def _codes(self, n: int, *, mix: bool) -> tuple[Tensor, Tensor | None]:
        """ws [N, L, w_dim] of random z and classes drawn as often as in the data."""
        device = self.path_mean.device
        c = None
        if self.data.labels is not None and self.data.num_classes:
            rows = torch.randint(len(self.data), (n,))
            c = nn.functional.one_hot(self.data.labels[rows], self.data.num_classes).float().to(device)
        w = self.g.mapping(torch.randn(n, self.g.cfg.z_dim, device=device), c)
        with torch.no_grad():
            self.g.w_avg.lerp_(w.detach().mean(dim=0), 1 - W_AVG_BETA)
        rows_in_all = self.g.cfg.num_ws
        if not mix or torch.rand(()) >= self.options.style_mixing:
            return w.unsqueeze(1).repeat(1, rows_in_all, 1), c
        other = self.g.mapping(torch.randn(n, self.g.cfg.z_dim, device=device), c)
        at = int(torch.randint(1, rows_in_all, ()))
        return torch.stack([w] * at + [other] * (rows_in_all - at), dim=1), c

    def _d_requires_grad(self, on: bool) -> None:
        for p in self.d_parameters:
            p.requires_grad_(on)

    def _after_step(self, run: Run, on_real: Tensor, stats: dict[str, Tensor]) -> None:
        options = self.options
        seen = run.images_seen + options.batch
        update_ema(self.g_ema, self.g, ema_beta(options.batch, seen, options.ema_kimg, options.ema_rampup))
        stats["d/real"] = on_real.mean()
        if self.augment:
            self.augment.p = self.ada.step(on_real, options.batch, _averaged(run))
            stats["d/augment"] = torch.tensor(self.augment.p)

    # ---- what goes into and out of files ----

    def state(self) -> dict[str, Any]:
        return {"path_mean": float(self.path_mean), "ada": self.ada.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        self.path_mean.fill_(state["path_mean"])
        self.ada.load_state_dict(state["ada"])
        if self.augment:
            self.augment.p = self.ada.p

    def transfer(self, generator: Generator, discriminator: Discriminator | None) -> list[str]:
        """Start from trained networks: copy every tensor whose name and shape agree.

        Returns:
            Names that stay at random.

        Raises:
            CheckpointError: Nothing fits.
        """
        left = _copy_matching(self.g, generator)
        _copy_matching(self.g_ema, generator)
        if all(name in left for name in self.g.state_dict() if name.endswith(".weight")):
            raise CheckpointError(
                "no weight of the given checkpoint fits this generator",
                "set --channel-base, --channel-max, --z-dim and --w-dim as in the checkpoint's card",
            )
        if discriminator is not None:
            left += _copy_matching(self.d, discriminator)
        return left

    def export(self, folder: Path, images: int) -> None:
        options = self.options
        card = ModelCard(
            name=options.name,
            task="generator",
            architecture="stylegan2",
            config=self.g.cfg.to_dict(),
            resolution=options.resolution,
            template=options.template,
            data=options.about_data,
            source=f"{command_line(options)} ({images / 1000:.0f} kimg)",
            terms=options.terms,
            details={"classes": self.data.class_names} if self.data.class_names else {},
        )
        d = (self.d.cfg.to_dict(), self.d.state_dict())
        save_model(folder, card, self.g_ema.state_dict(), discriminator=d, dtype=torch.float16)

    @torch.no_grad()
    def samples(self) -> Tensor:
        rng = torch.Generator().manual_seed(self.options.seed)
        n = SAMPLE_ROWS * SAMPLE_COLUMNS
        z = torch.randn(n, self.g.cfg.z_dim, generator=rng).to(self.path_mean.device)
        c = None
        if self.data.num_classes:
            column = torch.arange(n) % SAMPLE_COLUMNS % self.data.num_classes
            c = nn.functional.one_hot(column, self.data.num_classes).float().to(z.device)
        images = self.g_ema(z, c, psi=0.7)
        return sheet(images.split(SAMPLE_COLUMNS))


def start(
    options: StyleGAN2Options, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> StyleGAN2:
    """The recipe on the data, and from the model, that the options name."""
    data = load_set(
        options,
        note,
        on_load,
        resolution=options.resolution,
        fit=options.fit,
        labels=Path(options.labels) if options.labels else None,
        label_column=options.label or None,
    )
    recipe = StyleGAN2(options, data, device)
    if options.start:
        model = load_generator(options.start, device=str(device))
        judge = model.discriminator.network if model.has_discriminator else None
        fresh = recipe.transfer(model.network, judge)
        note(f"started from {model.name}; {len(fresh)} tensors stay random")
    return recipe


def _averaged(run: Run) -> Callable[[Tensor], Tensor]:
    """Mean of a scalar over processes."""
    return lambda x: torch.as_tensor(run.fabric.all_reduce(x, reduce_op="mean"))


def _adam(parameters: Any, lr: float, every: int) -> torch.optim.Adam:
    """Adam with beta (0, 0.99), slowed to make up for the extra steps of a lazy penalty every `every`."""
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
