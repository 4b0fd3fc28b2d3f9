"""`ganedit direction list`: list directions by name."""

from __future__ import annotations

from ganedit.cli.kit.batch import run_each
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.directions import model_name
from ganedit.cli.kit.options import Model


def list_directions(console: Console, model: Model = "faces") -> None:
    """List the directions of a model by name."""
    from ganedit.latent.directions import named

    def show(name: str) -> None:
        direction = named.find(name, model_name(model))
        accuracy = "" if direction.accuracy is None else f"accuracy {direction.accuracy:.1%}"
        about = {
            "name": name,
            "model": direction.model,
            "method": direction.method,
            "accuracy": direction.accuracy,
        }
        console.answer(f"{name:<16} {direction.method:<22} {accuracy}".rstrip(), about)

    if not run_each(console, named.names_of(model_name(model)), show):
        console.note(f"the model {model} has no directions; ganedit direction learn makes them")
