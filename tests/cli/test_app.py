"""The command rules: streams, statuses, global options, batches."""

from __future__ import annotations

import errno
import subprocess
import sys
import types
from pathlib import Path
from typing import Annotated

import pytest
import typer

from ganedit.cli import app
from ganedit.cli.kit.batch import run_batch
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.failures import BUG
from ganedit.cli.kit.presets import PRESETS
from ganedit.cli.kit.results import Result
from ganedit.errors import CheckpointError, InputError, did_you_mean


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch):
    """A command `ganedit probe [INPUTS]` that copies text files to NAME.out, failing as their text says."""
    failures = {
        "bad": InputError("this one is bad", "try another"),
        "ckpt": CheckpointError("damaged"),
        "bug": ZeroDivisionError("oops"),
        "full": OSError(errno.ENOSPC, "no space", "somewhere"),
        "stop": KeyboardInterrupt(),
        "package": ModuleNotFoundError("x", name="lpips"),
    }

    def command(
        console: Console,
        inputs: Annotated[list[str] | None, typer.Argument()] = None,
        times: Annotated[int, typer.Option()] = 1,
    ) -> None:
        """Copy."""
        print("a library chats")

        def work(path: Path):
            text = path.read_text()
            if text in failures:
                raise failures[text]
            out = path.with_suffix(".out")
            if console.should_write(out):
                out.write_text(text * times)
            yield Result(out, {"device": console.options.device})

        run_batch(console, inputs, work, suffixes=(".txt",))

    monkeypatch.setitem(sys.modules, "ganedit.cli.commands.probe", types.SimpleNamespace(command=command))
    monkeypatch.setitem(app.COMMANDS, "probe", app.Entry("probe", "Probe."))


@pytest.fixture
def files(tmp_path: Path):
    def make(**texts: str) -> None:
        for name, text in texts.items():
            (tmp_path / f"{name}.txt").write_text(text)

    return make


def test_results_alone_reach_standard_output(ganedit, probe, files):
    files(a="1", b="2")
    ran = ganedit("probe", "a.txt", "b.txt")
    assert (ran.status, ran.lines) == (0, ["a.out", "b.out"])
    assert "a library chats" in ran.err


@pytest.mark.parametrize(
    "argv",
    [
        ["--json", "--device", "cpu", "probe", "a.txt"],
        ["probe", "a.txt", "--device=cpu", "--json"],
        ["probe", "--json", "a.txt", "--device", "cpu"],
    ],
)
def test_global_options_stand_before_or_after_the_command(ganedit, probe, files, argv):
    files(a="1")
    assert ganedit(*argv).json == [{"path": "a.out", "input": "a.txt", "device": "cpu"}]


@pytest.mark.parametrize("argv", [["."], ["*.txt"], ["-"], []])
def test_inputs_are_files_folders_globs_and_pipes(ganedit, probe, files, argv):
    files(a="1", b="2")
    stdin = None if argv in (["."], ["*.txt"]) else 'a.txt\n{"path": "b.txt"}\n'
    assert ganedit("probe", *argv, stdin=stdin).lines == ["a.out", "b.out"]


def test_a_batch_survives_bad_inputs_and_names_them(ganedit, probe, files):
    files(a="bad", b="2", c="ckpt")
    ran = ganedit("probe", "a.txt", "missing.txt", "b.txt", "c.txt")
    assert (ran.status, ran.lines) == (1, ["b.out"])
    for said in (
        "a.txt: this one is bad",
        "next: try another",
        "missing.txt: no such file",
        "c.txt: damaged",
    ):
        assert said in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("bad", 3, "this one is bad"),
        ("ckpt", 4, "damaged"),
        ("full", 3, "somewhere: the disk is full"),
        ("package", 5, "pip install lpips"),
        ("bug", BUG, "a bug in ganedit: ZeroDivisionError: oops"),
        ("stop", 130, "interrupted"),
    ],
)
def test_the_status_of_a_single_failure(ganedit, probe, files, text, status, said):
    files(a=text)
    ran = ganedit("probe", "a.txt")
    assert (ran.status, ran.out) == (status, "")
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_debug_brings_the_traceback(ganedit, probe, files):
    files(a="bug")
    assert "Traceback" in ganedit("probe", "a.txt", "--debug").err


