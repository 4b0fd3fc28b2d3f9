"""Trains an encoder for a generator, in the manner of pSp and e4e (arXiv:2008.00951, arXiv:2102.02766).

Half of every batch are samples of the generator, whose codes are known; the other half are real crops, where
only pictures can be compared.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganedit.compute import autocast, training_dtype
from ganedit.data.images import ImageSet, fetch
from ganedit.data.pictures import sheet
from ganedit.errors import CheckpointError
from ganedit.images.tensors import from_levels
from ganedit.latent.inversion.perceptual import distance_to
from ganedit.nets.encoder import Encoder, EncoderConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import load, load_generator, save_model
from ganedit.store.models import Encoder as EncoderModel
from ganedit.store.models import Generator
from ganedit.train.feature_discriminator import CALIBRATION_IMAGES
from ganedit.train.options.generators import EncoderOptions
from ganedit.train.options.pretrained import need_room_for_features
from ganedit.train.options.recipes import command_line
from ganedit.train.pretrained import PretrainedLosses
from ganedit.train.recipe import Recipe
from ganedit.train.run import Run, set_rate
from ganedit.train.sources import Note, OnLoad, load_set

SAMPLES = 8  # pairs on the sample sheet


class EncoderTraining(Recipe):
    """The encoder E, trained through the frozen G with the distance that projection minimises."""

    def __init__(self, options: EncoderOptions, generator: Generator, data: ImageSet) -> None:
        if generator.num_classes:
            raise CheckpointError(
                f"{generator.name} has classes, which encoders do not support",
                "choose a model without classes",
            )
        self.options, self.generator, self.data = options, generator, data
        self.dtype = training_dtype(options.precision, generator.device)
        generator.network.synthesis.dtype = generator.discriminator.network.dtype = self.dtype
        torch.manual_seed(options.seed)
        config = EncoderConfig(max(generator.resolution, 64), generator.num_ws, generator.w_dim)
        self.encoder = Encoder(config).to(generator.device)
        self.encoder.w_avg.copy_(generator.w_avg)
        with torch.no_grad():
            codes = generator.mapping(torch.randn(4096, generator.z_dim, device=generator.device))[:, 0]
        self.variance = codes.var()
        self.networks = {"encoder": self.encoder}
        parameters = self.encoder.parameters()
        optimizer = torch.optim.AdamW(parameters, options.lr, betas=(0.9, 0.99), weight_decay=1e-4)
        self.optimizers = {"encoder": optimizer}
        need_room_for_features(options, generator.resolution)
        self.pretrained = PretrainedLosses(options, self._real_images, generator.device, self.dtype)
        if self.pretrained.adversary:
            self.networks["features"] = self.pretrained.adversary.network
            self.optimizers["features"] = self.pretrained.adversary.optimizer

    def step(self, run: Run) -> dict[str, Tensor]:
        warm = min(1.0, (run.step + 1) / 100)
        set_rate(self.optimizers["encoder"], self.options.lr * warm * (1 - 0.95 * run.progress))
        stats: dict[str, Tensor] = {}
        pieces = self.data.draw(run.share(), mirror=self.options.mirror)
        reals = [images[: len(images) // 2] for images, _ in pieces]
        losses = (self._loss(real, stats) for real in reals)
        stats["loss"] = run.minimise(self.optimizers["encoder"], losses)
        return stats | self.pretrained.d_step(run, reals)

    def _real_images(self) -> Tensor:
        return fetch(self.data.images, torch.randint(len(self.data), (CALIBRATION_IMAGES,)))

    def _loss(self, real: Tensor, stats: dict[str, Tensor]) -> Tensor:
        with torch.no_grad():
            known = self._sample_codes(len(real))
            drawn = self.generator.synthesis(known, "random").clamp(-1, 1)
        targets = torch.cat([drawn, real])
        with autocast(targets.device, self.dtype):
            base, offsets = (part.float() for part in self.encoder.codes(targets))
        ws = self.encoder.w_avg + base.unsqueeze(1) + offsets
        again = self.generator.synthesis(ws)
        picture = distance_to(targets, self.generator, "discriminator")(again).mean()
        code = (ws[: len(real)] - known).square().mean() / self.variance
        offset = offsets.square().mean() / self.variance
        features = self.pretrained.g_losses(again, targets)
        each = {"picture": picture, "code": code, "offset": offset, **features}
        stats |= {name: loss.detach() for name, loss in each.items()}
        weighted = self.options.code_weight * code + self.options.offset_weight * offset
        return picture + weighted + sum(features.values())

    def _sample_codes(self, n: int) -> Tensor:
        generator = self.generator
        z = torch.randn(2, n, generator.z_dim, device=generator.device)
        first, second = (generator.mapping(one) for one in z)
        if float(torch.rand(())) >= self.options.mixed:
            return first
        at = int(torch.randint(1, generator.num_ws, ()))
        return torch.cat([first[:, :at], second[:, at:]], dim=1)

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Real pictures above the pictures drawn from their codes."""
        real = from_levels(self.data.images[-SAMPLES:].to(self.generator.device))
        drawn = self.generator.synthesis(self.encoder(real))
        return sheet([real, drawn])

    def state(self) -> dict[str, Any]:
        return {"generator_sha256": self.generator.sha256}

    def load_state(self, state: dict[str, Any]) -> None:
        if not self.generator.known_as(state["generator_sha256"]):
            raise ValueError("it was trained for other weights of the generator")

    def export(self, folder: Path, images: int) -> None:
        generator = self.generator
        config = self.encoder.cfg
        card = ModelCard(
            name=f"{generator.name}-encoder",
            task="encoder",
            architecture="encoder",
            config=asdict(config),
            resolution=config.resolution,
            template=generator.card.template,
            source=f"{command_line(self.options)} ({images / 1000:.0f} kimg)",
            licence=generator.card.licence,
            terms=generator.card.terms,
            details={**generator.identity},
        )
        save_model(folder, card, self.encoder.state_dict(), dtype=torch.float16)


def start(
    options: EncoderOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> EncoderTraining:
    """The recipe for these options, with their generator and data."""
    generator = load_generator(options.model, device=str(device))
    data = load_set(options, note, on_load, resolution=generator.resolution)
    recipe = EncoderTraining(options, generator, data)
    if options.start:
        before = load(options.start, device=str(device))
        if not isinstance(before, EncoderModel) or before.network.cfg != recipe.encoder.cfg:
            raise CheckpointError(f"{options.start} is not an encoder of the sizes of {generator.name}")
        recipe.encoder.load_state_dict({**before.network.state_dict(), "w_avg": generator.w_avg})
    return recipe
