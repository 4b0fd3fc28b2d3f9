"""Folders of models: bundled with ganedit, or the user's own. Light to import."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ganedit.errors import GaneditError, UsageError
from ganedit.files import home_folder
from ganedit.store.cards import CARD, ModelCard
from ganedit.store.downloads.catalogue import no_such_model
from ganedit.store.swapping import recover

WEIGHTS = "model.safetensors"
DISCRIMINATOR = "discriminator.safetensors"
BUNDLED = (
    "clip-faces",
    "colorize-faces",
    "digits",
    "edges2faces",
    "face-attributes",
    "faces",
    "faces-attributes",
    "faces-encoder",
    "flute2violin",
    "galaxies",
    "horse2zebra",
    "inpaint-faces",
    "labels2faces",
    "labels2faces-encoder",
    "mask2horse",
    "old2young",
    "upscale-x4",
    "upscale-x4-gan",
    "violin2flute",
    "vocoder-gan",
    "vocoder-wavenet",
    "young2old",
    "zebra2horse",
)
"""The models that come with ganedit."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ENDINGS = (".pkl", ".pt", ".pth", ".ckpt", ".bin", ".npy", ".npz", ".safetensors", ".zip", ".part")


def bundled_folder() -> Path:
    """Folder of the bundled models: inside the package in a wheel, at the root in a clone."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "weights"
    return inside if inside.is_dir() else package.parent / "weights"


def user_folder() -> Path:
    """Folder of the user's models: `$GANEDIT_HOME`, or ~/.cache/ganedit/models by default.

    Raises:
        UsageError: This is a file, or there is no home folder.
    """
    home = os.environ.get("GANEDIT_HOME")
    folder = Path(home).expanduser() if home else home_folder() / ".cache" / "ganedit" / "models"
    if folder.is_file():
        raise UsageError(f"{folder} is a file, not a folder for models", "set GANEDIT_HOME to a folder")
    return folder


def folders() -> list[Path]:
    """Folders in which names are looked up, in this order."""
    return [bundled_folder(), user_folder()]


def names() -> list[str]:
    """Every model that can be loaded by name, sorted."""
    recover(user_folder())
    known = {p.parent.name for folder in folders() if folder.is_dir() for p in folder.glob(f"[!.]*/{CARD}")}
    return sorted(known)


def find(name: str) -> Path | None:
    """The folder of the model called `name`, or None."""
    if not name or "/" in name or name in (".", ".."):
        return None
    recover(user_folder())
    return next((f / name for f in folders() if (f / name / CARD).is_file()), None)


def name_of(sha256: str) -> str | None:
    """The name of a model with this checksum, or imported from a file with it; None if there is none."""
    for name in names():
        try:
            known = ModelCard.load(folder_of(name))
        except GaneditError:  # another model may be damaged
            continue
        if sha256 in known.files:
            return name
    return None


def folder_of(name: str) -> Path:
    """Like `find`, but a folder with a card may also be given by its path.

    Raises:
        UsageError: there is none; the error names similar ones.
        MissingError: it can be downloaded.
    """
    folder = find(name)
    if folder is not None:
        return folder
    path = Path(name).expanduser()
    if name and (path / CARD).is_file():
        return path
    if path.is_file():
        raise UsageError(f"{name} is a file, and has no card", f"ganedit info {name}")
    raise no_such_model(name, names())


def card(name: str) -> ModelCard:
    """The card of the model called `name`, without loading its weights."""
    return ModelCard.load(folder_of(name))


def check_name(name: str, *, force: bool = False) -> None:
    """Refuse names that a model of the user cannot have.

    Raises:
        UsageError: The name is invalid, bundled, or taken and not to be replaced.
    """
    if not _NAME.fullmatch(name) or name.lower().endswith(_ENDINGS):
        raise UsageError(
            f"{name!r} cannot be the name of a model",
            "use letters, digits, dots, dashes and underscores, at most 64, without the ending of a file",
        )
    if name in BUNDLED or (bundled_folder() / name).exists():
        raise UsageError(f"{name} is a model that comes with ganedit", "choose another name")
    if os.path.lexists(user_folder() / name) and not force:
        raise name_taken(name)


def name_taken(name: str) -> UsageError:
    """The error for a name that a model of the user has already."""
    return UsageError(f"the model {name} is already there", "`force` replaces it; or choose another name")
