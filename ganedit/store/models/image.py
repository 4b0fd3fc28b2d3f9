"""Models that turn one picture into another."""

from __future__ import annotations

import copy
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.errors import InputError, UsageError
from ganedit.store.cards import ModelCard
from ganedit.store.models.base import Model

Direction = Literal["ab", "ba"]


class ImageModel(Model):
    """Base of models of pictures: weights are of the type `dtype`, pictures float32.

    A network that cannot compute in every type has `supports(dtype)`, and is used in float32 instead. One
    that `suits_bfloat16` takes float32 pictures whatever the type of its weights, since rounding a picture to
    bfloat16 alone would change it by a quarter of a level.
    """

    def __init__(
        self,
        card: ModelCard,
        network: nn.Module,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        supports = getattr(network, "supports", lambda _: True)
        dtype = dtype if supports(dtype) else torch.float32
        super().__init__(card, network.to(dtype), device, dtype)

    def _run(self, *inputs: Any) -> Tensor:
        """The network's output in float32; gradients go through."""
        dtype = torch.float32 if getattr(self.network, "suits_bfloat16", False) else self.dtype
        cast = (x.to(dtype) if isinstance(x, Tensor) else x for x in inputs)
        return self._output(*cast).float()


class Translator(ImageModel):
    """Turns a picture, or a one-hot label map, into a picture of the same size.

    Its network has `cfg.in_channels`, `cfg.labels` (length of the target vector; 0 without one),
    `cfg.two_way`, `cfg.multiple` and `cfg.smallest` (both sides must be divisible by the one, and not below
    the other), and is called as `network(x)`; as `network(x, label)` where there are labels, as
    `network(x, direction)` where it is two-way, and as `network(x, style)` where it has `cfg.style_dim`.
    """

    @property
    def in_channels(self) -> int:
        """3 for photographs; for label maps the number of labels, plus one if edges are drawn too."""
        return int(self.network.cfg.in_channels)

    @property
    def labels(self) -> int:
        """Length of the target vector that StarGAN takes; 0 for models without one."""
        return int(self.network.cfg.labels)

    @property
    def style_dim(self) -> int:
        """Length of the style vector that a SPADE with an image encoder takes; 0 for models without one."""
        return int(getattr(self.network.cfg, "style_dim", 0))

    @property
    def two_way(self) -> bool:
        """Whether `direction` may be "ba"."""
        return bool(self.network.cfg.two_way)

    @property
    def multiple(self) -> int:
        """Number that the sides of a picture are padded to a multiple of."""
        return int(self.network.cfg.multiple)

    def __call__(
        self,
        x: Tensor,
        label: Tensor | None = None,
        direction: Direction = "ab",
        style: Tensor | None = None,
    ) -> Tensor:
        """Pictures [N, 3, H, W] in [-1, 1] of x [N, C, H, W].

        Args:
            x: Pictures in [-1, 1], or one-hot label maps, of any size: padded by reflection, cropped back.
            label: Target of a StarGAN, [N, D] of zeros and ones.
            direction: From domain a to b or back, for models that know both.
            style: [N, S] from the image encoder of a SPADE model; None is the mean of its prior.

        Raises:
            InputError: sizes or arguments that do not suit this model.
        """
        x = self._images(x)
        if x.shape[1] != self.in_channels:
            raise InputError(f"the model {self.name} takes {self.in_channels} channels, not {x.shape[1]}")
        if not x.numel():
            raise InputError(f"there is nothing in images {list(x.shape)}")
        extra = (*self._label(label, len(x)), *self._direction(direction), *self._style(style, len(x)))
        h, w = x.shape[2:]
        cfg = self.network.cfg
        return self._run(_padded(x, cfg.multiple, cfg.smallest), *extra)[:, :, :h, :w]

    def _label(self, label: Tensor | None, count: int) -> tuple[Tensor, ...]:
        if not self.labels:
            if label is not None:
                raise InputError(f"the model {self.name} takes no target label")
            return ()
        if label is None or tuple(label.shape) != (count, self.labels):
            given = "none" if label is None else list(label.shape)
            raise InputError(
                f"the model {self.name} needs target labels [{count}, {self.labels}], not {given}"
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

    def _style(self, style: Tensor | None, count: int) -> tuple[Tensor, ...]:
        if not self.style_dim:
            if style is not None:
                raise InputError(f"the model {self.name} takes no style")
            return ()
        if style is None:
            return (torch.zeros(count, self.style_dim, device=self.device),)
        if tuple(style.shape) != (count, self.style_dim):
            raise InputError(
                f"the model {self.name} takes styles [{count}, {self.style_dim}], not {list(style.shape)}"
            )
        return (style.to(self.device, torch.float32),)


class Upscaler(ImageModel):
    """Enlarges pictures; restores them at the same size if its scale is 1.

    Its network has `scale`.
    """

    @property
    def scale(self) -> int:
        """Factor by which width and height grow."""
        return int(self.network.scale)

    def __call__(self, x: Tensor) -> Tensor:
        """Pictures [N, 3, sH, sW], about [0, 1] (not clamped), of x [N, 3, H, W] in [0, 1], of any size.

        Raises:
            InputError: not three channels, or no pixels.
        """
        x = self._images(x)
        if x.shape[1] != 3 or not x.numel():
            raise InputError(f"the model {self.name} takes images [N, 3, H, W], not {list(x.shape)}")
        return self._run(x)

    def blended(self, other: Upscaler, share: float) -> Upscaler:
        """An upscaler whose weights lie between those of two networks of one kind and origin.

        Network interpolation, section 3.4 of ESRGAN (Wang et al., arXiv:1809.00219).

        Args:
            other: Trained from the same weights.
            share: 0 for the weights of this one, 1 for those of the other.

        Raises:
            UsageError: The networks differ in more than their weights, or the share is not between 0 and 1.
        """
        ours, theirs = self.network.state_dict(), other.network.state_dict()
        if not 0 <= share <= 1:
            raise UsageError(f"a share of {share} must be between 0 and 1")
        if {k: v.shape for k, v in ours.items()} != {k: v.shape for k, v in theirs.items()}:
            raise UsageError(
                f"{self.name} and {other.name} are different networks",
                "only weights of one network can be blended",
            )
        network = copy.deepcopy(self.network)
        network.load_state_dict({k: torch.lerp(v, theirs[k].to(v), share) for k, v in ours.items()})
        made = Upscaler(self.card, network, self.device, self.dtype)
        made.original = self
        return made


class Restorer(ImageModel):
    """Restores aligned faces of the size and alignment that its card names.

    Its network has `has_fidelity`, and is called as `network(x, fidelity)`.
    """

    @property
    def has_fidelity(self) -> bool:
        """Whether it has a weight between a good face and one like the input (CodeFormer)."""
        return bool(self.network.has_fidelity)

    def __call__(self, x: Tensor, fidelity: float = 0.5) -> Tensor:
        """Faces [N, 3, S, S], about [0, 1] (not clamped), of x [N, 3, S, S] in [0, 1].

        Args:
            x: Aligned faces; S is `card.resolution`.
            fidelity: From 0, a good face, to 1, one like the input; only matters if `has_fidelity`.

        Raises:
            InputError: faces of another size, or none.
        """
        x = self._images(x)
        side = self.card.resolution
        if tuple(x.shape[1:]) != (3, side, side) or not len(x):
            raise InputError(f"the model {self.name} takes faces [N, 3, {side}, {side}], not {list(x.shape)}")
        return self._run(x, fidelity)


def _padded(x: Tensor, multiple: int, smallest: int) -> Tensor:
    """Pad [N, C, H, W] at the right and the bottom to sides divisible by `multiple` and at least `smallest`.

    By reflection; `smallest` is itself a multiple.
    """
    bottom, right = (max(smallest, side + -side % multiple) - side for side in x.shape[2:])
    while bottom or right:  # reflection adds less than a side at a time
        now = min(bottom, x.shape[2] - 1), min(right, x.shape[3] - 1)
        if now == (0, 0):  # a single row or column has nothing to reflect
            return F.pad(x, (0, right, 0, bottom), mode="replicate")
        x = F.pad(x, (0, now[1], 0, now[0]), mode="reflect")
        bottom, right = bottom - now[0], right - now[1]
    return x
