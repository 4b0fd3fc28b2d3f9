"""Image similarity against hand-worked values, and the detector on faces and on noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganedit.metrics.quality import detection_rate, luma, luma_quality, psnr, ssim


def test_psnr_of_a_known_error():
    """An error of 0.2 in a range of 2 is a tenth of the range: 20 dB; 0.02 gives 40 dB."""
    flat = torch.zeros(2, 3, 16, 16)
    other = flat + torch.tensor([0.2, 0.02]).view(2, 1, 1, 1)
    torch.testing.assert_close(psnr(flat, other), torch.tensor([20.0, 40.0]), rtol=0, atol=1e-3)


def test_ssim_is_one_for_equal_images_and_drops_with_noise():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1
    noise = torch.randn(2, 3, 32, 32, generator=generator) * torch.tensor([0.0, 0.5]).view(2, 1, 1, 1)
    same, noisy = ssim((image + noise).clamp(-1, 1), image)
    assert same == pytest.approx(1)
    assert noisy < 0.9


def test_luma_is_that_of_matlab():
    """rgb2ycbcr takes white to 235, black to 16, and pure green to 16 + 128.553."""
    colours = torch.tensor([[1.0, 1, 1], [-1, -1, -1], [-1, 1, -1]]).view(3, 3, 1, 1)
    levels = (luma(colours) + 1) * 127.5
    torch.testing.assert_close(levels.flatten(), torch.tensor([235.0, 16, 144.553]), atol=1e-3, rtol=0)


def test_bicubic_enlargement_has_its_published_quality(shared):
    """28.42 dB and 0.8104 in the literature, by MATLAB; Pillow enlarges all but the same."""
    from PIL import Image

    from ganedit.images.tensors import to_tensor

    found = []
    for path in sorted((shared / "data/sr/Set5").glob("*_HR.png")):
        large = Image.open(path).convert("RGB")
        small = Image.open(str(path).replace("_HR", "_LR")).convert("RGB")
        enlarged = small.resize(large.size, Image.Resampling.BICUBIC)
        both = luma_quality(to_tensor(np.asarray(enlarged)), to_tensor(np.asarray(large)), 4)
        found.append([float(value) for value in both])
    ratio, similarity = np.mean(found, axis=0)
    assert ratio == pytest.approx(28.42, abs=0.03)
    assert similarity == pytest.approx(0.8104, abs=0.003)


def test_detector_finds_faces_and_not_noise(shared):
    from ganedit.data.images import load_images

    faces = load_images(shared / "data/faces/faces-128.zip", resolution=64, limit=8)
    crops = faces.images.permute(0, 2, 3, 1).numpy()
    noise = np.random.default_rng(0).integers(0, 255, crops.shape, dtype=np.uint8)
    assert detection_rate(np.concatenate([crops, noise])) == pytest.approx(0.5, abs=0.07)
