"""Base class of all models."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ganedit.errors import InputError
from ganedit.store.cards import ModelCard


class Model:
    """A network with its card.

    Attributes:
        card: What is known about it; `card.sha256` identifies the weights.
        network: The module itself, in evaluation mode, its parameters without gradients.
        device: Where its weights are.
        dtype: Type of the activations; weights, codes and images stay float32.
    """

    def __init__(
        self,
        card: ModelCard,
        network: nn.Module,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.card = card
        self.device = torch.device(device)
        self.dtype = dtype
        self.network: Any = network.to(self.device).to(memory_format=torch.channels_last)

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def sha256(self) -> str:
        return self.card.sha256

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.card.architecture}, {self.device}, {self.dtype})"

    def _images(self, images: Tensor) -> Tensor:
        """Check images [N, C, H, W] and move them to the device."""
        if images.ndim != 4:
            raise InputError(f"images must be [N, C, H, W], not {list(images.shape)}")
        return images.to(self.device, torch.float32)

    def _output(self, *inputs: Any) -> Tensor:
        """The network's output; gradients pass through."""
        output: Tensor = self.network(*inputs)
        return output
