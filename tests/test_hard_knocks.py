"""What shells, schedulers and careless files do to the program: real processes, really killed and limited."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganedit.errors import CheckpointError, InputError
from ganedit.files import atomic_path, home_folder, locked, read_bytes, sha256_file
from ganedit.limits import MAX_FILE, MAX_SIDE

ROOT = Path(__file__).resolve().parents[1]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and descriptors of POSIX")


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}


def do_not_ignore_signals() -> None:
    """A script lets its background jobs ignore Ctrl-C, and their children inherit that."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start `ganedit WORDS` in an empty folder, with a home of its own for models."""

    def started(*words: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "ganedit", *map(str, words)],
            cwd=tmp_path, env=environment(GANEDIT_HOME=str(tmp_path / "models")), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=do_not_ignore_signals,
        )  # fmt: skip

    return started


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run a line of bash in an empty folder; `ganedit` in it is the program."""

    def run(line: str, **more: str) -> subprocess.CompletedProcess[str]:
        script = f'ganedit() {{ "{sys.executable}" -m ganedit "$@"; }}; {line}'
        return subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environment(**more), text=True, errors="replace",
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip

    return run


# ---- signals ----


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_at_any_moment_is_one_line(start, tmp_path, number):
    """While Python starts, words are parsed, libraries are imported, images are read and written."""
    (tmp_path / "in").mkdir()
    for i in range(300):
        Image.new("L", (64, 64)).save(tmp_path / "in" / f"{i}.png")
    drawing, generating = ("draw", "edges", "in"), ("generate",)
    seen = set()
    for words, wait in ((drawing, 0.12), (drawing, 0.25), (drawing, 0.4), (drawing, None), (generating, 1.0)):
        process = start(*words, "-o", f"after {wait}")  # a fast machine has written files by then
        if wait is None:
            assert process.stdout.readline()
        else:
            time.sleep(wait)
        process.send_signal(number)
        try:
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
        if not said.startswith("ganedit") and "app.py" not in said:
            continue  # Python itself was not ready, or had not come to the first lines of the program
        assert process.returncode == 128 + number, said
        assert len(said.splitlines()) == 1
        assert re.match("ganedit.*: (interrupted|terminated|the terminal was closed)$", said.strip())
        seen.add(wait)
    assert None in seen  # the others hit Python's own start where the machine is slow
    assert not [path for path in tmp_path.rglob("*") if ".part" in path.name]


def test_an_ignored_signal_stays_ignored(shell):
    ran = shell("trap '' HUP; ganedit --version & sleep 0.05; kill -HUP $!; wait $!")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("ganedit ")


def test_an_interrupt_that_a_library_turns_into_an_error(monkeypatch, capsys):
    from ganedit.cli import app, process

    def interrupted_import(*args):
        process._caught.append(signal.SIGINT)
        raise ImportError("initialization of a module failed")

    monkeypatch.setattr(app, "run", interrupted_import)
    try:
        assert app.main(["doctor"]) == 130
    finally:
        process._caught.clear()
    assert capsys.readouterr().err == "ganedit: interrupted\n"


def test_an_interrupt_waits_for_the_end_of_an_import(tmp_path):
    """PyTorch's C++ part calls abort() if an exception passes through its own imports."""
    (tmp_path / "slow.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(0.1)\nprint('imported')\n"
    )
    script = (
        "import time\nfrom ganedit.cli import process\nprocess.leave_at_signals()\nprocess.raise_signals()\n"
        "import slow\ntry:\n    time.sleep(20)\nexcept KeyboardInterrupt:\n    print(process.words())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment(), text=True, capture_output=True,
        check=False, timeout=60, preexec_fn=do_not_ignore_signals,
    )  # fmt: skip
    assert (ran.stdout.split(), ran.stderr) == (["imported", "terminated"], "")


# ---- streams and names ----


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("ganedit --version >&-", 0),
        ("ganedit --help >&-", 0),
        ("ganedit draw edges none.png 2>&-", 3),
        ("ganedit draw edges - <&-", 2),
        ("ganedit draw edges none.png <&- >&- 2>&-", 3),
    ],
)
def test_each_stream_may_be_missing(shell, line, status):
    ran = shell(line)
    assert ran.returncode == status
    assert "Traceback" not in ran.stderr
    assert not ran.stdout or ">&-" not in line


