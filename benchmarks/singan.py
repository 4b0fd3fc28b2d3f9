"""How well a SinGAN has learned its photo, how fast it learns, and the picture of docs/singan.md.

python benchmarks/singan.py measure PHOTO [--model galaxies] [--count 50]
python benchmarks/singan.py speed PHOTO [--size 160] [--iterations 3]
python benchmarks/singan.py picture PHOTO [--model galaxies] [-o docs/images/singan.jpg]

`measure` draws samples that vary from scale 0 (the paper's N) and from scale 1 (N-1), and prints

- SIFID, the paper's single-image Fréchet distance: of the features at every place of a sample and of the
  photo. The paper takes Inception's at a quarter of the size; these are EfficientNet-Lite1's at a quarter of
  the size (24 channels), and the distance is divided by the variance of the photo's. So only the shape
  compares. Beside it, the distance of one half of the photo to the other, and of the photo drawn again.
- diversity: the standard deviation of each pixel's brightness over the samples, averaged, as a share of that
  of the photo's pixels.
- patches of 7x7 pixels: the distance (root mean square, of 255 levels) of a sample's from the nearest in the
  photo, and of the photo's from the nearest in a sample. Beside it, that of a patch of the photo from the
  nearest elsewhere in it.

`speed` compares the processor seconds of an iteration, averaged over the scales, with those of the published
loop written plainly: three steps of the critic and of the generator, batch normalisation, WGAN-GP by double
backward, float32, channels first, whole images, of the same scales and widths.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor, nn

import ganedit
from ganedit.images.io import write_image
from ganedit.images.pixels import luma, resize
from ganedit.images.sheet import sheet
from ganedit.images.tensors import from_tensor, to_tensor
from ganedit.metrics.frechet import frechet_distance_of
from ganedit.store.formats.efficientnet_lite import load_efficientnet_lite
from ganedit.store.models import SingleImage
from ganedit.train.options.singan import SinGANOptions
from ganedit.train.recipes.singan import start
from ganedit.train.run import Run, start_fabric

FEATURES = "efficientnet-lite1"
PATCH = 7
COVERED = 8  # samples whose patches are compared
CPU = torch.device("cpu")


def measure(model: SingleImage, photo: np.ndarray, count: int) -> None:
    width = photo.shape[1]
    again = from_tensor(model(model.fixed()))
    print(f"SIFID ({FEATURES} at a quarter of the size), the photo drawn again: {sifid(again, photo):.3f}")
    halves = photo[:, : width // 2], photo[:, -(width // 2) :]
    print(f"  one half of the photo to the other: {sifid(*halves):.3f}")
    elsewhere = nearest(patches(photo), patches(photo), apart=PATCH, width=width - PATCH + 1)
    print(f"  a patch of the photo to the nearest elsewhere in it: {elsewhere:.1f}")
    for scale, name in ((0, "N"), (1, "N-1")):
        drawn = [one.pixels for one in ganedit.singan_random(model, count, from_scale=scale)]
        distance = np.mean([sifid(one, photo) for one in drawn])
        bright = np.stack([luma(one) for one in drawn])
        diversity = bright.std(axis=0).mean() / luma(photo).std()
        there = np.mean([nearest(patches(one), patches(photo)) for one in drawn[:COVERED]])
        back = np.mean([nearest(patches(photo), patches(one)) for one in drawn[:COVERED]])
        print(
            f"from scale {scale} ({name}): SIFID {distance:.3f}, diversity {diversity:.2f}, "
            f"patches to the photo {there:.1f}, of the photo to a sample {back:.1f}"
        )


@torch.inference_mode()
def sifid(one: np.ndarray, other: np.ndarray) -> float:
    network = load_efficientnet_lite(FEATURES)
    each = [network.features(to_tensor(pixels))[0][0].flatten(1).T.numpy() for pixels in (one, other)]
    return frechet_distance_of(*each) / float(each[1].var(axis=0).sum())


def patches(pixels: np.ndarray) -> Tensor:
    """Every patch, [places, 3·PATCH²] of 255 levels, row by row."""
    planes = torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32))[None]
    return F.unfold(planes, PATCH)[0].T


def nearest(ours: Tensor, theirs: Tensor, apart: int = 0, width: int = 0) -> float:
    """Mean distance of a part of our patches from the nearest of theirs; those of one image at least `apart`
    pixels away from their own place."""
    chosen = torch.arange(0, len(ours), 11)
    distances = torch.cdist(ours[chosen], theirs)
    if apart:
        rows, columns = (torch.arange(len(theirs)) // width, torch.arange(len(theirs)) % width)
        near = (rows[chosen, None] - rows).abs().maximum((columns[chosen, None] - columns).abs()) < apart
        distances[near] = torch.inf
    return float(distances.min(dim=1).values.mean()) / ours.shape[1] ** 0.5


# --- speed -----------------------------------------------------------------------------------------


def speed(photo: str, size: int, iterations: int) -> None:
    plain = [Plain(start(SinGANOptions(data=(photo,), size=size), CPU, lambda text: None))]
    theirs = timed(lambda scale: plain[0].step(scale), len(plain[0].sizes), iterations)
    print(f"published loop, written plainly: {theirs:.3f} s per iteration")
    for name, more in (
        ("defaults", {}),
        ("whole images", {"crop": 0}),
        ("whole images in float32", {"crop": 0, "precision": "float32"}),
        ("whole images, instance norm", {"crop": 0, "norm": "instance"}),
    ):
        options = SinGANOptions(data=(photo,), size=size, **more)
        recipe = start(options, CPU, lambda text: None)
        run = Run(start_fabric("cpu", 1), options)

        def ours(scale: int, recipe=recipe, run=run) -> None:
            run.step = round((scale + 0.5) / len(recipe.sizes) * recipe.options.kimg * 1000)
            recipe.step(run)

        found = timed(ours, len(recipe.sizes), iterations)
        print(f"{name} ({recipe.dtype}): {found:.3f} s, {theirs / found:.1f} times as fast")


def timed(step, scales: int, iterations: int) -> float:
    """Processor seconds of an iteration, averaged over the scales."""
    each = []
    for scale in range(scales):
        torch.manual_seed(scale)
        step(scale)
        began = time.process_time()
        for _ in range(iterations):
            step(scale)
        each.append((time.process_time() - began) / iterations)
    return sum(each) / scales


class Plain:
    """The published loop for one scale after the other: torch's own layers and derivatives."""

    def __init__(self, recipe) -> None:
        self.photos, self.sizes, self.cfg = recipe.photos, recipe.sizes, recipe.cfg
        self.gs = [self._network(3, nn.Tanh()) for _ in self.sizes]
        self.ds = [self._network(1, nn.Identity()) for _ in self.sizes]
        self.fixed = torch.randn(1, 3, *self.sizes[0])

    def _network(self, outputs: int, last: nn.Module) -> nn.Sequential:
        width, layers = self.cfg.channels[0], []
        for inputs in [3] + [width] * (self.cfg.layers - 2):
            layers += [nn.Conv2d(inputs, width, 3), nn.BatchNorm2d(width), nn.LeakyReLU(0.2, inplace=True)]
        return nn.Sequential(*layers, nn.Conv2d(width, outputs, 3), last)

    def _before(self, scale: int, first: Tensor | None) -> Tensor:
        """The image of the scales before, enlarged: random ones, or the photo drawn again from `first`."""
        image = torch.zeros(1, 3, *self.sizes[0])
        with torch.no_grad():
            for i in range(scale):
                noise = torch.randn_like(image) if first is None else torch.zeros_like(image)
                image = self._draw(i, image, first if first is not None and i == 0 else noise)
                image = F.interpolate(image, self.sizes[i + 1], mode="bicubic")
        return image

    def _draw(self, scale: int, image: Tensor, noise: Tensor) -> Tensor:
        padded = F.pad(noise + image, [self.cfg.margin] * 4)
        return self.gs[scale](padded) + image

    def step(self, scale: int) -> None:
        real, g, d = self.photos[scale], self.gs[scale], self.ds[scale]
        optimizers = [torch.optim.Adam(one.parameters(), 5e-4, (0.5, 0.999)) for one in (d, g)]
        for _ in range(3):
            before, noise = self._before(scale, None), torch.randn_like(real)
            d.zero_grad()
            (-d(real).mean()).backward()
            fake = self._draw(scale, before, noise)
            d(fake.detach()).mean().backward()
            between = torch.lerp(real, fake.detach(), float(torch.rand(()))).requires_grad_(True)
            on = d(between)
            (slope,) = torch.autograd.grad(on, between, torch.ones_like(on), create_graph=True)
            (((slope.norm(2, dim=1) - 1) ** 2).mean() * 0.1).backward()
            optimizers[0].step()
        again = self._before(scale, self.fixed)
        still = self.fixed if scale == 0 else torch.zeros_like(real)
        for _ in range(3):
            g.zero_grad()
            (-d(self._draw(scale, before, noise)).mean()).backward()
            (F.mse_loss(self._draw(scale, again, still), real) * 10).backward()
            optimizers[1].step()


