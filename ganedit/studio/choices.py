"""The models that a tab offers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ganedit.errors import GaneditError
from ganedit.store import registry
from ganedit.store.cards import ModelCard

EXAMPLES = "examples"


def names(wanted: Callable[[ModelCard], bool]) -> list[str]:
    """Names of the installed models whose cards are wanted."""
    found = []
    for name in registry.names():
        try:
            card = registry.card(name)
        except GaneditError:  # a damaged model is named by `ganedit doctor`
            continue
        if wanted(card):
            found.append(name)
    return found


def generators() -> list[str]:
    """Names of the generators, `faces` first."""
    return sorted(names(lambda card: card.task == "generator"), key=lambda name: (name != "faces", name))


def example(name: str) -> Path | None:
    """A file to try the page with: in a wheel inside the package, in a clone at the root; None if absent."""
    package = Path(__file__).resolve().parents[1]
    places = (package / EXAMPLES / name, package.parent / EXAMPLES / name)
    return next((place for place in places if place.is_file()), None)
