"""StyleGAN2 as stored by rosinality's stylegan2-pytorch and the many projects based on that code.

A file holds `g_ema` and usually `latent_avg`; a training checkpoint also `g`, `d` and optimisers; some hold
only the generator's tensors. The network is that of `nets.stylegan2`, with the same tensors under other
names: `generator_names` and `discriminator_names` list them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ganedit.errors import CheckpointError
from ganedit.nets.layers_style import MappingNetwork
from ganedit.nets.stylegan2 import DiscriminatorConfig, GeneratorConfig
from ganedit.store.architectures import shapes_only
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.state_dicts import State, numbered, state_dict
from ganedit.store.pickles.stand_ins import StandIn, module_state

FAMILY = "rosinality's StyleGAN2"
MAX_LEVELS = 12  # 4 to 8192 px
SAMPLES = 4096  # for the mean of w if the file lacks it
BLUR = (1.0, 3.0, 3.0, 1.0)

Names = dict[str, tuple[str, tuple[int, ...]]]
"""Their name for each of our tensors, and how many axes of size 1 precede and follow its own there."""


def read(content: Any) -> Foreign | None:
    """The generator, and the discriminator if there is one; None for anything else.

    Raises:
        CheckpointError: of the family, but with other blur filters, or incomplete.
    """
    tensors = _network(content, "g_ema", "g")
    if (
        tensors is None
        or not {"input.input", "style.1.weight", "conv1.conv.modulation.weight"} <= tensors.keys()
    ):
        return None
    config = _generator_config(tensors)
    notes = [] if not isinstance(content, dict) or "g" not in content or "g_ema" in content else [
        "the file lacks the average g_ema: this is the generator as trained"
    ]  # fmt: skip
    _check_blurs(tensors)
    state = _renamed(tensors, generator_names(config), ("kernel", "noises."))
    notes += _add_noise(tensors, state, config)
    average = content.get("latent_avg") if isinstance(content, dict) else None
    if not isinstance(average, Tensor):
        average = _mean_w(state, config)
        notes.append(f"the file holds no mean style code: it was computed from {SAMPLES} samples")
    if average.numel() != config.w_dim:
        raise CheckpointError(f"its latent_avg is {list(average.shape)}, its codes are [{config.w_dim}]")
    state["mapping.w_avg"] = average.reshape(-1).float()
    d = _network(content, "d") if isinstance(content, dict) and "d" in content else None
    return Foreign(
        family="rosinality",
        task="generator",
        weights=NetworkWeights("stylegan2", config.to_dict(), state),
        resolution=config.resolution,
        discriminator=_discriminator(d) if d and "final_linear.1.weight" in d else None,
        notes="; ".join(notes),
    )


def _network(content: Any, *keys: str) -> State | None:
    """A network's tensors, which the file holds alone, under one of `keys`, or as a whole module."""
    if isinstance(content, Mapping):
        content = next((content[k] for k in keys if k in content), content)
    if isinstance(content, StandIn):
        return module_state(content) if "_modules" in content.state else None
    return state_dict(content)


