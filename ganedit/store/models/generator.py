"""Models that draw pictures from random numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import get_args

import numpy as np
import torch
from torch import Tensor, nn

from ganedit.errors import CheckpointError, InputError, did_you_mean
from ganedit.nets import stylegan2
from ganedit.nets.layers_style import Noise, NoiseKind
from ganedit.store.cards import ModelCard
from ganedit.store.models.analysis import Discriminator
from ganedit.store.models.base import Model

NOISES = get_args(NoiseKind)


class Generator(Model):
    """Draws pictures from random numbers or style codes.

    `mapping` and `synthesis` pass gradients through; `generate` does not.

    Its network has `cfg.resolution`, `cfg.z_dim` and `cfg.num_classes`. One with a style space also has
    `cfg.num_ws`, `cfg.w_dim`, `w_avg`, `style_codes(z, c, psi, cutoff)`, `synthesis(ws, noise)` and
    `synthesis.dtype`; any other is called as `network(z, c, psi)`, and may have `draw_z(seed, psi)`, which
    returns the numpy z [Z] of a seed if its distribution is not simply normal.
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
        if self.has_styles:
            self.network.synthesis.dtype = dtype
        self._open_discriminator = discriminator
        self._discriminator: Discriminator | None = None

    @property
    def resolution(self) -> int:
        """Side of its pictures in pixels."""
        return int(self.network.cfg.resolution)

    @property
    def draws_points(self) -> bool:
        """Whether it draws points of the plane, as images [N, 2, 1, 1] of one pixel."""
        return self.resolution == 1

    @property
    def has_styles(self) -> bool:
        """Whether it has a style space: `mapping` and `synthesis`, not `generate` alone."""
        return hasattr(self.network, "synthesis")

    @property
    def has_transform(self) -> bool:
        """Whether `synthesis` takes a `transform`, as StyleGAN3 does."""
        return hasattr(self.network, "synthesis") and hasattr(self.network.synthesis, "transformed")

    def need_styles(self) -> None:
        """Refuse a model without a style space.

        Raises:
            CheckpointError: there is none.
        """
        if not self.has_styles:
            raise CheckpointError(
                f"the model {self.name} ({self.card.architecture}) has no style space, it only draws",
                "ganedit generate works with it; use a StyleGAN for the rest",
            )

    @property
    def num_ws(self) -> int:
        """Rows of a style code, one per layer."""
        self.need_styles()
        return int(self.network.cfg.num_ws)

    @property
    def z_dim(self) -> int:
        return int(self.network.cfg.z_dim)

    @property
    def row_sizes(self) -> list[float]:
        """Pixels of the pictures that each row of a style code works on, coarse first."""
        self.need_styles()
        return list(self.network.cfg.row_sizes)

    @property
    def layers(self) -> list[nn.Module]:
        """Modules whose outputs [N, C, H, W] are the activations of its layers, coarse first."""
        self.need_styles()
        return list(self.network.synthesis.layers)

    @property
    def w_dim(self) -> int:
        self.need_styles()
        return int(self.network.cfg.w_dim)

    @property
    def num_classes(self) -> int:
        """0 for a model without classes."""
        return int(self.network.cfg.num_classes)

    @property
    def sizes(self) -> list[int]:
        """Sides of the images that `synthesis` can draw in pixels, ascending; the last is the resolution."""
        coarse = hasattr(self.network, "synthesis") and hasattr(self.network.synthesis, "coarse")
        return stylegan2.sizes(self.resolution) if coarse else [self.resolution]

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, in their order; empty if the model's card does not list them."""
        names = self.card.details.get("classes", [])
        return list(names) if isinstance(names, list | tuple) and len(names) == self.num_classes else []

    def class_number(self, name: str) -> int:
        """The number of the class with this name, ignoring case, or with this number.

        Raises:
            InputError: the model has none, or several of that name.
        """
        if re.fullmatch(r"-?\d{1,9}", name):
            self.one_hot(int(name))  # refuses a number that the model does not have
            return int(name)
        names = [str(known).lower() for known in self.class_names]
        numbers = [i for i, known in enumerate(names) if known == name.lower()]
        if len(numbers) == 1:
            return numbers[0]
        if numbers:
            raise InputError(
                f"the model {self.name} has {len(numbers)} classes {name}",
                f"choose by number: {' or '.join(map(str, numbers))}",
            )
        hint = f"choose 0 to {self.num_classes - 1}" if self.num_classes else "it has no classes"
        guess = did_you_mean(name.lower(), names)
        few = len(guess) < 500  # not the list of a thousand names that it is if none is close
        raise InputError(f"the model {self.name} has no class {name}", guess if guess and few else hint)

    @property
    def w_avg(self) -> Tensor:
        """Mean style code [W]."""
        self.need_styles()
        average: Tensor = self.network.w_avg
        return average

    @property
    def has_discriminator(self) -> bool:
        return self._open_discriminator is not None

    @property
    def discriminator(self) -> Discriminator:
        """The discriminator it was trained against, read from its file on first use.

        Raises:
            CheckpointError: the model came without one.
        """
        if self._discriminator is None:
            if self._open_discriminator is None:
                raise CheckpointError(
                    f"the model {self.name} came without its discriminator",
                    "use a model that has one, or `perceptual=pixels` or `perceptual=lpips`",
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
            psi: Truncation: 1 keeps the code, 0 gives the average face; values between trade variety for
                fidelity.
            cutoff: Truncate only the first `cutoff` rows (coarse features); None means all.

        Raises:
            InputError: sizes that do not suit this model, or a psi that is not finite.
            CheckpointError: the model has no style space.
        """
        self.need_styles()
        self._check_z(z, psi)
        if cutoff is not None and cutoff < 0:
            raise InputError(f"cutoff must not be negative, as {cutoff} is", "leave it out for all layers")
        ws: Tensor = self.network.style_codes(
            z.to(self.device, torch.float32), self._classes(c, len(z)), psi, cutoff
        )
        return ws

    def _check_z(self, z: Tensor, psi: float) -> None:
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise InputError(f"z must be [N, {self.z_dim}] for the model {self.name}, not {list(z.shape)}")
        if not math.isfinite(psi):
            raise InputError(f"psi must be a finite number, not {psi}", "0.5 to 1 are usual")

    def synthesis(
        self,
        ws: Tensor,
        noise: Noise = "const",
        transform: Tensor | None = None,
        size: int | None = None,
    ) -> Tensor:
        """Images [N, 3, H, W], about [-1, 1] (not clamped), of style codes ws [N, L, W].

        Args:
            ws: One row per layer.
            noise: The stored noise, fresh noise from torch's random state, or none; or maps
                [N or 1, 1, H, W] by layer name. Networks without noise (StyleGAN3) ignore it.
            transform: For StyleGAN3: matrix [3, 3] that moves the picture's content: rotation about the
                centre, and in the last column a translation in picture sizes, to the right and down.
            size: One of `sizes`, at which to stop; None draws in full. The image [N, 3, size, size] lacks
                what the finer layers add, also of colours and light: it is not the final image made smaller.

        Raises:
            InputError: codes or an image of the wrong size, an unknown noise, or a transform that is not
                possible.
            CheckpointError: the model has no style space.
        """
        self.need_styles()
        if ws.ndim != 3 or tuple(ws.shape[1:]) != (self.num_ws, self.w_dim):
            raise InputError(
                f"style codes must be [N, {self.num_ws}, {self.w_dim}] for the model {self.name}, "
                f"not {list(ws.shape)}",
                "they were made with another model",
            )
        if isinstance(noise, str) and noise not in NOISES:
            raise InputError(f"there is no noise {noise!r}", f"choose {', '.join(NOISES)}")
        if size is not None and size not in self.sizes:
            raise InputError(
                f"the model {self.name} cannot draw at {size} px", f"choose {', '.join(map(str, self.sizes))}"
            )
        ws = ws.to(self.device, torch.float32)
        images: Tensor
        if size is not None and size < self.resolution:
            images = self.network.synthesis.coarse(ws, size, noise)
            return images
        if transform is None:
            images = self.network.synthesis(ws, noise)
            return images
        if not self.has_transform:
            raise InputError(f"the model {self.name} cannot move its images", "only a StyleGAN3 can")
        if tuple(transform.shape) != (3, 3):
            raise InputError(f"a transform must be [3, 3], not {list(transform.shape)}")
        if not transform.float().det().abs() > 1e-6:
            raise InputError("a transform must be invertible", "make it of a rotation and a translation")
        images = self.network.synthesis.transformed(ws, transform.to(self.device, torch.float32))
        return images

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
            z = self.z_of(seeds, psi)
        if not self.has_styles:
            self._check_z(z, psi)
            if cutoff is not None:
                raise InputError(f"the model {self.name} has no layers to truncate apart", "leave cutoff out")
            return self._draw(z.to(self.device, torch.float32), self._classes(c, len(z)), psi)
        return self.synthesis(self.mapping(z, c, psi, cutoff), noise)

    def _draw(self, z: Tensor, c: Tensor | None, psi: float) -> Tensor:
        try:
            return self._output(z, c, psi)
        except ValueError as error:  # a psi outside the network's range
            raise InputError(f"the model {self.name} cannot draw this: {error}") from error

    def z_of(self, seeds: Sequence[int], psi: float = 1.0) -> Tensor:
        """z [N, Z] of seeds, drawn like the published tools draw it: the same on every machine and device.

        Only models that truncate z itself (BigGAN) use `psi`.

        Raises:
            InputError: a seed outside 0 to 2³² - 1.
        """
        if any(not 0 <= seed < 2**32 for seed in seeds):
            raise InputError("seeds go from 0 to 4294967295")
        random = np.random.RandomState()  # making one takes far longer than seeding it again

        def normal(seed: int, psi: float) -> np.ndarray:
            random.seed(seed)
            return random.randn(self.z_dim)

        draw = getattr(self.network, "draw_z", normal)
        rows = [draw(seed, psi) for seed in seeds]
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
                f"the model {self.name} needs a class", f"choose a `class` from 0 to {self.num_classes - 1}"
            )
        if tuple(c.shape) != (count, self.num_classes):
            raise InputError(f"classes must be [{count}, {self.num_classes}], not {list(c.shape)}")
        return c.to(self.device, torch.float32)
