"""Loads the data for a recipe's options, and reports skipped files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ganedit.data.images import ImageSet, load_images
from ganedit.data.label_maps import Labels, load_maps
from ganedit.data.labels import unused_labels
from ganedit.data.pictures import Pictures
from ganedit.errors import UsageError
from ganedit.train.options.base import LoopOptions
from ganedit.train.options.label_maps import LabelMapOptions

Note = Callable[[str], None]  # shows a message
OnLoad = Callable[[int, int], None]  # files decoded, total files
SKIPPED_NAMED = 5  # damaged files that are named one by one


def load_set(options: LoopOptions, note: Note, on_load: OnLoad | None, **settings: Any) -> ImageSet:
    """Load the single data set of a recipe by `data.images.load_images`, and report skipped files."""
    if len(options.data) != 1:
        raise UsageError(f"this recipe takes one folder or zip of images, not {len(options.data)}")
    data = load_images(Path(options.data[0]), limit=options.limit or None, progress=on_load, **settings)
    note_skipped(data.skipped, note)
    unasked = "label_column" in settings and not settings["label_column"]
    if unasked and (found := unused_labels(Path(options.data[0]))):
        note(f"{options.data[0]} has labels ({found}), which are not used without `label`")
    return data


def labels_of(options: LabelMapOptions) -> Labels:
    """The meaning of the labels, according to the options."""
    maps = Path(options.data[0]) if options.data else None
    return Labels.of(options.labels, options.palette, maps).with_dont_care(options.dont_care)


def load_labelled(
    options: LabelMapOptions, labels: Labels, note: Note, on_load: OnLoad | None = None
) -> Pictures:
    """Load the maps and photos in the options by `load_maps`, and report skipped files."""
    data = load_maps(
        [Path(one) for one in options.data],
        labels=labels.count,
        size=options.size,
        load_size=options.squeeze,
        limit=options.limit or None,
        palette=labels.palette,
        edges=options.edges,
        instances=Path(options.instances) if options.instances else None,
        dont_care=labels.dont_care,
        progress=on_load,
    )
    note_skipped(data.skipped, note)
    return data


def note_skipped(skipped: Sequence[tuple[str, str]], note: Note) -> None:
    """Report files that could not be decoded."""
    for name, reason in skipped[:SKIPPED_NAMED]:
        note(f"skipped {name}: {reason}")
    if len(skipped) > SKIPPED_NAMED:
        note(f"skipped {len(skipped) - SKIPPED_NAMED} more")
