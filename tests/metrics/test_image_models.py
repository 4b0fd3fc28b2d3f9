"""What image-to-image models are measured by, on models whose answers are known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import nn

from ganedit.errors import CheckpointError, InputError, UsageError
from ganedit.images.align import TEMPLATES, align_faces
from ganedit.images.io import Photo, read_image, write_image
from ganedit.images.pixels import resize
from ganedit.images.regions import draw_regions
from ganedit.metrics.imagenet import share_of_class
from ganedit.metrics.inpainting import (
    centre_hole,
    fill_by_opencv,
    fill_with_rim,
    hole_psnr,
    measure_inpainting,
)
from ganedit.metrics.pose import crop_landmarks
from ganedit.metrics.translating import (
    background_psnr,
    measure_faces_drawn,
    region_agreement,
    share_taken_for,
)
from ganedit.metrics.upscaling import bicubic, find_pairs, measure_upscaler
from ganedit.store.cards import ModelCard
from ganedit.store.models import Classifier, Translator, Upscaler


def smooth(side: int, seed: int = 0) -> np.ndarray:
    small = np.random.default_rng(seed).random((6, 6, 3)).astype(np.float32)
    return (resize(small, (side, side)).clip(0, 1) * 255).astype(np.uint8)


# --- upscale ---------------------------------------------------------------------------------------


class Nearest(nn.Module):
    """Repeats pixels."""

    scale = 2

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return nn.functional.interpolate(x, scale_factor=2) * self.weight


@pytest.fixture
def upscaler() -> Upscaler:
    return Upscaler(ModelCard("blocks", "upscaler", "x", {}), Nearest().requires_grad_(False))


@pytest.fixture
def pairs(tmp_path):
    for i in range(2):
        large = smooth(48, i)
        write_image(tmp_path / f"{i}_HR.png", large)
        write_image(tmp_path / f"{i}_LR.png", resize(large, 24))
    return tmp_path


def test_repeated_pixels_are_worse_than_bicubic_ones(upscaler, pairs):
    found = measure_upscaler(upscaler, pairs)
    assert (found.pictures, found.border) == (2, 2)
    assert 15 < found.psnr < found.bicubic_psnr - 3
    assert 0 < found.ssim < found.bicubic_ssim <= 1


def test_grey_pictures_are_their_own_luma(upscaler, pairs):
    for path in sorted(pairs.glob("1_*")):
        path.unlink()
    before = measure_upscaler(upscaler, pairs)
    for path in sorted(pairs.glob("0_*")):
        pixels = read_image(path).pixels
        grey = np.repeat(pixels.mean(2, keepdims=True).astype(np.uint8), 3, axis=2)
        path.unlink()
        write_image(path, grey, like=Photo(grey, grey=True))
    assert measure_upscaler(upscaler, pairs).psnr != pytest.approx(before.psnr, abs=0.01)


def test_pairs_that_are_none(upscaler, pairs):
    write_image(pairs / "2_HR.png", smooth(48))
    with pytest.raises(InputError, match="2_HR"):
        find_pairs(pairs)
    write_image(pairs / "2_LR.png", smooth(16))
    with pytest.raises(InputError, match="not 2 times"):
        measure_upscaler(upscaler, pairs)
    with pytest.raises(InputError, match="holds no"):
        find_pairs(pairs / "nothing")
    write_image(pairs / "2_HR.png", smooth(14))
    write_image(pairs / "2_LR.png", smooth(7))
    with pytest.raises(InputError, match="too small to be measured"):
        measure_upscaler(upscaler, pairs)


def test_bicubic_on_the_published_pairs(shared):
    """28.42 dB on Set5, which every paper on super-resolution quotes."""
    nearest = Nearest().requires_grad_(False)
    nearest.scale = 4
    nearest.forward = lambda x: nn.functional.interpolate(x, scale_factor=4)
    found = measure_upscaler(Upscaler(ModelCard("x", "upscaler", "x", {}), nearest), shared / "data/sr/Set5")
    assert found.bicubic_psnr == pytest.approx(28.42, abs=0.02)
    assert bicubic(Photo(smooth(8)), 4).pixels.shape == (32, 32, 3)


# --- inpaint ---------------------------------------------------------------------------------------


class Constant(nn.Module):
    """Draws one level everywhere."""

    def __init__(self, level: float) -> None:
        super().__init__()
        self.cfg = SimpleNamespace(in_channels=4, multiple=1, smallest=1, labels=0, two_way=False)
        self.level = nn.Parameter(torch.tensor(level))

    def forward(self, x):
        return self.level.expand(len(x), 3, *x.shape[2:])


def filler(level: float, use: str = "inpaint") -> Translator:
    card = ModelCard("filler", "translator", "x", {}, 32, details={"use": use})
    return Translator(card, Constant(level).requires_grad_(False))


def test_holes_are_measured_inside_only():
    crops = torch.full((3, 3, 32, 32), 128, dtype=torch.uint8)
    crops[:, :, 8:24, 8:24] = 255
    found = measure_inpainting(filler(1.0), crops)
    assert found.psnr == pytest.approx(100)
    assert found.rim_psnr == pytest.approx(20 * np.log10(255 / 127), abs=0.01)
    assert found.opencv_psnr == pytest.approx(found.rim_psnr, abs=0.2)
    assert (found.pictures, found.share) == (3, 0.25)
    with pytest.raises(CheckpointError):
        measure_inpainting(filler(1.0, ""), crops)


def test_fillings_leave_the_rest():
    images = torch.from_numpy(smooth(32)).permute(2, 0, 1)[None].float() / 127.5 - 1
    hole = centre_hole(32)
    for fill in (fill_with_rim, fill_by_opencv):
        filled = fill(images, hole)
        assert torch.allclose(filled.masked_fill(hole, 0), images.masked_fill(hole, 0), atol=1e-6)
        assert 8 < hole_psnr(filled, images, hole) < 60
    rim = fill_with_rim(images, hole)[0, :, 8:24, 8:24]
    assert (rim == rim[:, :1, :1]).all()


# --- translate -------------------------------------------------------------------------------------


def test_only_the_background_counts():
    given, mask = smooth(32), np.zeros((32, 32, 3), np.uint8)
    mask[:, 16:] = 255
    output = given.copy()
    output[:, 16:] = 0
    assert background_psnr(given, output, mask) > 90
    output[:, :16] = np.where(given[:, :16] < 245, given[:, :16] + 10, given[:, :16] - 10)
    assert background_psnr(given, output, mask) == pytest.approx(20 * np.log10(25.5), abs=0.01)
    assert np.isnan(background_psnr(given, output, np.full_like(mask, 255)))
    with pytest.raises(InputError, match="32x32 and 16x16"):
        background_psnr(given, output, mask[:16, :16])


def test_share_taken_for():
    class Bright(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cfg = SimpleNamespace(binary=("bright",), attributes=("bright",))
            self.weight = nn.Parameter(torch.ones(()))

        def forward(self, x):
            return x.mean((1, 2, 3))[:, None] * self.weight

    judge = Classifier(ModelCard("judge", "classifier", "x", {}), Bright().requires_grad_(False))
    pictures = [np.full((8, 9, 3), level, np.uint8) for level in (10, 250, 200, 90)]
    assert share_taken_for(pictures, judge, "bright") == 0.5
    with pytest.raises(UsageError, match="has no binary attribute 'zebra'"):
        share_taken_for(pictures, judge, "zebra")


def test_imagenet_knows_a_daisy():
    daisy = load_sample_image("flower.jpg")
    assert share_of_class([daisy, np.full((90, 90, 3), 99, np.uint8)], "daisy") == 0.5
    assert share_of_class([daisy], "zebra") == 0
    with pytest.raises(UsageError, match="ImageNet has no class 'zebras'") as refused:
        share_of_class([daisy], "zebras")
    assert "zebra" in refused.value.hint


def test_faces_drawn(portrait):
    ((_, face),) = align_faces(read_image(portrait).pixels, size=96, template=TEMPLATES["close-up"])
    real = [face.crop, face.crop[:, ::-1].copy(), (face.crop // 2).astype(np.uint8)]
    found = measure_faces_drawn(real, real, TEMPLATES["close-up"])
    assert found.frechet == pytest.approx(0, abs=1e-4)
    assert found.detection_rate == 1
    noise = [smooth(64, i) for i in range(3)]
    worse = measure_faces_drawn(noise, real, TEMPLATES["close-up"])
    assert (worse.detection_rate, worse.outputs, worse.real) == (0, 3, 3)
    assert worse.frechet > 0.1


def test_region_agreement(portrait):
    template = TEMPLATES["close-up"]
    ((_, face),) = align_faces(read_image(portrait).pixels, size=128, template=template)
    regions = draw_regions(crop_landmarks(face.crop[None], template), (128, 128))
    assert region_agreement([face.crop], [regions], template) == 1
    mirrored = region_agreement([face.crop], [regions[:, ::-1]], template)
    assert 0.2 < mirrored < 0.95  # a face is nearly symmetrical
    assert region_agreement([face.crop], [np.zeros((9, 9), np.uint8)], template) == 0
