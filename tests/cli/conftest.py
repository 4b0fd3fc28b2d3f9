"""Run the real command in-process and look at what it said."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ganedit.cli.app import main
from ganedit.cli.kit.context import Console


@dataclass
class Ran:
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> list[Any]:
        return [json.loads(line) for line in self.lines]


class Piped(io.StringIO):
    """Standard input that another command writes into."""

    is_pipe = True


@pytest.fixture
def ganedit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """`ganedit("edit", "x.png", "--json")` in an empty folder, with `stdin="..."` for a pipe."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ganedit.store.downloads.wheels.installed", lambda source: None)

    def run(*argv: object, stdin: str | None = None) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        source = io.StringIO() if stdin is None else Piped(stdin)
        status = main([str(a) for a in argv], Console(source, out, err))
        return Ran(status, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def no_model(monkeypatch):
    """From here on, no model may be opened."""

    def refuse():
        monkeypatch.setattr("ganedit.store.load.load", lambda *a, **k: pytest.fail("a model was opened"))

    return refuse
