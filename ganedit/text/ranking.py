"""Sorts images by how well they match a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganedit.images.align import TEMPLATES, align_faces, center_crop
from ganedit.images.face_by_face import is_crop
from ganedit.images.io import Photo
from ganedit.images.tensors import to_tensor
from ganedit.text.guidance import Wish, text_features

if TYPE_CHECKING:
    from ganedit.store.models import Clip


def similarity(
    photo: Photo, clip: Clip, text: str, *, neutral: str | None = None, aligned: bool = False
) -> float:
    """How well an image matches a text: the cosine of their CLIP features.

    A model of faces uses the largest face, aligned as the model expects; square images that ganedit drew or
    aligned are taken as they are.

    Args:
        photo: A photo from `read_image`.
        clip: The CLIP model.
        text: A text, such as "a smiling face".
        neutral: Text whose similarity is subtracted, such as "a face".
        aligned: The image is an aligned crop.

    Returns:
        A number from -1 to 1; with `neutral`, a difference of such numbers.

    Raises:
        InputError: No face is found.
    """
    template = TEMPLATES.get(clip.card.template)
    if template is None or aligned or is_crop(photo, clip.card.template):
        pixels = center_crop(photo.pixels, max(clip.size, 1)).crop
    else:
        ((_, face),) = align_faces(photo.pixels, size=clip.size, template=template, face="largest")
        pixels = face.crop
    return float(clip.images(to_tensor(pixels))[0] @ text_features(clip, Wish(text, neutral)))


def rank(
    photos: list[Photo], clip: Clip, text: str, *, neutral: str | None = None, aligned: bool = False
) -> list[tuple[Photo, float]]:
    """Sort photos by how well they fit a text.

    Args:
        photos: Photos from `read_image`. A CLIP model of faces looks at the largest face of each.
        clip: The CLIP model (Radford et al., arXiv:2103.00020).
        text: The text, such as "a smiling face".
        neutral: A text whose fit is subtracted, such as "a face"; None for none.
        aligned: The photos are aligned crops already.

    Returns:
        Pairs of a photo and its similarity (a cosine, -1 to 1), best first.

    Raises:
        InputError: A photo without a face, for a model of faces, or an empty text.

    Examples:
        >>> clip = ganedit.load("clip-faces")
        >>> photo = ganedit.read_image("examples/portrait.png")
        >>> ((best, score),) = ganedit.rank([photo], clip, "a smiling face")
        >>> best is photo, -1 <= score <= 1
        (True, True)
    """
    scored = [(photo, similarity(photo, clip, text, neutral=neutral, aligned=aligned)) for photo in photos]
    return sorted(scored, key=lambda one: -one[1])
