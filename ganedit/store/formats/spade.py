"""Bare state dictionaries of SPADE (also called GauGAN): `*_net_G.pth`, `*_net_E.pth`, `*_net_D.pth`.

Spectral normalisation is folded into plain weights, as evaluation uses them.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from ganedit.errors import CheckpointError
from ganedit.nets.spade import SPADEConfig, StyleEncoderConfig
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.pix2pixhd import multi_scale
from ganedit.store.formats.renaming import MAX_LAYERS, Renaming, side, spectral_weight
from ganedit.store.formats.state_dicts import State, numbered, state_dict

FAMILY = "SPADE"
BLOCKS = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3", "up_4")
UPSAMPLING_NOTE = (
    'up-sampling "normal" and "more" look alike in the file: taken for "normal"; for a model that was '
    'trained with "more" import it with --set upsampling=more'
)


def read(content: Any) -> Foreign | None:
    """A generator, an image encoder or a discriminator; None for anything else.

    Raises:
        CheckpointError: one of these, but damaged.
    """
    state = state_dict(content) or {}
    if "head_0.norm_0.mlp_shared.0.weight" in state:
        return _generator(state)
    if "fc_mu.weight" in state and "fc_var.weight" in state:
        return _encoder(state)
    if side(state, "discriminator_0.model0.0.weight") == 4:
        return _discriminator(state)
    return None


def _generator(state: State) -> Foreign:
    most = "up_4.conv_0.bias" in state
    batch = "head_0.norm_0.param_free_norm.running_mean" in state
    tensors = Renaming(state, "batch" if batch else "instance")
    for i, name in enumerate(BLOCKS[: 7 + most]):
        _block(tensors, name, f"blocks.{i}")
    fc = state["fc.weight"]
    style_dim = fc.shape[1] if fc.ndim == 2 else 0
    tensors.copy("fc", "from_style" if style_dim else "from_labels", "weight", "bias")
    tensors.copy("conv_img", "to_image", "weight", "bias")
    shared = state["head_0.norm_0.mlp_shared.0.weight"]
    width = state["conv_img.weight"].shape[1] * (2 if most else 1)
    config = SPADEConfig(
        in_channels=shared.shape[1],
        width=width,
        upsampling="most" if most else "normal",
        norm="batch" if batch else "instance",
        kernel=shared.shape[2],
        hidden=shared.shape[0],
        style_dim=style_dim,
        grid=_grid(fc.shape[0], 16 * width) if style_dim else (8, 8),
    )
    return Foreign(
        family=FAMILY,
        task="translator",
        weights=NetworkWeights("spade", asdict(config), tensors.done()),
        resolution=config.grid[1] * config.multiple if style_dim else 0,
        notes="" if most else UPSAMPLING_NOTE,
    )


def _block(tensors: Renaming, old: str, new: str) -> None:
    for conv, norm, part in (
        ("conv_0", "norm_0", "0"),
        ("conv_1", "norm_1", "1"),
        ("conv_s", "norm_s", "_skip"),
    ):
        if f"{old}.{norm}.mlp_gamma.weight" not in tensors.rest and part == "_skip":
            continue
        weight = spectral_weight(tensors, f"{old}.{conv}")
        tensors.new[f"{new}.conv{part}.weight"] = weight
        if part != "_skip":
            tensors.copy(f"{old}.{conv}", f"{new}.conv{part}", "bias")
        for source, target in (("mlp_shared.0", "shared"), ("mlp_gamma", "gamma"), ("mlp_beta", "beta")):
            tensors.copy(f"{old}.{norm}.{source}", f"{new}.norm{part}.{target}", "weight", "bias")
        if tensors.norm == "batch":
            tensors.batch_statistics(f"{old}.{norm}.param_free_norm", f"{new}.norm{part}.norm")


def _grid(rows: int, channels: int) -> tuple[int, int]:
    """Height and width of the map that the style is expanded to: square, or half as high as wide."""
    cells = rows // channels
    for ratio in (1, 2):
        height = math.isqrt(cells // ratio)
        if height and ratio * height * height * channels == rows:
            return height, ratio * height
    raise CheckpointError(
        f"its style layer of {rows} numbers spreads over no image of proportions 1:1 or 2:1",
        "other proportions are not supported",
    )


def _encoder(state: State) -> Foreign:
    tensors = Renaming(state, "instance")
    layers = numbered(state, r"layer(\d+)\.")
    if layers != list(range(1, len(layers) + 1)) or not 2 <= len(layers) <= 10:
        raise CheckpointError(
            f"an image encoder of the layers {layers[:8]} is not known", "the file is damaged"
        )
    for i, n in enumerate(layers):
        tensors.conv_norm(f"layer{n}.0", f"layer{n}.1", f"blocks.{i}")
    tensors.copy("fc_mu", "to_mean", "weight", "bias")
    tensors.copy("fc_var", "to_log_variance", "weight", "bias")
    new = tensors.done()
    config = StyleEncoderConfig(
        style_dim=new["to_mean.weight"].shape[0],
        width=new["blocks.0.conv.weight"].shape[0],
        layers=len(layers),
    )
    weights = NetworkWeights("spade-encoder", asdict(config), new)
    return Foreign(FAMILY, "encoder", weights, resolution=4 * 2**config.layers)


def _discriminator(state: State) -> Foreign:
    """`discriminator_I.modelJ`: the first I sees the picture in full size."""
    scales = len(numbered(state, r"discriminator_(\d+)\.")[:MAX_LAYERS])
    last = len(numbered(state, r"discriminator_0\.model(\d+)\.")) - 1
    names = [
        [
            (f"discriminator_{i}.model{j}.0", "") if j in (0, last) else (
                f"discriminator_{i}.model{j}.0.0", f"discriminator_{i}.model{j}.0.1"
            )
            for j in range(min(last, MAX_LAYERS) + 1)
        ]
        for i in range(scales)
    ]  # fmt: skip
    return multi_scale(state, FAMILY, names)