def test_names_that_are_not_text(shell, tmp_path):
    """They come out as the bytes that they are, so that the next command finds the file."""
    Image.new("RGB", (8, 8)).save(tmp_path / os.fsdecode(b"x\xff.png"))
    ran = subprocess.run(
        [sys.executable, "-m", "ganedit", "draw", "edges", "."],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip().startswith(b"x\xff")
    Image.new("RGB", (8, 8)).save(tmp_path / "ü.png")
    ran = shell("ganedit draw edges ü.png", PYTHONIOENCODING="ascii")
    assert (ran.returncode, ran.stdout[:4]) == (0, "\\xfc")


def test_line_breaks_in_names(shell, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a\nb.png")
    ran = shell("ganedit draw edges *.png --print0 | ganedit draw edges - --print0 -o out")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "out/a\nb.edges.edges.png\0"
    assert "line break" in shell("ganedit draw edges a*b.png --force").stderr


# ---- files that are none ----


def test_one_bad_input_ends_no_batch(shell, tmp_path):
    """A loop of links, a pipe, a socket, a folder with a suffix, brackets without end."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "loop.png").symlink_to("loop.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "folder.png").mkdir()
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(folder)
        one.bind("socket.png")
        os.chdir(here)
    nested = Image.new("RGB", (8, 8))
    nested.info["comment"] = "[" * 100_000
    nested.save(folder / "nested.gif", comment=b"[" * 100_000)
    Image.new("RGB", (8, 8)).save(folder / "good.png")
    ran = shell("ganedit draw edges in")
    assert ran.returncode == 1
    made = [Path(line).name for line in ran.stdout.splitlines()]
    assert any(name.startswith("good") for name in made)
    assert any(name.startswith("nested") for name in made)
    assert "a bug in ganedit" not in ran.stderr
    assert "pipe.png is a pipe, not a file" in ran.stderr
    assert "socket.png is a socket, not a file" in ran.stderr
    assert "4 of 6 inputs failed" in ran.stderr


@pytest.mark.skipif(not Path("/proc/version").is_file(), reason="Linux")
def test_files_of_the_system_are_not_read():
    """They say that they are empty; some have no end, and some block."""
    for read in (read_bytes, sha256_file):
        with pytest.raises(InputError, match="a part of the running system"):
            read(Path("/proc/version"))


def test_a_device_is_no_folder_for_results(shell, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    ran = shell("ganedit draw edges a.png -o /dev/full")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "/dev/full is not a folder" in ran.stderr


@pytest.mark.parametrize("words", ["info /dev/zero", "generate --model /dev/zero"])
def test_devices_are_not_read(shell, words):
    ran = shell(f"ulimit -t 20; ganedit {words}")
    assert ran.returncode == 3
    assert "/dev/zero is a device, not a file" in ran.stderr


def test_reading_starts_no_program(tmp_path):
    """Pillow would draw PostScript with Ghostscript, and Windows metafiles with programs of Windows."""
    for name, data in {
        "post.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n",
        "pdf.jpg": b"%PDF-1.4\n", "list.mp4": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        "meta.tif": b"\xd7\xcd\xc6\x9a" + bytes(100), "fits.webp": b"SIMPLE  =" + bytes(3000),
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
    code = """
import sys
started = []
watched = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty")
sys.addaudithook(lambda event, args: started.append(event) if event in watched else None)
from pathlib import Path
from ganedit.errors import InputError
from ganedit.images.io import read_image, read_provenance
from ganedit.images.film import is_film, open_film
from ganedit.audio.files import read_sound
from ganedit.data.files import decode
for path in sorted(Path(sys.argv[1]).iterdir()):
    decoded = lambda p: decode(p.read_bytes())
    for read in (read_image, read_provenance, is_film, open_film, read_sound, decoded):
        try:
            read(path)
        except (InputError, OSError):
            pass
print(started)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, tmp_path], env=environment(), capture_output=True, text=True
    )
    assert ran.stdout.strip() == "[]", ran.stderr


