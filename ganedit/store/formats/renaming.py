"""Gives tensors of other programs' networks the names that ours have, and folds their normalisations."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

import torch
from torch import Tensor

from ganedit.errors import CheckpointError
from ganedit.nets.layers_translation import Norm

ASSUMED: ContextVar[Norm | None] = ContextVar("ASSUMED", default=None)
"""The normalisation that the user says a file has, which often leaves no trace in it."""
MAX_LAYERS = 200  # of one kind in a network; networks of these families have fewer
RUNNING = ("running_mean", "running_var", "num_batches_tracked")


class Renaming:
    """A state dictionary that is given new names piece by piece.

    `new` collects the result; `done()` refuses tensors that were not asked for.
    """

    def __init__(self, state: Mapping[str, Tensor], norm: Norm = "none") -> None:
        self.rest = dict(state)
        self.norm = norm
        self.new: dict[str, Tensor] = {}

    def take(self, old: str) -> Tensor:
        """Remove and return a tensor.

        Raises:
            CheckpointError: it is missing.
        """
        if old not in self.rest:
            raise CheckpointError(f"{old} is missing", "the file is of another network, or damaged")
        return self.rest.pop(old)

    def copy(self, old: str, new: str, *names: str) -> None:
        """Rename `old`.NAME to `new`.NAME for each name."""
        for name in names:
            self.new[f"{new}.{name}"] = self.take(f"{old}.{name}")

    def conv(self, old: str, new: str, *, unbiased: bool = False, transposed: bool = False) -> None:
        """Move a convolution that is not followed by a normalisation.

        If the file has no bias, it is zero, provided that the original code may leave it out (`unbiased`).
        """
        weight = self.new[f"{new}.weight"] = spectral_weight(self, old)
        if unbiased and f"{old}.bias" not in self.rest:
            self.new[f"{new}.bias"] = torch.zeros(weight.shape[1 if transposed else 0])
        else:
            self.copy(old, new, "bias")

    def conv_norm(self, conv: str, norm: str, new: str, *, transposed: bool = False) -> None:
        """Move a convolution and its normalisation to `new`.conv and `new`.norm.

        The convolution's bias is dropped or moved into the running mean, as normalisation removes it.
        Running statistics of an instance normalisation are dropped, as it uses those of the picture.
        """
        if self.norm == "none":
            self.conv(conv, f"{new}.conv", unbiased=True, transposed=transposed)
            return
        self.new[f"{new}.conv.weight"] = spectral_weight(self, conv)
        bias = self.rest.pop(f"{conv}.bias", None)
        if self.norm != "instance":
            self.copy(norm, f"{new}.norm", "weight", "bias")
        if self.norm in ("batch", "instance_running"):
            self.batch_statistics(norm, f"{new}.norm", bias)
        else:
            for name in RUNNING:
                self.rest.pop(f"{norm}.{name}", None)

    def batch_statistics(self, old: str, new: str, bias: Tensor | None = None) -> None:
        """Move the running statistics, less the convolution's `bias`; old files have no batch count."""
        mean = self.take(f"{old}.running_mean")
        if bias is not None and bias.shape != mean.shape:
            raise CheckpointError(f"{old} does not fit the layer before it", "the file is damaged")
        self.new[f"{new}.running_mean"] = mean if bias is None else mean - bias
        self.copy(old, new, "running_var")
        count = self.rest.pop(f"{old}.num_batches_tracked", None)
        self.new[f"{new}.num_batches_tracked"] = torch.tensor(0) if count is None else count

    def done(self) -> dict[str, Tensor]:
        """The tensors by their new names.

        Raises:
            CheckpointError: some tensors were not asked for.
        """
        if self.rest:
            names = ", ".join(sorted(self.rest)[:3])
            raise CheckpointError(
                f"{len(self.rest)} of its tensors are not known, such as {names}"[:200],
                "the file is of another network, or of a variant that ganedit does not read",
            )
        return self.new


def spectral_weight(tensors: Renaming, conv: str) -> Tensor:
    """A convolution's weight, divided by its largest singular value if it was trained with spectral
    normalisation (Miyato et al., arXiv:1802.05957), using the vectors that the file stores for it."""
    if f"{conv}.weight_orig" not in tensors.rest:
        return tensors.take(f"{conv}.weight")
    tensors.rest.pop(f"{conv}.weight", None)  # older files store the last product too
    weight, u = tensors.take(f"{conv}.weight_orig").float(), tensors.take(f"{conv}.weight_u").float()
    matrix = weight.flatten(1)
    if f"{conv}.weight_v" in tensors.rest:
        v = tensors.take(f"{conv}.weight_v").float()
    else:  # PyTorch 0.4 and before
        v = torch.nn.functional.normalize(matrix.T @ u, dim=0)
    return weight / torch.dot(u, matrix @ v)


def side(state: Mapping[str, Tensor], name: str) -> int:
    """Side of a square kernel [O, I, k, k]; 0 if it is missing."""
    tensor = state.get(name)
    return (
        tensor.shape[3]
        if tensor is not None and tensor.ndim == 4 and tensor.shape[2] == tensor.shape[3]
        else 0
    )


def norm_of(state: Mapping[str, Tensor], norms: list[str], conv: str) -> Norm:
    """The kind of the normalisation layers `norms`; `conv` precedes the first of them.

    Instance normalisation without affine parameters leaves no trace except the convolution's bias, which the
    original code omits otherwise.
    """
    if (told := ASSUMED.get()) is not None:
        return told
    if any(f"{name}.weight" in state for name in norms):
        return "batch" if any(f"{name}.running_mean" in state for name in norms) else "instance_affine"
    if any(f"{name}.running_mean" in state for name in norms) or f"{conv}.bias" in state:
        return "instance"
    return "none"


def fold_norm(weight: Tensor, tensors: Mapping[str, Tensor], norm: str, eps: float) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution [O, I, h, w] and the batch normalisation after it, as one.

    Args:
        weight: Of the convolution.
        tensors: Hold the normalisation's weight, bias, running_mean and running_var, under `norm`.
        norm: Its name.
        eps: Added to the variance.
    """
    gain = tensors[f"{norm}.weight"] * (tensors[f"{norm}.running_var"] + eps).rsqrt()
    return weight * gain.view(-1, 1, 1, 1), tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * gain
