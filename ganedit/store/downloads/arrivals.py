"""Checks whether what came from a server or a mirror is the expected file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from ganedit.errors import CheckpointError
from ganedit.files import sha256_file


def check(
    path: Path,
    size: int,
    sha256: str,
    where: str,
    *,
    text: bool = False,
    discard: Callable[[], None] | None = None,
) -> None:
    """Compare a file with what is known about it, and refuse web pages and anything else that is not weights.

    Args:
        path: The file.
        size: Its size in bytes; 0 if not known.
        sha256: Its checksum; empty if not known.
        where: Where it came from, for the message.
        text: Whether it may be a text file.
        discard: Called if it is refused.

    Raises:
        CheckpointError: It is something else.
    """
    length, problem = path.stat().st_size, ""
    with open(path, "rb") as file:
        kind = not_weights(file.read(4096), text=text)
    if kind:
        problem = f"{where} gave {kind}, not weights"
    elif size and length != size:
        problem = f"the file from {where} has {length:,} bytes, not {size:,}"
    elif sha256 and (digest := sha256_file(path)) != sha256:
        problem = f"the file from {where} has the sha256 {digest[:12]}..., not {sha256[:12]}..."
    if problem:
        if discard:
            discard()
        raise CheckpointError(problem, "it is not the file expected: try again later, or another `mirror`")


def not_weights(start: bytes, *, text: bool = False) -> str:
    """Describe, from its first bytes, a file that a server sent instead of weights; empty for weights."""
    words = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    lower = words[:200].lower()
    if lower.startswith((b"<!doctype html", b"<html", b"<head", b"<script")):
        title = re.search(rb"<title[^>]*>([^<]{1,80})", words, re.IGNORECASE)
        return "a web page" + (f" ({title[1].decode('utf-8', 'replace').strip()!r})" if title else "")
    if lower.startswith(b"<?xml"):
        return "an XML document"
    if lower.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS"
    if words.startswith((b'{"', b"{ ", b"{\n", b"{\r")) and not text:
        return f"a message ({words[:80].decode('utf-8', 'replace')!r})"
    return "an empty file" if not start else ""
