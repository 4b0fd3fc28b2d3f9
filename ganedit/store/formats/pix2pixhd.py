"""Bare state dictionaries of pix2pixHD: generators with local enhancers, and multi-scale discriminators.

A global generator alone has the layout of CycleGAN's, and is read by `cyclegan.py`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ganedit.errors import CheckpointError
from ganedit.nets.patchgan import PatchGANConfig
from ganedit.nets.pix2pixhd import LocalEnhancerConfig
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.cyclegan import HD_FAMILY, residual
from ganedit.store.formats.renaming import MAX_LAYERS, Renaming, norm_of, side
from ganedit.store.formats.state_dicts import State, numbered, state_dict

FAMILY = HD_FAMILY


def read(content: Any) -> Foreign | None:
    """A generator with local enhancers, or a discriminator; None for anything else.

    Raises:
        CheckpointError: one of these, but damaged.
    """
    state = state_dict(content) or {}
    if side(state, "model1_1.1.weight") == 7:
        return _local(state)
    if side(state, "scale0_layer0.0.weight") == 4:
        return _discriminator(state)
    return None


def _local(state: State) -> Foreign:
    """`model` is the global generator without its head; `modelI_1`, `modelI_2` are the enhancers."""
    blocks = numbered(state, r"model\.(\d+)\.conv_block\.")
    downs = len([n for n in numbered(state, r"model\.(\d+)\.weight") if n < blocks[0] and n % 3 == 1]) - 1
    tensors, _, norm = residual(state, "model", blocks, [1 + 3 * i for i in range(downs + 1)], downs)
    enhancers = numbered(state, r"model(\d+)_1\.")
    local = numbered(state, r"model1_2\.(\d+)\.conv_block\.")
    if enhancers != list(range(1, len(enhancers) + 1)) or len(enhancers) > 8 or len(local) > MAX_LAYERS:
        raise CheckpointError(f"local enhancers {enhancers[:6]} are not known", "the file is damaged")
    for i in enhancers:
        new, up = f"enhancers.{i - 1}", len(local)
        tensors.conv_norm(f"model{i}_1.1", f"model{i}_1.2", f"{new}.stem")
        tensors.conv_norm(f"model{i}_1.4", f"model{i}_1.5", f"{new}.down")
        for k in local:
            block = f"model{i}_2.{k}.conv_block"
            tensors.conv_norm(f"{block}.1", f"{block}.2", f"{new}.blocks.{k}.first")
            tensors.conv_norm(f"{block}.5", f"{block}.6", f"{new}.blocks.{k}.second")
        tensors.conv_norm(f"model{i}_2.{up}", f"model{i}_2.{up + 1}", f"{new}.up", transposed=True)
    tensors.conv(f"model{len(enhancers)}_2.{len(local) + 4}", "to_image")
    width, in_channels = state[f"model{len(enhancers)}_1.1.weight"].shape[:2]
    new_state = tensors.done()
    config = LocalEnhancerConfig(
        in_channels=in_channels,
        out_channels=len(new_state["to_image.weight"]),
        width=width,
        blocks=len(blocks),
        downs=downs,
        enhancers=len(enhancers),
        local_blocks=len(local),
        norm=norm,
    )
    return Foreign(FAMILY, "translator", NetworkWeights("pix2pixhd", asdict(config), new_state))


def _discriminator(state: State) -> Foreign:
    """`scaleI_layerJ`: the last I sees the picture in full size."""
    scales = len(numbered(state, r"scale(\d+)_layer0\."))
    layers = len(numbered(state, r"scale0_layer(\d+)\."))
    prefixes = [
        [f"scale{i}_layer{j}." for j in range(layers)] for i in reversed(range(min(scales, MAX_LAYERS)))
    ]
    return multi_scale(state, FAMILY, [[(f"{p}0", f"{p}1") for p in row] for row in prefixes])


def multi_scale(state: State, family: str, layers: list[list[tuple[str, str]]]) -> Foreign:
    """A discriminator of several PatchGANs with padding 2.

    Args:
        state: Tensors of the file.
        family: The file's format.
        layers: Names of the convolution and its normalisation, by scale, finest first, and by layer.
    """
    if not layers or not 3 <= len(layers[0]) <= 12:
        raise CheckpointError("a discriminator of such depth is not known", "the file is damaged")
    inner = layers[0][1:-1]
    norm = norm_of(state, [name for _, name in inner], inner[0][0])
    # Spectral normalisation comes with instance normalisation, and leaves out the bias.
    tensors = Renaming(state, "instance" if f"{inner[0][0]}.weight_orig" in state else norm)
    for i, row in enumerate(layers):
        tensors.conv(row[0][0], f"discriminators.{i}.blocks.0.conv")
        for j, (conv, name) in enumerate(row[1:-1], start=1):
            tensors.conv_norm(conv, name, f"discriminators.{i}.blocks.{j}")
        tensors.conv(row[-1][0], f"discriminators.{i}.to_logits")
    new = tensors.done()
    width, in_channels = new["discriminators.0.blocks.0.conv.weight"].shape[:2]
    config = PatchGANConfig(
        in_channels, width, len(layers[0]) - 2, tensors.norm, padding=2, scales=len(layers)
    )
    return Foreign(family, "discriminator", NetworkWeights("multiscale-patchgan", asdict(config), new))
