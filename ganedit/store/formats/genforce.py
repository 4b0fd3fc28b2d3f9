"""Checkpoints of the GenForce model zoo: ProGAN, StyleGAN and StyleGAN2 generators.

They keep TensorFlow's conventions: up-sampling convolutions from 128 px (StyleGAN) or of all sizes
(StyleGAN2) are stored rotated by 180 degrees, and StyleGAN2's styles have a bias of one that is not stored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from ganedit.errors import CheckpointError
from ganedit.nets import progan, stylegan1, stylegan2
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.renaming import Renaming
from ganedit.store.formats.state_dicts import numbered, state_dict

FAMILY = "GenForce"
FUSED = 128  # px: from this size on, StyleGAN's up-sampling convolutions are stored rotated
SQRT2 = math.sqrt(2)


def read(content: Any) -> Foreign | None:
    """The generator of a file, averaged if available; None for anything else."""
    state = state_dict(content, "generator_smooth", "generator")
    if state is None:
        return None
    if "layer0.weight" in state and "output0.weight" in state and "lod" in state:
        return _foreign(_progan(state), "psi has no effect: ProGAN has no truncation, nor a style space")
    if "synthesis.layer0.const" in state:
        return _foreign(_stylegan1(state))
    if "synthesis.early_layer.const" in state:
        return _foreign(_stylegan2(state))
    return None


def _foreign(weights: NetworkWeights, notes: str = "") -> Foreign:
    levels = len(weights.config["channels"])
    return Foreign(FAMILY, "generator", weights, resolution=4 * 2 ** (levels - 1), notes=notes)


def _levels(state: Mapping[str, Tensor], prefix: str) -> int:
    """The number of sizes, from 4 px up."""
    outputs = numbered(state, rf"{prefix}output(\d+)\.weight")
    if not outputs or outputs != list(range(len(outputs))) or len(outputs) > 12:
        raise CheckpointError("its output layers are not numbered without a gap", "the file is damaged")
    return len(outputs)


def _drop_unused(tensors: Renaming, prefix: str, levels: int) -> None:
    """Drop what the full size does not use: the state of growing, and the outputs of smaller sizes."""
    tensors.rest.pop(f"{prefix}lod", None)
    for level in range(levels - 1):
        for name in ("weight", "bias"):
            tensors.take(f"{prefix}output{level}.{name}")


def _progan(state: Mapping[str, Tensor]) -> NetworkWeights:
    levels = _levels(state, "")
    tensors = Renaming(state)
    for layer in range(2 * levels):
        tensors.copy(f"layer{layer}", f"blocks.{layer // 2}.conv{layer % 2}", "weight", "bias")
    tensors.copy(f"output{levels - 1}", "to_rgb", "weight", "bias")
    _drop_unused(tensors, "", levels)
    config = progan.GeneratorConfig(
        channels=tuple(state[f"layer{2 * i}.weight"].shape[0] for i in range(levels)),
        z_dim=state["layer0.weight"].shape[1],
        image_channels=tensors.new["to_rgb.weight"].shape[0],
    )
    return NetworkWeights("progan", asdict(config), tensors.done())


def _mapping(tensors: Renaming, bias: float) -> int:
    """Move the mapping network, its biases times `bias`; returns its number of layers."""
    layers = len(numbered(tensors.rest, r"mapping\.dense(\d+)\.weight"))
    for i in range(layers):
        tensors.new[f"mapping.fc{i}.weight"] = tensors.take(f"mapping.dense{i}.weight")
        tensors.new[f"mapping.fc{i}.bias"] = tensors.take(f"mapping.dense{i}.bias") * bias
    return layers


def _stylegan1(state: Mapping[str, Tensor]) -> NetworkWeights:
    levels = _levels(state, "synthesis.")
    tensors = Renaming(state)
    # GenForce adds a bias after the gain of the activation, nets.layers.Linear before it.
    layers = _mapping(tensors, 1 / SQRT2)
    tensors.new["mapping.w_avg"] = tensors.take("truncation.w_avg").flatten()
    for layer in range(2 * levels):
        level, place = divmod(layer, 2)
        old, new = f"synthesis.layer{layer}", f"synthesis.blocks.{level}"
        if layer == 0:
            tensors.new[f"{new}.const"] = tensors.take(f"{old}.const")[0]
        else:
            weight = tensors.take(f"{old}.weight")
            turned = place == 0 and 4 * 2**level >= FUSED
            tensors.new[f"{new}.conv{place}.weight"] = weight.flip(2, 3) if turned else weight
        _style(tensors, old, f"{new}.style{place}")
    tensors.copy(f"synthesis.output{levels - 1}", "synthesis.to_rgb", "weight", "bias")
    _drop_unused(tensors, "synthesis.", levels)
    config = stylegan1.GeneratorConfig(
        channels=tuple(tensors.new[f"synthesis.blocks.{i}.style1.bias"].shape[0] for i in range(levels)),
        z_dim=state["mapping.dense0.weight"].shape[1],
        w_dim=tensors.new["mapping.w_avg"].shape[0],
        mapping_width=state["mapping.dense0.weight"].shape[0],
        mapping_layers=layers,
        image_channels=tensors.new["synthesis.to_rgb.weight"].shape[0],
    )
    return NetworkWeights("stylegan1", asdict(config), tensors.done())


def _style(tensors: Renaming, old: str, new: str) -> None:
    """Move the layers that follow a convolution of StyleGAN."""
    tensors.copy(f"{old}.style", f"{new}.affine", "weight", "bias")
    tensors.copy(old, new, "bias")
    tensors.new[f"{new}.noise_strength"] = tensors.take(f"{old}.apply_noise.weight").flatten()
    tensors.new[f"{new}.noise_const"] = tensors.take(f"{old}.apply_noise.noise")[0, 0]
    tensors.rest.pop(f"{old}.blur.kernel", None)  # always the binomial kernel


def _stylegan2(state: Mapping[str, Tensor]) -> NetworkWeights:
    levels = _levels(state, "synthesis.")
    tensors = Renaming(state)
    layers = _mapping(tensors, 1.0)
    tensors.new["mapping.w_avg"] = tensors.take("truncation.w_avg").flatten()
    tensors.new["synthesis.b4.const"] = tensors.take("synthesis.early_layer.const")[0]
    for layer in range(2 * levels - 1):
        level = (layer + 1) // 2
        name = "conv0" if layer % 2 else "conv1"
        _modulated(
            tensors, f"synthesis.layer{layer}", f"synthesis.b{4 * 2**level}.{name}", turned=layer % 2 == 1
        )
    for level in range(levels):
        _modulated(tensors, f"synthesis.output{level}", f"synthesis.b{4 * 2**level}.torgb", turned=False)
    for name in [n for n in tensors.rest if n.endswith((".filter.kernel", ".lod"))]:
        tensors.take(name)  # always the binomial kernel
    config = stylegan2.GeneratorConfig(
        resolution=4 * 2 ** (levels - 1),
        channels=tuple(tensors.new[f"synthesis.b{4 * 2**i}.conv1.weight"].shape[0] for i in range(levels)),
        z_dim=state["mapping.dense0.weight"].shape[1],
        w_dim=tensors.new["mapping.w_avg"].shape[0],
        mapping_layers=layers,
        image_channels=tensors.new["synthesis.b4.torgb.weight"].shape[0],
    )
    return NetworkWeights("stylegan2", config.to_dict(), tensors.done())


def _modulated(tensors: Renaming, old: str, new: str, *, turned: bool) -> None:
    """Move a modulated convolution of StyleGAN2, with its noise if it has any."""
    weight = tensors.take(f"{old}.weight")
    tensors.new[f"{new}.weight"] = weight.flip(2, 3) if turned else weight
    tensors.copy(old, new, "bias")
    tensors.new[f"{new}.affine.weight"] = tensors.take(f"{old}.style.weight")
    tensors.new[f"{new}.affine.bias"] = tensors.take(f"{old}.style.bias") + 1
    if f"{old}.noise" in tensors.rest:
        tensors.new[f"{new}.noise_const"] = tensors.take(f"{old}.noise")[0, 0]
        tensors.new[f"{new}.noise_strength"] = tensors.take(f"{old}.noise_strength").reshape(())
