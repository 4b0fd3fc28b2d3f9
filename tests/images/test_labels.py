"""Label maps and palettes, read from files."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ganedit.errors import InputError
from ganedit.images.labels import boundaries, read_label_map, read_palette

LABELS = np.array([[0, 1, 2], [2, 2, 1]], np.uint8)
COLOURS = [(200, 150, 130), (10, 20, 30), (255, 0, 0)]


@pytest.fixture
def indexed(tmp_path):
    image = Image.fromarray(LABELS, "P")
    image.putpalette([n for colour in COLOURS for n in colour])
    image.save(tmp_path / "map.png")
    return tmp_path / "map.png"


@pytest.fixture
def palette(tmp_path):
    (tmp_path / "face.gpl").write_text(
        "GIMP Palette\nName: face\n# of skin\n200 150 130\tskin\n 10  20  30\tbrow\n255,0,0 lip\n"
    )
    return tmp_path / "face.gpl"


def test_indices_are_labels(indexed, tmp_path):
    assert (read_label_map(indexed).labels == LABELS).all()
    Image.fromarray(LABELS).save(tmp_path / "grey.png")
    assert (read_label_map(tmp_path / "grey.png").labels == LABELS).all()


def test_colours_are_labels_by_a_palette(indexed, palette, tmp_path):
    known = read_palette(palette)
    assert known.names == ("skin", "brow", "lip")
    Image.open(indexed).convert("RGB").save(tmp_path / "colours.png")
    assert (read_label_map(tmp_path / "colours.png", known).labels == LABELS).all()
    assert (read_label_map(tmp_path / "colours.png", otherwise=known).labels == LABELS).all()
    with pytest.raises(InputError, match="image in colours"):
        read_label_map(tmp_path / "colours.png")


def test_colours_that_no_palette_has_are_named(indexed, palette, tmp_path):
    pixels = np.asarray(Image.open(indexed).convert("RGB")).copy()
    pixels[0, 0] = (1, 2, 3)
    Image.fromarray(pixels).save(tmp_path / "colours.png")
    with pytest.raises(InputError, match=r"not in the palette: 1 2 3 \(1 of 6 pixels\)"):
        read_label_map(tmp_path / "colours.png", read_palette(palette))


@pytest.mark.parametrize("text", ["", "red\n", "300 0 0 red\n", "1 2 3 a\n1 2 3 b\n"])
def test_files_that_are_no_palette(tmp_path, text):
    (tmp_path / "p.txt").write_text(text)
    with pytest.raises(InputError, match=r"p\.txt"):
        read_palette(tmp_path / "p.txt")


def test_outlines_lie_on_both_sides():
    labels = np.zeros((4, 6), np.uint8)
    labels[:, 3:] = 1
    assert boundaries(labels).any(axis=0).tolist() == [False, False, True, True, False, False]
