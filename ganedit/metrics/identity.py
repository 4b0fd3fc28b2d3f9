"""Tells whether two aligned crops show the same person, by dlib's face recognition network.

The network (a ResNet of 29 layers trained by Davis King on three million faces) maps a face to a point in
128 dimensions where photographs of one person lie within 0.6 of each other. It is computed by PyTorch, which
takes a fifth of the time that dlib does on a CPU and gives the same numbers to six digits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ganedit.images.face_detection import model_file

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ganedit.images.align import Template
    from ganedit.latent.latent import Latent
    from ganedit.nets.face_resnet import FaceResNet
    from ganedit.store.models import Generator

SAME_PERSON = 0.6  # distances below count as the same person
BATCH = 32
CHIP = 150  # side of the network's input in pixels

# Position of dlib's detection box in the FFHQ square: left, top, right, bottom, from -1 to 1.
FACE_BOX = (-0.50, -0.315, 0.50, 0.695)


def embed_crops(
    crops: np.ndarray,
    template: Template,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Identity features of aligned crops.

    No detector is used: the template tells where the face is, and five landmarks found there (eye corners and
    the base of the nose) determine the 150-pixel chip that the network was trained on.

    Args:
        crops: uint8 [N, S, S, 3] RGB, aligned by `template`.
        template: Says how much of the FFHQ square the crops show.
        progress: Called with (done, total) now and then.

    Returns:
        float64 [N, 128].

    Raises:
        MissingError: dlib's model files are not installed.
    """
    import dlib
    import torch

    predictor, network = _predictor(), _network(torch.device("cpu"))
    box = dlib.rectangle(*face_box(template, crops.shape[1]))
    features = np.empty((len(crops), 128))
    for start in range(0, len(crops), BATCH):
        chips = [
            dlib.get_face_chip(crop, predictor(crop, box), size=CHIP, padding=0.25)
            for crop in map(np.ascontiguousarray, crops[start : start + BATCH])
        ]
        images = (
            torch.from_numpy(np.stack(chips)).permute(0, 3, 1, 2).float()
        )  # already in channels-last memory
        with torch.inference_mode():
            features[start : start + BATCH] = network(images).numpy()
        if progress:
            progress(start + len(chips), len(crops))
    return features


def distance_to_person(crops: np.ndarray, template: Template) -> Callable[[Tensor], Tensor]:
    """Make a function from images [N, 3, S, S] in [-1, 1] to their identity distance [N] from crops.

    It is differentiable. The chip is cut out where it is in the crop, since edits hardly move a face.

    Args:
        crops: uint8 [N, S, S, 3] RGB, aligned by `template`.
        template: Says how much of the FFHQ square the crops show.

    Raises:
        MissingError: dlib's model files are not installed.
    """
    import torch
    import torch.nn.functional as F

    from ganedit.images.tensors import LEVELS, from_levels

    maps = torch.stack([_chip_map(crop, template) for crop in crops])
    grid = F.affine_grid(maps, [len(crops), 3, CHIP, CHIP], align_corners=False)

    def features(images: Tensor) -> Tensor:
        chips = F.grid_sample(images, grid.to(images), "bilinear", "border", align_corners=False)
        inputs = ((chips + 1) * LEVELS).contiguous(memory_format=torch.channels_last)
        codes: Tensor = _network(images.device)(inputs)
        return codes

    with torch.no_grad():
        person = features(from_levels(torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2)))
    return lambda images: (features(images) - person.to(images) + 1e-8).norm(dim=1)


