"""Labels of a set of images: a CSV whose first column, `file`, holds each image's path inside the
folder or zip, or just its name.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ganedit.data.files import some_of
from ganedit.errors import InputError, UsageError

LabelKind = Literal["class", "number"]


def label_values(source: Path, column: str, names: Sequence[str], labels: Path | None = None) -> list[str]:
    """Values in one column of a set's CSV, for each of the images in `names`.

    Raises:
        InputError: The CSV is missing or damaged, lacks an image, or leaves its label empty.
        UsageError: The CSV has no such column.
    """
    path = labels_path(source, labels)
    header, rows = _read_csv(path)
    if column not in header[1:]:
        raise UsageError(f"{path} has no column {column!r}", f"its columns: {_words(header[1:])}")
    table = {row[0]: row[header.index(column)] for row in rows}
    by_base = {PurePosixPath(file).name: value for file, value in table.items()}
    values = {name: table.get(name, by_base.get(PurePosixPath(name).name)) for name in names}
    absent = [name for name, value in values.items() if value is None]
    if absent:
        raise InputError(
            f"{len(absent)} of {len(names)} images have no row in {path}: {some_of(absent)}",
            'add them to the CSV (column "file"), or move them out of the set',
        )
    empty = [name for name, value in values.items() if not value]
    if empty:
        raise InputError(f"{path} leaves {column!r} empty for {len(empty)} images: {some_of(empty)}")
    return [value for value in values.values() if value]


def label_columns(source: Path, labels: Path | None = None) -> list[str]:
    """Names of the columns in a set's CSV besides `file`."""
    return _read_csv(labels_path(source, labels))[0][1:]


def labels_path(source: Path, labels: Path | None = None) -> Path:
    """The CSV of a set: `labels`, or by default `labels.csv` in the folder or next to the zip."""
    return labels or (source if source.is_dir() else source.parent) / "labels.csv"


def _read_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows, checked to have equal lengths and `file` as first column."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            header, *rows = [[cell.strip() for cell in row] for row in csv.reader(stream) if row] or [[""]]
    except FileNotFoundError as error:
        hint = "name the CSV of labels, or drop the label column"
        raise InputError(f"no labels at {path}", hint) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a CSV: {error}") from error
    if header[0] != "file":
        raise InputError(f'{path}: the first column must be "file", found {header[0]!r}')
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise InputError(f"{path}, row {number}: {len(row)} cells under {len(header)} columns")
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
