"""Projection with a tiny random generator, whose own samples can be found again."""

from __future__ import annotations

import copy
from urllib.error import URLError

import pytest
import torch

from ganedit.errors import CheckpointError, InputError, MissingError, UsageError
from ganedit.images.io import read_image
from ganedit.latent.inversion.photos import crops_of, latent_of
from ganedit.latent.inversion.project import ProjectOptions, noise_regularization, project
from ganedit.latent.latent import Latent
from ganedit.store.load import encoder_for, load_generator

METHODS = ["optimize", "encode", "hybrid", "tune"]


@pytest.fixture
def generator(tiny_faces):
    return load_generator("faces", "cpu")


@pytest.fixture
def targets(generator):
    return generator.generate(seeds=[1, 2]).clamp(-1, 1)


def options(method, **more):
    return ProjectOptions(method, **{"steps": 4, "tune_steps": 3, **more})


def found_by(method, generator, images, **more):
    return project(generator, images, options(method, **more), encoder=encoder_for(generator))


@pytest.mark.parametrize("method", METHODS)
def test_a_latent_draws_what_was_found(generator, targets, method, tmp_path):
    """Noise maps and tuned weights survive the file: they are stored as they were measured."""
    found = found_by(method, generator, targets)
    assert len(found) == 2
    assert bool(found[0].noise) == (method == "optimize")
    assert bool(found[0].tuned) == (method == "tune")
    for one in found:
        latent = Latent(one.ws, "faces", generator.sha256, noise=one.noise, tuned=one.tuned)
        again = Latent.load(latent.save(tmp_path / "x.latent.safetensors"))
        with torch.no_grad():
            image = again.personal(generator).synthesis(again.ws[None])[0]
        torch.testing.assert_close(image, one.image, atol=2e-5, rtol=1e-4)
        assert one.losses["psnr"] > 0


@pytest.mark.parametrize(("method", "tune_steps"), [("optimize", 1), ("hybrid", 1), ("tune", 60)])
def test_searching_helps(generator, targets, method, tune_steps):
    short = found_by(method, generator, targets[:1], steps=1, tune_steps=1)
    long = found_by(method, generator, targets[:1], steps=60, tune_steps=tune_steps)
    assert long[0].losses["distance"] < short[0].losses["distance"]


def test_spaces(generator, targets):
    rows = {s: found_by("optimize", generator, targets[:1], space=s)[0].ws for s in ("w", "w+", "z")}
    assert all(ws.shape == (generator.num_ws, generator.w_dim) for ws in rows.values())
    assert bool((rows["w"] == rows["w"][0]).all())
    assert bool((rows["z"] == rows["z"][0]).all())
    assert not bool((rows["w+"] == rows["w+"][0]).all())


def test_pictures_do_not_influence_each_other(generator, targets):
    together = found_by("hybrid", generator, targets)
    alone = found_by("hybrid", generator, targets[1:])
    torch.testing.assert_close(together[1].ws, alone[0].ws, atol=1e-4, rtol=1e-3)


def test_a_seed_repeats_and_leaves_the_random_state_alone(generator, targets):
    torch.manual_seed(5)
    first = found_by("optimize", generator, targets[:1], seed=3)[0]
    expected = torch.get_rng_state()
    torch.manual_seed(5)
    again = found_by("optimize", generator, targets[:1], seed=3)[0]
    assert torch.equal(torch.get_rng_state(), expected)
    assert torch.equal(first.ws, again.ws)
    assert not torch.equal(first.ws, found_by("optimize", generator, targets[:1], seed=4)[0].ws)


def test_tuning_leaves_the_generator_alone(generator, targets):
    before = copy.deepcopy(generator.network.state_dict())
    found_by("tune", generator, targets[:1])
    after = generator.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(p.requires_grad for p in generator.network.parameters())


