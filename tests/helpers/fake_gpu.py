"""A GPU that is not there: its tensors have shapes and a device, but no numbers.

Built on PyTorch's FakeTensorMode. What is on the CPU stays real, so that code which looks at numbers there
runs as ever; what comes back from the GPU is zeros. An operation on tensors of both devices fails as it would
on a real GPU, and so does one that would leave a result on the wrong device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._pytree import tree_leaves, tree_map_only

GPU = torch.device("cuda", 0)


class _HalfFake(FakeTensorMode):
    """Fakes what touches the GPU alone."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        leaves = tree_leaves((args, kwargs))
        fakes = [leaf for leaf in leaves if isinstance(leaf, FakeTensor)]
        if not fakes and not any(isinstance(leaf, torch.device) and leaf.type == "cuda" for leaf in leaves):
            return func(*args, **kwargs)
        if func is torch.ops.aten._local_scalar_dense.default:
            return torch.zeros((), dtype=args[0].dtype).item()
        if func is torch.ops.aten.copy_.default and not isinstance(args[0], FakeTensor):
            return args[0].zero_()  # from the GPU into a tensor of the CPU, which may be
        found = super().__torch_dispatch__(func, types, args, kwargs)
        return tree_map_only(FakeTensor, _back_on_the_cpu, found)


def _back_on_the_cpu(x: FakeTensor) -> Tensor:
    return torch.zeros(x.shape, dtype=x.dtype) if x.device.type == "cpu" else x


def _convert(self: nn.Module, convert: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """`Module._apply` without its exchange of tensors in place, which fakes do not allow."""
    for child in self.children():
        _convert(child, convert)
    with torch.no_grad():
        for key, value in self._parameters.items():
            if value is not None:
                self._parameters[key] = nn.Parameter(convert(value), value.requires_grad)
        for key, value in self._buffers.items():
            self._buffers[key] = None if value is None else convert(value)
    return self


@contextmanager
def fake_gpu() -> Iterator[torch.device]:
    """Inside, the device it returns can be used; gradients are zeros, since nothing can be propagated back."""

    def zero_slopes(outputs: Any, inputs: Any, *args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
        return tuple(torch.zeros_like(x) for x in ([inputs] if isinstance(inputs, Tensor) else inputs))

    with pytest.MonkeyPatch.context() as patched, _HalfFake(allow_non_fake_inputs=True):
        patched.setattr(Tensor, "backward", lambda self, *args, **kwargs: None)
        patched.setattr(torch.autograd, "grad", zero_slopes)
        patched.setattr(torch.cuda, "device_count", lambda: 1)
        patched.setattr(torch.cuda, "mem_get_info", lambda device=None: (2**36, 2**36))
        patched.setattr(nn.Module, "_apply", _convert)
        yield GPU
