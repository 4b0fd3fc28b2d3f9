"""ESRGAN, Real-ESRGAN and BSRGAN: the same network under three sets of names, of any width and growth.

The old names count layers (`model.1.sub.0.RDB1.conv1.0`), newer ones are `RRDB_trunk.0.RDB1.conv1` and
`body.0.rdb1.conv1`. `super_resolution.py` reads ESRGAN+.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any, NamedTuple

from ganedit.errors import CheckpointError
from ganedit.nets.rrdb import RRDBConfig
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.renaming import MAX_LAYERS, Renaming
from ganedit.store.formats.state_dicts import State, numbered, state_dict

FAMILY = "ESRGAN"
KEYS = ("params_ema", "params-ema", "params")
"""Keys under which BasicSR stores a network, the averaged one first."""


class Style(NamedTuple):
    """How a program names the layers of an RRDBNet."""

    dense: str
    tail: str
    up: str
    fine: str


BASICSR = Style("body.{}.rdb{}.conv{}", "conv_body", "conv_up{}", "conv_hr")


def read(content: Any) -> Foreign | None:
    """An RRDBNet; None for anything else.

    Raises:
        CheckpointError: one that is damaged, or for pictures that are not RGB.
    """
    state = state_dict(content, *KEYS)
    if state is None or any(".conv1x1." in name for name in state):
        return None
    if "model.1.sub.0.RDB1.conv1.0.weight" in state:
        state = _with_new_names(state)
    if "RRDB_trunk.0.RDB1.conv1.weight" in state:
        return _rrdb(state, Style("RRDB_trunk.{}.RDB{}.conv{}", "trunk_conv", "upconv{}", "HRconv"))
    if "body.0.rdb1.conv1.weight" in state and "conv_body.weight" in state:
        return _rrdb(state, BASICSR)
    return None


def _with_new_names(state: State) -> State:
    """The state with old names replaced by those of `RRDB_trunk`."""
    count = len(numbered(state, r"model\.1\.sub\.(\d+)\.RDB1\."))
    layers = [n for n in numbered(state, r"model\.(\d+)\.weight") if n]
    names = {"model.0": "conv_first", f"model.1.sub.{count}": "trunk_conv"}
    if len(layers) >= 2:
        names |= {f"model.{n}": f"upconv{i}" for i, n in enumerate(layers[:-2], start=1)}
        names |= {f"model.{layers[-2]}": "HRconv", f"model.{layers[-1]}": "conv_last"}
    new = {}
    for name, tensor in state.items():
        layer, _, kind = name.rpartition(".")
        inner = re.fullmatch(r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0", layer)
        new_layer = "RRDB_trunk.{}.RDB{}.conv{}".format(*inner.groups()) if inner else names.get(layer, layer)
        new[f"{new_layer}.{kind}"] = tensor
    return new


def names_of(cfg: RRDBConfig, style: Style = BASICSR) -> dict[str, str]:
    """Our names of the layers by those of another program."""
    plain = {"conv_first": "stem", style.tail: "tail", style.fine: "fine", "conv_last": "to_image"}
    ups = {style.up.format(i + 1): f"up.{i}" for i in range(cfg.doublings)}
    dense = {
        style.dense.format(i, j + 1, k + 1): f"blocks.{i}.dense.{j}.convs.{k}"
        for i in range(cfg.blocks)
        for j in range(3)
        for k in range(5)
    }
    return plain | ups | dense


def _rrdb(state: State, style: Style) -> Foreign:
    blocks = len(numbered(state, re.escape(style.dense.split("{")[0]) + r"(\d+)\."))
    doublings = len(numbered(state, style.up.format(r"(\d+)") + r"\.weight"))
    width, taken = state["conv_first.weight"].shape[:2]
    folded = {3: 1, 12: 2, 48: 4}.get(taken, 0)
    if not folded or len(state["conv_last.weight"]) != 3:
        raise CheckpointError(
            f"it takes {taken} channels and gives {len(state['conv_last.weight'])}",
            "ganedit uses models for RGB images",
        )
    if not 1 <= blocks <= MAX_LAYERS or doublings > 5 or 2**doublings < folded:
        raise CheckpointError(
            f"{blocks} blocks with {doublings} doublings are not known", "the file is damaged"
        )
    tensors = Renaming(state)
    growth = len(tensors.rest.get(style.dense.format(0, 1, 1) + ".weight", ()))
    config = RRDBConfig(width, growth, blocks, doublings, folded)
    for old, new in names_of(config, style).items():
        tensors.copy(old, new, "weight", "bias")
    weights = NetworkWeights("rrdb", asdict(config), tensors.done())
    details = {"scale": 2**doublings // folded}
    return Foreign(FAMILY, "upscaler", weights, value_range=(0.0, 1.0), details=details)
