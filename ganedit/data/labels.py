"""Labels of a set of images, as a table with the column `file` and others.

It is a CSV, where `file` holds each image's path inside the folder or zip, or just its name; or the
dataset.json of stylegan2-ada and stylegan3, with the column `class`. Without either, the column `folder`
names the folder of each image, as in sets with a folder for each class.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ganedit.data.files import open_source, some_of
from ganedit.errors import InputError, UsageError
from ganedit.files import parse_json, read_bytes, read_text

LabelKind = Literal["class", "number"]
CSV, JSON, FOLDER = "labels.csv", "dataset.json", "folder"


def label_values(source: Path, column: str, names: Sequence[str], labels: Path | None = None) -> list[str]:
    """Values in one column of a set's labels, for each of the images in `names`.

    Raises:
        InputError: The file of labels is missing or damaged, lacks an image, or leaves its label empty.
        UsageError: There is no such column.
    """
    if column == FOLDER and labels is None and _file_of(source) is None:
        return _folders(source, names)
    where, header, rows = _table(source, labels)
    if column not in header[1:]:
        raise UsageError(f"{where} has no column {column!r}", f"its columns: {_words(header[1:])}")
    table = {_plain(row[0]): row[header.index(column)] for row in rows}
    by_base: dict[str, str | None] = {}
    for file, value in table.items():
        base = PurePosixPath(file).name
        by_base[base] = value if by_base.get(base, value) == value else None  # of one name, but two labels
    values = {name: table.get(name, by_base.get(PurePosixPath(name).name)) for name in names}
    absent = [name for name, value in values.items() if value is None]
    if absent:
        raise InputError(
            f"{len(absent)} of {len(names)} images have no row in {where}: {some_of(absent)}",
            'add them to the CSV (column "file"), or move them out of the set',
        )
    empty = [name for name, value in values.items() if not value]
    if empty:
        raise InputError(f"{where} leaves {column!r} empty for {len(empty)} images: {some_of(empty)}")
    return [value for value in values.values() if value]


def label_columns(source: Path, labels: Path | None = None) -> list[str]:
    """Names of the columns of a set's labels besides `file`."""
    if labels is None and _file_of(source) is None:
        with ExitStack() as stack:
            names, _ = open_source(source, stack)
        if len({PurePosixPath(name).parent for name in names}) > 1:
            return [FOLDER]
    return _table(source, labels)[1][1:]


def unused_labels(source: Path) -> str:
    """What labels a set has, in words for a message; empty if it has none, or they cannot be read."""
    if (found := _file_of(source)) is None:
        return ""
    try:
        _, header, rows = _table(source, None)
    except InputError:
        return ""
    return f"{found.name}: {_words(header[1:])}" if rows and header[1:] else ""


def _file_of(source: Path) -> Path | None:
    """The file of labels of a set: labels.csv or dataset.json in the folder, or in or beside the zip."""
    folder = source if source.is_dir() else source.parent
    if (folder / CSV).is_file():
        return folder / CSV
    inside = zipfile.is_zipfile(source) and _in_zip(source) is not None
    return source / JSON if inside else folder / JSON if (folder / JSON).is_file() else None


def _in_zip(source: Path) -> bytes | None:
    """The dataset.json in a zip; None if it has none, or cannot be read."""
    with suppress(OSError, KeyError, zipfile.BadZipFile), zipfile.ZipFile(source) as archive:
        return archive.read(JSON)
    return None


def _table(source: Path, labels: Path | None) -> tuple[Path, list[str], list[list[str]]]:
    """The file of labels, its header and its rows."""
    path = labels or _file_of(source) or (source if source.is_dir() else source.parent) / CSV
    if path.suffix != ".json":
        return path, *_read_csv(path)
    try:
        inside = _in_zip(source) if path.parent == source and source.is_file() else None
        return path, *_parsed(parse_json(read_bytes(path) if inside is None else inside))
    except OSError as error:
        raise InputError(
            f"no labels at {path}", "name the file of labels, or drop the label column"
        ) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(
            f"{path} cannot be read as labels: {str(error)[:80]}",
            'it needs {"labels": [["00000/img00000000.png", 3], ...]}',
        ) from error


def _parsed(content: Any) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a dataset.json: classes as numbers or vectors with a single 1, or other vectors."""
    entries = [(str(file), label) for file, label in content["labels"] or ()]
    vectors = [label if isinstance(label, list) else None for _, label in entries]
    if not any(vectors):
        return ["file", "class"], [[file, str(int(label))] for file, label in entries]
    if any(vector is None or len(vector) != len(vectors[0] or ()) for vector in vectors):
        raise ValueError("its labels have different lengths")
    rows = [[float(number) for number in vector or ()] for vector in vectors]
    files = [file for file, _ in entries]
    if all(sorted(row)[-1] == 1 and sum(map(abs, row)) == 1 for row in rows):
        return ["file", "class"], [[file, str(row.index(1))] for file, row in zip(files, rows, strict=True)]
    header = ["file", *map(str, range(len(rows[0])))]
    return header, [[file, *map(str, row)] for file, row in zip(files, rows, strict=True)]


def _folders(source: Path, names: Sequence[str]) -> list[str]:
    """The name of the folder of each image."""
    folders = [PurePosixPath(name).parent.name for name in names]
    if len(set(folders)) < 2 or "" in folders:
        raise InputError(
            f"{source} has no labels, and its images are not in folders by class",
            "put each class into a folder of its own, or write labels.csv",
        )
    return folders


def _plain(file: str) -> str:
    """A path as it stands in lists of files, also if it was written on Windows."""
    return PurePosixPath(file.replace("\\", "/")).as_posix()


def _read_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows, checked to have equal lengths and `file` as first column."""
    try:
        table = csv.reader(io.StringIO(read_text(path, "utf-8-sig"), newline=""))
        header, *rows = [[cell.strip() for cell in row] for row in table if row] or [[""]]
    except FileNotFoundError as error:
        hint = "name the CSV of labels, or drop the label column"
        raise InputError(f"no labels at {path}", hint) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8", "save it as CSV with that encoding") from error
    except (OSError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a CSV: {error}") from error
    if header[0] != "file":
        raise InputError(
            f"the first column of {path} is {header[0]!r}, not 'file'", "it names the images, such as a.png"
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise InputError(f"{path} has several columns {twice[0]!r}", "rename them, or drop one")
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise InputError(
                f"row {number} of {path} has {len(row)} values, and there are {len(header)} columns",
                "put values with commas in quotes",
            )
    return header, rows


def _words(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _as_classes(values: Sequence[str]) -> tuple[Tensor, list[str]]:
    """Class indices and names: the distinct values, sorted as numbers if possible."""
    distinct = sorted(set(values))
    with suppress(ValueError):  # words keep alphabetical order
        distinct.sort(key=float)
    index = {value: i for i, value in enumerate(distinct)}
    return torch.tensor([index[value] for value in values]), distinct


def _as_numbers(values: Sequence[str], names: Sequence[str], column: str) -> Tensor:
    numbers = []
    for value, name in zip(values, names, strict=True):
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not np.isfinite(number):
            raise InputError(f"{column!r} of {name} is not a number: {value!r}")
        numbers.append(number)
    return torch.tensor(numbers, dtype=torch.float32)
