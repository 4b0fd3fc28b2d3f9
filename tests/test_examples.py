"""The shell pipelines in examples/ run as written, from any folder, with the bundled models."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_smile(tmp_path: Path) -> None:
    program = tmp_path / "bin/ganedit"
    program.parent.mkdir()
    quicker = 'if [ "$1" = project ]; then set -- "$@" --method encode; fi'
    program.write_text(f'#!/bin/sh\n{quicker}\nexec "{sys.executable}" -m ganedit "$@"\n')
    program.chmod(0o755)
    path, modules = f"{program.parent}:{os.environ['PATH']}", f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"
    env = {**os.environ, "PATH": path, "PYTHONPATH": modules, "GANEDIT_HOME": str(tmp_path / "home")}
    ran = subprocess.run(
        [ROOT / "examples/smile.sh", "new folder"],
        cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    *swept, sheet, pasted = ran.stdout.splitlines()
    assert [Path(line).name for line in swept] == [
        f"portrait.smile{m}.png" for m in ("-2", "-1", "+0", "+1", "+2", "+3")
    ]
    assert (sheet, pasted) == (
        "new folder/portrait.smile-2to+3x6.sheet.png",
        "new folder/portrait.smile+2.pasted.png",
    )
    assert all((tmp_path / line).is_file() for line in ran.stdout.splitlines())
