"""What a shell completes, without opening PyTorch."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ganedit.cli.kit.completion import SHELLS


@pytest.fixture
def complete(ganedit, tiny_faces, monkeypatch):
    """The words that may follow a command line in bash."""

    def ask(line):
        words = line.split(" ")
        monkeypatch.setenv("_GANEDIT_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        ran = ganedit()
        monkeypatch.delenv("_GANEDIT_COMPLETE")
        return ran.out.split()

    return ask


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("ganedit ali", ["align"]),
        ("ganedit direction le", ["learn"]),
        ("ganedit edit --direction s", ["smile"]),
        ("ganedit edit --direction ", ["age", "smile"]),
        ("ganedit project --model f", ["faces", "faces-encoder"]),
        ("ganedit project --encoder ", ["faces-encoder"]),
        ("ganedit direction show a", ["age"]),
        ("ganedit direction pull a", ["age"]),
        ("ganedit direction pull --model stylegan1-ffhq-1024 g", ["gender"]),
        ("ganedit models info faces-", ["faces-encoder"]),
        ("ganedit project --meth", ["--method"]),
        ("ganedit project --method enc", ["encode"]),
        ("ganedit edit me", []),
    ],
)
def test_words_names_and_choices(complete, line, wanted):
    assert complete(line) == wanted


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_for_shells(ganedit, shell, tmp_path, monkeypatch):
    ran = ganedit("--show-completion", shell)
    assert ran.status == 0
    assert "_GANEDIT_COMPLETE" in ran.out
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", f"/bin/{shell}")
    ran = ganedit("--install-completion")
    assert ran.status == 0, ran.err
    assert f"{shell} completion is installed in {tmp_path}" in ran.out
    assert ganedit("--show-completion").status == 0


def test_unknown_shells_are_refused(ganedit):
    ran = ganedit("--show-completion=tcsh")
    assert ran.status == 2
    assert "bash, zsh, fish" in ran.err


def test_it_is_quick(tmp_path):
    code = "import sys; from ganedit.cli.app import main; main(); print(sorted(sys.modules), file=sys.stderr)"
    line = {"COMP_WORDS": "ganedit edit --direction s", "COMP_CWORD": "3"}
    env = {**os.environ, **line, "_GANEDIT_COMPLETE": "complete_bash", "GANEDIT_HOME": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert "smile" in ran.stdout.split()
    assert not {"torch", "numpy", "PIL", "rich"} & {word.strip("[]',") for word in ran.stderr.split()}
