"""Reads, writes and evaluates networks of NCNN, which Upscayl, chaiNNer and waifu2x-like programs use.

NAME.param lists the layers as text, and NAME.bin holds their weights in the same order. Format:
https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.errors import CheckpointError, InputError
from ganedit.files import NCNN_LAYERS, NCNN_WEIGHTS, atomic_path, read_bytes, read_text, spelling
from ganedit.limits import MAX_MODULES

MAGIC = "7767517"  # first line of a .param
FLOAT16, FLOAT32 = 0x01306B47, 0  # flags before the weights of a convolution
SUM, NEAREST, BICUBIC, LEAKY = 1, 1, 3, 2  # values of options
ARRAY = -23300  # keys of options that are arrays count down from here

MOST_NUMBERS = 2**22  # that a layer may take in `evaluate`
MOST_TIMES = 8  # that a layer may enlarge

Number = int | float


@dataclass(frozen=True)
class Layer:
    """A line of a .param file, with the layer's weights.

    Attributes:
        kind: NCNN's name of the operation, such as "Convolution".
        name: Of the layer.
        inputs, outputs: Names of the values that it takes and gives.
        options: Numbers, or tuples of numbers, by NCNN's keys.
        weights: Tensors by name: weight of a convolution, float16 or float32 as in the file, and its bias;
            slope of a PReLU.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: dict[int, Number | tuple[Number, ...]] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)

    def number(self, key: int, default: Number = 0) -> Number:
        value = self.options.get(key, default)
        if isinstance(value, tuple):
            raise CheckpointError(f"{self.name}: option {key} is a list", "the file is damaged")
        return value

    def numbers(self, key: int) -> tuple[Number, ...]:
        value = self.options.get(key, ())
        return value if isinstance(value, tuple) else (value,)


Graph = tuple[Layer, ...]
"""The layers of a network, in the order of the file, each after those whose values it takes."""


# ---- files ----


def files_of(path: Path) -> tuple[Path, Path]:
    """The .param and the .bin of a network, of which one is given.

    Raises:
        InputError: The other one is not beside it.
    """
    param, weights = path.with_suffix(NCNN_LAYERS), path.with_suffix(NCNN_WEIGHTS)
    for one in (param, weights):
        if not one.is_file():
            raise InputError(f"{one} is missing", f"a network of NCNN consists of two files; {spelling(one)}")
    return param, weights


def read_graph(path: Path) -> Graph:
    """Read a network from its .param and .bin, of which one is given. Nothing in them is run.

    Raises:
        CheckpointError: They are damaged, or have layers whose weights ganedit cannot read.
    """
    param, weights = files_of(path)
    try:
        lines = read_text(param).splitlines()
    except UnicodeDecodeError:
        raise CheckpointError(
            f"{param.name} is not text; binary .param.bin files are not read", "use the original .param"
        ) from None
    if not lines or lines[0].strip() != MAGIC:
        raise CheckpointError(f"{param.name} does not begin with {MAGIC}", "it is not a network of NCNN")
    rows = [line for line in lines[2:] if line.strip()]
    if len(rows) > MAX_MODULES:
        raise CheckpointError(f"{param.name} has more than {MAX_MODULES:,} layers", "the file is damaged")
    graph = tuple(_layer(row, f"line {number} of {param.name}") for number, row in enumerate(rows, start=3))
    return _with_weights(graph, read_bytes(weights), weights.name)


def _layer(row: str, where: str) -> Layer:
    """A layer from `KIND NAME INPUTS OUTPUTS input ... output ... key=value ...`."""
    words = row.split()
    try:
        kind, name, taken, given = words[0], words[1], int(words[2]), int(words[3])
        values, options = words[4 : 4 + taken + given], words[4 + taken + given :]
        if min(taken, given) < 0 or len(values) != taken + given:
            raise ValueError("names of values are missing")
        return Layer(
            kind, name, tuple(values[:taken]), tuple(values[taken:]), dict(_option(one) for one in options)
        )
    except (ValueError, IndexError) as error:
        raise CheckpointError(f"{where} is not a layer: {error}", "download or copy the file again") from None


