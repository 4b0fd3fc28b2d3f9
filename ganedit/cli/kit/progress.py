"""Progress of the library as a bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ganedit.cli.kit.context import Console


def watch(console: Console) -> Callable:
    """Turns the library's (done, total) callbacks into a progress bar."""

    @contextmanager
    def stage(title: str, total: int) -> Iterator[Callable[[int, int], None]]:
        console.note(title)
        with console.progress(title, total) as bar:
            seen = 0

            def progress(done: int, of: int) -> None:
                nonlocal seen
                bar.advance(done - seen)
                seen = done

            yield progress

    return stage