def test_playlists_open_no_other_files(tmp_path):
    """ffmpeg would follow the names in them, to files and into the network."""
    import av

    from ganedit.images.film import open_film
    from ganedit.images.video import write_video

    write_video(tmp_path / "real.mp4", [np.zeros((16, 16, 3), np.uint8)] * 3, 25)
    playlist = tmp_path / "list.mp4"
    playlist.write_text("ffconcat version 1.0\nfile real.mp4\n")
    with av.open(str(playlist)) as container:
        assert container.streams.video  # as ffmpeg opens it by itself
    with pytest.raises(InputError, match="cannot be read as a film"):
        open_film(playlist)
    assert open_film(tmp_path / "real.mp4").times


# ---- sizes ----


def test_sizes_are_checked_before_anything_is_unpacked(tmp_path, monkeypatch):
    from ganedit.data import files
    from ganedit.data.images import load_images
    from ganedit.images.io import read_image

    with (
        zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("zeros.png", "w", force_zip64=True) as entry,
    ):
        for _ in range(100):
            entry.write(bytes(2**22))
    monkeypatch.setattr(files, "MAX_FILE", 2**26)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"zeros\.png unpacks to more"):
        load_images(tmp_path / "bomb.zip", resolution=8)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
    Image.fromarray(np.zeros((1, MAX_SIDE + 1), np.uint8)).save(tmp_path / "long.png")
    with pytest.raises(InputError, match="for a side"):
        read_image(tmp_path / "long.png")
    with open(tmp_path / "sparse.png", "wb") as file:
        file.truncate(MAX_FILE + 1)
    with pytest.raises(InputError, match="the limit is"):
        read_bytes(tmp_path / "sparse.png")


def test_a_config_cannot_ask_for_endless_layers():
    from ganedit.store.architectures import build

    started = time.process_time()
    with pytest.raises(CheckpointError, match="more than 5,000 layers"):
        build("resnet", {"blocks": 100_000}, {})
    assert time.process_time() - started < 30


def test_latents_beyond_reason():
    import torch

    from ganedit.latent.latent import Latent

    with pytest.raises(InputError, match="not finite, or above 10,000"):
        Latent(torch.full((2, 4), 1e30), model="faces", model_sha256="0" * 64)


# ---- models ----


def test_readers_meet_whole_models_while_they_are_replaced(tiny_models, tmp_path):
    import torch

    from ganedit.store.cards import ModelCard
    from ganedit.store.load import load, save_model
    from ganedit.store.weights import read_weights

    card = replace(ModelCard.load(tiny_models / "faces"), discriminator={})
    state = read_weights(tiny_models / "faces" / "model.safetensors")[0]
    folder = tmp_path / "model"
    save_model(folder, card, state)
    (folder / "mine.txt").write_text("kept")
    done = threading.Event()

    def write() -> None:
        for step in range(40):
            save_model(folder, card, {k: v + step if v.is_floating_point() else v for k, v in state.items()})
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    while not done.is_set():
        load(folder, "cpu")
        reads += 1
    writer.join()
    assert reads > 3
    assert (folder / "mine.txt").read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]
    assert not torch.equal(
        next(iter(load(folder, "cpu").network.state_dict().values())), next(iter(state.values()))
    )


def test_a_model_survives_a_kill_between_two_renames(tiny_models, tmp_path, monkeypatch):
    """As on systems that cannot exchange folders in one step."""
    from ganedit.store import registry, swapping

    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path))
    monkeypatch.setattr(swapping, "BETWEEN", 0.0)
    (tmp_path / ".mine.0a0a0a0a.old").mkdir()
    (tmp_path / ".mine.0a0a0a0a.old" / "card.toml").write_text("")
    (tmp_path / ".other.0b0b0b0b.part").mkdir()
    assert swapping.leftovers(tmp_path) == [
        tmp_path / ".mine.0a0a0a0a.old",
        tmp_path / ".other.0b0b0b0b.part",
    ]
    assert registry.find("mine") == tmp_path / "mine"
    swapping.tidy(tmp_path)
    assert (tmp_path / ".other.0b0b0b0b.part").exists()  # it may belong to a living process
    swapping.tidy(tmp_path, seconds=0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("exchanges", [True, False])
def test_replacing_a_folder(tmp_path, monkeypatch, exchanges):
    from ganedit.store import swapping

    if not exchanges:
        monkeypatch.setattr(swapping, "_exchanged", lambda one, other: False)
    for text in ("one", "two"):
        with swapping.filled(tmp_path / "model") as folder:
            (folder / "card.toml").write_text(text)
        assert (tmp_path / "model" / "card.toml").read_text() == text
    with pytest.raises(FileExistsError), swapping.filled(tmp_path / "model", replace=False) as folder:
        (folder / "card.toml").write_text("three")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "card.toml").read_text() == "two"


