"""Bare state dictionaries of pytorch-CycleGAN-and-pix2pix (`*_net_G*.pth`, `*_net_D*.pth`).

They hold no options: everything follows from the numbers in the keys and the shapes. A pix2pixHD global
generator has the same layout, and is recognised by having three or more reductions.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from ganedit.errors import CheckpointError
from ganedit.nets.layers_translation import Norm
from ganedit.nets.patchgan import PatchGANConfig
from ganedit.nets.resnet import ResNetConfig
from ganedit.nets.unet import UNetConfig
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.renaming import MAX_LAYERS, Renaming, norm_of, side
from ganedit.store.formats.state_dicts import State, numbered, state_dict

FAMILY = "pytorch-CycleGAN-and-pix2pix"
HD_FAMILY = "pix2pixHD"
NO_TRACE = (
    "the file does not tell the normalisation: taken for instance normalisation without parameters, "
    "the default of the code that writes such files; --set norm=... at the import says otherwise"
)


def read(content: Any) -> Foreign | None:
    """A ResNet or U-Net generator, or a PatchGAN; None for anything else.

    Raises:
        CheckpointError: one of these, but damaged or of a layout that this program never wrote.
    """
    state = state_dict(content) or {}
    if side(state, "model.1.weight") == 7 and any(".conv_block." in name for name in state):
        return None if any(name.startswith("model1_") for name in state) else _resnet(state)
    if side(state, "model.model.0.weight") == 4:
        return _unet(state)
    if side(state, "model.0.weight") == 4 and side(state, "model.2.weight") == 4:
        return _patchgan(state)
    if side(state, "net.0.weight") == 1 and side(state, "net.2.weight") == 1:
        return _pixel(state)
    return None


def _resnet(state: State) -> Foreign:
    blocks = numbered(state, r"model\.(\d+)\.conv_block\.")
    convs = _convs(state)
    downs = len([n for n in convs if n < blocks[0]]) - 1
    first_up = blocks[-1] + 1
    tensors, second, norm = residual(state, "model", blocks, [1 + 3 * i for i in range(downs + 1)], downs)
    head = first_up + 3 * downs + 1
    width, in_channels = state["model.1.weight"].shape[:2]
    tensors.conv(f"model.{head}", "to_image")
    config = ResNetConfig(
        in_channels=in_channels,
        out_channels=len(state[f"model.{head}.weight"]),
        width=width,
        blocks=len(blocks),
        downs=downs,
        norm=norm,
        dropout=second == 6,
    )
    return Foreign(
        family=FAMILY if downs < 3 else HD_FAMILY,
        task="translator",
        weights=NetworkWeights("resnet", asdict(config), tensors.done()),
        notes=_notes(state, norm),
    )


def _convs(state: State) -> list[int]:
    """Numbers of the convolutions at the top level."""
    return [n for n in numbered(state, r"model\.(\d+)\.weight") if side(state, f"model.{n}.weight")]


def residual(
    state: State, prefix: str, blocks: list[int], convs: list[int], downs: int
) -> tuple[Renaming, int, Norm]:
    """The trunk of a residual generator, renamed.

    Args:
        state: Tensors of the file.
        prefix: The part of the names before the layer numbers.
        blocks: Numbers of the residual blocks.
        convs: Numbers of the first convolution and of those that halve the size.
        downs: How many convolutions halve the size.

    Returns:
        The unfinished renaming, the number of the second convolution in a block (5, or 6 with dropout), and
        the normalisation.
    """
    if not 1 <= downs <= 10 or len(blocks) > MAX_LAYERS or blocks != list(range(blocks[0], blocks[-1] + 1)):
        raise CheckpointError(
            f"a residual generator with {downs} reductions and the blocks {blocks[:3]}... is not known",
            "the file is of another network, or damaged",
        )
    block = f"{prefix}.{blocks[0]}.conv_block"
    second = 6 if side(state, f"{block}.6.weight") else 5
    norms = [f"{prefix}.{convs[0] + 1}", f"{block}.2"]
    norm = norm_of(state, norms, f"{prefix}.{convs[0]}")
    tensors = Renaming(state, norm)
    tensors.conv_norm(f"{prefix}.{convs[0]}", f"{prefix}.{convs[0] + 1}", "trunk.stem")
    for i, n in enumerate(convs[1:]):
        tensors.conv_norm(f"{prefix}.{n}", f"{prefix}.{n + 1}", f"trunk.down.{i}")
    for i, n in enumerate(blocks):
        block = f"{prefix}.{n}.conv_block"
        tensors.conv_norm(f"{block}.1", f"{block}.2", f"trunk.blocks.{i}.first")
        tensors.conv_norm(f"{block}.{second}", f"{block}.{second + 1}", f"trunk.blocks.{i}.second")
    for i in range(downs):
        n = blocks[-1] + 1 + 3 * i
        tensors.conv_norm(f"{prefix}.{n}", f"{prefix}.{n + 1}", f"trunk.up.{i}", transposed=True)
    return tensors, second, norm


def _unet(state: State) -> Foreign:
    """Levels are nested: each holds the next one, as number 1 in the outermost level and 3 inside."""
    depth = max(len(re.findall(r"model\.", name)) for name in state) - 1
    if not 3 <= depth <= 16:
        raise CheckpointError(f"a U-Net of {depth} levels is not known", "the file is damaged")
    levels = ["model.model", *("model.model.1.model" + ".3.model" * i for i in range(depth - 1))]
    last = depth - 1
    norm = norm_of(state, [f"{levels[1]}.2"], f"{levels[1]}.1")
    tensors = Renaming(state, norm)
    for i, level in enumerate(levels):
        if i in (0, last):
            tensors.conv(f"{level}.{0 if i == 0 else 1}", f"down.{i}.conv", unbiased=True)
        else:
            tensors.conv_norm(f"{level}.1", f"{level}.2", f"down.{i}")
        if i == 0:
            tensors.conv(f"{level}.3", "up.0.conv", transposed=True)
        else:
            n = 3 if i == last else 5
            tensors.conv_norm(f"{level}.{n}", f"{level}.{n + 1}", f"up.{i}", transposed=True)
    new = tensors.done()
    width, in_channels = new["down.0.conv.weight"].shape[:2]
    out_channels = new["up.0.conv.weight"].shape[1]
    config = UNetConfig(in_channels, out_channels, width, downs=depth, norm=norm)
    return Foreign(
        family=FAMILY,
        task="translator",
        weights=NetworkWeights("unet", asdict(config), new),
        resolution=2**depth,
        notes=_notes(state, norm),
    )


def _patchgan(state: State) -> Foreign:
    convs = _convs(state)
    wanted = [0, *range(2, 3 * len(convs) - 3, 3)]
    if convs != wanted or not 3 <= len(convs) <= 12:
        raise CheckpointError(f"a PatchGAN with the layers {convs[:6]} is not known", "the file is damaged")
    return _discriminator(state, "model", convs, layers=len(convs) - 2)


def _pixel(state: State) -> Foreign:
    return _discriminator(state, "net", [0, 2, 5], layers=0)


def _discriminator(state: State, prefix: str, convs: list[int], layers: int) -> Foreign:
    inner, head = convs[1:-1], convs[-1]
    norm = norm_of(state, [f"{prefix}.{n + 1}" for n in inner], f"{prefix}.{inner[0]}")
    tensors = Renaming(state, norm)
    tensors.conv(f"{prefix}.0", "blocks.0.conv")
    for i, n in enumerate(inner):
        tensors.conv_norm(f"{prefix}.{n}", f"{prefix}.{n + 1}", f"blocks.{i + 1}")
    tensors.conv(f"{prefix}.{head}", "to_logits", unbiased=not layers)
    width, in_channels = state[f"{prefix}.0.weight"].shape[:2]
    config = PatchGANConfig(in_channels, width, layers, norm)
    return Foreign(
        family=FAMILY,
        task="discriminator",
        weights=NetworkWeights("patchgan", asdict(config), tensors.done()),
        notes=_notes(state, norm),
    )


def _notes(state: State, norm: Norm) -> str:
    """A note in case the normalisation had to be guessed."""
    traced = any(name.endswith("running_mean") for name in state)
    return NO_TRACE if norm == "instance" and not traced else ""
