"""Reads the generator in pickles of the stylegan3 code."""

from __future__ import annotations

from typing import Any

from ganedit.errors import CheckpointError
from ganedit.nets.stylegan3 import GeneratorConfig, SynthesisNetwork
from ganedit.store.architectures import shapes_only
from ganedit.store.foreign import NetworkWeights
from ganedit.store.formats.nvlabs_modules import (
    SUPPORTED,
    child,
    clamp_of,
    mapping_config,
    numbered_children,
    setting,
    side,
    state_of,
    tensor,
)
from ganedit.store.pickles.stand_ins import StandIn


def generator(g: StandIn) -> NetworkWeights:
    """Config and tensors of a StyleGAN3.

    Raises:
        CheckpointError: its layers are arranged differently from the paper's.
    """
    synthesis = child(g, "synthesis")
    layers = [child(synthesis, name) for name in numbered_children(synthesis, r"L(\d{1,3})_\d+_\d+")]
    config = _config(child(g, "mapping"), synthesis, layers)
    _check_input(child(synthesis, "input"), config)
    _check_layers(layers, config)
    return NetworkWeights("stylegan3", config.to_dict(), state_of(g))


def _config(mapping: StandIn, synthesis: StandIn, layers: list[StandIn]) -> GeneratorConfig:
    first, image = layers[0], layers[-1]
    rates = tuple(int(_number(layer, "out_sampling_rate")) for layer in layers)
    critical = [bool(setting(layer, "is_critically_sampled", False)) for layer in layers[:-1]]
    if critical != sorted(critical):
        raise CheckpointError("its critically sampled layers are not the last ones", SUPPORTED)
    kernel = tensor(first, "weight").shape[-1]
    return GeneratorConfig(
        **mapping_config(mapping),
        resolution=side(setting(image, "out_size")),
        channels=tuple(tensor(layer, "weight").shape[0] for layer in layers),
        sizes=tuple(side(setting(layer, "out_size")) for layer in layers),
        rates=rates,
        cutoffs=tuple(float(_number(layer, "out_cutoff")) for layer in layers),
        half_widths=tuple(float(_number(layer, "out_half_width")) for layer in layers),
        kernel=kernel,
        radial=any(b.ndim == 2 for b in (layer.state["_buffers"]["down_filter"] for layer in layers[:-1])),
        critical=sum(critical),
        filter_taps=len(first.state["_buffers"]["up_filter"]) // int(_number(first, "up_factor", 2)),
        upsampling=int(_number(first, "tmp_sampling_rate", 2 * rates[0])) // rates[0],
        output_scale=float(_number(synthesis, "output_scale", 0.25)),
        clamp=clamp_of(first),
        magnitude_decay=float(_number(first, "magnitude_ema_beta", 0.999)),
    )


def _number(module: StandIn, name: str, default: float | None = None) -> float:
    value = setting(module, name, default)
    if not isinstance(value, int | float):
        raise CheckpointError(f"its {module.class_name} does not say its {name}", SUPPORTED)
    return value


def _check_input(source: StandIn, config: GeneratorConfig) -> None:
    """Refuse an input whose signal differs from that of the first layer: the config describes both at
    once."""
    stored: dict[str, Any] = {
        "channels": tensor(source, "weight").shape[0],
        "size": side(setting(source, "size")),
        "sampling_rate": _number(source, "sampling_rate"),
        "bandwidth": _number(source, "bandwidth"),
    }
    wanted = (config.channels[0], config.sizes[0], config.rates[0], config.cutoffs[0])
    for (name, value), expected in zip(stored.items(), wanted, strict=True):
        if abs(value - expected) > 1e-6 * expected:
            raise CheckpointError(f"the {name} of its input is {value}, its first layer has {expected}")


def _check_layers(layers: list[StandIn], config: GeneratorConfig) -> None:
    """Compare the stored factors and paddings with those that follow from the config."""
    try:
        with shapes_only():
            network = SynthesisNetwork(config)
    except (ValueError, ArithmeticError, RuntimeError) as error:
        raise CheckpointError(f"its layers do not fit together: {error}"[:200], SUPPORTED) from error
    for name, layer, stored in zip(config.names[:-1], network.layers, layers, strict=False):
        padding = setting(stored, "padding", [*layer.padding] * 2)
        factors = (
            setting(stored, "up_factor", layer.up),
            setting(stored, "down_factor", layer.down),
            *padding,
        )
        wanted = (layer.up, layer.down, *layer.padding, *layer.padding)
        if factors != wanted or clamp_of(stored) != config.clamp:
            raise CheckpointError(
                f"its layer {name} resamples by {list(factors)} with padding, where {list(wanted)} follows "
                "from its sizes",
                SUPPORTED,
            )
