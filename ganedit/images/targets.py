"""Inputs of translators besides the image: target labels and styles."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ganedit.errors import CheckpointError, MissingError, UsageError, did_you_mean
from ganedit.images.io import Photo
from ganedit.images.pixels import resize
from ganedit.images.tensors import to_unit
from ganedit.store import registry
from ganedit.store.load import load
from ganedit.store.models import Encoder, Translator


def target_of(model: Translator, names: Sequence[str]) -> Tensor:
    """StarGAN's target [1, D] with ones for labels given by name, or by number from 0.

    Raises:
        UsageError: the model has no labels, or not these.
    """
    if not model.labels:
        raise UsageError(f"the model {model.name} has no labels to choose from", "leave `to` out")
    known = [str(name) for name in model.card.details.get("labels", ())]
    if not names:
        choices = ", ".join(known) or f"numbers from 0 to {model.labels - 1}"
        raise UsageError(f"the model {model.name} needs one or more labels to aim at", f"`to`: {choices}")
    target = torch.zeros(1, model.labels)
    for name in names:
        lowered = [k.lower() for k in known]
        if name.isdecimal() and int(name) < model.labels:
            target[0, int(name)] = 1
        elif name.lower() in lowered[: model.labels]:
            target[0, lowered.index(name.lower())] = 1
        else:
            choices = (
                did_you_mean(name, known) if known else f"it has no names for them: 0 to {model.labels - 1}"
            )
            raise UsageError(f"the model {model.name} has no label {name!r}", choices)
    return target


def style_encoder(model: Translator, name_or_path: str | None = None) -> Encoder:
    """The image encoder of a SPADE model, on its device.

    Args:
        model: The model that the styles are for.
        name_or_path: The encoder; None means the one whose card names the model.

    Raises:
        CheckpointError: the model has no styles, or the named encoder does not fit it.
        MissingError: there is no encoder.
    """
    if not model.style_dim:
        raise UsageError(f"the model {model.name} takes no style", "leave `style` out")
    chosen = name_or_path or next(
        (n for n in registry.names() if registry.card(n).details.get("model") == model.name), None
    )
    if chosen is None:
        raise MissingError(f"the model {model.name} has no style encoder", "name its file with `encoder`")
    encoder = load(chosen, str(model.device))
    given = encoder.network.cfg.style_dim if encoder.card.architecture == "spade-encoder" else 0
    if not isinstance(encoder, Encoder) or given != model.style_dim:
        what = f"gives styles of length {given}" if given else f"is {encoder.card.kind} of something else"
        raise CheckpointError(
            f"{chosen} {what}; the model {model.name} takes styles of length {model.style_dim}",
            "name the encoder that was trained with it",
        )
    return encoder


def style_of(photo: Photo, encoder: Encoder) -> Tensor:
    """The style [1, S] of a picture, by the image encoder of a SPADE model (`style_encoder`)."""
    side = 4 * 2**encoder.network.cfg.layers
    with torch.inference_mode():
        return encoder(to_unit(resize(photo.pixels, side)) * 2 - 1)
