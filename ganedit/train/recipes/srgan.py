"""Super-resolution: SRResNet, and SRGAN with a discriminator (Ledig et al., arXiv:1609.04802).

Two things differ from the paper. The pixel loss is the mean absolute difference, which reaches the same PSNR
in fewer steps than the square (arXiv:1707.02921). The perceptual loss compares features of the discriminator
itself, as pix2pixHD does (arXiv:1711.11585), because VGG's weights are not part of the project.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.errors import CheckpointError, InputError
from ganedit.images.io import read_image, to_tensor
from ganedit.metrics.quality import luma_quality
from ganedit.nets.srresnet import SRDiscriminator, SRDiscriminatorConfig, SRResNet, SRResNetConfig
from ganedit.store.cards import Metric
from ganedit.store.load import load, save_model
from ganedit.train.loop import Note, OnLoad, Run, note_skipped, set_rate
from ganedit.train.losses import feature_distance, logistic_d_loss, nonsaturating_g_loss
from ganedit.train.options import SRGANOptions
from ganedit.train.pictures import Pictures, load_reduced, sheet
from ganedit.train.translation import PictureRecipe, frozen

SAMPLES = 6
LARGE, SMALL = "_HR.png", "_LR.png"
Pair = tuple[Tensor, Tensor]  # [1, 3, h, w] and [1, 3, sh, sw], in [-1, 1]


class SRGAN(PictureRecipe[SRGANOptions]):
    """G, and with `adversarial` D. Networks compute in [0, 1], crops come in [-1, 1]."""

    def __init__(
        self,
        options: SRGANOptions,
        data: Pictures,
        device: torch.device,
        tests: dict[str, list[Pair]] | None = None,
    ) -> None:
        self.data, self.tests = data, tests or {}
        self.found: dict[str, float] = {}
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

    def step(self, run: Run) -> dict[str, Tensor]:
        for optimizer in self.optimizers.values():
            set_rate(optimizer, self.options.lr * (1 + math.cos(math.pi * run.progress)) / 2)
        self.g.train()
        size = self.options.size // self.options.scale
        pieces = run.draw_crops(self.data, size, mirror=self.options.mirror, turn=True)
        units = [[(x.add(1) / 2).to(memory_format=torch.channels_last) for x in piece] for piece in pieces]
        stats: dict[str, Tensor] = {}
        fakes: list[Tensor] = []
        stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(units, fakes, stats))
        if self.options.adversarial:
            stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(units, fakes))
        return stats

    def _g_losses(
        self, pieces: list[list[Tensor]], fakes: list[Tensor], stats: dict[str, Tensor]
    ) -> Iterator[Tensor]:
        for small, large in pieces:
            with self.activations():
                drawn = self.g(small)
                each = {"pixel": F.l1_loss(drawn.float(), large) * self.options.pixel_weight}
                if self.options.adversarial:
                    each |= self._judged(drawn, large)
            stats |= {f"g/{name}": loss.detach() for name, loss in each.items()}
            fakes.append(drawn.detach())
            yield torch.stack(list(each.values())).sum()

    def _judged(self, drawn: Tensor, large: Tensor) -> dict[str, Tensor]:
        with frozen(self.d):
            found = self.d.features(drawn)
            adversarial = nonsaturating_g_loss(self.d.judge(found).float())
        with torch.no_grad():
            wanted = self.d.features(large)
        return {
            "gan": adversarial * self.options.gan_weight,
            "features": feature_distance(found, wanted) * self.options.feature_weight,
        }

    def _d_losses(self, pieces: list[list[Tensor]], fakes: list[Tensor]) -> Iterator[Tensor]:
        self.d.train()
        for (_, large), fake in zip(pieces, fakes, strict=True):
            with self.activations():
                on_real, on_fake = self.d(large), self.d(fake)
            yield logistic_d_loss(on_real.float(), on_fake.float())

    def _upscaled(self, small: Tensor) -> Tensor:
        """[-1, 1] to [-1, 1], with running statistics."""
        self.g.eval()
        with torch.inference_mode(), self.activations():
            return self.g(small.to(self.device).add(1) / 2).float().mul(2).sub(1)

    def evaluate(self) -> dict[str, float]:
        """PSNR and SSIM on the luma of each test folder, `scale` pixels at the border left out."""
        for name, pairs in self.tests.items():
            both = [luma_quality(self._upscaled(a), b.to(self.device), self.options.scale) for a, b in pairs]
            for measure, values in zip(("PSNR", "SSIM"), zip(*both, strict=True), strict=True):
                self.found[f"{name} {measure}"] = float(torch.cat(values).mean())
        return self.found

    def samples(self) -> Tensor:
        """Crops in the middle of the first pictures: bicubic, this network, the original."""
        count = min(SAMPLES, len(self.data))
        small, large = self.data.centres(range(count), self.options.size // self.options.scale)
        bicubic = F.interpolate(small, scale_factor=self.options.scale, mode="bicubic")
        return sheet([bicubic, self._upscaled(small), large])

    def export(self, folder: Path, images: int) -> None:
        card = self.card(
            images,
            name=self.options.name or f"upscale-x{self.options.scale}",
            task="upscaler",
            architecture="srresnet",
            config=asdict(self.g.cfg),
            value_range=(0.0, 1.0),
            metrics=tuple(
                Metric(f"{name} on Y, x{self.options.scale}", round(value, 4))
                for name, value in self.found.items()
            ),
        )
        save_model(folder, card, self.g.state_dict(), dtype=torch.float16)


def load_tests(folders: list[Path], scale: int) -> dict[str, list[Pair]]:
    """Each folder's pairs `NAME_HR.png` and `NAME_LR.png`, by the folder's name.

    Raises:
        InputError: No pair, or one whose sizes do not stand in the ratio of `scale`.
    """
    found = {}
    for folder in folders:
        pairs = []
        for path in sorted(folder.glob(f"*{LARGE}")):
            large, small = (read_image(p).pixels for p in (path, Path(str(path).replace(LARGE, SMALL))))
            if large.shape[:2] != tuple(side * scale for side in small.shape[:2]):
                raise InputError(f"{path} is not {scale} times the size of its *{SMALL}")
            pairs.append((to_tensor(small), to_tensor(large)))
        if not pairs:
            raise InputError(f"{folder} holds no *{LARGE}", f"pairs are NAME{LARGE} and NAME{SMALL}")
        found[folder.name] = pairs
    return found


def start(options: SRGANOptions, device: torch.device, note: Note, on_load: OnLoad | None = None) -> SRGAN:
    """The recipe on the pictures, and from the model, that the options name."""
    data = load_reduced(
        [Path(one) for one in options.data],
        options.scale,
        size=options.size // options.scale,
        limit=options.limit or None,
        progress=on_load,
    )
    note_skipped(data.skipped, note)
    tests = load_tests([Path(one) for one in options.test.split(",") if one], options.scale)
    recipe = SRGAN(options, data, device, tests)
    if options.start:
        before = load(options.start, device=str(device)).network
        if not isinstance(before, SRResNet) or before.cfg != recipe.g.cfg:
            raise CheckpointError(
                f"{options.start} is no SRResNet of the size asked for",
                "set --scale, --width and --blocks as in its card",
            )
        recipe.g.load_state_dict(before.state_dict())
    return recipe
