"""The stages of a batch: what is computed together, and in which order results come."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from ganedit.cli.kit.batch import BatchFailed, Stages, run_stages
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.results import Result
from ganedit.errors import InputError


class Lengths(Stages[Path, str, int]):
    """Measures texts, four at a time where they begin alike; "bad" cannot be measured, "old" was before."""

    ahead = 5

    def __init__(self) -> None:
        self.groups: list[list[str]] = []

    def plan(self, path):
        yield Result(path.with_suffix(".length")) if path.stem.startswith("old") else path

    def read(self, task):
        return task.read_text()

    def room(self, read):
        return 4

    def alike(self, one, other):
        return one[0] == other[0]

    def compute(self, tasks, read):
        self.groups.append([task.stem for task in tasks])
        if "bad" in read:
            raise InputError("a bad text")
        return [len(text) for text in read]

    def write(self, task, made):
        target = task.with_suffix(".length")
        target.write_text(str(made))
        return Result(target, {"length": made})


def run(tmp_path: Path, **texts: str) -> tuple[Lengths, Console, int]:
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text)
    stages, console, status = Lengths(), Console(stdout=io.StringIO(), stderr=io.StringIO()), 0
    try:
        run_stages(console, [str(tmp_path / f"{name}.txt") for name in texts], stages)
    except BatchFailed as error:
        status = error.exit_status
    return stages, console, status


def test_results_keep_the_order_of_the_inputs_whatever_is_computed_with_what(tmp_path):
    stages, console, status = run(tmp_path, a="xx", old="", b="y", c="xxx", d="yy", e="x")
    assert [Path(line).stem for line in console.stdout.getvalue().split()] == ["a", "old", "b", "c", "d", "e"]
    assert stages.groups == [["a", "c", "e"], ["b", "d"]]
    assert (tmp_path / "c.length").read_text() == "3"
    assert status == 0


def test_what_fails_takes_no_other_along(tmp_path):
    stages, console, status = run(tmp_path, a="b", b="bad", c="bb")
    assert [Path(line).stem for line in console.stdout.getvalue().split()] == ["a", "c"]
    assert stages.groups == [["a", "b", "c"], ["a"], ["b"], ["c"]]
    assert "b.txt: a bad text" in console.stderr.getvalue()
    assert status == 1


def test_a_file_that_cannot_be_read_fails_alone(tmp_path):
    for name, text in (("a", b"x"), ("b", b"\xff"), ("c", b"xx")):
        (tmp_path / f"{name}.txt").write_bytes(text)
    console = Console(stdout=io.StringIO(), stderr=io.StringIO())
    stages = Lengths()
    with pytest.raises(BatchFailed):
        run_stages(console, [str(tmp_path / f"{name}.txt") for name in "abc"], stages)
    assert [Path(line).stem for line in console.stdout.getvalue().split()] == ["a", "c"]
    assert "b.txt: a bug in ganedit: UnicodeDecodeError" in console.stderr.getvalue()
