"""The collection of hostile files, each opened under a limit of time and memory in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import hostile_files
import pytest
from hostile_files import OWNED, collection

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By file, what became of opening it. The files are still there, and nothing else is."""
    folder = tmp_path_factory.mktemp("hostile")
    files = collection()
    (folder / "files").mkdir()
    for name, data in files.items():
        (folder / "files" / name).write_bytes(data)
    run = subprocess.run(
        [sys.executable, hostile_files.__file__, folder / "files"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert not (folder / OWNED).exists()
    assert sorted(p.name for p in folder.iterdir()) == ["files"]
    for name, data in files.items():
        assert (folder / "files" / name).read_bytes() == data
    return dict(json.loads(line) for line in run.stdout.splitlines())


def test_the_collection_is_large(outcomes):
    assert outcomes.keys() == collection().keys()
    assert len(outcomes) >= 100


@pytest.mark.parametrize("name", sorted(collection()))
def test_refused_in_time_and_memory(outcomes, name):
    assert outcomes[name].startswith("CheckpointError: ")
    assert name in outcomes[name]
    assert "Traceback" not in outcomes[name]
