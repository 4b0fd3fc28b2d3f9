"""A style code and its origin: `NAME.latent.safetensors`.

The file holds `ws` [L, W] float32; optionally `affine` [2, 3] float64, `unedited` [L, W] (the code before
any edit, which draws the photo itself), `styles` [total] (what edits in the space s add to the styles of ws,
see `latent.styles`), noise maps as `noise.LAYER` and changes to the generator's weights as
`tuned.PARAMETER`. The metadata key "ganedit" is JSON: `schema` (1), `model`, `model_sha256`,
`weights_sha256`, `space`, `source`, `source_sha256`, `template`, `losses`, `edits`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import CheckpointError, GaneditError, InputError
from ganedit.files import LATENT_SUFFIX
from ganedit.images.encode import preview_png
from ganedit.images.tensors import from_tensor

if TYPE_CHECKING:
    from ganedit.store.models import Generator

SCHEMA = 1
LARGEST = 1e4  # number in a file of codes; those of genuine codes stay below 100
SPACES = ("z", "w", "w+", "s")


@dataclass(frozen=True, eq=False)
class Latent:
    """What a generator needs to draw one image, and the record of how it was found.

    Attributes:
        ws: Style code [L, W], float32, on the CPU; one row per layer.
        model: Name of the generator.
        model_sha256: Checksum of its file.
        space: What the projection was free to choose: "z", "w", "w+" or "s".
        affine: [2, 3], from positions in the crop to positions in the photo, pixel centres at +0.5; None for
            a sample.
        source: Path of the photo; empty for a sample.
        source_sha256: Checksum of the photo.
        template: Alignment of the crop; empty if there is none.
        losses: Numbers of the projection, such as "psnr" in dB.
        edits: The edits applied so far, in their order.
        noise: Noise maps by layer, which replace those of the generator.
        tuned: Changes by parameter, which are added to those of the generator.
        unedited: [L, W], the code before the first edit; None if there was none.
        styles: [total], what edits add to the styles that `ws` gives; None for nothing.
        weights_sha256: Checksum of the generator's weights, which is the same whatever file holds them; empty
            in files of earlier versions.

    Raises:
        InputError: Shapes that do not fit together, an unknown space, or numbers beyond `LARGEST`.
    """

    ws: Tensor
    model: str
    model_sha256: str
    space: str = "w+"
    affine: np.ndarray | None = None
    source: str = ""
    source_sha256: str = ""
    template: str = ""
    losses: dict[str, float] = field(default_factory=dict)
    edits: tuple[dict[str, Any], ...] = ()
    noise: dict[str, Tensor] = field(default_factory=dict)
    tuned: dict[str, Tensor] = field(default_factory=dict)
    unedited: Tensor | None = None
    styles: Tensor | None = None
    weights_sha256: str = ""

    def __post_init__(self) -> None:
        if self.ws.ndim != 2:
            raise InputError(f"a latent holds one style code [L, W], not {list(self.ws.shape)}")
        if self.space not in SPACES:
            raise InputError(f"a latent's space is one of {', '.join(SPACES)}, not {self.space!r}")
        if self.affine is not None and self.affine.shape != (2, 3):
            raise InputError(f"a latent's affine is [2, 3], not {list(self.affine.shape)}")
        if self.unedited is not None and self.unedited.shape != self.ws.shape:
            raise InputError(
                f"the code before the edits is {list(self.unedited.shape)}, after them {list(self.ws.shape)}"
            )
        if self.styles is not None and self.styles.ndim != 1:
            raise InputError(f"what a latent adds to its styles is [total], not {list(self.styles.shape)}")
        numbers = [one for one in (self.ws, self.unedited, self.styles) if one is not None]
        known = self.affine is None or bool(np.isfinite(self.affine).all())
        if not known or not all(bool((one.abs() <= LARGEST).all()) for one in numbers):
            raise InputError(
                f"the latent holds numbers that are not finite, or above {LARGEST:,.0f}",
                "make it again, with smaller magnitudes",
            )

    def edited(self, ws: Tensor, edit: Mapping[str, Any]) -> Latent:
        """This latent with other codes [L, W], and `edit` added to its record."""
        return replace(
            self, ws=ws.detach().float().cpu(), edits=(*self.edits, dict(edit)), unedited=self.original
        )

    def restyled(self, offset: Tensor, edit: Mapping[str, Any]) -> Latent:
        """This latent with `offset` [total] added to its styles, and `edit` added to its record.

        Raises:
            InputError: earlier edits added styles of another number.
        """
        offset = offset.detach().float().cpu()
        if self.styles is not None and self.styles.shape != offset.shape:
            raise InputError(
                f"the latent changes {len(self.styles)} styles, the edit {len(offset)}",
                "they belong to different models",
            )
        styles = offset if self.styles is None else self.styles + offset
        return replace(self, styles=styles, edits=(*self.edits, dict(edit)), unedited=self.original)

    @property
    def original(self) -> Tensor:
        """The code [L, W] before any edit, without added styles."""
        return self.ws if self.unedited is None else self.unedited

    def save(self, path: str | Path) -> Path:
        """Write NAME.latent.safetensors, atomically.

        Raises:
            InputError: `path` has another name, or cannot be written.
        """
        from ganedit.store.weights import write_weights

        path = Path(path)
        if not path.name.endswith(LATENT_SUFFIX):
            raise InputError(f"a latent file is called NAME{LATENT_SUFFIX}, not {path.name}")
        tensors = {"ws": self.ws.float()}
        if self.affine is not None:
            tensors["affine"] = torch.from_numpy(np.ascontiguousarray(self.affine, dtype=np.float64))
        if self.unedited is not None:
            tensors["unedited"] = self.unedited.float()
        if self.styles is not None:
            tensors["styles"] = self.styles.float()
        tensors |= {f"noise.{k}": v for k, v in self.noise.items()}
        tensors |= {f"tuned.{k}": v for k, v in self.tuned.items()}
        about = {k: getattr(self, k) for k in _KEPT} | {"schema": SCHEMA, "edits": list(self.edits)}
        return write_weights(path, tensors, about)

    @classmethod
    def load(cls, path: str | Path) -> Latent:
        """Read a latent file.

        Raises:
            InputError: missing, damaged, or not a latent.
        """
        from ganedit.store.weights import record_in

        hint = "ganedit project and ganedit generate make latents"
        with record_in(Path(path), "latent", SCHEMA, hint) as (tensors, about):
            return cls._from_file(tensors, about)

    @classmethod
    def _from_file(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> Latent:
        from ganedit.store.weights import under_prefix

        affine = tensors.get("affine")
        for key in ("model", "model_sha256", "weights_sha256", "source", "source_sha256", "template"):
            if not isinstance(about.get(key, ""), str):
                raise TypeError(f"{key} is not text")
        return cls(
            ws=tensors["ws"].float(),
            affine=None if affine is None else affine.double().numpy(),
            unedited=None if (before := tensors.get("unedited")) is None else before.float(),
            styles=None if (added := tensors.get("styles")) is None else added.float(),
            noise=under_prefix(tensors, "noise."),
            tuned=under_prefix(tensors, "tuned."),
            edits=tuple(dict(edit) for edit in about.get("edits", ())),
            **{k: about[k] for k in _KEPT if k in about},
        )

    def check_model(self, generator: Generator) -> None:
        """Refuse a generator other than the one that this code was made with.

        Raises:
            CheckpointError: another model, or other weights under the same name; the error names both.
        """
        if not generator.known_as(self.model_sha256, self.weights_sha256):
            mine, other = (
                f"{self.model} ({self.model_sha256[:12]})",
                f"{generator.name} ({generator.sha256[:12]})",
            )
            raise CheckpointError(
                f"the latent was made with the model {mine}, not with {other}",
                f"use `model={self.model}`, or make the latent again"
                if self.model != generator.name
                else "name the file of those weights with `model`, or make the latent again",
            )
        if tuple(self.ws.shape) != (generator.num_ws, generator.w_dim):
            raise CheckpointError(
                f"the latent is {list(self.ws.shape)}, the model {generator.name} takes "
                f"[{generator.num_ws}, {generator.w_dim}]",
                "the latent is damaged: make it again",
            )
        if self.styles is not None:
            self._check_styles(len(self.styles), generator)

    @staticmethod
    def _check_styles(count: int, generator: Generator) -> None:
        from ganedit.latent.styles import total

        if count != total(generator):
            raise CheckpointError(
                f"the latent changes {count} styles, the model {generator.name} has {total(generator)}",
                "the latent is damaged: make it again",
            )

    def for_model(self, generator: Generator) -> Latent:
        """This latent, as one of `generator`, which has its weights, perhaps in another file.

        Raises:
            CheckpointError: as in `check_model`.
        """
        self.check_model(generator)
        return replace(self, **generator.identity)

    def check_codes(self) -> None:
        """Refuse a latent with added styles, where only codes ws are used.

        Raises:
            InputError: edits have added to its styles.
        """
        if self.styles is not None:
            raise InputError(
                "the latent was edited in the space s, and codes w describe only a part of it",
                "give the latent before those edits",
            )

    def personal(self, generator: Generator) -> Generator:
        """The generator that draws this latent: `generator` itself, or a copy with this latent's noise and
        tuned weights.

        Raises:
            CheckpointError: as in `check_model`, or a change does not fit the generator's tensors.
        """
        self.check_model(generator)
        if not self.noise and not self.tuned:
            return generator
        own = copy.copy(generator)
        own.original = generator
        own.network = copy.deepcopy(generator.network)
        tensors = dict(own.network.named_parameters()) | dict(own.network.named_buffers())
        changes = {f"synthesis.{k}.noise_const": (v, 0.0) for k, v in self.noise.items()}
        changes |= {k: (v, 1.0) for k, v in self.tuned.items()}
        with torch.no_grad():
            for name, (value, keep) in changes.items():
                if name not in tensors or tensors[name].shape != value.shape:
                    raise CheckpointError(
                        f"the latent changes {name}, which the model {generator.name} does not have in "
                        "that shape",
                        "the latent is damaged: make it again",
                    )
                tensors[name].mul_(keep).add_(value.to(tensors[name]))
        return own

    def draw(self, generator: Generator | None = None) -> np.ndarray:
        """The image [S, S, 3] uint8 of this latent, with its own noise and tuned weights.

        Args:
            generator: Its generator; None opens the installed one that it names.

        Raises:
            CheckpointError: As in `check_model`.
            MissingError: Its generator is not installed.

        Examples:
            >>> (sample,) = ganedit.generate(ganedit.load("faces"), [7])
            >>> sample.latent.draw().shape
            (128, 128, 3)
        """
        own = self.personal(generator or _installed(self.model))
        return from_tensor(images_of(own, [self]))

    def _repr_png_(self) -> bytes | None:
        try:
            return preview_png(self.draw())
        except GaneditError:
            return None


@lru_cache(maxsize=1)
def _installed(model: str) -> Generator:
    """A generator by name, kept, since notebooks show many latents of one."""
    from ganedit.store.load import load_generator

    return load_generator(model)


def images_of(generator: Generator, codes: Sequence[Tensor | Latent]) -> Tensor:
    """Images [N, 3, H, W] of latents, drawn with what their edits add to the styles, or of codes [L, W]."""
    from ganedit.latent.styles import draw_styles, styles_of

    ws = torch.stack([code.ws if isinstance(code, Latent) else code for code in codes])
    added = {i: code.styles for i, code in enumerate(codes) if isinstance(code, Latent)}
    if all(styles is None for styles in added.values()):
        return generator.synthesis(ws)
    s = styles_of(generator, ws)
    for i, styles in added.items():
        s[i] += 0.0 if styles is None else styles.to(s)
    return draw_styles(generator, s)


def added_styles(latents: Sequence[Latent]) -> Tensor | None:
    """What latents of one model add to their styles, [N, total], with zeros for those that add nothing; None
    if none does."""
    sizes = [one.styles.shape for one in latents if one.styles is not None]
    if not sizes:
        return None
    return torch.stack([torch.zeros(sizes[0]) if one.styles is None else one.styles for one in latents])


_KEPT = (
    "model", "model_sha256", "weights_sha256", "space", "source", "source_sha256", "template", "losses"
)  # fmt: skip