def test_existing_outputs(ganedit, probe, files, tmp_path):
    files(a="new")
    (tmp_path / "a.out").write_text("old")
    refused = ganedit("probe", "a.txt")
    assert refused.status == 2
    assert "--force" in refused.err
    kept = ganedit("probe", "a.txt", "--skip-existing")
    assert (kept.status, kept.lines, (tmp_path / "a.out").read_text()) == (0, ["a.out"], "old")
    assert ganedit("probe", "a.txt", "--force").status == 0
    assert (tmp_path / "a.out").read_text() == "new"


def test_two_inputs_never_write_one_output(ganedit, probe, files):
    files(a="1")
    ran = ganedit("probe", "a.txt", "./a.txt", "--force")
    assert (ran.status, ran.lines) == (1, ["a.out"])
    assert "already made" in ran.err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["prob", "x"], "did you mean probe"),
        (["probe", "--tmes", "2"], "--times"),
        (["probe", "--times", "two"], "--times"),
        (["probe", "--device", "tpu"], "cuda:N"),
        (["probe", "--force", "--skip-existing"], "contradict"),
        (["probe"], "no input"),
    ],
)
def test_wrong_usage_is_two_lines_and_status_2(ganedit, probe, argv, said):
    ran = ganedit(*argv)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
    assert len(ran.err.replace("a library chats\n", "").splitlines()) <= 2


def test_help_lists_every_command(ganedit):
    ran = ganedit("--help")
    assert ran.status == 0
    assert all(name in ran.out for name in app.COMMANDS)
    assert ganedit().out == ran.out


def test_a_closed_pipe_is_no_failure_of_ours():
    """`ganedit ... | head -0`: nothing on standard error."""
    code = "import sys; from ganedit.cli.app import main; sys.exit(main(['--help']))"
    run = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    run.stdout.close()
    assert run.stderr.read() == b""
    assert run.wait() in (0, app.BROKEN_PIPE)


# ---- nothing that is given is ignored ----


@pytest.mark.parametrize(
    "words",
    [("upscale", "a.png"), ("align", "a.png"), ("models", "list"), ("direction", "list"), ("doctor",)],
)
def test_a_seed_is_refused_where_it_has_no_effect(ganedit, words):
    for line in ((*words, "--seed", 5), ("--seed", 5, *words)):
        ran = ganedit(*line)
        assert ran.status == 2
        assert "--seed has no effect on ganedit" in ran.err


def test_generate_names_the_option_that_is_meant(ganedit, tiny_faces, tmp_path):
    ran = ganedit("generate", "--seed", 5, "--device", "cpu")
    assert ran.status == 2
    assert "--seeds 5 draws the image of this seed" in ran.err
    assert list(tmp_path.iterdir()) == []
    ran = ganedit("generate", "--seed", 5, "--seeds", 3, "--noise", "random", "--device", "cpu")
    assert (ran.status, ran.lines) == (0, ["seed0003.png"]), ran.err


def test_commands_that_use_the_seed_take_it():
    """Every module of a command that reads the seed, or hands it on through the kit."""
    from ganedit.cli.app import COMMANDS, SEEDED

    folder = Path(app.__file__).parent / "commands"
    hands_on = ("options.seed", "Editor(", "DirectionChange", "measure_command(")
    for path in folder.rglob("*.py"):
        words = " ".join(path.relative_to(folder).with_suffix("").parts)
        names = PRESETS if words == "preset" else [words.rstrip("_").replace("_", "-")]
        if any(one in path.read_text() for one in hands_on):
            assert all(app._begins(f"ganedit {name}", SEEDED) for name in names), words
    assert all(one.split()[1] in COMMANDS for one in SEEDED)


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("smiel", ["age", "smile", "yaw"], "did you mean smile?"),
        ("Smile", ["age", "smile"], "did you mean smile?"),
        ("blond", ["old", "young", "male"], "known: male, old, young"),
        ("gen", ["gender", "age"], "did you mean gender?"),
        ("facse", ["faces", "faces-encoder", "clip-faces"], "did you mean faces?"),
        ("x", ["y", "age"], "known: age, y"),
        ("agee", ["age", "angle"], "did you mean age?"),
        ("up", ["upscale", "mix"], "known: mix, upscale"),
        ("anything", [], ""),
    ],
)
def test_only_near_names_are_suggested(name, known, hint):
    assert did_you_mean(name, known) == hint
