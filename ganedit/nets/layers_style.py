"""Parts shared by the style-based generators: config base class, mapping network, truncation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, Literal, NamedTuple, Self

import torch
from torch import Tensor, nn

from ganedit.nets.layers import Linear, pixel_norm

NoiseKind = Literal["const", "random", "none"]
Noise = NoiseKind | Mapping[str, Tensor]
"""The stored noise, fresh noise, none; or maps [N or 1, 1, H, W] by the names of `noise_maps`."""


class Config:
    """Base of dataclasses with plain values, which JSON and TOML can store."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


class StyleLayer(NamedTuple):
    """What one of the style codes [N, channels] from a synthesis network's `styles` controls."""

    row: int  # row of ws that it comes from
    channels: int
    size: float  # pixels of the picture that it works on
    use: Literal["features", "image", "pose"]


class MappingNetwork(nn.Module):
    """z [N, z_dim] and one-hot classes c [N, C] to w [N, w_dim]; either input may be absent."""

    w_avg: Tensor

    def __init__(
        self,
        z_dim: int,
        num_classes: int,
        w_dim: int,
        layers: int,
        lr_multiplier: float = 0.01,
        width: int | None = None,
    ) -> None:
        """`width` is that of the hidden layers; None means `w_dim`."""
        super().__init__()
        self.z_dim, self.num_classes, self.num_layers = z_dim, num_classes, layers
        features = z_dim
        if num_classes:
            embed_dim = w_dim
            self.embed = Linear(num_classes, embed_dim)
            features += embed_dim
        for i in range(layers):
            out = w_dim if i == layers - 1 else width or w_dim
            self.add_module(f"fc{i}", Linear(features, out, activate=True, lr_multiplier=lr_multiplier))
            features = out

    def forward(self, z: Tensor | None, c: Tensor | None = None) -> Tensor:
        parts = []
        if self.z_dim:
            assert z is not None
            parts.append(pixel_norm(z.float()))
        if self.num_classes:
            if c is None:
                raise ValueError(f"this network needs class labels [N, {self.num_classes}]")
            parts.append(pixel_norm(self.embed(c.float())))
        x = torch.cat(parts, dim=1)
        for i in range(self.num_layers):
            x = getattr(self, f"fc{i}")(x)
        return x


def truncate(w: Tensor, average: Tensor, rows: int, psi: float, cutoff: int | None) -> Tensor:
    """w [N, D] to ws [N, rows, D], the first `cutoff` rows (default all) pulled towards `average` [D]:
    psi 1 keeps w, 0 gives the average."""
    if psi == 1:
        return w.unsqueeze(1).expand(-1, rows, -1)
    pulled = average.lerp(w, psi)
    if cutoff is None or cutoff >= rows:
        return pulled.unsqueeze(1).expand(-1, rows, -1)
    return torch.stack([pulled] * cutoff + [w] * (rows - cutoff), dim=1)


class StyleGenerator(nn.Module):
    """The mapping network and the mean of w that truncation pulls towards; subclasses add `synthesis`.

    `forward` draws images [N, 3, H, W] of z, truncated as `style_codes` says.

    Args:
        cfg: Sizes; `num_ws` rows of a code.
        mapping: z [N, z_dim] and classes [N, C] to w [N, w_dim].
    """

    synthesis: Any  # codes ws [N, L, w_dim] and noise to images

    def __init__(self, cfg: Any, mapping: MappingNetwork) -> None:
        super().__init__()
        self.cfg = cfg
        self.mapping = mapping
        self.mapping.register_buffer("w_avg", torch.zeros(cfg.w_dim))

    @property
    def w_avg(self) -> Tensor:
        """Mean of w over z [w_dim]; over classes too where there are any."""
        return self.mapping.w_avg

    def style_codes(
        self, z: Tensor, c: Tensor | None = None, psi: float = 1.0, cutoff: int | None = None
    ) -> Tensor:
        """z [N, z_dim], c one-hot [N, C] to ws [N, L, w_dim], the first `cutoff` rows (default all)
        truncated: psi 1 keeps w, 0 gives the average."""
        return truncate(self.mapping(z, c), self.w_avg, self.cfg.num_ws, psi, cutoff)

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        psi: float = 1.0,
        cutoff: int | None = None,
        noise: Noise = "const",
    ) -> Tensor:
        images: Tensor = self.synthesis(self.style_codes(z, c, psi, cutoff), noise)
        return images