def _option(text: str) -> tuple[int, Number | tuple[Number, ...]]:
    key, _, value = text.partition("=")
    if int(key) <= ARRAY:
        count, *numbers = value.split(",")
        if int(count) != len(numbers):
            raise ValueError(f"{text} does not hold {count} numbers")
        return ARRAY - int(key), tuple(_number(one) for one in numbers)
    return int(key), _number(value)


def _number(text: str) -> Number:
    return float(text) if "." in text or "e" in text else int(text)


def _with_weights(graph: Graph, data: bytes, name: str) -> Graph:
    reader = _Reader(data, name)
    complete = []
    for layer in graph:
        weights = {}
        if layer.kind == "Convolution":
            side, outputs, total = (int(layer.number(key)) for key in (1, 0, 6))
            inputs = total // (outputs * side**2) if outputs > 0 and side > 0 else 0
            if inputs < 1 or inputs * outputs * side**2 != total:
                raise CheckpointError(f"{layer.name} has impossible sizes", "the file is damaged")
            weights["weight"] = reader.tagged(total).reshape(outputs, inputs, side, side)
            weights["bias"] = reader.floats(outputs) if layer.number(5) else torch.zeros(outputs)
        elif layer.kind == "PReLU":
            weights["slope"] = reader.floats(int(layer.number(0)))
        elif layer.kind not in OPERATIONS:
            raise CheckpointError(
                f"it has a layer of the kind {layer.kind}", f"ganedit reads {', '.join(OPERATIONS)}"
            )
        complete.append(replace(layer, weights=weights))
    if reader.at != len(data):
        raise CheckpointError(
            f"{name} is {len(data) - reader.at:,} bytes longer than its .param says",
            "they are files of different networks",
        )
    return tuple(complete)