def _generator_config(tensors: Mapping[str, Tensor]) -> GeneratorConfig:
    convs = numbered(tensors, r"convs\.(\d+)\.conv\.weight$")
    if convs != list(range(len(convs))) or len(convs) % 2 or not 1 <= len(convs) // 2 < MAX_LEVELS:
        raise CheckpointError(f"its convolutions are numbered {convs[:30]}, not two per resolution")
    styles = numbered(tensors, r"style\.(\d+)\.weight$")
    return GeneratorConfig(
        resolution=4 << (len(convs) // 2),
        channels=(
            tensors["conv1.conv.weight"].shape[1],
            *(tensors[f"convs.{i}.conv.weight"].shape[1] for i in convs[1::2]),
        ),
        z_dim=tensors["style.1.weight"].shape[1],
        w_dim=tensors[f"style.{styles[-1]}.weight"].shape[0],
        mapping_layers=len(styles),
        image_channels=tensors["to_rgb1.bias"].shape[1],
    )


def _discriminator(tensors: State) -> NetworkWeights:
    blocks = numbered(tensors, r"convs\.(\d+)\.conv1\.0\.weight$")  # finest first
    if blocks != list(range(1, len(blocks) + 1)) or not 1 <= len(blocks) < MAX_LEVELS:
        raise CheckpointError(f"the blocks of its discriminator are numbered {blocks[:30]}")
    last = tensors["final_conv.0.weight"]
    config = DiscriminatorConfig(
        resolution=4 << len(blocks),
        channels=(last.shape[0], *(tensors[f"convs.{i}.conv1.0.weight"].shape[0] for i in reversed(blocks))),
        image_channels=tensors["convs.0.0.weight"].shape[1],
        mbstd_channels=last.shape[1] - last.shape[0],
    )
    _check_blurs(tensors)
    state = _renamed(tensors, discriminator_names(config), ("kernel",))
    return NetworkWeights("stylegan2-discriminator", config.to_dict(), state)


def generator_names(config: GeneratorConfig) -> Names:
    """The generator's tensors except noise maps and mean style code."""
    names: Names = {"synthesis.b4.const": ("input.input", (1, 0))}
    for i in range(config.mapping_layers):
        for kind in ("weight", "bias"):
            names[f"mapping.fc{i}.{kind}"] = (f"style.{i + 1}.{kind}", (0, 0))
    for level in range(len(config.channels)):
        block = f"synthesis.b{4 << level}"
        convs = ["conv1"] if level == 0 else [f"convs.{2 * level - 2}", f"convs.{2 * level - 1}"]
        for ours, theirs in zip(["conv0", "conv1"][-len(convs) :], convs, strict=True):
            names |= _modulated(f"{block}.{ours}", theirs)
            names[f"{block}.{ours}.bias"] = (f"{theirs}.activate.bias", (0, 0))
            names[f"{block}.{ours}.noise_strength"] = (f"{theirs}.noise.weight", (1, 0))
        image = "to_rgb1" if level == 0 else f"to_rgbs.{level - 1}"
        names |= _modulated(f"{block}.torgb", image)
        names[f"{block}.torgb.bias"] = (f"{image}.bias", (1, 2))
    return names


def _modulated(ours: str, theirs: str) -> Names:
    return {
        f"{ours}.weight": (f"{theirs}.conv.weight", (1, 0)),
        f"{ours}.affine.weight": (f"{theirs}.conv.modulation.weight", (0, 0)),
        f"{ours}.affine.bias": (f"{theirs}.conv.modulation.bias", (0, 0)),
    }


def discriminator_names(config: DiscriminatorConfig) -> Names:
    """All of the discriminator's tensors."""
    pairs = {
        f"b{config.resolution}.fromrgb.weight": "convs.0.0.weight",
        f"b{config.resolution}.fromrgb.bias": "convs.0.1.bias",
        "b4.conv.weight": "final_conv.0.weight",
        "b4.conv.bias": "final_conv.1.bias",
    }
    for kind in ("weight", "bias"):
        pairs |= {f"b4.fc.{kind}": f"final_linear.0.{kind}", f"b4.out.{kind}": f"final_linear.1.{kind}"}
    for i in range(1, len(config.channels)):
        block = f"b{config.resolution >> (i - 1)}"
        pairs |= {
            f"{block}.conv0.weight": f"convs.{i}.conv1.0.weight",
            f"{block}.conv0.bias": f"convs.{i}.conv1.1.bias",
            f"{block}.conv1.weight": f"convs.{i}.conv2.1.weight",
            f"{block}.conv1.bias": f"convs.{i}.conv2.2.bias",
            f"{block}.skip.weight": f"convs.{i}.skip.1.weight",
        }
    return {ours: (theirs, (0, 0)) for ours, theirs in pairs.items()}


def noise_names(config: GeneratorConfig) -> dict[str, tuple[str, int]]:
    """Their name and the side of each of our noise maps."""
    names = {"synthesis.b4.conv1.noise_const": ("noises.noise_0", 4)}
    for level in range(1, len(config.channels)):
        for conv in (0, 1):
            ours = f"synthesis.b{4 << level}.conv{conv}.noise_const"
            names[ours] = (f"noises.noise_{2 * level - 1 + conv}", 4 << level)
    return names


def _renamed(tensors: State, names: Names, ignored: tuple[str, ...]) -> State:
    """Their tensors by our names, without the axes of size 1; any others must be in `ignored`."""
    known = {theirs for theirs, _ in names.values()}
    left = [k for k in tensors if k not in known and not k.startswith(ignored) and not k.endswith(ignored)]
    missing = sorted(known - tensors.keys())
    if left or missing:
        what = f"{left[0]} is unknown" if left else f"{missing[0]} is missing"
        raise CheckpointError(f"it is not quite rosinality's StyleGAN2: {what}")
    return {ours: _squeezed(tensors[theirs], theirs, *axes) for ours, (theirs, axes) in names.items()}


def _squeezed(value: Tensor, name: str, before: int, behind: int) -> Tensor:
    shape = value.shape
    inner = shape[before : len(shape) - behind]
    if len(shape) < before + behind or value.numel() != inner.numel():
        raise CheckpointError(f"its {name} is {list(shape)}: {before} axes of size 1 were expected before")
    return value.reshape(inner)


def _check_blurs(tensors: State) -> None:
    f = torch.tensor(BLUR) / 8
    plain = torch.outer(f, f)
    for name, kernel in tensors.items():
        if name.endswith(".kernel") and (
            kernel.shape != plain.shape
            or not torch.allclose(kernel.float() / kernel.float().sum(), plain, atol=1e-6)
        ):
            raise CheckpointError(f"its blur filter {name} is not [1, 3, 3, 1]", "no other is supported")


def _add_noise(tensors: State, state: State, config: GeneratorConfig) -> list[str]:
    """Add noise maps to `state`; returns notes about them."""
    random = torch.Generator().manual_seed(0)
    drawn = False
    for ours, (theirs, side) in noise_names(config).items():
        drawn |= theirs not in tensors
        noise = tensors[theirs] if theirs in tensors else torch.randn(side, side, generator=random)
        state[ours] = noise.reshape(side, side)
    return ["the file stores no noise: it was drawn from seed 0"] if drawn else []


def _mean_w(state: State, config: GeneratorConfig) -> Tensor:
    """Mean of w over seeded z: [w_dim]."""
    with shapes_only():
        mapping = MappingNetwork(config.z_dim, 0, config.w_dim, config.mapping_layers)
    tensors = {k.removeprefix("mapping."): v.float() for k, v in state.items() if k.startswith("mapping.")}
    mapping.load_state_dict(tensors, assign=True)
    z = torch.randn(SAMPLES, config.z_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        w: Tensor = mapping(z)
    return w.mean(dim=0)
