"""Models that have learned a single image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ganedit.compute import autocast
from ganedit.errors import UsageError
from ganedit.store.models.base import Model


class SingleImage(Model):
    """Draws images with the patches of one photo, at any size (SinGAN).

    Its network is `nets.singan.SinGAN`.
    """

    @property
    def scales(self) -> int:
        """Number of scales; 0 is the coarsest."""
        return len(self.network.scales)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the photo that it learned."""
        return self.network.cfg.heights[-1], self.network.cfg.widths[-1]

    def check_scale(self, scale: int, name: str = "scale") -> None:
        """Refuse a scale that it does not have.

        Raises:
            UsageError: the error says which there are.
        """
        if not 0 <= scale < self.scales:
            raise UsageError(
                f"`{name}={scale}` does not exist in {self.name}",
                f"it has the scales 0, the coarsest, to {self.scales - 1}",
            )

    def noise(self, size: tuple[int, int], seed: int, first: int = 0) -> list[Tensor]:
        """Noise for one image of this height and width, for the scales from `first`; the same by seed
        everywhere."""
        generator = torch.Generator().manual_seed(seed)
        drawn: list[Tensor] = self.network.noise(1, self.network.sizes(*size), generator)
        return drawn[first:]

    def fixed(self, size: tuple[int, int] | None = None, image: int = 0) -> list[Tensor]:
        """Noise that draws the photo again, at its own size or another; `image` is its number, if it learned
        several."""
        chosen = torch.tensor([image], device=self.device)
        found: list[Tensor] = self.network.fixed(chosen, self.network.sizes(*(size or self.size)))
        return found

    @torch.inference_mode()
    def __call__(self, noise: Sequence[Tensor], image: Tensor | None = None, first: int = 0) -> Tensor:
        """An image [N, 3, H, W], about [-1, 1] (not clamped).

        Args:
            noise: From `noise` or `fixed`, for the scales from `first`.
            image: What scale `first` adds detail to, [N, 3, h, w] in [-1, 1] of any size; None at scale 0.
            first: The first scale to use.
        """
        image = None if image is None else self._images(image)
        with autocast(self.device, self.dtype):
            return self._output(noise, image, first).float()
