"""The help: every command stands under a task and ends with two examples, which parse."""

from __future__ import annotations

import contextlib
import io
import shlex

import pytest

from ganedit.cli import app
from ganedit.cli.app import COMMANDS
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.help import EXAMPLES, TASKS


def help_of(*words: str) -> str:
    out = io.StringIO()
    assert app.main([*words, "--help"], Console(stdout=out, stderr=io.StringIO())) == 0
    return out.getvalue()


def paths() -> list[str]:
    import importlib

    found = []
    for name, entry in COMMANDS.items():
        module = importlib.import_module(f"ganedit.cli.commands.{entry.module}")
        group = getattr(module, "COMMANDS", None)
        found += [name] if group is None else [f"{name} {sub}" for sub in group]
    return found


def test_every_command_stands_under_one_task():
    assert sorted(name for names in TASKS.values() for name in names) == sorted(COMMANDS)
    text = help_of()
    assert all(f"{task}:" in text for task in TASKS)


@pytest.mark.parametrize("path", paths())
def test_options_in_sections_and_two_examples(path):
    text = help_of(*path.split())
    assert "Global:" in text
    _, _, examples = text.partition("Examples:\n")
    lines = [line.strip() for line in examples.strip().splitlines()]
    assert len(lines) == 2
    assert all(line.startswith(f"ganedit {path}") for line in lines)


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_examples_parse(line):
    program, *argv = shlex.split(line)
    assert program == "ganedit"
    pending: list = []
    name = app._command_named_in(argv)
    console = Console(stdout=io.StringIO(), stderr=io.StringIO())
    program = app.build(name, console, pending)
    with contextlib.redirect_stdout(io.StringIO()):
        app._parse(program, app._with_default_values(argv, name), console)
    assert len(pending) == 1


@pytest.mark.parametrize("path", ["edit", "train stylegan2", "clip edit", "direction learn"])
def test_plain_words(path):
    """Help starts with a verb or a noun phrase."""
    for line in help_of(*path.split()).splitlines():
        assert not any(f"  {word} " in line for word in ("Of", "That", "As"))
