"""Bare state dictionaries of StarGAN (`*-G.ckpt`, `*-D.ckpt`)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ganedit.errors import CheckpointError
from ganedit.nets.stargan import StarGANConfig, StarGANDiscriminatorConfig
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.renaming import MAX_LAYERS, Renaming, side
from ganedit.store.formats.state_dicts import State, numbered, state_dict

FAMILY = "StarGAN"


def read(content: Any) -> Foreign | None:
    """A generator or a discriminator; None for anything else.

    Raises:
        CheckpointError: one of these, but damaged.
    """
    state = state_dict(content) or {}
    if side(state, "main.0.weight") == 7 and numbered(state, r"main\.(\d+)\.main\.0\.weight"):
        return _generator(state)
    if side(state, "main.0.weight") == 4 and side(state, "conv1.weight") == 3 and "conv2.weight" in state:
        return _discriminator(state)
    return None


def _generator(state: State) -> Foreign:
    blocks = numbered(state, r"main\.(\d+)\.main\.")
    downs = (blocks[0] - 3) // 3
    if blocks != [*range(3 + 3 * downs, 3 + 3 * downs + len(blocks))] or not 1 <= downs <= 8:
        raise CheckpointError(f"residual blocks {blocks[:6]} are not known", "the file is damaged")
    if len(blocks) > MAX_LAYERS:
        raise CheckpointError(f"{len(blocks)} residual blocks are too many", "the file is damaged")
    tensors = Renaming(state, "instance_running" if "main.1.running_mean" in state else "instance_affine")
    tensors.conv_norm("main.0", "main.1", "stem")
    up = blocks[-1] + 1
    for i in range(downs):
        tensors.conv_norm(f"main.{3 + 3 * i}", f"main.{4 + 3 * i}", f"down.{i}")
        tensors.conv_norm(f"main.{up + 3 * i}", f"main.{up + 1 + 3 * i}", f"up.{i}", transposed=True)
    for i, n in enumerate(blocks):
        tensors.conv_norm(f"main.{n}.main.0", f"main.{n}.main.1", f"blocks.{i}.first")
        tensors.conv_norm(f"main.{n}.main.3", f"main.{n}.main.4", f"blocks.{i}.second")
    tensors.copy(f"main.{up + 3 * downs}", "to_image", "weight")
    new = tensors.done()
    channels, (width, taken) = new["to_image.weight"].shape[0], new["stem.conv.weight"].shape[:2]
    if taken <= channels:
        raise CheckpointError(f"a StarGAN of {taken} input channels has no target", "the file is damaged")
    config = StarGANConfig(taken - channels, channels, width, len(blocks), downs, tensors.norm)
    return Foreign(FAMILY, "translator", NetworkWeights("stargan", asdict(config), new))


def _discriminator(state: State) -> Foreign:
    layers = len(numbered(state, r"main\.(\d+)\.weight"))
    if not 1 <= layers <= 12:
        raise CheckpointError(
            f"a StarGAN discriminator of {layers} layers is not known", "the file is damaged"
        )
    tensors = Renaming(state)
    for i in range(layers):
        tensors.copy(f"main.{2 * i}", f"blocks.{i}", "weight", "bias")
    tensors.copy("conv1", "to_logits", "weight")
    tensors.copy("conv2", "to_labels", "weight")
    new = tensors.done()
    width, in_channels = new["blocks.0.weight"].shape[:2]
    labels, _, kernel = new["to_labels.weight"].shape[:3]
    config = StarGANDiscriminatorConfig(labels, kernel * 2**layers, in_channels, width, layers)
    weights = NetworkWeights("stargan-discriminator", asdict(config), new)
    return Foreign(FAMILY, "discriminator", weights, resolution=config.resolution)
