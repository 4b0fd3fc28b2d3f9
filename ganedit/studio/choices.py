"""The models that a tab offers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ganedit.errors import GaneditError
from ganedit.store import registry
from ganedit.store.cards import ModelCard
from ganedit.store.uses import Use, use_on_card

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


def for_use(use: Use, drawn: str | None = None) -> list[str]:
    """Names of the models for a command; those that come with ganedit first.

    Args:
        use: The command.
        drawn: What they draw from: "edges", "labels", or "" for photos; None for anything.
    """
    known = names(lambda card: use_on_card(card) == use and drawn in (None, _drawn_from(card)))
    return sorted(known, key=lambda name: (name not in registry.BUNDLED, name))


def _drawn_from(card: ModelCard) -> str:
    return str(card.details.get("input", "labels" if card.architecture == "spade" else ""))


def example(name: str) -> Path | None:
    """A file to try the page with: in a wheel inside the package, in a clone at the root; None if absent."""
    package = Path(__file__).resolve().parents[1]
    places = (package / EXAMPLES / name, package.parent / EXAMPLES / name)
    return next((place for place in places if place.is_file()), None)
