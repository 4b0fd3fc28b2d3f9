"""The library does what the commands do: a documented function for each, whose examples run."""

from __future__ import annotations

import doctest
import inspect
import shutil
from pathlib import Path

import pytest

import ganedit
from ganedit.cli.app import COMMANDS as ENTRIES
from ganedit.cli.kit.presets import PRESETS

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ROOT / "ganedit/cli/commands"
FUNCTIONS = {
    "align": "align",
    "project": "project",
    "edit": "edit",
    "drag": "drag",
    "translate": "translate",
    "upscale": "upscale",
    "restore": "restore",
    "inpaint": "inpaint",
    "classify": "classify",
    "colorize": "colorize",
    "singan/random": "singan_random",
    "singan/superres": "singan_superres",
    "singan/paint": "singan_paint",
    "singan/edit": "singan_edit",
    "singan/harmonize": "singan_harmonize",
    "singan/animate": "singan_animate",
    "draw/edges": "draw_edges",
    "draw/regions": "draw_regions",
    "timbre": "timbre",
    "generate": "generate",
    "interpolate": "interpolate",
    "mix": "mix",
    "math": "combine",
    "dissect": "dissect",
    "clip/direction": "learn_direction",
    "clip/edit": "clip_edit",
    "clip/generate": "clip_generate",
    "clip/rank": "rank",
    "direction/channels": "find_channels",
    "direction/discover": "discover_directions",
    "direction/export": "export_direction",
    "direction/import": "import_directions",
    "direction/pull": "pull_directions",
    "direction/info": "direction",
    "direction/learn": "learn_direction",
    "direction/list": "direction",
    "direction/measure": "measure_safe_range",
    "direction/name": "direction",
    "direction/show": "draw",
    "latent/export": "export_latents",
    "latent/import": "import_latents",
    "metrics/clip": "zero_shot",
    "metrics/faces": "measure_faces",
    "metrics/fid": "measure_images",
    "metrics/kid": "measure_images",
    "metrics/is": "measure_images",
    "metrics/prdc": "measure_images",
    "metrics/ppl": "measure_path_length",
    "metrics/ms_ssim": "measure_diversity",
    "metrics/lpips": "measure_diversity",
    "metrics/inpaint": "measure_inpainting",
    "metrics/timbre": "measure_timbre",
    "metrics/translate": "translate_folder",
    "metrics/upscale": "measure_upscaler",
    "metrics/vocoder": "measure_vocoders",
    "models/export": "export_model",
    "models/import": "import_model",
    "models/pull": "pull_model",
    "info": "read_provenance",
    "train": "train_model",
}
# The presets are `edit` with values from a table.
NEEDS_NONE = {
    *PRESETS,
    "presets",
    "doctor",
    "models/info",
    "models/list",
    "models/path",
    "models/remove",
    "models/verify",
    "studio",
    "view",
}
PUBLIC = [name for name in ganedit.__all__ if callable(getattr(ganedit, name))]


def commands() -> list[str]:
    """`name`, or `group/name` for the members of a group."""
    found = []
    for name, entry in ENTRIES.items():
        folder = COMMANDS / entry.module
        members = folder.glob("*.py") if folder.is_dir() else []
        names = sorted(path.stem.strip("_") for path in members if path.stem != "__init__")
        found += [f"{name}/{member}" for member in names] or [name]
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_has_its_function(command):
    known = {key for key in FUNCTIONS if key == command or key.startswith(f"{command}/")}
    assert known or command in NEEDS_NONE
    for key in known:
        assert callable(getattr(ganedit, FUNCTIONS[key]))


@pytest.mark.parametrize("name", PUBLIC)
def test_it_is_documented_and_typed(name):
    """Functions with every parameter, what they return, and an example."""
    thing = getattr(ganedit, name)
    text = inspect.getdoc(thing) or ""
    assert text
    if inspect.isfunction(thing):
        hints = inspect.signature(thing)
        assert hints.return_annotation is not inspect.Signature.empty
        assert all(p.annotation is not inspect.Parameter.empty for p in hints.parameters.values())
        assert [one for one in hints.parameters if f"\n    {one}: " not in text] == []
        assert "Returns:" in text or "Yields:" in text or hints.return_annotation == "None"
        assert ">>> " in text


def test_names_are_seen():
    assert set(ganedit.__all__) <= set(dir(ganedit))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ganedit.nothing


@pytest.mark.parametrize("name", [n for n in PUBLIC if ">>>" in (inspect.getdoc(getattr(ganedit, n)) or "")])
def test_the_example_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(getattr(ganedit, name), name, globs={"ganedit": ganedit})
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    output: list[str] = []
    runner.run(example, out=output.append)
    assert not runner.failures, "".join(output)


def test_no_command_is_longer_than_200_lines():
    long = [p.name for p in COMMANDS.rglob("*.py") if len(p.read_text(encoding="utf-8").splitlines()) > 200]
    assert not long
