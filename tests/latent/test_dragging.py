"""Points that are dragged: against a generator whose image is known exactly, and on tiny StyleGANs."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from reference import reference_file
from torch import nn

from ganedit.errors import InputError, UsageError
from ganedit.latent.dragging import DraggedPoint, PointMove, drag, moves_in_crop
from ganedit.latent.generating import generate
from ganedit.latent.latent import Latent
from ganedit.latent.motion import DragOptions, Motion, feature_layers, radii, sample
from ganedit.latent.styles import total
from ganedit.store.cards import ModelCard
from ganedit.store.load import load, load_generator
from ganedit.store.models import Generator

SIDE = 64
FAST = DragOptions(keep=0.0)


class Spots(nn.Module):
    """Draws two spots, whose positions are the rows of a code: 32 + 4 w in pixels.

    Its features are the image of each spot at 16 and 32 px, wide and narrow.
    """

    class Map(nn.Module):
        def forward(self, spots, size):
            at = (torch.arange(size) + 0.5) * (SIDE / size)
            across = (at[None, None, None, :] - spots[:, :, 0, None, None]).square()
            down = (at[None, None, :, None] - spots[:, :, 1, None, None]).square()
            return torch.cat([torch.exp(-(across + down) / (2 * width**2)) for width in (4.0, 8.0)], dim=1)

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([self.Map(), self.Map(), self.Map()])

    def forward(self, ws, noise="const"):
        maps = [layer(32 + 4 * ws, size) for layer, size in zip(self.layers, (16, 32, SIDE), strict=True)]
        return (maps[-1][:, [0, 1, 0]] * 2 - 1).clamp(-1, 1)


class SpotsNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.synthesis = Spots()
        self.cfg = SimpleNamespace(
            resolution=SIDE, num_ws=2, w_dim=2, z_dim=2, num_classes=0, row_sizes=[4, 4]
        )
        self.register_buffer("w_avg", torch.zeros(2))

    def style_codes(self, z, c, psi, cutoff):
        return (psi * z)[:, None].expand(-1, 2, -1)


@pytest.fixture
def spots():
    """The generator of two spots, and a latent that puts them at 16,32 and 48,40."""
    generator = Generator(ModelCard("spots", "generator", "spots", {}), SpotsNetwork().eval())
    ws = (torch.tensor([[16.0, 32.0], [48.0, 40.0]]) - 32) / 4
    return generator, Latent(ws, **generator.identity)


def places(latent):
    return (32 + 4 * latent.ws).tolist()


@pytest.fixture
def faces(tiny_faces):
    generator = load_generator("faces", "cpu")
    (one,) = generate(generator, [1])
    return generator, one.latent


# ---- where the image is known ----


def test_a_spot_goes_where_it_should_and_no_further(spots):
    generator, latent = spots
    dragged = drag(latent, generator, [PointMove((16, 32), (20, 28))], FAST)
    (point,) = dragged.points
    assert point.arrived
    assert dragged.steps < 150
    first, second = places(dragged.latent)
    assert math.dist(first, point.at) < 2.0  # one of the finest features is 2 px
    assert math.dist(first, (20, 28)) < 2.0
    assert math.dist(second, (48, 40)) < 1.0  # nothing asked for it to move
    assert torch.equal(dragged.path[0], latent.ws)
    assert torch.equal(dragged.path[-1], dragged.latent.ws)


def test_every_step_is_shown_to_who_watches(spots):
    generator, latent = spots
    codes, points = [], []

    def watch(ws, at):
        codes.append(ws)
        points.append(at.tolist())

    dragged = drag(latent, generator, [PointMove((16, 32), (20, 28))], FAST, watch=watch)
    assert torch.equal(torch.stack(codes), dragged.path)
    assert points[0] == [[16.0, 32.0]]
    assert points[-1] == [list(dragged.points[0].at)]


def test_points_that_arrive_at_different_times_are_both_there_at_the_end(spots):
    generator, latent = spots
    moves = [PointMove((16, 32), (17.5, 32)), PointMove((48, 40), (42, 47))]
    dragged = drag(latent, generator, moves, FAST)
    assert [point.arrived for point in dragged.points] == [True, True]
    for at, move in zip(places(dragged.latent), moves, strict=True):
        assert math.dist(at, move.goal) < 2.0


def test_a_point_that_cannot_arrive_is_reported_with_how_far_it_came(spots, caplog):
    generator, latent = spots
    move = PointMove((16, 32), (40, 32))
    with caplog.at_level(logging.WARNING, "ganedit"):
        dragged = drag(latent, generator, [move], DragOptions(steps=10, keep=0.0))
    (point,) = dragged.points
    assert not point.arrived
    assert dragged.steps == 10
    told = caplog.messages[0]
    assert "the point 16,32 did not arrive: after 10 steps it is at" in told
    assert f"{1 - point.left / 24:.0%} of the way" in told
    assert dragged.latent.edits[-1]["reached"] == [list(point.at)]


def test_a_point_that_is_there_already_needs_no_step(spots):
    generator, latent = spots
    dragged = drag(latent, generator, [PointMove((16, 32), (16, 32.5))])
    assert dragged.steps == 0
    assert torch.equal(dragged.latent.ws, latent.ws)


def test_the_mask_holds_what_is_black(spots, monkeypatch):
    """Both spots are asked to go; one of them lies where the image is to stay.

    Two spots on black are next to nothing in the mean over the image, so the mask weighs more here.
    """
    monkeypatch.setattr("ganedit.latent.motion.HELD", 20.0)
    generator, latent = spots
    moves = [PointMove((16, 32), (19, 32)), PointMove((48, 40), (51, 40))]
    left = np.zeros((SIDE, SIDE), bool)
    left[:, :32] = True
    held = drag(latent, generator, moves, replace(FAST, steps=40), mask=left)
    free = drag(latent, generator, moves, replace(FAST, steps=40))
    assert free.points[1].arrived
    assert math.dist(places(held.latent)[1], (48, 40)) < 0.5 * math.dist(places(free.latent)[1], (48, 40))


def test_only_changes_where_the_mask_is_black_count(spots):
    generator, latent = spots
    left = np.zeros((SIDE, SIDE), bool)
    left[:, : SIDE // 4] = True
    motion = Motion(generator, latent, [((16, 32), (19, 32))], FAST, left, None)
    motion.before = [torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 16, 16)]
    maps = [one + 3 for one in motion.before]
    for one in maps:
        one[..., : one.shape[3] // 4] = 7  # free to change
    assert float(motion._change_outside(maps)) == pytest.approx(2 * 3 * 0.75)


def test_keep_and_the_person_pull_the_code_back(spots):
    generator, latent = spots
    moves = [PointMove((16, 32), (30, 32))]

    def moved(options, person=None):
        dragged = drag(latent, generator, moves, replace(options, steps=15), person=person)
        return float((dragged.latent.ws - latent.ws).norm())

    before = generator.synthesis(latent.ws[None])

    def person(images):
        return (images - before).square().mean(dim=(1, 2, 3)) * 100

    free = moved(FAST)
    assert moved(replace(FAST, keep=5.0)) < 0.8 * free
    assert moved(replace(FAST, identity=50.0), person) < 0.8 * free
    assert moved(replace(FAST, identity=0.0), person) == free


# ---- features ----


def test_features_are_linear_between_the_centres_of_pixels():
    """A ramp of 4 px over a crop of 8: the value at x is (x - 1) / 2, from 0 at the first centre."""
    ramp = torch.arange(4.0).expand(1, 1, 4, 4)
    points = torch.tensor([[1.0, 4.0], [2.0, 4.0], [4.0, 4.0], [0.0, 4.0], [8.0, 4.0]])
    found = sample([ramp, ramp + 10], points, 8)
    torch.testing.assert_close(found[:, 0], torch.tensor([0.0, 0.5, 1.5, 0.0, 3.0]))
    torch.testing.assert_close(found[:, 1], found[:, 0] + 10)


def test_the_features_are_those_of_half_the_size_and_a_quarter(faces):
    generator, _ = faces
    assert [(one.inside, one.layer) for one in feature_layers(generator)] == [(8, 2), (16, 4)]
    assert [one.inside for one in feature_layers(load(reference_file("sg3t-32.pkl"), "cpu"))] == [16, 16]


def test_patches_are_wide_unless_another_point_is_near():
    points = torch.tensor([[0.0, 0.0], [6.0, 8.0], [100.0, 0.0], [101.0, 0.0]])
    assert radii(points, 3, 7).tolist() == [5, 5, 3, 3]
    assert radii(points[:1], 3, 7).tolist() == [7]


# ---- tiny StyleGANs ----


def test_only_rows_that_shape_the_features_move(faces):
    generator, latent = faces
    moves = [PointMove((12, 12), (16, 14))]
    dragged = drag(latent, generator, moves, DragOptions(steps=5))
    changed = (dragged.latent.ws != latent.ws).any(dim=1)
    assert changed.tolist() == [True] * 4 + [False] * 4  # rows of 4 and 8 px
    alike = drag(latent, generator, moves, DragOptions(steps=5, space="w")).latent.ws - latent.ws
    torch.testing.assert_close(alike, alike[:1].expand_as(alike))
    assert alike.abs().max() > 0


@pytest.mark.parametrize("name", ["faces", "sg3t-32.pkl", "sg3r-64.pkl"])
def test_a_drag_comes_nearer_and_is_the_same_every_time(tiny_faces, name):
    generator = load_generator(name if name == "faces" else reference_file(name), "cpu")
    (one,) = generate(generator, [1])
    move = PointMove((12, 12), (15, 14))
    first, second = (drag(one.latent, generator, [move], DragOptions(steps=15)) for _ in range(2))
    assert torch.equal(first.latent.ws, second.latent.ws)
    assert first.points == second.points
    assert first.points[0].left < math.dist(move.start, move.goal)


def test_styles_that_edits_added_stay_and_count(faces):
    generator, latent = faces
    moves, options = [PointMove((12, 12), (16, 14))], DragOptions(steps=3)
    plain = drag(latent, generator, moves, options)
    restyled = latent.restyled(torch.full((total(generator),), 0.2), {"direction": "x"})
    dragged = drag(restyled, generator, moves, options)
    assert torch.equal(dragged.latent.styles, restyled.styles)
    assert not torch.equal(dragged.latent.ws, plain.latent.ws)
    none = drag(latent.restyled(torch.zeros(total(generator)), {}), generator, moves, options)
    torch.testing.assert_close(none.latent.ws, plain.latent.ws)


def test_the_film_goes_evenly_from_the_start_to_the_end(faces):
    generator, latent = faces
    dragged = drag(latent, generator, [PointMove((12, 12), (16, 14))], DragOptions(steps=4))
    film = dragged.latents(9)
    assert len(film) == 9
    torch.testing.assert_close(film[0].ws, latent.ws)
    torch.testing.assert_close(film[1].ws, (dragged.path[0] + dragged.path[1]) / 2)
    torch.testing.assert_close(film[-1].ws, dragged.latent.ws)


# ---- coordinates, and what is refused ----


def test_moves_in_a_photo_become_moves_in_the_crop(faces):
    """The crop's pixels are two of the photo's, and begin at 10, 20."""
    _, latent = faces
    in_photo = replace(latent, affine=np.array([[2.0, 0, 10], [0, 2.0, 20]]))
    assert moves_in_crop([PointMove((20, 40), (30, 44))], in_photo) == [PointMove((5, 10), (10, 12))]
    with pytest.raises(UsageError, match="was not made from a photo"):
        moves_in_crop([PointMove((20, 40), (30, 44))], latent)


def test_moves_are_read_as_people_write_them():
    assert PointMove.parse("40,52:44,50") == PointMove((40, 52), (44, 50))
    assert str(PointMove.parse(" 1.5, 2 : 3,-4 ")) == "1.5,2:3,-4"
    for text in ("", "1,2", "1,2:3", "a,b:c,d", "1,2:3,4:5,6", "1,2:3,nan"):
        with pytest.raises(UsageError, match="is not X,Y:X2,Y2"):
            PointMove.parse(text)


def test_how_far_a_point_came():
    move = PointMove((0, 0), (10, 0))
    assert "40% of the way, 6.0 px" in DraggedPoint(move, (4.0, 0.0)).how_far(7)
    assert "no nearer, 12.0 px" in DraggedPoint(move, (-2.0, 0.0)).how_far(7)
    assert DraggedPoint(move, (9.0, 0.0)).arrived
    assert not DraggedPoint(move, (8.9, 0.0)).arrived


@pytest.mark.parametrize(
    ("moves", "mask", "error", "told"),
    [
        ([], None, UsageError, "no `move` was given"),
        ([PointMove((33, 5), (6, 6))], None, UsageError, "33,5:6,6 starts outside the crop, which has 32x32"),
        ([PointMove((5, 5), (6, -1))], None, UsageError, "5,5:6,-1 ends outside the crop"),
        ([PointMove((5, math.nan), (6, 1))], None, UsageError, "starts outside the crop"),
        (
            [PointMove((5, 5), (6, 6))],
            np.ones((64, 48)),
            InputError,
            "the mask has 48x64 pixels, and the crop 32x32",
        ),
        ([PointMove((5, 5), (6, 6))], np.zeros((32, 32)), InputError, "black everywhere"),
    ],
)
def test_impossible_requests_are_refused(faces, moves, mask, error, told):
    generator, latent = faces
    with pytest.raises(error, match=told):
        drag(latent, generator, moves, mask=mask)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"steps": 0}, "`steps=0` must be"),
        ({"space": "z"}, "there is no space z"),
        ({"rate": 0.0}, "`rate=0.0` must be above 0"),
        ({"keep": -1.0}, "`keep=-1.0` must be at least 0"),
        ({"identity": math.inf}, "`identity=inf` must be at least 0"),
    ],
)
def test_impossible_options_are_refused(values, told):
    with pytest.raises(UsageError, match=told):
        DragOptions(**values)
