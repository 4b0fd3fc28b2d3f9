"""DiffAugment: what it changes, and that gradients pass."""

from __future__ import annotations

import torch

from ganedit.train.diffaugment import _cut, _recolour, _shift, diff_augment


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


def test_colours_change_alike_at_every_place():
    """Pixels of equal colour stay equal, mean colour moves by at most half the range, and grey stays grey."""
    torch.manual_seed(0)
    images = torch.rand(8, 3, 1, 1).expand(8, 3, 4, 4)
    out = _recolour(images)
    assert torch.equal(out, out[:, :, :1, :1].expand_as(out))
    moved = (out.mean(dim=(1, 2, 3)) - images.mean(dim=(1, 2, 3))).abs()
    assert 0.05 < float(moved.max()) <= 0.5
    grey = _recolour(torch.rand(8, 1, 4, 4).expand(8, 3, 4, 4))
    torch.testing.assert_close(grey[:, 0], grey[:, 2])


def test_only_the_changes_asked_for():
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(diff_augment(images, ()), images)
    torch.manual_seed(0)
    one = diff_augment(images, ("color",))
    torch.manual_seed(0)
    assert torch.equal(one, _recolour(images))
