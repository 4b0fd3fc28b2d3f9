"""The compact networks of Real-ESRGAN (SRVGGNetCompact with PReLU), as BasicSR saves them."""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from typing import Any

from torch import Tensor

from ganedit.errors import CheckpointError
from ganedit.nets.srvgg import SRVGGConfig
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.esrgan import KEYS
from ganedit.store.formats.state_dicts import State, state_dict

FAMILY = "compact Real-ESRGAN"


def read(content: Any) -> Foreign | None:
    """A SRVGGNetCompact; None for anything else.

    Raises:
        CheckpointError: One that is damaged.
    """
    state = state_dict(content, *KEYS)
    if not state or not all(re.fullmatch(r"body\.\d{1,3}\.(weight|bias)", name) for name in state):
        return None
    slopes = [name for name, tensor in state.items() if name.endswith("weight") and tensor.ndim == 1]
    layers = len(slopes) - 1
    if layers < 1 or state.keys() != set(names_of(layers)):  # other activations have no weights
        return None
    return compact({new: state[old] for old, new in names_of(layers).items()})


def names_of(layers: int) -> dict[str, str]:
    """Our names of the tensors by BasicSR's."""
    names: dict[str, str] = {}
    for i in range(layers + 1):
        names |= {f"body.{2 * i}.{kind}": f"convs.{i}.{kind}" for kind in ("weight", "bias")}
        names[f"body.{2 * i + 1}.weight"] = f"activations.{i}.weight"
    return names | {f"body.{2 * layers + 2}.{kind}": f"last.{kind}" for kind in ("weight", "bias")}


def compact(state: State) -> Foreign:
    """The network of these tensors, which have our names.

    Raises:
        CheckpointError: The sizes are those of no such network.
    """
    layers = sum(name.startswith("activations.") for name in state) - 1
    outputs, width = state["last.weight"].shape[:2]
    scale = math.isqrt(outputs // 3)
    if 3 * scale**2 != outputs or scale < 1:
        raise CheckpointError(f"it gives {outputs} channels", "the file is damaged, or not for RGB images")
    config = SRVGGConfig(width, layers, scale)
    weights = NetworkWeights("srvgg", asdict(config), state)
    return Foreign(FAMILY, "upscaler", weights, value_range=(0.0, 1.0), details={"scale": scale})


def basicsr_names(state: State, layers: int) -> dict[str, Tensor]:
    """Tensors under BasicSR's names."""
    return {old: state[new] for old, new in names_of(layers).items()}
