"""Trains translators between two kinds of pictures through a shared code (UNIT, Liu et al.,
arXiv:1703.00848).

The losses and their weights are those of the authors' later code, published with MUNIT: the code's variance
is fixed at 1, so that its distance from the prior is the square of its mean. The discriminator is the
multi-scale PatchGAN of the other recipes, without normalisation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.nets.patchgan import MultiScaleDiscriminator, PatchGANConfig
from ganedit.nets.unit import UNIT, Domain, UNITConfig
from ganedit.store.load import save_model
from ganedit.store.models.image import Direction
from ganedit.train.losses import gan_d_loss, gan_g_loss, over_scales
from ganedit.train.options.translators import UNITOptions
from ganedit.train.run import Run
from ganedit.train.sources import Note, OnLoad
from ganedit.train.translation import DomainRecipe, Domains, frozen, load_domains

Pieces = list[tuple[Tensor, Tensor]]  # of domain a and of domain b, one pair per accumulated piece
DOMAINS: tuple[Domain, ...] = get_args(Domain)


class SharedCode(DomainRecipe[UNITOptions]):
    """G, two auto-encoders that share the code; D_a and D_b, which share an optimiser."""

    def __init__(self, options: UNITOptions, domains: Domains, device: torch.device) -> None:
        torch.manual_seed(options.seed)
        self.g = UNIT(UNITConfig(width=options.width, blocks=options.blocks))
        d_config = PatchGANConfig(width=options.d_width, norm="none", padding=2, scales=options.scales)
        self.discriminators = {domain: MultiScaleDiscriminator(d_config) for domain in DOMAINS}
        super().__init__(
            options, domains, device, {"g": self.g, **{f"d_{k}": d for k, d in self.discriminators.items()}}
        )
        adam = partial(self.adam, betas=(0.5, 0.999), weight_decay=options.weight_decay)
        self.optimizers = {"g": adam(self.g), "d": adam(*self.discriminators.values())}
        self.pretrained = self.add_pretrained_pair()

    def step(self, run: Run) -> dict[str, Tensor]:
        self.decay(run, self.options.decay)
        pieces, fakes = self.domains.draw(run), Pieces()
        stats: dict[str, Tensor] = {}
        stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(pieces, fakes, stats))
        stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(pieces, fakes))
        return stats | self.pretrained.d_step(run, pieces)

    def _g_losses(self, pieces: Pieces, fakes: Pieces, stats: dict[str, Tensor]) -> Iterator[Tensor]:
        for a, b in pieces:
            fake_b, from_a = self._round_trip(a, "a", "b")
            fake_a, from_b = self._round_trip(b, "b", "a")
            fakes.append((fake_a, fake_b))
            each = {name: from_a[name] + from_b[name] for name in from_a}
            stats |= {f"g/{name}": loss.detach() for name, loss in each.items()}
            yield torch.stack(list(each.values())).sum()

    def _round_trip(self, real: Tensor, here: Domain, there: Domain) -> tuple[Tensor, dict[str, Tensor]]:
        """Pictures of one domain translated to the other, without gradients, and their share of each loss."""
        options = self.options
        with self.activations():
            code = self.g.encode(real, here)
            noisy = _sample(code)
            fake = self.g.decode(noisy, there)
            code_of_fake = self.g.encode(fake, there)
            again, back = self.g.decode(noisy, here), self.g.decode(_sample(code_of_fake), here)
            with frozen(self.discriminators[there]):
                logits = self.discriminators[there](fake)
        losses = {
            "reconstruction": F.l1_loss(again.float(), real) * options.reconstruction,
            "kl": code.float().square().mean() * options.kl,
            "cycle": F.l1_loss(back.float(), real) * options.cycle,
            "cycle_kl": code_of_fake.float().square().mean() * options.cycle_kl,
            "gan": over_scales(partial(gan_g_loss, "lsgan"), logits) * options.gan_weight,
        }
        losses |= self.pretrained.of(there).g_losses(fake.float())
        losses |= self.pretrained.of(here).perceptual(back, real)
        return fake.detach(), losses

    def _d_losses(self, pieces: Pieces, fakes: Pieces) -> Iterator[Tensor]:
        loss = partial(gan_d_loss, "lsgan")
        for reals, drawn in zip(pieces, fakes, strict=True):
            each = []
            for d, real, fake in zip(self.discriminators.values(), reals, drawn, strict=True):
                with self.activations():
                    on_real, on_fake = d(real), d(fake)
                each.append(over_scales(loss, on_real, on_fake))
            yield torch.stack(each).sum()

    def translated(self, x: Tensor, direction: Direction) -> Tensor:
        image: Tensor = self.g(x, direction)
        return image

    def export(self, folder: Path, images: int) -> None:
        """Write one model for both directions."""
        card = self.make_card(
            images,
            name=self.options.name or "unit",
            task="translator",
            architecture="unit",
            config=asdict(self.g.cfg),
            resolution=self.options.size,
        )
        save_model(folder, card, self.g.state_dict(), dtype=torch.float16)


def _sample(mean: Tensor) -> Tensor:
    """A random code from the normal distribution with unit variance around `mean`."""
    return mean + torch.randn_like(mean)


def start(
    options: UNITOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> SharedCode:
    """The recipe for these options, with their data."""
    return SharedCode(options, load_domains(options, note, on_load), device)