def test_memory_that_runs_out_halves_the_batch(generator, targets, monkeypatch):
    sizes = []
    real = generator.synthesis

    def synthesis(ws, noise="const"):
        sizes.append(len(ws))
        if len(ws) > 1:
            raise torch.OutOfMemoryError
        return real(ws, noise)

    monkeypatch.setattr(generator, "synthesis", synthesis)
    found = found_by("hybrid", generator, torch.cat([targets, targets[:1]]))
    assert len(found) == 3
    assert sizes[0] == 3
    assert torch.equal(found[0].ws, found[2].ws)


def test_progress_is_told(generator, targets):
    seen = []
    project(
        generator,
        targets[:1],
        options("tune"),
        encoder=encoder_for(generator),
        on_step=lambda step, steps, images: seen.append((step, steps, tuple(images.shape))),
    )
    shape = (1, 3, 32, 32)
    assert seen == [(i, 4, shape) for i in range(1, 5)] + [(i, 3, shape) for i in range(1, 4)]


def test_noise_regularization_knows_noise_from_pictures():
    """White noise hardly resembles its neighbours; a gradient does."""
    white = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    slope = torch.linspace(-1.7, 1.7, 64).expand(1, 1, 64, 64)
    assert float(noise_regularization([slope])) > 20 * float(noise_regularization([white]))


def test_refusals(generator, targets, tiny_faces):
    for bad in ({"space": "z"}, {"steps": 0}, {"space": "s"}, {"method": "magic"}):
        with pytest.raises(UsageError, match="`"):
            ProjectOptions(**bad)
    with pytest.raises(InputError, match="32, 32"):
        project(generator, torch.zeros(1, 3, 16, 16), options("optimize"))
    with pytest.raises(MissingError, match="needs an encoder"):
        project(generator, targets, options("hybrid"))
    with pytest.raises(UsageError, match="nothing"):
        project(generator, targets, options("optimize", perceptual="nothing"))


def test_the_encoder_is_found_by_the_weights_it_was_trained_for(generator, tiny_faces):
    assert encoder_for(generator).name == "faces-encoder"
    card = tiny_faces / "faces-encoder" / "card.toml"
    card.write_text(card.read_text().replace(generator.sha256, "0" * 64))
    with pytest.raises(MissingError, match="other weights of faces"):
        encoder_for(generator)
    assert encoder_for(generator, "faces-encoder").name == "faces-encoder"  # as it was asked for
    card.unlink()
    with pytest.raises(MissingError, match="no encoder for the model faces"):
        encoder_for(generator)
    with pytest.raises(CheckpointError, match="not an encoder"):
        encoder_for(generator, "faces")


def test_no_discriminator_is_a_clear_error(generator, targets, tiny_faces):
    text = (tiny_faces / "faces/card.toml").read_text()
    text = text[: text.index("[discriminator]")].replace("discriminator_sha256", "old_sha256")
    (tiny_faces / "faces/card.toml").write_text(text)
    lone = load_generator("faces", "cpu")
    with pytest.raises(CheckpointError, match="without its discriminator"):
        project(lone, targets, options("optimize"))
    few, more = (project(lone, targets, options("optimize", steps=n, perceptual="pixels")) for n in (1, 30))
    assert more[0].losses["psnr"] > few[0].losses["psnr"]


def test_lpips_that_cannot_be_fetched_is_never_replaced(generator, targets, monkeypatch):
    def offline(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr("torchmetrics.image.lpip.LearnedPerceptualImagePatchSimilarity", offline)
    with pytest.raises(MissingError, match="could not be downloaded"):
        project(generator, targets, options("optimize", perceptual="lpips"))


def test_a_photo_keeps_where_its_face_lies(generator, targets, portrait):
    photo = read_image(portrait)
    (crop,) = crops_of(photo, generator)
    assert crop.pixels.shape == (32, 32, 3)
    (found,) = found_by("encode", generator, targets[:1])
    latent = latent_of(crop, found, generator, options("encode"))
    assert (latent.source, latent.source_sha256) == (str(portrait), photo.sha256)
    assert (latent.template, latent.space) == ("close-up", "w+")
    eyes = latent.affine @ [16, 12, 1]  # a third of the crop down, in the middle: between the eyes
    assert 190 < eyes[0] < 260
    assert 80 < eyes[1] < 130
