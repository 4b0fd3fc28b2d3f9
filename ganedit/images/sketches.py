"""Finds the face in a drawing, for models that draw faces from sketches.

Such a model learned from drawings of aligned crops. People draw a whole head, small, with paper around it.
dlib's detector and its landmarks, made for photos, work on line drawings as well.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ganedit.errors import NoFaceError
from ganedit.images.align import TEMPLATES, AlignedFace, align_faces
from ganedit.images.edges import clean_sketch, on_paper
from ganedit.images.face_by_face import FINEST, cut_again, is_whole, side_of
from ganedit.images.io import Photo
from ganedit.images.pixels import to_depth

LOG = logging.getLogger(__name__)


def fit_sketch(sketch: Photo, template: str) -> Photo:
    """Cut the largest face out of a drawing, upright and as a template has it, on paper of its colour.

    A drawing whose face lies where the template has it stays as it is. So does one without a face that is
    recognised, and a warning says so.

    Args:
        sketch: A drawing as `clean_sketch` takes it.
        template: A name in `ganedit.images.align.TEMPLATES`.

    Examples:
        >>> portrait = ganedit.read_image("examples/portrait.png")
        >>> drawing = ganedit.Photo(ganedit.draw_edges(portrait.pixels))
        >>> fit_sketch(drawing, "close-up").pixels.shape
        (217, 217, 3)
    """
    page = to_depth(sketch.pixels, np.uint8)
    if sketch.alpha is not None:
        page = on_paper(page, to_depth(sketch.alpha, np.uint8))
    face = _face(page, template)
    if face is None:
        LOG.warning(
            f"{sketch.path.name if sketch.path else 'the drawing'} shows no face that can be recognised: "
            "all of it is taken for the face"
        )
        return sketch
    if is_whole(face, sketch):
        return sketch
    return replace(sketch, pixels=_cut_out(page, face), alpha=None, icc=None, lost=None)


def _face(page: np.ndarray, template: str) -> AlignedFace | None:
    """The largest face of a drawing: as it is, else redrawn, which makes faint and light lines black."""
    for drawing in _versions(page):
        try:
            ((_, face),) = align_faces(drawing, template=TEMPLATES[template])
        except NoFaceError:
            continue
        return face
    return None


def _versions(page: np.ndarray) -> Iterator[np.ndarray]:
    yield page
    yield clean_sketch(page)  # only made if it is needed


def _cut_out(page: np.ndarray, face: AlignedFace) -> np.ndarray:
    """The crop of a face at the resolution of the page, with paper beyond its edges."""
    side = max(side_of(face), 1)
    paper = np.median(page, axis=(0, 1)).astype(np.uint8)
    padded = np.empty((page.shape[0] + 2 * side, page.shape[1] + 2 * side, 3), np.uint8)
    padded[:] = paper
    padded[side:-side, side:-side] = page
    moved = replace(face, affine=face.affine + np.array([0, 0, side]))
    return cut_again(padded, moved, min(side, FINEST)).crop
