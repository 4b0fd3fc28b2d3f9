"""Opens PyTorch's pickled files without running anything from them.

Three containers: a bare pickle (nvlabs), PyTorch's zip archive (1.6 and later) and its older sequence of
pickles, which nvlabs files also contain, one per tensor. All are run by `machine`. Objects of
other classes become `StandIn`s: a class name and a dictionary.
"""

from __future__ import annotations

import io
import math
import re
import struct
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import CheckpointError
from ganedit.files import check_regular
from ganedit.store.pickles.machine import Buildable, Machine, Name
from ganedit.store.pickles.stand_ins import StandIn, classes, inert_names, plain_calls

MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of PyTorch's older format

DTYPES = {
    "Double": torch.float64,
    "Float": torch.float32,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
}
STORAGES = {Name("torch", f"{kind}Storage"): dtype for kind, dtype in DTYPES.items()}
STORAGES[Name("torch.storage", "UntypedStorage")] = torch.uint8

# ValueError, LookupError and RuntimeError cover decoding, missing keys and torch's own errors.
_DAMAGE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    EOFError,
    struct.error,
    zipfile.BadZipFile,
)


@dataclass(frozen=True)
class Storage:
    """Raw numbers: a flat tensor that other tensors are views of."""

    flat: Tensor


def read_pickled(path: str | Path, start: int = 0) -> Any:
    """Content of a .pkl, .pt, .pth, .ckpt or .bin file: plain containers, tensors, numpy arrays, and
    `StandIn`s. Numpy's arrays of objects become lists of them.

    Args:
        path: The file.
        start: Where in the file the pickle begins.

    Raises:
        CheckpointError: the file is damaged, names anything outside the allow-list, or claims more data
            than it has.
    """
    path = Path(path)
    check_regular(path)
    data = path.read_bytes()[start:]
    try:
        if data[:4] == b"PK\x03\x04":
            return _Reader(len(data)).archive(data)
        return _Reader(len(data)).bare_or_legacy(data)
    except CheckpointError as error:
        raise CheckpointError(f"{path.name}: {error.message}", error.hint) from None
    except _DAMAGE as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise CheckpointError(
            f"{path.name} is damaged or not a checkpoint: {reason}", "download or copy it again"
        ) from error


