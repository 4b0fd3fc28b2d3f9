"""The encoder's recipe on a small random generator: it learns, resumes exactly, and knows whose it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganedit.data.images import ImageSet
from ganedit.errors import CheckpointError
from ganedit.nets.stylegan2 import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import load, load_generator, save_model
from ganedit.train.checkpoints import load_checkpoint
from ganedit.train.loop import train
from ganedit.train.options.generators import EncoderOptions
from ganedit.train.recipes.encoder import EncoderTraining
from ganedit.train.run import Run, start_fabric

WIDTHS = (8, 8, 4)
BLACK = ImageSet(torch.zeros(2, 3, 16, 16).byte(), ["a.png", "b.png"], None, [], [])


def options(**more) -> EncoderOptions:
    return EncoderOptions(**{"kimg": 0.048, "batch": 8, "precision": "float32", "seed": 2, **more})


def a_generator(folder: Path, *, seed: int = 0, classes: int = 0):
    torch.manual_seed(seed)
    g = GeneratorConfig(16, WIDTHS, z_dim=6, w_dim=5, num_classes=classes, mapping_layers=1)
    d = DiscriminatorConfig(16, WIDTHS, num_classes=classes, mapping_dim=4 if classes else 0)
    card = ModelCard(
        name="toy", task="generator", architecture="stylegan2", config=g.to_dict(), resolution=16
    )
    judge = (d.to_dict(), Discriminator(d).state_dict())
    save_model(folder, card, Generator(g).state_dict(), discriminator=judge)
    return load_generator(folder, "cpu")


@pytest.fixture
def generator(tmp_path):
    return a_generator(tmp_path / "toy")


def trained(generator, out: Path, opts: EncoderOptions, *, resume: bool = False, reports=None):
    images = generator.generate(seeds=range(12)).clamp(-1, 1)
    pixels = ((images + 1) * 127.5).round().byte()
    data = ImageSet(pixels, [f"{i}.png" for i in range(12)], None, [], [])
    fabric = start_fabric("cpu", 1)
    recipe = EncoderTraining(opts, generator, data)
    torch.manual_seed(50 if resume else 0)  # what went on before must not matter
    on_report = None if reports is None else reports.append
    run = Run(fabric, opts)
    if resume:
        load_checkpoint(recipe, run, out)
    train(recipe, run, out, on_report=on_report)
    return recipe


def test_half_and_resume_is_the_whole(generator, tmp_path, monkeypatch):
    opts = options(snapshot_kimg=0.024)
    whole = trained(generator, tmp_path / "whole", opts)
    half = tmp_path / "half"
    step = EncoderTraining.step

    def until_the_snapshot(self, run):
        if run.step == 3:
            raise RuntimeError("power cut")
        return step(self, run)

    with monkeypatch.context() as patched:
        patched.setattr(EncoderTraining, "step", until_the_snapshot)
        with pytest.raises(RuntimeError, match="power cut"):
            trained(generator, half, opts)
    recipe = trained(generator, half, opts, resume=True)
    for a, b in zip(whole.encoder.parameters(), recipe.encoder.parameters(), strict=True):
        assert torch.equal(a, b)


def test_codes_of_samples_come_closer(generator, tmp_path):
    reports = []
    trained(generator, tmp_path / "short", options(kimg=0.008), reports=reports)
    trained(generator, tmp_path / "long", options(kimg=0.12, lr=0.02), reports=reports)
    first, last = (report.stats for report in reports if report.images in (8, 120))
    assert last["picture"] < first["picture"]
    assert last["code"] < first["code"]


def test_what_is_exported_loads_and_encodes_the_same(generator, tmp_path):
    recipe = trained(generator, tmp_path / "run", options(kimg=0.008))
    encoder = load(tmp_path / "run/model", device="cpu")
    assert (encoder.name, encoder.card.task) == ("toy-encoder", "encoder")
    assert encoder.card.details == dict(generator.identity)
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(encoder(images), recipe.encoder(images), rtol=0.01, atol=0.01)  # float16


def test_a_run_for_another_generator(generator, tmp_path):
    trained(generator, tmp_path / "run", options(kimg=0.008))
    other = a_generator(tmp_path / "other", seed=1)
    opts = options(kimg=0.008)
    recipe = EncoderTraining(opts, other, BLACK)
    with pytest.raises(CheckpointError, match="other weights of the generator"):
        load_checkpoint(recipe, Run(start_fabric("cpu", 1), opts), tmp_path / "run")


def test_a_generator_with_classes_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="has classes"):
        EncoderTraining(options(), a_generator(tmp_path / "toy", classes=2), BLACK)
