"""Workers on a Ray cluster of this machine; started by a process of its own, since Ray changes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


def workers_below(pid: int) -> list[int]:
    """Processes of Ray's workers that a process has started, directly or not."""
    found, below = [], [str(pid)]
    while below:
        listed = subprocess.run(["pgrep", "-P", ",".join(below)], capture_output=True, text=True, check=False)
        below = listed.stdout.split()
        for one in below:
            command = Path(f"/proc/{one}/cmdline")
            found += [int(one)] if command.is_file() and b"ray::_work" in command.read_bytes() else []
    return found


def test_nothing_is_lost_or_doubled_if_a_worker_is_killed(tmp_path, monkeypatch):
    """200 photos, two workers, of which one is killed in the middle."""
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    (tmp_path / "photos").mkdir()
    for i in range(200):
        Image.new("L", (24, 24), 200 + i % 50).save(tmp_path / f"photos/{i:03}.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "ganedit", "draw", "sketch", "photos", "-o", "out", "--workers", "2"]
    with subprocess.Popen(
        [*command, "--ray", "local"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not out.is_dir() or len(list(out.iterdir())) < 40:
            if process.poll() is not None:
                said = process.stderr.read()
                if "timed out during startup" in said:  # after 30 s, which Ray does not let anybody change
                    pytest.skip("this machine is too busy to start Ray")
                pytest.fail(said)
            time.sleep(0.05)
        workers = workers_below(process.pid)
        os.kill(workers[0], signal.SIGKILL)
        said, complained = process.communicate(timeout=200)
    assert process.returncode == 0
    assert said.split() == [f"out/{i:03}.sketch.png" for i in range(200)]
    whole = [path for path in out.iterdir() if not path.name.endswith(".part.png")]  # which a kill leaves
    assert len(whole) == 200
    assert all(Image.open(path).size == (24, 24) for path in whole)
    assert "a worker was killed, or its machine was lost; trying again: photos/" in complained


def test_without_ray_it_says_what_to_install(ganedit, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    Image.new("L", (24, 24)).save(tmp_path / "a.png")
    ran = ganedit("draw", "sketch", "a.png", "--ray", "local")
    assert ran.status == 5
    assert ran.err == "ganedit draw sketch: Ray is not installed\n  next: pip install 'ganedit[ray]'\n"


def test_a_cluster_that_is_not_there(ganedit, tmp_path):
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    Image.new("L", (24, 24)).save(tmp_path / "a.png")
    ran = ganedit("draw", "sketch", "a.png", "--ray", "127.0.0.1:9")
    assert ran.status == 5
    assert "no Ray cluster answers at 127.0.0.1:9: " in ran.err
