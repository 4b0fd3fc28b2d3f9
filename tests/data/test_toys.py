"""Points of the plane: where the modes are, and how far samples are from them."""

from __future__ import annotations

import math

import pytest
import torch

from ganedit.data.order import Share
from ganedit.data.toys import TOY_SETS, grid25, ring8, swissroll
from ganedit.train.options.gan import TOYS


def test_options_know_every_set():
    assert TOY_SETS.keys() == set(TOYS)


@pytest.mark.parametrize(
    ("made", "count", "apart"), [(ring8, 8, 4 * math.sin(math.pi / 8)), (grid25, 25, 2.0)]
)
def test_mixtures(made, count, apart):
    """Modes are as far apart as published; samples are normal about them, equally many each."""
    torch.manual_seed(0)
    toy = made()
    assert toy.modes.shape == (count, 2)
    between = torch.cdist(toy.modes, toy.modes) + 9 * torch.eye(count)
    torch.testing.assert_close(between.min(dim=1).values, torch.full((count,), apart))
    distance, nearest = torch.cdist(toy.sample(20_000), toy.modes).min(dim=1)
    assert float(distance.square().mean().sqrt()) == pytest.approx(toy.sigma * math.sqrt(2), rel=0.03)
    assert nearest.bincount().min() > 0.8 * 20_000 / count


def test_swissroll_is_a_spiral():
    """The distance from the middle grows with the angle, t to t/7.5."""
    torch.manual_seed(0)
    x, y = swissroll().sample(5000).double().T
    radius = (x.square() + y.square()).sqrt() * 7.5
    turn = torch.atan2(y, x)
    turns = ((radius - turn) / (2 * math.pi)).round()
    off = radius - (turn + turns * 2 * math.pi)
    assert radius.min() < 1.5 * math.pi + 0.5
    assert radius.max() > 4.5 * math.pi - 0.5
    assert off.std() < 0.4


def test_pieces_of_a_step():
    share = Share(0, 0, 0, 1, 6, 2, torch.device("cpu"))
    pieces = ring8().draw(share, mirror=False)
    assert [tuple(points.shape) for points, _ in pieces] == [(3, 2, 1, 1)] * 2
    assert pieces[0][1] is None
