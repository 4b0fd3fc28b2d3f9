"""Truncation by layers and towards several centres."""

from __future__ import annotations

import pytest
import torch

from ganedit.errors import UsageError
from ganedit.latent.truncation import Truncation, find_centres, parse_psi
from ganedit.store.load import load_generator


@pytest.fixture
def generator(tiny_faces):
    return load_generator("faces", "cpu")


@pytest.fixture
def z(generator):
    return generator.z_of([1, 2, 3])


def test_one_number_is_the_generators_own_truncation(generator, z):
    assert torch.equal(Truncation(0.5).codes(generator, z), generator.mapping(z, psi=0.5))


@torch.no_grad()
def test_layers_are_truncated_apart(generator, z):
    found = Truncation({"coarse": 0.0, "4": 0.5}).codes(generator, z)
    whole = generator.mapping(z)
    torch.testing.assert_close(found[:, :4], generator.w_avg.expand(3, 4, -1))
    torch.testing.assert_close(found[:, 4], torch.lerp(generator.w_avg, whole[:, 4], 0.5))
    torch.testing.assert_close(found[:, 5:], whole[:, 5:])
    cut = Truncation({"coarse": 0.0}).codes(generator, z, cutoff=2)
    torch.testing.assert_close(cut[:, 2:], whole[:, 2:])


@torch.no_grad()
def test_codes_are_brought_towards_the_nearest_centre(generator, z):
    whole = generator.mapping(z)
    centres = torch.stack([whole[2, 0] + 0.01, whole[0, 0] + 0.01, whole[1, 0] + 0.01])
    found = Truncation(0.0, centres).codes(generator, z)
    torch.testing.assert_close(found[:, 0], centres[[1, 2, 0]])
    half = Truncation(0.5, centres).codes(generator, z)
    torch.testing.assert_close(half, (found + whole) / 2)


def test_centres_are_where_codes_are_dense(generator):
    (one,) = find_centres(generator, 1)
    from ganedit.latent.sampling import random_codes

    torch.testing.assert_close(one, random_codes(generator, 10_000).mean(dim=0), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("text", "psi"),
    [
        ("0.7", 0.7),
        ("coarse=0.5, fine=1", {"coarse": 0.5, "fine": 1.0}),
        ("0-3=0,4=.8", {"0-3": 0.0, "4": 0.8}),
    ],
)
def test_psi_is_read(text, psi):
    assert parse_psi(text) == psi


@pytest.mark.parametrize(
    "text", ["", "much", "nan", "coarse", "coarse=", "rough=1", "coarse=inf", "0-3=0.5;4=1"]
)
def test_what_is_no_psi_is_refused(text):
    with pytest.raises(UsageError):
        parse_psi(text)
