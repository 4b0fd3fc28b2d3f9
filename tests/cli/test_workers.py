"""Several processes that share the inputs of a command: what they do must not differ from what one does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganedit import compute
from ganedit.cli.kit.batch import run_batch
from ganedit.cli.kit.context import Console, Options
from ganedit.cli.kit.results import Result

ROOT = Path(__file__).parents[2]
GANEDIT = [sys.executable, "-m", "ganedit"]
PROBE = '''
import errno, os, signal, sys, time, types
from pathlib import Path
from ganedit.cli import app
from ganedit.cli.kit.batch import run_batch
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.options import OutputFolder, Photos
from ganedit.cli.kit.results import Result
from ganedit.errors import InputError, MissingError
from ganedit.files import atomic_path

def command(console: Console, inputs: Photos = None, output: OutputFolder = Path(".")) -> None:
    """Copy texts, and do what they say."""
    print("a library chats")
    if Path("crash").exists() and not console.hands_out:
        os._exit(9)
    if Path("refuse").exists() and not console.hands_out:
        raise MissingError("the model is missing", "download it")

    def work(path):
        text = path.read_text()
        target = output / f"{console.stem_of(path)}.out"
        if not console.should_write(target):
            yield Result(target)
            return
        if text == "bad":
            raise InputError("this one is bad", "try another")
        if text == "bug":
            raise ZeroDivisionError("oops")
        if text == "full":
            raise OSError(errno.ENOSPC, "no space", "somewhere")
        if text == "deadly":
            os.kill(os.getpid(), signal.SIGKILL)
        with atomic_path(target) as temporary:
            temporary.write_text(text)
            if text == "slow":
                time.sleep(60)
        if text == "once" and not Path("died").exists():
            Path("died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield Result(target, {"length": len(text)})

    run_batch(console, inputs, work, suffixes=(".txt",))

sys.modules["ganedit.cli.commands.probe"] = types.SimpleNamespace(command=command)
app.COMMANDS["probe"] = app.Entry("probe", "Probe.")
app.HANDED_OUT += ("ganedit probe",)
if __name__ == "__main__":
    from ganedit.__main__ import main
    sys.exit(main())
'''


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command line that copies texts NAME.txt to NAME.out, in an empty folder."""
    (tmp_path / "probe.py").write_text(PROBE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return [sys.executable, "probe.py", "probe"]


@pytest.fixture
def texts(tmp_path: Path) -> Callable[..., None]:
    def write(**texts: str) -> None:
        for name, text in texts.items():
            path = tmp_path / f"{name.replace('__', '/')}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)

    return write


def run(*argv: object, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in argv], capture_output=True, text=True, check=False, timeout=120, **options
    )


def results_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def has_gone(group: int) -> bool:
    """Whether no process is left in a group, after half a minute at most."""
    for _ in range(300):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    return False


@contextmanager
def started(*argv: object, **options) -> Iterator[subprocess.Popen[str]]:
    """A command in a process group of its own, which must be empty at the end."""
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(
        [str(word) for word in argv], text=True, start_new_session=True, **streams, **options
    ) as process:
        try:
            yield process
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # so that this error is seen at once
            raise
        assert has_gone(process.pid)


