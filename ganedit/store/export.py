"""Exports models as files that other programs load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganedit.errors import CheckpointError, UsageError, did_you_mean
from ganedit.files import atomic_path
from ganedit.nets.srvgg import SRVGGConfig
from ganedit.store.formats import compact, esrgan
from ganedit.store.formats.ncnn import graph_of
from ganedit.store.formats.rosinality import generator_names, noise_names
from ganedit.store.models import Model
from ganedit.store.ncnn import write_graph
from ganedit.store.weights import write_weights

FORMATS = {
    "safetensors": "one file with weights and description, which ganedit loads",
    "rosinality": ".pt with g_ema and latent_avg, for rosinality's stylegan2-pytorch and its relatives",
    "pth": ".pth with params_ema, for Real-ESRGAN's code, BasicSR and chaiNNer",
    "ncnn": ".param and .bin, for Upscayl and other programs that use NCNN",
    "nvlabs-state": ".pt state dictionary for G.load_state_dict of stylegan2-ada-pytorch and stylegan3",
}
"""Description of each format."""

OF_ONE_FILE = ("sha256", "discriminator", "discriminator_sha256", "metrics")
"""Fields of a card that describe the original files."""

State = dict[str, Tensor]


def export(model: Model, path: str | Path, format: str = "safetensors") -> Path:
    """Write the network of a model for other programs; an interrupted write leaves no file.

    The discriminator of a generator is not part of the file.

    Args:
        model: A model from `ganedit.load`.
        path: The new file; replaced if it exists.
        format: "safetensors" (every model; ganedit opens it), "rosinality" (StyleGAN2, for
            rosinality/stylegan2-pytorch), "nvlabs-state" (StyleGAN2 and 3, a state dictionary for NVIDIA's
            code), "pth" (ESRGAN and compact upscalers, for Real-ESRGAN's code) or "ncnn" (the same, in the
            two files .param and .bin).

    Returns:
        The path; of NCNN's files that of the .param.

    Raises:
        UsageError: There is no such format.
        CheckpointError: The format cannot hold such a model.

    Examples:
        >>> ganedit.export_model(ganedit.load("upscale-x4"), "x4.safetensors").name
        'x4.safetensors'
    """
    if format not in FORMATS:
        raise UsageError(
            f"there is no format {format}",
            did_you_mean(format, FORMATS) or f"choose {', '.join(FORMATS)}",
        )
    path = Path(path)
    state = {k: _stored(v) for k, v in model.network.state_dict().items()}
    if format == "safetensors":
        card = {k: v for k, v in asdict(model.card).items() if k not in OF_ONE_FILE}
        return write_weights(path, state, card)
    if format == "ncnn":
        _require(model, "ncnn", ("rrdb", "srvgg"))
        return write_graph(path, graph_of(model.network.cfg, state))[0]
    content = WRITERS[format](model, state)
    with atomic_path(path) as temporary:
        torch.save(content, temporary)
    return path


def _stored(tensor: Tensor) -> Tensor:
    """A contiguous copy on the CPU."""
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)


def _require(model: Model, format: str, architectures: tuple[str, ...]) -> None:
    if model.card.architecture not in architectures:
        raise CheckpointError(
            f"the model {model.name} is a {model.card.architecture}, which {format} has no place for",
            f"it is for {' and '.join(architectures)}; `format=safetensors` takes every model",
        )


def _rosinality(model: Model, state: State) -> dict[str, Any]:
    _require(model, "rosinality", ("stylegan2",))
    config = model.network.cfg
    strange = {
        "classes": config.num_classes > 0,
        "codes z and w of different sizes": config.z_dim != config.w_dim,
        "another learning rate of the mapping": abs(config.mapping_lr_multiplier - 0.01) > 1e-6,
        "images that are not RGB": config.image_channels != 3,
    }
    if any(strange.values()):
        features = ", ".join(what for what, is_so in strange.items() if is_so)
        raise CheckpointError(
            f"the model {model.name} has {features}; rosinality's code knows no such models"
        )
    names = generator_names(config)
    theirs: State = {}
    for ours, (name, (before, behind)) in names.items():
        shape = state[ours].shape
        theirs[name] = state[ours].reshape(*[1] * before, *shape, *[1] * behind)
    for ours, (name, side) in noise_names(config).items():
        theirs[name] = state[ours].reshape(1, 1, side, side)
    for level in range(len(config.channels) - 1):
        theirs[f"convs.{2 * level}.conv.blur.kernel"] = _filter(gain=4)
        theirs[f"to_rgbs.{level}.upsample.kernel"] = _filter(gain=4)
    return {"g_ema": theirs, "latent_avg": state["mapping.w_avg"]}


def _basicsr(model: Model, state: State) -> dict[str, State]:
    _require(model, "pth", ("rrdb", "srvgg"))
    config = model.network.cfg
    if isinstance(config, SRVGGConfig):
        return {"params_ema": compact.basicsr_names(state, config.layers)}
    names = esrgan.names_of(config).items()
    return {
        "params_ema": {
            f"{old}.{kind}": state[f"{new}.{kind}"] for old, new in names for kind in ("weight", "bias")
        }
    }


def _nvlabs_state(model: Model, state: State) -> State:
    _require(model, "nvlabs-state", ("stylegan2", "stylegan3"))
    if model.card.architecture == "stylegan3":
        return state
    layers = {k.removesuffix(".weight") for k in state if k.endswith((".conv0.weight", ".conv1.weight"))}
    blocks = {name.rpartition(".")[0] for name in layers}
    return state | {f"{name}.resample_filter": _filter(gain=1) for name in sorted(layers | blocks)}


def _filter(gain: float) -> Tensor:
    """The binomial low-pass filter [4, 4] that sums to `gain`."""
    f = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(f, f) * (gain / 64)


WRITERS: dict[str, Callable[[Model, State], Any]] = {
    "rosinality": _rosinality,
    "nvlabs-state": _nvlabs_state,
    "pth": _basicsr,
}
"""What `torch.save` writes in each format that is a pickled file."""
