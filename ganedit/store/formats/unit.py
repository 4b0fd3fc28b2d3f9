"""Generators that the MUNIT code writes for UNIT (`gen_*.pt`): auto-encoders under the keys `a` and `b`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ganedit.errors import CheckpointError
from ganedit.nets.unit import UNITConfig
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.renaming import MAX_LAYERS, Renaming
from ganedit.store.formats.state_dicts import State, numbered, state_dict

FAMILY = "UNIT"


def read(content: Any) -> Foreign | None:
    """Both auto-encoders; None for anything else.

    Raises:
        CheckpointError: of MUNIT, or damaged.
    """
    if not isinstance(content, Mapping) or not isinstance(content.get("a"), Mapping):
        return None
    first, second = state_dict(content["a"]), state_dict(content.get("b"))
    if first is None or second is None:
        return None
    if any(name.startswith("enc_style.") for name in first):
        raise CheckpointError(
            "it is a MUNIT, which draws styles at random", "ganedit reads UNIT files of that code base"
        )
    if "enc.model.0.conv.weight" not in first:
        return None
    downs = len(numbered(first, r"enc\.model\.(\d+)\.conv\.")) - 1
    blocks = len(numbered(first, rf"enc\.model\.{downs + 1}\.model\.(\d+)\."))
    if not 1 <= downs <= 8 or not 1 <= blocks <= MAX_LAYERS:
        raise CheckpointError(f"{downs} reductions with {blocks} blocks are not known", "the file is damaged")
    state = {f"a.{k}": v for k, v in _auto_encoder(first, downs, blocks).items()}
    state |= {f"b.{k}": v for k, v in _auto_encoder(second, downs, blocks).items()}
    width, in_channels = state["a.stem.conv.weight"].shape[:2]
    config = UNITConfig(in_channels, width, blocks, downs)
    return Foreign(FAMILY, "translator", NetworkWeights("unit", asdict(config), state))


def _auto_encoder(state: State, downs: int, blocks: int) -> State:
    """`enc`: convolutions, then the blocks; `dec`: the blocks, then every second layer a convolution."""
    tensors = Renaming(state, "instance")
    for i in range(downs + 1):
        new = f"down.{i - 1}" if i else "stem"
        tensors.conv_norm(f"enc.model.{i}.conv", f"enc.model.{i}.norm", new)
    for part, start in (("encoding", f"enc.model.{downs + 1}"), ("decoding", "dec.model.0")):
        for i in range(blocks):
            for k, name in enumerate(("first", "second")):
                old = f"{start}.model.{i}.model.{k}"
                tensors.conv_norm(f"{old}.conv", f"{old}.norm", f"{part}.{i}.{name}")
    for i in range(downs):
        old = f"dec.model.{2 * i + 2}"
        tensors.copy(f"{old}.conv", f"up.{i}.conv", "weight", "bias")
        tensors.new[f"up.{i}.norm.weight"] = tensors.take(f"{old}.norm.gamma")
        tensors.new[f"up.{i}.norm.bias"] = tensors.take(f"{old}.norm.beta")
    tensors.copy(f"dec.model.{2 * downs + 1}.conv", "to_image", "weight", "bias")
    return tensors.done()
