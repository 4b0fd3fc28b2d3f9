"""Base of recipes that translate from one domain to another and back (Zhu et al., arXiv:1703.10593)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.nets.resnet import ResNetConfig, ResNetGenerator
from ganedit.store.load import save_model
from ganedit.store.models.image import Direction
from ganedit.train.options.base import CycleOptions
from ganedit.train.run import Run
from ganedit.train.translation import DomainRecipe, Domains, frozen, start_from

BACK = "back"  # folder of the model from B to A, inside that of the one from A to B
Fakes = list[tuple[Tensor, Tensor]]  # of domain A and of domain B, one pair per accumulated piece
Options = TypeVar("Options", bound=CycleOptions)


class CycleRecipe(DomainRecipe[Options]):
    """G_AB with D_B, G_BA with D_A; both generators share an optimiser, as do both discriminators.

    A recipe defines the discriminators, the losses of these and of the generators, and
    the weight of the identity loss at each point of the run.

    Attributes:
        clip: Maximum norm of the gradients, of both generators together and of both discriminators together.
    """

    clip: float | None = None

    def __init__(
        self,
        options: Options,
        domains: Domains,
        device: torch.device,
        generator: ResNetConfig,
        new_discriminator: Callable[[], nn.Module],
        **more: nn.Module,
    ) -> None:
        self.to_b, self.to_a = ResNetGenerator(generator), ResNetGenerator(generator)
        self.d_a, self.d_b = new_discriminator(), new_discriminator()
        networks = {"to_b": self.to_b, "to_a": self.to_a, "d_a": self.d_a, "d_b": self.d_b, **more}
        super().__init__(options, domains, device, networks)
        self.optimizers = {
            "g": self.adam(self.to_b, self.to_a, betas=(0.5, 0.999)),
            "d": self.adam(self.d_a, self.d_b, betas=(0.5, 0.999)),
        }

    @abstractmethod
    def g_loss(self, on_fake: Tensor) -> Tensor:
        """The adversarial loss of a generator."""

    @abstractmethod
    def d_losses(self, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor]) -> Tensor:
        """The loss of both discriminators, on reals and fakes of A and of B."""

    @property
    @abstractmethod
    def about(self) -> dict[str, Any]:
        """Fields of the models' cards."""

    def identity(self, run: Run) -> float:
        """Weight of the identity loss in this step."""
        return self.options.cycle * self.options.identity

    def more_losses(self, run: Run, seen: RoundTrip) -> Mapping[str, Tensor]:
        """Further losses of the generators, by name."""
        return {}

    def more_steps(self, run: Run, pieces: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
        """Steps of further networks, after those of the discriminators; returns their losses by name."""
        return {}

    def step(self, run: Run) -> dict[str, Tensor]:
        self.decay(run, self.options.decay)
        pieces = self.domains.draw(run)
        stats: dict[str, Tensor] = {}
        fakes: Fakes = []
        of_g = self._g_losses(run, pieces, fakes, stats)
        stats["g/loss"] = run.minimise(self.optimizers["g"], of_g, clip=self.clip)
        of_d = (self.d_losses(*pair) for pair in zip(pieces, fakes, strict=True))
        stats["d/loss"] = run.minimise(self.optimizers["d"], of_d, clip=self.clip)
        return stats | self.more_steps(run, pieces)

    def _g_losses(
        self, run: Run, pieces: list[tuple[Tensor, Tensor]], fakes: Fakes, stats: dict[str, Tensor]
    ) -> Iterator[Tensor]:
        identity = self.identity(run)
        for a, b in pieces:
            with self.activations():
                to_b, to_a = Drawn.of(self.to_b, a), Drawn.of(self.to_a, b)
                back_a, back_b = Drawn.of(self.to_a, to_b.fixed_mask), Drawn.of(self.to_b, to_a.fixed_mask)
                back = _difference(back_a.fixed_mask, a) + _difference(back_b.fixed_mask, b)
                each = {"cycle": self.options.cycle * back}
                if identity:
                    same = _difference(Drawn.of(self.to_b, b).fixed_mask, b)
                    same = same + _difference(Drawn.of(self.to_a, a).fixed_mask, a)
                    each["identity"] = identity * same
                with frozen(self.d_a, self.d_b):
                    on_a, on_b = self.d_a(to_a.learning_mask).float(), self.d_b(to_b.learning_mask).float()
            each["gan"] = self.g_loss(on_a) + self.g_loss(on_b)
            each |= self.more_losses(run, RoundTrip((a, b), (to_a, to_b), (back_a, back_b)))
            fakes.append((to_a.fixed_mask.detach(), to_b.fixed_mask.detach()))
            stats |= {f"g/{name}": loss.detach() for name, loss in each.items()}
            yield torch.stack(list(each.values())).sum()

    @property
    def exported(self) -> tuple[ResNetGenerator, ResNetGenerator]:
        """The networks to export: from A to B, and back."""
        return self.to_b, self.to_a

    def translated(self, x: Tensor, direction: Direction) -> Tensor:
        image: Tensor = self.exported[0 if direction == "ab" else 1](x)
        return image

    def start_from(self, folder: str, **new: object) -> None:
        """Continue from an exported model and the one from B to A in it; see `translation.start_from`."""
        start_from(self.to_b, folder, self.device, **new)
        start_from(self.to_a, str(Path(folder) / BACK), self.device, **new)

    def export(self, folder: Path, images: int) -> None:
        """Write the model from A to B to `folder`, and the one from B to A to `folder`/back."""
        name = self.options.name or "a2b"
        names, places = (name, self.options.name_back or f"{name}-back"), (folder, folder / BACK)
        for place, called, network in zip(places, names, self.exported, strict=True):
            config = asdict(network.cfg)
            card = self.make_card(
                images, name=called, task="translator", architecture="resnet", config=config, **self.about
            )
            save_model(place, card, network.state_dict(), dtype=torch.float16)


@dataclass(frozen=True)
class Drawn:
    """A translated picture [N, 3, H, W], as two tensors of equal values if the network has a mask.

    The mask learns only from the discriminator and from its own area: the cycle and identity losses are
    smallest where nothing changes, and would close it.
    """

    fixed_mask: Tensor  # without a gradient to the mask
    learning_mask: Tensor  # with a gradient to the mask
    area: Tensor  # mean of the mask, 0 to 1

    @classmethod
    def of(cls, network: ResNetGenerator, x: Tensor) -> Drawn:
        if not network.cfg.attention:
            y = network(x)
            return cls(y, y, y.new_ones(()))
        drawn, mask = network.attend(x)
        x = x.to(drawn.dtype)
        return cls(torch.lerp(x, drawn, mask.detach()), torch.lerp(x, drawn, mask), mask.float().mean())


@dataclass(frozen=True)
class RoundTrip:
    """Images of domain A and of domain B: real ones, those drawn from the other's, and those drawn back."""

    real: tuple[Tensor, Tensor]
    drawn: tuple[Drawn, Drawn]
    back: tuple[Drawn, Drawn]


def _difference(drawn: Tensor, wanted: Tensor) -> Tensor:
    return F.l1_loss(drawn.float(), wanted)
