"""Outlines of pictures: where they are, and that they are few."""

from __future__ import annotations

import cv2
import numpy as np

from ganedit.train.outlines import outlines


def test_a_disc_becomes_a_ring():
    picture = np.full((128, 128, 3), 200, np.uint8)
    cv2.circle(picture, (64, 64), 40, (60, 90, 120), -1)
    drawn = outlines(picture)
    assert (drawn.shape, drawn.dtype) == (picture.shape, np.uint8)
    rows, columns = np.nonzero(drawn[..., 0] < 128)
    radius = np.hypot(rows - 64, columns - 64)
    assert radius.min() > 36
    assert radius.max() < 44
    assert cv2.connectedComponents((drawn[..., 0] < 128).astype(np.uint8))[0] == 2  # white, and one line


def test_neither_flat_pictures_nor_noise_have_outlines():
    rng = np.random.default_rng(0)
    noise = (128 + rng.normal(0, 12, (128, 128, 3))).clip(0, 255).astype(np.uint8)
    assert (outlines(np.full((64, 64, 3), 90, np.uint8)) == 255).all()
    cv2.rectangle(noise, (30, 30), (90, 90), (250, 20, 20), -1)
    drawn = outlines(noise)[..., 0] < 128
    assert 0.01 < drawn.mean() < 0.08
    assert drawn[45:75, 45:75].sum() == 0


def test_a_colour_of_the_same_brightness_is_an_edge():
    picture = np.zeros((96, 96, 3), np.uint8)
    picture[:, :48], picture[:, 48:] = (200, 60, 60), (60, 118, 118)
    drawn = outlines(picture)[..., 0]
    assert drawn[40:56, 44:52].min() < 64
