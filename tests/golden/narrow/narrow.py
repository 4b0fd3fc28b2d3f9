"""Make the files of this folder: reference files with fewer channels, and what ganedit computes from them.

    python tests/golden/narrow/narrow.py FOLDER

FOLDER holds the references that the original programs wrote, several megabytes each. A copy keeps the names,
order and types of all tensors and takes the first channels of each, so that it is laid out as published.
Before a copy's outputs are computed by ganedit, ganedit has to compute those of the original to the tolerance
of the tests: the vectors of a copy are right because those of its original are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import ganedit

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "helpers"))
from reference import NARROW, TRANSLATORS, assert_golden

Cut = Callable[[str, int, int], int]  # a tensor's name, an axis, its length; how much of it is kept


def share(of: int, *, fixed: tuple[int, ...] = (1, 3), inputs: tuple[str, ...] = ()) -> Cut:
    """One channel of `of`; lengths in `fixed` and what the layers `inputs` take in stay."""

    def cut(name: str, axis: int, length: int) -> int:
        return length if length in fixed or (name in inputs and axis == 1) else length // of

    return cut


def cut_genforce(name: str, axis: int, length: int) -> int:
    """Half of the channels and codes; of the mapping's 512 hidden units, which no setting changes, less."""
    return 24 if length == 512 else share(2)(name, axis, length)


def cut_rosinality(name: str, axis: int, length: int) -> int:
    return length // 4 if length in (32, 64) else length


def cut_spade(name: str, axis: int, length: int) -> int:
    """A quarter, of the 128 hidden channels of the normalisations less; the 7 labels stay."""
    return 8 if length == 128 else share(4, fixed=(1, 3, 7))(name, axis, length)


TRANSLATOR_CUTS: dict[str, tuple[Cut, dict[str, tuple[int, int]]]] = {
    # file: channels, and the size of each vector kept
    "cyclegan-resnet9_latest_net_G_A.pth": (share(4), {"input": (32, 40)}),
    "pix2pix-unet256_latest_net_G.pth": (share(8), {"input": (32, 32), "output_eval": (32, 32)}),
    "pix2pixhd-global_latest_net_G.pth": (share(3, inputs=("model.1.weight",)), {"input": (16, 24)}),
    "pix2pixhd-local_latest_net_G.pth": (
        share(2, inputs=("model.1.weight", "model1_1.1.weight")),
        {"input": (16, 24)},
    ),
    "spade-normal_latest_net_G.pth": (cut_spade, {"label": (32, 32), "output": (32, 32)}),
    "unit_gen_00000001.pt": (share(4), {"input_a": (32, 32)}),
    "srgan-srresnet-x4.pth": (share(8), {"input": (12, 16)}),
}


def narrow(state: dict[str, Any], cut: Cut) -> dict[str, Any]:
    """The state dictionary with fewer channels, at any depth of dictionaries."""
    made = type(state)()
    for name, value in state.items():
        if isinstance(value, dict):
            made[name] = narrow(value, cut)
        else:
            sizes = value.shape[: _channel_axes(value)]
            kept = tuple(slice(cut(name, axis, n)) for axis, n in enumerate(sizes))
            is_map = name.startswith("noises.") or name.endswith("apply_noise.noise")
            made[name] = value if is_map else value[kept].clone()
    for name in [n.removesuffix("_orig") for n in made if n.endswith("weight_orig")]:
        u, _, v = torch.linalg.svd(made[f"{name}_orig"].flatten(1), full_matrices=False)
        made[f"{name}_u"], made[f"{name}_v"] = u[:, 0].contiguous(), v[0].contiguous()
    return made


def _channel_axes(value: Tensor) -> int:
    """Of convolutions the first two axes, of modulated ones ([1, out, in, k, k]) the first three."""
    return {4: 2, 5: 3}.get(value.ndim, value.ndim)


def make_translator(originals: Path, file: str) -> None:
    cut, sizes = TRANSLATOR_CUTS[file]
    vectors, output, run = TRANSLATORS[file]
    golden = load_file(originals / f"{vectors}.golden.safetensors")
    assert_golden(run(ganedit.load(originals / file, device="cpu"), golden), golden[output])
    torch.save(narrow(torch.load(originals / file, weights_only=True), cut), NARROW / file)
    model = ganedit.load(NARROW / file, device="cpu")
    made = {
        k: golden[k][..., :h, :w].to(torch.uint8 if k == "label" else torch.float32)
        for k, (h, w) in sizes.items()
    }
    made[output] = run(model, made)
    if file.startswith("unit"):
        made["latent"] = model.network.encode(made["input_a"], "a")
    _save(vectors, made)


def make_stylegan1(originals: Path) -> None:
    name = "genforce-stylegan1"
    golden = load_file(originals / f"{name}.golden.safetensors")
    _check_stylegan1(ganedit.load(originals / f"{name}.pth", device="cpu"), golden)
    torch.save(
        narrow(torch.load(originals / f"{name}.pth", weights_only=True), cut_genforce), NARROW / f"{name}.pth"
    )
    model = ganedit.load(NARROW / f"{name}.pth", device="cpu")
    z = golden["z"][:, : model.z_dim]
    ws = model.mapping(z, psi=0.7, cutoff=8)
    w = model.mapping(z)[:, 0]
    _save(name, {"z": z, "w": w, "wp": ws, "image": model.synthesis(ws)})


def _check_stylegan1(model: Any, golden: dict[str, Tensor]) -> None:
    assert_golden(model.mapping(golden["z"])[:, 0], golden["w"])
    assert_golden(model.synthesis(golden["wp"]), golden["image"])


def make_rosinality(originals: Path) -> None:
    name, key = "rosinality-sg2-64", "image_psi07_storednoise"
    golden = load_file(originals / f"{name}.golden.safetensors")
    model = ganedit.load(originals / f"{name}.pt", device="cpu")
    assert_golden(model.synthesis(model.mapping(golden["z"], psi=0.7)), golden[key])
    state = torch.load(originals / f"{name}.pt", weights_only=True)
    torch.save(narrow(state, cut_rosinality), NARROW / f"{name}.pt")
    model = ganedit.load(NARROW / f"{name}.pt", device="cpu")
    z = golden["z"][:1]
    made = {"z": z, "w": model.mapping(z)[:, 0], "truncation_latent": model.w_avg[None].clone()}
    made[key] = model.synthesis(model.mapping(z, psi=0.7))
    _save(name, made)


def _save(name: str, vectors: dict[str, Tensor]) -> None:
    assert all(v.isfinite().all() for v in vectors.values()), name
    assert all(v.float().std() > 1e-3 for v in vectors.values()), name
    save_file({k: v.contiguous() for k, v in vectors.items()}, NARROW / f"{name}.golden.safetensors")


@torch.no_grad()
def main(originals: Path) -> None:
    for file in TRANSLATOR_CUTS:
        make_translator(originals, file)
    make_stylegan1(originals)
    make_rosinality(originals)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
