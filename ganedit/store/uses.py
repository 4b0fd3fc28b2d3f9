"""Tells which command a translator, upscaler or restorer is for."""

from __future__ import annotations

from typing import Literal

from ganedit.errors import CheckpointError
from ganedit.store.cards import ModelCard
from ganedit.store.models.base import Model, check_model
from ganedit.store.models.image import Restorer, Translator, Upscaler
from ganedit.store.models.single_image import SingleImage

Use = Literal["translate", "upscale", "restore", "inpaint", "colorize", "timbre", "singan"]

KINDS: dict[Use, str] = {
    "translate": "a translator",
    "upscale": "an upscaler",
    "restore": "a model that restores faces",
    "inpaint": "a model that fills holes",
    "colorize": "a model that adds colours",
    "timbre": "a translator of sounds",
    "singan": "a model of a single image",
}

COMMAND = {"singan": "singan random"}
"""Words of the command for a use, where they are not the use itself."""

OTHERS = {
    "generator": "generate --model",
    "vocoder": "timbre --vocoder",
    "clip": "clip edit --clip",
}
"""Commands for models of other kinds, by their tasks, and the options that take them."""


def use_of(model: Model) -> Use | None:
    """The command that a model is for; None for models of another kind."""
    if isinstance(model, Upscaler):
        return "upscale"
    if isinstance(model, Restorer):
        return "restore"
    if isinstance(model, SingleImage):
        return "singan"
    if not isinstance(model, Translator):
        return None
    two = getattr(model.network.cfg, "out_channels", 3) == 2
    return _of_translator(model.card, colours=two and model.in_channels == 1)


def use_on_card(card: ModelCard) -> Use | None:
    """The same according to a card alone, for a list of models that are not opened."""
    if card.task in ("upscaler", "restorer"):
        return "upscale" if card.task == "upscaler" else "restore"
    if card.task == "single-image":
        return "singan"
    if card.task != "translator":
        return None
    two = card.config.get("out_channels", 3) == 2
    return _of_translator(card, colours=two and card.config.get("in_channels") == 1)


def _of_translator(card: ModelCard, *, colours: bool) -> Use:
    named: Use | None = card.details.get("use")
    if named in ("inpaint", "colorize", "timbre"):
        return named
    return "colorize" if colours else "translate"


def need(model: Model, use: Use) -> None:
    """Refuse a model that is for something else.

    Raises:
        CheckpointError: the error names the right command.
        UsageError: it is not a model.
    """
    check_model(model)
    actual = use_of(model)
    if actual == use:
        return
    name = model.name
    if actual is None:
        theirs = OTHERS.get(model.card.task)
        hint = f"ganedit {theirs} {name}" if theirs else "ganedit models list"
        raise CheckpointError(f"{name} is {model.card.kind}, not {KINDS[use]}", hint)
    raise CheckpointError(
        f"{name} is {KINDS[actual]}", f"ganedit {COMMAND.get(actual, actual)} --model {name}"
    )
