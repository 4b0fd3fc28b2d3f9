"""Models that can be downloaded: catalogue.toml in this folder, with types. Light to import."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from ganedit.errors import GaneditError, MissingError, UsageError, did_you_mean

PATH = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Licence:
    """The terms under which a model is published.

    Attributes:
        restricted: Whether it depends on the purpose; `ganedit models pull` then asks for consent first.
    """

    name: str
    url: str
    terms: str
    restricted: bool = False


@dataclass(frozen=True)
class Entry:
    """A model that can be downloaded.

    One of `url`, `manual`, `wheel` and `open_clip` says where it comes from.

    Attributes:
        name: In ganedit.
        task: One of `store.cards.TASKS`, or "clip".
        family: The file format, as in docs/formats.
        licence: Its terms.
        source: Web page of its authors.
        file: Name of the file, also in a mirror.
        url: Address of the file.
        config_url: Address of the config.json that belongs to it, if there is one.
        manual: Page from which only a browser can download it.
        wheel: Package with the file, and its path there, as in `wheels.py`.
        open_clip: "MODEL/TAG" of the package open_clip, which brings the file itself.
        resolution: Pixels.
        template: Alignment of its faces; empty for models of anything else.
        data: What it was trained on.
        size: Bytes of the file, where published; checked.
        megabytes: Its approximate size, for information.
        sha256: Checksum of the file, where published; otherwise recorded at the first download.
        note: What distinguishes it.
    """

    name: str
    task: str
    family: str
    licence: Licence
    source: str
    file: str = ""
    url: str = ""
    config_url: str = ""
    manual: str = ""
    wheel: str = ""
    open_clip: str = ""
    resolution: int = 0
    template: str = ""
    data: str = ""
    size: int = 0
    megabytes: int = 0
    sha256: str = ""
    note: str = ""

    @property
    def about_megabytes(self) -> int:
        """Its size, rounded; 0 if unknown."""
        return max(1, round(self.size / 1e6)) if self.size else self.megabytes


@cache
def entries() -> dict[str, Entry]:
    """Every model of the catalogue by name, in the order of the file."""
    table = tomllib.loads(PATH.read_text(encoding="utf-8"))
    licences = {key: Licence(**values) for key, values in table["licences"].items()}
    known: dict[str, Entry] = {}
    for group in table["group"]:
        shared = {key: value for key, value in group.items() if key != "models"}
        for model in group["models"]:
            entry = _entry({**shared, **model}, licences)
            if entry.name in known:
                raise ValueError(f"{PATH.name} names {entry.name} twice")
            known[entry.name] = entry
    return known


def find(name: str) -> Entry | None:
    """The entry called `name`, or None."""
    return entries().get(name)


def no_such_model(name: str, here: Iterable[str]) -> GaneditError:
    """The error for a model that is not among those `here`: it can be downloaded, or is misspelt."""
    if name in entries():
        return MissingError(f"{name} is not here yet, but can be downloaded", f"ganedit models pull {name}")
    near = did_you_mean(name, [*here, *entries()])
    return UsageError(
        f"there is no model {name}", near if near.startswith("did") else "ganedit models list names them"
    )


def _entry(values: dict[str, Any], licences: dict[str, Licence]) -> Entry:
    """An entry from its TOML table: the URL is `base` + `file`, that of its config `base` + `config`, the
    file in a package `package` + `wheel`.

    `saved_as` is its name in mirrors if another model's URL ends in the same name.
    """
    base, config = values.pop("base", ""), values.pop("config", "")
    values["wheel"] = values.pop("package", "") + values.get("wheel", "")
    values["licence"] = licences[values["licence"]]
    if base:
        values["url"] = base + values["file"]
        values["config_url"] = base + config if config else ""
    values["file"] = values.pop("saved_as", "") or values.get("file", "").rpartition("/")[2]
    unknown = values.keys() - {f.name for f in fields(Entry)}
    if unknown:
        raise ValueError(f"{PATH.name}: {values['name']} has the unknown field {', '.join(unknown)}")
    return Entry(**values)
