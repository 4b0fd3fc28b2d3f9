"""Trains upscalers: SRResNet, and SRGAN with a discriminator (Ledig et al., arXiv:1609.04802).

Two things differ from the paper. The pixel loss is the mean absolute difference, which reaches the same PSNR
in fewer steps than the square (arXiv:1707.02921). Where the paper compares features of VGG, features of the
discriminator are compared, like in pix2pixHD (arXiv:1711.11585), and with `perceptual` those of
EfficientNet-Lite.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.data.pictures import Pictures, load_reduced, sheet
from ganedit.metrics.upscaling import find_pairs, measure_upscaler
from ganedit.nets.srresnet import SRDiscriminator, SRDiscriminatorConfig, SRResNet, SRResNetConfig
from ganedit.store.cards import Metric, ModelCard
from ganedit.store.load import save_model
from ganedit.store.models import Upscaler
from ganedit.train.losses import feature_distance, logistic_d_loss, nonsaturating_g_loss
from ganedit.train.options.pictures import SRGANOptions
from ganedit.train.run import Run, set_rate
from ganedit.train.sources import Note, OnLoad, note_skipped
from ganedit.train.translation import PictureRecipe, frozen, real_images, start_from

SAMPLES = 6


class SRGAN(PictureRecipe[SRGANOptions]):
    """G, and with `adversarial` D. Networks work in [0, 1], crops are in [-1, 1]."""

    def __init__(
        self,
        options: SRGANOptions,
        data: Pictures,
        device: torch.device,
    ) -> None:
        self.data = data
        self.measured: dict[str, float] = {}
        torch.manual_seed(options.seed)
        doublings = round(math.log2(options.scale))
        self.g = SRResNet(
            SRResNetConfig(options.width, options.blocks, doublings, options.norm, options.residual)
        )
        networks: dict[str, nn.Module] = {"g": self.g}
        if options.adversarial:
            self.d = SRDiscriminator(SRDiscriminatorConfig(options.width))
            networks["d"] = self.d
        super().__init__(options, device, networks)
        self.optimizers = {name: self.adam(network) for name, network in networks.items()}
        self.pretrained = self.add_pretrained(lambda: real_images(data, options.size // options.scale))

    def step(self, run: Run) -> dict[str, Tensor]:
        for optimizer in self.optimizers.values():
            set_rate(optimizer, optimizer.defaults["lr"] * (1 + math.cos(math.pi * run.progress)) / 2)
        self.g.train()
        size = self.options.size // self.options.scale
        pieces = self.data.draw(run.share(), size, mirror=self.options.mirror, turn=True)
        units = [[(x.add(1) / 2).to(memory_format=torch.channels_last) for x in piece] for piece in pieces]
        stats: dict[str, Tensor] = {}
        fakes: list[Tensor] = []
        stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(units, fakes, stats))
        if self.options.adversarial:
            stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(units, fakes))
        return stats | self.pretrained.d_step(run, (large for _, large in pieces))

    def _g_losses(
        self, pieces: list[list[Tensor]], fakes: list[Tensor], stats: dict[str, Tensor]
    ) -> Iterator[Tensor]:
        for small, large in pieces:
            with self.activations():
                drawn = self.g(small)
                each = {"pixel": F.l1_loss(drawn.float(), large) * self.options.pixel_weight}
                if self.options.adversarial:
                    each |= self._adversarial_losses(drawn, large)
            each |= self.pretrained.g_losses(drawn.float() * 2 - 1, large * 2 - 1)
            stats |= {f"g/{name}": loss.detach() for name, loss in each.items()}
            fakes.append(drawn.detach())
            yield torch.stack(list(each.values())).sum()

    def _adversarial_losses(self, drawn: Tensor, large: Tensor) -> dict[str, Tensor]:
        with frozen(self.d):
            features = self.d.features(drawn)
            adversarial = nonsaturating_g_loss(self.d.logits(features).float())
        with torch.no_grad():
            wanted = self.d.features(large)
        return {
            "gan": adversarial * self.options.gan_weight,
            "features": feature_distance(features, wanted) * self.options.feature_weight,
        }

    def _d_losses(self, pieces: list[list[Tensor]], fakes: list[Tensor]) -> Iterator[Tensor]:
        self.d.train()
        for (_, large), fake in zip(pieces, fakes, strict=True):
            with (
                self.activations()
            ):  # in one batch, as normalisation would hide the difference between separate ones
                on_real, on_fake = self.d(torch.cat([large, fake.to(large.dtype)])).float().chunk(2)
            yield logistic_d_loss(on_real, on_fake)

    def _upscaled(self, small: Tensor) -> Tensor:
        """Upscale pictures in [-1, 1], with running statistics."""
        self.g.eval()
        with torch.inference_mode(), self.activations():
            large: Tensor = self.g(small.to(self.device).add(1) / 2)
            return large.float().mul(2).sub(1)

    def evaluate(self) -> dict[str, float]:
        """PSNR and SSIM on each test folder, measured like in `ganedit metrics upscale`."""
        for folder in (Path(one) for one in self.options.test.split(",") if one):
            quality = measure_upscaler(self.model(Upscaler, self.card(0), self.g), folder)
            self.measured |= {f"{folder.name} PSNR": quality.psnr, f"{folder.name} SSIM": quality.ssim}
        return self.measured

    def samples(self) -> Tensor:
        """Central crops of the first pictures: bicubic, this network, the original."""
        count = min(SAMPLES, len(self.data))
        small, large = self.data.centres(range(count), self.options.size // self.options.scale)
        bicubic = F.interpolate(small, scale_factor=self.options.scale, mode="bicubic")
        return sheet([bicubic, self._upscaled(small), large])

    def card(self, images: int) -> ModelCard:
        return self.make_card(
            images,
            name=self.options.name or f"upscale-x{self.options.scale}",
            task="upscaler",
            architecture="srresnet",
            config=asdict(self.g.cfg),
            value_range=(0.0, 1.0),
            metrics=tuple(
                Metric(f"{name} on Y, x{self.options.scale}", round(value, 4))
                for name, value in self.measured.items()
            ),
        )

    def export(self, folder: Path, images: int) -> None:
        save_model(folder, self.card(images), self.g.state_dict(), dtype=torch.float16)


def start(options: SRGANOptions, device: torch.device, note: Note, on_load: OnLoad | None = None) -> SRGAN:
    """The recipe for these options, with their data and the model to start from."""
    data = load_reduced(
        [Path(one) for one in options.data],
        options.scale,
        size=options.size // options.scale,
        limit=options.limit or None,
        progress=on_load,
    )
    note_skipped(data.skipped, note)
    for folder in (one for one in options.test.split(",") if one):
        find_pairs(Path(folder))  # fail now rather than after the first hour
    recipe = SRGAN(options, data, device)
    if options.start:
        start_from(recipe.g, options.start, device)
    return recipe
