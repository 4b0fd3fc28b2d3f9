"""Numbers as colours."""

from __future__ import annotations

import numpy as np

from ganedit.images.false_colours import false_colours


def test_greater_values_are_lighter_and_the_first_row_is_at_the_bottom():
    colours = false_colours(np.array([[-1.0], [0.0], [1.0]], np.float32))
    assert colours.shape == (3, 1, 3)
    light = colours.astype(int).sum(axis=2)[:, 0]
    assert light[0] > light[1] > light[2]
    assert light[2] < 20
