"""Directions by name: those that come with a model, and the user's own.

Light to import: shells complete these names.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ganedit.errors import MissingError, UsageError, did_you_mean
from ganedit.files import DIRECTION_SUFFIX
from ganedit.store.downloads import published

if TYPE_CHECKING:
    from ganedit.latent.directions.direction import Direction
    from ganedit.store.models import Generator


def folders_of(model: str) -> list[Path]:
    """Folders in which directions of a model are looked up: the user's own, then the one next to its
    weights."""
    from ganedit.store import registry

    folder = registry.find(model)
    return [user_folder(model), *([folder / "directions"] if folder else [])]


def user_folder(model: str) -> Path:
    """Folder in which `ganedit direction` stores what it learns or imports."""
    from ganedit.store import registry

    return registry.user_folder() / "directions" / model


def user_file(model: str, name: str) -> Path:
    """The file for a direction of the user with this name."""
    return user_folder(model) / f"{name}{DIRECTION_SUFFIX}"


def names_of(model: str) -> list[str]:
    """Names of all directions of a model, sorted."""
    return sorted({path.stem for folder in folders_of(model) for path in folder.glob(f"*{DIRECTION_SUFFIX}")})


def hides(name: str, model: str) -> bool:
    """Whether a direction of the user has the name of one that comes with the model, and is found instead."""
    return sum((folder / f"{name}{DIRECTION_SUFFIX}").is_file() for folder in folders_of(model)) > 1


def file_of(name: str, model: str) -> Path | None:
    """The file of a direction, by its name or path; None if there is no such name."""
    if "/" in name or name.endswith((DIRECTION_SUFFIX, ".npy", ".npz", ".pt")):
        return Path(name).expanduser()
    places = (folder / f"{name}{DIRECTION_SUFFIX}" for folder in folders_of(model))
    return next((path for path in places if path.is_file()), None)


def find(name: str, model: str | Generator = "faces") -> Direction:
    """Open a direction by name, or a direction file.

    Args:
        name: Name of one of your directions or of one that comes with the model; or the path of a file.
        model: The model, or its name.

    Returns:
        The direction.

    Raises:
        UsageError: There is no such direction; the message suggests similar names.
        MissingError: It was published for the model, but is not downloaded.
        InputError: The file is damaged.

    Examples:
        >>> ganedit.direction("smile", "faces").name
        'smile'
    """
    from ganedit.latent.directions.direction import Direction

    model = model if isinstance(model, str) else model.name
    path = file_of(name, model)
    if path is not None and path.suffix == DIRECTION_SUFFIX:
        return Direction.load(path)
    if path is not None:
        from ganedit.latent.directions.foreign import import_direction

        return import_direction(path)
    if name in published.of_model(model):
        raise MissingError(
            f"the direction {name} of {model} is not here yet, but can be downloaded",
            f"ganedit direction pull {name} --model {model}",
        )
    known = names_of(model)
    hint = did_you_mean(name, known) or f"ganedit direction learn {name} --model {model} makes one"
    raise UsageError(f"the model {model} has no direction {name}", hint)
