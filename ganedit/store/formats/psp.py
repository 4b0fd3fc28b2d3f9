"""Checkpoints of pixel2style2pixel (pSp) and encoder4editing (e4e): encoder, mean code, options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from ganedit.errors import CheckpointError
from ganedit.nets.irse_encoder import IRSEEncoderConfig
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.renaming import Renaming
from ganedit.store.formats.state_dicts import numbered
from ganedit.store.pickles.stand_ins import StandIn

FAMILY = "encoder4editing and pixel2style2pixel"
KINDS = {"Encoder4Editing": "e4e", "GradualStyleEncoder": "psp"}
FACES = ("ffhq", "celeb")  # parts of the names of data sets whose pictures are aligned like FFHQ


def read(content: Any) -> Foreign | None:
    """The encoder of a file; None for anything else.

    Raises:
        CheckpointError: another kind of encoder, or damaged.
    """
    state = content.get("state_dict") if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not any(str(k).startswith("encoder.input_layer.") for k in state):
        return None
    options = content.get("opts", {})
    options = options.state if isinstance(options, StandIn) else dict(options)
    encoder = {
        k.removeprefix("encoder."): v
        for k, v in state.items()
        if isinstance(k, str) and k.startswith("encoder.") and isinstance(v, Tensor)
    }
    kind = KINDS.get(str(options.get("encoder_type", "GradualStyleEncoder")))
    if kind is None:
        raise CheckpointError(
            f"its encoder is a {str(options['encoder_type'])[:40]}", f"known are {' and '.join(KINDS)}"
        )
    config, named = _renamed(encoder, kind)
    named["w_avg"] = _mean_code(content, options, config)
    data = str(options.get("dataset_type", ""))
    return Foreign(
        family=FAMILY,
        task="encoder",
        weights=NetworkWeights("irse-encoder", asdict(config), named),
        resolution=config.resolution,
        template="ffhq" if any(word in data for word in FACES) else "",
        details={"dataset_type": data[:100]} if data else {},
        notes="the generator in the file is left out: import the StyleGAN2 that it was trained for",
    )


def _renamed(state: dict[str, Tensor], kind: str) -> tuple[IRSEEncoderConfig, dict[str, Tensor]]:
    tensors = Renaming(state)
    tensors.copy("input_layer.0", "stem.0", "weight")
    _norm(tensors, "input_layer.1", "stem.1")
    tensors.copy("input_layer.2", "stem.2", "weight")
    widths, units = _trunk(tensors)
    tensors.copy("latlayer1", "lateral.0", "weight", "bias")
    tensors.copy("latlayer2", "lateral.1", "weight", "bias")
    rows = numbered(state, r"styles\.(\d+)\.")
    heads = [_head(tensors, row) for row in rows]
    if rows != list(range(len(rows))) or not heads or not set(heads) <= {min(heads) + i for i in range(3)}:
        raise CheckpointError("its heads are not those of a pSp or e4e encoder", "the file is damaged")
    config = IRSEEncoderConfig(
        kind="e4e" if kind == "e4e" else "psp",
        stem=tensors.new["stem.0.weight"].shape[0],
        widths=widths,
        units=units,
        heads=tuple(heads),
        in_channels=tensors.new["stem.0.weight"].shape[1],
    )
    return config, tensors.done()


def _norm(tensors: Renaming, old: str, new: str) -> None:
    tensors.copy(old, new, "weight", "bias")
    tensors.batch_statistics(old, new)


def _trunk(tensors: Renaming) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Widths and units of the stages: a stage begins at the first unit, and wherever the width changes."""
    widths: list[int] = []
    units: list[int] = []
    for number in numbered(tensors.rest, r"body\.(\d+)\."):
        old = f"body.{number}"
        width = tensors.rest[f"{old}.res_layer.1.weight"].shape[0]
        if f"{old}.shortcut_layer.0.weight" in tensors.rest or not widths:
            widths.append(width)
            units.append(0)
        new = f"stages.{len(widths) - 1}.{units[-1]}"
        units[-1] += 1
        _unit(tensors, old, new)
    return tuple(widths), tuple(units)


def _unit(tensors: Renaming, old: str, new: str) -> None:
    _norm(tensors, f"{old}.res_layer.0", f"{new}.norm0")
    tensors.copy(f"{old}.res_layer.1", f"{new}.conv0", "weight")
    tensors.copy(f"{old}.res_layer.2", f"{new}.act", "weight")
    tensors.copy(f"{old}.res_layer.3", f"{new}.conv1", "weight")
    _norm(tensors, f"{old}.res_layer.4", f"{new}.norm1")
    tensors.copy(f"{old}.res_layer.5.fc1", f"{new}.excitation.squeeze", "weight")
    tensors.copy(f"{old}.res_layer.5.fc2", f"{new}.excitation.excite", "weight")
    if f"{old}.shortcut_layer.0.weight" in tensors.rest:
        tensors.copy(f"{old}.shortcut_layer.0", f"{new}.skip", "weight")
        _norm(tensors, f"{old}.shortcut_layer.1", f"{new}.skip_norm")


def _head(tensors: Renaming, row: int) -> int:
    """Move the head of a row; returns its number of convolutions."""
    places = numbered(tensors.rest, rf"styles\.{row}\.convs\.(\d+)\.")  # activations lie in between
    for i, place in enumerate(places):
        tensors.copy(f"styles.{row}.convs.{place}", f"heads.{row}.convs.{i}", "weight", "bias")
    tensors.copy(f"styles.{row}.linear", f"heads.{row}.out", "weight", "bias")
    return len(places)


def _mean_code(content: Mapping[str, Any], options: Mapping[str, Any], config: IRSEEncoderConfig) -> Tensor:
    """Mean [L, W] that the codes are relative to: the stored one if the options say so, otherwise 0."""
    rows = torch.zeros(config.num_ws, config.w_dim)
    average = content.get("latent_avg")
    if not options.get("start_from_latent_avg", average is not None):
        return rows
    if not isinstance(average, Tensor):
        raise CheckpointError(
            "its codes are relative to a latent_avg that is not there", "get the file again"
        )
    average = average.float().reshape(-1, config.w_dim)  # [W], [1, W] or [L, W]
    return rows + (average[:1] if options.get("learn_in_w") else average[: config.num_ws])
