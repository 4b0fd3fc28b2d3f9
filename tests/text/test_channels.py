"""Global directions: what channels do to CLIP's features, and directions made of it."""

from __future__ import annotations

import pytest
import torch
from reference import reference_file

from ganedit.errors import CheckpointError, UsageError
from ganedit.latent import styles
from ganedit.latent.sampling import random_codes
from ganedit.store.load import load_clip, load_generator
from ganedit.text.channels import FIRST_SEED, channel_relevance, known_relevance, text_direction
from ganedit.text.guidance import text_change


@pytest.fixture
def generator(tiny_models):
    return load_generator(tiny_models / "faces", "cpu")


@pytest.fixture
def clip(tiny_clip):
    return load_clip(tiny_clip, "cpu")


def test_relevance_is_the_derivative(generator, clip):
    found = channel_relevance(generator, clip, samples=3)
    assert found.changes.shape == (styles.total(generator), 8)
    assert found.features.shape == (3, 8)
    codes = random_codes(generator, 3, seed=FIRST_SEED)[:, None].expand(-1, generator.num_ws, -1)
    s = styles.styles_of(generator, codes)
    _, deviation = styles.style_spread(generator)
    channel, step = 5, 1e-2
    moved = s.clone()
    moved[:, channel] += step * deviation[channel]
    with torch.no_grad():
        images = [styles.draw_styles(generator, one).clamp(-1, 1) for one in (s, moved)]
        change = (clip.images(images[1]) - clip.images(images[0])).mean(dim=0) / step
    assert torch.allclose(found.changes[channel], change, atol=0.1 * float(change.norm()) + 1e-5)


def test_it_is_measured_once(generator, clip, tmp_path, monkeypatch):
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path))
    first = known_relevance(generator, clip)
    monkeypatch.setattr("ganedit.text.channels.channel_relevance", None)
    again = known_relevance(generator, clip)
    assert torch.equal(first.changes, again.changes)
    assert torch.equal(first.features, again.features)


@pytest.fixture(scope="module")
def relevance(tiny_models, tiny_clip):
    faces, judge = load_generator(tiny_models / "faces", "cpu"), load_clip(tiny_clip, "cpu")
    return channel_relevance(faces, judge, samples=8)


def test_the_direction_goes_where_the_text_does(generator, clip, relevance):
    found = text_direction(generator, clip, "an old man", "a girl", relevance, threshold=0.3)
    assert found.space == "s"
    assert float(found.vector.norm()) == pytest.approx(1, abs=1e-5)
    wanted = torch.nn.functional.normalize(text_change(clip, "an old man", "a girl"), dim=0)
    _, deviation = styles.style_spread(generator)
    change = (found.vector * found.sigma / deviation) @ (relevance.changes @ wanted)
    assert float(change) == pytest.approx(float((relevance.features @ wanted).std()), rel=1e-3)


def test_a_higher_threshold_moves_fewer_channels(generator, clip, relevance):

    def count(threshold):
        found = text_direction(generator, clip, "an old man", "a girl", relevance, threshold=threshold)
        return int((found.vector != 0).sum())

    assert count(0.0) > count(0.3) > count(0.5)
    images = [c.index for c in styles.channels(generator) if c.about.use != "features"]
    found = text_direction(generator, clip, "an old man", "a girl", relevance, threshold=0.0)
    assert not found.vector[images].any()


def test_what_cannot_be_done_is_told(generator, clip, relevance):
    with pytest.raises(UsageError, match="no channel changes images"):
        text_direction(generator, clip, "an old man", "a girl", relevance, threshold=0.999)
    with pytest.raises(UsageError, match="`threshold=2`"):
        text_direction(generator, clip, "an old man", "a girl", relevance, threshold=2)
    first = load_generator(reference_file("genforce-stylegan1.pth"), "cpu")
    with pytest.raises(CheckpointError, match="styles"):
        channel_relevance(first, clip)
