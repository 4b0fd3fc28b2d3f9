"""Trains pix2pixHD: photos from label maps or pictures, coarse to fine (Wang et al., arXiv:1711.11585).

A global generator is trained first, then again inside enhancers, each of which doubles the size. The losses
are least squares at three scales, and the distance of the discriminators' features. The paper also compares
features of VGG; here `perceptual` compares those of EfficientNet-Lite, and `vgg` adds LPIPS, if its weights
are available.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from ganedit.data.label_maps import Labels, network_input
from ganedit.data.pictures import Pictures, load_pairs, sheet
from ganedit.errors import CheckpointError
from ganedit.latent.inversion.perceptual import lpips_network
from ganedit.nets.patchgan import MultiScaleDiscriminator, PatchGANConfig
from ganedit.nets.pix2pixhd import LocalEnhancerConfig, LocalEnhancerGenerator
from ganedit.nets.resnet import ResNetConfig, ResNetGenerator
from ganedit.store.load import load, save_model
from ganedit.train.losses import gan_d_loss, gan_g_loss, over_scales
from ganedit.train.options.label_maps import Pix2pixHDOptions
from ganedit.train.run import Run
from ganedit.train.sources import Note, OnLoad, labels_of, load_labelled
from ganedit.train.translation import MultiScaleRecipe, load_named, real_images

SAMPLES = 8
Piece = tuple[Tensor, Tensor]  # input of the network [N, C, H, W], and the photo


class Pix2pixHD(MultiScaleRecipe[Pix2pixHDOptions]):
    """G draws from maps, or from pictures if there are no labels; D sees photos together with these."""

    def __init__(
        self, options: Pix2pixHDOptions, data: Pictures, labels: Labels | None, device: torch.device
    ) -> None:
        self.data, self.labels = data, labels
        torch.manual_seed(options.seed)
        self.g = _generator(options, 3 if labels is None else labels.count + self.has_edges)
        channels = self.g.cfg.in_channels + 3
        self.d = MultiScaleDiscriminator(
            PatchGANConfig(channels, options.d_width, norm="instance", padding=2, scales=options.scales)
        )
        networks: dict[str, nn.Module] = {"g": self.g, "d": self.d}
        super().__init__(options, device, networks)
        self.optimizers = {name: self.adam(net, betas=(0.5, 0.999)) for name, net in networks.items()}
        self.lpips = lpips_network(device) if options.vgg else None
        self.pretrained = self.add_pretrained(lambda: real_images(data, options.size))

    @property
    def has_edges(self) -> bool:
        return len(self.data.scales) > 2

    def step(self, run: Run) -> dict[str, Tensor]:
        options = self.options
        self.decay(run, options.decay)
        hold_inside(self.g, run.progress < options.fix_global)
        drawn = self.data.draw(run.share(), options.size, mirror=options.mirror)
        pieces = [(self._given(layers), layers[-1]) for layers in drawn]
        stats: dict[str, Tensor] = {}
        fakes: list[Tensor] = []
        stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(pieces, fakes, stats))
        stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(pieces, fakes))
        return stats | self.pretrained.d_step(run, (wanted for _, wanted in pieces))

    def _given(self, layers: list[Tensor]) -> Tensor:
        return layers[0] if self.labels is None else network_input(layers, self.labels.count)

    def _g_losses(
        self, pieces: list[Piece], fakes: list[Tensor], stats: dict[str, Tensor]
    ) -> Iterator[Tensor]:
        for given, wanted in pieces:
            with self.activations():
                fake = self.g(given).float()
            fakes.append(fake.detach())
            on_fake, features = self.discriminate_fake(given, wanted, fake)
            each = {
                "gan": over_scales(partial(gan_g_loss, "lsgan"), on_fake),
                "features": features * self.options.feature_weight,
            }
            if self.lpips is not None:
                with self.activations():
                    each["vgg"] = self.lpips(fake, wanted).float().mean() * self.options.vgg
            each |= self.pretrained.g_losses(fake, wanted)
            stats |= {f"g/{name}": loss.detach() for name, loss in each.items()}
            yield torch.stack(list(each.values())).sum()

    def _d_losses(self, pieces: list[Piece], fakes: list[Tensor]) -> Iterator[Tensor]:
        for (given, wanted), fake in zip(pieces, fakes, strict=True):
            yield over_scales(partial(gan_d_loss, "lsgan"), *self.discriminate_both(given, wanted, fake))

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Maps or pictures, output, and wanted output."""
        layers = self.data.centres(range(min(SAMPLES, len(self.data))), self.options.size)
        with self.activations():
            drawn = self.g(self._given(layers).to(self.device))
        shown = layers[0] if self.labels is None else self.labels.coloured(layers[0])
        return sheet([shown, drawn, layers[-1]])

    def export(self, folder: Path, images: int) -> None:
        details = {} if self.labels is None else self.labels.details()
        card = self.make_card(
            images,
            name=self.options.name or "pix2pixhd",
            task="translator",
            architecture="pix2pixhd" if self.options.local else "resnet",
            config=asdict(self.g.cfg),
            resolution=self.options.size,
            details=details | ({"edges": True} if self.has_edges else {}),
        )
        save_model(folder, card, self.g.state_dict(), dtype=torch.float16)


def _generator(options: Pix2pixHDOptions, channels: int) -> ResNetGenerator | LocalEnhancerGenerator:
    blocks, downs, up = options.blocks, options.downs, options.up
    if not options.local:
        return ResNetGenerator(ResNetConfig(channels, 3, options.width, blocks, downs, up=up))
    width = options.width // 2**options.local
    return LocalEnhancerGenerator(
        LocalEnhancerConfig(channels, 3, width, blocks, downs, options.local, options.local_blocks, up=up)
    )


def hold_inside(g: nn.Module, held: bool) -> None:
    """Freeze or unfreeze everything except the last enhancer: the optimiser skips parameters without
    gradients."""
    if isinstance(g, LocalEnhancerGenerator):
        for part in (g.trunk, *list(g.enhancers)[:-1]):
            part.requires_grad_(not held)


def take_over(g: nn.Module, before: nn.Module, called: str) -> None:
    """Start a generator from one with fewer enhancers, except for its head, or from one of the same shape.

    Raises:
        CheckpointError: It is something else, or of another size; the error names it as `called`.
    """
    wanted, state = g.state_dict(), before.state_dict()
    if len(state) < len(wanted):  # its head has another width
        state = {key: value for key, value in state.items() if not key.startswith("to_image.")}
    inside = {key for key in wanted if key.startswith("trunk.")}
    if not inside <= state.keys() or any(
        key not in wanted or value.shape != wanted[key].shape for key, value in state.items()
    ):
        raise CheckpointError(
            f"{called} is not a global generator for a network of this size",
            "give `labels`, `edges`, `width`, `downs`, `blocks` and `up` as for it, and no fewer `local`",
        )
    g.load_state_dict(state, strict=False)


def start(
    options: Pix2pixHDOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> Pix2pixHD:
    """The recipe for these options, with their data and the model to start from."""
    if options.from_pictures:
        labels = None
        data = load_named(load_pairs, options.data, options, note, on_load)
    else:
        labels = labels_of(options)
        data = load_labelled(options, labels, note, on_load)
    recipe = Pix2pixHD(options, data, labels, device)
    if options.start:
        take_over(recipe.g, load(options.start, device=str(device)).network, options.start)
    return recipe