def test_two_imports_of_one_name(start, tiny_models):
    imports = [start("models", "import", tiny_models / "faces", "--name", "mine") for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in imports]
    assert sorted(process.returncode for process in imports) == [0, 2]
    assert "the model mine is already there" in "".join(said)
    listed = start("models", "info", "mine").communicate(timeout=30)[0]
    assert "mine" in listed


def test_two_trainings_in_one_folder(tmp_path, portrait):
    import ganedit

    data, small = (portrait.parent,) * 2, {"size": 32, "width": 2, "d_width": 2, "batch": 1, "kimg": 0.001}
    with (
        locked(tmp_path / "run" / ".lock", "held"),
        pytest.raises(InputError, match=rf"another process is training in .*run \(process {os.getpid()} on"),
    ):
        ganedit.train_model("pix2pix", data, tmp_path / "run", **small)
    assert not (tmp_path / "run" / "options.json").exists()


# ---- disks ----


def test_limits_of_file_sizes_are_sentences(shell, tmp_path):
    import torch

    from ganedit.store.weights import write_weights

    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    ran = shell("ulimit -f 1; ganedit draw edges noise.png")
    assert ran.returncode == 3, ran.stderr
    assert "cannot write" in ran.stderr
    assert "bug" not in ran.stderr
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(InputError, match="file too large"):
            write_weights(tmp_path / "a.safetensors", {"a": torch.zeros(1000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.glob("*a.safetensors*"))


def test_a_full_disk_stops_a_batch(tmp_path, monkeypatch):
    import errno
    import io

    from ganedit.cli.kit.batch import BatchFailed, run_batch
    from ganedit.cli.kit.context import Console

    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(b"")
    tried = []

    def work(path: Path) -> list[Path]:
        tried.append(path.name)
        with atomic_path(path.with_suffix(".out")):
            raise OSError(errno.ENOSPC, "no space")
        return []

    console = Console(stdout=io.StringIO(), stderr=io.StringIO())
    with pytest.raises(BatchFailed):
        run_batch(console, [str(tmp_path)], work)
    assert tried == ["a.png"]
    said = console.stderr.getvalue()
    assert "stopped, since nothing more can be written; not tried: 2 inputs from" in said
    assert "b.png" in said


def test_homes(tmp_path, monkeypatch, shell):
    monkeypatch.setenv("HOME", "")
    assert home_folder() == Path(
        subprocess.check_output(["bash", "-c", "eval echo ~$(id -un)"], text=True).strip()
    )
    (tmp_path / "file").write_text("")
    ran = shell("ganedit models list", GANEDIT_HOME="file")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "file is a file, not a folder for models" in ran.stderr
    ran = shell("ganedit doctor", GANEDIT_HOME="file")
    assert ran.returncode == 2
    assert "file is a file, not a folder for models: set GANEDIT_HOME to a folder" in ran.stdout


def test_files_are_on_the_disk_before_they_are_renamed(tmp_path, monkeypatch):
    events = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: events.append("sync"))
    rename = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (events.append("rename"), rename(a, b)))
    with atomic_path(tmp_path / "a.txt") as path:
        path.write_text("a")
    assert events == ["sync", "rename", "sync"]
    events.clear()
    with atomic_path(tmp_path / "a.txt", durable=False) as path:
        path.write_text("b")
    assert events == ["rename"]
