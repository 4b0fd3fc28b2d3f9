"""Directions that can be downloaded: directions.toml in this folder, with types. Light to import."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ganedit.errors import MissingError, UsageError, did_you_mean
from ganedit.store.downloads.catalogue import Licence

PATH = Path(__file__).with_name("directions.toml")


@dataclass(frozen=True)
class PublishedDirection:
    """A direction, or a set of them, that can be downloaded.

    Attributes:
        name: In ganedit; those of a set are called NAME-0, NAME-1 and so on.
        models: Names in the catalogue of the models that it was learned on.
        method: How it was found, and by whom.
        licence: Its terms.
        source: Web page of its authors.
        file: Name of the file, also in a mirror.
        url: Address of the file.
        component: The one of a set that is meant; None means all that the file holds.
        layers: Rows of the code that it changes by default; empty means all.
        negate: Whether its sign is reversed.
        note: What distinguishes it.
    """

    name: str
    models: tuple[str, ...]
    method: str
    licence: Licence
    source: str
    file: str
    url: str
    component: int | None = None
    layers: tuple[int, ...] = ()
    negate: bool = False
    note: str = ""


@cache
def entries() -> tuple[PublishedDirection, ...]:
    """Every published direction, in the order of the file."""
    table = tomllib.loads(PATH.read_text(encoding="utf-8"))
    licences = {key: Licence(**values) for key, values in table["licences"].items()}
    made = []
    for group in table["group"]:
        for one in group["directions"]:
            values = {**{key: value for key, value in group.items() if key != "directions"}, **one}
            values["licence"] = licences[values["licence"]]
            values["url"] = values.pop("base") + values["file"]
            values |= {key: tuple(values.get(key, ())) for key in ("models", "layers")}
            made.append(PublishedDirection(**values))
    return tuple(made)


def of_model(model: str) -> dict[str, PublishedDirection]:
    """The directions published for a model, by name; empty if there are none."""
    return {entry.name: entry for entry in entries() if model in entry.models}


def choose(model: str, names: tuple[str, ...] = ()) -> list[PublishedDirection]:
    """The directions of a model with these names; all, if there are no names.

    Raises:
        MissingError: No directions are published for the model.
        UsageError: None has such a name; the error names those that there are.
    """
    known = of_model(model)
    if not known:
        models = ", ".join(dict.fromkeys(model for entry in entries() for model in entry.models))
        raise MissingError(
            f"no directions are published for the model {model}",
            f"there are some for {models}; `of` says that a model has the weights of one of these",
        )
    for name in names:
        if name not in known:
            raise UsageError(
                f"no direction {name} is published for the model {model}", did_you_mean(name, known)
            )
    return [known[name] for name in dict.fromkeys(names or known)]
