"""The names a pickle may mention, besides tensors and arrays, and the stand-ins for their objects.

Checkpoints hold more than numbers: the options of the run, counters, whole modules. None of these are built:
a `StandIn` records the name of the class and its content according to the pickle. The list is closed; the
network classes on it are those whose state ganedit's readers understand.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ganedit.errors import CheckpointError
from ganedit.store.pickles.machine import Buildable, Name

MAX_DEPTH = 50
MAX_MODULES = 100_000

_STYLEGAN = (
    "Generator MappingNetwork SynthesisNetwork SynthesisBlock SynthesisLayer SynthesisInput ToRGBLayer "
    "FullyConnectedLayer Conv2dLayer Discriminator DiscriminatorBlock DiscriminatorEpilogue MinibatchStdLayer"
)
_ROSINALITY = (
    "Generator Discriminator PixelNorm EqualLinear EqualConv2d ConstantInput StyledConv ModulatedConv2d Blur "
    "Upsample Downsample NoiseInjection ToRGB ConvLayer ResBlock ScaledLeakyReLU"
)
NETWORKS = {
    "training.networks": _STYLEGAN,
    "training.networks_stylegan2": _STYLEGAN,
    "training.networks_stylegan3": _STYLEGAN,
    "model": f"{_ROSINALITY} ResidualBlock UpsampleBLock",  # also of StarGAN and SRGAN
    "models.stylegan2.model": _ROSINALITY,
    "op.fused_act": "FusedLeakyReLU",
    "models.stylegan2.op.fused_act": "FusedLeakyReLU",
    "models.networks": "ResnetGenerator ResnetBlock UnetGenerator UnetSkipConnectionBlock Identity "
    "NLayerDiscriminator PixelDiscriminator GlobalGenerator LocalEnhancer MultiscaleDiscriminator",
}
"""Classes of published networks, by the module name in their pickles."""

_OPTIONS = {
    "argparse": "Namespace",
    "types": "SimpleNamespace",
}
_DICTIONARIES = {
    "collections": "Counter defaultdict",
    "dnnlib.util": "EasyDict",
    "dnnlib": "EasyDict",
    "easydict": "EasyDict",
}
_PATHS = "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath"


@dataclass
class StandIn(Buildable):
    """Represents an object by the name of its class and its content."""

    class_name: str
    state: dict[str, Any] = field(default_factory=dict)

    def build(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise TypeError(f"the state of a {self.class_name} must be a dictionary")
        self.state.update(state)


def classes() -> dict[Name, Callable[..., Any]]:
    """Functions that make a StandIn, by the names of module and option classes."""
    modules = [c for c in vars(nn).values() if inspect.isclass(c) and issubclass(c, nn.Module)]
    names = [Name(c.__module__, c.__name__) for c in modules]
    for module, listed in (*NETWORKS.items(), *_OPTIONS.items()):
        names += [Name(module, name) for name in listed.split()]
    return {name: partial(_new, name.name) for name in names}


def _new(class_name: str, *args: Any) -> StandIn:
    """Make a StandIn; the arguments are ignored, as the state follows."""
    return StandIn(class_name)


def plain_calls() -> dict[Name, Callable[..., Any]]:
    """Functions that make plain values of small objects that training scripts leave in checkpoints."""
    calls: dict[Name, Callable[..., Any]] = {Name("torch", "device"): lambda kind, index=None: str(kind)[:20]}
    for module, listed in _DICTIONARIES.items():
        calls |= {Name(module, name): _plain_dict for name in listed.split()}
    for name in _PATHS.split():
        for module in ("pathlib", "pathlib._local"):
            calls[Name(module, name)] = lambda *parts: "/".join(str(p)[:1000] for p in parts[:100])
    return calls


def inert_names() -> list[Name]:
    """Names that are mentioned but never called: number types, and factories of a defaultdict."""
    numbers = [
        Name("torch", str(d).removeprefix("torch.")) for d in vars(torch).values() if type(d) is torch.dtype
    ]
    plain = [
        Name(m, n) for m in ("builtins", "__builtin__") for n in ("int", "float", "list", "dict", "object")
    ]
    return [*numbers, *plain, Name("torch.nn.parameter", "Parameter"), Name("torch", "Tensor")]


def _plain_dict(*args: Any) -> dict[Any, Any]:
    """A dict for its subclasses, most of which a pickle fills afterwards."""
    return dict(args[0]) if args and isinstance(args[0], dict) else {}


def module_state(module: StandIn) -> dict[str, Tensor]:
    """The tensors of a pickled module by dotted name, like its `state_dict`.

    Raises:
        CheckpointError: nested without end.
        KeyError, TypeError, AttributeError: it is not a module, or damaged.
    """
    return dict(_tensors(module))


def _tensors(root: StandIn) -> Iterator[tuple[str, Tensor]]:
    todo = [("", root, 0)]
    count = 0
    while todo:
        prefix, module, depth = todo.pop()
        count += 1
        if depth > MAX_DEPTH or count > MAX_MODULES:
            raise CheckpointError("its modules are nested without end", "it may be hostile")
        for kind in ("_parameters", "_buffers"):
            for name, value in module.state[kind].items():
                if isinstance(value, Tensor):
                    yield prefix + name, value
        children = [(n, c) for n, c in module.state["_modules"].items() if isinstance(c, StandIn)]
        todo.extend((f"{prefix}{name}.", child, depth + 1) for name, child in reversed(children))
