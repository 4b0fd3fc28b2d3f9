"""`ganedit draw`: draw outlines and label maps, which are the input of some translators."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.batch import run_batch
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.destination import Destination
from ganedit.cli.kit.options import TEMPLATE_NAMES, Face, OutputFolder, Photos, check_face
from ganedit.cli.kit.outputs import check_folder
from ganedit.cli.kit.results import Result
from ganedit.errors import UsageError, did_you_mean
from ganedit.files import IMAGE_SUFFIXES, same_file

if TYPE_CHECKING:
    import numpy as np

    from ganedit.images.io import Photo

Shape = tuple[int, int]  # height, width
Drawings = Annotated[
    list[str] | None, typer.Argument(help="Drawings, folders, globs, or - for paths on standard input.")
]
Pairs = Annotated[
    bool, typer.Option("--pairs", help="Write drawing and photo side by side, for ganedit train pix2pix.")
]
Size = Annotated[
    int | None, typer.Option(help="Shorter side of the results in pixels (default: the photo's own).")
]

Suffix = Annotated[str | None, typer.Option(help="Suffix of the results; empty: the photos' names.")]


def edges(
    console: Console,
    inputs: Photos = None,
    output: OutputFolder = Path("."),
    pairs: Pairs = False,
    size: Size = None,
    suffix: Suffix = None,
) -> None:
    """Draw the outlines of photos: few, thick, connected, dark lines on white.

    Writes NAME.edges.png, or with --pairs NAME.pair.png. The width of lines is relative to the size of the
    image, so that drawings of whole scenes show little of the faces in them: see ganedit align.
    """

    def draw(photo: Photo, shape: Shape) -> np.ndarray:
        from ganedit.images.edges import draw_edges

        return draw_edges(photo.pixels, shape)

    _run(console, inputs, "edges", draw, output, pairs, size, suffix)


def sketch(
    console: Console,
    inputs: Drawings = None,
    output: OutputFolder = Path("."),
    size: Size = None,
    suffix: Suffix = None,
) -> None:
    """Redraw sketches in the style of `ganedit draw edges`: black lines of one width on white.

    Takes scans and photos of pencil, ink, crayon or chalk on paper of any colour, and drawings on a
    transparent background. Writes NAME.sketch.png.
    """

    def draw(photo: Photo, shape: Shape) -> np.ndarray:
        from ganedit.images.edges import clean_sketch

        return clean_sketch(photo.pixels, photo.alpha, shape)

    _run(console, inputs, "sketch", draw, output, False, size, suffix)


def regions(
    console: Console,
    inputs: Photos = None,
    output: OutputFolder = Path("."),
    pairs: Pairs = False,
    size: Size = None,
    suffix: Suffix = None,
    face: Face = "all",
    template: Annotated[
        str | None,
        typer.Option(help="Take the photos as crops of ganedit align with this template."),
    ] = None,
) -> None:
    """Map the faces in photos: background 0, skin 1, brows 2, eyes 3, nose 4, lips 5.

    Writes NAME.regions.png with indexed colours, or with --pairs NAME.pair.png in RGB. With --template, faces
    are not detected, which is faster, and better for small crops.
    """
    import numpy as np

    check_face(face)
    if template is not None and template not in TEMPLATE_NAMES:
        raise UsageError(f"there is no template {template}", did_you_mean(template, TEMPLATE_NAMES))

    def draw(photo: Photo, shape: Shape) -> np.ndarray:
        from ganedit.images.regions import draw_regions

        scale = np.array(shape[::-1]) / photo.pixels.shape[1::-1]
        faces = _landmarks(photo.pixels, face, template)
        return draw_regions([(points + 0.5) * scale - 0.5 for points in faces], shape)

    _run(console, inputs, "regions", draw, output, pairs, size, suffix)


COMMANDS = {"edges": edges, "regions": regions, "sketch": sketch}


def _run(
    console: Console,
    inputs: list[str] | None,
    use: str,
    draw: Callable[[Photo, Shape], np.ndarray],
    output: Path,
    pairs: bool,
    size: int | None,
    suffix: str | None,
) -> None:
    """Draw every input. `draw` returns [*shape, 3], or a label map of that shape."""
    if size is not None and not 16 <= size <= 8192:
        raise UsageError(f"--size {size} must be between 16 and 8192")
    destination = Destination(output, (".png",))
    destination.check_inputs(console, inputs, IMAGE_SUFFIXES)
    check_folder(destination.folder)
    ending = f".{'pair' if pairs else use}" if suffix is None else suffix.removesuffix(".png")

    def work(path: Path) -> Iterable[Result]:
        from ganedit.images.io import Photo, read_image, write_image
        from ganedit.images.regions import write_regions
        from ganedit.images.sizes import fitted

        target = destination.path(path, f"{console.stem_of(path)}{ending}.png")
        if same_file(target, path):
            raise UsageError(f"{path} would be replaced by its own result", "choose another --suffix, or -o")
        if not console.should_write(target):
            yield Result(target)
            return
        photo = read_image(path)
        shape = photo.pixels.shape[:2] if size is None else fitted(photo.pixels.shape, size)
        drawn = draw(photo, shape)
        details: dict[str, Any] = {"width": drawn.shape[1], "height": drawn.shape[0]}
        parameters = {"size": size, "source_sha256": photo.sha256}
        record = console.provenance(f"draw {use}", parameters, source=path)
        if pairs:
            write_image(target, _pair(drawn, photo.pixels), provenance=record)
        elif drawn.ndim == 2:
            write_regions(target, drawn, record)
        else:
            write_image(target, drawn, like=Photo(drawn, grey=True), provenance=record)
        yield Result(target, details)

    run_batch(console, inputs, work)


def _pair(drawn: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """The drawing, in colours, and the photo resized to it, side by side."""
    import numpy as np

    from ganedit.images.pixels import resize, to_depth
    from ganedit.images.regions import PALETTE

    left = PALETTE.colours[drawn] if drawn.ndim == 2 else drawn
    return np.concatenate([left, resize(to_depth(pixels, np.uint8), left.shape[:2])], axis=1)


def _landmarks(pixels: np.ndarray, face: str, template: str | None) -> list[np.ndarray]:
    """Landmarks [68, 2] of each requested face, the largest last."""
    from ganedit.images.align import TEMPLATES, find_faces, select_faces
    from ganedit.metrics.pose import crop_landmarks

    if template is None:
        return [one.landmarks for one in reversed(select_faces(find_faces(pixels), face))]
    return [crop_landmarks(pixels[None], TEMPLATES[template])[0]]
