"""`ganedit models`: what can be loaded by name."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from ganedit.cli.batch import survive
from ganedit.cli.context import Console
from ganedit.store import registry
from ganedit.store.cards import ModelCard

Name = Annotated[str, typer.Argument(help="Name of a model.")]


def list_models(console: Console) -> None:
    """List the models that come with ganedit and those in your own folder."""

    def show(name: str) -> None:
        folder = registry.folder_of(name)
        card = ModelCard.load(folder)
        size = f"{card.resolution} px" if card.resolution else ""
        data = {"name": name, "task": card.task, "resolution": card.resolution, "path": str(folder)}
        console.answer(f"{name:<16} {card.task:<12} {size:<8} {folder}", data)

    if not survive(console, registry.names(), show):
        console.note(f"no models in {' or '.join(str(f) for f in registry.folders())}")


def info(console: Console, name: Name) -> None:
    """Print a model's card: what it was trained on, its licence, how good it is."""
    card = registry.card(name)
    console.answer(describe(card), asdict(card))


def path(console: Console, name: Name) -> None:
    """Print the folder of a model."""
    console.emit(registry.folder_of(name), name=name)


def verify(
    console: Console,
    names: Annotated[list[str] | None, typer.Argument(help="Models; all unless given.")] = None,
) -> None:
    """Check the weights of models against the checksums in their cards."""

    def check(name: str) -> None:
        from ganedit.store.load import verify

        folder = registry.folder_of(name)
        card = verify(folder)
        console.emit(folder, name=name, sha256=card.sha256)

    if not survive(console, names or registry.names(), check):
        console.note("no models to verify")


def describe(card: ModelCard) -> str:
    """A card as aligned lines; what is not known is left out."""
    lines: dict[str, Any] = {
        "name": card.name,
        "task": card.task,
        "architecture": card.architecture,
        "config": ", ".join(f"{k} {_plain(v)}" for k, v in card.config.items()),
        "resolution": f"{card.resolution} px" if card.resolution else "",
        "value range": f"{card.value_range[0]:g} to {card.value_range[1]:g}",
        "template": card.template,
        "data": card.data,
        "source": card.source,
        "licence": card.licence,
        "terms": card.terms,
        "notes": card.notes,
        "sha256": card.sha256,
        "discriminator": "included" if card.discriminator else "",
        "details": ", ".join(f"{k} {_plain(v)}" for k, v in card.details.items()),
    }
    text = [f"{k:<14} {v}" for k, v in lines.items() if v]
    for metric in card.metrics:
        text.append(f"{'metric':<14} {metric.name}: {metric.value}")
        if metric.command:
            text.append(f"{'':<14}   measured by {metric.command}")
    return "\n".join(text)


def _plain(value: Any) -> str:
    return "/".join(str(v) for v in value) if isinstance(value, list | tuple) else str(value)


COMMANDS = {"list": list_models, "info": info, "path": path, "verify": verify}
