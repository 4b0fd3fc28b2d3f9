"""CycleGAN and pix2pix networks of MMGeneration, MMEditing and MMagic.

Their layers are those of pytorch-CycleGAN-and-pix2pix, but counted by convolutions: `model.1.conv.weight`
with the normalisation `model.1.bn` or `model.1.in`. So they get its names, and are read as its files.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ganedit.store.foreign import Foreign
from ganedit.store.formats import cyclegan
from ganedit.store.formats.renaming import side
from ganedit.store.formats.state_dicts import State, numbered, state_dict

FAMILY = "MMGeneration, MMEditing and MMagic"


def read(content: Any) -> Foreign | None:
    """A ResNet or U-Net generator, or a PatchGAN; None for anything else.

    Raises:
        CheckpointError: one of these, but damaged or of an unknown layout.
    """
    state = state_dict(content) or {}
    if side(state, "model.0.conv.weight") == 7 and any(".block." in name for name in state):
        rules = _resnet(state)
    elif side(state, "model.model.0.conv.weight") == 4:
        rules = _unet(state)
    elif side(state, "model.0.conv.weight") == 4 and side(state, "model.1.conv.weight") == 4:
        rules = _patchgan(state)
    else:
        return None
    found = cyclegan.read(_renamed(state, rules))
    return None if found is None else replace(found, family=FAMILY)


def _renamed(state: State, rules: dict[str, str]) -> State:
    """The tensors by the names of cyclegan.py; names without a rule stay, and are refused there.

    Args:
        state: Tensors of the file.
        rules: Beginnings of names in cyclegan.py by those in the file.
    """
    named = {}
    for name, tensor in state.items():
        start, _, last = name.rpartition(".")
        named[f"{rules.get(start, start)}.{last}"] = tensor
    return named


def _layer(old: str, conv: str, norm: str) -> dict[str, str]:
    """The rules for a convolution and the normalisation after it."""
    return {f"{old}.conv": conv, f"{old}.bn": norm, f"{old}.in": norm}


def _resnet(state: State) -> dict[str, str]:
    blocks = numbered(state, r"model\.(\d+)\.block\.")
    ups = [n for n in numbered(state, r"model\.(\d+)\.conv\.") if n > blocks[-1]]
    rules: dict[str, str] = {}
    for n in range(blocks[0]):  # padding, then convolution, normalisation and activation of each
        rules |= _layer(f"model.{n}", f"model.{1 + 3 * n}", f"model.{2 + 3 * n}")
    first = 1 + 3 * blocks[0]
    for at, n in enumerate(blocks):
        old, new = f"model.{n}.block", f"model.{first + at}.conv_block"
        dropout = f"{old}.2.conv.weight" in state
        second = 6 if dropout else 5
        rules |= _layer(f"{old}.0", f"{new}.1", f"{new}.2")
        rules |= _layer(f"{old}.{2 if dropout else 1}", f"{new}.{second}", f"{new}.{second + 1}")
    start = first + len(blocks)
    for at, n in enumerate(ups[:-1]):
        rules |= _layer(f"model.{n}", f"model.{start + 3 * at}", f"model.{start + 3 * at + 1}")
    return rules | {f"model.{ups[-1]}.conv": f"model.{start + 3 * (len(ups) - 1) + 1}"}


def _unet(state: State) -> dict[str, str]:
    depth = max(len(re.findall(r"model\.", name)) for name in state) - 1
    rules = {"model.model.0.conv": "model.model.0", "model.model.2.conv": "model.model.3"}
    old, new = "model.model.1.model", "model.model.1.model"
    for level in range(1, depth):
        inner = level == depth - 1
        rules |= _layer(f"{old}.0", f"{new}.1", f"{new}.2")
        rules |= _layer(f"{old}.{1 if inner else 2}", *(f"{new}.{n}" for n in ((3, 4) if inner else (5, 6))))
        old, new = f"{old}.1.model", f"{new}.3.model"
    return rules


def _patchgan(state: State) -> dict[str, str]:
    convs = numbered(state, r"model\.(\d+)\.conv\.")
    rules = {"model.0.conv": "model.0"}
    for n in convs[1:]:
        rules |= _layer(f"model.{n}", f"model.{3 * n - 1}", f"model.{3 * n}")
    last = convs[-1] + 1
    return rules | {f"model.{last}": f"model.{3 * last - 1}"}