# --- the picture -----------------------------------------------------------------------------------


def picture(model: SingleImage, photo: np.ndarray, output: Path) -> None:
    height, width = photo.shape[:2]
    drawn = [one.pixels for one in ganedit.singan_random(model, 4, seed=1)]
    kept = ganedit.singan_random(model, 1, from_scale=2, seed=1)[0].pixels
    top = _grid([photo, *drawn, kept], 3, ["the photo", "random", "", "", "", "random from scale 2"])
    wide = ganedit.singan_random(model, size=(3 * width, height), seed=7)[0].pixels
    painting, pasted, mask = painted(width, height), *composite(photo)
    changed = (
        ganedit.singan_paint(model, painting).pixels,
        ganedit.singan_harmonize(model, pasted, mask, scale=2).pixels,
    )
    bottom = _grid(
        [painting, changed[0], pasted, changed[1]], 4, ["a painting", "painted", "pasted", "harmonised"]
    )
    parts = [top, _grid([wide], 1, [f"random, {wide.shape[1]}x{height}"]), bottom]
    side = max(part.shape[1] for part in parts)
    fitted = [resize(part, (round(part.shape[0] * side / part.shape[1]), side)) for part in parts]
    write_image(output, np.concatenate(fitted))


def _grid(images: list[np.ndarray], columns: int, labels: list[str]) -> np.ndarray:
    """Images at twice their size in rows, each with its label above it."""
    shown = [resize(one, (2 * one.shape[0], 2 * one.shape[1])) for one in images]
    rows = [
        sheet(shown[at : at + columns], columns=columns, column_labels=labels[at : at + columns])
        for at in range(0, len(shown), columns)
    ]
    return np.concatenate(rows)