class _Reader:
    """Reads one file, with a budget for the tensors made from it."""

    def __init__(self, size: int) -> None:
        self.budget = 4 * size + 2**20  # bytes; tensors that share memory are stored once but made separately
        self.nested: dict[int, tuple[bytes, Any]] = {}  # by id; keeping the bytes keeps their ids unique
        self.calls: dict[Name, Callable[..., Any]] = {
            **classes(),
            **plain_calls(),
            Name("collections", "OrderedDict"): _ordered_dict,
            Name("torch._utils", "_rebuild_tensor_v2"): self.rebuild_tensor,
            Name("torch._utils", "_rebuild_tensor"): self.rebuild_tensor,
            Name("torch._utils", "_rebuild_parameter"): lambda data, *rest: data,
            Name("torch._utils", "_rebuild_parameter_with_state"): lambda data, *rest: data,
            Name("torch._tensor", "_rebuild_from_type_v2"): self.rebuild_from_type,
            Name("torch.storage", "_load_from_bytes"): self.load_from_bytes,
            Name("torch", "Size"): tuple,
            Name("torch_utils.persistence", "_reconstruct_persistent_obj"): _stand_in,
            Name("_codecs", "encode"): _encode,
            Name("numpy", "dtype"): _Dtype,
        }
        for module in ("copyreg", "copy_reg"):
            self.calls[Name(module, "_reconstructor")] = self.reconstruct
        for module in ("builtins", "__builtin__"):
            self.calls[Name(module, "set")] = _plain_set
            self.calls[Name(module, "bytes")] = lambda: b""  # as old protocols write empty bytes
        for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            self.calls[Name(module, "scalar")] = _scalar
            self.calls[Name(module, "_reconstruct")] = lambda *args: _Array()
        self.inert = [*STORAGES, Name("numpy", "ndarray"), *inert_names()]

    # ---- containers ----

    def bare_or_legacy(self, data: bytes) -> Any:
        stream = io.BytesIO(data)
        value = self._machine().run(stream)
        if isinstance(value, int) and value == MAGIC:
            return self._legacy(stream)
        return _finished(value)

    def load_from_bytes(self, data: bytes) -> Any:
        """Replaces `torch.storage._load_from_bytes`, which loads a storage pickled in the older format."""
        if not isinstance(data, bytes):
            raise TypeError("storage data must be bytes")
        if id(data) not in self.nested:
            stream = io.BytesIO(data)
            if self._machine().run(stream) != MAGIC:
                raise ValueError("a nested tensor is not in PyTorch's format")
            self.nested[id(data)] = data, self._legacy(stream)
        return self.nested[id(data)][1]

    def _legacy(self, stream: io.BytesIO) -> Any:
        """The older format after its magic number. The storages follow the pickle that uses them, so it
        is run twice: once to learn their types, and once with the data."""
        protocol, system = self._machine().run(stream), self._machine().run(stream)
        if protocol != 1001 or not isinstance(system, dict) or system.get("little_endian") is not True:
            raise ValueError("unknown version of PyTorch's older format")
        start = stream.tell()
        types: dict[str, tuple[torch.dtype, int]] = {}
        self._machine(partial(_note_type, types), dry=True).run(stream)
        after = stream.getbuffer()
        keys = self._machine().run(stream)
        storages: dict[str, Storage] = {}
        for key in keys:
            dtype, numel = types[str(key)]
            (stored,) = struct.unpack("<q", stream.read(8))
            size = numel * dtype.itemsize
            at = stream.tell()
            if stored != numel or size < 0 or at + size > len(after):
                raise ValueError(
                    f"storage {str(key)[:40]} claims {size:,} bytes, {max(0, len(after) - at):,} are left"
                )
            storages[str(key)] = Storage(_flat(bytes(after[at : at + size]), dtype))
            stream.seek(size, io.SEEK_CUR)
        stream.seek(start)
        machine = self._machine(lambda ident: _cut(storages[_storage_id(ident)[1]], ident))
        return _finished(machine.run(stream))

    def archive(self, data: bytes) -> Any:
        """PyTorch's zip archive: `data.pkl` and one uncompressed entry per storage."""
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = {i.filename: i for i in archive.infolist()}
            roots = [n[: -len("data.pkl")] for n in entries if n.endswith("/data.pkl") and n.count("/") == 1]
            if any(n.endswith("/constants.pkl") for n in entries):
                raise CheckpointError(
                    "it is a TorchScript program, not weights alone",
                    "save the model's state_dict: a program cannot be opened without running it",
                )
            if len(roots) != 1:
                raise CheckpointError(
                    "the zip archive holds no data.pkl: not a PyTorch checkpoint",
                    "supported are PyTorch files, nvlabs pickles and .safetensors",
                )
            if sum(i.file_size for i in entries.values()) > len(data):
                raise ValueError("the archive claims to hold more than its own size")
            order = roots[0] + "byteorder"
            if order in entries and archive.read(entries[order]) != b"little":
                raise ValueError("big-endian data")
            made: dict[str, Storage] = {}

            def storage(ident: Any) -> Storage:
                dtype, key, numel = _storage_id(ident)
                if key not in made:
                    raw = archive.read(entries[f"{roots[0]}data/{key}"])
                    if len(raw) != numel * dtype.itemsize:
                        raise ValueError(
                            f"storage {key[:40]} claims {numel * dtype.itemsize:,} bytes, holds {len(raw):,}"
                        )
                    made[key] = Storage(_flat(raw, dtype))
                return made[key]

            pickled = io.BytesIO(archive.read(entries[roots[0] + "data.pkl"]))
            return _finished(self._machine(storage).run(pickled))

    def _machine(self, persistent: Callable[[Any], Any] | None = None, *, dry: bool = False) -> Machine:
        calls = dict(self.calls)
        if dry:
            for name in ("_rebuild_tensor_v2", "_rebuild_tensor"):
                calls[Name("torch._utils", name)] = lambda *args: None
        return Machine(calls, self.inert, persistent and partial(_class_or_storage, persistent))

    # ---- objects ----

    def reconstruct(self, kind: Name, base: Name, state: Any = None) -> StandIn:
        """Replaces the function by which old protocols make an object without calling its class."""
        made = self.calls[kind]()
        if not isinstance(made, StandIn):
            raise CheckpointError(f"the pickle makes a {str(kind)[:100]}", "nothing in it was run")
        return made

    def rebuild_from_type(self, function: Name, kind: Any, args: tuple[Any, ...], state: Any) -> Any:
        """A tensor with attributes, which are ignored."""
        if function.module != "torch._utils" or function not in self.calls:
            raise CheckpointError(f"the pickle calls {str(function)[:100]}", "nothing in it was run")
        return self.calls[function](*args)

    # ---- tensors ----

    def rebuild_tensor(
        self, storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *rest: Any
    ) -> Tensor:
        """A tensor from its storage; its shape must fit the storage and the budget."""
        if not isinstance(storage, Storage):
            raise TypeError("a tensor without storage")
        numbers = (offset, *size, *stride)
        if len(size) != len(stride) or len(size) > 16 or not all(type(n) is int and n >= 0 for n in numbers):
            raise ValueError("a tensor with an impossible shape")
        numel = math.prod(size)
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if numel else 0
        have = storage.flat.numel()
        if last >= max(have, 1) or numel > have:
            raise ValueError(f"a tensor of shape {_short(size)} does not fit its storage of {have:,} numbers")
        self.budget -= numel * storage.flat.element_size()
        if self.budget < 0:
            raise CheckpointError("the file makes far more tensors than it holds data", "it may be hostile")
        view = torch.as_strided(storage.flat, size, stride, offset)
        return view.clone(memory_format=torch.contiguous_format)


def _short(size: tuple[int, ...]) -> str:
    return "x".join(str(n)[:20] for n in size)


