"""From photographs to latents, and back to the photograph that a latent was made from."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganedit.errors import GaneditError, InputError
from ganedit.images.align import align_faces, center_crop, template_of
from ganedit.images.io import Photo, as_photo, list_images, read_image
from ganedit.images.tensors import to_tensor
from ganedit.latent.latent import Latent
from ganedit.store.models.base import check_model

if TYPE_CHECKING:
    from ganedit.latent.inversion.project import Method, OnStep, Projection, ProjectOptions
    from ganedit.store.models import Encoder, Generator

Watch = Callable[[str, int], AbstractContextManager[Callable[[int, int], None]]]
OnSkip = Callable[[Path, GaneditError], None]  # a photo that cannot be used


@dataclass(frozen=True, eq=False)
class Crop:
    """The part of a photo to project, and its position.

    Attributes:
        pixels: [R, R, 3] uint8, at the generator's resolution.
        number: Number of the face in its photo, from 1 (the largest).
        affine: [2, 3], from continuous positions in the crop to positions in `source`.
        source: The photo's path, absolute; empty if it was not read from a file.
        source_sha256: Checksum of the photo's file.
        template: Alignment of the crop; empty if none.
    """

    pixels: np.ndarray
    number: int
    affine: np.ndarray
    source: str
    source_sha256: str
    template: str


def crops_of(
    photo: Photo, generator: Generator, *, face: str | int = "largest", aligned: bool = False
) -> list[Crop]:
    """Cut out of a photo what a generator can draw: faces, aligned as its card says, or the middle.

    Args:
        photo: A photo from `read_image`.
        generator: Its card names the template; its resolution is the size.
        face: "largest", "all", or N for the N-th largest.
        aligned: The photo is such a crop already. If `ganedit align` made it, the latent refers to the
            whole photo, so that edits can be pasted into it.

    Raises:
        InputError: no such face, or `aligned` but not square or aligned for another kind of model.
        CheckpointError: the card names an unknown template.
    """
    template, size = generator.card.template, generator.resolution
    wanted = template_of(generator.card)
    if aligned:
        return [_aligned_crop(photo, template, size)]
    faces = align_faces(photo, size=size, template=wanted, face=face)
    source = str(photo.path.absolute()) if photo.path else ""
    return [Crop(one.crop, n, one.affine, source, photo.sha256, template) for n, one in faces]


def _aligned_crop(photo: Photo, template: str, size: int) -> Crop:
    height, width = photo.pixels.shape[:2]
    if height != width:
        raise InputError(
            f"{photo.path or 'the picture'} is {width}x{height}; aligned crops are square",
            "leave out `aligned` to find the face in it",
        )
    whole = center_crop(photo.pixels, size)
    source = str(photo.path.absolute()) if photo.path else ""
    record = photo.provenance or {}
    made = record.get("parameters", {}) if record.get("command") == "align" else {}
    if not made.get("affine") or not made.get("source_sha256"):
        return Crop(whole.crop, 1, whole.affine, source, photo.sha256, template)
    if (shown := made.get("template") or "") != template:
        raise InputError(
            f"{photo.path} is aligned as {shown or 'plain'}, the model wants {template or 'plain'} crops",
            "align it again with ganedit align --like MODEL",
        )
    square = np.vstack([whole.affine, [0, 0, 1]])
    affine = np.asarray(made["affine"], float) @ square
    source = str(Path(record.get("source", "")).absolute())
    return Crop(whole.crop, 1, affine, source, made["source_sha256"], template)


def latent_of(crop: Crop, projection: Projection, generator: Generator, options: ProjectOptions) -> Latent:
    """The latent of a projection, with its origin."""
    return Latent(
        projection.ws.detach().float().cpu(),
        **generator.identity,
        space=options.space,
        affine=crop.affine,
        source=crop.source,
        source_sha256=crop.source_sha256,
        template=crop.template,
        losses=projection.losses,
        noise={k: v.detach().cpu() for k, v in projection.noise.items()},
        tuned={k: v.detach().cpu() for k, v in projection.tuned.items()},
    )


def project_crops(
    crops: list[Crop],
    generator: Generator,
    options: ProjectOptions,
    *,
    encoder: Encoder | None = None,
    on_step: OnStep | None = None,
) -> list[tuple[Latent, Projection]]:
    """Project several crops at once; see `latent.inversion.project.project`."""
    import torch

    from ganedit.latent.inversion.project import project

    images = torch.cat([to_tensor(crop.pixels) for crop in crops])
    projections = project(generator, images, options, encoder=encoder, on_step=on_step)
    return [(latent_of(c, p, generator, options), p) for c, p in zip(crops, projections, strict=True)]


def project_photo(
    photo: Photo | np.ndarray | str | Path,
    generator: Generator,
    options: ProjectOptions | Method | None = None,
    *,
    encoder: Encoder | None = None,
    face: str | int = "largest",
    aligned: bool = False,
) -> list[Latent]:
    """Find the latents with which a generator draws the faces of a photo.

    For a generator of something other than faces, the middle of the photo is projected. The methods are an
    encoder in the manner of e4e (Tov et al., arXiv:2102.02766), the projector of StyleGAN2 (Karras et al.,
    arXiv:1912.04958, appendix D), both, and pivotal tuning (Roich et al., arXiv:2106.05744).

    Args:
        photo: A photo, the path of one, or pixels [H, W, 3].
        generator: The generator, which needs a style space.
        options: Method, space and number of steps, or the method alone; None takes the defaults: the code of
            the encoder, optimised.
        encoder: The encoder; None takes the installed one that was trained for this generator.
        face: "largest", "all", or N for the N-th largest.
        aligned: The photo is a square crop that is aligned already.

    Returns:
        A latent for each face, which also knows where the face lies in the photo.

    Raises:
        InputError: The file is not an image, or has no such face.
        MissingError: The method needs an encoder, and there is none for this generator.
        CheckpointError: The generator has no style space.

    Examples:
        >>> (latent,) = ganedit.project("examples/portrait.png", ganedit.load("faces"), "encode")
        >>> latent.model
        'faces'
    """
    from ganedit.latent.inversion.project import ProjectOptions
    from ganedit.store.load import encoder_for

    check_model(generator)
    options = ProjectOptions(options) if isinstance(options, str) else options or ProjectOptions()
    if encoder is None and options.method != "optimize":
        encoder = encoder_for(generator)
    photo = as_photo(photo)
    crops = crops_of(photo, generator, face=face, aligned=aligned)
    return [latent for latent, _ in project_crops(crops, generator, options, encoder=encoder)]


def project_folder(
    folder: Path,
    generator: Generator,
    options: ProjectOptions | None = None,
    *,
    encoder: Encoder | None = None,
    on_skip: OnSkip | None = None,
    watch: Watch | None = None,
) -> list[Latent]:
    """The latents of all photos in a folder whose largest face can be projected.

    Args:
        folder: The folder.
        generator, options, encoder: As for `project_photo`.
        on_skip: Called with each photo that cannot be used, and the error.
        watch: `watch(title, total)` is entered around the work and gives its progress callback.

    Raises:
        InputError: None of the photos can be used.
    """
    paths = list_images(folder)
    watch = watch or (lambda title, total: nullcontext(lambda done, of: None))
    latents = []
    with watch(f"projecting {folder}", len(paths)) as progress:
        for done, path in enumerate(paths, 1):
            try:
                latents += project_photo(path, generator, options, encoder=encoder)
            except InputError as error:
                if on_skip:
                    on_skip(path, error)
            progress(done, len(paths))
    if not latents:
        raise InputError(f"no photo in {folder} could be used", "see the message for each of them")
    return latents


def find_photo(latent: Latent, *, beside: Path | None = None, given: Path | None = None) -> Photo:
    """Open the photo that a latent was made from.

    It is searched at its old path, then by its name next to the latent file and in the current folder.

    Args:
        latent: Stores the photo's path and checksum.
        beside: The latent file.
        given: Path of the photo; no other is tried.

    Raises:
        InputError: the latent has no photo, or the photo was moved or changed.
    """
    if not latent.source_sha256 or latent.affine is None:
        raise InputError(
            "the latent was not made from a photo, so that there is nothing to paste into",
            "leave out `paste`",
        )
    places = [given] if given else [Path(latent.source), *_other_places(latent, beside)]
    changed = None
    for place in places:
        if place.is_file():
            photo = read_image(place)
            if photo.sha256 == latent.source_sha256:
                return photo
            changed = changed or place
    if changed is not None:
        raise InputError(
            f"{changed} is not, or no longer, the photo that was projected: its sha256 differs",
            "project it again, or name the original with `photo`",
        )
    raise InputError(f"the photo {places[0]} is no longer there", "say where it is now with `photo`")


def _other_places(latent: Latent, beside: Path | None) -> list[Path]:
    name = Path(latent.source).name
    return [folder / name for folder in ([beside.parent] if beside else []) + [Path()] if name]
