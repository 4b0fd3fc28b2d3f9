"""Differences of spectra, worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from ganedit.metrics.spectra import multi_resolution_distance, multi_resolution_loss

NOISE = torch.randn(2, 6000, generator=torch.Generator().manual_seed(0)) / 10


def test_phase_does_not_count():
    assert multi_resolution_distance(NOISE, NOISE) == (0, 0)
    assert multi_resolution_distance(-NOISE[0], NOISE[0]) == (0, 0)


def test_half_as_loud():
    off, logs = multi_resolution_distance(NOISE / 2, NOISE)
    assert off == pytest.approx(0.5, abs=1e-4)
    assert logs == pytest.approx(math.log(2), abs=1e-3)


def test_nothing_for_something():
    off, logs = multi_resolution_distance(torch.zeros_like(NOISE), NOISE)
    assert off == pytest.approx(1, abs=1e-4)
    assert 6 < logs < 80 / 20 * math.log(10)  # at most from the loudest to the floor


def test_silence_has_a_slope():
    wave = torch.zeros(1, 4096, requires_grad=True)
    loss = multi_resolution_loss(wave, torch.zeros(1, 4096))
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.isfinite(wave.grad).all()


def test_silence_in_a_batch_does_no_harm():
    found = torch.cat([NOISE, NOISE / 1000])
    wanted = torch.cat([NOISE, torch.zeros_like(NOISE)])
    assert multi_resolution_distance(found, wanted)[0] == pytest.approx(0.001, rel=0.1)


def test_louder_waves_weigh_no_more():
    other = NOISE.roll(1, dims=0)
    assert float(multi_resolution_loss(other, NOISE)) == pytest.approx(
        float(multi_resolution_loss(other * 8, NOISE * 8)), rel=1e-4
    )
