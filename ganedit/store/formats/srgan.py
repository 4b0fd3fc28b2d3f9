"""Bare state dictionaries of the SRGAN whose layers are named block1, block2, ... (`netG_epoch_*.pth`)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ganedit.errors import CheckpointError
from ganedit.nets.srresnet import SRDiscriminatorConfig, SRResNetConfig
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.renaming import MAX_LAYERS, Renaming, side
from ganedit.store.formats.state_dicts import State, numbered, state_dict

FAMILY = "SRGAN"


def read(content: Any) -> Foreign | None:
    """An SRResNet or SRGAN's discriminator; None for anything else.

    Raises:
        CheckpointError: one of these, but damaged.
    """
    state = state_dict(content) or {}
    if side(state, "block1.0.weight") == 9 and "block2.conv1.weight" in state:
        return _generator(state)
    if side(state, "net.0.weight") == 3 and side(state, "net.24.weight") == 1:
        return _discriminator(state)
    return None


def _generator(state: State) -> Foreign:
    blocks = numbered(state, r"block(\d+)\.conv1\.")
    tail, up = blocks[-1] + 1, blocks[-1] + 2
    doublings = len(numbered(state, rf"block{up}\.(\d+)\.conv\."))
    if blocks != list(range(2, tail)) or len(blocks) > MAX_LAYERS or not 1 <= doublings <= 5:
        raise CheckpointError(f"an SRResNet of the blocks {blocks[:6]} is not known", "the file is damaged")
    tensors = Renaming(state, "batch")
    tensors.copy("block1.0", "stem", "weight", "bias")
    tensors.copy("block1.1", "activation", "weight")
    for i, n in enumerate(blocks):
        tensors.conv_norm(f"block{n}.conv1", f"block{n}.bn1", f"blocks.{i}.first")
        tensors.conv_norm(f"block{n}.conv2", f"block{n}.bn2", f"blocks.{i}.second")
        tensors.copy(f"block{n}.prelu", f"blocks.{i}.activation", "weight")
    tensors.conv_norm(f"block{tail}.0", f"block{tail}.1", "tail")
    for i in range(doublings):
        tensors.copy(f"block{up}.{i}.conv", f"up.{i}.conv", "weight", "bias")
        tensors.copy(f"block{up}.{i}.prelu", f"up.{i}.activation", "weight")
    tensors.copy(f"block{up}.{doublings}", "to_image", "weight", "bias")
    config = SRResNetConfig(len(state["block1.0.weight"]), len(blocks), doublings)
    weights = NetworkWeights("srresnet", asdict(config), tensors.done())
    return Foreign(FAMILY, "upscaler", weights, value_range=(0.0, 1.0), details={"scale": 2**doublings})


def _discriminator(state: State) -> Foreign:
    """Eight convolutions, the average over the picture, and two dense layers written as 1x1 convolutions."""
    tensors = Renaming(state, "batch")
    tensors.conv("net.0", "blocks.0.conv")
    for i in range(1, 8):
        tensors.conv_norm(f"net.{3 * i - 1}", f"net.{3 * i}", f"blocks.{i}")
    for old, new in (("net.24", "dense"), ("net.26", "to_logits")):
        tensors.new[f"{new}.weight"] = tensors.take(f"{old}.weight").flatten(1)
        tensors.copy(old, new, "bias")
    new_state = tensors.done()
    config = SRDiscriminatorConfig(
        width=len(new_state["blocks.0.conv.weight"]), hidden=len(new_state["dense.weight"])
    )
    weights = NetworkWeights("srgan-discriminator", asdict(config), new_state)
    return Foreign(FAMILY, "discriminator", weights, value_range=(0.0, 1.0))
