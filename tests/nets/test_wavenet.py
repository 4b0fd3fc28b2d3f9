"""The WaveNet: its classes, what it may see, and the same numbers sample by sample as all at once."""

from __future__ import annotations

import pytest
import torch

from ganedit.nets.wavenet import Generation, WaveNet, WaveNetConfig, from_mu_law, mu_law

TINY = WaveNetConfig(bins=5, hop=4, channels=6, skip=8, condition=7, cycles=2, layers=3)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return WaveNet(TINY).eval()


def pictures(columns, count=1):
    torch.manual_seed(1)
    return torch.rand(count, 1, TINY.bins, columns) * 2 - 1


def test_the_classes_of_the_mu_law():
    """The curve takes 1/255 to ln 2 / ln 256 = 1/8: of half of 255 classes, that is 15.9 from the middle."""
    waves = torch.tensor([-1.5, -1.0, 0.0, 1 / 255, 1.0, 7.0])
    assert mu_law(waves).tolist() == [0, 0, 128, 143, 255, 255]
    every = torch.arange(256)
    assert torch.equal(mu_law(from_mu_law(every)), every)
    assert torch.allclose(from_mu_law(every), -from_mu_law(255 - every))


def test_quiet_sounds_are_told_apart():
    """Half a class is 1/255 of the curve, whose inverse's slope is ln 256 · (1 + 255 |x|) / 255."""
    waves = torch.linspace(-1, 1, 2001)
    off = (from_mu_law(mu_law(waves)) - waves).abs()
    assert float(off.max()) < 0.022
    assert float(off[waves.abs() < 0.01].max()) < 3.1e-4


def test_a_sample_sees_those_before_it_only(network):
    """Two cycles of dilations 1, 2, 4: the last 1 + 2 · 7 samples, of which the newest is the one before."""
    columns, at = 8, 10
    sounds = torch.randint(0, 256, (1, columns * TINY.hop))
    changed = sounds.clone()
    changed[:, at] = (sounds[:, at] + 100) % 256
    with torch.no_grad():
        differs = (network(sounds, pictures(8)) != network(changed, pictures(8))).any(dim=2)[0]
    assert differs.nonzero().flatten().tolist() == list(range(at + 1, at + 1 + 15))


def test_a_column_is_heard_from_its_neighbours_middle_on(network):
    """A column's features reach 4 columns to each side, and weigh from one column's middle to the next's."""
    sounds = torch.randint(0, 256, (1, 16 * TINY.hop))
    changed = pictures(16)
    changed[..., 10] *= -1
    with torch.no_grad():
        differs = (network(sounds, pictures(16)) != network(sounds, changed)).any(dim=2)[0]
    assert int(differs.nonzero()[0]) == 5 * TINY.hop + 1


@pytest.mark.parametrize("copies", [1, 3])
def test_sample_by_sample_is_the_same_as_all_at_once(network, copies):
    """Some 80 products of float32 numbers: they differ in the order of summation."""
    generation = Generation(network, pictures(9, 2), copies=copies, seed=0, temperature=0.5)
    logits = []
    generation._logits, own = lambda within: logits.append(own(within)) or logits[-1], generation._logits
    sounds = generation.advance_classes(9 * TINY.hop)
    with torch.no_grad():
        wanted = network(sounds.clone(), pictures(9, 2).repeat_interleave(copies, dim=0)) / 0.5
    torch.testing.assert_close(torch.stack(logits, dim=1), wanted, atol=1e-5, rtol=0)


def test_halts_do_not_matter_and_seeds_do(network):
    whole = network.generate(pictures(6), seed=5)
    assert whole.shape == (1, 6 * TINY.hop)
    generation = Generation(network, pictures(6), seed=5)
    parts = [generation.advance(n) for n in (1, 5, 10, 8)]
    assert torch.equal(torch.cat(parts, dim=1), whole)
    assert not torch.equal(network.generate(pictures(6), seed=6), whole)


def test_draws_fall_as_often_as_the_network_says(network):
    with torch.no_grad():
        network.to_logits.weight.zero_()
        network.to_logits.bias.fill_(-30)
        network.to_logits.bias[:2] = torch.tensor([3.0, 1.0]).log()
    for temperature, share in ((1.0, 3 / 4), (0.5, 9 / 10)):  # odds of 3 to 1, squared
        found = Generation(network, pictures(1), copies=4000, seed=0, temperature=temperature)
        drawn = found.advance_classes(1)
        assert int(drawn.max()) == 1
        assert float((drawn == 0).float().mean()) == pytest.approx(share, abs=0.02)  # 3 standard errors


def test_all_go_on_from_the_one_that_is_kept(network):
    """Where draws leave nothing to chance, equal pasts have equal futures."""
    generation = Generation(network, pictures(12), copies=4, seed=0, temperature=1.0)
    before = generation.advance_classes(18)
    generation.keep(2)
    generation.noise = torch.zeros_like(generation.noise)
    after = generation.advance_classes(1)
    assert torch.equal(after, after[:1].expand(4, -1))
    with torch.no_grad():
        past = torch.cat([before[2:3].clone(), torch.zeros(1, 30, dtype=torch.int64)], dim=1)
        assert int(after[0]) == int(network(past, pictures(12))[0, 18].argmax())


def test_all_parameters_learn(network):
    network(torch.randint(0, 256, (1, 24)), pictures(6)).square().mean().backward()
    assert all(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in network.parameters())


def test_nonsense_is_refused(network):
    with pytest.raises(ValueError, match="layers must be 1 to 14"):
        WaveNetConfig(5, 4, layers=60)
    with pytest.raises(ValueError, match="temperature must be above 0, not 0"):
        network.generate(pictures(2), temperature=0.0)
