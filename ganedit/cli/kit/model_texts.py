"""Texts about models: a line of the list, a card, a licence."""

from __future__ import annotations

from typing import Any

from ganedit.store.cards import ModelCard
from ganedit.store.downloads.catalogue import Entry
from ganedit.store.downloads.published import PublishedDirection


def listed(about: ModelCard | Entry, megabytes: int, state: str, path: str) -> tuple[str, dict[str, Any]]:
    """A line of `ganedit models list`, and the same for --json."""
    licence = about.licence if isinstance(about, ModelCard) else about.licence.name
    data = {
        "name": about.name,
        "task": about.task,
        "resolution": about.resolution,
        "megabytes": megabytes,
        "state": state,
        "licence": licence,
        "path": path,
    }
    pixels = f"{about.resolution} px" if about.resolution else ""
    size = f"{megabytes:,} MB" if megabytes else ""
    line = f"{about.name:<32} {about.task:<12} {pixels:>7} {size:>9}  {state:<8} {licence or path}"
    return line.rstrip(), data


def describe(card: ModelCard) -> str:
    """A card as aligned lines, without unknown values."""
    lines = {
        "name": card.name,
        "task": card.task,
        "architecture": card.architecture,
        "config": ", ".join(f"{k} {_plain(v)}" for k, v in card.config.items()),
        "resolution": f"{card.resolution} px" if card.resolution else "",
        "value range": f"{card.value_range[0]:g} to {card.value_range[1]:g}",
        "template": card.template,
        "data": card.data,
        "source": card.source,
        "licence": card.licence,
        "terms": card.terms,
        "notes": card.notes,
        "sha256": card.sha256,
        "discriminator": "included" if card.discriminator else "",
        "details": ", ".join(f"{k} {_plain(v)}" for k, v in card.details.items()),
    }
    text = [_aligned(lines)]
    for metric in card.metrics:
        text.append(f"{'metric':<14} {metric.name}: {metric.value}")
        if metric.command:
            text.append(f"{'':<14}   measured by {metric.command}")
    return "\n".join(text)


def describe_entry(entry: Entry) -> str:
    """A model that can be downloaded, as aligned lines."""
    if entry.open_clip:
        source = f"ganedit models pull {entry.name}, through open_clip ({entry.open_clip})"
    elif entry.manual:
        source = (
            f"in a browser: {entry.manual}; save it as {entry.file}, then "
            f"ganedit models pull {entry.name} --mirror FOLDER"
        )
    else:
        source = f"ganedit models pull {entry.name}"
    if entry.size:
        size = f"{entry.size:,} bytes"
    else:
        size = f"about {entry.megabytes:,} MB" if entry.megabytes else ""
    lines = {
        "name": entry.name,
        "task": entry.task,
        "family": entry.family,
        "resolution": f"{entry.resolution} px" if entry.resolution else "",
        "template": entry.template,
        "data": entry.data,
        "note": entry.note,
        "licence": f"{entry.licence.name} ({entry.licence.url})",
        "terms": entry.licence.terms,
        "source": entry.source,
        "file": entry.file,
        "url": entry.url,
        "size": size,
        "sha256": entry.sha256 or "recorded at the first download",
        "get it": source,
    }
    return _aligned(lines)


def describe_licence(entry: Entry | PublishedDirection) -> str:
    """What a user should know before a download."""
    return f"{entry.name} is under: {entry.licence.name}, {entry.licence.url}\n  {entry.licence.terms}"


def _aligned(lines: dict[str, str]) -> str:
    return "\n".join(f"{key:<14} {value}" for key, value in lines.items() if value)


def _plain(value: Any) -> str:
    return "/".join(str(v) for v in value) if isinstance(value, list | tuple) else str(value)
