"""The best of several: nearer than the first, the same again by its seed, of the length asked for."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from ganedit.audio import candidates
from ganedit.audio.candidates import best_of
from ganedit.audio.spectrogram import SpectrogramConfig, picture
from ganedit.errors import UsageError
from ganedit.nets.wavenet import WaveNet, WaveNetConfig
from ganedit.store.cards import ModelCard
from ganedit.store.models import Vocoder

CFG = SpectrogramConfig("stft", window=256, hop=64)


@pytest.fixture
def vocoder(monkeypatch):
    monkeypatch.setattr(candidates, "STRETCH", 0.04)
    torch.manual_seed(0)
    network = WaveNet(WaveNetConfig(CFG.bins, CFG.hop, 4, 4, 4, cycles=1, layers=2)).eval()
    return Vocoder(ModelCard("wavenet", "vocoder", "wavenet", {}), network, torch.device("cpu"))


def target(columns=12):
    t = np.arange((columns - 1) * CFG.hop) / CFG.rate
    return picture(0.1 * np.sin(2 * np.pi * 500 * t), CFG)


def distance(samples):
    return np.abs(picture(samples, CFG)[:, :12] - target()).mean()


def test_nearer_with_candidates(vocoder):
    one, many = (best_of(vocoder, target(), CFG, n, seed=1) for n in (1, 8))
    assert many.shape == one.shape == (12 * CFG.hop,)
    assert many.dtype == np.float32
    assert distance(many) < distance(one)
    assert np.array_equal(best_of(vocoder, target(), CFG, 8, seed=1), many)


def test_one_candidate_is_what_the_network_plays(vocoder):
    played = vocoder.network.generate(torch.from_numpy(target())[None, None], seed=3)
    assert np.array_equal(best_of(vocoder, target(), CFG, 1, seed=3), played[0].numpy())


def test_what_has_no_candidates_is_refused(vocoder):
    with pytest.raises(UsageError, match="`candidates=0` must be at least 1"):
        best_of(vocoder, target(), CFG, 0)
    other = Vocoder(dataclasses.replace(vocoder.card, name="plain"), torch.nn.Identity(), vocoder.device)
    with pytest.raises(UsageError, match="plain gives one sound each time"):
        best_of(other, target(), CFG, 2)
