"""Label maps of faces from landmarks."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ganedit.errors import InputError
from ganedit.images.align import TEMPLATES, align_faces
from ganedit.images.face_detection import LEFT_EYE
from ganedit.images.faces import find_faces
from ganedit.images.io import read_image
from ganedit.images.labels import read_label_map
from ganedit.images.regions import PALETTE, REGIONS, draw_regions, write_regions


@pytest.fixture(scope="module")
def landmarks(portrait):
    """Of a close-up of 128 px."""
    ((_, face),) = align_faces(read_image(portrait).pixels, size=128, template=TEMPLATES["close-up"])
    return find_faces(face.crop)[0].landmarks


@pytest.mark.parametrize("side", [64, 128, 512])
def test_every_region_is_there_and_where_it_should_be(landmarks, side):
    scale = side / 128
    points = (landmarks + 0.5) * scale - 0.5
    labels = draw_regions([points], (side, side))
    assert (labels.shape, labels.dtype) == ((side, side), np.uint8)
    shares = dict(zip(REGIONS, np.bincount(labels.ravel(), minlength=6) / labels.size, strict=True))
    assert 0.3 < shares["skin"] < 0.85
    for name in ("brows", "eyes", "nose", "lips"):
        assert 0.003 < shares[name] < 0.12, name

    def at(x, y):
        return REGIONS[labels[round(y), round(x)]]

    assert at(*points[LEFT_EYE].mean(0)) == "eyes"
    assert at(*points[30]) == "nose"
    assert at(*points[48:60].mean(0)) == "lips"
    assert at(*points[19]) == "brows"
    assert at(*(points[27] + (0, -0.25 * side))) == "skin"  # the forehead
    assert at(1, side - 2) == "background"


def test_faces_outside_and_none(landmarks):
    assert not draw_regions([landmarks + 500], (128, 128)).any()
    assert not draw_regions([], (10, 20)).any()
    half = draw_regions([landmarks - (64, 0)], (128, 128))
    assert (half[:, :64] == draw_regions([landmarks], (128, 128))[:, 64:]).mean() > 0.98
    assert len(np.unique(draw_regions([np.zeros((68, 2))], (16, 16)))) <= 6  # a face of one point


def test_files_are_indexed_and_read_back(landmarks, tmp_path):
    labels = draw_regions([landmarks], (128, 128))
    path = write_regions(tmp_path / "map.png", labels)
    assert (read_label_map(path).labels == labels).all()
    with Image.open(path) as image:
        assert image.mode == "P"
        assert (np.asarray(image.convert("RGB")) == PALETTE.colours[labels]).all()
    with pytest.raises(InputError, match="cannot write"):
        write_regions(tmp_path / "map.jpg", labels)
