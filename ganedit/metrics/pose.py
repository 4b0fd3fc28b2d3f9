"""Estimates the pose of a head from its landmarks.

Nose and eyes are treated as a rigid body, so that the mouth's expression does not matter. When a head turns
by an angle, the tip of the nose, which protrudes from the plane of the eyes, moves by the angle's tangent.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ganedit.images.align import Template
from ganedit.images.face_detection import LEFT_EYE, RIGHT_EYE, landmark_predictor
from ganedit.metrics.identity import face_box

TIP, BASE = 30, 33  # of the nose, among the 68 points
PROTRUSION = 0.60  # how far the tip protrudes, relative to the distance between the eyes
PITCH_LEVER = 0.55  # change of `level` below per unit of the tangent
LEVEL = (
    0.744  # height of the tip between the eyes (0) and the base of the nose (1), median over the `faces` set
)


def head_pose(landmarks: np.ndarray) -> np.ndarray:
    """Yaw and pitch in degrees, approximately right up to 30.

    Args:
        landmarks: [N, 68, 2], x right and y down, in any unit.

    Returns:
        [N, 2]. Yaw is positive where the face looks to the right of the picture, pitch where it looks up.
    """
    left, right = landmarks[:, LEFT_EYE].mean(1), landmarks[:, RIGHT_EYE].mean(1)
    across = right - left
    apart = np.linalg.norm(across, axis=1, keepdims=True)
    across = across / apart
    down = np.stack([-across[:, 1], across[:, 0]], axis=1)
    middle = (left + right) / 2
    tip, base = landmarks[:, TIP] - middle, landmarks[:, BASE] - middle
    yaw = np.arctan((tip * across).sum(1) / apart[:, 0] / PROTRUSION)
    level = (tip * down).sum(1) / (base * down).sum(1).clip(min=1e-6)
    pitch = np.arctan((LEVEL - level) / PITCH_LEVER)
    return np.asarray(np.degrees(np.stack([yaw, pitch], axis=1)))


def crop_landmarks(
    crops: np.ndarray, template: Template, progress: Callable[[int, int], None] | None = None
) -> np.ndarray:
    """68 landmarks [N, 68, 2], in pixels, of aligned crops [N, S, S, 3] uint8; no detector is used."""
    import dlib

    predictor = landmark_predictor()
    box = dlib.rectangle(*face_box(template, crops.shape[1]))
    landmarks = np.empty((len(crops), 68, 2))
    for i, crop in enumerate(crops):
        landmarks[i] = [(p.x, p.y) for p in predictor(np.ascontiguousarray(crop), box).parts()]
        if progress and ((i + 1) % 64 == 0 or i + 1 == len(crops)):
            progress(i + 1, len(crops))
    return landmarks
