"""Base class of all models."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any, TypedDict

import torch
from torch import Tensor, nn

from ganedit.errors import InputError, UsageError
from ganedit.store.cards import ModelCard


class Identity(TypedDict):
    """Which model something belongs to: its name, the checksum of its file, and that of its weights."""

    model: str
    model_sha256: str
    weights_sha256: str


class Model:
    """A network with its card.

    Attributes:
        card: What is known about it.
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
        self.original: Model | None = None  # of a copy with other weights
        self.device = torch.device(device)
        self.dtype = dtype
        self.network: Any = network.to(self.device).to(memory_format=torch.channels_last)

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def sha256(self) -> str:
        """Checksum of the file."""
        return self.card.sha256

    @cached_property
    def weights_sha256(self) -> str:
        """Checksum of the weights themselves, which is the same whatever file holds them; of a copy that was
        changed for a latent, that of the original."""
        if self.original is not None:
            return self.original.weights_sha256
        digest = hashlib.sha256()
        for name, tensor in sorted(self.network.state_dict().items()):
            value = tensor.detach().cpu()
            value = value.float() if value.is_floating_point() else value
            digest.update(f"{name} {list(value.shape)} {value.dtype}\n".encode())
            digest.update(value.contiguous().numpy().tobytes())
        return digest.hexdigest()

    @property
    def identity(self) -> Identity:
        """What latents and directions keep of their model."""
        return Identity(model=self.name, model_sha256=self.sha256, weights_sha256=self.weights_sha256)

    def known_as(self, *checksums: str) -> bool:
        """Whether one of these is the checksum of its file, of the file it was imported from, or of its
        weights."""
        given = [one for one in checksums if one]
        return any(one in self.card.files for one in given) or (bool(given) and self.weights_sha256 in given)

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


def check_model(model: object) -> None:
    """Refuse what is not a model, such as the name of one. Raises UsageError."""
    if not isinstance(model, Model):
        raise UsageError(
            f"a model is needed, not {model!r:.80}", 'open one by its name: ganedit.load("faces")'
        )
