"""Trains a context encoder, which fills holes from their surroundings (Pathak et al., arXiv:1604.07379).

The discriminator is a PatchGAN on the completed picture rather than a network on the hole,
since holes may lie anywhere; a mask tells the network where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from ganedit.data.images import load_images
from ganedit.data.pictures import Pictures, load_pictures, sheet
from ganedit.metrics.inpainting import centre_hole, measure_inpainting
from ganedit.nets.context_encoder import ContextEncoder, ContextEncoderConfig
from ganedit.nets.patchgan import PatchGAN, PatchGANConfig
from ganedit.store.cards import Metric, ModelCard
from ganedit.store.load import save_model
from ganedit.store.models import Translator
from ganedit.train.losses import gan_d_loss, gan_g_loss
from ganedit.train.options.pictures import PATCHES, InpaintOptions
from ganedit.train.run import Run
from ganedit.train.sources import Note, OnLoad
from ganedit.train.translation import PictureRecipe, frozen, load_named, real_images

SAMPLES = 8
TESTED = 200  # pictures at most
RECTANGLES = 4  # at most, in a random hole
Holes = Literal["both", "center", "random"]


class Inpaint(PictureRecipe[InpaintOptions]):
    """G draws the missing part, D sees the result."""

    def __init__(
        self,
        options: InpaintOptions,
        data: Pictures,
        device: torch.device,
        test: Tensor | None = None,
    ) -> None:
        self.data, self.test = data, test
        self.measured: dict[str, float] = {}
        torch.manual_seed(options.seed)
        self.g = ContextEncoder(
            ContextEncoderConfig(options.size, width=options.width, norm=options.norm, skips=options.skips)
        )
        networks: dict[str, nn.Module] = {"g": self.g}
        if options.gan_weight:
            self.d = PatchGAN(PatchGANConfig(3, options.d_width, PATCHES[70], options.norm))
            networks["d"] = self.d
        super().__init__(options, device, networks)
        self.optimizers = {name: self.adam(net, betas=(0.5, 0.999)) for name, net in networks.items()}
        self.pretrained = self.add_pretrained(lambda: real_images(data, options.size))

    def step(self, run: Run) -> dict[str, Tensor]:
        options = self.options
        self.decay(run, options.decay)
        self.g.train()
        pieces = [
            (images, holes(options.holes, len(images), options.size).to(self.device))
            for (images,) in self.data.draw(run.share(), options.size, mirror=options.mirror)
        ]
        fakes: list[Tensor] = []
        stats: dict[str, Tensor] = {}
        stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(pieces, fakes, stats))
        if options.gan_weight:
            stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(pieces, fakes))
        return stats | self.pretrained.d_step(run, (images for images, _ in pieces))

    def _g_losses(
        self, pieces: list[tuple[Tensor, Tensor]], fakes: list[Tensor], stats: dict[str, Tensor]
    ) -> Iterator[Tensor]:
        options = self.options
        for images, hole in pieces:
            completed = self._completed(images, hole)
            fakes.append(completed.detach())
            # Nothing differs outside the hole, so the mean over the hole follows from the sum over all
            # pixels.
            missed = (completed - images).square().sum() / (3 * hole.sum())
            stats["g/hole"] = missed.detach()
            loss = missed * options.reconstruction
            if options.gan_weight:
                with frozen(self.d), self.activations():
                    logits = self.d(completed)
                adversarial = gan_g_loss("vanilla", logits.float())
                stats["g/gan"] = adversarial.detach()
                loss = loss + adversarial * options.gan_weight
            features = self.pretrained.g_losses(completed, images)
            stats |= {f"g/{name}": value.detach() for name, value in features.items()}
            yield loss + sum(features.values())

    def _d_losses(self, pieces: list[tuple[Tensor, Tensor]], fakes: list[Tensor]) -> Iterator[Tensor]:
        for (images, _), fake in zip(pieces, fakes, strict=True):
            with self.activations():
                on_real, on_fake = self.d(images), self.d(fake)
            yield gan_d_loss("vanilla", on_real.float(), on_fake.float())

    def _completed(self, images: Tensor, hole: Tensor) -> Tensor:
        """Images [N, 3, S, S] with what G draws where the mask [N, 1, S, S] is true."""
        given = torch.cat([images.masked_fill(hole, 0.0), hole.to(images.dtype)], dim=1)
        with self.activations():
            drawn = self.g(given)
        return torch.where(hole, drawn.float(), images)

    def evaluate(self) -> dict[str, float]:
        """PSNR in the middle quarter of the test pictures, measured like in `ganedit metrics inpaint`."""
        if self.test is not None:
            quality = measure_inpainting(self.model(Translator, self.card(0), self.g), self.test)
            self.measured = {
                "PSNR in the hole": quality.psnr,
                "PSNR of the mean of the rim": quality.rim_psnr,
                "PSNR of OpenCV": quality.opencv_psnr,
            }
        return self.measured

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Pictures with holes, completed, and original."""
        count = min(SAMPLES, len(self.data))
        (images,) = self.data.centres(range(count), self.options.size)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.options.seed)
            hole = holes(self.options.holes, len(images), self.options.size)
        self.g.eval()
        completed = self._completed(images.to(self.device), hole.to(self.device))
        return sheet([images.masked_fill(hole, 0.0), completed, images])

    def card(self, images: int) -> ModelCard:
        return self.make_card(
            images,
            name=self.options.name or "inpaint",
            task="translator",
            architecture="context-encoder",
            config=asdict(self.g.cfg),
            resolution=self.options.size,
            details={"use": "inpaint"},
            metrics=tuple(Metric(name, round(value, 2)) for name, value in self.measured.items()),
        )

    def export(self, folder: Path, images: int) -> None:
        save_model(folder, self.card(images), self.g.state_dict(), dtype=torch.float16)


def holes(kind: Holes, n: int, size: int) -> Tensor:
    """Random masks [n, 1, size, size], true in the hole; see `InpaintOptions.holes`."""
    masks = torch.zeros(n, 1, size, size, dtype=torch.bool)
    for mask in masks[:, 0]:
        if kind == "center" or (kind == "both" and torch.rand(()) < 0.5):
            mask |= centre_hole(size)[0, 0]
            continue
        for _ in range(int(torch.randint(1, RECTANGLES + 1, ()))):
            height, width = (int(x) for x in torch.randint(size // 8, size // 2 + 1, (2,)))
            top, left = (int(torch.randint(0, size - side + 1, ())) for side in (height, width))
            mask[top : top + height, left : left + width] = True
    return masks


def start(
    options: InpaintOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> Inpaint:
    """The recipe for these options, with their data."""
    data = load_named(load_pictures, options.data, options, note, on_load)
    test = None
    if options.test:
        test = load_images(Path(options.test), resolution=options.size, limit=TESTED).images
    return Inpaint(options, data, device, test)
