"""Head pose from landmarks placed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ganedit.metrics.pose import LEVEL, PITCH_LEVER, PROTRUSION, head_pose


def landmarks(tip_x=0.0, tip_down=LEVEL, turn=0.0):
    """Eyes at (-0.5, 0) and (0.5, 0), base of the nose at (0, 0.7); the tip as told; then rolled."""
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = (-0.5, 0), (0.5, 0)
    points[33], points[30] = (0, 0.7), (tip_x, 0.7 * tip_down)
    cos, sin = math.cos(turn), math.sin(turn)
    return points[None] @ np.array([[cos, sin], [-sin, cos]]) * 40 + 64


def test_an_average_face_looks_straight_ahead():
    assert head_pose(landmarks()) == pytest.approx(np.zeros((1, 2)), abs=1e-9)


@pytest.mark.parametrize("turn", [0.0, 0.4])
def test_a_tip_to_the_right_is_a_positive_yaw_however_the_head_is_tilted(turn):
    offset = PROTRUSION * math.tan(math.radians(20))
    assert head_pose(landmarks(tip_x=offset, turn=turn))[0] == pytest.approx([20, 0], abs=1e-6)


def test_a_raised_tip_is_a_positive_pitch():
    raised = LEVEL - PITCH_LEVER * math.tan(math.radians(10))
    assert head_pose(landmarks(tip_down=raised))[0] == pytest.approx([0, 10], abs=1e-6)


def test_mirrored_photographs_have_opposite_yaw(shared):
    from ganedit.data.images import load_images
    from ganedit.images.align import TEMPLATES
    from ganedit.metrics.pose import crop_landmarks

    faces = load_images(shared / "data/faces/faces-128.zip", resolution=128, limit=24)
    crops = faces.images.permute(0, 2, 3, 1).numpy()
    yaw, pitch = head_pose(crop_landmarks(crops, TEMPLATES["close-up"])).T
    back, same = head_pose(crop_landmarks(crops[:, :, ::-1], TEMPLATES["close-up"])).T
    assert np.corrcoef(yaw, -back)[0, 1] > 0.95
    assert np.corrcoef(pitch, same)[0, 1] > 0.9
