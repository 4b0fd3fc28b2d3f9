"""Real processes and real pipes: who is listened to, who is not waited for, and being interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROBE = '''
import sys, time, types
from pathlib import Path
from ganedit.cli import app
from ganedit.cli.kit.batch import run_batch

def command(console):
    """Print inputs; a file called slow takes a minute."""
    def work(path):
        if path.name == "slow":
            Path("started").touch()
            time.sleep(60)
        return [path]
    run_batch(console, None, work, fallback=lambda: [Path("latest")])

sys.modules["ganedit.cli.commands.probe"] = types.SimpleNamespace(command=command)
app.COMMANDS["probe"] = app.Entry("probe", "Probe.")
sys.exit(app.main(["probe"]))
'''


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A shell command that prints the inputs it gets, or `latest` without any."""
    (tmp_path / "probe.py").write_text(PROBE)
    for name in ("a", "b", "slow"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return f"{sys.executable} probe.py"


def shell(line: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        line, shell=True, capture_output=True, text=True, check=False, timeout=60, **options
    )


def test_a_pipeline_is_waited_for(probe):
    assert shell(f"(sleep 3; echo a; echo b) | {probe}").stdout.split() == ["a", "b"]


@pytest.mark.parametrize("before", ["false", "(sleep 3; false)"])
def test_an_empty_pipeline_is_no_reason_to_take_something_else(probe, before):
    ran = shell(f"{before} | {probe}")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "brought no paths" in ran.stderr


def test_a_pipe_that_nobody_uses_is_not_waited_for(probe):
    """As when a program starts us without minding our standard input."""
    end, other = os.pipe()
    try:
        assert shell(probe, stdin=end).stdout.split() == ["latest"]
    finally:
        os.close(end)
        os.close(other)


@pytest.mark.parametrize("stdin", ["< /dev/null", "<&-"])
def test_no_input_at_all(probe, stdin):
    assert shell(f"{probe} {stdin}").stdout.split() == ["latest"]


def test_what_a_program_hands_over_is_read(probe):
    assert shell(probe, input="b\n").stdout.split() == ["b"]
    assert shell(probe, input="").returncode == 3  # as when the command before failed at once


def test_results_come_one_by_one(probe, tmp_path):
    """The next command of a pipeline can start on the first result while the second is made."""
    with subprocess.Popen([*probe.split()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        run.stdin.write("a\n")
        run.stdin.flush()
        assert run.stdout.readline() == "a\n"
        run.stdin.write("b\n")
        run.stdin.close()
        assert run.stdout.readline() == "b\n"


def test_interrupted(probe, tmp_path):
    run = subprocess.Popen(
        probe.split(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # background jobs ignore it
    )
    run.stdin.write("slow\n")
    run.stdin.flush()
    while not (tmp_path / "started").exists():
        assert run.poll() is None
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=30)
    assert (run.returncode, out) == (130, "")
    assert err == "ganedit probe: interrupted\n"
