"""Runs cases on the CPU and on the pretended GPU, compares them, and records which functions they reach.

A case is a function of a device. Tensors that it returns must be on that device and the same on both devices;
values that belong on the CPU are returned as NumPy arrays and numbers.
"""

from __future__ import annotations

import cProfile
import importlib
import inspect
import math
import pkgutil
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import CodeType, ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from pretended_gpu import CPU, OnGPU, pretended_gpu
from torch import Tensor, nn

Case = Callable[[torch.device], Any]


class Fading(nn.Module):
    """Fades faces, as far as the fidelity says."""

    has_fidelity = True

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.4))

    def forward(self, x: Tensor, fidelity: float) -> Tensor:
        return x * (self.weight + fidelity / 2)


@cache
def functions_reached(case: Case, rtol: float = 1e-4) -> frozenset[CodeType]:
    """Run a case on both devices and compare; returns the functions that ran on the pretended GPU."""
    on_cpu = _seeded(case, CPU)
    try:
        with pretended_gpu() as gpu, cProfile.Profile(subcalls=False, builtins=False) as calls:
            on_gpu = _seeded(case, gpu)
    finally:
        _forget_devices()
    _compare(on_gpu, on_cpu, "the result", rtol)
    return frozenset(entry.code for entry in calls.getstats())


def _forget_devices() -> None:
    """Clear caches keyed by device, so that no later test gets a tensor of the pretended one."""
    for name, module in list(sys.modules.items()):
        for value in vars(module).values() if name.startswith("ganedit") else ():
            if hasattr(value, "cache_clear") and "device" in inspect.signature(value).parameters:
                value.cache_clear()


def _seeded(case: Case, device: torch.device) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return case(device)


class Near(NamedTuple):
    """A result with a tolerance of its own."""

    value: Any
    rtol: float = math.inf  # only the device is checked: weights after steps of Adam, fresh random numbers


def _compare(on_gpu: Any, on_cpu: Any, name: str, rtol: float, scale: float = 0.0) -> None:
    """Numbers may differ by `rtol` times the largest in their tensor, or in the list that holds it."""
    scale = max(scale, _largest(on_cpu))
    if isinstance(on_cpu, Near):
        _compare(on_gpu.value, on_cpu.value, name, on_cpu.rtol)
    elif isinstance(on_cpu, Tensor):
        assert isinstance(on_gpu, OnGPU), f"{name} is on the CPU"
        _compare(on_gpu.content.detach().numpy(), on_cpu.detach().numpy(), name, rtol, scale)
    elif isinstance(on_cpu, Mapping):
        assert on_gpu.keys() == on_cpu.keys(), name
        for key, value in on_cpu.items():
            _compare(on_gpu[key], value, f"{name}[{key!r}]", rtol)
    elif isinstance(on_cpu, list | tuple):
        for i, (ours, theirs) in enumerate(zip(on_gpu, on_cpu, strict=True)):
            _compare(ours, theirs, f"{name}[{i}]", rtol, scale)
    elif is_dataclass(on_cpu):
        for f in fields(on_cpu):
            _compare(getattr(on_gpu, f.name), getattr(on_cpu, f.name), f"{name}.{f.name}", rtol)
    elif isinstance(on_cpu, float | np.ndarray):
        on_gpu, on_cpu = np.asarray(on_gpu), np.asarray(on_cpu)
        assert (on_gpu.dtype, on_gpu.shape) == (on_cpu.dtype, on_cpu.shape), name
        if on_cpu.dtype == np.uint8:
            scale = 1 / rtol  # a level of a picture is rounded up or down
        if rtol < math.inf:
            np.testing.assert_allclose(on_gpu, on_cpu, rtol, rtol * scale, err_msg=name)
    else:
        assert on_gpu == on_cpu, name


def _largest(values: Any) -> float:
    """The largest absolute value in a tensor, an array or a list of them."""
    if isinstance(values, list):
        return max((_largest(x) for x in values if not isinstance(x, list)), default=0.0)
    if isinstance(values, Tensor):
        values = values.detach().numpy() if values.is_floating_point() or values.is_complex() else None
    return float(abs(values).max()) if isinstance(values, np.ndarray) and values.size else 0.0


def home(value: Any) -> Any:
    """Values that must be on the CPU, as NumPy arrays; a tensor on a GPU is refused."""
    if isinstance(value, Tensor):
        return value.numpy()
    if is_dataclass(value):
        return {f.name: home(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: home(one) for key, one in value.items()}
    return type(value)(map(home, value)) if type(value) in (list, tuple) else value


def noise(device: torch.device, *shape: int) -> Tensor:
    """Normal numbers, the same every time, on the device."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape))).to(device)


def learning(network: nn.Module, *given: Any) -> tuple[Any, list[Tensor]]:
    """The output of a network in training mode, and the gradients of its parameters."""
    network.train().requires_grad_(True)
    found = network(*given)
    parameters = [p for p in network.parameters() if p.requires_grad]
    loss = sum(x.float().square().mean() for x in _tensors(found))
    slopes = torch.autograd.grad(loss, parameters, allow_unused=True)
    return found, [slope for slope in slopes if slope is not None]


def _tensors(found: Any) -> Iterator[Tensor]:
    if isinstance(found, Tensor):
        yield found
    else:
        for one in found:
            yield from _tensors(one)


MODELS = (
    "Tensor|Model|Generator|Discriminator|Encoder|Classifier|Clip|Mapper|Translator|Upscaler|Restorer|Vocoder"
)


def assert_nothing_left_out(cases: Iterable[Case], *packages: str, except_for: Collection[str] = ()) -> None:
    """Assert that the cases reach every public function and method that takes or returns tensors or models.

    Functions named in `except_for` must not be reached: the list stays as short as possible.
    """
    reached = frozenset().union(*map(functions_reached, cases))
    every = [one for package in packages for module in _modules(package) for one in _functions(module)]
    left = {name for name, function in every if function.__code__ not in reached}
    assert left <= set(except_for), f"add a case to this file for {', '.join(sorted(left - set(except_for)))}"
    assert left >= set(except_for), (
        f"reached, so no longer exceptions: {', '.join(sorted(set(except_for) - left))}"
    )


def _modules(package: str) -> Iterator[ModuleType]:
    module = importlib.import_module(package)
    yield module
    for found in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{package}."):
        yield importlib.import_module(found.name)


def _functions(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if not isinstance(value, type):
            found = {name: value}
        elif issubclass(value, torch.autograd.Function):
            found = {}  # their callers are there
        else:
            found = {f"{name}.{method}": function for method, function in vars(value).items()}
        for called, function in found.items():
            function = getattr(function, "__func__", getattr(function, "fget", function))
            function = inspect.unwrap(function) if inspect.isroutine(function) else None
            last = called.rpartition(".")[2]
            if function and (not last.startswith("_") or last == "__call__") and _takes_tensors(function):
                yield f"{module.__name__}.{called}", function


def _takes_tensors(function: Any) -> bool:
    kinds = map(str, getattr(function, "__annotations__", {}).values())
    abstract = getattr(function, "__isabstractmethod__", False)
    return not abstract and any(re.search(rf"\b({MODELS})\b", kind) for kind in kinds)
