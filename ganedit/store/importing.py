"""Turns a checkpoint of any known kind into a model in the user's folder: safetensors with a card."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.files import first_bytes, sha256_file, spelling
from ganedit.store import registry
from ganedit.store.architectures import build
from ganedit.store.cards import CARD, ModelCard
from ganedit.store.foreign import Foreign, open_container, open_foreign, supported
from ganedit.store.load import DISCRIMINATOR_OF, UNKNOWN_LICENCE, card_of, save_model, verify
from ganedit.store.settings import telling_norm, with_settings
from ganedit.store.swapping import tidy
from ganedit.store.weights import check_header, read_weights

DTYPES = {"float32": torch.float32, "float16": torch.float16}


def import_model(
    path: str | Path,
    name: str,
    *,
    template: str = "",
    licence: str = "",
    terms: str = "",
    source: str = "",
    data: str = "",
    dtype: str | None = None,
    force: bool = False,
    network: str = "",
    settings: Mapping[str, str] | None = None,
) -> ModelCard:
    """Convert a checkpoint and keep it under a name. Code in the checkpoint is never run.

    Args:
        path: Anything that `ganedit.load` opens: a checkpoint, a folder with one, or a model of ganedit.
        name: Letters, digits, dots, dashes and underscores.
        template: How the faces of its training images were aligned, such as "ffhq"; empty if it has no faces.
        licence: Name of its licence, for the card.
        terms: What the licence asks, in a sentence, for the card.
        source: Where it comes from, for the card.
        data: What it was trained on, for the card.
        dtype: Store numbers as "float32" or "float16"; None keeps the type of the checkpoint.
        force: Replace a model of this name once the new one is complete.
        network: Which network of a file with several, such as "netG_A".
        settings: What the file cannot say, by name: a field of the network's config, such as
            {"upsampling": "more"} of a SPADE model or {"norm": "none"} of a CycleGAN, or one of
            `store.settings.SETTINGS`.

    Returns:
        The card, as written to the folder `name` of your models. Its details hold the name and sha256 of the
        original file.

    Raises:
        UsageError: The name is invalid, belongs to a bundled model, or is taken; or there is no such network
            or setting, or the weights do not fit it.
        InputError: The file does not exist, or the disk is full.
        CheckpointError: The file is damaged, hostile, of an unknown kind, or not a model.

    Examples:
        >>> path = ganedit.export_model(ganedit.load("faces"), "faces.pt", "rosinality")
        >>> ganedit.import_model(path, "my-faces", template="close-up").architecture
        'stylegan2'
        >>> ganedit.load("my-faces").resolution == ganedit.load("faces").resolution
        True
    """
    path = Path(path).expanduser()
    registry.check_name(name, force=force)
    if dtype is not None and dtype not in DTYPES:
        raise UsageError(f"{dtype} is not a number format to store", f"choose {' or '.join(DTYPES)}")
    if not path.exists():
        raise InputError(f"{path}: no such file", spelling(path))
    settings = dict(settings or {})
    with telling_norm(settings):
        card, state, discriminator = _opened(path, name, network)
    card = with_settings(card, state, settings)
    given: dict[str, Any] = {
        "template": template,
        "licence": licence,
        "terms": terms,
        "source": source,
        "data": data,
    }
    if licence and card.notes == UNKNOWN_LICENCE:
        card = replace(card, notes="")
    card = replace(card, **{key: value for key, value in given.items() if value})
    stored = DTYPES[dtype] if dtype else None
    tidy(registry.user_folder())
    try:
        return save_model(
            registry.user_folder() / name, card, state,
            discriminator=discriminator, dtype=stored, replace_old=force,
        )  # fmt: skip
    except FileExistsError:
        raise registry.name_taken(name) from None  # by another process, since it was checked above
    except InputError as error:  # other results go where the user says, models do not
        raise type(error)(
            error.message, "set GANEDIT_HOME to a folder with room that you may write to"
        ) from error


def describe_file(path: str | Path) -> ModelCard:
    """The card that `import_model` would write for a file, without writing anything.

    Raises:
        InputError, CheckpointError: As in `import_model`.
    """
    path = Path(path).expanduser()
    return _opened(path, path.stem or path.name)[0]


def name_for(path: str | Path) -> str:
    """A model name from a file name: its stem in lower case, with dashes for unusual characters."""
    path = Path(path)
    stem = path.name if path.is_dir() else path.stem
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")[:64] or "model"


def _opened(path: Path, name: str, network: str = "") -> tuple[ModelCard, Any, Any]:
    """Card, tensors, and the discriminator's config and tensors if there is one; checked to fit together."""
    if (path / CARD).is_file():
        return _own_folder(path, name)
    if path.is_file():
        _refuse_other_kinds(path)
        if "ganedit" in _metadata(path):
            return _own_file(path, name)
    foreign = _foreign(path, network)
    weights, discriminator = foreign.weights, foreign.discriminator
    build(weights.architecture, weights.config, weights.state)  # raises if they do not fit
    card = card_of(foreign, name, path)
    known = {"source_file": path.name, "source_sha256": card.sha256, **card.details}
    if discriminator is None:
        return replace(card, details=known), weights.state, None
    build(discriminator.architecture, discriminator.config, discriminator.state)
    return replace(card, details=known), weights.state, (discriminator.config, discriminator.state)


