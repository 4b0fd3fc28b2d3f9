"""What the pickles of nvlabs hold: PyTorch modules, as stand-ins with tensors, children and settings."""

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
    """What lies in a module, by name."""
    found = module.state.get("_modules")
    return found if isinstance(found, dict) else {}


def child(module: StandIn, name: str) -> StandIn:
    """One of them.

    Raises:
        CheckpointError: it is not there.
    """
    found = children(module).get(name)
    if not isinstance(found, StandIn):
        raise CheckpointError(f"its {module.class_name} has no {name}", SUPPORTED)
    return found


def tensor(module: StandIn, *names: str) -> Tensor:
    """The parameter `names[-1]` of the module that the other names lead to."""
    for name in names[:-1]:
        module = child(module, name)
    found = module.state["_parameters"].get(names[-1])
    if not isinstance(found, Tensor):
        raise CheckpointError(f"its {module.class_name} has no {names[-1]}", SUPPORTED)
    return found


def setting(module: StandIn, name: str, default: Any = None) -> Any:
    """What a module says of itself, or what it was made with: older files hold less of the former."""
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
        CheckpointError: they are not doubled step by step.
    """
    found = sorted(int(m[1]) for m in (re.fullmatch(r"b(\d{1,5})", k) for k in children(module)) if m)
    if len(found) < 2 or found != [4 << i for i in range(len(found))]:
        raise CheckpointError(f"its {module.class_name} has blocks of {found[:20]} px", SUPPORTED)
    return found


def numbered_children(module: StandIn, pattern: str) -> list[str]:
    """Names of the form `pattern`, with one group for the number, in their order."""
    found = {int(m[1]): m[0] for m in (re.fullmatch(pattern, k) for k in children(module)) if m}
    if not found or sorted(found) != list(range(len(found))) or len(found) > MAX_LAYERS:
        raise CheckpointError(f"its {module.class_name} lacks a layer, or has too many", SUPPORTED)
    return [found[i] for i in sorted(found)]


def mapping_config(mapping: StandIn) -> dict[str, Any]:
    """Fields of a generator's config that concern the mapping network, from its tensors."""
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
    """All tensors by dotted name, but for StyleGAN2's resampling filters, which are checked and left out."""
    state: dict[str, Tensor] = {}
    for name, value in module_state(module).items():
        if not name.endswith("resample_filter"):
            state[name] = value
            continue
        wanted = torch.outer(torch.tensor(FILTER), torch.tensor(FILTER))
        if value.shape != wanted.shape or not torch.allclose(value.float(), wanted / wanted.sum()):
            raise CheckpointError("its resampling filter is not [1, 3, 3, 1]", SUPPORTED)
    return state
