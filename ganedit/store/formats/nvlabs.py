"""Network pickles of the stylegan2-ada-pytorch and stylegan3 codes.

A file is a dictionary with the networks `G`, `D` and `G_ema`, or a single generator (pivotal tuning); each is
an object whose class is stored as source code, which is ignored: sizes come from the stored tensors and
settings. Only `G_ema` (otherwise `G`) and `D` are used.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganedit.errors import CheckpointError
from ganedit.nets.stylegan2 import DiscriminatorConfig, GeneratorConfig
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats import nvlabs_sg3
from ganedit.store.formats.nvlabs_modules import (
    SUPPORTED,
    block_sizes,
    child,
    children,
    clamp_of,
    mapping_config,
    numbered_children,
    setting,
    state_of,
    tensor,
)
from ganedit.store.pickles.stand_ins import StandIn

FAMILY = "stylegan2-ada-pytorch and stylegan3"
WHOLE_BATCH = 2**16  # minibatch groups of unlimited size


def read(content: Any) -> Foreign | None:
    """The networks of a pickle; None for anything without a module of a style-based generator.

    Raises:
        CheckpointError: neither a StyleGAN2 nor a StyleGAN3, or incomplete.
    """
    content = {"G_ema": content} if isinstance(content, StandIn) else content
    if not isinstance(content, dict):
        return None
    g = next((content[k] for k in ("G_ema", "G") if isinstance(content.get(k), StandIn)), None)
    if g is None or not {"mapping", "synthesis"} <= children(g).keys():
        return None
    inside = children(child(g, "synthesis"))
    if "input" in inside:
        family, weights = "stylegan3", nvlabs_sg3.generator(g)
    elif "b4" in inside:
        family, weights = "stylegan2-ada-pytorch", _generator(g)
    else:
        raise CheckpointError(f"its {g.class_name} is neither a StyleGAN2 nor a StyleGAN3", SUPPORTED)
    discriminator, notes = None, ""
    d = content.get("D")
    if isinstance(d, StandIn):
        try:
            discriminator = _discriminator(d)
        except CheckpointError as error:
            notes = f"its discriminator was left out: {error.message}"
    resolution = weights.config["resolution"]
    return Foreign(family, "generator", weights, resolution, discriminator=discriminator, notes=notes)


def _generator(g: StandIn) -> NetworkWeights:
    synthesis = child(g, "synthesis")
    blocks = [child(synthesis, f"b{size}") for size in block_sizes(synthesis)]
    _require_skips(blocks)
    conv = child(blocks[0], "conv1")
    _require_lrelu(conv)
    config = GeneratorConfig(
        **mapping_config(child(g, "mapping")),
        resolution=4 << (len(blocks) - 1),
        channels=tuple(tensor(b, "conv1", "weight").shape[0] for b in blocks),
        image_channels=tensor(blocks[-1], "torgb", "weight").shape[0],
        clamp=clamp_of(conv),
    )
    return NetworkWeights("stylegan2", config.to_dict(), _with_noise(state_of(g)))


def _require_skips(blocks: list[StandIn]) -> None:
    """Refuse other architectures than "skip", the only one of three that published generators use."""
    for block in blocks:
        kind = setting(block, "architecture", "skip")
        if "skip" in children(block):
            kind = "resnet"
        elif "torgb" not in children(block):
            kind = "orig"
        if kind != "skip":
            raise CheckpointError(
                f"its generator is of the architecture {str(kind)[:20]!r}, one of StyleGAN2's experiments",
                "only 'skip', which all published models have, is supported",
            )


def _with_noise(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state, where layers made without noise get noise of strength 0."""
    for name in [k for k in state if k.endswith((".conv0.weight", ".conv1.weight"))]:
        layer = name.removesuffix("weight")
        size = int(layer.split(".")[-3].removeprefix("b"))
        state.setdefault(f"{layer}noise_strength", torch.zeros(()))
        state.setdefault(f"{layer}noise_const", torch.zeros(size, size))
    return state


def _discriminator(d: StandIn) -> NetworkWeights:
    blocks = [child(d, f"b{size}") for size in block_sizes(d)]  # 4 px first
    epilogue, finest = blocks[0], blocks[-1]
    if any("skip" not in children(b) for b in blocks[1:]):
        raise CheckpointError("it has no residual blocks", "only 'resnet' is supported")
    conv = child(finest, "conv0")
    _require_lrelu(conv)
    last = tensor(epilogue, "conv", "weight")
    std = children(epilogue).get("mbstd")
    group = setting(std, "group_size", 4) if isinstance(std, StandIn) else 1
    config = DiscriminatorConfig(
        **_class_embedding(d),
        resolution=4 << (len(blocks) - 1),
        channels=(last.shape[0], *(tensor(b, "conv0", "weight").shape[0] for b in blocks[1:])),
        image_channels=tensor(finest, "fromrgb", "weight").shape[1],
        mbstd_group=WHOLE_BATCH if group is None else int(group),
        mbstd_channels=last.shape[1] - last.shape[0],
        clamp=clamp_of(conv),
    )
    return NetworkWeights("stylegan2-discriminator", config.to_dict(), state_of(d))


def _class_embedding(d: StandIn) -> dict[str, int]:
    """Config fields for a discriminator's classes, from its tensors."""
    mapping = children(d).get("mapping")
    if not isinstance(mapping, StandIn):
        return {}
    layers = numbered_children(mapping, r"fc(\d{1,3})")
    return {
        "num_classes": tensor(mapping, "embed", "weight").shape[1],
        "mapping_layers": len(layers),
        "mapping_dim": tensor(mapping, layers[-1], "weight").shape[0],
    }


def _require_lrelu(layer: StandIn) -> None:
    activation = setting(layer, "activation", "lrelu")
    if activation != "lrelu":
        raise CheckpointError(f"its activation is {str(activation)[:30]!r}", "only 'lrelu' is supported")
