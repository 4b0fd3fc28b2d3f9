"""`ganedit project`: find the latent codes of photos."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.destination import Destination
from ganedit.cli.kit.options import Aligned, Face, Method, Model, OutputFolder, Photos, Space, check_face
from ganedit.cli.kit.project_photos import ProjectPhotos
from ganedit.cli.kit.projecting import Latest, Projector, projection_request
from ganedit.errors import UsageError
from ganedit.files import IMAGE_SUFFIXES


class Perceptual(StrEnum):
    """Perceptual loss."""

    discriminator = "discriminator"
    lpips = "lpips"
    pixels = "pixels"
    efficientnet_lite0 = "efficientnet-lite0"
    efficientnet_lite1 = "efficientnet-lite1"
    efficientnet_lite2 = "efficientnet-lite2"


def command(
    console: Console,
    inputs: Photos = None,
    model: Model = "faces",
    method: Annotated[
        Method,
        typer.Option(
            help="encode: quick; hybrid: encode, then optimise; optimize; tune: also tune the generator."
        ),
    ] = Method.HYBRID,
    space: Annotated[
        Space,
        typer.Option(help="Latent space: w+ (a code per layer), w (one for all layers) or z (samples only)."),
    ] = Space.w_plus,
    steps: Annotated[
        int | None, typer.Option(help="Optimisation steps (default: depends on the method).")
    ] = None,
    perceptual: Annotated[Perceptual, typer.Option(help="Perceptual loss.")] = Perceptual.discriminator,
    encoder: Annotated[
        str | None, typer.Option(help="Encoder: a name or a file (default: the generator's own).")
    ] = None,
    face: Face = "largest",
    aligned: Aligned = False,
    batch: Annotated[
        int | None, typer.Option(help="Photos at a time (default: 1 on a CPU, 16 on a GPU).")
    ] = None,
    video: Annotated[bool, typer.Option("--video", help="Also write a film of the optimisation.")] = False,
    output: OutputFolder = Path("."),
) -> None:
    """Project a photo into a generator's latent space.

    Writes NAME.latent.safetensors, which ganedit edit takes, and the image NAME.projected.png drawn from
    it; with --face all also NAME.face2.latent.safetensors and so on, with --video NAME.projection.mp4. Prints
    the paths of the latents. ganedit edit without an input takes the latest projection made in the same
    folder.
    """
    check_face(face)
    if batch is not None and batch < 1:
        raise UsageError(f"--batch {batch} must be at least 1")
    if video and method is Method.ENCODE:
        raise UsageError("--video shows an optimisation, and --method encode has none", "drop one of them")
    destination = Destination(output, (".png",))
    destination.check_inputs(console, inputs, IMAGE_SUFFIXES)
    if face == "all":
        destination.check_count(2, "faces or more")
    from ganedit.latent.inversion.project import ProjectOptions
    from ganedit.store.load import checksum_of

    options = ProjectOptions(
        method.value, space.value, steps, perceptual=perceptual.value, seed=console.options.seed
    )
    helper = None if encoder is None else checksum_of(encoder)
    request = projection_request(console, checksum_of(model), helper, options, aligned)

    def prepare(latest: Latest) -> Projector:
        return Projector.open(console, model, options, encoder, latest)

    ProjectPhotos(console, prepare, request, destination, face, aligned, video, batch).run(inputs)
