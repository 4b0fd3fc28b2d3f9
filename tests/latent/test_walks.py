"""Paths through points: where they pass, and how."""

from __future__ import annotations

import math

import pytest
import torch

from ganedit.errors import UsageError
from ganedit.latent.walks import MODES, slerp, walk

POINTS = torch.randn(3, 4, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("mode", MODES)
def test_a_walk_passes_its_points_in_even_time(mode):
    way = walk(POINTS, 9, mode)
    torch.testing.assert_close(way[[0, 4, 8]], POINTS)
    circle = walk(POINTS, 9, mode, loop=True)
    torch.testing.assert_close(circle[[0, 3, 6]], POINTS)
    assert len(circle) == 9


def test_slerp_keeps_the_length_and_halves_the_angle():
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
    torch.testing.assert_close(slerp(a, b, 0.5), torch.tensor([math.sqrt(2), math.sqrt(2)]))
    torch.testing.assert_close(slerp(a, b, 1 / 3).norm(), torch.tensor(2.0))
    torch.testing.assert_close(slerp(a, 3 * a, 0.5), 2 * a)  # no circle joins them
    assert torch.isfinite(slerp(a, -a, 0.5)).all()


def test_a_spline_has_no_corner_where_a_line_has_one():
    def turn(mode):
        way = walk(POINTS, 201, mode)
        return float((way[101] - 2 * way[100] + way[99]).norm())

    assert turn("spline") < 0.05 * turn("linear")


@pytest.mark.parametrize(
    ("points", "steps", "mode"), [(POINTS[:1], 9, "linear"), (POINTS, 1, "linear"), (POINTS, 9, "zigzag")]
)
def test_what_is_no_walk_is_refused(points, steps, mode):
    with pytest.raises(UsageError):
        walk(points, steps, mode)
