"""Distances of pictures from texts."""

from __future__ import annotations

import pytest
import torch

from ganedit.errors import UsageError
from ganedit.store.load import load_clip
from ganedit.text.guidance import Wish, distance_to_wish, text_change


@pytest.fixture
def clip(tiny_clip):
    return load_clip(tiny_clip, "cpu")


def pictures(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_similarity_is_one_less_the_cosine(clip):
    x = pictures()
    found = distance_to_wish(clip, Wish("an old man", crops=0), x)(x)
    cosines = clip.images(x) @ clip.texts(["an old man"])[0]
    assert torch.allclose(found, 1 - cosines, atol=1e-6)


def test_the_directional_loss_compares_changes(clip):
    before, after = pictures(), pictures().flip(3)
    found = distance_to_wish(clip, Wish("an old man", "a man", "direction", crops=0), before)(after)
    change = clip.images(after) - clip.images(before)
    wanted = text_change(clip, "an old man", "a man")
    expected = 1 - torch.nn.functional.cosine_similarity(change, wanted[None])
    assert torch.allclose(found, expected, atol=1e-6)


def test_crops_are_looked_at_instead_of_the_whole(clip):
    x = pictures()
    torch.manual_seed(0)
    found = distance_to_wish(clip, Wish("an old man", crops=3), x)(x)
    assert found.shape == (2,)
    assert not torch.allclose(found, distance_to_wish(clip, Wish("an old man", crops=0), x)(x))


def test_invalid_wishes_are_refused(clip):
    with pytest.raises(UsageError, match="`loss=direction`"):
        Wish("old", loss="direction")
    with pytest.raises(UsageError, match="`crops="):
        Wish("old", crops=-1)
    with pytest.raises(UsageError, match="the same to tiny-clip"):
        text_change(clip, "a man", "from a man")
