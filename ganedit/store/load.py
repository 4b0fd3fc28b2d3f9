"""`ganedit.load`, and its opposite `save_model`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ganedit.compute import find_device, find_dtype, has_bfloat16, keep_freed_memory
from ganedit.errors import CheckpointError, InputError, MissingError
from ganedit.files import NCNN_LAYERS, NCNN_WEIGHTS, first_bytes, parse_json, sha256_file, spelling, stamp
from ganedit.store import registry
from ganedit.store.architectures import build
from ganedit.store.cards import CARD, ModelCard
from ganedit.store.downloads.catalogue import no_such_model
from ganedit.store.foreign import Foreign, open_foreign
from ganedit.store.models import (
    Classifier,
    Clip,
    Discriminator,
    Encoder,
    Generator,
    Mapper,
    Model,
    Restorer,
    SingleImage,
    Translator,
    Upscaler,
    Vocoder,
)
from ganedit.store.registry import DISCRIMINATOR, WEIGHTS
from ganedit.store.swapping import filled
from ganedit.store.weights import check_header, read_weights, write_weights

Kind = TypeVar("Kind", bound=Model)
UNKNOWN_LICENCE = "its licence and alignment are not known to ganedit"
DISCRIMINATOR_OF = {"stylegan2": "stylegan2-discriminator", "stylegan3": "stylegan2-discriminator"}
TYPES: dict[str, type[Model]] = {
    "classifier": Classifier,
    "clip": Clip,
    "discriminator": Discriminator,
    "encoder": Encoder,
    "generator": Generator,
    "mapper": Mapper,
    "restorer": Restorer,
    "single-image": SingleImage,
    "translator": Translator,
    "upscaler": Upscaler,
    "vocoder": Vocoder,
}


def load(name_or_path: str | Path, device: str = "auto", dtype: str = "auto") -> Model:
    """Open a model.

    Args:
        name_or_path: The name of a bundled or installed model such as "faces", a folder with a card.toml, a
            .safetensors file, or a checkpoint of another program (see docs/formats). Code in a checkpoint is
            never run.
        device: "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:N".
        dtype: Number format of the activations: "float32", "bfloat16" (faster, slightly less exact) or
            "float16" (GPU only). "auto" is float32, which gives the same image everywhere; for the
            bundled upscalers and Real-ESRGAN it is bfloat16 on processors and GPUs that have it.

    Returns:
        A Generator, Translator, Upscaler, Restorer, Encoder, Classifier, Discriminator, Clip, Mapper,
        Vocoder or SingleImage, depending on what the model is for.

    Raises:
        UsageError: There is no model of this name, or float16 was asked for on a CPU.
        InputError: The file does not exist.
        CheckpointError: The file is damaged, hostile or of an unknown kind; says what was found and what is
            supported.
        MissingError: The device is not available, or the model is in the catalogue but not downloaded yet.

    Examples:
        >>> faces = ganedit.load("faces")
        >>> type(faces).__name__, faces.resolution % 64
        ('Generator', 0)
    """
    place = find_device(device)
    number = find_dtype(dtype, place)
    if place.type == "cpu":
        keep_freed_memory()  # large activations come and go
    path = _locate(name_or_path)
    if (path / CARD).is_file():
        model = _from_folder(path, place, number)
    elif path.is_file() and (path.suffix == ".safetensors" or first_bytes(path)[8:9] == b"{"):
        model = _from_safetensors(path, place, number)
    else:
        model = from_foreign(open_foreign(path), path, place, number)
    if dtype == "auto" and getattr(model.network, "suits_bfloat16", False) and has_bfloat16(place):
        return type(model)(model.card, model.network, place, torch.bfloat16)
    return model


def checksum_of(name_or_path: str | Path) -> str:
    """The `sha256` of the model that `load` would open, without opening it."""
    path = _locate(name_or_path)
    if path.name == WEIGHTS and (path.parent / CARD).is_file():
        path = path.parent
    if (path / CARD).is_file():
        return ModelCard.load(path).sha256 or _sha256(path / WEIGHTS)
    return _sha256(_file_of(path))


def load_generator(name_or_path: str | Path, device: str = "auto", dtype: str = "auto") -> Generator:
    """Like `load`, but only for generators."""
    return _load_as(Generator, "a generator", name_or_path, device, dtype)


def load_classifier(name_or_path: str | Path, device: str = "auto", dtype: str = "auto") -> Classifier:
    """Like `load`, but only for classifiers."""
    return _load_as(Classifier, "a classifier", name_or_path, device, dtype)


def _load_as(kind: type[Kind], words: str, name_or_path: str | Path, device: str, dtype: str) -> Kind:
    model = load(name_or_path, device, dtype)
    if not isinstance(model, kind):
        raise CheckpointError(f"{name_or_path} is {model.card.kind}, not {words}", "ganedit models list")
    return model


def load_clip(name_or_path: str | Path, device: str = "auto", dtype: str = "auto") -> Clip:
    """Like `load`, but only for CLIP models; those of open_clip are named ARCHITECTURE/WEIGHTS.

    Args:
        name_or_path: "clip-faces", a folder, or "ViT-B-32/laion2b_s34b_b79k" (fetched once, by open_clip),
            or "ViT-B-32/some/file.safetensors".
        device, dtype: As in `load`.

    Raises:
        UsageError, MissingError, CheckpointError: As in `load` and `store.open_clip_network.open_pretrained`.
    """
    from ganedit.store.open_clip_network import fingerprint, is_tag, open_pretrained

    text = str(name_or_path)
    if is_tag(text) and not Path(text).exists():
        place = find_device(device)
        pretrained = open_pretrained(text)
        sha256 = fingerprint(pretrained.network)
        card = ModelCard(text, "clip", "open_clip", {}, resolution=pretrained.size, sha256=sha256)
        network = pretrained.network.eval().requires_grad_(False)
        return Clip(card, network, place, find_dtype(dtype, place), pretrained)
    model = load(name_or_path, device, dtype)
    if not isinstance(model, Clip):
        raise CheckpointError(
            f"{name_or_path} is {model.card.kind}, not a CLIP model",
            "choose clip-faces, or one of open_clip's, such as ViT-B-32/laion2b_s34b_b79k",
        )
    return model


def encoder_for(generator: Generator, name_or_path: str | Path | None = None) -> Encoder:
    """The encoder for a generator, on its device.

    Args:
        generator: The generator that it should predict codes of.
        name_or_path: The encoder; None means the known model that was trained for exactly
            these weights according to its card.

    Raises:
        MissingError: no encoder was trained for it.
        CheckpointError: the named model is not an encoder, or gives codes of another size.
    """
    chosen = name_or_path or _name_of_encoder(generator)
    encoder = _load_as(Encoder, "an encoder", chosen, str(generator.device), "auto")
    given = (encoder.network.cfg.num_ws, encoder.network.cfg.w_dim)
    if given != (generator.num_ws, generator.w_dim):
        raise CheckpointError(
            f"the encoder {chosen} gives codes {list(given)}, the model {generator.name} takes "
            f"[{generator.num_ws}, {generator.w_dim}]",
            "it was trained for another model",
        )
    return encoder


def _name_of_encoder(generator: Generator) -> str:
    stale = ""
    for name in registry.names():
        with suppress(CheckpointError):  # another model may be damaged
            card = registry.card(name)
            if card.task != "encoder":
                continue
            known = [card.details.get(key, "") for key in ("model_sha256", "weights_sha256")]
            own = card.details.get("model") == generator.name
            if generator.known_as(*known) or (own and not any(known)):
                return name
            stale = name if own else stale
    raise MissingError(
        f"{stale} was trained for other weights of {generator.name}"
        if stale
        else f"there is no encoder for the model {generator.name}",
        "train one (ganedit train encoder), name one with `encoder`, or use `method=optimize`",
    )


def save_model(
    folder: str | Path,
    card: ModelCard,
    state: Mapping[str, Tensor],
    *,
    discriminator: tuple[Mapping[str, Any], Mapping[str, Tensor]] | None = None,
    dtype: torch.dtype | None = None,
    replace_old: bool = True,
) -> ModelCard:
    """Write `folder`/model.safetensors, discriminator.safetensors if given, and card.toml, in one step.

    Whoever reads the folder meanwhile, or after this process was killed, finds the old model or the new one.

    Args:
        folder: Created if needed; other files in it stay.
        card: Its `config` must build the network of `state`; the checksums are filled in here.
        state: The network's tensors by name.
        discriminator: Config and tensors of the discriminator.
        dtype: Type to store numbers in; None keeps theirs.
        replace_old: Whether a model that is there already may be replaced.

    Returns:
        The card as written.

    Raises:
        InputError: The folder cannot be written.
        FileExistsError: It is there already.
    """
    with filled(Path(folder), replace=replace_old) as filling:
        return _write_model(filling, card, state, discriminator, dtype)


def _write_model(
    folder: Path,
    card: ModelCard,
    state: Mapping[str, Tensor],
    discriminator: tuple[Mapping[str, Any], Mapping[str, Tensor]] | None,
    dtype: torch.dtype | None,
) -> ModelCard:
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
    card = replace(card, sha256=sha256_file(path), discriminator={}, discriminator_sha256="")
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
        actual = _sha256(path)
        if wanted and actual != wanted:
            raise CheckpointError(
                f"{path} was changed or damaged: its sha256 is {actual[:12]}..., the card says "
                f"{wanted[:12]}...",
                "get the model again",
            )
    return card


def _locate(name_or_path: str | Path) -> Path:
    """The folder or file of a model; names take precedence over paths."""
    text = str(name_or_path)
    folder = registry.find(text)
    if folder is not None:
        return folder
    path = Path(name_or_path).expanduser()
    if path.exists():
        return path
    if "/" in text or path.suffix:
        raise InputError(f"{text}: no such file", spelling(text))
    raise no_such_model(text, registry.names())


@lru_cache(maxsize=64)
def _sha256_of(path: Path, size: int, changed: int) -> str:
    return sha256_file(path)


def _sha256(path: Path) -> str:
    """Checksum of a file, computed once per process as long as the file does not change."""
    stat = path.stat()
    return _sha256_of(path, stat.st_size, stat.st_mtime_ns)


def _from_folder(folder: Path, device: torch.device, dtype: torch.dtype) -> Model:
    card, state = _read_folder(folder)
    card = card if card.sha256 else replace(card, sha256=_sha256(folder / WEIGHTS))
    return _model(card, state, folder, device, dtype)


def _read_folder(folder: Path) -> tuple[ModelCard, dict[str, Tensor]]:
    """Card and tensors of one model, even if a training replaces it while it is read."""
    while True:
        before = stamp(folder / CARD)
        try:
            card = verify(folder)
            state, _ = read_weights(folder / WEIGHTS)
        except CheckpointError:
            if stamp(folder / CARD) == before:
                raise
            continue
        if stamp(folder / CARD) == before:
            return card, state


def _from_safetensors(path: Path, device: torch.device, dtype: torch.dtype) -> Model:
    """The model in a .safetensors file: of ganedit, with a card next to it or in its metadata, or foreign."""
    if path.name == WEIGHTS and (path.parent / CARD).is_file():
        return _from_folder(path.parent, device, dtype)
    metadata = check_header(path).get("__metadata__") or {}
    if "ganedit" not in metadata:
        return from_foreign(open_foreign(path), path, device, dtype)
    state, metadata = read_weights(path)
    try:
        about = dict(parse_json(metadata["ganedit"]))
    except (ValueError, TypeError) as error:
        raise CheckpointError(
            f"{path.name} does not say which network it is for", "get the model again"
        ) from error
    card = ModelCard.from_dict({"name": path.stem, **about, "sha256": _sha256(path)})
    return _model(card, state, path.parent, device, dtype)


def _model(
    card: ModelCard, state: dict[str, Tensor], folder: Path, device: torch.device, dtype: torch.dtype
) -> Model:
    network = build(card.architecture, card.config, state)

    def discriminator() -> Discriminator:
        tensors, _ = read_weights(folder / DISCRIMINATOR)
        network = build(DISCRIMINATOR_OF[card.architecture], card.discriminator, tensors)
        return Discriminator(card, network, device, dtype)

    return _typed(card, network, device, dtype, discriminator if card.discriminator else None)


def from_foreign(foreign: Foreign, path: Path, device: torch.device, dtype: torch.dtype) -> Model:
    """The model in a foreign checkpoint."""
    card = card_of(foreign, path.stem, path)
    d = foreign.discriminator

    def discriminator() -> Discriminator:
        assert d is not None
        return Discriminator(card, build(d.architecture, d.config, d.state), device, dtype)

    weights = foreign.weights
    network = build(weights.architecture, weights.config, weights.state)
    return _typed(card, network, device, dtype, discriminator if d else None)


def card_of(foreign: Foreign, name: str, path: Path) -> ModelCard:
    """The card of a foreign checkpoint, from what the file itself says."""
    return ModelCard(
        name=name,
        task=foreign.task,
        architecture=foreign.weights.architecture,
        config=dict(foreign.weights.config),
        resolution=foreign.resolution,
        value_range=foreign.value_range,
        template=foreign.template,
        source=str(path),
        sha256=_sha256(_file_of(path)),
        discriminator=dict(foreign.discriminator.config) if foreign.discriminator else {},
        details={"family": foreign.family, **foreign.details},
        notes=foreign.notes or UNKNOWN_LICENCE,
    )


def _file_of(path: Path) -> Path:
    """The weights of a foreign checkpoint, which may be a folder of diffusers or transformers, or NCNN's."""
    if path.suffix == NCNN_LAYERS and path.is_file():
        return path.with_suffix(NCNN_WEIGHTS)
    return path / "pytorch_model.bin" if path.is_dir() else path


def _typed(
    card: ModelCard,
    network: nn.Module,
    device: torch.device,
    dtype: torch.dtype,
    discriminator: Callable[[], Discriminator] | None,
) -> Model:
    if card.task == "generator":
        return Generator(card, network, device, dtype, discriminator)
    return TYPES[card.task](card, network, device, dtype)
