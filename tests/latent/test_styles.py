"""The style space S: its channels, drawing from it, edits in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from reference import reference_file

import ganedit
from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.images.tensors import from_tensor
from ganedit.latent.directions.channels import channel_direction
from ganedit.latent.directions.direction import Direction
from ganedit.latent.editing import draw, edit, paste_latent
from ganedit.latent.latent import Latent
from ganedit.latent.sampling import random_codes
from ganedit.latent.styles import (
    channels,
    draw_styles,
    find_channels,
    style_layers,
    style_spread,
    styles_of,
    total,
)
from ganedit.store.load import load_generator

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def generator(tiny_faces):
    return load_generator("faces", "cpu")


def sample(generator, seed=1, **more):
    ws = generator.mapping(generator.z_of([seed]))[0].detach()
    return Latent(ws, generator.name, generator.sha256, "w", **more)


def test_layers_are_numbered_as_in_the_paper(generator):
    """4 px: convolution, to RGB; from 8 px two convolutions, to RGB, which shares a row with what follows."""
    layers = style_layers(generator)
    assert [layer.row for layer in layers] == [0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7]
    assert [layer.size for layer in layers] == [4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32]
    assert [i for i, layer in enumerate(layers) if layer.use == "image"] == [1, 4, 7, 10]
    assert [layer.channels for layer in layers] == [16, 16, 16, 16, 16, 16, 8, 8, 8, 8, 8]
    found = channels(generator)
    assert len(found) == total(generator) == 136
    assert [one.index for one in found] == list(range(136))
    assert [str(found[i]) for i in (0, 16, 135)] == ["0:0", "1:0", "10:7"]
    assert find_channels(generator, "1:0, 10:7") == [found[16], found[135]]


@pytest.mark.parametrize(
    ("text", "told"),
    [("smile", "names no channels"), ("6", "names no channels"), ("11:0", "no layer 11"), ("6:8", "6:8")],
)
def test_channels_that_there_are_not(generator, text, told):
    with pytest.raises(UsageError, match=told):
        find_channels(generator, text)


@pytest.mark.parametrize("name", ["sg2ada-uncond-64.pkl", "sg3t-32.pkl", "sg3r-64.pkl"])
def test_codes_s_draw_what_their_ws_draw(name):
    model = ganedit.load(GOLDEN / name, device="cpu")
    ws = model.mapping(model.z_of([1, 2])).detach()
    with torch.no_grad():
        s = styles_of(model, ws)
        assert s.shape == (2, total(model))
        torch.testing.assert_close(draw_styles(model, s), model.synthesis(ws))
    with pytest.raises(InputError, match="codes s must be"):
        draw_styles(model, s[:, 1:])


def test_the_pose_of_a_stylegan3_is_its_layer_0():
    model = ganedit.load(GOLDEN / "sg3t-32.pkl", device="cpu")
    layers = style_layers(model)
    assert (layers[0].use, layers[0].channels) == ("pose", 4)
    assert [layer.row for layer in layers] == list(range(model.num_ws))
    assert layers[-1].use == "image"


def test_without_styles_it_is_told():
    model = ganedit.load(reference_file("genforce-stylegan1.pth"), device="cpu")
    with pytest.raises(CheckpointError, match="the styles of the model genforce-stylegan1"):
        channels(model)


def test_the_spread_is_that_of_random_codes(generator):
    mean, std = style_spread(generator, 1100)
    s = styles_of(generator, random_codes(generator, 1100)[:, None].expand(-1, 8, -1)).detach()
    torch.testing.assert_close(mean, s.mean(dim=0), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(std, s.std(dim=0), atol=1e-4, rtol=1e-3)
    assert torch.equal(style_spread(generator, 1100)[1], std)


def test_an_edit_moves_each_channel_by_its_own_deviation(generator, tmp_path):
    std = style_spread(generator)[1]
    before = sample(generator)
    one = channel_direction(generator, find_channels(generator, "6:3,9:1"))
    after = edit(before, [(one, 2.0, None)])
    wanted = torch.zeros(136)
    for found in find_channels(generator, "6:3,9:1"):
        wanted[found.index] = 2 * std[found.index]
    torch.testing.assert_close(after.styles, wanted)
    assert torch.equal(after.ws, before.ws)
    assert after.edits == ({"direction": "6:3,9:1", "magnitude": 2.0, "sigma": one.sigma, "space": "s"},)
    again = edit(Latent.load(after.save(tmp_path / "a.latent.safetensors")), [(one, -2.0, None)])
    torch.testing.assert_close(again.styles, torch.zeros(136))
    assert len(again.edits) == 2
    kept = Direction.load(one.save(tmp_path / "one.safetensors"))
    assert (kept.space, kept.sigma) == ("s", one.sigma)
    kept.check_model(generator)


def test_what_edits_add_is_drawn(generator):
    before = sample(generator)
    one = channel_direction(generator, find_channels(generator, "3:2"))
    after = edit(before, [(one, 8.0, None)])
    with torch.no_grad():
        s = styles_of(generator, before.ws[None])
        s += after.styles
        wanted = draw(generator, [before])[0], from_tensor(draw_styles(generator, s)[0])
    found = draw(generator, [before.ws, after])
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a.astype(int), b.astype(int), atol=1)
    assert (found[0] != found[1]).any()
    photo = np.full((64, 64, 3), 128, np.uint8)
    placed = replace(after, affine=np.array([[2.0, 0, 0], [0, 2.0, 0]]))
    assert (paste_latent(photo, placed, generator) != photo).any()


def test_a_direction_of_s_is_not_one_of_w(generator):
    one = channel_direction(generator, find_channels(generator, "3:2"))
    latent = sample(generator)
    with pytest.raises(InputError, match="changes styles"):
        edit(latent.ws, [(one, 1.0, None)])
    with pytest.raises(UsageError, match="`layers` has no effect"):
        edit(latent, [(one, 1.0, (1, 2))])
    with pytest.raises(UsageError, match="finite"):
        edit(latent, [(one, float("nan"), None)])
    with pytest.raises(InputError, match="136"):
        Direction("short", torch.ones(5), space="s").check_model(generator)
    with pytest.raises(CheckpointError, match="changes 5 styles"):
        sample(generator, styles=torch.ones(5)).check_model(generator)
    with pytest.raises(InputError, match="5 styles"):
        edit(sample(generator, styles=torch.ones(5)), [(one, 1.0, None)])


def test_how_far_styles_usually_move(generator):
    """Magnitude 1 of k channels out of n, each by its own deviation, is a root mean square of sqrt(k / n)."""
    layers = style_layers(generator)
    one, two = layers[3].channels, layers[6].channels
    assert channel_direction(generator, find_channels(generator, "3:2")).usual == round(2 * one**0.5, 1)
    both = channel_direction(generator, find_channels(generator, "6:1,6:3"))
    assert both.limits == (-both.usual, both.usual)
    assert both.usual == round(2 * (two / 2) ** 0.5, 1)
    measured = replace(both, safe=(-1.0, 2.0))
    assert measured.limits == (-1.0, 2.0)
