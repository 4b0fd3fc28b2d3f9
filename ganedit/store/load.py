"""`ganedit.load`, and its opposite `save_model`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganedit.compute import keep_freed_memory
from ganedit.errors import CheckpointError, InputError, MissingError, UsageError, did_you_mean
from ganedit.files import sha256_file
from ganedit.store import registry
from ganedit.store.architectures import build
from ganedit.store.cards import CARD, ModelCard
from ganedit.store.models import Classifier, Discriminator, Encoder, Generator, Model
from ganedit.store.registry import DISCRIMINATOR, WEIGHTS
from ganedit.store.weights import read_weights, write_weights

SUPPORTED = (
    "ganedit opens its own model folders and .safetensors, and StyleGAN2 pickles of stylegan2-ada-pytorch"
)
DISCRIMINATOR_OF = {"stylegan2": "stylegan2-discriminator"}


def load(name_or_path: str | Path, device: str = "auto", dtype: str = "auto") -> Model:
    """Open a model.

    Args:
        name_or_path: A bundled name such as "faces", a folder with a card.toml, a .safetensors file, or a
            network pickle, which is read without running the code in it.
        device: "auto" (a GPU where there is one), "cpu", "cuda" or "cuda:N".
        dtype: Of the activations: "float32", "bfloat16" (faster, slightly rough), "float16" (GPU only);
            "auto" is float32, which gives the same picture everywhere.

    Returns:
        A Generator, Encoder or Classifier, by what the model is for.

    Raises:
        UsageError: no model has this name, or float16 on a CPU.
        InputError: no such file.
        CheckpointError: damaged, hostile or foreign; says what was found and what is supported.
        MissingError: the device is not there.
    """
    place = _device(device)
    number = _dtype(dtype, place)
    if place.type == "cpu":
        keep_freed_memory()  # large activations come and go
    path = _locate(name_or_path)
    if path.is_dir():
        return _from_folder(path, place, number)
    with open(path, "rb") as file:
        start = file.read(16)
    if path.suffix == ".safetensors" or (len(start) > 8 and start[8:9] == b"{"):
        return _from_safetensors(path, place, number)
    if start[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return _from_nvlabs(path, place, number)
    if start[:4] == b"PK\x03\x04":
        raise CheckpointError(_foreign_archive(path), SUPPORTED)
    found = "it is empty" if not start else f"it starts with {start[:8]!r}"
    raise CheckpointError(f"{path.name} is not a checkpoint: {found}", SUPPORTED)


def load_generator(name_or_path: str | Path, device: str = "auto", dtype: str = "auto") -> Generator:
    """As `load`, for what must be a generator."""
    model = load(name_or_path, device, dtype)
    if not isinstance(model, Generator):
        raise CheckpointError(
            f"{name_or_path} is {model.card.kind}, not a generator", "ganedit models list"
        )
    return model


def encoder_for(generator: Generator, name_or_path: str | Path | None = None) -> Encoder:
    """The encoder of a generator, on its device.

    Args:
        generator: Whose codes it should give.
        name_or_path: Which encoder; None takes the one among the known models that was trained for exactly
            these weights, as its card says.

    Raises:
        MissingError: none was.
        CheckpointError: the one named is no encoder, or for codes of another size.
    """
    found = name_or_path or _name_of_encoder(generator)
    encoder = load(found, device=str(generator.device))
    if not isinstance(encoder, Encoder):
        raise CheckpointError(f"{found} is {encoder.card.kind}, not an encoder", "ganedit models list")
    given = (encoder.network.cfg.num_ws, encoder.network.cfg.w_dim)
    if given != (generator.num_ws, generator.w_dim):
        raise CheckpointError(
            f"the encoder {found} gives codes {list(given)}, the model {generator.name} takes "
            f"[{generator.num_ws}, {generator.w_dim}]",
            "it was trained for another model",
        )
    return encoder


def _name_of_encoder(generator: Generator) -> str:
    stale = ""
    for name in registry.names():
        with suppress(CheckpointError):  # a damaged model that nobody asked for
            card = registry.card(name)
            if card.task != "encoder" or card.details.get("model") != generator.name:
                continue
            if card.details.get("model_sha256", generator.sha256) == generator.sha256:
                return name
            stale = name
    raise MissingError(
        f"{stale} was trained for other weights of {generator.name}"
        if stale
        else f"there is no encoder for the model {generator.name}",
        "train one (ganedit train encoder), name one with --encoder, or add --method optimize",
    )


def save_model(
    folder: str | Path,
    card: ModelCard,
    state: Mapping[str, Tensor],
    *,
    discriminator: tuple[Mapping[str, Any], Mapping[str, Tensor]] | None = None,
    dtype: torch.dtype | None = None,
) -> ModelCard:
    """Write `folder`/model.safetensors, discriminator.safetensors where given, and card.toml, in this order.

    Args:
        folder: Made if needed; files in it are replaced atomically.
        card: Its `config` must build the network of `state`; the checksums are filled in here.
        state: The network's tensors by name.
        discriminator: Config and tensors.
        dtype: Store numbers as this; None keeps them.

    Returns:
        The card as written.
    """
    folder = Path(folder)
    about = {
        "task": card.task,
        "architecture": card.architecture,
        "config": card.config,
        "name": card.name,
        "template": card.template,
        "resolution": card.resolution,
        "details": card.details,
    }
    path = write_weights(folder / WEIGHTS, state, about, dtype=dtype)
    card = replace(card, sha256=sha256_file(path))
    if discriminator is not None:
        config, tensors = discriminator
        about = {
            "task": "discriminator",
            "architecture": DISCRIMINATOR_OF[card.architecture],
            "config": dict(config),
            "name": card.name,
        }
        path = write_weights(folder / DISCRIMINATOR, tensors, about, dtype=dtype)
        card = replace(card, discriminator=dict(config), discriminator_sha256=sha256_file(path))
    card.save(folder)
    return card


def verify(folder: str | Path) -> ModelCard:
    """Check a model folder's files against the checksums in its card; returns the card.

    Raises:
        CheckpointError: a file is missing or changed.
    """
    folder = Path(folder)
    card = ModelCard.load(folder)
    for name, wanted in ((WEIGHTS, card.sha256), (DISCRIMINATOR, card.discriminator_sha256)):
        path = folder / name
        if not wanted and name == DISCRIMINATOR:
            continue
        if not path.is_file():
            raise CheckpointError(f"{path} is missing", "get the model again")
        found = _sha256(path)
        if wanted and found != wanted:
            raise CheckpointError(
                f"{path} was changed or damaged: its sha256 is {found[:12]}..., the card says "
                f"{wanted[:12]}...",
                "get the model again",
            )
    return card


def _locate(name_or_path: str | Path) -> Path:
    """A name first, then a path."""
    text = str(name_or_path)
    found = registry.find(text)
    if found is not None:
        return found
    path = Path(name_or_path).expanduser()
    if path.exists():
        if path.is_dir() and not (path / CARD).is_file():
            raise CheckpointError(f"the folder {path} holds no {CARD}", SUPPORTED)
        return path
    if "/" in text or path.suffix:
        raise InputError(f"{path}: no such file", "check the spelling")
    raise UsageError(
        f"there is no model {text}", did_you_mean(text, registry.names()) or "name a file instead"
    )


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"{name} is not a device", "choose auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise MissingError(
            f"there is no device {name}: PyTorch sees {torch.cuda.device_count()} GPUs",
            "--device cpu; ganedit doctor tells more",
        )
    return device


def _dtype(name: str, device: torch.device) -> torch.dtype:
    known = {
        "auto": torch.float32,
        "float32": torch.float32,
        "bfloat16": torch.bfloat16,
        "float16": torch.float16,
    }
    if name not in known:
        raise UsageError(f"{name} is not a number format", f"choose {', '.join(known)}")
    if name == "float16" and device.type == "cpu":  # emulated: a projection took 3 minutes, not 10 s
        raise UsageError("float16 is for GPUs", "choose bfloat16 or float32 on a CPU")
    return known[name]


@lru_cache(maxsize=64)
def _sha256_of(path: Path, size: int, changed: int) -> str:
    return sha256_file(path)


def _sha256(path: Path) -> str:
    """Of a file, once per process as long as it does not change."""
    stat = path.stat()
    return _sha256_of(path, stat.st_size, stat.st_mtime_ns)


def _from_folder(folder: Path, device: torch.device, dtype: torch.dtype) -> Model:
    card = verify(folder)
    state, _ = read_weights(folder / WEIGHTS)
    card = card if card.sha256 else replace(card, sha256=_sha256(folder / WEIGHTS))
    return _model(card, state, folder, device, dtype)


def _from_safetensors(path: Path, device: torch.device, dtype: torch.dtype) -> Model:
    """A lone file, described by its own metadata; or the weights of a folder with a card."""
    if path.name == WEIGHTS and (path.parent / CARD).is_file():
        return _from_folder(path.parent, device, dtype)
    state, metadata = read_weights(path)
    try:
        about = json.loads(metadata["ganedit"])
    except (KeyError, ValueError, TypeError) as error:
        some = ", ".join(list(state)[:2])
        raise CheckpointError(
            f"{path.name} does not say which network it is for: {len(state)} tensors, such as {some}",
            SUPPORTED,
        ) from error
    if not isinstance(about, dict):
        raise CheckpointError(f"{path.name} does not say which network it is for", SUPPORTED)
    card = ModelCard.from_dict({"name": path.stem, **about, "sha256": _sha256(path)})
    return _model(card, state, path.parent, device, dtype)


def _model(
    card: ModelCard, state: dict[str, Tensor], folder: Path, device: torch.device, dtype: torch.dtype
) -> Model:
    network = build(card.architecture, card.config, state)
    if card.task == "encoder":
        return Encoder(card, network, device, dtype)
    if card.task == "classifier":
        return Classifier(card, network, device, dtype)

    def discriminator() -> Discriminator:
        tensors, _ = read_weights(folder / DISCRIMINATOR)
        judge = build(DISCRIMINATOR_OF[card.architecture], card.discriminator, tensors)
        return Discriminator(card, judge, device, dtype)

    return Generator(card, network, device, dtype, discriminator if card.discriminator else None)


def _from_nvlabs(path: Path, device: torch.device, dtype: torch.dtype) -> Generator:
    from ganedit.store.formats import nvlabs

    found = nvlabs.read(path)
    g, d = found.generator_config, found.discriminator_config
    card = ModelCard(
        name=path.stem,
        task="generator",
        architecture="stylegan2",
        config=g.to_dict(),
        resolution=g.resolution,
        source=str(path),
        sha256=_sha256(path),
        discriminator=d.to_dict() if d else {},
        notes="opened from a network pickle; its licence and alignment are not known to ganedit",
    )

    def discriminator() -> Discriminator:
        assert d is not None
        assert found.discriminator_state is not None
        judge = build("stylegan2-discriminator", d.to_dict(), found.discriminator_state)
        return Discriminator(card, judge, device, dtype)

    network = build("stylegan2", card.config, found.generator_state)
    return Generator(card, network, device, dtype, discriminator if d else None)


def _foreign_archive(path: Path) -> str:
    """What a PyTorch file that is no network pickle holds."""
    from ganedit.store.unpickle import read_pickled

    value = read_pickled(path)
    names = list(value)[:4] if isinstance(value, dict) else [type(value).__name__]
    some = ", ".join(str(n)[:40] for n in names)
    return f"{path.name} is a PyTorch file of an unknown kind; it holds {some}"
