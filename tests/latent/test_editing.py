"""Edits of codes and latents, their notation, and bringing them back into the photo."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.images.align import TEMPLATES, align_faces
from ganedit.images.io import Photo, read_image, write_image
from ganedit.images.provenance import provenance
from ganedit.latent.directions.direction import Direction
from ganedit.latent.directions.named import find
from ganedit.latent.editing import between, draw, edit, parse_layers, parse_sweep, paste_latent
from ganedit.latent.generating import generate
from ganedit.latent.inversion.photos import crops_of, find_photo, project_photo
from ganedit.latent.inversion.project import ProjectOptions
from ganedit.latent.latent import Latent
from ganedit.store.load import load_generator

NAN = float("nan")


@pytest.fixture
def generator(tiny_faces):
    return load_generator("faces", "cpu")


def sample(generator, **more):
    ws = generator.mapping(generator.z_of([1]))[0].detach()
    return Latent(ws, "faces", generator.sha256, "w", **more)


def axis(i=0, **more):
    return Direction(f"axis{i}", torch.eye(8)[i], **more)


@pytest.mark.parametrize(
    ("text", "layers"),
    [("0-5", range(6)), ("0,2,4-7", [0, 2, 4, 5, 6, 7]), ("3", [3]), ("1,1,0-2", [1, 0, 2])],
)
def test_layers(text, layers):
    assert list(parse_layers(text)) == list(layers)


@pytest.mark.parametrize("text", ["", "5-0", "-1", "a", "1,,2", "0-100", "1.5"])
def test_what_is_no_list_of_layers(text):
    with pytest.raises(UsageError, match="`layers="):
        parse_layers(text)


def test_sweeps():
    assert parse_sweep("-3:3:7") == [-3, -2, -1, 0, 1, 2, 3]
    assert parse_sweep("2:0:3") == [2, 1, 0]
    assert [str(v) for v in parse_sweep("-0.3:0.6:4")][1] == "0.0"  # not -5.6e-17


@pytest.mark.parametrize(
    "text", ["", "1:2", "1:2:3:4", "a:b:c", "0:nan:3", "-inf:1:3", "1:1:3", "0:1:1", "0:1:101"]
)
def test_what_is_no_sweep(text):
    with pytest.raises(UsageError, match="`sweep="):
        parse_sweep(text)


def test_edits_are_recorded_and_the_first_code_is_kept(generator, tmp_path):
    latent = sample(generator)
    once = edit(latent, [(axis(0, sigma=2.0), 1.5, None), (axis(1), -1.0, (0, 1))])
    twice = Latent.load(edit(once, [(axis(0), 1.0, None)]).save(tmp_path / "x.latent.safetensors"))
    expected = latent.ws.clone()
    expected[:, 0] += 1.5 * 2 + 1
    expected[:2, 1] -= 1
    torch.testing.assert_close(twice.ws, expected)
    assert torch.equal(twice.original, latent.ws)
    assert [e["direction"] for e in twice.edits] == ["axis0", "axis1", "axis0"]
    assert twice.edits[1] == {"direction": "axis1", "magnitude": -1.0, "sigma": 1.0, "layers": [0, 1]}
    assert not latent.edits


def test_codes_of_any_batch(generator):
    codes = torch.zeros(2, 8, 8)
    assert edit(codes, [(axis(2), 1.0, (3,))])[:, 3, 2].tolist() == [1, 1]
    assert float(codes.abs().sum()) == 0


def test_refusals(generator):
    latent = sample(generator)
    for moves, kind, words in [
        ([(axis(), NAN, None)], UsageError, "finite"),
        ([(axis(), float("inf"), None)], UsageError, "finite"),
        ([(axis(), 1.0, (8,))], UsageError, "no layer 8"),
        ([(Direction("big", torch.ones(9)), 1.0, None)], InputError, "made for another|codes are"),
        ([(axis(model="cats", model_sha256="1" * 64), 1.0, None)], CheckpointError, "cats.*faces"),
    ]:
        with pytest.raises(kind, match=words):
            edit(latent, moves)


def test_a_film_begins_and_ends_at_its_codes():
    a, b = Latent(torch.zeros(2, 3), "faces", "ab"), Latent(torch.ones(2, 3), "faces", "ab")
    film = between(a, replace(b, styles=torch.full((4,), 2.0)), 9)
    assert len(film) == 9
    assert torch.equal(film[0].ws, a.ws)
    assert torch.equal(film[0].styles, torch.zeros(4))
    torch.testing.assert_close(film[-1].ws, b.ws)
    torch.testing.assert_close(film[-1].styles, torch.full((4,), 2.0))
    assert all(bool((x.ws <= y.ws).all() and (x.styles <= y.styles).all()) for x, y in pairwise(film))
    assert between(a, b, 2)[1].styles is None


def test_pictures_are_drawn_in_order_whatever_the_batch(generator):
    codes = list(generator.mapping(generator.z_of(range(6))).detach())
    together = draw(generator, codes)
    for code, picture in zip(codes, together, strict=True):
        np.testing.assert_allclose(draw(generator, [code])[0].astype(int), picture.astype(int), atol=1)


def test_project_edit_and_paste_from_python(generator, portrait):
    (latent,) = project_photo(portrait, generator, ProjectOptions("encode"))
    photo = read_image(portrait).pixels
    np.testing.assert_array_equal(paste_latent(photo, latent, generator), photo)
    far = edit(latent, [(axis(0), 6.0, None)])
    pasted = paste_latent(photo, far, generator)
    changed = np.argwhere((pasted != photo).any(axis=2))
    assert len(changed) > 100
    corners = np.array([[0, 0, 1], [32, 0, 1], [0, 32, 1], [32, 32, 1]]) @ latent.affine.T
    assert (changed[:, ::-1] >= corners.min(0) - 2).all()
    assert (changed[:, ::-1] <= corners.max(0) + 2).all()
    with pytest.raises(UsageError, match="not made from a photo"):
        paste_latent(photo, sample(generator), generator)


def test_several_faces(generator, shared):
    photo = read_image(shared / "data/photos/two_people.jpg")
    crops = crops_of(photo, generator, face="all")
    assert [crop.number for crop in crops] == [1, 2]
    assert crops_of(photo, generator, face=2)[0].affine.tolist() == crops[1].affine.tolist()


def test_a_model_of_something_else_gets_the_middle(generator, tiny_faces):
    card = tiny_faces / "faces/card.toml"
    card.write_text(card.read_text().replace('template = "close-up"', ""))
    wall = np.full((40, 60, 3), 90, np.uint8)
    (crop,) = crops_of(Photo(wall), load_generator("faces", "cpu"))
    assert crop.affine.tolist() == [[1.25, 0, 10], [0, 1.25, 0]]
    assert crop.template == ""
    card.write_text(card.read_text().replace('name = "faces"', 'name = "faces"\ntemplate = "cats"'))
    with pytest.raises(CheckpointError, match="cats"):
        crops_of(Photo(wall), load_generator("faces", "cpu"))


def test_aligned_crops_point_into_the_whole_photo(generator, portrait, tmp_path):
    """A crop of 96 px that `ganedit align` made is cut again at 32 px: the same square of the photo."""
    whole = read_image(portrait)
    template = TEMPLATES["close-up"]
    ((_, face),) = align_faces(whole.pixels, size=96, template=template)
    details = {"affine": face.affine.tolist(), "size": 96, "template": "close-up", "face": 1}
    record = provenance("align", {**details, "source_sha256": whole.sha256}, source=portrait)
    write_image(tmp_path / "a.png", face.crop, provenance=record)
    (crop,) = crops_of(read_image(tmp_path / "a.png"), generator, aligned=True)
    ((_, direct),) = align_faces(whole.pixels, size=32, template=template)
    np.testing.assert_allclose(crop.affine, direct.affine, atol=3)  # they differ in whole-number reductions
    assert (crop.source, crop.source_sha256) == (str(portrait), whole.sha256)

    record["parameters"]["template"] = "ffhq"
    write_image(tmp_path / "b.png", face.crop, provenance=record)
    with pytest.raises(InputError, match=r"ffhq.*close-up"):
        crops_of(read_image(tmp_path / "b.png"), generator, aligned=True)
    write_image(tmp_path / "c.png", face.crop[:50])
    with pytest.raises(InputError, match="square"):
        crops_of(read_image(tmp_path / "c.png"), generator, aligned=True)


def test_the_photo_is_known_by_its_checksum(generator, tmp_path, monkeypatch):
    pixels = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    old, new = tmp_path / "old", tmp_path / "new"
    write_image(old / "me.png", pixels)
    sha = read_image(old / "me.png").sha256
    latent = sample(generator, affine=np.eye(2, 3), source=str(old / "me.png"), source_sha256=sha)
    assert find_photo(latent).path == old / "me.png"
    new.mkdir()
    (old / "me.png").rename(new / "me.png")
    with pytest.raises(InputError, match=r"old/me.png is no longer there"):
        find_photo(latent)
    assert find_photo(latent, beside=new / "me.latent.safetensors").path == new / "me.png"
    assert find_photo(latent, given=new / "me.png").path == new / "me.png"
    write_image(old / "me.png", 255 - pixels)
    with pytest.raises(InputError, match=r"old/me.png is not, or no longer"):
        find_photo(latent)
    with pytest.raises(InputError, match="not made from a photo"):
        find_photo(sample(generator))


def test_directions_by_name(tiny_faces):
    generator = load_generator("faces", "cpu")
    (sample,) = generate(generator, [1])
    smile, age = (find(name, "faces") for name in ("smile", "age"))
    by_name = edit(sample.latent, {"smile": 2, "age": -1})
    assert torch.equal(by_name.ws, edit(sample.latent, [(smile, 2, None), (age, -1, None)]).ws)
    assert torch.equal(edit(sample.latent, ["smile"]).ws, edit(sample.latent, [(smile, 1.0, None)]).ws)
    assert torch.equal(edit(sample.latent, [(smile, 2)]).ws, edit(sample.latent, {"smile": 2}).ws)
    for wrong in ([("smile",)], [(2.0, "smile")], [3]):
        with pytest.raises(UsageError, match="not a direction and a magnitude"):
            edit(sample.latent, wrong)
    with pytest.raises(UsageError, match=r"a latent can be edited, not 'me\.jpg'"):
        edit("me.jpg", {"smile": 2})
    with pytest.raises(UsageError, match="a model is needed, not 'faces'"):
        generate("faces", [1])
    with pytest.raises(UsageError, match="no direction smiel"):
        edit(sample.latent, {"smiel": 2})
    with pytest.raises(UsageError, match="need a latent"):
        edit(sample.latent.ws, {"smile": 2})
