"""The vocoder learns a tiny set: spectra come nearer, runs resume with their discriminators, models load."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from recipes import CPU, assert_resumes, sheet_error, trained
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ganedit.audio.spectrogram import SpectrogramConfig
from ganedit.errors import InputError, UsageError
from ganedit.store.load import load
from ganedit.train.checkpoints import CHECKPOINT, load_checkpoint
from ganedit.train.options.recipes import VocoderOptions
from ganedit.train.recipes.vocoder import Vocoder, start
from ganedit.train.run import Run, start_fabric
from ganedit.train.sound_sources import load_all


def draw_sounds(folder, count, seconds=1.2):
    """Breathy tones `0.wav` ... in a new folder."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    t = np.arange(int(16000 * seconds)) / 16000
    for i in range(count):
        wave = np.sin(2 * np.pi * 220 * 2 ** (i / 3) * t) + 0.3 * rng.standard_normal(len(t))
        soundfile.write(folder / f"{i}.wav", 0.1 * wave, 16000)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("sounds")
    return [str(draw_sounds(root / "a", 2)), str(draw_sounds(root / "b", 1))]


@pytest.fixture(scope="module")
def sounds(folders):
    return load_all(VocoderOptions(data=tuple(folders)), SpectrogramConfig(), lambda text: None)


@pytest.fixture
def make(sounds):
    return lambda opts: Vocoder(opts, sounds, CPU)


@pytest.fixture
def options(folders):
    def make(**more):
        values = {"kimg": 0.008, "batch": 2, "width": 8, "d_width": 2, "d_from": 0.5}
        return VocoderOptions(data=tuple(folders), precision="float32", **{**values, **more})

    return make


def test_resume(make, options, tmp_path):
    assert_resumes(make, options(snapshot_kimg=0.004), tmp_path)


def test_resume_from_a_checkpoint_with_the_names_of_earlier_versions(make, options, tmp_path):
    opts = options(d_from=0.0, kimg=0.002)
    recipe = trained(make, opts, tmp_path)
    path = tmp_path / CHECKPOINT
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    old = {name.replace(".discriminators.", ".judges."): value for name, value in load_file(path).items()}
    assert any(".judges." in name for name in old)
    save_file(old, path, metadata)
    resumed = make(opts)
    load_checkpoint(resumed, Run(start_fabric("cpu", 1), opts), tmp_path)
    for key, value in recipe.d.state_dict().items():
        assert torch.equal(value, resumed.d.state_dict()[key])


def test_spectra_come_nearer(make, options, tmp_path):
    opts = options(kimg=0.04, lr=0.03, d_from=1.0)

    def muffled(opts):  # untrained it is near already, since both its sources are shaped by the spectrogram
        recipe = make(opts)
        torch.nn.init.constant_(recipe.g.write.bias, -1.0)
        return recipe

    before = sheet_error(muffled(opts).samples(), 2, drawn=1, wanted=0)
    recipe = trained(muffled, opts, tmp_path)
    assert set(recipe.networks) == {"g"}
    assert sheet_error(recipe.samples(), 2, drawn=1, wanted=0) < before / 1.3
    assert recipe.samples().shape == (3, 2 * 336, 3 * 76)


def test_discriminators_join_late(make, options, tmp_path):
    recipe = make(options())
    seen = []
    step = recipe.step
    recipe.step = lambda run: seen.append(step(run)) or seen[-1]
    trained(lambda _: recipe, recipe.options, tmp_path)
    assert ["g/gan" in stats for stats in seen] == [False, False, True, True]
    assert all(("d/loss" in stats) == ("g/features" in stats) == ("g/gan" in stats) for stats in seen)


def test_the_model_loads(make, options, tmp_path):
    recipe = trained(make, options(name="small", accumulate=2), tmp_path)
    model = load(tmp_path / "model", device="cpu")
    assert (model.name, model.card.task, model.card.architecture) == ("small", "vocoder", "hifigan")
    assert model.card.details == recipe.data.cfg.as_details()
    given, _ = recipe.data.centres([0, 2], 40)
    waves = model(given)
    assert waves.shape == (2, 40 * model.hop)
    torch.testing.assert_close(waves, recipe.g.generate(given).detach(), atol=0.02, rtol=0)  # float16


def test_it_is_measured_on_other_sounds(make, options, tmp_path):
    test = draw_sounds(tmp_path / "test", 1, seconds=4.1)
    recipe = start(options(test=str(test)), CPU, lambda text: None)
    assert len(recipe.data) == 3
    found = recipe.evaluate()
    assert 0 < found["spectral convergence"] < 1
    assert 0 < found["log magnitude difference"] < 5
    assert make(options()).evaluate() == {}


def test_nonsense_is_refused(options, tmp_path):
    for wrong, message in (
        ({"width": 20}, "`width=20` must be a multiple of 8"),
        ({"d_from": 1.5}, "`d_from=1.5` must be between 0 and 1"),
        ({"frames": 20}, "`frames=20`"),
    ):
        with pytest.raises(UsageError, match=message):
            options(**wrong)
    with pytest.raises(UsageError, match="takes folders or zips of sounds"):
        start(VocoderOptions(), CPU, lambda text: None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no sounds"):
        start(VocoderOptions(data=(str(tmp_path / "empty"),)), CPU, lambda text: None)
