"""The documentation is complete: pages in the navigation, public names in the reference, links and code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import ganedit

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
OUTSIDE = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DIRECTIVE = re.compile(r"^::: (\S+)", re.M)


def in_navigation() -> list[str]:
    """The pages that mkdocs.yml lists, without the help of mkdocs."""
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    return re.findall(r"^ +- (?:.*: )?(\S+\.md)$", nav, re.M)


def test_every_page_is_in_the_navigation_once():
    listed = in_navigation()
    assert len(listed) == len(set(listed))
    own = {page for page in listed if (DOCS / page).is_file()}
    assert own == {page.relative_to(DOCS).as_posix() for page in PAGES}
    assert all((ROOT / page).is_file() for page in set(listed) - own)


def test_every_public_name_is_in_the_reference_once():
    pages = [page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md")]
    found = [name for text in pages for name in DIRECTIVE.findall(text)]
    assert len(found) == len(set(found))
    public = {f"ganedit.{name}" for name in ganedit.__all__ if name != "__version__"}
    assert public - set(found) == set()
    assert [name for name in found if not is_there(name)] == []


def is_there(name: str) -> bool:
    """Whether a dotted name is a package, or something in a module."""
    place, _, last = name.rpartition(".")
    return (ROOT / name.replace(".", "/")).is_dir() or hasattr(import_module(place), last)


@pytest.mark.parametrize("page", [*PAGES, *OUTSIDE], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    links = re.findall(r"""(?:\]\(|src=")(?![a-z]+:|#)([^)\s#"]+)""", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", [*PAGES, *OUTSIDE], ids=lambda page: str(page.relative_to(ROOT)))
def test_names_in_python_code_are_there(page):
    """What blocks of Python import from ganedit, and what they call in it."""
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ganedit"):
                assert [one.name for one in node.names if not is_there(f"{node.module}.{one.name}")] == []
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert node.value.id != "ganedit" or hasattr(ganedit, node.attr)


def test_diagrams_are_what_their_program_draws(tmp_path):
    program = [sys.executable, ROOT / "benchmarks/diagrams.py", tmp_path]
    subprocess.run(program, check=True, timeout=60)
    drawn = {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()}
    kept = {file.name: file.read_text(encoding="utf-8") for file in (DOCS / "images").glob("*.svg")}
    assert kept == drawn
    assert all(len(text.encode()) < 30_000 for text in drawn.values())


def test_every_page_of_a_format_shows_its_diagram():
    pages = [page for page in (DOCS / "formats").glob("*.md") if page.name != "README.md"]
    assert [
        page.name
        for page in pages
        if f"](../images/format-{page.stem}.svg)" not in page.read_text(encoding="utf-8")
    ] == []
