"""How far a direction can go: until images look unreal, persons change, or the attribute stands still."""

from __future__ import annotations

import logging
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganedit.errors import InputError
from ganedit.latent.directions.direction import Direction
from ganedit.latent.editing import edit
from ganedit.latent.generating import generate
from ganedit.metrics import safe_range
from ganedit.metrics.safe_range import measure_safe_range
from ganedit.store.load import load_generator


@pytest.fixture(scope="module")
def generator(tiny_models):
    return load_generator(tiny_models / "faces", "cpu")


@pytest.fixture(scope="module")
def smile(tiny_models):
    return Direction.load(tiny_models / "faces/directions/smile.safetensors")


@pytest.fixture
def limits(monkeypatch):
    """Stand-ins for what is measured: realism ends beyond -1 and +2.5, the persons change beyond +1.5."""
    at = {"realism": (-1.0, 2.5), "persons": (-9.0, 1.5)}
    monkeypatch.setattr(safe_range._Scale, "_draw", lambda self, m: torch.full((4, 3, 8, 8), m))

    def realism(self, images):
        magnitude = float(images.mean())
        return np.full(4, 0.0 if at["realism"][0] <= magnitude <= at["realism"][1] else -1.0)

    monkeypatch.setattr(safe_range._Scale, "_realism", realism)
    monkeypatch.setattr(safe_range._Scale, "_persons", lambda self, images: images.mean((1, 2, 3)).numpy())

    def distance(before, after):
        low, high = at["persons"]
        return np.where((after >= low) & (after <= high), 0.1, 0.5)

    monkeypatch.setattr(safe_range, "identity_distance", distance)
    return at


def test_the_first_limit_ends_the_range(generator, smile, limits):
    assert measure_safe_range(generator, smile) == (-1.0, 1.5)
    limits["persons"] = (-9.0, 9.0)
    assert measure_safe_range(generator, smile) == (-1.0, 2.5)
    limits["realism"] = (-9.0, 9.0)
    assert measure_safe_range(generator, smile) == (-safe_range.FARTHEST, safe_range.FARTHEST)


def test_an_attribute_that_stands_still_ends_it(generator, smile, limits, monkeypatch):
    class Saturated:
        attributes = ("smile",)

        def __call__(self, images):
            return images.mean((1, 2, 3)).clamp(-0.5, 2.0)[:, None]

    limits["persons"] = limits["realism"] = (-9.0, 9.0)
    assert measure_safe_range(generator, smile, classifier=Saturated()) == (-0.5, 2.0)


def test_it_measures_samples_and_photos(generator, smile, monkeypatch):
    monkeypatch.setattr(safe_range, "FARTHEST", 1.0)
    monkeypatch.setattr(safe_range, "SAMPLES", 3)
    (sample,) = generate(generator, [1])
    steps = []
    low, high = measure_safe_range(
        generator, smile, photos=[sample.latent], progress=lambda done, total: steps.append((done, total))
    )
    assert -safe_range.FARTHEST <= low <= 0 <= high <= safe_range.FARTHEST
    assert all(done <= total == 4 for done, total in steps)


def test_magnitudes_are_clipped_or_warned_about(generator, smile, caplog):
    (sample,) = generate(generator, [1])
    narrow = replace(smile, safe=(-1.0, 2.0))
    with caplog.at_level(logging.WARNING):
        inside = edit(sample.latent, [(narrow, 2.0, None)])
        assert not caplog.messages
        clipped = edit(sample.latent, [(narrow, 40.0, None)], safe=True)
        far = edit(sample.latent, [(narrow, 40.0, None)])
    assert torch.equal(clipped.ws, inside.ws)
    assert clipped.edits[-1]["magnitude"] == 2.0
    assert far.edits[-1]["magnitude"] == 40.0
    assert caplog.messages == [
        "smile +40 is beyond the safe range from -1 to +2: clipped to +2",
        "smile +40 is beyond the safe range from -1 to +2: the image may break",
    ]


def test_the_range_is_stored(smile, tmp_path):
    path = replace(smile, safe=(-1.5, 3.0)).save(tmp_path / "smile.safetensors")
    assert Direction.load(path).safe == (-1.5, 3.0)
    with pytest.raises(InputError, match="safe range"):
        replace(smile, safe=(1.0, 3.0))


def test_without_a_measured_range_the_usual_one_holds(smile):
    assert replace(smile, safe=None).clipped(9.0) == 4.0
    of_styles = Direction("lips", torch.ones(5), space="s")
    assert of_styles.clipped(90.0) == 90.0
    assert math.isinf(of_styles.clipped(math.inf))
