"""Whether a result is there already from an identical request, by the record in it.

A record has a `request`, all that the result depends on, with the checksums of the `inputs` by their names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.inputs import expand
from ganedit.errors import GaneditError, InputError
from ganedit.files import LATENT_SUFFIX, sha256_file

Sha256Of = Callable[[str], str | None]
"""The checksum of the input with this name; None if it has none yet."""


def checksum_by_name(name: str, path: Path) -> Sha256Of:
    """Finds the checksum of a file that is the only input, and is called `name` in the request."""
    return lambda wanted: sha256_file(path) if wanted == name else None


def is_done(path: Path, request: dict[str, Any], sha256_of: Sha256Of) -> bool:
    """Whether a file was made by an identical request.

    Args:
        path: A picture or a film.
        request: The request without "inputs".
        sha256_of: Finds the checksums of inputs now.
    """
    parameters = (_record_in(path) or {}).get("parameters")
    found = parameters.get("request") if isinstance(parameters, dict) else None
    inputs = found.get("inputs") if isinstance(found, dict) else None
    if not isinstance(inputs, dict) or not inputs:
        return False
    if found != {**json.loads(json.dumps(request)), "inputs": inputs}:
        return False
    return all(sha256_of(name) == sha256 for name, sha256 in inputs.items())


def _record_in(path: Path) -> dict[str, Any] | None:
    from ganedit.images.io import read_provenance
    from ganedit.images.provenance import parse_record
    from ganedit.images.video import comment_of

    if path.suffix.lower() == ".mp4":
        return parse_record(comment_of(path))
    try:
        return read_provenance(path)
    except InputError:  # whatever it is, it is not the result
        return None


def wants(console: Console, path: Path, done: Callable[[], bool]) -> bool:
    """Whether to write a file; not if it is there and `done` by an identical request, which is said.

    Raises:
        UsageError: see `Console.should_write`.
    """
    options = console.options
    if not console.exists(path) or options.force or options.skip_existing or not done():
        return console.should_write(path)
    if not path.name.endswith(LATENT_SUFFIX):
        console.note(f"{path} is done already, by the same request; --force makes it again")
    return False


def all_there(
    console: Console,
    inputs: Sequence[str] | None,
    suffixes: Sequence[str],
    results: Callable[[Path], Iterable[Path]],
) -> bool:
    """Whether every result is there, so that no model is needed: they are done, to be skipped, or refused.

    Args:
        inputs: Files, folders and globs; what a pipe brings is not known yet.
        suffixes: Suffixes of the files to take from folders.
        results: The results for an input.
    """
    if console.options.force or not inputs or "-" in inputs:
        return False
    try:
        paths = [path for one in inputs for path in expand(one, suffixes, console.options.recursive)]
        return all(result.exists() for path in paths for result in results(path))
    except GaneditError:  # it is reported later
        return False
