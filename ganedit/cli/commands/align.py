"""`ganedit align`: cut faces out of photos, upright and at one size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ganedit.cli.kit.batch import run_batch
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.destination import Destination
from ganedit.cli.kit.done import is_done, wants
from ganedit.cli.kit.options import TEMPLATE_NAMES, Face, OutputFolder, Photos, check_face
from ganedit.cli.kit.outputs import face_stem
from ganedit.cli.kit.results import Result
from ganedit.errors import UsageError, did_you_mean
from ganedit.files import IMAGE_SUFFIXES, sha256_file

DETAILS = ("affine", "size", "template", "face")


def command(
    console: Console,
    inputs: Photos = None,
    output: OutputFolder = Path("."),
    like: Annotated[str | None, typer.Option(help="Use this model's alignment template and size.")] = None,
    template: Annotated[
        str | None, typer.Option(help="Alignment template: ffhq (head and shoulders) or close-up (face).")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side of the crops in pixels (default: 256).")] = None,
    face: Face = "largest",
    landmarks: Annotated[
        Path | None, typer.Option(help="JSON file of 68 points [x, y], instead of face detection.")
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="Least detection score; lower values find fainter faces.")
    ] = 0.0,
) -> None:
    """Crop faces from photos by the FFHQ recipe.

    Writes NAME.aligned.png, or with --face all NAME.aligned.png, NAME.face2.aligned.png and so on. The
    position of each crop in its photo is stored in its provenance, and shown by --json.
    """
    check_face(face)
    if not math.isfinite(threshold):
        raise UsageError(f"--threshold {threshold} is not a finite number", "choose -1 to 1")
    name, side = _template_and_size(console, like, template, size)
    if landmarks is not None and inputs is not None and len(inputs) != 1:
        raise UsageError("--landmarks belongs to one photo", "name one photo, or drop --landmarks")

    destination = Destination(output)
    destination.check_inputs(console, inputs, IMAGE_SUFFIXES)
    if face == "all":
        destination.check_count(2, "faces or more")

    request = {
        "template": name or None, "size": side, "threshold": threshold,
        "landmarks": sha256_file(landmarks) if landmarks and landmarks.is_file() else None,
    }  # fmt: skip

    def target_of(path: Path, number: int) -> Path:
        stem = face_stem(console.stem_of(path), number)
        return destination.path(path, f"{stem}.aligned.png")

    def work(path: Path) -> Iterator[Result]:
        from ganedit.images.align import TEMPLATES, align_faces
        from ganedit.images.faces import load_landmarks
        from ganedit.images.io import Photo, read_image, write_image

        def wanted(number: int) -> bool:
            target = target_of(path, number)
            return wants(console, target, lambda: is_done(target, request, lambda _: sha256_file(path)))

        alone = None if face == "all" and name else int(face) if face.isdecimal() and name else 1
        if alone is not None and not wanted(alone):  # known before the face is searched
            yield Result(target_of(path, alone), _details_in(target_of(path, alone)))
            return
        photo = read_image(path)
        given = None if landmarks is None else load_landmarks(landmarks)
        shows = TEMPLATES.get(name)
        for number, aligned in align_faces(
            photo.pixels, size=side, template=shows, face=face, threshold=threshold, faces=given
        ):
            target = target_of(path, number)
            place = (aligned.affine.tolist(), side, name or None, number)
            details = dict(zip(DETAILS, place, strict=True))
            if alone is not None or wanted(number):
                asked = request | {"inputs": {path.name: photo.sha256}}
                parameters = {**details, "source_sha256": photo.sha256, "request": asked}
                record = console.provenance("align", parameters, source=path)
                write_image(
                    target, aligned.crop, like=Photo(aligned.crop, grey=photo.grey), provenance=record
                )
            yield Result(target, details)

    run_batch(console, inputs, work)


def _details_in(crop: Path) -> dict[str, Any]:
    """The details of a crop that is there already, from its record."""
    from ganedit.images.io import read_provenance

    parameters = (read_provenance(crop) or {}).get("parameters", {})
    return {key: parameters[key] for key in DETAILS if key in parameters}


def _template_and_size(
    console: Console, like: str | None, template: str | None, size: int | None
) -> tuple[str, int]:
    """The template's name, which is empty for a crop from the middle, and the side of the crop."""
    if size is not None and not 16 <= size <= 8192:
        raise UsageError(f"--size {size} must be between 16 and 8192")
    if template is not None and template not in TEMPLATE_NAMES:
        raise UsageError(f"there is no template {template}", did_you_mean(template, TEMPLATE_NAMES))
    if like is None:
        return template or "ffhq", size or 256
    if template is not None:
        raise UsageError("--like and --template contradict each other", "drop one of them")
    from ganedit.store import registry

    card = registry.card(like) if registry.find(like) else console.load(like).card
    return card.template, size or card.resolution
