"""Directions by name: those beside a model's weights, and the user's own."""

from __future__ import annotations

from pathlib import Path

from ganedit.errors import UsageError, did_you_mean
from ganedit.latent.directions.direction import SUFFIX, Direction


def folders_of(model: str) -> list[Path]:
    """Where the directions of a model are looked up: the user's own, then those beside its weights."""
    from ganedit.store import registry

    beside = registry.find(model)
    return [user_folder(model), *([beside / "directions"] if beside else [])]


def user_folder(model: str) -> Path:
    """Where `ganedit direction` keeps what it learns or imports."""
    from ganedit.store import registry

    return registry.user_folder() / "directions" / model


def user_file(model: str, name: str) -> Path:
    """The file of a direction that the user gives this name."""
    return user_folder(model) / f"{name}{SUFFIX}"


def names_of(model: str) -> list[str]:
    """Every direction known by name for a model, sorted."""
    return sorted({path.stem for folder in folders_of(model) for path in folder.glob(f"*{SUFFIX}")})


def find(name: str, model: str) -> Direction:
    """Open a direction by name, or a direction file.

    Args:
        name: Name of one of your directions or of one that comes with the model; or the path of a file.
        model: Name of the model.

    Returns:
        The direction.

    Raises:
        UsageError: There is no such direction; the message suggests similar names.
        InputError: The file is damaged.

    Examples:
        >>> ganedit.direction("smile", "faces").name
        'smile'
    """
    if "/" in name or name.endswith((SUFFIX, ".npy", ".npz", ".pt")):
        path = Path(name).expanduser()
        if path.suffix == SUFFIX:
            return Direction.load(path)
        from ganedit.latent.directions.foreign import import_direction

        return import_direction(path)
    for folder in folders_of(model):
        if (path := folder / f"{name}{SUFFIX}").is_file():
            return Direction.load(path)
    known = names_of(model)
    hint = did_you_mean(name, known) or f"ganedit direction learn {name} --model {model} makes one"
    raise UsageError(f"the model {model} has no direction {name}", hint)
