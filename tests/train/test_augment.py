"""Adaptive augmentation: cases worked by hand, derivatives, and the controller's arithmetic."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from ganedit.train.augment import SYM6, AdaController, AdaPipeline, Transforms, transform


def only(n=1, **changes):
    values = {name: torch.tensor(value, dtype=torch.float64) for name, value in changes.items()}
    return replace(Transforms.neutral(n), **values)


def smooth(size=32):
    """A low-pass picture [1, 3, size, size] without symmetry, so that resampling costs little."""
    t = torch.linspace(0, 1, size, dtype=torch.float64)
    x, y = t[None, :], t[:, None]
    return torch.stack([x + 0 * y, y**2 + 0 * x, x * y]).sub(0.5)[None]


def inner(image, rim=8):
    return image[..., rim:-rim, rim:-rim]


def test_sym6_is_orthonormal_to_its_even_shifts():
    h = torch.tensor(SYM6, dtype=torch.float64)
    assert h.sum() == pytest.approx(math.sqrt(2))
    for shift in range(0, 12, 2):
        assert (h[shift:] * h[: 12 - shift]).sum() == pytest.approx(float(shift == 0), abs=1e-9)


def test_zero_probability_is_the_same_tensor():
    images = torch.rand(2, 3, 8, 8)
    assert AdaPipeline()(images) is images


def test_neutral_transforms_change_nothing():
    images = torch.rand(2, 3, 24, 28, dtype=torch.float64)
    got = transform(images, Transforms.neutral(2))
    torch.testing.assert_close(inner(got, 3), inner(images, 3), rtol=0, atol=1e-9)
    # The reflection is taken after up-sampling, by a filter that is not quite symmetric.
    torch.testing.assert_close(got, images, rtol=0, atol=0.05)


# Sym6 is not quite symmetric: turned over, it is off by 0.4 pixels, times a slope of at most 1.5 / 31.
# Bilinear sampling of a curve costs far less.
CLOSE = {"rtol": 0, "atol": 0.02}


def test_mirror():
    got = transform(smooth(), only(mirror=[1]))
    torch.testing.assert_close(inner(got), inner(smooth().flip(3)), **CLOSE)


def test_quarter_turn_is_anticlockwise():
    got = transform(smooth(), only(quarter_turns=[1]))
    torch.testing.assert_close(inner(got), inner(smooth().rot90(1, (2, 3))), **CLOSE)


def test_whole_shift_rounds_to_pixels_and_goes_right_and_down():
    got = transform(smooth(), only(whole_shift=[[0.07, -0.1]]))  # 2.24 and -3.2 of 32 pixels
    torch.testing.assert_close(inner(got), inner(smooth().roll((2, -3), (3, 2))), rtol=0, atol=1e-9)


def test_half_pixel_shift_is_the_mean_of_neighbours():
    ramp = smooth()[:, :1]  # grows by 1/31 per pixel to the right
    got = transform(ramp, only(shift=[[0.5 / 32, 0.0]]))
    torch.testing.assert_close(inner(got), inner(ramp - 0.5 / 31), **CLOSE)


def test_scaling_spreads_a_ramp_about_the_centre():
    ramp = smooth()[:, :1]  # zero at the centre
    got = transform(ramp, only(scale=[2.0]))
    torch.testing.assert_close(inner(got), inner(ramp / 2), **CLOSE)


def test_stretch_widens_and_flattens():
    got = transform(smooth()[:, :1], only(stretch=[2.0]))
    torch.testing.assert_close(inner(got), inner(smooth()[:, :1] / 2), **CLOSE)
    down = smooth()[:, :1].mT
    torch.testing.assert_close(inner(transform(down, only(stretch=[0.5]))), inner(down / 2), **CLOSE)


def test_two_eighth_turns_make_a_quarter_turn():
    got = transform(smooth(), only(turn_before=[math.pi / 4], turn_after=[math.pi / 4]))
    torch.testing.assert_close(inner(got), inner(smooth().rot90(1, (2, 3))), **CLOSE)


def test_beyond_the_border_the_picture_is_reflected():
    flat = torch.full((1, 3, 16, 16), 0.7, dtype=torch.float64)
    got = transform(flat, only(shift=[[2.3, -3.1]], scale=[0.3]))
    torch.testing.assert_close(got, flat, rtol=0, atol=1e-2)  # no black corners


def pixel(r, g, b):
    return torch.tensor([r, g, b], dtype=torch.float64).view(1, 3, 1, 1).expand(1, 3, 8, 8)


@pytest.mark.parametrize(
    ("changes", "before", "after"),
    [
        ({"brightness": [0.2]}, (0.1, 0.2, -0.3), (0.3, 0.4, -0.1)),
        ({"contrast": [2.0]}, (0.1, 0.2, -0.3), (0.2, 0.4, -0.6)),
        ({"brightness": [0.1], "contrast": [2.0]}, (0.1, 0.2, -0.3), (0.4, 0.6, -0.4)),
        ({"luma_flip": [1.0]}, (0.6, 0.3, 0.0), (0.0, -0.3, -0.6)),  # mean 0.3 becomes -0.3
        ({"saturation": [2.0]}, (0.6, 0.3, 0.0), (0.9, 0.3, -0.3)),  # twice as far from the mean
        ({"hue": [2 * math.pi / 3]}, (0.6, 0.3, 0.0), (0.0, 0.6, 0.3)),  # a third of the circle
    ],
)
def test_colour(changes, before, after):
    got = transform(pixel(*before), only(**changes))
    torch.testing.assert_close(got, pixel(*after), rtol=0, atol=1e-7)


def test_grey_images_keep_one_channel_and_ignore_hue():
    grey = torch.full((1, 1, 8, 8), 0.4, dtype=torch.float64)
    got = transform(grey, only(hue=[1.0], saturation=[3.0], brightness=[0.1]))
    torch.testing.assert_close(got, grey + 0.1, rtol=0, atol=1e-7)


def test_first_and_second_derivatives():
    images = torch.rand(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    drawn = Transforms.sample(2, 1.0, torch.Generator().manual_seed(0))

    def curved(x):  # a linear map has no second derivative
        return transform(x, drawn).square()

    assert torch.autograd.gradcheck(curved, images)
    assert torch.autograd.gradgradcheck(curved, images)


def test_how_often_each_transform_is_drawn():
    n, p = 20_000, 0.4
    drawn = Transforms.sample(n, p, torch.Generator().manual_seed(1))

    def share(values):
        return float(values.double().mean())

    turned = (drawn.turn_before != 0) | (drawn.turn_after != 0)
    moved = {"scale": drawn.scale != 1, "hue": drawn.hue != 0, "turned": turned}
    for name, chosen in moved.items():
        assert share(chosen) == pytest.approx(p, abs=0.02), name  # six standard errors
    assert share(drawn.mirror) == pytest.approx(p / 2, abs=0.02)
    assert share(drawn.quarter_turns == 3) == pytest.approx(p / 4, abs=0.02)
    assert float(drawn.scale[drawn.scale != 1].log2().std()) == pytest.approx(0.2, abs=0.01)
    assert float(drawn.whole_shift.abs().max()) <= 0.125


def test_draws_follow_the_generator():
    images = torch.rand(2, 3, 8, 8)
    pipeline = AdaPipeline(p=0.8)
    got = [pipeline(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(got[0], got[1])
    assert not torch.equal(got[0], got[2])


def test_controller_moves_by_the_images_seen():
    control = AdaController(target=0.6, kimg=1, every=2)
    sure, unsure = torch.ones(4), torch.tensor([1.0, 1.0, -1.0, -1.0])
    assert control.step(sure, images=50) == 0  # waits for the second step
    assert control.step(sure, images=50) == pytest.approx(0.1)  # 100 of 1,000 images
    assert control.r == 1
    control.step(unsure, images=25)
    assert control.step(unsure, images=25) == pytest.approx(0.05)
    for _ in range(4):
        control.step(-sure, images=50)
    assert control.p == 0  # never below 0


def test_controller_never_exceeds_one_and_averages_over_processes():
    control = AdaController(kimg=0.01, every=1)
    assert control.step(torch.ones(2), images=64) == 1
    control.step(torch.ones(2), images=1, reduce=lambda mean: mean * 0.25)
    assert control.r == 0.25
    assert control.p == pytest.approx(0.9)


def test_controller_resumes_between_adjustments():
    straight, first = AdaController(every=2), AdaController(every=2)
    for control in (straight, first):
        control.step(torch.ones(3), images=32)
    second = AdaController(every=2)
    second.load_state_dict(first.state_dict())
    for control in (straight, second):
        control.step(torch.ones(3), images=32)
    assert straight.state_dict() == second.state_dict()
    assert straight.p > 0
