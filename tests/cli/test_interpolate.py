"""`ganedit interpolate` with tiny models."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from ganedit.images.io import read_image, read_provenance, write_image
from ganedit.images.tensors import from_tensor
from ganedit.latent.latent import Latent
from ganedit.store.load import load_generator

WALK = ("interpolate", "--device", "cpu", "--steps", 5)


def codes(folder):
    return torch.stack([Latent.load(path).ws for path in sorted(folder.glob("*.latent.safetensors"))])


def of_seeds(*seeds, psi=0.7):
    generator = load_generator("faces", "cpu")
    return generator.mapping(generator.z_of(seeds), psi=psi).detach()


def test_a_folder_of_frames_each_with_its_latent(ganedit, tiny_faces, tmp_path):
    ran = ganedit(*WALK, "3", "seed:8", "-o", "way", "--json")
    assert ran.status == 0, ran.err
    assert [one["path"] for one in ran.json] == [f"way/frame{i:04d}.png" for i in range(5)]
    ends = of_seeds(3, 8)
    torch.testing.assert_close(
        codes(tmp_path / "way")[[0, 2, 4]], torch.stack([ends[0], ends.mean(0), ends[1]])
    )
    record = read_provenance("way/frame0002.png")
    assert record["command"] == "interpolate"
    assert record["parameters"]["points"] == ["seed 3", "seed 8"]
    before = (tmp_path / "way/frame0001.png").stat().st_mtime_ns
    (tmp_path / "way/frame0002.png").unlink()
    again = ganedit(*WALK, "3", "8", "-o", "way", "--skip-existing")
    assert len(again.lines) == 5
    assert (tmp_path / "way/frame0001.png").stat().st_mtime_ns == before
    assert (tmp_path / "way/frame0002.png").is_file()


def test_z_is_walked_on_circles_and_then_mapped(ganedit, tiny_faces, tmp_path):
    assert ganedit(*WALK, "3", "8", "--space", "z", "--psi", 1, "-o", "way").status == 0
    found = codes(tmp_path / "way")
    torch.testing.assert_close(found[[0, 4]], of_seeds(3, 8, psi=1))
    assert not torch.allclose(found[2], found[[0, 4]].mean(0))


def test_films_and_sheets(ganedit, tiny_faces, tmp_path):
    import av

    ran = ganedit(*WALK, "0-2", "--loop", "--mode", "spline", "-o", "way.mp4")
    assert ran.lines == ["way.mp4"]
    with av.open("way.mp4") as film:
        assert sum(1 for _ in film.decode(video=0)) == 5
    assert ganedit(*WALK, "0-2", "-o", "way.gif").status == 0
    assert Image.open("way.gif").n_frames == 5
    assert ganedit(*WALK, "0-2", "-o", "way.png").status == 0
    width, height = Image.open("way.png").size
    assert width > 4 * height


def test_from_a_photo_to_a_latent(ganedit, portrait, tiny_faces, tmp_path):
    write_image(tmp_path / "me.png", read_image(portrait).pixels[:300, 80:400])
    assert ganedit("generate", "--device", "cpu", "--seeds", "5", "-o", "samples").status == 0
    ran = ganedit(*WALK, "me.png", "samples", "--method", "encode", "-o", "way")
    assert ran.status == 0, ran.err
    ends = [Latent.load(p).ws for p in ("way/me.latent.safetensors", "samples/seed0005.latent.safetensors")]
    frames = [Latent.load(f"way/frame000{i}.latent.safetensors").ws for i in (0, 4)]
    torch.testing.assert_close(torch.stack(frames), torch.stack(ends))


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["3"], 2, "needs at least two points, not 3 alone"),
        (["3", "nothing.png"], 3, "there is no nothing.png"),
        (["3", "empty"], 3, "the folder empty holds no images"),
        (["9-4"], 2, "not a range"),
        (["3", "4", "--psi", "nan"], 2, "not a finite number"),
        (["3", "4", "--fps", "0"], 2, "--fps"),
        (["3", "text.latent.safetensors"], 3, "text.latent.safetensors"),
    ],
)
def test_what_cannot_be_walked_is_told(ganedit, tiny_faces, tmp_path, words, status, told):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.latent.safetensors").write_text("not one")
    ran = ganedit(*WALK, *words)
    assert ran.status == status
    assert told in ran.err
    assert not (tmp_path / "walk.mp4").exists()


def test_spaces_that_do_not_suit_the_points_are_refused(ganedit, tiny_faces, tmp_path):
    assert ganedit("generate", "--device", "cpu", "--seeds", "5").status == 0
    ran = ganedit(*WALK, "3", "seed0005.latent.safetensors", "--space", "z")
    assert (ran.status, "--space z is for seeds" in ran.err) == (2, True)
    latent = Latent.load("seed0005.latent.safetensors")
    uneven = latent.ws + torch.arange(len(latent.ws))[:, None]
    latent.edited(uneven, {}).save("uneven.latent.safetensors")
    ran = ganedit(*WALK, "3", "uneven.latent.safetensors", "--space", "w")
    assert (ran.status, "one code for all layers" in ran.err) == (2, True)


@pytest.mark.parametrize("name", ["walk.mov", "walk.tiff"])
def test_a_film_that_cannot_be_written_is_no_folder(ganedit, tmp_path, name):
    ran = ganedit("interpolate", 1, 2, "-o", name)
    assert (ran.status, ran.out) == (2, "")
    assert f"-o {name} cannot be written as" in ran.err
    assert not (tmp_path / name).exists()


# ---- generators without a style space ----


def test_seeds_and_classes_of_a_gan_are_walked(ganedit, tmp_path):
    walk = ("interpolate", "--device", "cpu", "--model", "digits", "--steps", 3, "--psi", 1)
    ran = ganedit(*walk, 0, 1, "--class", "3,8", "-o", "way", "--json")
    assert ran.status == 0, ran.err
    assert [(one["path"], one.get("latent")) for one in ran.json] == [
        (f"way/frame{i:04d}.png", None) for i in range(3)
    ]
    digits = load_generator("digits", "cpu")
    for frame, seed, class_ in (("frame0000", 0, 3), ("frame0002", 1, 8)):
        wanted = digits.generate(seeds=[seed], c=digits.one_hot(class_, 1))[0]
        assert (read_image(f"way/{frame}.png").pixels == from_tensor(wanted)).all()
    assert ganedit(*walk, "0-2", "--class", 7, "--loop", "-o", "walk.gif").status == 0
    assert Image.open("walk.gif").n_frames == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["0", "1"], "draws 10 classes"),
        (["0", "1", "--class", "3,4,5"], "3 classes for 2 seeds"),
        (["0", "1", "--class", "ten"], "has no class ten"),
        (["0", "me.png", "--class", "3"], "me.png is no seed"),
        (["0", "--class", "3"], "at least two seeds"),
        (["0", "1", "--class", "3", "--space", "w"], "--space w needs a style space"),
        (["0", "1", "--class", "3", "--psi", "coarse=0.5"], "--psi by layers needs a style space"),
    ],
)
def test_what_a_gan_cannot_walk_is_told(ganedit, words, told):
    ran = ganedit("interpolate", *words, "--model", "digits", "--device", "cpu")
    assert (ran.status in (2, 3), told in ran.err) == (True, True), ran.err


def test_classes_are_for_models_without_a_style_space(ganedit, tiny_faces):
    ran = ganedit(*WALK, 3, 8, "--class", 1)
    assert (ran.status, "--class is for models without a style space" in ran.err) == (2, True)
