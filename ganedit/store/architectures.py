"""Which class builds which network. A new architecture is one line here."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_module_registration_hook
from torch.overrides import TorchFunctionMode

from ganedit.errors import CheckpointError, did_you_mean
from ganedit.limits import MAX_CONFIG_NUMBER, MAX_MODULES


class Architecture(NamedTuple):
    """Module, config class and network class, by name: imported when needed."""

    module: str
    config: str
    network: str


ARCHITECTURES = {
    "stylegan2": Architecture("ganedit.nets.stylegan2", "GeneratorConfig", "Generator"),
    "stylegan2-discriminator": Architecture("ganedit.nets.stylegan2", "DiscriminatorConfig", "Discriminator"),
    "stylegan3": Architecture("ganedit.nets.stylegan3", "GeneratorConfig", "Generator"),
    "stylegan1": Architecture("ganedit.nets.stylegan1", "GeneratorConfig", "Generator"),
    "progan": Architecture("ganedit.nets.progan", "GeneratorConfig", "Generator"),
    "mlp-gan": Architecture("ganedit.nets.mlp_gan", "GeneratorConfig", "Generator"),
    "dcgan": Architecture("ganedit.nets.dcgan", "GeneratorConfig", "Generator"),
    "resnet-gan": Architecture("ganedit.nets.resnet_gan", "GeneratorConfig", "Generator"),
    "fastgan": Architecture("ganedit.nets.fastgan", "GeneratorConfig", "Generator"),
    "biggan": Architecture("ganedit.nets.biggan", "GeneratorConfig", "Generator"),
    "encoder": Architecture("ganedit.nets.encoder", "EncoderConfig", "Encoder"),
    "irse-encoder": Architecture("ganedit.nets.irse_encoder", "IRSEEncoderConfig", "IRSEEncoder"),
    "classifier": Architecture("ganedit.nets.classifier", "ClassifierConfig", "Classifier"),
    "inception": Architecture("ganedit.nets.inception", "InceptionConfig", "Inception"),
    "lenet": Architecture("ganedit.nets.lenet", "LeNetConfig", "LeNet"),
    "resnet": Architecture("ganedit.nets.resnet", "ResNetConfig", "ResNetGenerator"),
    "unet": Architecture("ganedit.nets.unet", "UNetConfig", "UNetGenerator"),
    "patchgan": Architecture("ganedit.nets.patchgan", "PatchGANConfig", "PatchGAN"),
    "multiscale-patchgan": Architecture("ganedit.nets.patchgan", "PatchGANConfig", "MultiScaleDiscriminator"),
    "pix2pixhd": Architecture("ganedit.nets.pix2pixhd", "LocalEnhancerConfig", "LocalEnhancerGenerator"),
    "spade": Architecture("ganedit.nets.spade", "SPADEConfig", "SPADEGenerator"),
    "spade-encoder": Architecture("ganedit.nets.spade", "StyleEncoderConfig", "StyleEncoder"),
    "stargan": Architecture("ganedit.nets.stargan", "StarGANConfig", "StarGANGenerator"),
    "stargan-discriminator": Architecture(
        "ganedit.nets.stargan", "StarGANDiscriminatorConfig", "StarGANDiscriminator"
    ),
    "unit": Architecture("ganedit.nets.unit", "UNITConfig", "UNIT"),
    "context-encoder": Architecture("ganedit.nets.context_encoder", "ContextEncoderConfig", "ContextEncoder"),
    "rrdb": Architecture("ganedit.nets.rrdb", "RRDBConfig", "RRDBNet"),
    "srvgg": Architecture("ganedit.nets.srvgg", "SRVGGConfig", "SRVGGNet"),
    "srresnet": Architecture("ganedit.nets.srresnet", "SRResNetConfig", "SRResNet"),
    "latent-mapper": Architecture("ganedit.nets.latent_mapper", "LatentMapperConfig", "LatentMapper"),
    "clip": Architecture("ganedit.store.open_clip_network", "ClipConfig", "ClipNetwork"),
    "wavenet": Architecture("ganedit.nets.wavenet", "WaveNetConfig", "WaveNet"),
    "hifigan": Architecture("ganedit.nets.hifigan", "HiFiGANConfig", "HiFiGANGenerator"),
    "singan": Architecture("ganedit.nets.singan", "SinGANConfig", "SinGAN"),
    "srgan-discriminator": Architecture("ganedit.nets.srresnet", "SRDiscriminatorConfig", "SRDiscriminator"),
}

FROM_TENSORS = {"spandrel": "ganedit.store.spandrel_network"}
"""Networks whose structure follows from their tensors: modules with `build(config, state)`."""


def build(architecture: str, config: Mapping[str, Any], state: Mapping[str, Tensor]) -> nn.Module:
    """The network with its weights, in evaluation mode, float32, on the CPU, without gradients.

    Args:
        architecture: A key of ARCHITECTURES or FROM_TENSORS.
        config: Fields of its config class.
        state: Tensors by parameter name, all of them; float16 and bfloat16 become float32.

    Raises:
        CheckpointError: unknown architecture, impossible config, or tensors that do not fit it.
    """
    if architecture in FROM_TENSORS:
        other: nn.Module = importlib.import_module(FROM_TENSORS[architecture]).build(config, state)
        return other
    state = with_current_names(state)
    make = _maker(architecture, config)
    # Shapes are compared on the meta device: a wrong config costs no memory, a right one no random numbers.
    with shapes_only():
        network = _make(make, architecture)
    _compare(network, state)
    state = {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
    network.load_state_dict(state, assign=True)
    if any(t.is_meta for t in (*network.parameters(), *network.buffers())):
        network = _make(make, architecture)  # it computes buffers that are not stored
        network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def with_current_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by parameter name, where parameters that earlier versions named differently are renamed."""
    return {re.sub(r"(^|\.)judges\.", r"\1discriminators.", name): value for name, value in state.items()}


