"""PSNR and SSIM of upscalers on the luma, as in the literature, beside bicubic enlargement.

python benchmarks/super_resolution.py MODEL FOLDER...

Each folder holds pairs NAME_HR.png and NAME_LR.png, such as Set5 and Set14 at x4. As many pixels as the scale
are left out at the border.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import ganedit
from ganedit.images.io import from_tensor, to_tensor
from ganedit.metrics.quality import luma_quality
from ganedit.train.recipes.srgan import load_tests

Enlarge = Callable[[Tensor], Tensor]  # [1, 3, H, W] to [1, 3, sH, sW], both in [-1, 1]


def mean_quality(enlarge: Enlarge, pairs: list[tuple[Tensor, Tensor]], scale: int) -> tuple[float, float]:
    """PSNR in dB and SSIM, averaged over pairs of a small and a large picture."""
    both = [luma_quality(enlarge(small), large, scale) for small, large in pairs]
    ratios, similarities = (torch.cat(values) for values in zip(*both, strict=True))
    return float(ratios.mean()), float(similarities.mean())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("folders", nargs="+", type=Path)
    arguments = parser.parse_args()
    model = ganedit.load(arguments.model, device="cpu")

    def bicubic(small: Tensor) -> Tensor:
        image = Image.fromarray(from_tensor(small))
        size = image.width * model.scale, image.height * model.scale
        return to_tensor(np.asarray(image.resize(size, Image.Resampling.BICUBIC)))

    def network(small: Tensor) -> Tensor:
        with torch.inference_mode():
            return model(small.add(1) / 2).mul(2).sub(1)

    print(f"{'':24}  PSNR   SSIM")
    for name, pairs in load_tests(arguments.folders, model.scale).items():
        for how, enlarge in (("bicubic", bicubic), (model.name, network)):
            ratio, similarity = mean_quality(enlarge, pairs, model.scale)
            print(f"{name + ', ' + how:24} {ratio:.2f}  {similarity:.4f}")


if __name__ == "__main__":
    main()
