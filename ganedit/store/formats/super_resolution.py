"""Everything else that spandrel recognises: SwinIR, HAT, and so on; GFPGAN for faces, LaMa for holes.

This reader is asked last, since spandrel is slow to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.esrgan import KEYS
from ganedit.store.formats.state_dicts import state_dict

if TYPE_CHECKING:
    from ganedit.store.spandrel_network import Detected

FAMILY = "networks for super-resolution, faces and inpainting that spandrel knows"
FACE_SIDE = 512  # of the aligned faces that all published networks take
FINEST = 1024  # largest side that a network without a size of its own gets; larger pictures are reduced
LAMA = "model.1.bn_l.running_mean"  # a tensor of its generator


def read(content: Any) -> Foreign | None:
    """A network that enlarges, restores or fills RGB pictures; None for anything that spandrel does not know.

    Raises:
        CheckpointError: damaged, or a network for something else.
        MissingError: a network in a package that is not installed.
    """
    state = state_dict(content, *KEYS)
    if state is None or sum(t.ndim >= 2 for t in state.values()) < 2:
        return None
    if all(name.startswith("netG.") for name in state):
        state = {name.removeprefix("netG."): tensor for name, tensor in state.items()}
    from ganedit.store.spandrel_network import detect

    state = _lama(state)
    found = detect(state)
    if found is None:
        return None
    weights = NetworkWeights("spandrel", found.config, state)
    return _for_purpose(found, weights)


def _for_purpose(found: Detected, weights: NetworkWeights) -> Foreign:
    unit = (0.0, 1.0)
    if found.purpose == "FaceSR":
        return Foreign(
            found.kind, "restorer", weights, resolution=FACE_SIDE, value_range=unit, template="ffhq"
        )
    if found.purpose == "Inpainting":
        details = {"use": "inpaint"} if found.side else {"use": "inpaint", "finest": FINEST}
        return Foreign(found.kind, "translator", weights, resolution=found.side, details=details)
    return Foreign(found.kind, "upscaler", weights, value_range=unit, details={"scale": found.scale})


def _lama(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of LaMa's generator under spandrel's names, whatever else a file of its training holds;
    those of other networks as they are."""
    for prefix in ("generator.", "model.", ""):
        if prefix + LAMA in state:
            own = prefix + "model."
            return {
                "model.model." + name.removeprefix(own): tensor
                for name, tensor in state.items()
                if name.startswith(own)
            }
    return dict(state)