@contextmanager
def shapes_only() -> Iterator[None]:
    """Context in which networks are made on the meta device: their tensors have shapes but no numbers.

    More than `MAX_MODULES` modules raise ValueError.
    """
    made = 0

    def count(*args: Any) -> None:
        nonlocal made
        made += 1
        if made > MAX_MODULES:
            raise ValueError(f"it has more than {MAX_MODULES:,} layers")

    counting = register_module_module_registration_hook(count)
    try:
        with torch.device("meta"), _NoDraws():
            yield
    finally:
        counting.remove()


class _NoDraws(TorchFunctionMode):
    """Skips random initialisation, and windows of sounds.

    The meta device has no numbers anyway, but PyTorch would import its symbolic machinery to find out, which
    takes more than a second.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function in (Tensor.normal_, Tensor.uniform_, nn.init.normal_, nn.init.uniform_):
            return args[0] if args else kwargs["tensor"]
        if function in (torch.randn, torch.rand, torch.hann_window):
            function = torch.empty
        return function(*args, **kwargs)


def _maker(architecture: str, config: Mapping[str, Any]) -> Callable[[], nn.Module]:
    if architecture not in ARCHITECTURES:
        raise CheckpointError(
            f"the architecture {architecture!r} is unknown", did_you_mean(architecture, ARCHITECTURES)
        )
    where = ARCHITECTURES[architecture]
    module = importlib.import_module(where.module)
    config_class = getattr(module, where.config)
    unknown = config.keys() - {f.name for f in fields(config_class)}
    if unknown or not _possible(config):
        raise CheckpointError(
            f"the config of this {architecture} is impossible: {', '.join(sorted(unknown)) or dict(config)}"[
                :200
            ],
            "get the model again",
        )
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
    return lambda: getattr(module, where.network)(config_class(**plain))


def _possible(value: Any) -> bool:
    """Whether a value consists of plain values of reasonable size."""
    if isinstance(value, Mapping):
        return len(value) <= 100 and all(_possible(v) for v in value.values())
    if isinstance(value, list | tuple):
        return len(value) <= 100 and all(_possible(v) for v in value)
    if isinstance(value, int | float):
        return -MAX_CONFIG_NUMBER <= value <= MAX_CONFIG_NUMBER
    return value is None or isinstance(value, str)


def _make(make: Callable[[], nn.Module], architecture: str) -> nn.Module:
    try:
        return make()
    except (TypeError, ValueError, IndexError, KeyError, RuntimeError, ZeroDivisionError) as error:
        raise CheckpointError(
            f"the config of this {architecture} is impossible: {error}"[:200], "get the model again"
        ) from error


def _compare(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are missing, left over, or of another shape; the error names the first few."""
    wanted = network.state_dict()
    wrong = [
        f"{k} is {list(state[k].shape)}, expected {list(v.shape)}"
        for k, v in wanted.items()
        if k in state and state[k].shape != v.shape
    ]
    wrong += [
        f"{k} holds {str(state[k].dtype).removeprefix('torch.')}, expected floating-point numbers"
        for k, v in wanted.items()
        if k in state and v.is_floating_point() and not state[k].is_floating_point()
    ]
    missing = [f"{k} is missing" for k in wanted if k not in state]
    extra = [f"{k} is unknown" for k in state if k not in wanted]
    problems = wrong + missing + extra
    if problems:
        more = f" and {len(problems) - 2} more" if len(problems) > 2 else ""
        kind = type(network).__name__
        raise CheckpointError(
            f"the weights do not fit a {kind}: {'; '.join(problems[:2])}{more}",
            "the file is of another network, or damaged",
        )