def _own_folder(folder: Path, name: str) -> tuple[ModelCard, Any, Any]:
    card = verify(folder)
    state, discriminator = read_weights(folder / registry.WEIGHTS)[0], None
    build(card.architecture, card.config, state)
    if card.discriminator:
        tensors = read_weights(folder / registry.DISCRIMINATOR)[0]
        build(DISCRIMINATOR_OF[card.architecture], card.discriminator, tensors)
        discriminator = (card.discriminator, tensors)
    known = {"source_file": folder.name, "source_sha256": card.sha256, **card.details}
    return replace(card, name=name, details=known), state, discriminator


def _own_file(path: Path, name: str) -> tuple[ModelCard, Any, Any]:
    """A single .safetensors file of ganedit, which describes itself."""
    from ganedit.store.load import load

    card = load(path, "cpu").card  # checks the file
    known = {"source_file": path.name, "source_sha256": sha256_file(path), **card.details}
    return replace(card, name=name, details=known), read_weights(path)[0], None


def _metadata(path: Path) -> dict[str, Any]:
    """Metadata of a .safetensors file; empty for all others."""
    return (check_header(path).get("__metadata__") or {}) if first_bytes(path)[8:9] == b"{" else {}


def _foreign(path: Path, network: str) -> Foreign:
    """Like `open_foreign`, with a special error for what looks like a direction."""
    try:
        return open_foreign(path, network)
    except CheckpointError as error:
        if path.is_file() and _holds_vectors_only(path):
            raise _is_direction(path) from error
        raise


def _refuse_other_kinds(path: Path) -> None:
    """Refuse files that are not models, and say which command they are for.

    Raises:
        CheckpointError: A direction, a latent, or an archive.
    """
    about = _metadata(path).get("ganedit", "")
    if path.name.endswith(".latent.safetensors") or '"edits"' in about:
        raise CheckpointError(f"{path.name} is a latent, not a model", f"ganedit edit {path}")
    if '"sigma"' in about or path.suffix in (".npy", ".npz"):
        raise _is_direction(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if not any(n.endswith("data.pkl") for n in names):
            raise _is_archive(path, names)
    elif tarfile.is_tarfile(path):
        raise _is_archive(path, [])


def _is_direction(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} is not a model, but looks like a direction or a latent",
        f"ganedit direction import {path} --model MODEL, or ganedit latent import {path} --model MODEL",
    )


def _is_archive(path: Path, names: list[str]) -> CheckpointError:
    some = f" with {', '.join(n[:40] for n in names[:3])}" if names else ""
    return CheckpointError(
        f"{path.name} is an archive{some}, not a checkpoint",
        f"unpack it and import the file inside; {supported()}",
    )


def _holds_vectors_only(path: Path) -> bool:
    """Whether a file holds only a tensor or an array of directions."""
    try:
        content = open_container(path)
    except CheckpointError:
        return False
    values = list(content.values()) if isinstance(content, dict) else [content]
    shapes = [tuple(v.shape) for v in values if hasattr(v, "shape")]
    return bool(shapes) and len(shapes) == len(values) <= 8 and all(len(s) <= 3 and s[-1:] for s in shapes)