def painted(width: int, height: int) -> np.ndarray:
    """Dabs of colour on a dark ground."""
    image = Image.new("RGB", (width, height), (8, 8, 10))
    draw = ImageDraw.Draw(image)
    for i, colour in enumerate([(250, 150, 70), (150, 190, 250), (250, 240, 230)] * 3):
        angle, away = 2.4 * i, 6 + 5 * i
        x, y = width / 2 + away * np.cos(angle) * 1.4, height / 2 + away * np.sin(angle)
        draw.ellipse((x - 4, y - 3, x + 4, y + 3), fill=colour)
    return np.asarray(image)


def composite(photo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The photo with a flat disc pasted into it, and the disc's mask."""
    image, mask = Image.fromarray(photo), Image.new("RGB", photo.shape[1::-1])
    box = (96, 62, 122, 78)
    ImageDraw.Draw(image).ellipse(box, fill=(255, 120, 60))
    ImageDraw.Draw(mask).ellipse(box, fill=(255, 255, 255))
    return np.asarray(image), np.asarray(mask)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["measure", "speed", "picture"])
    parser.add_argument("photo")
    parser.add_argument("--model", default="galaxies")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images/singan.jpg"))
    given = parser.parse_args()
    if given.what == "speed":
        speed(given.photo, given.size, given.iterations)
        return
    model = ganedit.load(given.model, device="cpu")
    assert isinstance(model, SingleImage)
    height, width = model.size
    photo = resize(ganedit.read_image(given.photo).pixels, (height, width))
    measure(model, photo, given.count) if given.what == "measure" else picture(model, photo, given.output)


if __name__ == "__main__":
    main()
