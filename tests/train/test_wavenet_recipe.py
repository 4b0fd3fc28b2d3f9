"""The WaveNet learns a tiny set: the loss falls, runs resume, models load."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from recipes import CPU, assert_resumes, trained

from ganedit.errors import CheckpointError, UsageError
from ganedit.store.load import load
from ganedit.train.options.recipes import WaveNetOptions
from ganedit.train.recipes.wavenet import WaveNetRecipe, start


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Three tones of 0.8 s."""
    folder = tmp_path_factory.mktemp("tones")
    t = np.arange(12800) / 16000
    for i in range(3):
        soundfile.write(folder / f"{i}.wav", 0.1 * np.sin(2 * np.pi * 220 * 2 ** (i / 3) * t), 16000)
    return str(folder)


@pytest.fixture
def options(tones):
    def make(**more):
        values = {"kimg": 0.008, "batch": 2, "width": 8, "cycles": 1, "layers": 2}
        return WaveNetOptions(data=(tones,), precision="float32", **{**values, **more})

    return make


def make(opts):
    return start(opts, CPU, lambda text: None)


def test_resume(options, tmp_path):
    assert_resumes(make, options(snapshot_kimg=0.004), tmp_path)


def test_the_loss_falls(options, tones, tmp_path):
    opts = options(kimg=0.05, lr=0.02, test=tones)
    before = make(opts).evaluate()
    after = trained(make, opts, tmp_path).evaluate()
    assert before.keys() == after.keys() == {"test/loss"}
    assert after["test/loss"] < before["test/loss"] - 0.5


def test_what_is_played_is_shown(options, monkeypatch):
    recipe = make(options())
    monkeypatch.setattr(recipe.network, "generate", lambda pictures, seed: torch.zeros(len(pictures), 8192))
    sheet = recipe.samples()
    assert sheet.shape == (3, 2 * 336, 3 * 32)
    assert float(sheet[:, 336:].max()) == -1
    assert float(sheet[:, :336].max()) > 0


@pytest.fixture(autouse=True)
def unseen(request, monkeypatch):
    """To play what is shown takes most of the time."""
    if request.function is not test_what_is_played_is_shown:
        monkeypatch.setattr(WaveNetRecipe, "samples", lambda self: None)


def test_pieces_share_a_step(options, tmp_path):
    trained(make, options(accumulate=2), tmp_path)


def test_the_model_loads(options, tones, tmp_path):
    recipe = trained(make, options(name="tones", temperature=0.5, test=tones), tmp_path)
    model = load(tmp_path / "model", device="cpu")
    assert (model.name, model.card.task, model.network.cfg) == ("tones", "vocoder", recipe.network.cfg)
    assert model.network.cfg.temperature == 0.5
    assert model.card.details["spectrogram"]["bins_per_octave"] == 48
    assert model.card.metrics[0].value > 0
    assert model(torch.rand(2, 1, 336, 2) * 2 - 1).shape == (2, 2 * 256)


def test_a_run_starts_from_another(options, tmp_path):
    first = trained(make, options(), tmp_path)
    second = make(options(start=str(tmp_path / "model"), temperature=0.5))
    assert second.network.cfg.temperature == 0.5
    for key, value in first.network.state_dict().items():
        torch.testing.assert_close(second.network.state_dict()[key], value, atol=2e-3, rtol=1e-2)  # float16
    with pytest.raises(CheckpointError, match="of this size"):
        make(options(start=str(tmp_path / "model"), width=16))


def test_nonsense_is_refused(options):
    for more, words in (
        ({"layers": 0}, "`layers=0` must be at least 1"),
        ({"layers": 20}, "must be between 1 and 14"),
        ({"temperature": 0.0}, "must be above 0"),
        ({"frames": 30}, "must be a multiple of 8"),
    ):
        with pytest.raises(UsageError, match=words):
            options(**more)
    with pytest.raises(UsageError, match="takes folders or zips of sounds"):
        make(WaveNetOptions())
