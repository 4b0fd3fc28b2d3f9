"""Published directions: downloaded, read, and measured on the model that they are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from ganedit.errors import InputError
from ganedit.latent.directions.direction import Direction
from ganedit.latent.directions.foreign import import_directions, measured_on
from ganedit.store.downloads import published
from ganedit.store.downloads.download import Patience
from ganedit.store.downloads.published import PublishedDirection
from ganedit.store.downloads.pulling import pulled_file

if TYPE_CHECKING:
    from ganedit.store.models import Generator


def pull_directions(
    generator: Generator,
    names: Sequence[str] = (),
    *,
    of: str = "",
    mirror: str = "",
    force: bool = False,
    patience: Patience | None = None,
) -> list[Direction]:
    """Download directions that were published for a generator, and measure them on its codes.

    Args:
        generator: The generator.
        names: Names of the directions, or of sets; empty means all that are published for it.
        of: Model of the catalogue that the generator has the weights of; empty takes its own name.
        mirror: A folder, or the start of a URL, that has the files under their published names.
        force: Accept files other than those first downloaded.
        patience: How long to wait for the server, and how often to try; None takes the defaults.

    Returns:
        The directions, to be saved with `save` or used in `ganedit.edit`.

    Raises:
        MissingError: None are published for the model, or a file cannot be downloaded.
        UsageError: No direction of that name is published for it, or the mirror is not one.
        CheckpointError: A file is not the expected one.
        InputError: A file holds no direction, or one for codes of another size.

    Examples:
        >>> ffhq = ganedit.load("stylegan2-ffhq")  # doctest: +SKIP
        >>> age, smile = ganedit.pull_directions(ffhq, ["age", "smile"])  # doctest: +SKIP
    """
    entries = published.choose(of or generator.name, tuple(names))
    made: dict[str, list[Direction]] = {}
    for file in dict.fromkeys(entry.file for entry in entries):
        together = [entry for entry in entries if entry.file == file]
        made |= pull_together(together, generator, mirror=mirror, force=force, patience=patience)
    return [direction for entry in entries for direction in made[entry.name]]


def pull_together(
    entries: Sequence[PublishedDirection],
    generator: Generator,
    *,
    mirror: str = "",
    force: bool = False,
    patience: Patience | None = None,
) -> dict[str, list[Direction]]:
    """Download the file that some entries of the catalogue share, once; see `pull_directions` for the rest.

    Returns:
        By the name of each entry: one direction, or all those of a set.
    """
    file, url = entries[0].file, entries[0].url
    command = f"ganedit direction pull {' '.join(one.name for one in entries)} --model {generator.name}"
    with pulled_file(file, url, command, mirror=mirror, force=force, patience=patience) as path:
        found = {one.name: _chosen(one, import_directions(path, one.name)) for one in entries}
        measured = iter(measured_on(generator, [direction for some in found.values() for direction in some]))
        return {
            one.name: [
                replace(direction, method=f"{one.method} ({file})", layers=one.layers)
                for direction in islice(measured, len(found[one.name]))
            ]
            for one in entries
        }


def _chosen(entry: PublishedDirection, found: list[Direction]) -> list[Direction]:
    """Those directions of a file that an entry means."""
    if entry.component is None:
        return found
    if entry.component >= len(found):
        raise InputError(f"{entry.file} holds {len(found)} components, none with number {entry.component}")
    one = found[entry.component]
    return [replace(one, name=entry.name, vector=-one.vector if entry.negate else one.vector)]