def _flat(raw: bytes, dtype: torch.dtype) -> Tensor:
    if not raw:
        return torch.empty(0, dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the bytes are read-only: they are only copied
        return torch.frombuffer(raw, dtype=dtype)


def _storage_id(ident: Any) -> tuple[torch.dtype, str, int]:
    """Type, key and length from `("storage", type, key, place, length, ...)`."""
    tag, kind, key, _, numel = ident[:5]
    if tag != "storage" or type(numel) is not int or numel < 0:
        raise ValueError("unknown kind of persistent id")
    return STORAGES[kind], str(key), numel


def _cut(storage: Storage, ident: Any) -> Storage:
    """The part of the storage that an id with six fields names, as in old files; otherwise all of it."""
    if len(ident) < 6 or ident[5] is None:
        return storage
    _, offset, size = ident[5]
    if not all(type(n) is int and n >= 0 for n in (offset, size)) or offset + size > storage.flat.numel():
        raise ValueError("a storage that lies outside of another")
    return Storage(storage.flat[offset : offset + size])


def _class_or_storage(storage: Callable[[Any], Any], ident: Any) -> Any:
    """Resolve a persistent id: a storage, or the class of a module with its source code, which is ignored."""
    if isinstance(ident, tuple) and len(ident) > 1 and ident[0] == "module":
        return ident[1]
    return storage(ident)


def _note_type(types: dict[str, tuple[torch.dtype, int]], ident: Any) -> None:
    dtype, key, numel = _storage_id(ident)
    types[key] = dtype, numel


# ---- plain values ----


def _ordered_dict(pairs: list[Any] | tuple[Any, ...] = ()) -> dict[Any, Any]:
    items: dict[Any, Any] = {}
    for key, value in pairs:
        if not isinstance(key, str | int):
            raise TypeError("a dictionary key must be plain")
        items[key] = value
    return items


def _plain_set(items: list[Any] | tuple[Any, ...] = ()) -> set[Any]:
    if not all(isinstance(x, str | int | float | bytes) for x in items):
        raise TypeError("set members must be plain")
    return set(items)


def _encode(text: str, encoding: str) -> bytes:
    """Bytes, as Python 3 writes them in old protocols."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"text encoding {encoding[:20]!r}")
    return text.encode("latin-1")


def _stand_in(meta: dict[str, Any]) -> StandIn:
    name, state = meta["class_name"], meta["state"]
    if not isinstance(name, str) or not isinstance(state, dict):
        raise TypeError("an object without name or state")
    return StandIn(name, state)


class _Dtype(Buildable):
    """A numpy dtype of plain numbers, or of objects."""

    def __init__(self, code: str, *rest: Any) -> None:
        if not isinstance(code, str) or not re.fullmatch(r"b1|[iu][1248]|f[248]|O[48]", code):
            raise CheckpointError(
                f"the file holds a numpy array of type {str(code)[:20]!r}", "only plain numbers are read"
            )
        code = code.rstrip("48") if code[0] == "O" else code
        self.dtype = np.dtype(code)

    def build(self, state: Any) -> None:
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array(Buildable):
    """A numpy array, filled from its state: version, shape, type, column order, and bytes or objects."""

    def __init__(self) -> None:
        self.array: np.ndarray | list[Any] = np.empty(0)

    def build(self, state: Any) -> None:
        _, shape, kind, column_order, raw = state
        if kind.dtype.hasobject:
            if not isinstance(raw, list):
                raise TypeError("a numpy array of objects without objects")
            self.array = raw
            return
        if isinstance(raw, str):
            raw = raw.encode("latin-1")
        if not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 16:
            raise ValueError("a numpy array with an impossible shape")
        if math.prod(shape) * kind.dtype.itemsize != len(raw):
            raise ValueError(f"a numpy array of shape {_short(shape)} holds {len(raw):,} bytes")
        array = np.frombuffer(raw, dtype=kind.dtype)
        self.array = array.reshape(shape[::-1]).T.copy() if column_order else array.reshape(shape).copy()


def _scalar(kind: _Dtype, raw: bytes | str) -> int | float | bool:
    raw = raw.encode("latin-1") if isinstance(raw, str) else raw
    if len(raw) != kind.dtype.itemsize:
        raise ValueError("a numpy number of the wrong size")
    number: int | float | bool = np.frombuffer(raw, dtype=kind.dtype)[0].item()
    return number


def _finished(root: Any) -> Any:
    """`root` with array stand-ins replaced by the arrays, in place. Not recursive: nesting may be deep."""
    if isinstance(root, _Array):
        root = root.array
    seen: set[int] = set()
    todo: list[Any] = [root]
    while todo:
        value = todo.pop()
        if isinstance(value, StandIn):
            value = value.state
        if id(value) in seen or not isinstance(value, dict | list | tuple):
            continue
        seen.add(id(value))
        if isinstance(value, dict | list):
            for key, child in list(value.items() if isinstance(value, dict) else enumerate(value)):
                if isinstance(child, _Array):
                    value[key] = child.array
        todo.extend(value.values() if isinstance(value, dict) else value)
    return root
