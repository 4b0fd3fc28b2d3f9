"""Networks that spandrel knows: for super-resolution, restoration, faces and inpainting.

spandrel finds out which of its architectures a state dictionary is for, and of which sizes. It only gets
tensors that ganedit has read. Since it trusts them, the network is first built without memory for
parameters and with a limit on everything else; spandrel's own comparison of names and shapes then decides
whether it can be built with these tensors.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from ganedit.errors import CheckpointError, MissingError

BIG_NUMBER = re.compile(r"\d{5}")  # in the name of a tensor: more layers than any network has
SMALL = 2**12  # bytes up to which parameters get memory
MAX_COMPUTED = 2**28  # bytes that a constructor may compute in total, besides twice those of the tensors
MAX_SCALE = 16
EXTRA = "spandrel_extra_arches"
EXTRA_KINDS = {
    "CodeFormer": ("position_emb", "idx_pred_layer.1.weight", "ft_layers.0.self_attn.in_proj_weight"),
    "MAT": ("synthesis.first_stage.conv_first.conv.resample_filter",),
}
"""Published networks of the package EXTRA, by names of some of their tensors."""


class Detected(NamedTuple):
    """What spandrel recognises in a state dictionary.

    Attributes:
        kind: spandrel's name of the architecture.
        scale: Factor by which width and height grow.
        purpose: "SR", "Restoration", "FaceSR" or "Inpainting".
        side: Side of the square that it takes, if it takes one size only, or 0.
    """

    kind: str
    scale: int
    purpose: str
    side: int

    @property
    def config(self) -> dict[str, Any]:
        """What a card keeps of it."""
        return {"kind": self.kind, "scale": self.scale}


class SpandrelNetwork(nn.Module):
    """Pictures [N, 3, H, W] in [0, 1] to pictures [N, 3, sH, sW], about [0, 1], of any size."""

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model: nn.Module = descriptor.model
        self.scale: int = descriptor.scale
        self._call: Callable[..., Tensor] = descriptor._call_fn  # the public call clamps
        self._size = descriptor.size_requirements
        self._types: dict[torch.dtype, bool] = {
            torch.float32: True,
            torch.bfloat16: descriptor.supports_bfloat16,
            torch.float16: descriptor.supports_half,
        }

    def supports(self, dtype: torch.dtype) -> bool:
        """Whether it can compute in this type."""
        return self._types.get(dtype, False)

    def to(self, *args: Any, **kwargs: Any) -> SpandrelNetwork:
        """Like `Module.to`, except that the memory format stays, since many of these networks rely on it."""
        kwargs.pop("memory_format", None)
        return super().to(*args, **kwargs) if args or kwargs else self

    def forward(self, x: Tensor) -> Tensor:
        from spandrel.__helpers.size_req import pad_tensor

        h, w = x.shape[2:]
        _, padded = pad_tensor(x, self._size)
        results = [self._call(self.model, one) for one in padded.split(1)]  # not all of them accept batches
        return torch.cat(results)[:, :, : h * self.scale, : w * self.scale]


class FaceNetwork(SpandrelNetwork):
    """Aligned faces [N, 3, 512, 512] in [0, 1] to restored ones, about [0, 1].

    spandrel passes [0, 1] to GFPGAN and CodeFormer, but their own code, like that of RestoreFormer, passes
    [-1, 1]. GFPGAN's noise is that of the file, so that a face always gives the same result.
    """

    def __init__(self, descriptor: Any) -> None:
        super().__init__(descriptor)
        self.has_fidelity: bool = descriptor.architecture.name == "CodeFormer"

    def forward(self, x: Tensor, fidelity: float = 0.5) -> Tensor:
        options = {"weight": fidelity, "return_rgb": False, "randomize_noise": False}  # each takes its own
        x = x.contiguous(memory_format=torch.contiguous_format) * 2 - 1
        results = [self.model(one, **options)[0] for one in x.split(1)]
        return torch.cat(results) / 2 + 0.5


@dataclass(frozen=True)
class HoleConfig:
    """Sizes of a network that fills holes, as `store.models.Translator` needs them."""

    multiple: int
    smallest: int
    in_channels: int = 4
    labels: int = 0
    two_way: bool = False


class HoleNetwork(SpandrelNetwork):
    """Pictures [N, 3, H, W] in [-1, 1] and the holes [N, 1, H, W], 1 inside, to pictures in [-1, 1].

    MAT draws random numbers; they are the same every time.
    """

    def __init__(self, descriptor: Any) -> None:
        super().__init__(descriptor)
        self._types = {torch.float32: True}  # Fourier transforms take no other type
        self.cfg = HoleConfig(self._size.multiple_of, max(self._size.minimum, self._size.multiple_of))
        self._draws = descriptor.architecture.name == "MAT"
        if self._draws:  # also a random code
            shape = tuple(descriptor.model.z.shape)
            del descriptor.model.z
            code = torch.randn(shape, generator=torch.Generator().manual_seed(0))
            self.model.register_buffer("z", code, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.contiguous_format)
        return torch.cat([self._filled(one) for one in x.split(1)]) * 2 - 1

    def _filled(self, x: Tensor) -> Tensor:
        devices = [x.device] if x.is_cuda else []
        with torch.random.fork_rng(devices, enabled=self._draws):  # the same numbers for each picture
            if self._draws:
                torch.manual_seed(0)
            return self._call(self.model, x[:, :3] / 2 + 0.5, x[:, 3:])


NETWORKS: dict[str, type[SpandrelNetwork]] = {"FaceSR": FaceNetwork, "Inpainting": HoleNetwork}
"""Networks by spandrel's purpose; all others are SpandrelNetwork."""


