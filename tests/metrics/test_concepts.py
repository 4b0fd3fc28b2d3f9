"""What pictures show: regions of faces, and label maps of other programs."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ganedit.errors import InputError
from ganedit.images.align import TEMPLATES, align_faces
from ganedit.images.io import read_image
from ganedit.images.pixels import resize
from ganedit.images.regions import REGIONS
from ganedit.metrics.concepts import FaceRegions, LabelFolder


def test_regions_of_a_face_divide_the_picture(portrait):
    template = TEMPLATES["close-up"]
    ((_, face),) = align_faces(read_image(portrait).pixels, size=128, template=template)
    large = FaceRegions(template)(face.crop[None])
    assert tuple(large) == REGIONS
    assert (sum(mask.astype(int) for mask in large.values()) == 1).all()
    small = FaceRegions(template)(resize(face.crop, 64)[None])
    for name in ("skin", "lips", "nose"):
        found, wanted = small[name][0], large[name][0, ::2, ::2]
        assert (found & wanted).sum() > 0.6 * (found | wanted).sum()
    assert np.argwhere(small["lips"][0]).mean(0)[0] > np.argwhere(small["eyes"][0]).mean(0)[0] + 10


def save(path, labels, colours=None):
    pixels = np.array(labels, np.uint8)
    Image.fromarray(pixels if colours is None else np.array(colours, np.uint8)[pixels]).save(path)


def test_label_maps_go_by_seed(tmp_path):
    save(tmp_path / "seed0007.png", [[0, 3], [3, 0]])
    save(tmp_path / "seed0008.regions.png", [[0, 0], [1, 0]])
    save(tmp_path / "seed0010.png", [[0, 0], [0, 0]])
    folder = LabelFolder(tmp_path)
    assert folder.run_from(7) == 2
    masks = folder(np.zeros((2, 8, 8, 3), np.uint8), [7, 8])
    assert list(masks) == ["label 0", "label 1", "label 3"]
    assert masks["label 3"].tolist() == [[[False, True], [True, False]], [[False, False], [False, False]]]
    with pytest.raises(InputError, match="no label map of seed 9"):
        folder(np.zeros((1, 8, 8, 3), np.uint8), [9])
    with pytest.raises(InputError, match="no label map of seed 0") as told:
        folder.run_from(0)
    assert "`seed=7`" in told.value.hint


def test_a_palette_names_the_labels_and_reads_colours(tmp_path):
    (tmp_path / "palette.txt").write_text("0 0 0 ground\n255 0 0 sky\n")
    save(tmp_path / "seed0.png", [[0, 1], [1, 1]], [(0, 0, 0), (255, 0, 0)])
    masks = LabelFolder(tmp_path)(np.zeros((1, 8, 8, 3), np.uint8), [0])
    assert masks["sky"].sum() == 3
    assert masks["ground"].sum() == 1


def test_folders_that_cannot_be_used_are_refused(tmp_path):
    save(tmp_path / "a.png", [[0]])
    with pytest.raises(InputError, match="no label maps by seed"):
        LabelFolder(tmp_path)
    save(tmp_path / "seed1.png", [[0]])
    save(tmp_path / "seed1.regions.png", [[0]])
    with pytest.raises(InputError, match="of one seed"):
        LabelFolder(tmp_path)
