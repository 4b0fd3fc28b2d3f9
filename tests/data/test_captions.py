"""Captions composed of labels are true of the faces they were made for, and know of whom else."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganedit.data.captions import Caption, compose, matches, read_facts, vocabulary
from ganedit.errors import InputError
from ganedit.store.open_clip_network import words_of

FACES = torch.tensor([[1.0, 34.0, 0.95], [0.0, 8.0, 0.05], [0.0, 71.0, 0.9], [1.0, 1.0, math.nan]])


def test_every_caption_fits_its_own_face():
    rng = np.random.default_rng(0)
    for _ in range(100):
        fits = matches(compose(FACES, rng), FACES)
        assert float(fits.diagonal().min()) > 0


def test_what_is_unknown_is_not_told():
    rng = np.random.default_rng(1)
    captions = [caption for _ in range(100) for caption in compose(FACES[3:], rng)]
    assert all(caption.smile is None for caption in captions)
    assert any(caption.gender == 1 for caption in captions)


def test_only_words_of_the_vocabulary_are_used():
    rng = np.random.default_rng(2)
    known = set(vocabulary())
    for _ in range(200):
        for caption in compose(FACES, rng):
            assert set(words_of(caption.text)) <= known, caption.text


def test_truth_by_hand():
    man_of_40 = Caption("a man aged 40", gender=1.0, age=40.0)
    woman = Caption("an old smiling woman", gender=0.0, ages=(60, 120), smile=True)
    anyone = Caption("a face")
    fits = matches([man_of_40, woman, anyone], FACES)
    expected = torch.tensor(
        [[math.exp(-36 / 32), 0, 1], [0, 0, 1], [0, 0.9, 1], [0, 0, 1]], dtype=torch.float32
    )
    assert torch.allclose(fits, expected, atol=1e-5)


def test_a_smile_that_nobody_knows_is_no_smile():
    fits = matches([Caption("smiling", smile=True), Caption("serious", smile=False)], FACES)
    assert fits[3].tolist() == [0, 0]


def test_a_word_that_is_no_fact_is_told_with_its_column_and_set(tmp_path):
    (tmp_path / "labels.csv").write_text("file,smile\na.png,yes\n")
    with pytest.raises(InputError, match=f"the column smile of the labels of {tmp_path} holds 'yes'"):
        read_facts(tmp_path, ["a.png"])
