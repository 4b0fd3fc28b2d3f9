"""Opens models of the kind that a command needs, with this run's --device and --dtype."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganedit.cli.kit.context import Console
from ganedit.errors import MissingError

if TYPE_CHECKING:
    from ganedit.store.models import Classifier, Generator
    from ganedit.store.uses import Use


def open_generator(console: Console, model: str) -> Generator:
    """Open a generator with this run's --device and --dtype."""
    from ganedit.store.load import load_generator

    return load_generator(model, console.options.device, console.options.dtype)


def open_model(console: Console, name: str, use: Use, default: str = "") -> Any:
    """Open a model for this command, by name or file, with this run's --device and --dtype.

    Raises:
        MissingError: it is the default of the command, and not installed.
        CheckpointError: it is for another command; the error names that.
    """
    from ganedit.store import registry
    from ganedit.store.uses import need

    if name == default and registry.find(name) is None and not Path(name).exists():
        raise MissingError(
            f"the model {name}, the default of {use}, is not installed",
            "name another one or a file with --model; ganedit models list",
        )
    model = console.load(name)
    need(model, use)
    return model


def open_classifier(console: Console, name: str) -> Classifier:
    """Open a classifier with this run's --device and --dtype."""
    from ganedit.store.load import load_classifier

    return load_classifier(name, console.options.device, console.options.dtype)
