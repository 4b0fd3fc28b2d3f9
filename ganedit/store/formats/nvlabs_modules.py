"""Access to the PyTorch modules in nvlabs pickles, which are stand-ins with tensors, children and
settings."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import CheckpointError
from ganedit.store.pickles.stand_ins import StandIn, module_state

SUPPORTED = "ganedit reads StyleGAN2 and StyleGAN3 in the layout of stylegan2-ada-pytorch and stylegan3"
FILTER = (1.0, 3.0, 3.0, 1.0)
MAX_LAYERS = 64


def children(module: StandIn) -> dict[str, Any]:
    """The submodules of a module, by name."""
    modules = module.state.get("_modules")
    return modules if isinstance(modules, dict) else {}


def child(module: StandIn, name: str) -> StandIn:
    """A submodule.

    Raises:
        CheckpointError: it is not there.
    """
    value = children(module).get(name)
    if not isinstance(value, StandIn):
        raise CheckpointError(f"its {module.class_name} has no {name}", SUPPORTED)
    return value


def tensor(module: StandIn, *names: str) -> Tensor:
    """The parameter `names[-1]` of the submodule that the other names lead to."""
    for name in names[:-1]:
        module = child(module, name)
    value = module.state["_parameters"].get(names[-1])
    if not isinstance(value, Tensor):
        raise CheckpointError(f"its {module.class_name} has no {names[-1]}", SUPPORTED)
    return value


def setting(module: StandIn, name: str, default: Any = None) -> Any:
    """An attribute of a module, or the argument that it was made with: older files lack some attributes."""
    if name in module.state:
        return module.state[name]
    made_with = module.state.get("_init_kwargs")
    return made_with.get(name, default) if isinstance(made_with, dict) else default


def clamp_of(layer: StandIn) -> float | None:
    """Activation clamp; files from before float16 training have none."""
    value = setting(layer, "conv_clamp")
    return None if value is None else float(value)


def side(value: Any) -> int:
    """A size, stored as one number or as width and height."""
    sizes = {int(n) for n in np.atleast_1d(np.asarray(value)).ravel().tolist()}
    if len(sizes) != 1:
        raise CheckpointError(f"its feature maps are not square, but {sorted(sizes)}"[:100], SUPPORTED)
    return sizes.pop()


def block_sizes(module: StandIn) -> list[int]:
    """Resolutions of the blocks b4, b8, ... in a module, coarse first.

    Raises:
        CheckpointError: they do not double from block to block.
    """
    sizes = sorted(int(m[1]) for m in (re.fullmatch(r"b(\d{1,5})", k) for k in children(module)) if m)
    if len(sizes) < 2 or sizes != [4 << i for i in range(len(sizes))]:
        raise CheckpointError(f"its {module.class_name} has blocks of {sizes[:20]} px", SUPPORTED)
    return sizes


def numbered_children(module: StandIn, pattern: str) -> list[str]:
    """Names of submodules that match `pattern`, whose one group is a number, in numeric order."""
    by_number = {int(m[1]): m[0] for m in (re.fullmatch(pattern, k) for k in children(module)) if m}
    if not by_number or sorted(by_number) != list(range(len(by_number))) or len(by_number) > MAX_LAYERS:
        raise CheckpointError(f"its {module.class_name} lacks a layer, or has too many", SUPPORTED)
    return [by_number[i] for i in sorted(by_number)]


def mapping_config(mapping: StandIn) -> dict[str, Any]:
    """Config fields for a generator's mapping network, from its tensors."""
    layers = numbered_children(mapping, r"fc(\d{1,3})")
    classes, embedded = 0, 0
    if isinstance(children(mapping).get("embed"), StandIn):
        embedded, classes = tensor(mapping, "embed", "weight").shape
    first = child(mapping, layers[0])
    gain = setting(first, "bias_gain")
    return {
        "z_dim": tensor(first, "weight").shape[1] - embedded,
        "w_dim": tensor(mapping, layers[-1], "weight").shape[0],
        "num_classes": classes,
        "mapping_layers": len(layers),
        "mapping_lr_multiplier": float(setting(first, "lr_multiplier", 0.01) if gain is None else gain),
    }


def state_of(module: StandIn) -> dict[str, Tensor]:
    """All tensors by dotted name, except StyleGAN2's resampling filters, which are checked and dropped."""
    state: dict[str, Tensor] = {}
    for name, value in module_state(module).items():
        if not name.endswith("resample_filter"):
            state[name] = value
            continue
        wanted = torch.outer(torch.tensor(FILTER), torch.tensor(FILTER))
        if value.shape != wanted.shape or not torch.allclose(value.float(), wanted / wanted.sum()):
            raise CheckpointError("its resampling filter is not [1, 3, 3, 1]", SUPPORTED)
    return state
