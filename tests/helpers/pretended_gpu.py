"""A pretended GPU: tensors report the device `cuda:0`, but the processor does the work.

What a real GPU refuses is refused: operations that mix devices, and conversion to NumPy. Gradients of every
order, optimisers and random numbers work and give the CPU's numbers, so that both can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torch._dynamo  # modes import it when they are first used, which fails inside of them
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
BENEATH = torch.device("lazy", 0)  # the device that PyTorch's core sees: its gradients need no driver

aten = torch.ops.aten
MOVES = {aten.copy_.default, aten._foreach_copy_.default}
INDEXED = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}
AT_ONCE = {
    aten._conj.default: aten.conj_physical.default,
    aten._neg_view.default: aten.neg.default,
}  # not later
TAKES_NUMBERS = {aten.fill_.Tensor, aten.masked_fill.Tensor, aten.masked_fill_.Tensor}


class OnGPU(Tensor):
    """A tensor on the pretended GPU; `content` holds its numbers."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    device = property(lambda self: GPU)
    is_cuda = property(lambda self: True)
    content: Tensor

    @staticmethod
    def __new__(cls, content: Tensor) -> OnGPU:
        if torch.is_inference_mode_enabled():  # it may be a view of what was made outside
            with torch.inference_mode(False):
                return cls(content)
        made = Tensor._make_wrapper_subclass(
            cls, content.shape, strides=content.stride(), storage_offset=content.storage_offset(),
            dtype=content.dtype, device=BENEATH,
        )  # fmt: skip
        made.content = content
        return made

    def tolist(self) -> Any:
        return self.content.tolist()

    def __repr__(self) -> str:
        return f"OnGPU({self.content!r})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run an operation of PyTorch's core on tensors of either device."""
    ours: dict[int, OnGPU] = {}  # by what is changed where they are changed in place
    others: list[Tensor] = []
    onto = kwargs.get("device")
    made_there = onto is not None and onto.type in ("cuda", "lazy")
    contents = [_content(x, ours, others) for x in args]
    named = {name: _content(x, ours, others) for name, x in kwargs.items()}
    if ours and others:
        _check_mixture(func, args, others)
    if made_there:
        named["device"] = CPU
    found = AT_ONCE.get(func, func)(*contents, **named)
    if (
        ours and torch.Tag.inplace_view in func.tags
    ):  # such as `transpose_`: another shape for the same tensor
        args[0].data = OnGPU(contents[0])
    return _placed(found, ours) if made_there or (ours and onto is None) else found


def _content(value: Any, ours: dict[int, OnGPU], others: list[Tensor]) -> Any:
    """An argument with CPU tensors in place of ours; collects the tensors of both devices."""
    if isinstance(value, OnGPU):
        ours[id(value.content)] = value
        return value.content
    if isinstance(value, Tensor):
        others.append(value)
    elif isinstance(value, list | tuple):
        return [_content(x, ours, others) for x in value]
    return value


def _placed(found: Any, ours: dict[int, OnGPU]) -> Any:
    """A result with our tensors in place of CPU ones; a tensor changed in place stays the same object."""
    if isinstance(found, Tensor):
        return ours[id(found)] if id(found) in ours else OnGPU(found)
    return type(found)(_placed(x, ours) for x in found) if isinstance(found, list | tuple) else found


def _check_mixture(func: Any, args: tuple[Any, ...], on_cpu: list[Tensor]) -> None:
    """Refuse an operation that mixes devices, with the exceptions that PyTorch makes."""
    if func in MOVES:
        return
    if func in INDEXED:  # positions may be on the CPU
        on_cpu = [x for x in (args[0], *args[2:3]) if isinstance(x, Tensor) and not isinstance(x, OnGPU)]
    single = torch.Tag.pointwise in func.tags or func in TAKES_NUMBERS or func in INDEXED
    changed = args[0] if func._schema.is_mutable else None
    if all(x.ndim == 0 and single and x is not changed for x in on_cpu):
        return
    raise RuntimeError(f"{func}: expected all tensors to be on the same device, but found cuda:0 and cpu")


class _Generator(torch.Generator):
    """Replaces `torch.Generator`, on both devices."""

    def __new__(cls, device: torch.device | str = CPU) -> _Generator:
        made = super().__new__(cls, CPU)
        made.place = GPU if torch.device(device).type == "cuda" else CPU
        return made

    device = property(lambda self: self.place)


class _Operations(TorchDispatchMode):
    """Catches tensors created on the GPU."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled inside, and keeping the compiler away takes time

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if torch.is_inference_mode_enabled():  # where operations made of others arrive as one
            with self:
                found = func.decompose(*args, **kwargs)
            if found is not NotImplemented:
                return found
        return _run(func, args, kwargs)


class _Draws(TorchFunctionMode):
    """Refuses to draw numbers with a generator on another device."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        random = kwargs.get("generator")
        if random is not None:
            there = torch.device(kwargs.get("device") or "cpu").type == "cuda"
            if random.device != (GPU if there or isinstance(args[0], OnGPU) else CPU):
                raise RuntimeError(f"{func}: the generator is on {random.device}, its numbers are not")
        return func(*args, **kwargs)


@contextmanager
def pretended_gpu() -> Iterator[torch.device]:
    """A context in which the device `cuda:0` can be used."""
    with pytest.MonkeyPatch.context() as patched, _Draws(), _Operations():
        if not torch.cuda.is_available():
            patched.setattr(torch.cuda, "_lazy_init", lambda: None)  # looks for a driver
            patched.setattr(torch.cuda, "is_available", lambda: False)  # PyTorch would take it for a real one
        patched.setattr(torch, "Generator", _Generator)
        patched.setattr(torch.cuda, "device_count", lambda: 1)
        patched.setattr(torch.cuda, "get_rng_state", lambda device=None: torch.get_rng_state())
        patched.setattr(torch.cuda, "set_rng_state", lambda state, device=None: None)
        patched.setattr(torch.cuda, "mem_get_info", lambda device=None: (2**36, 2**36))
        exchanged = torch.__future__.get_swap_module_params_on_conversion()
        torch.__future__.set_swap_module_params_on_conversion(
            True
        )  # parameters that move stay the same objects
        torch._C._set_only_lift_cpu_tensors(True)  # `torch.tensor` makes them on the CPU first
        try:
            yield GPU
        finally:
            torch._C._set_only_lift_cpu_tensors(False)
            torch.__future__.set_swap_module_params_on_conversion(exchanged)