def person_in(latent: Latent, generator: Generator) -> Callable[[Tensor], Tensor] | None:
    """Measure how far images are from the face of a latent, such as for `ganedit.drag`.

    Args:
        latent: A latent of `generator`.
        generator: The generator.

    Returns:
        A differentiable function from images [N, 3, S, S] in [-1, 1] to identity distances [N], of which
        those below 0.6 count as the same person. None if the model does not draw faces at a known position.

    Raises:
        CheckpointError: The latent belongs to another model.
        MissingError: dlib's model files are not installed.

    Examples:
        >>> faces = ganedit.load("faces")
        >>> one, other = ganedit.generate(faces, [7, 8])
        >>> distance = ganedit.person_in(one.latent, faces)
        >>> same, another = (float(distance(faces.synthesis(x.latent.ws[None]))) for x in (one, other))
        >>> same < 0.1 < another
        True
    """
    import torch

    from ganedit.images.tensors import to_tensor
    from ganedit.latent.editing import draw

    with torch.no_grad():
        before = torch.cat([to_tensor(crop) for crop in draw(latent.personal(generator), [latent])])
    return person_of(generator, before)


def person_of(generator: Generator, before: Tensor) -> Callable[[Tensor], Tensor] | None:
    """The same for images [N, 3, S, S] that a generator drew."""
    from ganedit.images.align import TEMPLATES
    from ganedit.images.tensors import from_tensor

    if generator.card.template not in TEMPLATES:
        return None
    crops = np.stack([from_tensor(image) for image in before])
    return distance_to_person(crops, TEMPLATES[generator.card.template])


def _chip_map(crop: np.ndarray, template: Template) -> Tensor:
    """Affine [2, 3] from dlib's chip to a crop, both with coordinates from -1 to 1.

    dlib does not return it, but it can be read from the chip of a picture whose pixels are their coordinates.
    """
    import dlib
    import torch

    predictor = _predictor()
    size = crop.shape[0]
    landmarks = predictor(np.ascontiguousarray(crop), dlib.rectangle(*face_box(template, size)))
    ramp = np.linspace(0, 255, size)
    picture = np.zeros((size, size, 3), np.uint8)
    picture[..., 0], picture[..., 1] = np.rint(ramp)[None, :], np.rint(ramp)[:, None]
    cut = dlib.get_face_chip(picture, landmarks, size=CHIP, padding=0.25)[..., :2].reshape(-1, 2) / 255
    at = (np.arange(CHIP) + 0.5) / CHIP * 2 - 1
    points = np.stack([np.tile(at, CHIP), np.repeat(at, CHIP), np.ones(CHIP * CHIP)], axis=1)
    inside = ((cut > 0.02) & (cut < 0.98)).all(axis=1)  # dlib makes pixels outside black
    pixels = cut[inside] * (size - 1)  # positions of pixel centres, counted from 0
    solution, *_ = np.linalg.lstsq(points[inside], (pixels + 0.5) / size * 2 - 1, rcond=None)
    return torch.from_numpy(solution.T).float()


def identity_distance(features1: np.ndarray, features2: np.ndarray) -> np.ndarray:
    """Euclidean distance between rows of [..., 128]; below 0.6 counts as the same person."""
    difference = np.asarray(features1) - np.asarray(features2)
    return np.asarray(np.linalg.norm(difference, axis=-1))


def face_box(template: Template, size: int) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) that dlib's detector would return in a crop of `size` pixels."""
    left, top, right, bottom = FACE_BOX
    down = template.shift_down

    def pixels(edge: float) -> int:
        return round((edge / template.scale + 1) / 2 * size)

    return pixels(left), pixels(top - down), pixels(right), pixels(bottom - down)


@lru_cache(maxsize=1)
def _predictor() -> Any:
    import dlib

    return dlib.shape_predictor(str(model_file("shape_predictor_5_face_landmarks.dat")))


@lru_cache(maxsize=2)
def _network(device: torch.device) -> FaceResNet:
    """One network per device: moving a shared one would take it from its other users."""
    import torch

    from ganedit.store.formats.dlib_net import read_face_resnet

    network = read_face_resnet(model_file("dlib_face_recognition_resnet_model_v1.dat"))
    return network.to(device).to(memory_format=torch.channels_last)