def wait_for(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not true():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    found = run("pgrep", "-P", process.pid, "-f", "spawn_main").stdout.split()
    return [int(one) for one in found]


# ---- a worker that dies ----


def test_nothing_is_lost_or_doubled_if_a_worker_is_killed(tmp_path, probe):
    """200 photos, two workers, of which one is killed in the middle."""
    (tmp_path / "photos").mkdir()
    for i in range(200):
        Image.new("L", (24, 24), 200 + i % 50).save(tmp_path / f"photos/{i:03}.png")
    out = tmp_path / "out"
    with started(*GANEDIT, "draw", "sketch", "photos", "-o", "out", "--workers", 2) as process:
        wait_for(lambda: len(list(out.glob("[0-9]*.png"))) > 40, process)
        os.kill(workers_of(process)[0], signal.SIGKILL)
        said, complained = process.communicate(timeout=100)
    assert process.returncode == 0
    assert said.split() == [f"out/{i:03}.sketch.png" for i in range(200)]
    whole = [
        path for path in out.iterdir() if not path.name.endswith(".part.png")
    ]  # of the one that was killed
    assert len(whole) == 200
    assert all(Image.open(path).size == (24, 24) for path in whole)
    assert "a worker was killed (SIGKILL); trying again: photos/" in complained


def test_an_input_that_kills_its_workers_fails_alone(probe, texts, tmp_path):
    """One whose worker dies once is taken up again, although its result is there already."""
    texts(a="1", b="deadly", c="once", d="2", e="3")
    ran = run(*probe, *(f"{name}.txt" for name in "abcde"), "--workers", 2)
    assert ran.stdout.split() == ["a.out", "c.out", "d.out", "e.out"]
    assert "b.txt: the worker was killed (SIGKILL), 3 times" in ran.stderr
    assert "1 of 5 inputs failed" in ran.stderr
    assert ran.returncode == 1
    assert (tmp_path / "c.out").read_text() == "once"


@pytest.mark.parametrize(
    ("word", "status", "said"),
    [
        ("crash", 1, "probe: a worker ended with status 9 before it began\n  next: if memory has run out"),
        ("refuse", 5, "probe: the model is missing\n  next: download it\n"),
    ],
)
def test_workers_that_cannot_begin_end_the_run(probe, texts, word, status, said):
    texts(a="1")
    Path(word).touch()
    ran = run(*probe, "a.txt", "--workers", 2)
    assert said in ran.stderr
    assert ran.stderr.count("next: ") == 1
    assert (ran.returncode, ran.stdout) == (status, "")


# ---- like one process ----


def test_two_workers_say_and_write_what_one_process_does(probe, texts, tmp_path):
    """Names that clash, inputs that fail, missing and repeated ones."""
    texts(
        a="1", b="bad", c="2", first__a="3", first__d="4", second__d="5", second__e="bug", z__first="6",
    )  # fmt: skip
    inputs = ["a.txt", "a.txt", "first", "missing.txt", "b.txt", "second", "c.txt", "z", "first/d.txt"]

    def ran(*options: object) -> tuple[int, list[str], list[str], dict[str, bytes]]:
        done = run(*probe, *inputs, "--recursive", "--json", "-o", "out", *options)
        found = results_in(tmp_path / "out")
        for path in (tmp_path / "out").iterdir():
            path.unlink()
        complaints = done.stderr.replace("a library chats", "").splitlines()
        return done.returncode, done.stdout.splitlines(), [line for line in complaints if line], found

    alone, shared = ran(), ran("--workers", 2)
    assert alone == shared
    status, out, complaints, found = alone
    assert status == 1
    assert [len(part) for part in (out, found)] == [6, 6]
    assert sum("already made from an earlier input" in line for line in complaints) == 2


def test_what_is_there_is_skipped_or_refused(probe, texts, tmp_path):
    texts(a="1", b="2")
    (tmp_path / "a.out").write_text("old")
    ran = run(*probe, "a.txt", "b.txt", "--workers", 2)
    assert (ran.returncode, ran.stdout) == (1, "b.out\n")
    assert "a.out is already there" in ran.stderr
    ran = run(*probe, "a.txt", "b.txt", "--workers", 2, "--skip-existing")
    assert (ran.returncode, ran.stdout, (tmp_path / "a.out").read_text()) == (0, "a.out\nb.out\n", "old")


def test_a_full_disk_stops_all_workers(probe, texts):
    texts(a="1", b="full", c="slow", d="slow", e="2")
    begun = time.monotonic()
    ran = run(*probe, *(f"{name}.txt" for name in "abcde"), "--workers", 2)
    assert time.monotonic() - begun < 50  # the slow ones take a minute each
    assert ran.stdout == "a.out\n"
    assert "stopped, since nothing more can be written; not tried: 3 inputs from c.txt on" in ran.stderr
    assert ran.returncode == 1
    assert not list(Path().glob(".*.part.out"))


def test_results_come_while_the_pipe_is_open(probe, texts):
    texts(a="1", b="2")
    with started(*probe, "--workers", 2) as process:
        for name in "ab":
            process.stdin.write(f"{name}.txt\n")
            process.stdin.flush()
            assert process.stdout.readline() == f"{name}.out\n"
        assert process.communicate(timeout=30)[0] == ""
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_and_no_unfinished_file_stays(probe, texts, tmp_path, number):
    """Nor if the parent is killed, which can do nothing about it."""
    texts(a="1", b="slow", c="slow")
    with started(*probe, "a.txt", "b.txt", "c.txt", "--workers", 2, preexec_fn=_hear_signals) as process:
        wait_for(lambda: len(list(tmp_path.glob(".*.part.out"))) == 2, process)
        assert process.stdout.readline() == "a.out\n"
        process.send_signal(number)
        said, complained = process.communicate(timeout=60)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    last = "ganedit probe: interrupted" if number == signal.SIGINT else ""
    assert complained.replace("a library chats", "").strip() == last
    assert said == ""
    assert not list(tmp_path.glob(".*.part.out"))


def _hear_signals() -> None:
    """Background jobs ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


# ---- models ----


def test_workers_read_ahead_and_compute_together(ganedit, tmp_path, monkeypatch, tiny_faces):
    """What two workers project is what one process does, and `edit` finds all of it."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(5):
        pixels = rng.integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"photos/{i}.png")
    command = ["project", "photos", "--method", "encode", "--aligned", "--batch", 3]
    command += ["--model", tiny_faces / "faces", "--encoder", tiny_faces / "faces-encoder"]
    alone = ganedit(*command, "-o", "alone")
    shared = ganedit(*command, "-o", "shared", "--workers", 2)
    assert (shared.status, shared.err) == (0, alone.err)
    assert shared.out == alone.out.replace("alone", "shared")
    for i in range(5):
        one, other = (np.asarray(Image.open(f"{folder}/{i}.projected.png")) for folder in ("alone", "shared"))
        np.testing.assert_allclose(one.astype(int), other.astype(int), atol=1)  # of other batches
    last = (tmp_path / ".ganedit/last.json").read_text()
    assert all(f"shared/{i}.latent.safetensors" in last for i in range(5))


