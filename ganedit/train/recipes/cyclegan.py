"""Pictures of one kind into another and back, without pairs (CycleGAN, Zhu et al., arXiv:1703.10593)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.patchgan import PatchGAN, PatchGANConfig
from ganedit.nets.resnet import ResNetConfig, ResNetGenerator
from ganedit.store.load import save_model
from ganedit.store.models.image import Direction
from ganedit.train.loop import Note, OnLoad, Run
from ganedit.train.losses import gan_d_loss, gan_g_loss
from ganedit.train.options import CycleGANOptions
from ganedit.train.translation import DomainRecipe, Domains, History, frozen, load_domains, start_from

AREA_COUNTS = 0.5, 0.7  # of the run: where the area of a mask begins to count, and where it does in full
BACK = "back"  # folder of the model from B to A, inside that of the one from A to B
Fakes = list[tuple[Tensor, Tensor]]  # of domain A and of domain B, one pair per accumulated piece


class CycleGAN(DomainRecipe[CycleGANOptions]):
    """G_AB with D_B, G_BA with D_A; both generators share an optimiser, as do both discriminators."""

    def __init__(self, options: CycleGANOptions, sets: Domains, device: torch.device) -> None:
        torch.manual_seed(options.seed)
        config = ResNetConfig(
            width=options.width, blocks=options.blocks, up=options.up, attention=options.attention > 0
        )
        self.to_b, self.to_a = ResNetGenerator(config), ResNetGenerator(config)
        judge = PatchGANConfig(width=options.judge_width, norm="instance")
        self.d_a, self.d_b = PatchGAN(judge), PatchGAN(judge)
        self.past_a, self.past_b = (History(options.history, 3, options.size) for _ in range(2))
        networks: dict[str, nn.Module] = {
            "to_b": self.to_b,
            "to_a": self.to_a,
            "d_a": self.d_a,
            "d_b": self.d_b,
            "past_a": self.past_a,
            "past_b": self.past_b,
        }
        super().__init__(options, sets, device, networks)
        self.optimizers = {
            "g": self.adam(self.to_b, self.to_a, betas=(0.5, 0.999)),
            "d": self.adam(self.d_a, self.d_b, betas=(0.5, 0.999)),
        }

    def step(self, run: Run) -> dict[str, Tensor]:
        options = self.options
        self.decay(run, options.lr, options.decay)
        pieces = self.draw(run)
        stats: dict[str, Tensor] = {}
        fakes: Fakes = []
        begin, full = AREA_COUNTS
        share = min(max((run.progress - begin) / (full - begin), 0.0), 1.0)
        stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(pieces, fakes, stats, share))
        stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(pieces, fakes))
        return stats

    def _g_losses(
        self, pieces: list[tuple[Tensor, Tensor]], fakes: Fakes, stats: dict[str, Tensor], share: float
    ) -> Iterator[Tensor]:
        options = self.options
        for a, b in pieces:
            with self.activations():
                to_b, to_a = Drawn.of(self.to_b, a), Drawn.of(self.to_a, b)
                back_a, back_b = Drawn.of(self.to_a, to_b.kept), Drawn.of(self.to_b, to_a.kept)
                each = {"cycle": options.cycle * (_difference(back_a.kept, a) + _difference(back_b.kept, b))}
                if options.identity:
                    same = _difference(Drawn.of(self.to_b, b).kept, b)
                    same = same + _difference(Drawn.of(self.to_a, a).kept, a)
                    each["identity"] = options.cycle * options.identity * same
                if options.attention:
                    each["attention"] = options.attention * share * (to_b.area + to_a.area)
                with frozen(self.d_a, self.d_b):
                    on_a, on_b = self.d_a(to_a.judged).float(), self.d_b(to_b.judged).float()
            each["gan"] = gan_g_loss("lsgan", on_a) + gan_g_loss("lsgan", on_b)
            fakes.append((to_a.kept.detach(), to_b.kept.detach()))
            stats |= {f"g/{name}": loss.detach() for name, loss in each.items()}
            yield torch.stack(list(each.values())).sum()

    def _d_losses(self, pieces: list[tuple[Tensor, Tensor]], fakes: Fakes) -> Iterator[Tensor]:
        for (a, b), (fake_a, fake_b) in zip(pieces, fakes, strict=True):
            yield self._d_loss(self.d_a, a, self.past_a(fake_a)) + self._d_loss(
                self.d_b, b, self.past_b(fake_b)
            )

    def _d_loss(self, judge: PatchGAN, real: Tensor, fake: Tensor) -> Tensor:
        with self.activations():
            on_real, on_fake = judge(real), judge(fake)
        return gan_d_loss("lsgan", on_real.float(), on_fake.float())

    def translated(self, x: Tensor, direction: Direction) -> Tensor:
        return (self.to_b if direction == "ab" else self.to_a)(x)

    def export(self, folder: Path, images: int) -> None:
        """The model from A to B in `folder`, and the one from B to A in `folder`/back."""
        options = self.options
        name = options.name or "a2b"
        for place, called, network in (
            (folder, name, self.to_b),
            (folder / BACK, options.name_back or f"{name}-back", self.to_a),
        ):
            card = self.make_card(
                images,
                name=called,
                task="translator",
                architecture="resnet",
                config=asdict(network.cfg),
                resolution=options.size,
            )
            save_model(place, card, network.state_dict(), dtype=torch.float16)


@dataclass(frozen=True)
class Drawn:
    """A translated picture [N, 3, H, W], in two guises of the same values where the network has a mask.

    The mask learns from the discriminator and from its own area alone: the cycle and identity losses are
    least where nothing is changed at all, and would close it.
    """

    kept: Tensor  # whose gradient passes the mask by
    judged: Tensor
    area: Tensor  # of the mask, 0 to 1

    @classmethod
    def of(cls, network: ResNetGenerator, x: Tensor) -> Drawn:
        if not network.cfg.attention:
            y = network(x)
            return cls(y, y, y.new_ones(()))
        drawn, mask = network.attend(x)
        x = x.to(drawn.dtype)
        return cls(torch.lerp(x, drawn, mask.detach()), torch.lerp(x, drawn, mask), mask.float().mean())


def _difference(drawn: Tensor, wanted: Tensor) -> Tensor:
    return F.l1_loss(drawn.float(), wanted)


def start(
    options: CycleGANOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> CycleGAN:
    """The recipe on the two sets that the options name."""
    recipe = CycleGAN(options, load_domains(options, note, on_load), device)
    if options.start:
        attention = options.attention > 0
        start_from(recipe.to_b, options.start, device, attention=attention)
        start_from(recipe.to_a, str(Path(options.start) / BACK), device, attention=attention)
    return recipe