def detect(state: Mapping[str, Tensor]) -> Detected | None:
    """Which network tensors are for, or None if spandrel knows none. Uses no memory for its parameters.

    Raises:
        CheckpointError: spandrel knows the architecture, but the file is damaged, or not for RGB pictures.
        MissingError: It is of an architecture in another package.
    """
    if not state or any(len(name) > 300 or BIG_NUMBER.search(name) for name in state):
        return None
    stored = sum({s.data_ptr(): s.nbytes() for s in (t.untyped_storage() for t in state.values())}.values())
    descriptor = _load(state, _Bounded(200 * len(state) + 20_000, MAX_COMPUTED + 2 * stored))
    if descriptor is None:
        return None
    kind, size = descriptor.architecture.name, descriptor.size_requirements
    if (descriptor.input_channels, descriptor.output_channels) != (3, 3):
        raise CheckpointError(
            f"this {kind} takes {descriptor.input_channels} channels and gives {descriptor.output_channels}",
            "ganedit uses models for RGB images",
        )
    if not 1 <= descriptor.scale <= MAX_SCALE:
        raise CheckpointError(f"this {kind} has a scale of {descriptor.scale}", "the file is damaged")
    side = size.minimum if size.square else 0
    return Detected(kind, descriptor.scale, descriptor.purpose, side)


def build(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> SpandrelNetwork:
    """The network of tensors that `detect` knows, in evaluation mode, float32, on the CPU, without gradients.

    Args:
        config: `kind` and `scale`, from `detect`.
        state: Tensors, named as in the original file.

    Raises:
        CheckpointError: the tensors are for another network.
    """
    found = detect(state)
    if found is None or found.config != dict(config):
        what = found.config if found else "no network that spandrel knows"
        raise CheckpointError(
            f"the weights are for {what}, the card says {dict(config)}"[:200], "get the model again"
        )
    plain = {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
    descriptor = _load(plain, None)
    assert descriptor is not None
    network = NETWORKS.get(found.purpose, SpandrelNetwork)
    return network(descriptor).eval().requires_grad_(False)


def _load(state: Mapping[str, Tensor], bounds: TorchDispatchMode | None) -> Any:
    """spandrel's descriptor of a network with these weights, or None."""
    try:
        from spandrel import MAIN_REGISTRY, UnsupportedModelError
    except ImportError as error:
        raise MissingError("spandrel is not installed", "pip install spandrel") from error
    _install_extra(state)
    try:
        # Constructors draw random numbers, and warn that nothing is copied to parameters without memory.
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with bounds or nullcontext():
                return MAIN_REGISTRY.load(dict(state))
    except UnsupportedModelError:
        return None
    except CheckpointError:
        raise
    except Exception as error:  # damaged sizes can make any of a hundred constructors fail
        text = " ".join(str(error).split())[:150]
        raise CheckpointError(
            f"the weights do not fit the network that spandrel takes them for: {type(error).__name__} {text}",
            "the file is damaged, or of a variant that spandrel does not read",
        ) from error


def _install_extra(state: Mapping[str, Tensor]) -> None:
    """Let spandrel know the architectures of EXTRA, if it is installed.

    Raises:
        MissingError: It is not, and the tensors are for one of them.
    """
    if importlib.util.find_spec(EXTRA) is not None:
        importlib.import_module(EXTRA).install(ignore_duplicates=True)
        return
    for kind, names in EXTRA_KINDS.items():
        if all(name in state or f"model.{name}" in state for name in names):
            raise MissingError(
                f"{kind} is in the package {EXTRA}, whose networks are for non-commercial use only",
                f"if that suits you: pip install {EXTRA}",
            )


class _Bounded(TorchDispatchMode):
    """New parameters get no memory; other results must be small, and the number of operations is limited."""

    def __init__(self, operations: int, computed: int) -> None:
        TorchDispatchMode.__init__(self)
        self.operations = operations
        self.bytes = computed

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        self.operations -= 1
        if self.operations < 0:
            raise CheckpointError("it has more layers than tensors", "it may be hostile")
        inputs = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if func._schema.is_mutable or func.is_view or any(t.is_meta for t in inputs):
            return func(*args, **kwargs)  # takes no memory
        outline = self._outline(func, args, kwargs, factory=not inputs)
        size = sum(t.untyped_storage().nbytes() for t in pytree.tree_leaves(outline) if isinstance(t, Tensor))
        if func is torch.ops.aten.empty.memory_format and size > SMALL:
            return outline
        self.bytes -= size
        if self.bytes < 0:
            raise CheckpointError("its sizes lead to tables that do not fit", "it may be damaged or hostile")
        return func(*args, **kwargs)

    def _outline(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], factory: bool) -> Any:
        """The result on the meta device; None if it depends on values."""
        args, kwargs = pytree.tree_map_only(Tensor, lambda t: t.to("meta"), (args, kwargs))
        if factory or kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": torch.device("meta"), "pin_memory": None}
        try:
            return func(*args, **kwargs)
        except (NotImplementedError, RuntimeError, TypeError):
            return None