class _Reader:
    """Takes the weights from a .bin file one after the other."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name, self.at = data, name, 0

    def take(self, count: int) -> bytearray:
        if count < 0 or self.at + count > len(self.data):
            raise CheckpointError(
                f"{self.name} is shorter than its .param says", "download or copy both files again"
            )
        self.at += count
        return bytearray(self.data[self.at - count : self.at])

    def floats(self, count: int) -> Tensor:
        return torch.frombuffer(self.take(4 * count), dtype=torch.float32) if count else torch.zeros(0)

    def tagged(self, count: int) -> Tensor:
        """Numbers after a flag that says how they are stored; 16-bit ones fill whole groups of four bytes."""
        (flag,) = struct.unpack("<I", self.take(4))
        if flag == FLOAT32:
            return self.floats(count)
        if flag != FLOAT16:
            raise CheckpointError(
                f"{self.name} holds numbers of 8 bits, or in a table", "get the version in float16 or float32"
            )
        data = self.take(-(-2 * count // 4) * 4)
        return torch.frombuffer(data, dtype=torch.float16, count=count)


def write_graph(path: Path, graph: Graph, *, half: bool = True) -> tuple[Path, Path]:
    """Write NAME.param and NAME.bin, the weights of convolutions in float16, or else in float32.

    Every value may be used several times: NCNN's Split layers are added here.
    """
    graph = with_splits(graph)
    values = sum(len(layer.outputs) for layer in graph)
    rows = [MAGIC, f"{len(graph)} {values}", *map(_row, graph)]
    param, weights = path.with_suffix(NCNN_LAYERS), path.with_suffix(NCNN_WEIGHTS)
    with atomic_path(weights) as temporary, temporary.open("wb") as file:
        for layer in graph:
            for name, tensor in layer.weights.items():
                if name != "weight":
                    file.write(tensor.float().numpy().tobytes())
                    continue
                data = tensor.to(torch.float16 if half else torch.float32).numpy().tobytes()
                file.write(struct.pack("<I", FLOAT16 if half else FLOAT32) + data + bytes(-len(data) % 4))
    with atomic_path(param) as temporary:
        temporary.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return param, weights


def _row(layer: Layer) -> str:
    counts = f"{len(layer.inputs)} {len(layer.outputs)}"
    options = (
        f"{ARRAY - key}={len(value)},{','.join(map(_text, value))}"
        if isinstance(value, tuple)
        else f"{key}={_text(value)}"
        for key, value in layer.options.items()
    )
    names = " ".join((*layer.inputs, *layer.outputs, *options))
    return f"{layer.kind:<24} {layer.name:<24} {counts} {names}"


def _text(number: Number) -> str:
    return f"{number:e}" if isinstance(number, float) else str(number)


def with_splits(graph: Graph) -> Graph:
    """The graph with a copy of each value for everyone who takes it, as NCNN requires."""
    uses = Counter(name for layer in graph for name in layer.inputs)
    taken: Counter[str] = Counter()
    new: list[Layer] = []
    for layer in graph:
        inputs = []
        for name in layer.inputs:
            inputs.append(f"{name}_{taken[name]}" if uses[name] > 1 else name)
            taken[name] += 1
        new.append(replace(layer, inputs=tuple(inputs)))
        for name in layer.outputs:
            if uses[name] > 1:
                copies = tuple(f"{name}_{i}" for i in range(uses[name]))
                new.append(Layer("Split", f"split_{name}", (name,), copies))
    return tuple(new)


# ---- evaluation ----

OPERATIONS = (
    "Input", "Split", "Noop", "Convolution", "PReLU", "ReLU", "Concat", "Eltwise", "BinaryOp", "Interp",
    "PixelShuffle", "Reorg",
)  # fmt: skip
"""The layers of the networks that ganedit reads."""


def evaluate(graph: Graph, x: Tensor) -> Tensor:
    """What a network makes of an input [1, C, H, W], computed layer by layer.

    Slow, and without any idea of what the network is: for comparisons.

    Raises:
        CheckpointError: The layers do not fit each other.
    """
    values: dict[str, Tensor] = {}
    y = x
    for layer in graph:
        try:
            inputs = [values.pop(name) for name in layer.inputs]
            if sum(value.numel() for value in inputs) > MOST_NUMBERS:
                raise ValueError("it takes too many numbers")
            y = x if layer.kind == "Input" else _computed(layer, inputs)
        except (KeyError, IndexError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"{layer.name} does not fit: {error}"[:200], "the file is damaged"
            ) from None
        values |= dict.fromkeys(layer.outputs, y)
    return y


def _computed(layer: Layer, inputs: Sequence[Tensor]) -> Tensor:
    x = inputs[0]
    match layer.kind:
        case "Convolution":
            stride, pad = int(layer.number(3, 1)), int(layer.number(4))
            weight, bias = layer.weights["weight"].float(), layer.weights["bias"]
            x = F.conv2d(x, weight, bias, stride, pad, int(layer.number(2, 1)))
            return _activated(x, int(layer.number(9)), layer.numbers(10))
        case "PReLU":
            return F.prelu(x, layer.weights["slope"])
        case "ReLU":
            return F.leaky_relu(x, float(layer.number(0)))
        case "Concat":
            return torch.cat(list(inputs), dim=1 + int(layer.number(0)))
        case "Eltwise":
            if layer.number(0) != SUM:
                raise ValueError("only sums are known")
            factors = layer.numbers(1) or (1,) * len(inputs)
            return torch.stack([y * f for y, f in zip(inputs, factors, strict=True)]).sum(dim=0)
        case "BinaryOp":
            other = float(layer.number(2)) if layer.number(1) else inputs[1]
            operation = int(layer.number(0))
            return {0: lambda: x + other, 2: lambda: x * other}[operation]()
        case "Interp":
            return _resized(layer, x)
        case "PixelShuffle":
            return F.pixel_shuffle(x, int(layer.number(0)))
        case "Reorg":
            return F.pixel_unshuffle(x, int(layer.number(0)))
        case _:  # Split, Noop
            return x


def _activated(x: Tensor, kind: int, numbers: Sequence[Number]) -> Tensor:
    if kind == 0:
        return x
    if kind not in (1, LEAKY):
        raise ValueError(f"activation {kind} is not known")
    return F.leaky_relu(x, float(numbers[0]) if kind == LEAKY else 0.0)


def _resized(layer: Layer, x: Tensor) -> Tensor:
    mode = int(layer.number(0))
    if not all(0 < float(layer.number(key, 1)) <= MOST_TIMES for key in (1, 2)):
        raise ValueError("it resizes by an impossible factor")
    size = [round(side * float(layer.number(key, 1))) for side, key in zip(x.shape[2:], (1, 2), strict=True)]
    if mode == NEAREST:
        return F.interpolate(x, size)
    if mode != BICUBIC:
        raise ValueError(f"resizing {mode} is not known")
    return F.interpolate(x, size, mode="bicubic", align_corners=False)
