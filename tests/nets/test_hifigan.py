"""The vocoder's sinusoids, worked by hand, its network, and the judges of waveforms."""

from __future__ import annotations

import math

import pytest
import torch

from ganedit.nets.hifigan import (
    LOWEST_OF_NOISE,
    HiFiGANConfig,
    HiFiGANGenerator,
    noise,
    peaks,
    sinusoids,
)
from ganedit.nets.waveform_discriminators import (
    PeriodDiscriminator,
    WaveformDiscriminatorConfig,
    WaveformDiscriminators,
)

CFG = HiFiGANConfig(widths=(16, 16, 8))


def tone(rows, decibels=-20.0):
    """A picture [1, 1, bins, F] with one parabola of decibels, its top at these rows, column by column."""
    away = torch.arange(CFG.bins)[:, None] - torch.as_tensor(rows, dtype=torch.float32)
    return (1 - 2 * (decibels - 8 * away**2) / CFG.floor).clamp(-1, 1)[None, None]


@pytest.fixture
def network():
    torch.manual_seed(0)
    return HiFiGANGenerator(CFG).eval()


def stirred(network):
    """As after some training: at first the last layer is zero."""
    torch.nn.init.normal_(network.write.weight, std=0.05)
    return network


def test_a_peak_is_found_between_rows():
    amplitude, frequency = peaks(tone([144.3])[:, 0].transpose(1, 2), CFG)
    (row,) = amplitude[0, 0].nonzero().flatten().tolist()
    assert row == 144
    assert float(amplitude[0, 0, row]) == pytest.approx(0.1, rel=1e-3)
    hertz = float(frequency[0, 0, row]) * CFG.rate / (2 * math.pi)
    assert hertz == pytest.approx(55 * 2 ** (144.3 / 48), rel=1e-5)


def test_sidelobes_are_no_tones():
    x = torch.maximum(tone([144.0]), tone([147.0], -51.0))
    assert int((peaks(x[:, 0].transpose(1, 2), CFG)[0] > 0).sum()) == 1
    x = torch.maximum(tone([144.0]), tone([147.0], -40.0))
    assert int((peaks(x[:, 0].transpose(1, 2), CFG)[0] > 0).sum()) == 2


def test_a_steady_tone():
    waves, level = sinusoids(tone([144.0] * 20), CFG)
    assert waves.shape == level.shape == (1, 20 * 256)
    spectrum = torch.fft.rfft(waves[0, :4000] * torch.hann_window(4000)).abs()
    assert int(spectrum.argmax()) == 110  # 440 Hz, in steps of 4
    assert float(waves.square().mean().sqrt()) == pytest.approx(0.1 / math.sqrt(2), rel=0.01)
    middle = level[0, 256:-256]
    assert float(middle.max()) == pytest.approx(float(middle.min()), rel=1e-4)


def test_a_glide_has_no_gaps():
    waves, _ = sinusoids(tone(torch.linspace(140, 148, 24)), CFG)  # across rows, 8 cents a column
    powers = waves.view(24, 256).square().mean(dim=1)
    assert float(powers.min()) > 0.9 * float(powers.max())


def test_silence_is_silent_and_in_its_place(network):
    stirred(network)
    assert not network.generate(torch.full((1, 1, 336, 5), -1.0)).any()
    x = tone([144.0] * 12)
    x[..., :6] = -1
    wave = network.generate(x)[0]
    assert not wave[: 5 * 256 - 16].any()
    assert wave[6 * 256 :].abs().max() > 0.05


def test_a_tone_alone_is_drawn_without_noise_at_first(network):
    x = tone([144.0] * 8)
    waves, level = sinusoids(x, CFG)
    rest = network.generate(x).detach() - waves
    assert float(rest.std() / level.mean()) < 1e-5


def test_noise_lies_where_the_picture_has_it():
    x = torch.full((1, 1, 336, 40), -1.0)
    x[:, :, 200:260] = 0.0  # -40 dB in each row from 987 to 2349 Hz
    drawn = noise(x, CFG)[0].double()
    power = torch.fft.rfft(drawn).abs().square()
    hertz = torch.linspace(0, 8000, len(power))
    inside = (hertz > 987 * 0.9) & (hertz < 2349 * 1.1)
    assert float(power[inside].sum() / power.sum()) > 0.999
    # A row's filter is 1.5 bins wide; its noise has half the square of its amplitude, raised to the mean.
    width = 1.5 * (2 ** (1 / 48) - 1)
    wanted = (LOWEST_OF_NOISE * 0.01) ** 2 / 2 / width * torch.log(torch.tensor(2349 / 987))
    assert float(drawn.square().mean() / wanted) == pytest.approx(1, abs=0.3)


def test_pictures_in_a_batch_do_not_meet(network):
    stirred(network)
    x = torch.cat([tone([100.0] * 9), tone([210.4] * 9)])
    together = network.generate(x)
    assert together.shape == (2, 9 * 256)
    assert together.abs().max() <= 1
    for i in range(2):
        torch.testing.assert_close(together[i], network.generate(x[i : i + 1])[0], atol=1e-5, rtol=0)


def test_everything_learns(network):
    stirred(network)(tone([144.0] * 8)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())


def test_impossible_shapes_are_refused():
    with pytest.raises(ValueError, match="columns 256 apart"):
        HiFiGANConfig(ups=(8, 4))
    with pytest.raises(ValueError, match="ups"):
        HiFiGANConfig(widths=(8, 8))


def test_judges_of_waveforms():
    judges = WaveformDiscriminators(WaveformDiscriminatorConfig(width=4, periods=(2, 3), scales=2))
    wave = torch.randn(2, 1000, requires_grad=True)
    features, logits = judges(wave)
    assert len(logits) == 4
    assert len(features) == 4 * 5
    assert features[5].shape == (2, 4, 112, 3)  # 1002 samples in columns of 334, a third of them
    sum(x.sum() for x in logits).backward()
    assert wave.grad.abs().min() > 0
    assert all(p.grad is not None for p in judges.parameters())


def test_a_period_is_seen_by_itself():
    """Samples of other columns do not matter to a column's logits."""
    judge = PeriodDiscriminator(4, 5)
    wave = torch.randn(1, 500)
    changed = wave.clone()
    changed[:, 3::5] = 0
    before, after = judge(wave)[-1], judge(changed)[-1]
    same = (before == after).all(dim=2).flatten().tolist()
    assert same == [True, True, True, False, True]
