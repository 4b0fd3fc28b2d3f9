"""Models that turn one picture into another."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.errors import InputError
from ganedit.store.models.base import Model

Direction = Literal["ab", "ba"]


class Translator(Model):
    """Turns a picture, or a one-hot label map, into a picture of the same size.

    Its network has `cfg.in_channels`, `cfg.labels` (length of the target vector; 0 without one),
    `cfg.two_way` and `cfg.multiple` (both sides must be divisible by it), and is called as
    `network(x)`, `network(x, label)` where there are labels, `network(x, direction)` where it is two-way.
    """

    @property
    def in_channels(self) -> int:
        """3 for photographs; the number of labels for label maps."""
        return self.network.cfg.in_channels

    @property
    def labels(self) -> int:
        """Length of the target vector that StarGAN takes; 0 for models without one."""
        return self.network.cfg.labels

    @property
    def two_way(self) -> bool:
        """Whether `direction` may be "ba"."""
        return self.network.cfg.two_way

    @property
    def multiple(self) -> int:
        """What the sides of a picture are padded to a multiple of."""
        return self.network.cfg.multiple

    def __call__(self, x: Tensor, label: Tensor | None = None, direction: Direction = "ab") -> Tensor:
        """Pictures [N, 3, H, W] in [-1, 1] of x [N, C, H, W].

        Args:
            x: Pictures in [-1, 1], or one-hot label maps; of any size: padded by reflection, cropped back.
            label: What StarGAN aims at, [N, D] of zeros and ones.
            direction: From domain a to b or back, for models that know both.

        Raises:
            InputError: sizes or arguments that do not suit this model.
        """
        x = self._images(x)
        if x.shape[1] != self.in_channels:
            raise InputError(f"the model {self.name} takes {self.in_channels} channels, not {x.shape[1]}")
        extra = (*self._label(label, len(x)), *self._direction(direction))
        h, w = x.shape[2:]
        return self.network(_padded(x, self.multiple), *extra)[:, :, :h, :w]

    def _label(self, label: Tensor | None, count: int) -> tuple[Tensor, ...]:
        if not self.labels:
            if label is not None:
                raise InputError(f"the model {self.name} takes no target label")
            return ()
        if label is None or tuple(label.shape) != (count, self.labels):
            found = "none" if label is None else list(label.shape)
            raise InputError(
                f"the model {self.name} needs target labels [{count}, {self.labels}], not {found}"
            )
        return (label.to(self.device, torch.float32),)

    def _direction(self, direction: Direction) -> tuple[Direction, ...]:
        if direction not in ("ab", "ba"):
            raise InputError(f"there is no direction {direction!r}", "choose ab or ba")
        if self.two_way:
            return (direction,)
        if direction == "ba":
            raise InputError(f"the model {self.name} only goes one way", "leave the direction out")
        return ()


class Upscaler(Model):
    """Enlarges pictures."""

    @property
    def scale(self) -> int:
        """How many times as wide and high the result is."""
        return self.network.scale

    def __call__(self, x: Tensor) -> Tensor:
        """Pictures [N, 3, sH, sW], about [0, 1] (not clamped), of x [N, 3, H, W] in [0, 1]."""
        return self.network(self._images(x))


def _padded(x: Tensor, multiple: int) -> Tensor:
    """Both sides of [N, C, H, W] grown to a multiple, at the right and the bottom, by reflection."""
    bottom, right = (-x.shape[2] % multiple, -x.shape[3] % multiple)
    while bottom or right:  # reflection adds less than a side at a time
        now = min(bottom, x.shape[2] - 1), min(right, x.shape[3] - 1)
        if now == (0, 0):  # a single row or column has nothing to reflect
            return F.pad(x, (0, right, 0, bottom), mode="replicate")
        x = F.pad(x, (0, now[1], 0, now[0]), mode="reflect")
        bottom, right = bottom - now[0], right - now[1]
    return x
