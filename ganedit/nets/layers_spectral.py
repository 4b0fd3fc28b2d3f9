"""Spectral normalisation (Miyato et al., arXiv:1802.05957) in training, and the plain weights after it."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm


def divide_spectrally(layers: Iterable[nn.Module]) -> None:
    """Let linear layers and convolutions divide their weights by the largest singular value, in place."""
    for layer in layers:
        spectral_norm(layer)


def folded_state(network: nn.Module) -> dict[str, Tensor]:
    """State of the same network without spectral normalisation, with the weights that evaluation uses.

    The network itself is unchanged, and training can go on.
    """
    training = network.training
    network.eval()  # in training mode, reading a weight changes it
    state = {key: value for key, value in network.state_dict().items() if ".parametrizations." not in key}
    for name, module in network.named_modules():
        if parametrize.is_parametrized(module, "weight"):
            state[f"{name}.weight"] = module.weight.detach()
    network.train(training)
    return state
