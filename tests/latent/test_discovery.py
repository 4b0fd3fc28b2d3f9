"""Directions found in a generator: against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganedit.errors import UsageError
from ganedit.latent.directions.discovery import ganspace, sefa
from ganedit.latent.sampling import random_codes
from ganedit.store.load import load_generator


@pytest.fixture
def generator(tiny_faces):
    return load_generator("faces", "cpu")


def change(generator, vector, rows=None):
    """How far the styles of all layers move with a step of `vector`."""
    codes = torch.zeros(2, generator.num_ws, generator.w_dim)
    codes[1, rows if rows is not None else slice(None)] = vector
    with torch.no_grad():
        start, end = torch.cat(generator.network.synthesis.styles(codes), dim=1)
    return float((end - start).norm())


@pytest.mark.parametrize("rows", [None, [2, 3]])
def test_sefa_finds_what_changes_the_styles_most(generator, rows):
    found = sefa(generator, 3, rows)
    vectors = torch.stack([one.vector for one in found])
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(3), atol=1e-5, rtol=0)
    strengths = [change(generator, vector, rows) for vector in vectors]
    assert strengths == sorted(strengths, reverse=True)
    others = torch.nn.functional.normalize(torch.randn(200, generator.w_dim), dim=1)
    assert strengths[0] > max(change(generator, vector, rows) for vector in others)
    assert [one.name for one in found] == ["sefa-0", "sefa-1", "sefa-2"]
    assert found[0].layers == tuple(rows or ())
    found[0].check_model(generator)


def test_ganspace_is_the_principal_components_of_codes(generator):
    codes = random_codes(generator, 301)
    found = ganspace(generator, 2, samples=301)
    _, lengths, vectors = np.linalg.svd((codes - codes.mean(dim=0)).double().numpy())
    for i, one in enumerate(found):
        assert abs(float(one.vector.double() @ torch.from_numpy(vectors[i]))) == pytest.approx(1, abs=1e-2)
        assert one.sigma == pytest.approx(lengths[i] / np.sqrt(300), rel=1e-2)
    assert found[0].samples == 301


def test_components_of_activations_come_back_as_directions_of_w(generator):
    """Moving along the first one moves the activations it was found in."""
    seen = []
    found = ganspace(generator, 2, samples=64, layer=1, progress=lambda done, _: seen.append(done))
    assert seen[-1] == 64
    assert "layer 1" in found[0].method
    assert all(float(one.vector.norm()) == pytest.approx(1) for one in found)
    assert len(generator.layers[1]._forward_hooks) == 0


@pytest.mark.parametrize(
    "ask",
    [
        lambda g: sefa(g, 0),
        lambda g: sefa(g, g.w_dim + 1),
        lambda g: ganspace(g, 4, samples=7),
        lambda g: ganspace(g, 1, samples=32, layer=99),
    ],
)
def test_what_there_is_not_is_refused(generator, ask):
    with pytest.raises(UsageError):
        ask(generator)
