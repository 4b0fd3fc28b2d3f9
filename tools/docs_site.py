"""A hook of `mkdocs build`: links of the pages to files outside docs/ hold on the site as they do on GitHub.

CONTRIBUTING.md and CHANGELOG.md become pages; every other file of the repository that a page links to is
copied to the same place of the site.
"""

from __future__ import annotations

import os.path
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

PAGES = ("CONTRIBUTING.md", "CHANGELOG.md")
SAME = {"README.md": "index.md", "docs": "index.md"}  # what the site has under another name
LINK = re.compile(r"""(?:(?<=\]\()|(?<=src="))(?![a-z]+:|[#/])[^)\s#"]+""")  # of Markdown, and of <img>


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and the files that pages link to, from outside docs/."""
    root = Path(config.config_file_path).parent
    for name in PAGES:
        files.append(File.generated(config, name, abs_src_path=str(root / name)))
    for page in list(files.documentation_pages()):
        for link in LINK.findall(page.content_string):
            target = _target(link, page, root)
            if target and not files.get_file_from_path(_on_site(target)):
                files.append(File.generated(config, _on_site(target), abs_src_path=str(root / target)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links that hold in the repository into links that hold on the site."""
    root = Path(config.config_file_path).parent

    def relocated(match: re.Match[str]) -> str:
        target = _target(match[0], page.file, root)
        if target is None:
            return match[0]
        return os.path.relpath(_on_site(target), PurePosixPath(page.file.src_uri).parent)

    return LINK.sub(relocated, markdown)


def _target(link: str, page: File, root: Path) -> str | None:
    """Where in the repository a link leads, where it leaves docs/ or comes from outside; else None."""
    where = Path(page.abs_src_path or "").parent
    target = os.path.relpath(where / link, root)
    inside = where.is_relative_to(root / "docs") and target.startswith("docs/")
    return None if inside or target.startswith("..") or not (root / target).exists() else target


def _on_site(target: str) -> str:
    return SAME.get(target, target.removeprefix("docs/"))
