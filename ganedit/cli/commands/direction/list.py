"""`ganedit direction list`: the directions known by name."""

from __future__ import annotations

from ganedit.cli.kit.batch import run_each
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.directions import model_name
from ganedit.cli.kit.options import Model


def list_directions(console: Console, model: Model = "faces") -> None:
    """List the directions known by name for a model."""
    from ganedit.latent.directions import named

    def show(name: str) -> None:
        found = named.find(name, model_name(model))
        accuracy = "" if found.accuracy is None else f"accuracy {found.accuracy:.1%}"
        about = {"name": name, "model": found.model, "method": found.method, "accuracy": found.accuracy}
        console.answer(f"{name:<16} {found.method:<22} {accuracy}".rstrip(), about)

    if not run_each(console, named.names_of(model_name(model)), show):
        console.note(f"the model {model} has no directions; ganedit direction learn makes them")
