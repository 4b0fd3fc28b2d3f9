"""Trains SPADE: photos from label maps by spatially adaptive normalisation (Park et al., arXiv:1903.07291).

As in the paper, there are a hinge loss, spectral normalisation, discriminators at two scales whose features
are compared, a generator that learns more slowly than these, and an optional encoder of styles. Where the
paper compares features of VGG, `perceptual` compares those of EfficientNet-Lite.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.data.label_maps import Labels, network_input
from ganedit.data.pictures import Pictures, sheet
from ganedit.nets.layers_spectral import folded_state
from ganedit.nets.patchgan import MultiScaleDiscriminator, PatchGANConfig
from ganedit.nets.spade import (
    SPADEConfig,
    SPADEGenerator,
    StyleEncoder,
    StyleEncoderConfig,
    normalise_spectrally,
)
from ganedit.store.load import save_model
from ganedit.train.losses import hinge_d_loss, hinge_g_loss, style_divergence
from ganedit.train.options.label_maps import SPADEOptions
from ganedit.train.run import Run
from ganedit.train.sources import Note, OnLoad, labels_of, load_labelled
from ganedit.train.translation import MultiScaleRecipe, real_images

SAMPLES = 8
SCALES = 2  # of the discriminator
ENCODER = "encoder"  # folder of the encoder, inside that of the model
Piece = tuple[Tensor, Tensor]  # input of the network for a map [N, C, H, W], and the photo


class SPADE(MultiScaleRecipe[SPADEOptions]):
    """G draws from maps, and from styles that E reads from photos; D sees photos together with their maps."""

    def __init__(self, options: SPADEOptions, data: Pictures, labels: Labels, device: torch.device) -> None:
        self.data, self.labels = data, labels
        torch.manual_seed(options.seed)
        self.g = SPADEGenerator(_generator_config(options, labels.count + (len(data.scales) > 2)))
        channels = self.g.cfg.in_channels + 3
        self.d = MultiScaleDiscriminator(
            PatchGANConfig(channels, options.d_width, norm="instance", padding=2, scales=SCALES)
        )
        networks: dict[str, nn.Module] = {"g": self.g, "d": self.d}
        if options.encoder:
            layers = (options.size // 4).bit_length() - 1
            self.e = networks["e"] = StyleEncoder(
                StyleEncoderConfig(options.style_dim, options.encoder_width, layers, options.encoder_norm)
            )
        for network in networks.values():
            normalise_spectrally(network)
        super().__init__(options, device, networks)
        drawing = [network for name, network in networks.items() if name != "d"]
        self.optimizers = {
            "g": self.adam(*drawing, lr=options.lr / 2, betas=(0.0, 0.9)),
            "d": self.adam(self.d, lr=options.lr * 2, betas=(0.0, 0.9)),
        }
        self.pretrained = self.add_pretrained(lambda: real_images(data, options.size))

    def step(self, run: Run) -> dict[str, Tensor]:
        options = self.options
        self.decay(run, options.decay)
        self.g.train()
        drawn = self.data.draw(run.share(), options.size, mirror=options.mirror)
        pieces = [(network_input(layers, self.labels.count), layers[-1]) for layers in drawn]
        stats: dict[str, Tensor] = {}
        fakes: list[Tensor] = []
        stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(pieces, fakes, stats))
        stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(pieces, fakes))
        return stats | self.pretrained.d_step(run, (wanted for _, wanted in pieces))

    def _g_losses(
        self, pieces: list[Piece], fakes: list[Tensor], stats: dict[str, Tensor]
    ) -> Iterator[Tensor]:
        options = self.options
        for given, wanted in pieces:
            each: dict[str, Tensor] = {}
            with self.activations():
                if options.encoder:
                    mean, log_variance = (x.float() for x in self.e.distribution(wanted))
                    each["kl"] = style_divergence(mean, log_variance) * options.kl
                    fake = self.g(given, mean + torch.randn_like(mean) * (log_variance / 2).exp())
                else:
                    fake = self.g(given)
            fake = fake.float()
            fakes.append(fake.detach())
            on_fake, distance = self.discriminate_fake(given, wanted, fake)
            each["gan"] = hinge_g_loss(on_fake)
            each["features"] = distance * options.feature_weight
            each["l1"] = F.l1_loss(fake, wanted) * options.l1
            each |= self.pretrained.g_losses(fake, wanted)
            stats |= {f"g/{name}": loss.detach() for name, loss in each.items()}
            yield torch.stack(list(each.values())).sum()

    def _d_losses(self, pieces: list[Piece], fakes: list[Tensor]) -> Iterator[Tensor]:
        for (given, wanted), fake in zip(pieces, fakes, strict=True):
            yield hinge_d_loss(*self.discriminate_both(given, wanted, fake))

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Maps, output, and wanted output; with styles, also the output in the style of the next photo."""
        layers = self.data.centres(range(min(SAMPLES, len(self.data))), self.options.size)
        given = network_input(layers, self.labels.count).to(self.device)
        self.g.eval()
        rows = [self.labels.coloured(layers[0])]
        with self.activations():
            if self.options.encoder:
                self.e.eval()
                styles = self.e(layers[-1].to(self.device)).float()
                self.e.train()
                rows += [self.g(given, style) for style in (styles, styles.roll(-1, 0))]
            else:
                rows.append(self.g(given))
        return sheet([*rows, layers[-1]])

    def export(self, folder: Path, images: int) -> None:
        """Write the generator to `folder`, and its encoder to `folder`/encoder."""
        options = self.options
        name = options.name or "spade"
        details = self.labels.details() | {"size": options.size}
        if len(self.data.scales) > 2:
            details["edges"] = True
        self._save(folder, images, self.g, name, task="translator", architecture="spade", details=details)
        if options.encoder:
            self._save(
                folder / ENCODER,
                images,
                self.e,
                f"{name}-encoder",
                task="encoder",
                architecture="spade-encoder",
                details={"model": name},
            )

    def _save(
        self, folder: Path, images: int, network: SPADEGenerator | StyleEncoder, name: str, **more: Any
    ) -> None:
        card = self.make_card(
            images, name=name, config=asdict(network.cfg), resolution=self.options.size, **more
        )
        save_model(folder, card, folded_state(network), dtype=torch.float16)


def _generator_config(options: SPADEOptions, channels: int) -> SPADEConfig:
    config = SPADEConfig(channels, options.width, options.upsampling, hidden=options.hidden)
    if not options.encoder:
        return config
    side = options.size // config.multiple
    return replace(config, style_dim=options.style_dim, grid=(side, side))


def start(options: SPADEOptions, device: torch.device, note: Note, on_load: OnLoad | None = None) -> SPADE:
    """The recipe for these options, with their data."""
    labels = labels_of(options)
    return SPADE(options, load_labelled(options, labels, note, on_load), labels, device)
