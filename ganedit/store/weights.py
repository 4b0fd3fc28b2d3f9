"""Reads and writes .safetensors files; headers are checked, not trusted."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganedit.errors import CheckpointError, InputError
from ganedit.files import IMAGE_SUFFIXES, atomic_path, check_regular, parse_json, spelling
from ganedit.limits import MAX_WEIGHTS_HEADER

_ITEM_SIZE = {
    "F64": 8,
    "I64": 8,
    "U64": 8,
    "F32": 4,
    "I32": 4,
    "U32": 4,
    "F16": 2,
    "BF16": 2,
    "I16": 2,
    "U16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}


def check_header(path: str | Path) -> dict[str, Any]:
    """The header of a .safetensors file, after checking that every tensor lies inside the file.

    Raises:
        CheckpointError: truncated, of another format, or with a wrong header.
    """
    path = Path(path)
    check_regular(path)
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= MAX_WEIGHTS_HEADER or (begin := file.read(1)) != b"{":
            problem = f"it starts with {start!r}" if start else "it is empty"
            raise CheckpointError(
                f"{path.name} is not a safetensors file: {problem}", "download or copy it again"
            )
        if 8 + length > size:
            raise CheckpointError(
                f"{path.name} is cut short: its header needs {8 + length:,} bytes, it has {size:,}",
                "download or copy it again",
            )
        text = begin + file.read(length - 1)
    try:
        header: dict[str, Any] = parse_json(text)
        _check_offsets(header, size - 8 - length)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"{path.name} is damaged: {str(error)[:120]}", "download or copy it again"
        ) from error
    return header


def _check_offsets(header: dict[str, Any], available: int) -> None:
    """Refuse tensors with gaps or overlaps, of another size than claimed, or that do not fill the file."""
    tensors = {k: v for k, v in header.items() if k != "__metadata__"}
    at = 0
    for name, entry in sorted(tensors.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        shape, item = entry["shape"], _ITEM_SIZE.get(entry["dtype"])
        if item is None:
            raise ValueError(f"{name} is of the unknown type {entry['dtype']}")
        if not all(type(n) is int and n >= 0 for n in (begin, end, *shape)):
            raise ValueError(f"{name} has an impossible shape")
        if begin != at or end - begin != math.prod(shape) * item:
            raise ValueError(f"{name} claims a place that does not suit its shape")
        at = end
    if at != available:
        raise ValueError(f"its tensors need {at:,} bytes, it holds {available:,}")


def read_weights(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors of a .safetensors file on the CPU, and its metadata.

    Raises:
        CheckpointError: see `check_header`.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(path)
    try:
        metadata = check_header(path).get("__metadata__") or {}
        return load_file(path), dict(metadata)
    except SafetensorError as error:
        raise CheckpointError(f"{path.name} is damaged: {error}", "download or copy it again") from error
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing", "get the model again") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error


@contextmanager
def record_in(
    path: Path, kind: str, schema: int, hint: str
) -> Iterator[tuple[dict[str, Tensor], dict[str, Any]]]:
    """Context that yields tensors and metadata of a latent or direction file, and reports a block that fails.

    Args:
        path: File from `write_weights`, with a number `schema` in `about`.
        kind: Kind of file, for messages.
        schema: The newest one that the caller knows.
        hint: Says where such files come from.

    Raises:
        InputError: the file is missing, damaged, from a newer ganedit, or something else, or the block fails
            on its content.
    """
    check_regular(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a {kind}", hint)
    if not path.is_file():
        raise InputError(f"{path}: no such file", spelling(path))
    try:
        tensors, metadata = read_weights(path)
        about = parse_json(metadata["ganedit"])
        if about["schema"] > schema:
            raise InputError(f"{path} was written by a newer ganedit", "update ganedit")
        yield tensors, about
    except InputError as error:  # of the block, which does not know the file
        where = "" if str(path) in error.message else f"{path}: "
        raise InputError(f"{where}{error.message}", error.hint) from error
    except CheckpointError as error:
        if path.suffix.lower() in IMAGE_SUFFIXES:
            raise InputError(f"{path} is an image, not a {kind}", hint) from error
        raise InputError(f"{path} is not a {kind}: {error.message}", "make it again") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is not a {kind}, or damaged", hint) from error


def write_weights(
    path: str | Path,
    tensors: Mapping[str, Tensor],
    about: Mapping[str, Any],
    *,
    dtype: torch.dtype | None = None,
) -> Path:
    """Write a .safetensors file, atomically.

    Args:
        path: Must end in .safetensors.
        tensors: Tensors by name; they are moved to the CPU.
        about: Stored as JSON under the metadata key "ganedit".
        dtype: Type to store floating-point tensors in; None keeps theirs.
    """
    from safetensors.torch import save_file

    def stored(t: Tensor) -> Tensor:
        t = t.detach().to("cpu", dtype if dtype and t.is_floating_point() else t.dtype)
        return t.clone(memory_format=torch.contiguous_format)  # in memory of its own, as the format requires

    with atomic_path(path) as temporary:
        temporary.touch()
        mode = (
            temporary.stat().st_mode
        )  # follows the umask; the library would let only the owner read the file
        save_file(
            {k: stored(t) for k, t in tensors.items()},
            temporary,
            metadata={"ganedit": json.dumps(dict(about))},
        )
        temporary.chmod(mode)
    return Path(path)


def under_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with a prefix, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
