"""Data of `train adapt`: a source with labels, a target, and what is kept for testing."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from ganedit.data.blending import blend
from ganedit.data.files import open_source
from ganedit.data.images import ImageSet, load_images
from ganedit.data.labels import label_columns
from ganedit.errors import InputError
from ganedit.train.options.adaptation import AdaptOptions
from ganedit.train.sources import Note, OnLoad, note_skipped
from ganedit.train.translation import two_sources

PARTS = "train", "test"  # folders of a set that is in two parts


@dataclass(frozen=True)
class AdaptData:
    """Images of both domains; the tests are None where a set has no such part, or no labels."""

    source: ImageSet
    target: ImageSet
    source_test: ImageSet | None
    target_test: ImageSet | None


def load_adaptation(options: AdaptOptions, note: Note, on_load: OnLoad | None = None) -> AdaptData:
    """Load source and target.

    Raises:
        UsageError: There are not two.
        InputError: The source has no classes, the target other ones, or as in `load_images`.
    """
    both = two_sources(options, "the source, then the target")
    source, target = (_parts(Path(one)) for one in both)
    tests: list[ImageSet | None] = []
    train: list[ImageSet] = []
    for parts, most, labelled in (
        (source, options.limit_source, True),
        (target, options.limit_target, _has(target[-1], options.label)),
    ):
        sets = [_load(part, options, note, on_load, labelled=labelled) for part in parts]
        train.append(_some(sets[0], most, options.seed))
        tests.append(sets[1] if len(sets) > 1 and labelled else None)
    classes = train[0].class_names
    for other in (train[1], *(one for one in tests if one is not None)):
        if other.labels is not None and other.class_names != classes:
            raise InputError(
                f"the target has the classes {', '.join(other.class_names)}, the source {', '.join(classes)}"
            )
    if options.blend:
        photos = Path(options.blend)
        train[1] = blend(train[1], photos, seed=options.seed)
        tests[1] = None if tests[1] is None else blend(tests[1], photos, seed=options.seed + 1)
    if tests[1] is None:
        note(f"{options.data[1]} has no labelled part for testing: its accuracy is not measured")
    return AdaptData(train[0], train[1], tests[0], tests[1])


def _parts(source: Path) -> list[Path]:
    """The parts for training and testing of a set, or all of it."""
    with ExitStack() as stack:
        names, _ = open_source(source, stack)
    tops = {PurePosixPath(name).parts[0] for name in names}
    return [source / part for part in PARTS] if set(PARTS) <= tops else [source]


def _has(source: Path, column: str) -> bool:
    """Whether a set has labels in this column."""
    try:
        return column in label_columns(source)
    except InputError:  # no labels at all
        return False


def _load(
    source: Path, options: AdaptOptions, note: Note, on_load: OnLoad | None, *, labelled: bool
) -> ImageSet:
    data = load_images(
        source, resolution=options.size, label_column=options.label if labelled else None, progress=on_load
    )
    note_skipped(data.skipped, note)
    return data


def _some(data: ImageSet, most: int, seed: int) -> ImageSet:
    """At most so many images, chosen at random."""
    if not most or most >= len(data):
        return data
    rows = torch.from_numpy(np.sort(np.random.default_rng(seed).permutation(len(data))[:most]))
    labels = None if data.labels is None else data.labels[rows]
    return replace(data, images=data.images[rows], names=[data.names[i] for i in rows], labels=labels)
