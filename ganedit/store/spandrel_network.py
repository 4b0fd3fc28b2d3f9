"""Super-resolution and restoration networks of other people, as spandrel knows them.

spandrel finds out which of its architectures a state dictionary is for, and of which sizes. It only ever gets
tensors that ganedit has read. Since it trusts them, a first construction is made without memory for
parameters, and with a bound on everything else; spandrel's own comparison of names and shapes then says
whether the second, real one can be had for the tensors that there are.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from ganedit.errors import CheckpointError, MissingError

BIG_NUMBER = re.compile(r"\d{5}")  # in the name of a tensor: a count of layers that no network has
MAX_ELEMENTS = 2**24  # of a tensor that a constructor computes
MAX_SCALE = 16
REFUSED = {
    "FaceSR": "restores faces that are aligned in a way of its own",
    "Inpainting": "fills holes, for which it needs a mask",
}


class Found(NamedTuple):
    """What spandrel says a state dictionary is."""

    kind: str  # spandrel's name of the architecture
    scale: int


class SpandrelNetwork(nn.Module):
    """Pictures [N, 3, H, W] in [0, 1] to pictures [N, 3, sH, sW], about [0, 1], of any size."""

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model: nn.Module = descriptor.model
        self.scale: int = descriptor.scale
        self._call: Callable[[nn.Module, Tensor], Tensor] = descriptor._call_fn  # the public call clamps
        self._size = descriptor.size_requirements
        self._types = {
            torch.float32: True,
            torch.bfloat16: descriptor.supports_bfloat16,
            torch.float16: descriptor.supports_half,
        }

    def supports(self, dtype: torch.dtype) -> bool:
        """Whether it can compute in this type."""
        return self._types.get(dtype, False)

    def to(self, *args: Any, **kwargs: Any) -> SpandrelNetwork:
        """As of any module, but for the memory format, which many of these networks take for granted."""
        kwargs.pop("memory_format", None)
        return super().to(*args, **kwargs) if args or kwargs else self

    def forward(self, x: Tensor) -> Tensor:
        from spandrel.__helpers.size_req import pad_tensor

        h, w = x.shape[2:]
        _, padded = pad_tensor(x, self._size)
        results = [self._call(self.model, one) for one in padded.split(1)]  # not all of them take batches
        return torch.cat(results)[:, :, : h * self.scale, : w * self.scale]


def detect(state: Mapping[str, Tensor]) -> Found | None:
    """Which network tensors are for; None where spandrel knows none. Needs memory for none of its parameters.

    Raises:
        CheckpointError: of an architecture that spandrel knows, but damaged, or for something else than
            enlarging or restoring RGB pictures.
    """
    if not state or any(len(name) > 300 or BIG_NUMBER.search(name) for name in state):
        return None
    descriptor = _load(state, _Bounded(200 * len(state) + 20_000))
    if descriptor is None:
        return None
    kind = descriptor.architecture.name
    if descriptor.purpose in REFUSED:
        raise CheckpointError(
            f"this {kind} {REFUSED[descriptor.purpose]}", "ganedit does not use such models"
        )
    if (descriptor.input_channels, descriptor.output_channels) != (3, 3):
        raise CheckpointError(
            f"this {kind} takes {descriptor.input_channels} channels and gives {descriptor.output_channels}",
            "ganedit uses models for RGB pictures",
        )
    if not 1 <= descriptor.scale <= MAX_SCALE:
        raise CheckpointError(f"this {kind} has a scale of {descriptor.scale}", "the file is damaged")
    return Found(kind, descriptor.scale)


def build(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> SpandrelNetwork:
    """The network of tensors that `detect` knows, in evaluation mode, float32, on the CPU, without gradients.

    Args:
        config: `kind` and `scale`, as `detect` found them.
        state: As in the file it came from.

    Raises:
        CheckpointError: the tensors are for another network.
    """
    found = detect(state)
    if found is None or found._asdict() != dict(config):
        raise CheckpointError(
            f"the weights are for {found or 'no network that spandrel knows'}, the card says {dict(config)}"[
                :200
            ],
            "get the model again",
        )
    plain = {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
    with torch.random.fork_rng(devices=[]):  # its constructors draw numbers
        descriptor = _load(plain, None)
    assert descriptor is not None
    return SpandrelNetwork(descriptor).eval().requires_grad_(False)


def _load(state: Mapping[str, Tensor], bounds: TorchDispatchMode | None) -> Any:
    """spandrel's descriptor of a network with these weights; None where it knows none."""
    try:
        from spandrel import ModelLoader, UnsupportedModelError
    except ImportError as error:
        raise MissingError("spandrel is not installed", "pip install spandrel") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that nothing is copied to parameters without memory
            if bounds is None:
                return ModelLoader("cpu").load_from_state_dict(dict(state))
            with bounds:
                return ModelLoader("meta").load_from_state_dict(dict(state))
    except UnsupportedModelError:
        return None
    except CheckpointError:
        raise
    except Exception as error:  # of a hundred constructors, any of which may stumble over damaged sizes
        text = " ".join(str(error).split())[:150]
        raise CheckpointError(
            f"the weights do not fit the network that spandrel takes them for: {type(error).__name__} {text}",
            "the file is damaged, or of a variant that spandrel does not read",
        ) from error


class _Bounded(TorchDispatchMode):
    """New parameters get no memory; what else is computed must be small, and not take forever."""

    def __init__(self, operations: int) -> None:
        super().__init__()
        self.left = operations

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        self.left -= 1
        if self.left < 0:
            raise CheckpointError("it has more layers than tensors", "it may be hostile")
        if func is torch.ops.aten.empty.memory_format:
            return func(*args, **{**kwargs, "device": torch.device("meta"), "pin_memory": None})
        self._check(func, args, kwargs)
        return func(*args, **kwargs)

    def _check(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Refuse what would be too large, by computing its shape alone."""
        shadows = pytree.tree_map_only(Tensor, lambda t: t.to("meta"), (args, kwargs))
        factory = not any(isinstance(leaf, Tensor) for leaf in pytree.tree_leaves(args))
        if factory or kwargs.get("device") is not None:
            shadows[1]["device"] = torch.device("meta")
        try:
            made = func(*shadows[0], **shadows[1])
        except (NotImplementedError, RuntimeError, TypeError):
            return  # asks for values, or fails in earnest too
        for leaf in pytree.tree_leaves(made):
            if isinstance(leaf, Tensor) and leaf.untyped_storage().nbytes() > 4 * MAX_ELEMENTS:
                raise CheckpointError(
                    f"its sizes lead to a tensor {list(leaf.shape)}", "it may be damaged or hostile"
                )
