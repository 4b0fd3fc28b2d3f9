"""The weights of TensorFlow's Inception v3 in PyTorch, as torch-fidelity, pytorch-fid and torchmetrics use
them (`weights-inception-2015-12-05-6726825d.pth`, `pt_inception-2015-12-05-6726825d.pth`).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from torch import Tensor

from ganedit.nets.inception import SIDE, InceptionConfig
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.renaming import fold_norm
from ganedit.store.formats.state_dicts import State, state_dict

FAMILY = "Inception of FID"
BATCH_NORM_EPS = 1e-3
FIRST, LAST = "Conv2d_1a_3x3.conv.weight", "Mixed_7c.branch_pool.conv.weight"


def read(content: Any) -> Foreign | None:
    """Inception v3 with 1,008 outputs; None for anything else, such as torchvision's with 1,000."""
    state = state_dict(content)
    if not state or not {FIRST, LAST, "fc.weight"} <= state.keys() or "AuxLogits.fc.weight" in state:
        return None
    ours = {name: state[name] for name in ("fc.weight", "fc.bias")}
    for name in state:
        if name.endswith(".conv.weight"):
            ours |= _folded(state, name.removesuffix(".conv.weight"))
    outputs = len(state["fc.weight"])
    config = InceptionConfig(outputs, narrow=max(32 // len(state[FIRST]), 1))
    weights = NetworkWeights("inception", asdict(config), ours)
    return Foreign(FAMILY, "classifier", weights, resolution=SIDE)


def _folded(state: State, layer: str) -> dict[str, Tensor]:
    """A convolution without bias and the batch normalisation after it as one convolution."""
    weight, bias = fold_norm(state[f"{layer}.conv.weight"], state, f"{layer}.bn", BATCH_NORM_EPS)
    return {f"{layer}.weight": weight, f"{layer}.bias": bias}
