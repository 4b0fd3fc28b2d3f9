"""What recipes share that make pictures out of pictures."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from ganedit.store.cards import ModelCard
from ganedit.store.models.image import ImageModel
from ganedit.train.loop import Recipe, Run, activation_dtype, autocast, set_rate
from ganedit.train.options import PictureOptions, command_line

Options = TypeVar("Options", bound=PictureOptions)
AnyModel = TypeVar("AnyModel", bound=ImageModel)


class PictureRecipe(Recipe, Generic[Options]):
    """Networks on their device in the layout that convolutions are fastest in, and the model's card."""

    def __init__(self, options: Options, device: torch.device, networks: Mapping[str, nn.Module]) -> None:
        self.options, self.device = options, device
        self.dtype = activation_dtype(options.precision, device)
        self.networks = {
            name: network.to(device).to(memory_format=torch.channels_last)
            for name, network in networks.items()
        }

    def adam(self, *networks: nn.Module, betas: tuple[float, float] = (0.9, 0.999)) -> torch.optim.Adam:
        """An optimiser for these networks, at the rate of `--lr`."""
        parameters = [p for network in networks for p in network.parameters()]
        return torch.optim.Adam(parameters, getattr(self.options, "lr", 1e-3), betas)

    def activations(self) -> torch.autocast:
        """The context that forward passes run in."""
        return autocast(self.device, self.dtype)

    def decay(self, run: Run, lr: float, share: float) -> None:
        """Hold the rate of all optimisers at `lr`, and let it fall to 0 over the last `share` of the run."""
        left = (1 - run.progress) / share if share else 1.0
        for optimizer in self.optimizers.values():
            set_rate(optimizer, lr * min(left, 1.0))

    def make_card(self, images: int, *, name: str, **more: Any) -> ModelCard:
        """The card of a model after so many images; `more` are fields of ModelCard."""
        options = self.options
        return ModelCard(
            name=name,
            data=options.about_data,
            source=f"{command_line(options)} ({images / 1000:.0f} kimg)",
            terms=options.terms,
            **more,
        )

    def model(self, kind: type[AnyModel], card: ModelCard, network: nn.Module) -> AnyModel:
        """A copy of a network as users have it, in float32: to be measured without disturbing training."""
        return kind(card, copy.deepcopy(network).eval().requires_grad_(False), self.device)


@contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Gradients go through these networks and none to their parameters, while the block runs."""
    parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
    for p in parameters:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in parameters:
            p.requires_grad_(True)


class History(nn.Module):
    """The last fakes, some of which a discriminator is shown again (Shrivastava et al., arXiv:1612.07828).

    A module because its pictures are part of the checkpoint.
    """

    images: Tensor
    count: Tensor

    def __init__(self, capacity: int, channels: int, size: int) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(capacity, channels, size, size))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def forward(self, fakes: Tensor) -> Tensor:
        """What to show in place of `fakes` [N, C, S, S]: each itself, or half the time an older one.

        While there is room every fake is kept and shown; later one that is swapped takes the other's place.
        """
        if not len(self.images):
            return fakes
        shown = []
        for fake in fakes.detach().float():
            at = int(self.count)
            if at < len(self.images):
                self.images[at] = fake
                self.count += 1
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(len(self.images), ()))
                old = self.images[place].clone()
                self.images[place] = fake
                fake = old
            shown.append(fake)
        return torch.stack(shown)
