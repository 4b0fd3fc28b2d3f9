"""Which style channels move an attribute or a region: against measuring every channel."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganedit.errors import UsageError
from ganedit.images.align import TEMPLATES
from ganedit.latent.directions.channel_search import VISIBLE, Search, find_channels_that
from ganedit.latent.directions.channels import channel_direction
from ganedit.latent.editing import draw, edit
from ganedit.latent.latent import Latent
from ganedit.latent.sampling import random_codes
from ganedit.latent.styles import channels, draw_styles, find_channels, style_spread, styles_of
from ganedit.metrics.concepts import FaceRegions
from ganedit.store.load import load_generator


class Judge:
    """Measures how red pictures are, and how bright their left half."""

    name, attributes = "judge", ("red", "left")

    def __call__(self, images):
        return torch.stack([images[:, 0].mean(dim=(1, 2)), images[..., :16].mean(dim=(1, 2, 3))], dim=1)

    def named(self, outputs):
        return dict(zip(self.attributes, outputs.unbind(1), strict=True))


def left(images):
    mask = torch.zeros(len(images), 1, *images.shape[2:])
    mask[..., : images.shape[-1] // 2] = 1
    return mask


@pytest.fixture(scope="module")
def generator(tiny_models):
    return load_generator(tiny_models / "faces", "cpu")


def ends(generator, magnitude):
    """Eight samples with each of the 136 channels turned down and up."""
    codes = random_codes(generator, 8)[:, None].expand(-1, generator.num_ws, -1)
    s, std = styles_of(generator, codes).detach(), style_spread(generator)[1]
    with torch.no_grad():
        return [
            [draw_styles(generator, s + sign * step).clamp(-1, 1) for sign in (-1, 1)]
            for step in torch.diag(magnitude * std)
        ]


def test_channels_that_move_an_attribute_most(generator):
    judge = Judge()
    seen = []
    search = Search(judge, "red", magnitude=0.01, samples=8)
    found = find_channels_that(generator, search, 4, lambda *now: seen.append(now))
    assert seen[-1] == (12, 12)
    changes = torch.stack([(judge(high) - judge(low)).mean(dim=0) for low, high in ends(generator, 0.01)])
    order = changes[:, 0].abs().argsort(descending=True)[:4].tolist()
    assert [one.channel.index for one in found] == order
    for one in found:
        assert one.effects["red"] == pytest.approx(float(changes[one.channel.index, 0]), rel=0.05, abs=1e-6)
        assert one.effects["left"] == pytest.approx(float(changes[one.channel.index, 1]), rel=0.1, abs=1e-5)
        assert one.share is None
        assert one.scores["red"] * one.effects["red"] > 0


def test_channels_that_change_a_region_more_than_the_rest(generator):
    found = find_channels_that(generator, Search(mask_of=left, magnitude=4, samples=8), 3)
    moved = torch.stack([(high - low).abs().mean(dim=(0, 1)) for low, high in ends(generator, 4)])
    inside, whole = moved[..., :16].sum(dim=(1, 2)), moved.sum(dim=(1, 2))
    shares, within = inside / whole, inside / 512 * 127.5
    for one in found:
        i = one.channel.index
        assert one.share == pytest.approx(float(shares[i]), rel=1e-3)
        assert one.within == pytest.approx(float(within[i]), rel=1e-3)
        assert one.change == pytest.approx(float(whole[i]) / 32**2 * 127.5, rel=1e-3)
        assert one.within >= VISIBLE
        assert one.effects == {}
    best = [one.share for one in found]
    assert best == sorted(best, reverse=True)
    assert best[0] >= 0.9 * float(shares[within >= VISIBLE].max())  # gradients only estimate it


def test_both_at_once_and_neither(generator):
    (best,) = find_channels_that(generator, Search(Judge(), "left", left, samples=8), 1)
    assert best.channel in channels(generator)
    assert best.share > 0
    with pytest.raises(UsageError, match="nothing to look for"):
        Search(Judge())
    with pytest.raises(UsageError, match="has no attribute green"):
        Search(Judge(), "green")


def test_a_channel_of_the_bundled_faces_changes_mouths():
    """9:57, as docs/channels.md says; the mouth takes about 4% of these pictures."""
    faces = load_generator("faces", "cpu")
    teeth = channel_direction(faces, find_channels(faces, "9:57"), style_spread(faces, 256)[1])
    codes = random_codes(faces, 6, psi=0.7)[:, None].expand(-1, faces.num_ws, -1)
    latents = [Latent(ws, faces.name, faces.sha256) for ws in codes]
    low, high = (np.stack(draw(faces, [edit(one, [(teeth, m, None)]) for one in latents])) for m in (-10, 10))
    moved = np.abs(high.astype(float) - low).mean(axis=3)
    mouth = FaceRegions(TEMPLATES[faces.card.template])(np.stack(draw(faces, latents)))["lips"]
    assert mouth.mean() < 0.06
    assert moved[mouth].sum() / moved.sum() > 0.15
    assert moved[mouth].mean() > 20
