"""`ganedit classify`: what classifiers see in images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.batch import run_batch
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_classifier
from ganedit.cli.kit.options import Aligned, Face, check_face

if TYPE_CHECKING:
    from ganedit.store.models import Classifier


def command(
    console: Console,
    model: Annotated[str, typer.Argument(help="Classifier: a name, a folder or a file.")],
    inputs: Annotated[list[str] | None, typer.Argument(help="Images, or folders of images.")] = None,
    face: Face = "largest",
    aligned: Aligned = False,
) -> None:
    """Classify images: print the class and its probability, or each attribute.

    Classifiers of faces look at the largest face of a photo, cut out as they know it.
    """
    check_face(face)
    classifier = open_classifier(console, model)

    def work(path: Path) -> tuple[()]:
        from ganedit.images.classifying import classify
        from ganedit.images.io import read_image

        for number, found in classify(read_image(path), classifier, face=face, aligned=aligned):
            name = str(path) if number in (0, 1) else f"{path}, face {number}"
            told: dict[str, Any] = {"path": str(path), "face": number or None, "found": found}
            if classifier.classes:
                best = told["class"] = max(found, key=found.__getitem__)
                console.answer(f"{name}\t{best}\t{found[best]:.3f}", told)
            else:
                console.answer("\n".join([name, *_attributes(found, classifier)]), told)
        return ()

    run_batch(console, inputs, work)


def _attributes(found: dict[str, float], classifier: Classifier) -> Iterator[str]:
    meanings = classifier.card.details.get("meanings", {})
    for attribute, value in found.items():
        likely = attribute in classifier.network.cfg.binary
        meaning = f"  ({meanings[attribute]})" if likely and attribute in meanings else ""
        yield f"  {attribute:<12} {value:.1%}{meaning}" if likely else f"  {attribute:<12} {value:.1f}"
