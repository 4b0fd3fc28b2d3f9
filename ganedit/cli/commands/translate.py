"""`ganedit translate`: translate pictures of one kind into pictures of another."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_model
from ganedit.cli.kit.options import Aligned, Face, NoMetadata, OutputFolder, Pictures, check_face
from ganedit.cli.kit.pictures import PictureJob, Size, Tile, Work
from ganedit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ganedit.images.io import Photo
    from ganedit.images.labels import LabelMap, Palette
    from ganedit.images.tiles import Progress
    from ganedit.store.models import Translator


class Direction(StrEnum):
    """Direction of a model that knows both."""

    ab = "ab"
    ba = "ba"


def command(
    console: Console,
    inputs: Pictures = None,
    model: Annotated[str | None, typer.Option(help="Translator: a name or a file.")] = None,
    to: Annotated[str | None, typer.Option(help="Labels to aim at, such as blond,young or 1,4.")] = None,
    direction: Annotated[Direction, typer.Option(help="Direction of two-way models.")] = Direction.ab,
    style: Annotated[
        Path | None, typer.Option(help="Image whose style to take, for models with styles.")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Style encoder: a name or a file (default: the model's own).")
    ] = None,
    palette: Annotated[
        Path | None,
        typer.Option(help="Palette of the label maps: a file with a line R G B NAME per label."),
    ] = None,
    size: Size = None,
    tile: Tile = None,
    face: Face = "largest",
    aligned: Aligned = False,
    suffix: Annotated[
        str, typer.Option(help="Suffix of the results; .zebra.png also sets the format.")
    ] = ".translated",
    output: OutputFolder = Path("."),
    no_metadata: NoMetadata = False,
) -> None:
    """Turn images and films into others: horses into zebras, sketches into faces, maps into photos.

    Writes NAME.translated.EXT in the input's format, or PNG if ganedit cannot write it; films become
    MP4 with their sound, and animated GIF, WebP and PNG files keep their format. Models that draw from
    label maps take PNGs with indexed colours. Models of faces change the face of a photo, and leave the rest
    as it is.
    """
    if model is None:
        raise UsageError("no --model was given", _choices())
    from ganedit.images.io import read_image
    from ganedit.images.labels import read_label_map, read_palette
    from ganedit.images.sizes import check_size, shape_of
    from ganedit.images.targets import style_encoder, style_of, target_of
    from ganedit.images.tiles import check_tile
    from ganedit.images.translation import (
        batch_size,
        fits_sketches,
        takes_faces,
        takes_labels,
        translate,
        translate_all,
    )

    name = model
    if encoder is not None and style is None:
        raise UsageError(
            "--encoder reads a style, and --style was not given", "add --style IMAGE, or drop it"
        )
    check_face(face)
    check_size(size)
    check_tile(tile)

    def prepare() -> Work:
        translator: Translator = open_model(console, name, "translate")
        maps = takes_labels(translator)
        if palette is not None and not maps:
            raise UsageError(f"--palette is for label maps, and {name} takes photos", "leave it out")
        options: dict[str, Any] = {"direction": direction.value, "size": size, "tile": tile}
        if to is not None or translator.labels:
            options["label"] = target_of(translator, [] if to is None else to.split(","))
        if style is not None:
            options["style"] = style_of(read_image(style), style_encoder(translator, encoder))
        given, own = None if palette is None else read_palette(palette), _own_palette(translator)

        def read_map(path: Path) -> LabelMap:
            return read_label_map(path, given, otherwise=own)

        faces = takes_faces(translator) and not aligned
        alone = faces or (fits_sketches(translator) and not aligned)  # each has its own face; no batches

        def change(pictures: Sequence[Any], progress: Progress) -> list[Photo]:
            if not alone:
                return translate_all(pictures, translator, **options, progress=progress)
            return [translate(one, translator, **options, face=face, progress=progress) for one in pictures]

        def together(picture: Any) -> int:
            return batch_size(translator, shape_of(picture), size)

        return Work(
            translator, change, read_map if maps else read_image,
            films=not maps, composite=faces, together=None if alone else together,
        )  # fmt: skip

    files = {"style": style, "palette": palette}
    PictureJob(
        console, "translate", name, suffix, output, prepare,
        parameters={
            "to": to, "direction": direction.value, **files, "encoder": encoder,
            "size": size, "tile": tile, "face": face, "aligned": aligned,
        },
        films=True,
        metadata=not no_metadata,
        depends=lambda path: {role: file for role, file in files.items() if file is not None},
    ).run(inputs)  # fmt: skip


def _own_palette(model: Translator) -> Palette | None:
    import numpy as np

    from ganedit.images.labels import Palette

    colours = model.card.details.get("palette")
    return Palette(np.array(colours, np.uint8)) if colours else None


def _choices() -> str:
    """A hint with the translators that are installed."""
    from ganedit.store import registry

    cards = [registry.card(name) for name in registry.names()]
    names = [c.name for c in cards if c.task == "translator" and "use" not in c.details]
    return f"choose {', '.join(names)}, or a file" if names else "name a file; ganedit models list"
