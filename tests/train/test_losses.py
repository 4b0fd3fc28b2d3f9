"""Losses, penalties and the moving average, worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from ganedit.train.ema import ema_beta, update_ema
from ganedit.train.losses import (
    D_LOSSES,
    G_LOSSES,
    Equilibrium,
    hinge_d_loss,
    hinge_g_loss,
    logistic_d_loss,
    nonsaturating_g_loss,
    orthogonality,
    path_lengths,
    r1_penalty,
    style_divergence,
)


def test_losses_of_an_undecided_discriminator():
    """Each term is log 2 where the logit is 0."""
    zero = torch.zeros(4, 1)
    assert float(logistic_d_loss(zero, zero)) == pytest.approx(2 * math.log(2))
    assert float(nonsaturating_g_loss(zero)) == pytest.approx(math.log(2))


def test_losses_by_hand():
    real, fake = torch.tensor([[2.0], [0.0]]), torch.tensor([[-1.0], [3.0]])
    wanted = (math.log1p(math.exp(-2)) + math.log(2)) / 2
    wanted += (math.log1p(math.exp(-1)) + math.log1p(math.exp(3))) / 2
    assert float(logistic_d_loss(real, fake)) == pytest.approx(wanted)
    wanted = (math.log1p(math.exp(1)) + math.log1p(math.exp(-3))) / 2
    assert float(nonsaturating_g_loss(fake)) == pytest.approx(wanted)


def test_hinge_losses_by_hand():
    on_real = [torch.tensor([2.0, 0.5]), torch.tensor([[-1.0]])]  # two scales
    on_fake = [torch.tensor([-3.0, 0.0]), torch.tensor([[1.0]])]
    # (0 + 0.5) / 2 + (0 + 1) / 2 at the first, 2 + 2 at the second
    assert hinge_d_loss(on_real, on_fake).item() == pytest.approx((0.75 + 4) / 2)
    assert hinge_g_loss(on_fake).item() == pytest.approx((1.5 - 1) / 2)


def test_losses_by_name_by_hand():
    real, fake = torch.tensor([[2.0], [0.0]]), torch.tensor([[-1.0], [3.0]])
    d = {name: float(loss(real, fake)) for name, loss in D_LOSSES.items()}
    g = {name: float(loss(fake)) for name, loss in G_LOSSES.items()}
    assert d["minimax"] == d["non-saturating"] == pytest.approx(float(logistic_d_loss(real, fake)))
    assert g["minimax"] == pytest.approx(-(math.log1p(math.exp(-1)) + math.log1p(math.exp(3))) / 2)
    assert d["least-squares"] == pytest.approx(((1 + 1) / 2 + (1 + 9) / 2) / 2)
    assert g["least-squares"] == pytest.approx((4 + 4) / 2)
    assert (d["wasserstein"], g["wasserstein"]) == pytest.approx((1 - 1, -1))
    assert (d["hinge"], g["hinge"]) == pytest.approx(((0 + 1) / 2 + (0 + 4) / 2, -1))


def test_the_minimax_gradient_vanishes_where_the_discriminator_is_sure():
    """At a logit of -10 it is sigmoid(-10), where the non-saturating one is nearly 1."""
    on_fake = torch.tensor([[-10.0]], requires_grad=True)
    (minimax,) = torch.autograd.grad(G_LOSSES["minimax"](on_fake), on_fake)
    (other,) = torch.autograd.grad(G_LOSSES["non-saturating"](on_fake), on_fake)
    assert float(minimax) == pytest.approx(-1 / (1 + math.exp(10)))
    assert float(other) == pytest.approx(-1, abs=1e-4)


def test_equilibrium_by_hand():
    """Errors 4 and 1 with diversity 0.5: k grows by 0.001 x (2 - 1), and weighs the next fake."""
    balance = Equilibrium(0.5)
    real, fake = torch.tensor([[-3.0], [-5.0]]), torch.tensor([[-1.0]])
    assert float(balance.d_loss(real, fake)) == pytest.approx(4)
    assert float(balance.k) == pytest.approx(0.001)
    assert float(balance.d_loss(real, fake)) == pytest.approx(4 - 0.001)


def test_orthogonality_by_hand():
    """Rows (1, 0) and (1, 1) have the product 1, twice; their lengths do not count."""
    layer = nn.Linear(2, 2)
    layer.weight.data = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    assert float(orthogonality(layer).detach()) == pytest.approx(2)


def test_divergence_of_styles_by_hand():
    assert style_divergence(torch.zeros(3, 5), torch.zeros(3, 5)).item() == 0
    mean, log_variance = torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    assert style_divergence(mean, log_variance).item() == pytest.approx((0.5 + (math.e - 2) / 2) / 2)


def test_r1_of_a_linear_judge_is_its_squared_norm():
    """D(x) = 3 x₀ + 4 x₁ has the gradient (3, 4) everywhere."""
    images = torch.randn(5, 1, 1, 2, requires_grad=True)
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    penalty = r1_penalty((images.flatten(1) @ weight)[:, None], images)
    assert float(penalty.detach()) == pytest.approx(25.0)
    penalty.backward()
    torch.testing.assert_close(weight.grad, torch.tensor([6.0, 8.0]))


def test_r1_by_hand_where_the_slope_varies():
    """D(x) = Σ x²: the gradient is 2x, its squared norm 4 Σ x²."""
    images = torch.tensor([1.0, 2.0, 0.0, 3.0]).view(2, 1, 1, 2).requires_grad_()
    penalty = r1_penalty(images.square().sum((1, 2, 3))[:, None], images)
    assert float(penalty.detach()) == pytest.approx((4 * 5 + 4 * 9) / 2)


def test_path_lengths_of_a_known_jacobian():
    """image = a · w for one-row codes: Jᵀ n = a n, and n has variance 1 / (H W)."""
    torch.manual_seed(0)
    ws = torch.randn(2000, 1, 48, requires_grad=True)
    images = 3.0 * ws.view(2000, 3, 4, 4)
    lengths = path_lengths(images, ws)
    assert lengths.shape == (2000,)
    # E[(a n)²] summed over 48 entries: 9 · 48 / 16 = 27
    assert float(lengths.detach().square().mean()) == pytest.approx(27.0, rel=0.03)


def test_path_lengths_average_over_rows():
    """Two rows that each feed half of what one would: the mean of the squares, not their sum."""
    torch.manual_seed(0)
    ws = torch.randn(2000, 2, 48, requires_grad=True)
    images = (ws[:, 0] + ws[:, 1]).view(2000, 3, 4, 4)
    assert float(path_lengths(images, ws).detach().square().mean()) == pytest.approx(3.0, rel=0.03)


def test_moving_average():
    average, network = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    nn.init.constant_(average.weight, 1.0)
    nn.init.constant_(network.weight, 5.0)
    network.running_mean.fill_(7.0)
    update_ema(average, network, beta=0.75)
    assert float(average.weight.detach()) == 2.0  # 0.75 · 1 + 0.25 · 5
    assert float(average.running_mean) == 7.0  # buffers are copied
    assert float(network.weight.detach()) == 5.0


def test_half_life():
    # 10 kimg half-life: after 10,000 images in steps of 100 the weight has halved.
    assert ema_beta(100, 10**6, kimg=10, rampup=None) ** 100 == pytest.approx(0.5)
    # Ramp-up: 2,000 images seen at 0.05 hold the half-life at 100.
    assert ema_beta(100, 2000, kimg=10, rampup=0.05) == pytest.approx(0.5)
    assert ema_beta(100, 10**6, kimg=10, rampup=0.05) == pytest.approx(0.5**0.01)
    assert ema_beta(100, 0, kimg=10, rampup=0.05) == 0.0
