"""Opens models of the kind that a command needs, with this run's --device and --dtype."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganedit.cli.kit.context import Console
from ganedit.errors import GaneditError, MissingError

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


UPSCALER, QUICK_UPSCALER = "real-esrgan-x4", "upscale-x4"


def best_upscaler(console: Console) -> str:
    """The default upscaler: Real-ESRGAN, converted at its first use, if its package is installed."""
    from ganedit.store import registry
    from ganedit.store.downloads import catalogue, wheels

    if registry.find(UPSCALER) is not None:
        return UPSCALER
    entry = catalogue.find(UPSCALER)
    assert entry is not None
    if wheels.installed(entry.wheel) is None:
        console.note(
            f"using {QUICK_UPSCALER}, which is small and quick; for much sharper results: "
            f"ganedit models pull {UPSCALER}"
        )
        return QUICK_UPSCALER
    from ganedit.store.downloads.pulling import pull

    try:
        pull(entry)
    except GaneditError as error:
        console.warn(f"{UPSCALER} cannot be set up, using {QUICK_UPSCALER}: {error.message}")
        return QUICK_UPSCALER
    console.note(f"{UPSCALER} is set up; {entry.licence.name}, {entry.licence.url}")
    return UPSCALER


def open_classifier(console: Console, name: str) -> Classifier:
    """Open a classifier with this run's --device and --dtype."""
    from ganedit.store.load import load_classifier

    return load_classifier(name, console.options.device, console.options.dtype)
