"""ESRGAN and compact Real-ESRGAN networks in the files of NCNN: NAME.param and NAME.bin.

The convolutions stand in the order of the original network. That nothing else differs, such as a factor or a
connection, is checked by computing: our network and the layers of the file must give the same image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor

from ganedit.errors import CheckpointError
from ganedit.nets.rrdb import RESIDUAL, RRDBConfig
from ganedit.nets.srvgg import SRVGGConfig
from ganedit.store.architectures import build
from ganedit.store.foreign import Foreign, NetworkWeights
from ganedit.store.formats.compact import compact
from ganedit.store.formats.state_dicts import State
from ganedit.store.ncnn import BICUBIC, LEAKY, NEAREST, SUM, Graph, Layer, evaluate

FAMILY = "NCNN (Real-ESRGAN)"
CONVS = 15  # in a block of an RRDBNet
SIDE = 8  # px of the image on which both networks are compared


def read(content: Any) -> Foreign | None:
    """A network that enlarges RGB images; None if the content is not a network of NCNN.

    Raises:
        CheckpointError: A network of another kind.
    """
    if not (isinstance(content, tuple) and content and isinstance(content[0], Layer)):
        return None
    graph, factor = _without_reduction(content)
    kinds = {layer.kind for layer in graph}
    foreign = _compact(graph) if "PReLU" in kinds else _rrdb(graph) if "Concat" in kinds else None
    if foreign is None:
        found = ", ".join(sorted(kinds - {"Input", "Split"}))
        raise CheckpointError(
            f"its layers ({found}) are those of no network that ganedit knows",
            "of NCNN's files, ganedit reads Real-ESRGAN, ESRGAN and their compact networks",
        )
    _check_same(foreign.weights, graph)
    if factor == 1:
        return foreign
    scale = foreign.details["scale"]
    return replace(
        foreign, notes=f"enlarges {scale} times; the file reduces that to {scale * factor:g} times at the end"
    )


def _without_reduction(graph: Graph) -> tuple[Graph, float]:
    """The layers without a last one that only reduces the result, and its factor, or 1."""
    last = graph[-1]
    reduces = last.kind == "Interp" and last.number(0) == BICUBIC and float(last.number(1, 1)) < 1
    return (graph[:-1], float(last.number(1, 1))) if reduces else (graph, 1.0)


def _convolutions(graph: Graph) -> list[Layer]:
    return [layer for layer in graph if layer.kind == "Convolution"]


def _compact(graph: Graph) -> Foreign | None:
    convs, slopes = _convolutions(graph), [layer for layer in graph if layer.kind == "PReLU"]
    if len(convs) != len(slopes) + 1 or len(slopes) < 2:
        return None
    state: State = {f"activations.{i}.weight": one.weights["slope"] for i, one in enumerate(slopes)}
    names = [*(f"convs.{i}" for i in range(len(slopes))), "last"]
    return replace(compact(state | _named(convs, names)), family=FAMILY)


def _rrdb(graph: Graph) -> Foreign | None:
    convs = _convolutions(graph)
    doublings = sum(layer.kind == "Interp" for layer in graph)
    blocks, rest = divmod(len(convs) - doublings - 4, CONVS)
    if blocks < 1 or rest:
        return None
    width, taken = convs[0].weights["weight"].shape[:2]
    folded = {3: 1, 12: 2, 48: 4}.get(taken, 0)
    if not folded or 2**doublings < folded or len(convs[-1].weights["weight"]) != 3:
        return None
    growth = len(convs[1].weights["weight"])
    config = RRDBConfig(width, growth, blocks, doublings, folded)
    weights = NetworkWeights("rrdb", asdict(config), _named(convs, _rrdb_names(config)))
    details = {"scale": 2**doublings // folded}
    return Foreign(FAMILY, "upscaler", weights, value_range=(0.0, 1.0), details=details)


def _rrdb_names(cfg: RRDBConfig) -> list[str]:
    """Our names of the convolutions, in the order in which they are computed."""
    dense = [f"blocks.{i}.dense.{j}.convs.{k}" for i in range(cfg.blocks) for j in range(3) for k in range(5)]
    return ["stem", *dense, "tail", *(f"up.{i}" for i in range(cfg.doublings)), "fine", "to_image"]


def _named(convs: Sequence[Layer], names: Sequence[str]) -> State:
    return {
        f"{name}.{kind}": tensor
        for name, conv in zip(names, convs, strict=True)
        for kind, tensor in conv.weights.items()
    }


def _check_same(weights: NetworkWeights, graph: Graph) -> None:
    """Refuse a file whose layers give another image than our network."""
    network = build(weights.architecture, weights.config, weights.state)
    x = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours, theirs = network(x), evaluate(graph, x)
    if ours.shape != theirs.shape or not torch.allclose(ours, theirs, rtol=1e-3, atol=1e-3):
        raise CheckpointError(
            f"its layers resemble those of {weights.architecture}, but compute something else",
            "of NCNN's files, ganedit reads Real-ESRGAN, ESRGAN and their compact networks",
        )


# ---- the way back ----


def graph_of(config: RRDBConfig | SRVGGConfig, state: State) -> Graph:
    """The layers of a network in NCNN's terms; values may be used several times."""
    writer = _Writer(state)
    return (writer.compact if isinstance(config, SRVGGConfig) else writer.rrdb)(config)  # type: ignore[arg-type]


