"""Rows of codes in the place of others."""

from __future__ import annotations

import pytest
import torch

from ganedit.errors import UsageError
from ganedit.latent.mixing import mix, rows_of
from ganedit.nets.stylegan3 import paper_config
from ganedit.store.load import load_generator


@pytest.fixture
def generator(tiny_faces):
    return load_generator("faces", "cpu")


def test_rows_are_taken_from_the_other_code():
    a, b = torch.zeros(4, 2), torch.ones(3, 4, 2)
    found = mix(a.expand(3, 4, 2), b, [1, 3])
    assert found[:, :, 0].tolist() == [[0, 1, 0, 1]] * 3
    assert not a.any()


def test_bands_go_by_what_rows_draw(generator):
    sizes = generator.row_sizes
    assert sizes[:4] == [4, 4, 8, 8]
    assert rows_of(generator, "coarse") == [0, 1, 2, 3]
    assert rows_of(generator, "middle") == [i for i, size in enumerate(sizes) if 16 <= size < 64]
    assert rows_of(generator, "coarse, 1-2,4") == [0, 1, 2, 3, 4]


def test_rows_of_stylegan3_grow_with_their_cutoffs():
    sizes = paper_config(256).row_sizes
    assert (len(sizes), sizes[0], sizes[-1]) == (16, 4, 256)
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("text", ["fine", "99", "rough", "2-1", ""])
def test_what_the_model_has_not_is_refused(generator, text):
    if text == "fine" and generator.resolution >= 64:
        pytest.skip("the tiny model has fine layers")
    with pytest.raises(UsageError):
        rows_of(generator, text)
