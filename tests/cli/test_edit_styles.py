"""`ganedit edit --space s` with tiny models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from reference import reference_file

from ganedit.images.io import read_image, read_provenance, write_image
from ganedit.latent.directions.channels import channel_direction
from ganedit.latent.editing import draw
from ganedit.latent.latent import Latent
from ganedit.latent.mixing import mix_latents
from ganedit.latent.styles import channels, find_channels, style_spread
from ganedit.store.load import load_generator

GOLDEN = Path(__file__).parents[1] / "golden"
EDIT = ("edit", "--device", "cpu")
S = (*EDIT, "a.latent.safetensors", "--space", "s")


@pytest.fixture
def generator(tiny_faces):
    return load_generator("faces", "cpu")


@pytest.fixture
def sample(ganedit, generator):
    """a.latent.safetensors, of a sample."""
    ws = generator.mapping(generator.z_of([1]))[0].detach()
    latent = Latent(ws, "faces", generator.sha256, "w")
    latent.save("a.latent.safetensors")
    return latent


def test_channels_move_by_their_deviations_beside_a_direction(ganedit, sample, generator):
    ran = ganedit(*S, "--direction", "6:3,9:1", "--magnitude", 3, "--direction", "smile", "--magnitude", -1)
    assert ran.status == 0, ran.err
    latent = Latent.load("a.6_3,9_1+3.smile-1.latent.safetensors")
    std = style_spread(generator)[1]
    moved = find_channels(generator, "6:3,9:1")
    assert torch.equal(latent.styles.nonzero()[:, 0], torch.tensor([one.index for one in moved]))
    for one in moved:
        assert float(latent.styles[one.index]) == pytest.approx(3 * float(std[one.index]), rel=1e-4)
    assert not torch.equal(latent.ws, sample.ws)
    first, second = read_provenance("a.6_3,9_1+3.smile-1.png")["parameters"]["edits"]
    assert (first["direction"], first["space"]) == ("6:3,9:1", "s")
    assert second["direction"] == "smile"


def test_a_sweep_with_sheet_and_film(ganedit, sample, tmp_path):
    ran = ganedit(*S, "--direction", "3:2", "--sweep", "-8:8:3", "--video", "-o", "out")
    assert ran.status == 0, ran.err
    low, middle, high = (read_image(f"out/a.3_2{v}.png").pixels for v in ("-8", "+0", "+8"))
    assert (low != middle).any()
    assert (high != middle).any()
    np.testing.assert_allclose(Latent.load("out/a.3_2+0.latent.safetensors").styles, 0)
    assert (tmp_path / "out/a.3_2-8to+8x3.sheet.png").is_file()
    assert (tmp_path / "out/a.3_2-8to+8x3.mp4").is_file()


def test_the_edit_is_pasted_and_can_be_taken_back(ganedit, sample, tmp_path):
    photo = np.full((80, 80, 3), 128, np.uint8)
    write_image(tmp_path / "me.png", photo)
    source = read_image("me.png")
    affine = np.array([[2.0, 0, 8], [0, 2.0, 8]])
    replace(sample, affine=affine, source="me.png", source_sha256=source.sha256).save("a.latent.safetensors")
    ran = ganedit(*S, "--direction", "3:2", "--magnitude", 8, "--paste", "-o", "one")
    assert ran.status == 0, ran.err
    assert (read_image("one/a.3_2+8.pasted.png").pixels != photo).any()
    again = [*EDIT, "one/a.3_2+8.latent.safetensors", "--space", "s", "--direction", "3:2"]
    ran = ganedit(*again, "--magnitude", -8, "--paste", "--photo", "me.png", "-o", "two")
    assert ran.status == 0, ran.err
    np.testing.assert_array_equal(read_image("two/a.3_2+8.3_2-8.pasted.png").pixels, photo)


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (["--direction", "3:2", "--space", "w"], 2, "add --space s"),
        (["--direction", "11:0"], 2, "there is no layer 11"),
        (["--direction", "3:99"], 2, "there is no channel 3:99"),
        (["--direction", "642"], 2, "'642' names no channels"),
        (["--direction", "3:2", "--layers", "0-3"], 2, "--layers has no effect"),
        (["--space", "s"], 2, "no --direction"),
    ],
)
def test_refusals(ganedit, sample, tmp_path, options, status, told):
    ran = ganedit(*S, *options)
    assert ran.status == status
    assert told in ran.err
    assert not list(tmp_path.glob("a.*.png"))


def test_a_direction_of_styles_is_a_file_as_others(ganedit, sample, generator, tiny_faces):
    one = channel_direction(generator, find_channels(generator, "3:2,6:1"))
    ran = ganedit("direction", "name", "faces/3:2,6:1", "grin", "--device", "cpu")
    assert ran.lines == [str(tiny_faces / "directions/faces/grin.safetensors")], ran.err
    ran = ganedit(*EDIT, "a.latent.safetensors", "--direction", "grin", "--magnitude", 2)
    assert ran.status == 0, ran.err
    torch.testing.assert_close(Latent.load("a.grin+2.latent.safetensors").styles, 2 * one.sigma * one.vector)
    show = ("direction", "show", "grin", "6:1", "--faces", 1, "--device", "cpu", "--magnitude")
    assert ganedit(*show, 10).status == 0
    assert ganedit(*show, 0).status == 2
    assert "space          s" in ganedit("direction", "info", "grin").out
    ran = ganedit("direction", "export", "grin", "-o", "grin.npy")
    assert ran.status == 2
    assert "changes styles" in ran.err


def test_a_channel_of_a_stylegan3_is_edited(ganedit, tiny_faces):
    model = GOLDEN / "sg3t-32.pkl"
    assert ganedit("generate", "--device", "cpu", "--model", model, "--seeds", "1").status == 0
    name = "seed0001.latent.safetensors"
    options = ("--direction", "2:1", "--magnitude", 8, "--space", "s", "--model", model)
    ran = ganedit(*EDIT, name, *options)
    assert ran.status == 0, ran.err
    assert (read_image("seed0001.2_1+8.png").pixels != read_image("seed0001.png").pixels).any()


def test_a_stylegan1_has_no_styles_to_edit(ganedit, tiny_faces):
    model = reference_file("genforce-stylegan1.pth")
    assert ganedit("generate", "--device", "cpu", "--model", model, "--seeds", "1").status == 0
    name = "seed0001.latent.safetensors"
    ran = ganedit(*EDIT, name, "--direction", "0:2", "--space", "s", "--model", model)
    assert ran.status == 4
    assert "cannot be read" in ran.err


# ---- what blends latents ----


@pytest.fixture
def styled(sample, generator):
    """s.latent.safetensors: the sample with something added to every style."""
    latent = replace(sample, styles=torch.linspace(-1, 1, 136))
    latent.save("s.latent.safetensors")
    return latent


def test_styles_on_the_way(ganedit, styled, sample, generator):
    ran = ganedit("interpolate", "a", "s.latent.safetensors", "--device", "cpu")
    assert ran.status == 3
    points = ("a.latent.safetensors", "s.latent.safetensors", "--mode", "slerp")
    ran = ganedit("interpolate", *points, "--steps", 3, "-o", "way", "--device", "cpu")
    assert ran.status == 0, ran.err
    styles = [Latent.load(f"way/frame000{i}.latent.safetensors").styles for i in range(3)]
    for share, found in zip((0.0, 0.5, 1.0), styles, strict=True):
        torch.testing.assert_close(found, share * styled.styles)
    wanted = draw(generator, [styled])[0].astype(int)
    np.testing.assert_allclose(read_image("way/frame0002.png").pixels.astype(int), wanted, atol=1)


def test_styles_in_sums(ganedit, styled):
    sums = '"s" - seed:3 + w_avg', '"a" + 0.5 * ("s" - "a")'
    for text, share in zip(sums, (1.0, 0.5), strict=True):
        ran = ganedit("math", text, "--device", "cpu", "--force")
        assert ran.status == 0, ran.err
        torch.testing.assert_close(Latent.load("math.latent.safetensors").styles, share * styled.styles)


def test_styles_are_mixed_with_their_rows(ganedit, styled, sample, generator):
    mixed = mix_latents(sample, styled, [0, 1], generator)
    rows = torch.tensor([one.about.row for one in channels(generator)])
    torch.testing.assert_close(mixed.styles, torch.where(rows <= 1, styled.styles, 0.0))
    ran = ganedit("mix", "--rows", "s.latent.safetensors", "--cols", "1", "--device", "cpu")
    assert ran.status == 0, ran.err


def test_no_direction_is_learned_from_codes_that_do_not_tell_all(ganedit, styled, tmp_path):
    (tmp_path / "s.csv").write_text("file,score\ns.latent.safetensors,1\n")
    ran = ganedit("direction", "learn", "x", "--scores", "s.csv", "--device", "cpu")
    assert ran.status == 3
    assert "edited in the space s" in ran.err


def test_styles_that_move_too_far_are_warned_about(ganedit, sample, generator):
    usual = channel_direction(generator, find_channels(generator, "3:2")).usual
    assert "beyond" not in ganedit(*S, "--direction", "3:2", "--magnitude", usual).err
    ran = ganedit(*S, "--direction", "3:2", "--magnitude", 1e3)
    assert ran.status == 0
    words = f"3:2 +1000 is beyond the usual range from -{usual:g} to +{usual:g}: the image may break"
    assert words in ran.err
    named = ganedit("direction", "name", "faces/3:2", "hair", "--device", "cpu")
    assert named.status == 0, named.err
    run = (*EDIT, "a.latent.safetensors", "--direction", "hair", "--magnitude", -1e6)
    assert "is beyond the usual range" in ganedit(*run).err
    assert "clipped to" in ganedit(*run, "--safe", "--force").err
