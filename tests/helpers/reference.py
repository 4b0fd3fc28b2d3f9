"""Reference files of each family: where they lie, what is computed from them, and how near is near enough.

`tests/golden` holds files that the original programs wrote, with the outputs that they computed from them.
Files too large for a repository are there as narrow copies, in `tests/golden/narrow`, made by `narrow.py`
beside them; the tests read those the same way, and the originals too where `../shared/golden` has them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = TESTS / "golden"
NARROW = GOLDEN / "narrow"
ORIGINALS = TESTS.parents[1] / "shared" / "golden"


class Reference(NamedTuple):
    """What the original computed from a file."""

    vectors: str  # NAME of NAME.golden.safetensors, in the same folder
    output: str
    run: Callable[[Any, dict[str, Tensor]], Tensor]  # a loaded model and the vectors to what `output` holds


def one_hot(labels: Tensor, count: int) -> Tensor:
    return F.one_hot(labels.long(), count).permute(0, 3, 1, 2).float()


def _tiled(x: Tensor, side: int) -> Tensor:
    """To the side that a network needs; narrow copies keep one tile, and the corner of what becomes of it."""
    return x.tile(*[1] * (x.ndim - 2), side // x.shape[-2], side // x.shape[-1])


def _corner(image: Tensor, like: Tensor) -> Tensor:
    return image[..., : like.shape[-2], : like.shape[-1]]


def _unet(model: Any, g: dict[str, Tensor]) -> Tensor:
    return _corner(model(_tiled(g["input"], 256)), g["output_eval"])


def _spade(model: Any, g: dict[str, Tensor]) -> Tensor:
    return _corner(model(one_hot(_tiled(g["label"], 128), 7)), g["output"])


def _of_input(model: Any, g: dict[str, Tensor]) -> Tensor:
    return model(g["input"])


TRANSLATORS = {
    "cyclegan-resnet9_latest_net_G_A.pth": Reference("cyclegan-resnet9", "output", _of_input),
    "pix2pix-unet256_latest_net_G.pth": Reference("pix2pix-unet256", "output_eval", _unet),
    "pix2pix-unet256_latest_net_D.pth": Reference("pix2pix-unet256-D70", "output", _of_input),
    "pix2pixhd-global_latest_net_G.pth": Reference("pix2pixhd-global", "output", _of_input),
    "pix2pixhd-local_latest_net_G.pth": Reference("pix2pixhd-local", "output", _of_input),
    "spade-normal_latest_net_G.pth": Reference("spade-normal", "output", _spade),
    "stargan-celeba-64-G.ckpt": Reference(
        "stargan-celeba-64", "output", lambda m, g: m(g["input"], g["label"])
    ),
    "stargan-celeba-64-D.ckpt": Reference("stargan-celeba-64", "d_src", _of_input),
    "unit_gen_00000001.pt": Reference("unit", "output_b", lambda m, g: m(g["input_a"])),
    "srgan-srresnet-x4.pth": Reference("srgan-srresnet-x4", "output", _of_input),
    "esrgan-rrdb-x4.pth": Reference("esrgan-rrdb-x4", "output", _of_input),
}


def reference_file(name: str) -> Path:
    """A file of the repository: the original, or its narrow copy."""
    return GOLDEN / name if (GOLDEN / name).exists() else NARROW / name


def everywhere(*names: str) -> list[Path]:
    """Each file as the repository has it, and the originals of narrow copies where they lie beside it."""
    ours = [reference_file(name) for name in names]
    return ours + [ORIGINALS / p.name for p in ours if p.parent == NARROW and (ORIGINALS / p.name).exists()]


def path_id(path: Path) -> str:
    """A name for a parametrised test."""
    return f"{'original-' if path.parent == ORIGINALS else ''}{path.name}"


def assert_golden(got: torch.Tensor, wanted: torch.Tensor) -> None:
    """The tolerance of the reference data: 1e-4 of the largest value, at least 1e-4."""
    assert got.shape == wanted.shape
    assert (got - wanted).abs().max().item() <= 1e-4 * max(1.0, wanted.abs().max().item())