class _Writer:
    """Adds layers one after the other; every method returns the name of the value that its layer gives."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.layers: list[Layer] = [Layer("Input", "data", (), ("data",))]

    def rrdb(self, cfg: RRDBConfig) -> Graph:
        data = self.add("Reorg", ["data"], {0: cfg.folded}) if cfg.folded > 1 else "data"
        stem = x = self.conv("stem", data)
        for i in range(cfg.blocks):
            before = x
            for j in range(3):
                x = self.dense(f"blocks.{i}.dense.{j}", x)
            x = self.scaled_sum(x, before)
        x = self.add("BinaryOp", [stem, self.conv("tail", x)], {0: 0})
        for i in range(cfg.doublings):
            x = self.conv(f"up.{i}", self.enlarged(x, 2), leaky=True)
        self.conv("to_image", self.conv("fine", x, leaky=True))
        return self.done()

    def compact(self, cfg: SRVGGConfig) -> Graph:
        x = "data"
        for i in range(cfg.layers + 1):
            slope = self.state[f"activations.{i}.weight"]
            x = self.add("PReLU", [self.conv(f"convs.{i}", x)], {0: len(slope)}, {"slope": slope})
        x = self.add("PixelShuffle", [self.conv("last", x)], {0: cfg.scale})
        self.add("BinaryOp", [x, self.enlarged("data", cfg.scale)], {0: 0})
        return self.done()

    def dense(self, name: str, x: str) -> str:
        seen = [x]
        for k in range(4):
            taken = seen[0] if len(seen) == 1 else self.add("Concat", seen, {0: 0})
            seen = [*seen, self.conv(f"{name}.convs.{k}", taken, leaky=True)]
        return self.scaled_sum(self.conv(f"{name}.convs.4", self.add("Concat", seen, {0: 0})), x)

    def scaled_sum(self, change: str, x: str) -> str:
        return self.add("Eltwise", [change, x], {0: SUM, 1: (RESIDUAL, 1.0)})

    def enlarged(self, x: str, factor: int) -> str:
        return self.add("Interp", [x], {0: NEAREST, 1: float(factor), 2: float(factor)})

    def conv(self, name: str, x: str, *, leaky: bool = False) -> str:
        weights: dict[str, Tensor] = {kind: self.state[f"{name}.{kind}"] for kind in ("weight", "bias")}
        outputs, _, side, _ = weights["weight"].shape
        options: dict[int, Any] = {0: outputs, 1: side, 4: side // 2, 5: 1, 6: weights["weight"].numel()}
        if leaky:
            options |= {9: LEAKY, 10: (0.2,)}
        return self.add("Convolution", [x], options, weights)

    def add(
        self, kind: str, inputs: Sequence[str], options: dict[int, Any], weights: State | None = None
    ) -> str:
        name = f"v{len(self.layers)}"
        self.layers.append(Layer(kind, name, tuple(inputs), (name,), options, weights or {}))
        return name

    def done(self) -> Graph:
        *rest, last = self.layers
        return (*rest, replace(last, outputs=("output",)))
