"""Tables of what was measured on sounds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console

Limit = Annotated[int, typer.Option(help="Use only the first N sounds by name; 0: all.")]


def print_table(
    console: Console, title: str, rows: Mapping[str, Mapping[str, float]], columns: Mapping[str, str]
) -> None:
    """Print a Markdown table, or with --json its numbers."""

    def lines() -> Iterator[str]:
        yield f"{title}\n"
        yield "| | " + " | ".join(columns.values()) + " |"
        yield "|---|" + "--:|" * len(columns)
        for name, row in rows.items():
            cells = ("" if math.isnan(row[key]) else f"{row[key]:.3g}" for key in columns)
            yield f"| {name} | " + " | ".join(cells) + " |"

    console.answer(
        "\n".join(lines()), {"title": title, "rows": {name: dict(row) for name, row in rows.items()}}
    )
