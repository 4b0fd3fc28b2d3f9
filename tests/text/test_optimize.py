"""Codes moved towards texts, and pictures found from noise."""

from __future__ import annotations

import pytest
import torch

from ganedit.errors import UsageError
from ganedit.store.load import load_clip, load_generator
from ganedit.text.guidance import Wish
from ganedit.text.optimize import SteerOptions, search, steer

OLD = Wish("an old man", crops=0)
QUICK = SteerOptions(steps=8, rate=0.1, closeness=0.0, identity=0.0)


@pytest.fixture
def generator(tiny_models):
    return load_generator(tiny_models / "faces", "cpu")


@pytest.fixture
def clip(tiny_clip):
    return load_clip(tiny_clip, "cpu")


def similarity(generator, clip, ws, text):
    return clip.images(generator.synthesis(ws).clamp(-1, 1)) @ clip.texts([text])[0]


def test_pictures_come_closer_to_the_text(generator, clip):
    ws = generator.mapping(generator.z_of([1, 2]))
    moved = steer(generator, ws, clip, OLD, QUICK)
    before, after = (similarity(generator, clip, one, "an old man") for one in (ws, moved))
    assert bool((after > before).all())


def test_each_code_is_moved_by_itself(generator, clip):
    ws = generator.mapping(generator.z_of([1, 2]))
    both = steer(generator, ws, clip, OLD, QUICK)
    alone = steer(generator, ws[:1], clip, OLD, QUICK)
    assert torch.allclose(both[:1], alone, atol=1e-3)


def test_other_rows_stay(generator, clip):
    ws = generator.mapping(generator.z_of([1]))
    options = SteerOptions(steps=2, identity=0.0, rows=(0, 1))
    moved = steer(generator, ws, clip, OLD, options)
    assert torch.equal(moved[:, 2:], ws[:, 2:])
    assert not torch.equal(moved[:, :2], ws[:, :2])


def test_in_w_all_rows_move_alike(generator, clip):
    ws = generator.mapping(generator.z_of([1]))
    change = steer(generator, ws, clip, OLD, QUICK) - ws
    assert torch.allclose(change, change[:, :1].expand_as(change), atol=1e-5)
    free = SteerOptions(steps=2, space="w+", identity=0.0)
    change = steer(generator, ws, clip, OLD, free) - ws
    assert not torch.allclose(change, change[:, :1].expand_as(change), atol=1e-5)


def test_a_heavy_weight_keeps_the_code(generator, clip):
    ws = generator.mapping(generator.z_of([1]))
    free = steer(generator, ws, clip, OLD, QUICK)
    held = steer(generator, ws, clip, OLD, SteerOptions(8, rate=0.1, closeness=1e3, identity=0.0))
    assert float((held - ws).norm()) < 0.5 * float((free - ws).norm())


def test_the_person_is_kept_with_a_weight(generator, clip):
    ws = generator.mapping(generator.z_of([1]))
    options = SteerOptions(steps=2, identity=1.0)
    assert steer(generator, ws, clip, OLD, options).shape == ws.shape


def test_the_best_comes_first(generator, clip):
    found = search(generator, clip, Wish("a girl", crops=0), QUICK, candidates=6, restarts=3)
    assert len(found) == 3
    assert [one.similarity for one in found] == sorted((one.similarity for one in found), reverse=True)
    seeds = torch.stack([generator.mapping(generator.z_of([s]), psi=0.7)[0] for s in range(6)])
    start = similarity(generator, clip, seeds, "a girl").max()
    assert found[0].similarity >= float(start)


def test_what_makes_no_sense_is_told(generator, clip):
    for wrong in ({"steps": 0}, {"rate": 0.0}, {"closeness": -1.0}, {"space": "z"}):
        with pytest.raises(UsageError):
            SteerOptions(**wrong)
    with pytest.raises(UsageError, match="no layer 20"):
        steer(generator, generator.mapping(generator.z_of([1])), clip, OLD, SteerOptions(rows=(20,)))
    with pytest.raises(UsageError, match="restarts"):
        search(generator, clip, OLD, QUICK, candidates=2, restarts=3)
