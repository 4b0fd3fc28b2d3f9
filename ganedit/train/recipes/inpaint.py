"""Holes filled from their surroundings by a context encoder (Pathak et al., arXiv:1604.07379).

The discriminator is a PatchGAN that judges the completed picture rather than a network that judges the hole,
since holes may lie anywhere; the network is told by a mask where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ganedit.nets.context_encoder import ContextEncoder, ContextEncoderConfig
from ganedit.nets.patchgan import PatchGAN, PatchGANConfig
from ganedit.store.cards import Metric
from ganedit.store.load import save_model
from ganedit.train.loop import Note, OnLoad, Run, note_skipped
from ganedit.train.losses import gan_d_loss, gan_g_loss
from ganedit.train.options import PATCHES, InpaintOptions
from ganedit.train.pictures import Pictures, load_pictures, sheet
from ganedit.train.translation import PictureRecipe, frozen

SAMPLES = 8
TESTED = 200  # pictures at most
RECTANGLES = 4  # at most, of a random hole
Holes = Literal["both", "center", "random"]


class Inpaint(PictureRecipe[InpaintOptions]):
    """G draws what is missing, D judges the picture that comes out."""

    def __init__(
        self,
        options: InpaintOptions,
        data: Pictures,
        device: torch.device,
        test: Tensor | None = None,
    ) -> None:
        self.data, self.test = data, test
        self.found: dict[str, float] = {}
        torch.manual_seed(options.seed)
        self.g = ContextEncoder(ContextEncoderConfig(options.size, width=options.width, norm=options.norm))
        networks: dict[str, nn.Module] = {"g": self.g}
        if options.gan_weight:
            self.d = PatchGAN(PatchGANConfig(3, options.judge_width, PATCHES[70], options.norm))
            networks["d"] = self.d
        super().__init__(options, device, networks)
        self.optimizers = {name: self.adam(net, betas=(0.5, 0.999)) for name, net in networks.items()}

    def step(self, run: Run) -> dict[str, Tensor]:
        options = self.options
        self.decay(run, options.lr, options.decay)
        self.g.train()
        pieces = [
            (images, holes(options.holes, len(images), options.size).to(self.device))
            for (images,) in run.draw_crops(self.data, options.size, mirror=options.mirror)
        ]
        fakes: list[Tensor] = []
        stats: dict[str, Tensor] = {}
        stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(pieces, fakes, stats))
        if options.gan_weight:
            stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(pieces, fakes))
        return stats

    def _g_losses(
        self, pieces: list[tuple[Tensor, Tensor]], fakes: list[Tensor], stats: dict[str, Tensor]
    ) -> Iterator[Tensor]:
        options = self.options
        for images, hole in pieces:
            completed = self._completed(images, hole)
            fakes.append(completed.detach())
            # Outside the hole nothing differs: the mean over the hole is the sum over its pixels.
            missed = (completed - images).square().sum() / (3 * hole.sum())
            stats["g/hole"] = missed.detach()
            loss = missed * options.reconstruction
            if options.gan_weight:
                with frozen(self.d), self.activations():
                    logits = self.d(completed)
                adversarial = gan_g_loss("vanilla", logits.float())
                stats["g/gan"] = adversarial.detach()
                loss = loss + adversarial * options.gan_weight
            yield loss

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

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """PSNR in the middle quarter of the test pictures, and that of two ways without a network."""
        if self.test is None:
            return {}
        hole = holes("center", 1, self.options.size)
        if not self.found:  # they do not change
            self.found = {
                "PSNR of the mean of the rim": _psnr(mean_of_rim(self.test, hole), self.test, hole),
                "PSNR of OpenCV": _psnr(by_opencv(self.test, hole), self.test, hole),
            }
        self.g.eval()
        where = hole.to(self.device)
        drawn = [
            self._completed(x.to(self.device), where.expand(len(x), -1, -1, -1)).cpu()
            for x in self.test.split(self.options.batch)
        ]
        self.found["PSNR in the hole"] = _psnr(torch.cat(drawn), self.test, hole)
        return self.found

    @torch.no_grad()
    def samples(self) -> Tensor:
        """With holes, completed, and as they were."""
        count = min(SAMPLES, len(self.data))
        images = self.test[:count] if self.test is not None else None
        if images is None:
            (images,) = self.data.centres(range(count), self.options.size)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.options.seed)
            hole = holes(self.options.holes, len(images), self.options.size)
        self.g.eval()
        completed = self._completed(images.to(self.device), hole.to(self.device))
        return sheet([images.masked_fill(hole, 0.0), completed, images])

    def export(self, folder: Path, images: int) -> None:
        card = self.card(
            images,
            name=self.options.name or "inpaint",
            task="translator",
            architecture="context-encoder",
            config=asdict(self.g.cfg),
            resolution=self.options.size,
            template=self.options.template,
            details={"use": "inpaint"},
            metrics=tuple(Metric(name, round(value, 2)) for name, value in self.found.items()),
        )
        save_model(folder, card, self.g.state_dict(), dtype=torch.float16)


def holes(kind: Holes, n: int, size: int) -> Tensor:
    """Random masks [n, 1, size, size], true in the hole; see `--holes`."""
    found = torch.zeros(n, 1, size, size, dtype=torch.bool)
    for mask in found[:, 0]:
        if kind == "center" or (kind == "both" and torch.rand(()) < 0.5):
            middle = slice(size // 4, size // 4 + size // 2)
            mask[middle, middle] = True
            continue
        for _ in range(int(torch.randint(1, RECTANGLES + 1, ()))):
            height, width = (int(x) for x in torch.randint(size // 8, size // 2 + 1, (2,)))
            top, left = (int(torch.randint(0, size - side + 1, ())) for side in (height, width))
            mask[top : top + height, left : left + width] = True
    return found


def mean_of_rim(images: Tensor, hole: Tensor) -> Tensor:
    """The hole [1, 1, S, S] filled with the mean colour of the pixels around it."""
    rim = nn.functional.max_pool2d(hole.float(), 3, stride=1, padding=1).bool() & ~hole
    mean = (images * rim).sum(dim=(2, 3), keepdim=True) / rim.sum()
    return torch.where(hole, mean, images)


def by_opencv(images: Tensor, hole: Tensor) -> Tensor:
    """The hole filled by Telea's method."""
    import cv2

    mask = hole[0, 0].numpy().astype(np.uint8)
    pixels = images.add(1).mul(127.5).round().byte().permute(0, 2, 3, 1).numpy()
    filled = [cv2.inpaint(np.ascontiguousarray(one), mask, 3, cv2.INPAINT_TELEA) for one in pixels]
    return torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2).float() / 127.5 - 1


def _psnr(completed: Tensor, images: Tensor, hole: Tensor) -> float:
    """Mean over the pictures of the PSNR in the hole, in dB."""
    error = ((completed - images).square() * hole).sum(dim=(1, 2, 3)) / (3 * hole.sum())
    return float((4 / error.clamp(min=1e-10)).log10().mean() * 10)


def start(
    options: InpaintOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> Inpaint:
    """The recipe on the pictures that the options name."""
    data = load_pictures(
        [Path(one) for one in options.data],
        size=options.size,
        load_size=options.squeeze,
        limit=options.limit or None,
        progress=on_load,
    )
    note_skipped(data.skipped, note)
    test = None
    if options.test:
        kept = load_pictures([Path(options.test)], size=options.size, load_size=options.size, limit=TESTED)
        (test,) = kept.centres(range(len(kept)), options.size)
    return Inpaint(options, data, device, test)
