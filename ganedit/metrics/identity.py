"""Whether two aligned crops show the same person, by dlib's face recognition network.

The network (a ResNet of 29 layers trained by Davis King on three million faces) maps a face to a point in
128 dimensions where photographs of one person lie within 0.6 of each other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ganedit.images.faces import model_file

if TYPE_CHECKING:
    from ganedit.images.align import Template

SAME_PERSON = 0.6  # distances below count as the same person
CHUNK = 64  # crops that a worker embeds between reports

# Where dlib's detector puts its box on a face, in the FFHQ square: left, top, right, bottom, -1 to 1.
FACE_BOX = (-0.50, -0.315, 0.50, 0.695)


def embed_crops(
    crops: np.ndarray,
    template: Template,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Identity features of aligned crops.

    No detector runs: the template tells where the face is, and five landmarks found there (eye corners and
    the base of the nose) place the 150-pixel chip that the network was trained on. One crop takes about
    90 ms of one CPU core.

    Args:
        crops: uint8 [N, S, S, 3] RGB, aligned by `template`.
        template: Says how much of the FFHQ square the crops show.
        workers: Processes to share the work; dlib computes one face at a time in each.
        progress: Called with (done, total) now and then.

    Returns:
        float64 [N, 128].

    Raises:
        MissingError: dlib or its model files are not installed.
    """
    box = face_box(template, crops.shape[1])
    chunks = [crops[i : i + CHUNK] for i in range(0, len(crops), CHUNK)]
    features = []
    for chunk in _spread(_embed_chunk, chunks, box, workers):
        features.append(chunk)
        if progress:
            progress(sum(map(len, features)), len(crops))
    return np.concatenate(features) if features else np.empty((0, 128))


def identity_distance(features1: np.ndarray, features2: np.ndarray) -> np.ndarray:
    """Euclidean distance between rows of [..., 128]; below 0.6 counts as the same person."""
    return np.linalg.norm(np.asarray(features1) - np.asarray(features2), axis=-1)


def face_box(template: Template, size: int) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) that dlib's detector would give in a crop of `size` pixels."""
    left, top, right, bottom = FACE_BOX
    down = template.shift_down
    edges = (left, top - down, right, bottom - down)
    return tuple(round((edge / template.scale + 1) / 2 * size) for edge in edges)  # type: ignore[return-value]


def _spread(function: Callable, chunks: list, box: tuple[int, int, int, int], workers: int) -> Any:
    """`function(chunk, box)` for each chunk, in order, in `workers` processes."""
    if workers <= 1 or len(chunks) <= 1:
        yield from (function(chunk, box) for chunk in chunks)
        return
    # dlib holds the interpreter's lock, so threads would not help; forking after torch has started
    # threads may hang, so the processes are fresh ones.
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(min(workers, len(chunks)), get_context("spawn")) as pool:
        yield from pool.map(function, chunks, [box] * len(chunks))


def _embed_chunk(crops: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    import dlib

    predictor, network = _dlib_models()
    chips = [
        dlib.get_face_chip(crop, predictor(crop, dlib.rectangle(*box)), size=150, padding=0.25)
        for crop in map(np.ascontiguousarray, crops)
    ]
    return np.array(network.compute_face_descriptor(chips))


@lru_cache(maxsize=1)
def _dlib_models() -> tuple[Any, Any]:
    import dlib

    predictor = dlib.shape_predictor(str(model_file("shape_predictor_5_face_landmarks.dat")))
    network = dlib.face_recognition_model_v1(str(model_file("dlib_face_recognition_resnet_model_v1.dat")))
    return predictor, network
