"""Tells which command a translator, upscaler or restorer is for."""

from __future__ import annotations

from typing import Literal

from ganedit.errors import CheckpointError
from ganedit.store.models.base import Model, check_model
from ganedit.store.models.image import Restorer, Translator, Upscaler

Use = Literal["translate", "upscale", "restore", "inpaint", "colorize", "timbre"]

KINDS: dict[Use, str] = {
    "translate": "a translator",
    "upscale": "an upscaler",
    "restore": "a model that restores faces",
    "inpaint": "a model that fills holes",
    "colorize": "a model that adds colours",
    "timbre": "a translator of sounds",
}

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
    if not isinstance(model, Translator):
        return None
    named: Use | None = model.card.details.get("use")
    if named in ("inpaint", "colorize", "timbre"):
        return named
    two = getattr(model.network.cfg, "out_channels", 3) == 2
    return "colorize" if two and model.in_channels == 1 else "translate"


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
    raise CheckpointError(f"{name} is {KINDS[actual]}", f"ganedit {actual} --model {name}")
