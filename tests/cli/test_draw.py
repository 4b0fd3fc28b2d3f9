"""`ganedit draw`: what it writes, and what it says of inputs that cannot be drawn."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ganedit.images.edges import draw_edges
from ganedit.images.io import read_image, read_provenance
from ganedit.images.regions import PALETTE


@pytest.fixture
def photo(portrait, tmp_path):
    path = tmp_path / "me.jpg"
    read = read_image(portrait).pixels
    Image.fromarray(read).resize((read.shape[1] // 2, read.shape[0] // 2)).save(path)
    return path


def test_edges(ganedit, photo):
    ran = ganedit("draw", "edges", photo, "--json")
    assert ran.status == 0, ran.err
    (found,) = ran.json
    assert found["path"] == "me.edges.png"
    with Image.open("me.edges.png") as drawn:
        assert drawn.mode == "L"
    assert (read_image("me.edges.png").pixels == draw_edges(read_image(photo).pixels)).all()
    assert read_provenance("me.edges.png")["command"] == "draw edges"
    assert ganedit("draw", "edges", photo).status == 2  # it is there
    assert ganedit("draw", "edges", photo, "--skip-existing").lines == ["me.edges.png"]


def test_pairs_are_what_pix2pix_reads(ganedit, photo):
    from ganedit.data.pictures import load_pairs

    for kind, left in (("edges", 0), ("regions", 1)):
        ran = ganedit("draw", kind, photo, "--pairs", "--size", 64, "-o", kind)
        assert ran.lines == [f"{kind}/me.pair.png"], ran.err
        drawn, beside = load_pairs([photo.parent / kind], size=48)[0]
        assert drawn.shape == beside.shape
        assert min(drawn.shape[:2]) == 64
        colours = {tuple(c) for c in drawn.reshape(-1, 3).tolist()}
        known = {tuple(c) for c in PALETTE.colours.tolist()}
        assert (colours <= known) == bool(left)
        assert beside.std() > 20


def test_maps_named_as_the_photos_match_them(ganedit, photo):
    from ganedit.data.pictures import load_pairs

    assert ganedit("draw", "regions", photo, "-o", "maps", "--suffix", "").lines == ["maps/me.png"]
    photos = photo.parent / "photos"
    photos.mkdir()
    photo.rename(photos / photo.name)
    assert len(load_pairs([photo.parent / "maps", photos], size=32)) == 1
    ran = ganedit("draw", "edges", "maps/me.png", "-o", "maps", "--suffix", ".png", "--force")
    assert ran.status == 2
    assert "its own result" in ran.err


def test_regions_of_photos_and_of_crops(ganedit, photo):
    assert ganedit("draw", "regions", photo).status == 0
    with Image.open("me.regions.png") as image:
        labels = np.asarray(image)
        assert image.mode == "P"
    assert set(np.unique(labels)) == set(range(6))
    assert ganedit("align", photo, "--template", "close-up", "--size", 64).status == 0
    ran = ganedit("draw", "regions", "me.aligned.png", "--template", "close-up")
    assert ran.status == 0, ran.err
    with Image.open("me.aligned.regions.png") as image:
        assert image.size == (64, 64)
        assert set(np.unique(image)) == set(range(6))


def test_sketches_come_from_pipes(ganedit, photo):
    drawn = ganedit("draw", "edges", photo)
    ran = ganedit("draw", "sketch", "--size", 64, stdin=drawn.out)
    assert ran.lines == ["me.edges.sketch.png"], ran.err
    assert min(read_image("me.edges.sketch.png").pixels.shape[:2]) == 64


def test_what_cannot_be_drawn(ganedit, photo, tmp_path):
    Image.new("RGB", (80, 80), "grey").save("empty.png")
    ran = ganedit("draw", "regions", "empty.png", photo)
    assert ran.status == 1
    assert "found no face" in ran.err
    assert ran.lines == ["me.regions.png"]  # the rest is done
    (tmp_path / "text.png").write_text("no picture")
    assert ganedit("draw", "edges", "text.png").status == 3
    assert ganedit("draw", "edges", photo, "--size", 3).status == 2
    assert "did you mean close-up" in ganedit("draw", "regions", photo, "--template", "closeup").err
    assert ganedit("draw", "regions", photo, "--face", "first").status == 2
    assert ganedit("draw", "edges").status == 2


def test_a_broken_profile_is_named_once(ganedit):
    Image.new("RGB", (32, 32), "teal").save("x.png", icc_profile=b"no profile")
    ran = ganedit("draw", "edges", "x.png", "--quiet")
    assert ran.status == 0
    assert ran.lines == ["x.edges.png"]
    warning = "ganedit draw edges: x.png: its colour profile is damaged; its colours are taken as sRGB"
    assert ran.err.splitlines() == [warning]
