"""Everything else that spandrel recognises: the compact networks of Real-ESRGAN, SwinIR, HAT, and so on.

This reader is asked last, since spandrel is slow to import.
"""

from __future__ import annotations

from typing import Any

from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.esrgan import KEYS
from ganedit.store.formats.state_dicts import state_dict

FAMILY = "super-resolution networks that spandrel knows"


def read(content: Any) -> Foreign | None:
    """A network that enlarges or restores RGB pictures; None for anything that spandrel does not know.

    Raises:
        CheckpointError: damaged, or a network for something else.
    """
    state = state_dict(content, *KEYS)
    if state is None or sum(t.ndim >= 2 for t in state.values()) < 2:
        return None
    if all(name.startswith("netG.") for name in state):
        state = {name.removeprefix("netG."): tensor for name, tensor in state.items()}
    from ganedit.store.spandrel_network import detect

    network = detect(state)
    if network is None:
        return None
    return Foreign(
        family=network.kind,
        task="upscaler",
        weights=NetworkWeights("spandrel", network._asdict(), state),
        value_range=(0.0, 1.0),
        details={"scale": network.scale},
    )
