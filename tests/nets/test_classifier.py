"""The attribute network: outputs in the labels' units, grey like RGB, a gradient everywhere."""

from __future__ import annotations

import pytest
import torch

from ganedit.nets.classifier import SIZE, Classifier, ClassifierConfig, to_input

TINY = ClassifierConfig(("smile",), ("age", "yaw"), (40.0, 0.0), (20.0, 10.0), widths=(4, 6, 8, 8))


def test_outputs_are_in_the_units_of_the_labels():
    network = Classifier(TINY).eval()
    images = torch.rand(3, 3, 48, 80) * 2 - 1
    raw, got = network.standardised(images), network(images)
    torch.testing.assert_close(got[:, 0], raw[:, 0])
    torch.testing.assert_close(got[:, 1], raw[:, 1] * 20 + 40)
    torch.testing.assert_close(got[:, 2], raw[:, 2] * 10)


def test_grey_in_three_channels_counts_as_one():
    network = Classifier(TINY).eval()
    grey = torch.rand(2, 1, SIZE, SIZE) * 2 - 1
    torch.testing.assert_close(network(grey), network(grey.expand(-1, 3, -1, -1)), rtol=0, atol=1e-4)


def test_luma_and_size():
    red = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 128, 100)
    got = to_input(red)
    assert got.shape == (1, 1, SIZE, SIZE)
    torch.testing.assert_close(got, torch.full_like(got, 0.299 * 2 - 1), rtol=0, atol=1e-5)


def test_every_parameter_learns():
    network = Classifier(TINY)
    network(torch.rand(4, 1, SIZE, SIZE)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_a_config_with_a_missing_mean_is_refused():
    with pytest.raises(ValueError, match="one length"):
        ClassifierConfig(("smile",), ("age",))
