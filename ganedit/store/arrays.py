"""Arrays in files of research code: .npy, .npz and .pt. Code in the files is never run."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.files import ARRAY_SUFFIXES, atomic_path, check_regular, spelling

WRITTEN = (".npy", ".npz", ".pt")


def read_arrays(path: Path, kind: str, hint: str) -> Any:
    """The array or tensor in a file, or several by name.

    Args:
        path: A .npy, .npz, .pt or .pth file.
        kind: What it should be, for errors, such as "a direction".
        hint: What to do instead, for errors.

    Raises:
        InputError: The file is missing, damaged, hostile, or holds objects instead of numbers.
    """
    check_regular(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a file", hint)
    if not path.is_file():
        raise InputError(f"{path}: no such file", spelling(path))
    try:
        return _content(path)
    except (OSError, ValueError, EOFError, MemoryError, BadZipFile, CheckpointError) as error:
        what = str(error)
        if "pickle" in what and not isinstance(error, CheckpointError):  # NumPy would advise to allow pickles
            what = "it holds something else than numbers"
        raise InputError(f"{path.name} cannot be read as {kind}: {what}", hint) from error


def _content(path: Path) -> Any:
    if not path.stat().st_size:
        raise ValueError("it is empty")
    if path.suffix in (".npy", ".npz"):
        try:
            if path.suffix == ".npy" and (start := _start_of_objects(path)):
                return _objects(path, start)
            arrays = np.load(path, allow_pickle=False)
            if path.suffix == ".npy":
                return arrays
            with arrays:
                return dict(arrays)
        except TokenError as error:  # NumPy parses headers with Python's own tokenizer
            raise ValueError("its header is damaged") from error
    if path.suffix in ARRAY_SUFFIXES:
        from ganedit.store.pickles.unpickle import read_pickled

        return read_pickled(path)
    raise ValueError("its name does not end in .npy, .npz or .pt")


def _start_of_objects(path: Path) -> int:
    """Where the pickle in a .npy file of objects begins; 0 in files of numbers, and in what is none."""
    headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with path.open("rb") as file:
        if file.read(len(np.lib.format.MAGIC_PREFIX)) != np.lib.format.MAGIC_PREFIX:
            return 0
        file.seek(0)
        read = headers.get(np.lib.format.read_magic(file))
        return file.tell() if read and read(file)[2].hasobject else 0


def _objects(path: Path, start: int) -> Any:
    """The object in a .npy file, such as the dictionary of latents that HyperStyle and ReStyle write."""
    from ganedit.store.pickles.unpickle import read_pickled

    found = read_pickled(path, start)
    return found[0] if isinstance(found, list) and len(found) == 1 else found


def as_numbers(value: Any) -> np.ndarray | None:
    """A tensor, an array or a list of numbers as an array; None for anything else."""
    if isinstance(value, Tensor):
        value = value.detach().float().numpy()
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        return None
    return array if array.size and array.dtype.kind in "fiu" else None


def shapes_in(path: Path, kind: str, hint: str) -> dict[str, str]:
    """What a file of arrays holds: their types and shapes by name; the name of a single array is "array".

    Raises:
        InputError: as in `read_arrays`, or there is something else than arrays in it.
    """
    content = read_arrays(path, kind, hint)
    named = content if isinstance(content, Mapping) else {"array": content}
    shapes = {}
    for name, value in named.items():
        if not isinstance(value, Tensor | np.ndarray):
            raise InputError(f"{path.name} holds more than arrays: {str(name)[:40]}", hint)
        shapes[str(name)] = f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
    return shapes


def write_array(path: Path, array: Tensor, key: str) -> Path:
    """Write one array as .npy, .pt, or under the name `key` as .npz, atomically.

    Raises:
        UsageError: Another suffix.
        InputError: The file cannot be written.
    """
    if path.suffix not in WRITTEN:
        raise UsageError(f"{path.name} ends in none of {', '.join(WRITTEN)}", "name the file accordingly")
    data = io.BytesIO()  # PyTorch's own writer does not tell why it failed
    if path.suffix == ".npy":
        np.save(data, array.numpy())
    elif path.suffix == ".npz":
        named: dict[str, Any] = {key: array.numpy()}
        np.savez(data, **named)
    else:
        torch.save(array, data)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.getbuffer())
    return path
