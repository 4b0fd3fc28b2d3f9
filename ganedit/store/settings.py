"""What a checkpoint cannot say about its network, told by the user at the import."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, get_args

from torch import Tensor

from ganedit.errors import CheckpointError, UsageError, did_you_mean
from ganedit.nets.layers_translation import Norm
from ganedit.store.architectures import build
from ganedit.store.cards import ModelCard
from ganedit.store.formats.renaming import ASSUMED


def _truth(text: str) -> bool:
    return {"true": True, "yes": True, "false": False, "no": False}[text.lower()]


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


SETTINGS: dict[str, Callable[[str], Any]] = {
    "classes": _names,
    "dont_care": int,
    "edges": _truth,
    "input": str,
    "labels": _names,
    "size": int,
    "use": str,
}
"""Details of a card that may be set: names of classes; a label of "don't care" pixels; whether the last
channel holds outlines; what the input is ("labels", "edges"); names of labels; the side of its input; its use
("inpaint", "colorize")."""


@contextmanager
def telling_norm(settings: Mapping[str, str]) -> Iterator[None]:
    """Context in which readers of checkpoints take the normalisation to be `settings["norm"]`, if given.

    Raises:
        UsageError: there is no such normalisation, or the tensors do not fit it.
    """
    told: Any = settings.get("norm")
    if told is None:
        yield
        return
    if told not in get_args(Norm):
        raise UsageError(f"{told} is not a normalisation", f"choose {', '.join(get_args(Norm))}")
    token = ASSUMED.set(told)
    try:
        yield
    except CheckpointError as error:
        raise UsageError(f"with `norm={told}`, {error.message}", "leave it out") from error
    finally:
        ASSUMED.reset(token)


def with_settings(card: ModelCard, state: Mapping[str, Tensor], settings: Mapping[str, str]) -> ModelCard:
    """A card with settings in its config and details.

    Raises:
        UsageError: there is no such setting, or the weights do not fit it.
    """
    if not settings:
        return card
    config, details = dict(card.config), dict(card.details)
    for name, text in settings.items():
        known = config.get(name)
        if isinstance(known, bool | int | float | str):
            config[name] = _read(name, text, _truth if isinstance(known, bool) else type(known))
        elif name in SETTINGS:
            details[name] = _read(name, text, SETTINGS[name])
        else:
            plain = [key for key, value in config.items() if isinstance(value, bool | int | float | str)]
            raise UsageError(
                f"a model of the architecture {card.architecture} has no setting {name}",
                did_you_mean(name, [*plain, *SETTINGS]),
            )
    try:
        build(card.architecture, config, state)
    except CheckpointError as error:
        said = ", ".join(f"{name}={text}" for name, text in settings.items())
        raise UsageError(f"with `{said}`, {error.message}", "correct it, or leave it out") from error
    notes = "; ".join(f"{name} is {text}, as said at the import" for name, text in settings.items())
    return replace(card, config=config, details=details, notes=notes)


def _read(name: str, text: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(text)
    except (ValueError, KeyError):
        what = {int: "a whole number", float: "a number", _truth: "true or false"}.get(kind, "a value")
        raise UsageError(f"`{name}={text}` is not {what}") from None
