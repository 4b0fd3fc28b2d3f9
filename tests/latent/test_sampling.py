"""Samples that are drawn coarsely where that does not change their scores."""

from __future__ import annotations

from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
import torch

from ganedit.errors import InputError, UsageError
from ganedit.latent.sampling import examine, random_codes, score_codes, score_samples, sizes_to_try
from ganedit.nets import stylegan1, stylegan2
from ganedit.nets.layers import upsample2
from ganedit.store.cards import ModelCard
from ganedit.store.models import Generator


def generator(fine: float) -> Generator:
    """A network of 32 px, whose image layers of 16 and 32 px have weights times `fine`."""
    torch.manual_seed(0)
    network = stylegan2.Generator(stylegan2.GeneratorConfig(32, (8, 8, 8, 4), 6, 5, 0, 2)).eval()
    for block in network.synthesis.blocks[2:]:
        block.torgb.weight.data *= fine
    return Generator(ModelCard("tiny", "generator", "stylegan2", network.cfg.to_dict(), 32), network)


def brightness(images: torch.Tensor) -> torch.Tensor:
    return images.mean((1, 2, 3))


def codes_ws(model: Generator, count: int = 3) -> torch.Tensor:
    return random_codes(model, count)[:, None].expand(-1, model.num_ws, -1)


@pytest.mark.parametrize("noise", ["const", "none"])
def test_the_final_image_is_the_coarse_one_and_the_finer_layers(noise):
    model = generator(fine=0.0)
    ws = codes_ws(model)
    with torch.no_grad():
        bias = model.network.synthesis.b32.torgb.bias
        bias.copy_(torch.tensor([0.1, -0.2, 0.3]))
        full = model.synthesis(ws, noise)
        coarse = model.synthesis(ws, noise, size=16)
        assert coarse.shape == (3, 3, 16, 16)
        assert torch.allclose(full, upsample2(coarse) + bias.view(1, 3, 1, 1), atol=1e-6)
        assert torch.equal(model.synthesis(ws, noise, size=32), full)


def test_sizes():
    model = generator(1.0)
    assert model.sizes == [4, 8, 16, 32]
    with pytest.raises(InputError, match="cannot draw at 12 px"):
        model.synthesis(codes_ws(model), size=12)
    older = stylegan1.Generator(
        stylegan1.GeneratorConfig(channels=(8, 8, 4), z_dim=6, w_dim=5, mapping_layers=2, mapping_width=5)
    )
    card = ModelCard("older", "generator", "stylegan1", asdict(older.cfg), 16)
    assert Generator(card, older).sizes == [16]


def test_a_trial_takes_the_least_size_that_scores_alike():
    model = generator(fine=0.0)
    with torch.no_grad():
        model.network.synthesis.b32.torgb.bias += 0.25
    codes = random_codes(model, 64)
    # The images of 8 px are all that there is, but for a constant
    trial = examine(model, brightness, codes, [8, 16])
    assert trial.size == 8
    assert trial.correlation > 0.99
    scores = score_codes(model, brightness, codes, 8) * trial.slope + trial.offset
    full = score_codes(model, brightness, codes, 32)
    assert float((scores - full).abs().mean()) < 0.1 * float(full.std())
    assert float(scores.mean()) == pytest.approx(float(full.mean()), abs=1e-5)


def test_a_trial_draws_in_full_where_finer_layers_count():
    model = generator(fine=20.0)
    codes = random_codes(model, 64)
    assert examine(model, brightness, codes, [8, 16]).size == 32
    wanted = examine(model, brightness, codes, [8])  # what the user wants is done
    assert (wanted.size, wanted.correlation < 0.95) == (8, True)
    constant = examine(model, lambda images: images.mean((1, 2, 3)) * 0, codes, [8, 16])
    assert constant.size == 32


def test_what_is_tried():
    large = SimpleNamespace(name="large", resolution=1024, sizes=stylegan2.sizes(1024))
    assert sizes_to_try(large, 64, 5000, None) == [64, 128, 256, 512]
    assert sizes_to_try(large, 64, 500, None) == []  # the trial itself would take much of the time
    assert sizes_to_try(large, 107, 5000, None) == [128, 256, 512]
    assert sizes_to_try(large, 300, 5000, None) == []
    assert sizes_to_try(large, 64, 100, 32) == [32]
    assert sizes_to_try(large, 64, 5000, 1024) == []
    with pytest.raises(UsageError, match="`size=100`"):
        sizes_to_try(large, 64, 5000, 100)
    small = SimpleNamespace(name="small", resolution=128, sizes=stylegan2.sizes(128))
    assert sizes_to_try(small, 64, 5000, None) == []


@pytest.mark.parametrize(
    ("of_generator", "of_classifier", "seen"),
    [("ffhq", "close-up", (10, 6, 19)), ("close-up", "close-up", (0, 0, 32)), ("", "close-up", (0, 0, 32))],
)
def test_a_classifier_sees_the_faces_that_it_knows(of_generator, of_classifier, seen):
    """Of the FFHQ square of 32 px, the close-up is 0.6 wide, and its centre 0.208 half sides below."""
    model = generator(1.0)
    model.card = replace(model.card, template=of_generator)

    class Corner:
        """Scores the first pixel of what it sees, and its height."""

        name, attributes, size = "corner", ["first", "height"], 8
        card = SimpleNamespace(template=of_classifier)

        def __call__(self, images):
            height = torch.full((len(images),), float(images.shape[2]))
            return torch.stack([images[:, 0, 0, 0], height], 1)

    codes, firsts = score_samples(model, Corner(), "first", 3)
    with torch.no_grad():
        drawn = model.synthesis(codes[:, None].expand(-1, model.num_ws, -1)).clamp(-1, 1)
    assert torch.allclose(firsts, drawn[:, 0, seen[0], seen[1]])
    assert score_samples(model, Corner(), "height", 3)[1].tolist() == [seen[2]] * 3


@pytest.mark.parametrize(("fine", "size"), [(0.0, 8), (20.0, 32)])
def test_many_samples_are_tried_first(fine, size):
    model, trials, seen = generator(fine), [], []

    class Brightness:
        name, attributes, size, card = "brightness", ["mean"], 8, SimpleNamespace(template="")

        def __call__(self, images):
            seen.append(images.shape[2])
            return brightness(images)[:, None]

    _, scores = score_samples(model, Brightness(), "mean", 640, on_trial=trials.append)
    assert [trial.size for trial in trials] == [size]
    assert (len(scores), seen[0], seen[-1]) == (640, 32, size)


def test_few_large_images_at_once(monkeypatch):
    counts = []

    def drawn(ws, size):
        counts.append(len(ws))
        return torch.zeros(len(ws), 3, 4, 4)

    large = SimpleNamespace(num_ws=2, synthesis=drawn)
    for size in (64, 512, 1024):
        score_codes(large, brightness, torch.zeros(17, 5), size)
    assert counts == [16, 1] + [4, 4, 4, 4, 1] + [1] * 17
