"""Network pickles of stylegan2-ada-pytorch (and the stylegan3 code's StyleGAN2 configurations).

A file is a dictionary with the networks `G`, `D` and `G_ema`; each is an object whose class came as source
code, which is ignored: sizes are read from the stored tensors and settings. Only `G_ema` and `D` are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ganedit.errors import CheckpointError
from ganedit.nets.stylegan2 import DiscriminatorConfig, GeneratorConfig, sizes
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.unpickle import PersistentObject

FAMILY = "stylegan2-ada-pytorch"
SUPPORTED = "ganedit reads StyleGAN2 network pickles in the layout of stylegan2-ada-pytorch"
MAX_DEPTH = 20
MAX_MODULES = 10_000
WHOLE_BATCH = 2**16  # minibatch groups of unlimited size
FILTER = (1.0, 3.0, 3.0, 1.0)

State = dict[str, Tensor]


def read(content: Any) -> Foreign | None:
    """The networks of a pickle; None for anything that holds no module of a generator.

    Raises:
        CheckpointError: not a StyleGAN2, or incomplete.
    """
    if not isinstance(content, dict):
        return None
    g, d = content.get("G_ema", content.get("G")), content.get("D")
    if not isinstance(g, PersistentObject):
        return None
    if "mapping" not in _children(g) or "b4" not in _children(_child(g, "synthesis")):
        raise CheckpointError(f"its {g.class_name} is not a StyleGAN2", SUPPORTED)
    weights = _generator(g)
    return Foreign(
        family=FAMILY,
        task="generator",
        weights=weights,
        resolution=weights.config["resolution"],
        discriminator=_discriminator(d) if isinstance(d, PersistentObject) else None,
    )


def _generator(g: PersistentObject) -> NetworkWeights:
    mapping, synthesis = _child(g, "mapping"), _child(g, "synthesis")
    state = _state(g)
    resolution = int(synthesis.state["img_resolution"])
    blocks = [_child(synthesis, f"b{size}") for size in _sizes(resolution)]
    _require(blocks[-1].state.get("architecture", "skip"), "skip", "generator architecture")
    conv = _child(blocks[0], "conv1")
    _require(conv.state.get("activation", "lrelu"), "lrelu", "activation")
    fc0 = _child(mapping, "fc0")
    config = GeneratorConfig(
        resolution=resolution,
        channels=tuple(_tensor(b, "conv1", "weight").shape[0] for b in blocks),
        z_dim=int(mapping.state["z_dim"]),
        w_dim=int(mapping.state["w_dim"]),
        num_classes=int(mapping.state.get("c_dim") or 0),
        mapping_layers=sum(name.startswith("fc") for name in _children(mapping)),
        mapping_lr_multiplier=float(fc0.state["bias_gain"]),
        image_channels=_tensor(blocks[-1], "torgb", "weight").shape[0],
        clamp=_clamp(conv),
    )
    return NetworkWeights("stylegan2", config.to_dict(), state)


def _discriminator(d: PersistentObject) -> NetworkWeights:
    state = _state(d)
    resolution = int(d.state["img_resolution"])
    blocks = [_child(d, f"b{size}") for size in _sizes(resolution)]  # 4 px first
    epilogue, finest = blocks[0], blocks[-1]
    _require(finest.state.get("architecture", "resnet"), "resnet", "discriminator architecture")
    std = _child(epilogue, "mbstd") if "mbstd" in _children(epilogue) else None
    mapping = _child(d, "mapping") if "mapping" in _children(d) else None
    group = std.state["group_size"] if std else 1
    config = DiscriminatorConfig(
        resolution=resolution,
        channels=(
            _tensor(epilogue, "conv", "weight").shape[0],
            *(_tensor(b, "conv0", "weight").shape[0] for b in blocks[1:]),
        ),
        num_classes=int(d.state.get("c_dim") or 0),
        mapping_layers=sum(n.startswith("fc") for n in _children(mapping)) if mapping else 8,
        mapping_dim=int(mapping.state["w_dim"]) if mapping else 0,
        image_channels=_tensor(finest, "fromrgb", "weight").shape[1],
        mbstd_group=WHOLE_BATCH if group is None else int(group),
        mbstd_channels=int(std.state["num_channels"]) if std else 0,
        clamp=_clamp(_child(finest, "conv0")),
    )
    return NetworkWeights("stylegan2-discriminator", config.to_dict(), state)


def _sizes(resolution: int) -> list[int]:
    if not 8 <= resolution <= 2**14:
        raise CheckpointError(f"a resolution of {resolution} is not possible", SUPPORTED)
    return sizes(resolution)


def _clamp(layer: PersistentObject) -> float | None:
    """Activation clamp; files from before float16 training have none."""
    value = layer.state.get("conv_clamp")
    return None if value is None else float(value)


def _require(found: Any, wanted: str, what: str) -> None:
    if found != wanted:
        raise CheckpointError(f"its {what} is {str(found)[:30]!r}", f"only {wanted!r} is supported")


# ---- modules as PyTorch pickles them: `_parameters`, `_buffers` and `_modules` ----


def _children(module: PersistentObject) -> dict[str, Any]:
    return module.state["_modules"]


def _child(module: PersistentObject, name: str) -> PersistentObject:
    child = _children(module).get(name)
    if not isinstance(child, PersistentObject):
        raise CheckpointError(f"its {module.class_name} has no {name}", SUPPORTED)
    return child


def _tensor(block: PersistentObject, layer: str, name: str) -> Tensor:
    return _child(block, layer).state["_parameters"][name]


def _state(module: PersistentObject) -> State:
    """All tensors by dotted name, but for the resampling filters, which are checked and left out."""
    state: State = {}
    for name, value in _walk(module):
        if name.endswith("resample_filter"):
            wanted = torch.outer(torch.tensor(FILTER), torch.tensor(FILTER))
            if value.shape != wanted.shape or not torch.allclose(value.float(), wanted / wanted.sum()):
                raise CheckpointError("its resampling filter is not [1, 3, 3, 1]", SUPPORTED)
        else:
            state[name] = value
    return state


def _walk(root: PersistentObject) -> Iterator[tuple[str, Tensor]]:
    todo = [("", root, 0)]
    count = 0
    while todo:
        prefix, module, depth = todo.pop()
        count += 1
        if depth > MAX_DEPTH or count > MAX_MODULES:
            raise CheckpointError("its modules are nested without end", "it may be hostile")
        for kind in ("_parameters", "_buffers"):
            for name, value in module.state[kind].items():
                if isinstance(value, Tensor):
                    yield prefix + name, value
        for name, child in module.state["_modules"].items():
            if isinstance(child, PersistentObject):
                todo.append((f"{prefix}{name}.", child, depth + 1))
