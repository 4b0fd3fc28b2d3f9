"""Fixtures for the page."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from ganedit.cli.app import main
from ganedit.cli.kit.context import Console

# Without gradio only the test in the browser is collected, which says why it is skipped.
collect_ignore = [] if find_spec("gradio") else ["test_face.py", "test_parts.py"]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Runs a line of `ganedit` commands joined by pipes in an empty folder; returns what the last prints."""
    import shlex

    monkeypatch.chdir(tmp_path)

    def run(line: str) -> list[str]:
        printed: str | None = None
        for command in line.split(" | "):
            words, out, err = shlex.split(command), io.StringIO(), io.StringIO()
            assert words[0] == "ganedit"
            source = Piped(printed or "")
            assert main([*words[1:], "--device", "cpu"], Console(source, out, err)) == 0, err.getvalue()
            printed = out.getvalue()
        return (printed or "").splitlines()

    return run


class Piped(io.StringIO):
    """Standard input that another command writes into."""

    is_pipe = True
