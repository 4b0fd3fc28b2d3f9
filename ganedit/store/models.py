"""What `ganedit.load` returns: one class per thing that a model is for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor, nn

from ganedit.errors import CheckpointError, InputError
from ganedit.nets.stylegan2 import Noise, NoiseKind
from ganedit.store.cards import ModelCard

NOISES = get_args(NoiseKind)


class Model:
    """A network with its card.

    Attributes:
        card: What is known about it; `card.sha256` identifies the weights.
        network: The module itself, in evaluation mode, its parameters without gradients.
        device: Where its weights are.
        dtype: Of the activations; weights, codes and images stay float32.
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
        """Check images [N, C, H, W] and bring them to the device."""
        if images.ndim != 4:
            raise InputError(f"images must be [N, C, H, W], not {list(images.shape)}")
        return images.to(self.device, torch.float32)


class Discriminator(Model):
    """Tells pictures of the training set from generated ones."""

    def __init__(
        self,
        card: ModelCard,
        network: nn.Module,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(card, network, device, dtype)
        self.network.dtype = dtype

    def __call__(self, images: Tensor, c: Tensor | None = None) -> Tensor:
        """Logits [N, 1], higher for what looks real, of images [N, 3, H, W] in [-1, 1], classes c [N, C]."""
        c = None if c is None else c.to(self.device, torch.float32)
        return self.network(self._images(images), c)

    def features(self, images: Tensor) -> list[Tensor]:
        """Activations after each block, finest first: [N, C_i, H/2^i, W/2^i]."""
        return self.network.features(self._images(images))


class Generator(Model):
    """Draws pictures from random numbers or style codes.

    `mapping` and `synthesis` let gradients through; `generate` does not keep them.
    """

    def __init__(
        self,
        card: ModelCard,
        network: nn.Module,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        discriminator: Callable[[], Discriminator] | None = None,
    ) -> None:
        super().__init__(card, network, device, dtype)
        self.network.synthesis.dtype = dtype
        self._open_discriminator = discriminator
        self._discriminator: Discriminator | None = None

    @property
    def resolution(self) -> int:
        """Side of its pictures in pixels."""
        return self.network.cfg.resolution

    @property
    def num_ws(self) -> int:
        """Rows of a style code, one per layer."""
        return self.network.cfg.num_ws

    @property
    def z_dim(self) -> int:
        return self.network.cfg.z_dim

    @property
    def w_dim(self) -> int:
        return self.network.cfg.w_dim

    @property
    def num_classes(self) -> int:
        """0 for a model without classes."""
        return self.network.cfg.num_classes

    @property
    def w_avg(self) -> Tensor:
        """Mean style code [W]."""
        return self.network.w_avg

    @property
    def has_discriminator(self) -> bool:
        return self._open_discriminator is not None

    @property
    def discriminator(self) -> Discriminator:
        """The discriminator it was trained against; read from its file when first asked for.

        Raises:
            CheckpointError: the model came without one.
        """
        if self._discriminator is None:
            if self._open_discriminator is None:
                raise CheckpointError(
                    f"the model {self.name} came without its discriminator",
                    "use a model that has one, or --perceptual lpips",
                )
            self._discriminator = self._open_discriminator()
        return self._discriminator

    def mapping(
        self, z: Tensor, c: Tensor | None = None, psi: float = 1.0, cutoff: int | None = None
    ) -> Tensor:
        """Style codes ws [N, L, W] of z [N, Z] and one-hot classes c [N, C].

        Args:
            z: Standard normal numbers.
            c: Needed by models with classes, refused by others unless it has no columns.
            psi: Truncation: 1 keeps the code, 0 gives the average face; between, variety for fidelity.
            cutoff: Truncate only the first `cutoff` rows (coarse features); None means all.

        Raises:
            InputError: sizes that do not suit this model, or a psi that is not finite.
        """
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise InputError(f"z must be [N, {self.z_dim}] for the model {self.name}, not {list(z.shape)}")
        if not math.isfinite(psi):
            raise InputError(f"psi must be a finite number, not {psi}", "0.5 to 1 are usual")
        if cutoff is not None and cutoff < 0:
            raise InputError(f"cutoff must not be negative, as {cutoff} is", "leave it out for all layers")
        return self.network.style_codes(
            z.to(self.device, torch.float32), self._classes(c, len(z)), psi, cutoff
        )

    def synthesis(self, ws: Tensor, noise: Noise = "const") -> Tensor:
        """Images [N, 3, H, W], about [-1, 1] (not clamped), of style codes ws [N, L, W].

        Args:
            ws: One row per layer.
            noise: The stored noise, fresh noise from torch's random state, or none; or maps
                [N or 1, 1, H, W] by layer name.

        Raises:
            InputError: codes of the wrong size, or an unknown noise.
        """
        if ws.ndim != 3 or tuple(ws.shape[1:]) != (self.num_ws, self.w_dim):
            raise InputError(
                f"style codes must be [N, {self.num_ws}, {self.w_dim}] for the model {self.name}, "
                f"not {list(ws.shape)}",
                "they were made with another model",
            )
        if isinstance(noise, str) and noise not in NOISES:
            raise InputError(f"there is no noise {noise!r}", f"choose {', '.join(NOISES)}")
        return self.network.synthesis(ws.to(self.device, torch.float32), noise)

    @torch.no_grad()
    def generate(
        self,
        seeds: Sequence[int] | None = None,
        z: Tensor | None = None,
        c: Tensor | None = None,
        psi: float = 1.0,
        cutoff: int | None = None,
        noise: Noise = "const",
    ) -> Tensor:
        """Images [N, 3, H, W] of seeds or of z; see `mapping` and `synthesis` for the rest."""
        if (seeds is None) == (z is None):
            raise InputError("give either seeds or z")
        if z is None:
            assert seeds is not None
            z = self.z_of(seeds)
        return self.synthesis(self.mapping(z, c, psi, cutoff), noise)

    def z_of(self, seeds: Sequence[int]) -> Tensor:
        """z [N, Z] of seeds, as the published tools draw it: the same on every machine and device.

        Raises:
            InputError: a seed outside 0 to 2³² - 1.
        """
        if any(not 0 <= seed < 2**32 for seed in seeds):
            raise InputError("seeds go from 0 to 4294967295")
        rows = [np.random.RandomState(seed).randn(self.z_dim) for seed in seeds]
        z = np.array(rows, dtype=np.float32).reshape(len(rows), self.z_dim)
        return torch.from_numpy(z).to(self.device)

    def one_hot(self, label: int | Sequence[int], count: int = 1) -> Tensor:
        """Classes [N, C] from one number for `count` rows, or from N numbers.

        Raises:
            InputError: the model has no such class.
        """
        labels = [label] * count if isinstance(label, int) else list(label)
        if any(not 0 <= one < self.num_classes for one in labels):
            raise InputError(
                f"the model {self.name} has no class {label}",
                f"choose 0 to {self.num_classes - 1}" if self.num_classes else "it has no classes",
            )
        return torch.eye(self.num_classes, device=self.device)[labels]

    def _classes(self, c: Tensor | None, count: int) -> Tensor | None:
        if not self.num_classes:
            if c is not None and c.numel():
                raise InputError(f"the model {self.name} has no classes")
            return None
        if c is None:
            raise InputError(
                f"the model {self.name} needs a class", f"choose --class 0 to {self.num_classes - 1}"
            )
        if tuple(c.shape) != (count, self.num_classes):
            raise InputError(f"classes must be [{count}, {self.num_classes}], not {list(c.shape)}")
        return c.to(self.device, torch.float32)


class Encoder(Model):
    """Guesses the style codes of pictures; `card.details["model"]` names the generator they are for."""

    def __call__(self, images: Tensor) -> Tensor:
        """Codes ws [N, L, W] of images [N, 3, H, W] in [-1, 1]."""
        return self.network(self._images(images))


class Classifier(Model):
    """Measures attributes of pictures."""

    @property
    def attributes(self) -> tuple[str, ...]:
        """What it measures, in the order of its outputs."""
        return self.network.cfg.attributes

    def __call__(self, images: Tensor) -> Tensor:
        """The network's output [N, A] of images [N, 3, H, W] in [-1, 1]: logits of what is there or not,
        numbers in the units of their labels."""
        return self.network(self._images(images))

    @torch.no_grad()
    def measure(self, images: Tensor) -> dict[str, Tensor]:
        """By attribute, one value [N] per image: a probability in [0, 1], or a number in its unit."""
        columns = dict(zip(self.attributes, self(images).unbind(1), strict=True))
        return {name: v.sigmoid() if name in self.network.cfg.binary else v for name, v in columns.items()}
