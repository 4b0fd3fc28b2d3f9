"""Identity features: one person stays near, others lie far."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganedit.errors import CheckpointError
from ganedit.metrics.identity import SAME_PERSON, embed_crops, face_box, identity_distance

CLOSE_UP = SimpleNamespace(scale=0.60, shift_down=0.208)
FFHQ = SimpleNamespace(scale=1.0, shift_down=0.0)


def test_distance_is_euclidean():
    a, b = np.zeros((2, 128)), np.zeros((2, 128))
    b[1, :2] = 3, 4
    assert identity_distance(a, b).tolist() == [0, 5]


def test_face_box_follows_the_template():
    assert face_box(FFHQ, 1000) == (250, 342, 750, 847)
    left, top, right, bottom = face_box(CLOSE_UP, 128)
    # Medians of the detector's boxes on close-up crops of 128 pixels: 8, 8, 115, 116.
    assert np.abs(np.array([left, top, right, bottom]) - [8, 8, 115, 116]).max() <= 4


def test_blurred_and_shifted_copies_stay_the_same_person(shared):
    from ganedit.data.images import load_images

    faces = load_images(shared / "data/faces/faces-128.zip", resolution=128, limit=6)
    crops = faces.images.permute(0, 2, 3, 1).contiguous().numpy()
    changed = np.roll((crops.astype(np.float32) * 0.8 + 20).astype(np.uint8), 3, axis=2)
    seen = []
    features = embed_crops(np.concatenate([crops, changed]), CLOSE_UP, progress=lambda *n: seen.append(n))
    assert features.shape == (12, 128)
    assert seen == [(12, 12)]
    assert np.median(identity_distance(features[:6], features[6:])) < SAME_PERSON / 2
    others = [identity_distance(features[i], features[j]) for i in range(6) for j in range(i)]
    assert np.median(others) > SAME_PERSON


def test_features_are_those_of_dlib():
    """The chip and the network against dlib's own, on a picture of noise and on a smooth one."""
    import dlib

    from ganedit.images.face_detection import model_file
    from ganedit.store.formats.dlib_net import read_face_resnet

    path = model_file("dlib_face_recognition_resnet_model_v1.dat")
    chips = np.random.default_rng(0).integers(0, 255, (2, 150, 150, 3), dtype=np.uint8)
    chips[1] = np.arange(150)[:, None, None] + np.arange(3) * 40
    wanted = np.array(dlib.face_recognition_model_v1(str(path)).compute_face_descriptor(list(chips)))
    got = read_face_resnet(path)(torch.from_numpy(chips).permute(0, 3, 1, 2).float())
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


def test_a_file_that_is_cut_short_is_refused(tmp_path):
    from ganedit.images.face_detection import model_file
    from ganedit.store.formats.dlib_net import read_face_resnet

    whole = model_file("dlib_face_recognition_resnet_model_v1.dat").read_bytes()
    for data in (b"", whole[:100_000], whole[:-1000]):
        (tmp_path / "cut.dat").write_bytes(data)
        with pytest.raises(CheckpointError, match="cut short"):
            read_face_resnet(tmp_path / "cut.dat")
