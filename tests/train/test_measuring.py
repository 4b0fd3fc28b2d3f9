"""Generators that are measured as they learn: the best snapshot, the checkpoint, exact resume."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from recipes import assert_resumes, trained

from ganedit.data.images import ImageSet
from ganedit.errors import MissingError, UsageError
from ganedit.metrics.frechet import frechet_distance_of
from ganedit.metrics.image_features import embed_images
from ganedit.metrics.image_sets import DrawnImages
from ganedit.metrics.samples import Measured
from ganedit.store.load import load_generator
from ganedit.train import measuring
from ganedit.train.options.gan import GANOptions
from ganedit.train.options.generators import StyleGAN2Options
from ganedit.train.recipes.gan import GAN
from ganedit.train.recipes.stylegan2 import StyleGAN2

CPU = torch.device("cpu")
MEASURED = {
    "measure": "fid", "measure_kimg": 0.008, "measure_samples": 6, "measure_features": "efficientnet-lite0",
    "data": ("pictures",), "resolution": 16, "batch": 4, "kimg": 0.024, "snapshot_kimg": 0.012, "seed": 5,
    "precision": "float32", "sample_kimg": 10.0, "z_dim": 4,
}  # fmt: skip


def pictures() -> ImageSet:
    images = torch.randint(0, 256, (12, 3, 16, 16), generator=torch.Generator().manual_seed(0)).byte()
    return ImageSet(images, [f"{i}.png" for i in range(12)], None, [], [])


def gan(opts) -> GAN:
    return GAN(opts, pictures(), CPU, print)


def stylegan2(opts) -> StyleGAN2:
    return StyleGAN2(opts, pictures(), CPU)


def options(kind=GANOptions, **more):
    sizes = {"width": 4} if kind is GANOptions else {"channel_base": 64, "channel_max": 4, "w_dim": 4}
    return kind(**kind.filled({**MEASURED, **sizes, **more}))


RECIPES = pytest.mark.parametrize(("make", "kind"), [(gan, GANOptions), (stylegan2, StyleGAN2Options)])


def logged(out, name="frechet/efficientnet-lite0"):
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return {line["images"]: line[name] for line in lines if name in line}


@RECIPES
def test_the_best_snapshot_stays_beside_the_last(tmp_path, make, kind):
    trained(make, options(kind), tmp_path)
    values = logged(tmp_path)
    assert list(values) == [8, 16, 24]
    best = load_generator(tmp_path / "best", "cpu")
    (metric,) = best.card.metrics
    assert metric.name == "Fréchet distance of efficientnet-lite0 features"
    assert metric.value == pytest.approx(min(values.values()), rel=1e-5)
    real = embed_images(pictures().some(6), "efficientnet-lite0")
    drawn = embed_images(DrawnImages(best, 6), "efficientnet-lite0")
    assert frechet_distance_of(drawn, real) == pytest.approx(metric.value, rel=1e-4)
    assert (tmp_path / "model" / "card.toml").is_file()
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".trial")) == []
    assert logged(tmp_path, "best")[24] == pytest.approx(min(values.values()))


@RECIPES
def test_measuring_does_not_change_what_is_learned(tmp_path, make, kind):
    measured = trained(make, options(kind), tmp_path / "a")
    plain = trained(make, options(kind, measure=""), tmp_path / "b")
    for name, value in plain.networks["g"].state_dict().items():
        assert torch.equal(value, measured.networks["g"].state_dict()[name]), name
    assert not (tmp_path / "b" / "best").exists()


@RECIPES
def test_half_and_resume_keeps_the_same_best(tmp_path, make, kind):
    assert_resumes(make, options(kind), tmp_path)
    whole, half = (load_generator(tmp_path / name / "best", "cpu") for name in ("whole", "half"))
    assert whole.card.metrics == half.card.metrics
    assert whole.card.sha256 == half.card.sha256
    assert list(logged(tmp_path / "half").items())[-1] == list(logged(tmp_path / "whole").items())[-1]


def test_the_best_value_is_in_the_checkpoint(tmp_path, monkeypatch):
    """A resumed run replaces the best snapshot only by a better one."""
    values = iter([5.0, 3.0, 4.0])
    scripted(monkeypatch, values)
    trained(gan, options(), tmp_path)
    card = load_generator(tmp_path / "best", "cpu").card
    assert card.metrics[0].value == 3.0
    assert logged(tmp_path, "best") == {8: 5.0, 16: 3.0, 24: 3.0}
    scripted(monkeypatch, iter([3.5, 2.0]))
    trained(gan, options(kimg=0.04), tmp_path, resume=True)
    assert logged(tmp_path, "best") == {8: 5.0, 16: 3.0, 24: 3.0, 32: 3.0, 40: 2.0}


def test_a_resumed_run_with_another_measure_starts_over(tmp_path, monkeypatch):
    scripted(monkeypatch, iter([5.0, 3.0, 4.0]))
    trained(gan, options(), tmp_path)
    scripted(monkeypatch, iter([9.0]))
    trained(gan, options(kimg=0.032, measure_samples=8), tmp_path, resume=True)
    assert load_generator(tmp_path / "best", "cpu").card.metrics[0].value == 9.0


def scripted(monkeypatch, values) -> None:
    def measured(self, model):
        return Measured("frechet", "distance", next(values))

    monkeypatch.setattr(measuring.Judge, "_measured", measured)


def test_the_curve_is_in_tensorboard(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trained(gan, options(measure="kid"), tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("kernel/efficientnet-lite0")] == [8, 16, 24]


def test_a_missing_network_stops_the_run_before_it_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    with pytest.raises(MissingError, match="inception"):
        trained(gan, options(measure_features="inception"), tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()


def test_real_images_are_always_the_same():
    one, other = (pictures().some(5) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert one.shape == (5, 16, 16, 3)
    assert len(pictures().some(50)) == 12


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"measure_kimg": 0.0}, "`measure_kimg=0.0` must be above 0"),
        ({"measure_samples": 1}, "`measure_samples=1` must be at least 2"),
        ({"data": ("ring8",), "network": "mlp"}, "ring8 holds points"),
    ],
)
def test_contradictions(given, said):
    with pytest.raises(UsageError, match=said):
        options(**given)
