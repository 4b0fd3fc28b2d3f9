"""DiffAugment: what it changes, and that gradients pass."""

from __future__ import annotations

import torch

from ganedit.train.diffaugment import _cut, _shift, diff_augment


def test_shape_and_gradient():
    images = torch.rand(4, 3, 24, 16, requires_grad=True)
    out = diff_augment(images)
    assert out.shape == images.shape
    (gradient,) = torch.autograd.grad(out.sum(), images)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().sum() > 0


def test_same_seed_same_change():
    images = torch.rand(4, 3, 16, 16)
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(diff_augment(images))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_shift_moves_by_at_most_an_eighth():
    """One bright pixel in the middle stays one pixel, within 2 of where it was at 16 px."""
    torch.manual_seed(0)
    images = torch.zeros(64, 1, 16, 16)
    images[:, :, 8, 8] = 1
    moved = _shift(images)
    assert torch.equal(moved.sum(dim=(1, 2, 3)), torch.ones(64))
    _, _, y, x = moved.nonzero().T
    assert y.min() == x.min() == 6
    assert y.max() == x.max() == 10


def test_cut_removes_a_square_of_half_the_side():
    torch.manual_seed(0)
    holes = (_cut(torch.ones(64, 2, 16, 16)) == 0).sum(dim=(2, 3))
    assert torch.equal(holes[:, 0], holes[:, 1])  # the same place in every channel
    assert holes.max() == 64  # 8 x 8
    assert holes.min() >= 16  # at a corner a quarter of it is inside
