"""Folders of pytorch-pretrained-BigGAN (also on Hugging Face as biggan-deep-*): config.json and
pytorch_model.bin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ganedit.errors import CheckpointError
from ganedit.nets.biggan import GeneratorConfig
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.renaming import Renaming, spectral_weight
from ganedit.store.formats.state_dicts import state_dict

FAMILY = "pytorch-pretrained-BigGAN"
IMAGENET = 1000  # classes
ATTENTION = {"query": "theta", "key": "phi", "value": "g", "out": "o_conv"}


def read(content: Any) -> Foreign | None:
    """The generator of a folder; None for anything else."""
    if not isinstance(content, Mapping) or "config.json" not in content:
        return None
    state = state_dict(content["pytorch_model.bin"])
    settings = content["config.json"]
    if state is None or not isinstance(settings, Mapping) or "embeddings.weight" not in state:
        raise CheckpointError(
            "config.json and pytorch_model.bin hold no BigGAN", f"known are folders of {FAMILY}"
        )
    config = _config(settings)
    details = {"classes": _imagenet_classes()} if config.num_classes == IMAGENET else {}
    return Foreign(
        family=FAMILY,
        task="generator",
        weights=NetworkWeights("biggan", asdict(config), _renamed(Renaming(state), config)),
        resolution=config.resolution,
        details=details,
        notes="psi is the truncation of z, above 0 and at most 1; there is no style space",
    )


def _config(settings: Mapping[str, Any]) -> GeneratorConfig:
    width = int(settings["channel_width"])
    layers = settings["layers"]
    if not 1 <= len(layers) <= 100 or not 0 <= int(settings["attention_layer_position"]) < len(layers):
        raise CheckpointError("config.json describes an impossible network", "get the folder again")
    return GeneratorConfig(
        channels=tuple((width * int(i), width * int(o)) for _, i, o in layers),
        doubling=tuple(bool(up) for up, _, _ in layers),
        attention=int(settings["attention_layer_position"]),
        z_dim=int(settings["z_dim"]),
        class_dim=int(settings["class_embed_dim"]),
        num_classes=int(settings["num_classes"]),
        num_statistics=int(settings["n_stats"]),
        rgb_channels=width,
        eps=float(settings["eps"]),
    )


def _renamed(tensors: Renaming, config: GeneratorConfig) -> dict[str, Any]:
    tensors.copy("embeddings", "embed", "weight")
    tensors.conv("generator.gen_z", "start")
    at = 0  # in the file's numbering, which counts attention as a layer
    for i in range(len(config.channels)):
        if i == config.attention:
            _attention(tensors, f"generator.layers.{at}")
            at += 1
        for j in range(4):
            old, new = f"generator.layers.{at}", f"blocks.{i}"
            _norm(tensors, f"{old}.bn_{j}", f"{new}.norms.{j}")
            for ours, theirs in (("scale", "scale"), ("shift", "offset")):
                weight = spectral_weight(tensors, f"{old}.bn_{j}.{theirs}")
                tensors.new[f"{new}.norms.{j}.{ours}.weight"] = weight
            tensors.conv(f"{old}.conv_{j}", f"{new}.convs.{j}")
        at += 1
    _norm(tensors, "generator.bn", "norm")
    tensors.new["norm.scale"] = tensors.take("generator.bn.weight")
    tensors.new["norm.shift"] = tensors.take("generator.bn.bias")
    tensors.conv("generator.conv_to_rgb", "to_rgb")
    return tensors.done()


def _attention(tensors: Renaming, old: str) -> None:
    for ours, theirs in ATTENTION.items():
        tensors.new[f"attention.{ours}.weight"] = spectral_weight(tensors, f"{old}.snconv1x1_{theirs}")
    tensors.new["attention.gamma"] = tensors.take(f"{old}.gamma")


def _norm(tensors: Renaming, old: str, new: str) -> None:
    tensors.new[f"{new}.means"] = tensors.take(f"{old}.running_means")
    tensors.new[f"{new}.variances"] = tensors.take(f"{old}.running_vars")


def _imagenet_classes() -> list[str]:
    """Names of the thousand classes, in their usual order."""
    from torchvision.models import ResNet18_Weights

    return list(ResNet18_Weights.DEFAULT.meta["categories"])
