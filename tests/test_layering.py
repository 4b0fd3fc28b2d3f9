"""Who may import whom, as docs/architecture.md says, and how light the program starts."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ganedit"
BASE = {"errors", "files", "limits", "compute", ""}  # light modules at the top; "" is the package itself
MAY_IMPORT = {
    "nets": set(),
    "store": {"nets"},
    "images": {"store", "nets"},
    "audio": {"store", "nets"},
    "data": {"audio", "images", "store", "nets"},
    "latent": {"images", "store", "nets"},
    "metrics": {"data", "audio", "latent", "images", "store", "nets"},
    "text": {"latent", "metrics", "images", "store", "nets"},
    "train": {"data", "audio", "text", "latent", "metrics", "images", "store", "nets"},
    "studio": {"data", "audio", "text", "metrics", "latent", "images", "store", "nets"},
    "cli": {"studio", "data", "audio", "train", "text", "metrics", "latent", "images", "store", "nets"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by full name"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(module: str) -> str:
    """The part of ganedit that a dotted name lies in."""
    first = module.removeprefix("ganedit").removeprefix(".").split(".")[0]
    return first if first in MAY_IMPORT or (PACKAGE / f"{first}.py").is_file() else ""


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_part_imports_only_what_it_may(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    found = {layer(m) for m in imports(path) if m == "ganedit" or m.startswith("ganedit.")}
    if own in MAY_IMPORT:
        assert found - BASE - {own} <= MAY_IMPORT[own]
    if own == "nets":
        inside = {m for m in imports(path) if m.startswith("ganedit.nets.")}
        assert all(m.startswith("ganedit.nets.layers") for m in inside)
    if own == "errors":
        assert not found


def test_the_architecture_page_says_the_same():
    """Its picture has the arrows that no longer way replaces; its table names all that may be imported."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    drawn = set(re.findall(r"^ +(\w+) --> (\w+)$", page, re.M))
    assert drawn == {
        (part, other)
        for part, below in MAY_IMPORT.items()
        for other in below
        if not any(other in MAY_IMPORT[between] for between in below)
    }
    for part, cell in re.findall(r"^\| `(\w+)/` \|.*\| (.*) \|$", page, re.M):
        named = set(re.findall(r"`(\w+)`", cell))
        all_but = MAY_IMPORT.keys() - {part} - named
        assert MAY_IMPORT[part] == (all_but if cell.startswith(("all but", "everything")) else named), part


def test_no_command_is_a_toolbox():
    """Commands take what they share from `cli.kit`; only a family's own `__init__` names its commands."""
    for path in (PACKAGE / "cli").rglob("*.py"):
        if path.name == "__init__.py" and path.is_relative_to(PACKAGE / "cli" / "commands"):
            continue
        assert not [m for m in imports(path) if m.startswith(("ganedit.cli.commands", "ganedit.cli.app"))]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_commands_talk_to_the_terminal(path):
    if path.relative_to(PACKAGE).parts[0] in ("cli", "__main__.py"):
        return
    assert not {m.split(".")[0] for m in imports(path)} & {"typer", "rich", "click"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_page_imports_gradio(path):
    if path.relative_to(PACKAGE).parts[0] != "studio":
        assert "gradio" not in {m.split(".")[0] for m in imports(path)}


def test_no_imports_in_circles():
    """All imports count: those at the top, within functions, and for type checkers alone.

    Except those of the package itself, which names what it loads on first use.
    """
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in MODULES}
    names = {path: name.removesuffix(".__init__") for path, name in names.items()}
    known = set(names.values()) - {"ganedit"}
    graph = {name: known & set(imports(path)) - {name} for path, name in names.items() if name in known}
    packages = {name for path, name in names.items() if path.name == "__init__.py"}
    for name, found in graph.items():  # `from package.module import name` runs no other module of the package
        graph[name] = {m for m in found if m not in packages or not any(o.startswith(f"{m}.") for o in found)}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_no_module_is_longer_than_450_lines():
    assert not [p for p in MODULES if len(p.read_text(encoding="utf-8").splitlines()) > 450]


def loaded_by(*argv: str) -> set[str]:
    """Top-level modules in memory after one command line."""
    code = (
        "import sys\nfrom ganedit.cli.app import main\nmain(sys.argv[1:])\n"
        "print(*sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *argv], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(run.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["--version"],
        ["generate", "--help"],
        ["models", "--help"],
        ["models", "list"],
        ["align", "--help"],
        ["project", "--help"],
        ["edit", "--help"],
        ["translate", "--help"],
        ["upscale", "--help"],
        ["inpaint", "--help"],
        ["colorize", "--help"],
        ["timbre", "--help"],
        ["clip", "--help"],
        ["clip", "edit", "--help"],
        ["dissect", "--help"],
        ["studio", "--help"],
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_loaded_before_work_begins(argv):
    heavy = {
        "torch",
        "torchvision",
        "cv2",
        "dlib",
        "sklearn",
        "lightning",
        "torchmetrics",
        "av",
        "rich",
        "PIL",
        "numpy",
        "librosa",
        "soundfile",
        "soxr",
        "numba",
        "gradio",
    }
    assert not loaded_by(*argv) & heavy


def test_the_library_loads_lightly():
    code = "import sys, ganedit; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_every_public_name_is_there():
    import ganedit

    assert [name for name in ganedit.__all__ if not hasattr(ganedit, name)] == []
    assert ganedit._PUBLIC.keys() | {"__version__"} == set(ganedit.__all__)
