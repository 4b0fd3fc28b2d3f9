"""Trains translators on pairs of pictures (Isola et al., arXiv:1611.07004), such as maps, outlines, or grey
and colour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.data.pictures import Pictures, load_pairs, load_pictures, sheet
from ganedit.nets.patchgan import PatchGAN, PatchGANConfig
from ganedit.nets.unet import UNetConfig, UNetGenerator
from ganedit.store.load import save_model
from ganedit.train.colours import join_lightness, split_lightness
from ganedit.train.feature_discriminator import CALIBRATION_IMAGES
from ganedit.train.losses import gan_d_loss, gan_g_loss
from ganedit.train.options.pictures import PATCHES
from ganedit.train.options.translators import Pix2pixOptions
from ganedit.train.run import Run
from ganedit.train.sources import Note, OnLoad
from ganedit.train.translation import PictureRecipe, frozen, load_named, start_from

SAMPLES = 8
MOST_DOWNS = 8  # halvings in a U-Net at most, however large the crops


class Pix2pix(PictureRecipe[Pix2pixOptions]):
    """G translates one layer of the data to the other; D sees both layers unless `unconditional`."""

    def __init__(self, options: Pix2pixOptions, data: Pictures, device: torch.device) -> None:
        self.data = data
        torch.manual_seed(options.seed)
        channels = (1, 2) if options.colorization else (3, 3)
        downs = min(options.size.bit_length() - 1, MOST_DOWNS)
        self.g = UNetGenerator(
            UNetConfig(
                *channels, options.width, downs, options.norm, options.dropout, options.up, options.residual
            )
        )
        networks: dict[str, nn.Module] = {"g": self.g}
        if options.gan_weight:
            seen = channels[1] if options.unconditional else sum(channels)
            self.d = PatchGAN(PatchGANConfig(seen, options.d_width, PATCHES[options.patch], options.norm))
            networks["d"] = self.d
        super().__init__(options, device, networks)
        self.optimizers = {name: self.adam(net, betas=(0.5, 0.999)) for name, net in networks.items()}
        self.pretrained = self.add_pretrained(self._real_images)

    def step(self, run: Run) -> dict[str, Tensor]:
        self.decay(run, self.options.decay)
        self.g.train()
        drawn = self.data.draw(run.share(), self.options.size, mirror=self.options.mirror)
        pieces = [self._ends(layers) for layers in drawn]
        fakes: list[Tensor] = []
        stats: dict[str, Tensor] = {}
        stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(pieces, fakes, stats))
        if self.options.gan_weight:
            stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(pieces, fakes))
        return stats | self.pretrained.d_step(run, (self._image(*piece) for piece in pieces))

    def _real_images(self) -> Tensor:
        """Some images as the generator should draw them."""
        layers = self.data.centres(range(min(CALIBRATION_IMAGES, len(self.data))), self.options.size)
        return self._image(*self._ends(layers))

    def _image(self, given: Tensor, wanted: Tensor) -> Tensor:
        """[N, 3, S, S] in [-1, 1] of what the network draws, which may be colours alone."""
        return join_lightness(given, wanted) if self.options.colorization else wanted

    def _ends(self, layers: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Input and wanted output."""
        if self.options.colorization:
            return split_lightness(layers[0])
        a, b = layers
        return (a, b) if self.options.direction == "AtoB" else (b, a)

    def _g_losses(
        self, pieces: list[tuple[Tensor, Tensor]], fakes: list[Tensor], stats: dict[str, Tensor]
    ) -> Iterator[Tensor]:
        options = self.options
        for given, wanted in pieces:
            with self.activations():
                fake = self.g(given)
            fakes.append(fake.detach())
            each = {"l1": F.l1_loss(fake.float(), wanted)}
            loss = each["l1"] * options.l1
            if options.gan_weight:
                with frozen(self.d):
                    each["gan"] = gan_g_loss(options.gan, self._logits(given, fake))
                loss = loss + each["gan"] * options.gan_weight
            features = self.pretrained.g_losses(self._image(given, fake.float()), self._image(given, wanted))
            stats |= {f"g/{name}": value.detach() for name, value in (each | features).items()}
            yield loss + sum(features.values())

    def _d_losses(self, pieces: list[tuple[Tensor, Tensor]], fakes: list[Tensor]) -> Iterator[Tensor]:
        for (given, wanted), fake in zip(pieces, fakes, strict=True):
            yield gan_d_loss(self.options.gan, self._logits(given, wanted), self._logits(given, fake))

    def _logits(self, given: Tensor, picture: Tensor) -> Tensor:
        seen = picture if self.options.unconditional else torch.cat([given, picture.to(given.dtype)], dim=1)
        with self.activations():
            logits: Tensor = self.d(seen)
            return logits.float()

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Input, output, and wanted output."""
        layers = self.data.centres(range(min(SAMPLES, len(self.data))), self.options.size)
        given, wanted = (x.to(self.device) for x in self._ends(layers))
        self.g.eval()
        with self.activations():
            drawn = self.g(given).float()
        if self.options.colorization:
            grey = torch.zeros_like(wanted)
            return sheet([join_lightness(given, ab) for ab in (grey, drawn, wanted)])
        return sheet([given, drawn, wanted])

    def export(self, folder: Path, images: int) -> None:
        options = self.options
        details = {"use": "colorize"} if options.colorization else {}
        if options.input:
            details["input"] = options.input
        card = self.make_card(
            images,
            name=options.name or "pix2pix",
            task="translator",
            architecture="unet",
            config=asdict(self.g.cfg),
            resolution=options.size,
            details=details,
        )
        save_model(folder, card, self.g.state_dict(), dtype=torch.float16)


def start(
    options: Pix2pixOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> Pix2pix:
    """The recipe for these options, with their pairs, or pictures for colorization."""
    load = load_pictures if options.colorization else load_pairs
    data = load_named(load, options.data, options, note, on_load)
    recipe = Pix2pix(options, data, device)
    if options.start:
        start_from(recipe.g, options.start, device)
    return recipe
