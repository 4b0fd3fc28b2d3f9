"""`ganedit direction list`: list directions by name."""

from __future__ import annotations

from ganedit.cli.kit.batch import run_each
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.directions import model_name
from ganedit.cli.kit.options import Model


def list_directions(console: Console, model: Model = "faces") -> None:
    """List the directions of a model by name."""
    from ganedit.latent.directions import named
    from ganedit.store.downloads import published

    owner = model_name(model)

    def show(name: str) -> None:
        direction = named.find(name, owner)
        accuracy = "" if direction.accuracy is None else f"accuracy {direction.accuracy:.1%}"
        about = {
            "name": name,
            "model": direction.model,
            "method": direction.method,
            "accuracy": direction.accuracy,
            "safe": direction.safe,
            "hides_bundled": named.hides(name, owner),
        }
        safe = "" if direction.safe is None else "safe {:+g} to {:+g}".format(*direction.safe)
        hides = "  (yours; hides the one that comes with the model)" if named.hides(name, owner) else ""
        console.answer(f"{name:<16} {direction.method:<22} {accuracy:<15} {safe}{hides}".rstrip(), about)

    names = named.names_of(owner)
    more = [name for name in published.of_model(owner) if not {name, f"{name}-0"} & set(names)]
    if more:
        console.note(f"published as well: {', '.join(more)}; ganedit direction pull --model {owner}")
    if not run_each(console, names, show) and not more:
        console.note(f"the model {model} has no directions; ganedit direction learn makes them")