# ---- options ----


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["draw", "edges", "a.png", "--workers", "0"], "--workers 0 must be at least 1"),
        (["draw", "edges", "a.png", "-o", "b.png", "--workers", "2"], "names one file"),
        (["draw", "edges", "a.png", "--ray", ""], "--ray is empty"),
        (["generate", "--workers", "2"], "--workers"),
        (["info", "a.png", "--ray", "local"], "--ray"),
    ],
)
def test_what_cannot_work_is_refused(ganedit, argv, said):
    ran = ganedit(*argv)
    assert ran.status == 2
    assert said in ran.err


def test_one_worker_is_this_process(monkeypatch, tmp_path):
    monkeypatch.setattr("ganedit.cli.kit.sharing.hand_out", lambda *_: pytest.fail("a worker was started"))
    (tmp_path / "a.png").touch()
    seen = []

    def work(path: Path) -> list[Result]:
        seen.append(path)
        return []

    run_batch(Console(options=Options(workers=1)), [str(tmp_path / "a.png")], work)
    assert seen == [tmp_path / "a.png"]


def test_workers_share_the_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(compute, "_worker", None)
    assert compute.find_device("auto") == torch.device("cuda")
    for place, gpu in ((0, 0), (2, 2), (4, 1)):
        compute.share_gpus(place)
        assert compute.find_device("auto") == compute.find_device("cuda") == torch.device("cuda", gpu)
        assert compute.find_device("cuda:2") == torch.device("cuda", 2)
        assert compute.find_device("cpu") == torch.device("cpu")
