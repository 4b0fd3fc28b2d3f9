"""GAN Dissection (Bau et al., arXiv:1811.10597): finds out which units of a generator draw what.

A unit is active where it exceeds a high quantile of its own activations over random pictures. Its active
area, resized to the picture, is compared with the area where the picture shows a concept: the number of
pixels in both divided by those in either, each summed over all pictures (IoU).

The quantile limits the IoU. A unit that is active in 1% of all places cannot cover a concept that
fills a third of the pictures: `Dissection.most` is the highest possible IoU, `Dissection.chance` that of a
unit that has nothing to do with the concept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.errors import InputError, UsageError
from ganedit.images.labels import boundaries
from ganedit.images.tensors import from_tensor
from ganedit.latent.sampling import random_codes
from ganedit.latent.units.activations import BATCH, LayerShape, UpperQuantile, activations
from ganedit.latent.units.switching import QUANTILE, UnitChange

if TYPE_CHECKING:
    from ganedit.store.models import Generator

LEAST_IOU = 0.04  # a unit with a higher IoU agrees with a concept, as in Network Dissection
OVER_CHANCE = 1.5  # and it must exceed chance by this factor, which only matters for low quantiles
FINEST = 128  # largest side at which activations and concepts are compared
TOP = 6  # pictures stored per unit
MOST_UNITS = 10  # of a layer, in a suggested change
OBJECTS = 4  # suggestions prefer layers at least this many times smaller than the picture
OUTLINE = (255, 214, 10)
OUTSIDE = 0.55  # brightness outside a unit's region

Concepts = Callable[[np.ndarray, Sequence[int]], Mapping[str, np.ndarray]]
"""Function from images [N, R, R, 3] uint8 and their seeds to masks [N, H, W] bool of any size by concept,
the same concepts each time."""


@dataclass(frozen=True, eq=False)
class LayerUnits:
    """Results for the C units of one layer and K concepts."""

    shape: LayerShape
    thresholds: Tensor  # [C]
    intersections: Tensor  # [C, K] int64, pixels
    unions: Tensor  # [C, K] int64
    top: Tensor  # [C, TOP] int64: seeds of the pictures in which they are highest

    @property
    def iou(self) -> Tensor:
        """[C, K] float64."""
        return self.intersections.double() / self.unions.clamp(min=1)


@dataclass(frozen=True)
class Unit:
    """One unit, and the concept that it agrees with best.

    Attributes:
        layer: Number of its layer, coarse first.
        number: Its number in the layer.
        concept: The concept.
        iou: Intersection over union with that concept, 0 to 1.
        ious: The same with every concept.
        threshold: Activation above which it is active.
        top: Seeds of the images in which it is highest.
    """

    layer: int
    number: int
    concept: str
    iou: float
    ious: dict[str, float]
    threshold: float
    top: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Dissection:
    """The units of some layers of a generator, and what they agree with.

    Attributes:
        model: Name of the generator.
        model_sha256: Checksum of its weights.
        resolution: Side of its images in pixels.
        concepts: Names of the concepts.
        shares: Fraction of all pixels that each concept fills.
        layers: What was counted, by layer.
        samples: Number of images.
        seed: Seed of the first.
        psi: Truncation of the images.
        quantile: The quantile above which units are active.
    """

    model: str
    model_sha256: str
    resolution: int
    concepts: tuple[str, ...]
    shares: tuple[float, ...]
    layers: tuple[LayerUnits, ...]
    samples: int
    seed: int
    psi: float
    quantile: float

    @cached_property
    def units(self) -> list[Unit]:
        """All units, those that agree best first."""
        units = []
        for layer in self.layers:
            ious = layer.iou.tolist()
            for number, row in enumerate(ious):
                best = max(range(len(row)), key=row.__getitem__)
                by_concept = dict(zip(self.concepts, row, strict=True))
                threshold = float(layer.thresholds[number])
                top = tuple(layer.top[number].tolist())
                concept = self.concepts[best]
                units.append(Unit(layer.shape.layer, number, concept, row[best], by_concept, threshold, top))
        return sorted(units, key=lambda unit: (-unit.iou, unit.layer, unit.number))

    def agrees(self, unit: Unit) -> bool:
        """Whether its IoU is above 0.04, and 1.5 times that of chance."""
        return unit.iou > self.least(unit.concept)

    def agreeing(self, concept: str) -> list[Unit]:
        """The units that agree with this concept more than with any other, best first."""
        return [unit for unit in self.units if unit.concept == concept and self.agrees(unit)]

    def share(self, concept: str) -> float:
        """Share of all pixels that the concept fills."""
        return self.shares[self.concepts.index(concept)]

    def least(self, concept: str) -> float:
        """IoU above which a unit agrees with the concept."""
        return max(LEAST_IOU, OVER_CHANCE * self.chance(concept))

    def chance(self, concept: str) -> float:
        """IoU of a unit that is active without regard to the concept."""
        active, share = 1 - self.quantile, self.share(concept)
        return active * share / (active + share - active * share)

    def most(self, concept: str) -> float:
        """Highest possible IoU: that of a unit that is active in as much of the concept as possible, and
        nowhere else if possible. Approximate, since resizing maps to the picture slightly changes how much is
        active."""
        active, share = 1 - self.quantile, self.share(concept)
        return min(active, share) / max(active, share)

    def suggestion(self, concept: str) -> list[UnitChange]:
        """Change that should remove the concept: units that agree with it, by layer, to switch off; empty if
        none does.

        Layers finer than a quarter of the picture's size are used only if no other layer has such units: they
        draw edges and colours, and without these the whole picture pales.
        """
        units = self.agreeing(concept)
        coarse = {one.shape.layer for one in self.layers if one.shape.inside * OBJECTS <= self.resolution}
        by_layer: dict[int, list[int]] = {}
        for unit in [unit for unit in units if unit.layer in coarse] or units:
            by_layer.setdefault(unit.layer, []).append(unit.number)
        return [UnitChange(layer, tuple(by_layer[layer][:MOST_UNITS])) for layer in sorted(by_layer)]

    def to_dict(self) -> dict[str, Any]:
        """All results as plain values, for JSON."""
        concepts = {
            name: {"share": self.share(name), "chance": self.chance(name), "most": self.most(name)}
            for name in self.concepts
        }
        units = [
            {
                "layer": unit.layer,
                "unit": unit.number,
                "concept": unit.concept,
                "iou": unit.iou,
                "agrees": self.agrees(unit),
                "ious": unit.ious,
                "threshold": unit.threshold,
                "top_seeds": unit.top,
            }
            for unit in self.units
        ]
        layers = [
            {"layer": one.shape.layer, "size": one.shape.inside, "units": one.shape.units}
            for one in self.layers
        ]
        about = {"model": self.model, "model_sha256": self.model_sha256, "samples": self.samples}
        about |= {"seed": self.seed, "psi": self.psi, "quantile": self.quantile}
        return {**about, "concepts": concepts, "layers": layers, "units": units}


# --- the work --------------------------------------------------------------------------------------


def dissect(
    generator: Generator,
    shapes: Sequence[LayerShape],
    concepts: Concepts,
    *,
    samples: int = 500,
    seed: int = 0,
    psi: float = 1.0,
    quantile: float = QUANTILE,
    progress: Callable[[int, int], None] | None = None,
) -> Dissection:
    """Compare every unit of some layers with every concept (GAN Dissection, Bau et al., arXiv:1811.10597).

    Images are drawn twice: for the thresholds, which are exact, and for the comparison. Activations finer
    than 128 px are averaged over squares, which bounds memory and time.

    Args:
        generator: A generator with a style space.
        shapes: The layers, from `ganedit.latent.units.activations.layer_shapes`.
        concepts: A function from images [N, S, S, 3] uint8 and their seeds to masks [N, H, W] of bool by
            concept, such as `ganedit.metrics.concepts.FaceRegions`.
        samples: Number of images; a model with classes draws them in turn.
        seed: Seed of the first image.
        psi: Truncation: 1 gives most variety, 0 the average image.
        quantile: A unit is active where it exceeds this quantile of its activations; between 0 and 1.
        progress: Called with (images done, images in all).

    Returns:
        The units with their agreement (IoU) with every concept.

    Raises:
        UsageError: No samples or layers, or a quantile outside 0 to 1.
        InputError: Masks that do not suit their images.
        CheckpointError: The generator has no style space.

    Examples:
        >>> from ganedit.latent.units.activations import layer_shapes
        >>> def bright(images, seeds):
        ...     return {"bright": images.mean(axis=3) > 150}
        >>> faces = ganedit.load("faces")
        >>> found = ganedit.dissect(faces, layer_shapes(faces)[:1], bright, samples=8)
        >>> found.concepts, len(found.units) == layer_shapes(faces)[0].units
        (('bright',), True)
    """
    if samples < 1 or not shapes:
        raise UsageError(f"{samples} samples of {len(shapes)} layers are nothing to dissect")
    codes = random_codes(generator, samples, psi=psi, seed=seed)
    steps = _Steps(generator, shapes, codes, seed, progress)
    finest = min(generator.resolution, FINEST)
    quantiles = [UpperQuantile(quantile, samples * min(s.inside, finest) ** 2) for s in shapes]
    highest = [_Highest() for _ in shapes]
    for seeds, _, maps in steps.run(draw=False):
        for values, one, top in zip(quantiles, maps, highest, strict=True):
            one = _reduced(one, finest)
            values.add(one.transpose(0, 1).flatten(1))
            top.add(one.amax(dim=(2, 3)).t().cpu(), seeds)
    thresholds = [values.result() for values in quantiles]
    counts = [_Counts(threshold) for threshold in thresholds]
    names: tuple[str, ...] = ()
    for seeds, pictures, maps in steps.run(draw=True):
        pixels = np.stack([from_tensor(picture) for picture in pictures])
        shown = concepts(pixels, seeds)
        names = names or tuple(shown)
        masks = _stacked(shown, names, len(seeds), finest).to(generator.device)
        for count, one in zip(counts, maps, strict=True):
            count.add(_reduced(one, finest), masks)
    pixels_each = samples * finest**2
    layers = [
        LayerUnits(shape, threshold.cpu(), count.both, count.either, top.seeds)
        for shape, threshold, count, top in zip(shapes, thresholds, counts, highest, strict=True)
    ]
    shares = tuple((counts[0].concept / pixels_each).tolist())
    about = (generator.name, generator.sha256, generator.resolution)
    return Dissection(*about, names, shares, tuple(layers), samples, seed, psi, quantile)


@dataclass
class _Steps:
    """Goes through all samples in batches, twice, and reports progress."""

    generator: Generator
    shapes: Sequence[LayerShape]
    codes: Tensor
    seed: int
    progress: Callable[[int, int], None] | None
    done: int = 0

    def run(self, *, draw: bool) -> Iterator[tuple[list[int], Tensor, list[Tensor]]]:
        """Seeds, pictures [n, 3, R, R], and activations of each layer."""
        at = self.seed
        for some in self.codes.split(BATCH):
            pictures, maps = activations(self.generator, some, self.shapes, draw=draw)
            yield list(range(at, at + len(some))), pictures, maps
            at += len(some)
            self.done += len(some)
            if self.progress:
                self.progress(self.done, 2 * len(self.codes))


class _Highest:
    """The pictures in which each unit is highest; of equal ones, the earlier."""

    def __init__(self) -> None:
        self.values, self.seeds = torch.empty(0), torch.empty(0, dtype=torch.int64)

    def add(self, values: Tensor, seeds: Sequence[int]) -> None:
        """Highest activations [C, n] in the pictures of these seeds."""
        numbers = torch.tensor(seeds).expand(len(values), -1)
        if self.values.numel():
            values = torch.cat([self.values, values], dim=1)
            numbers = torch.cat([self.seeds, numbers], dim=1)
        self.values, order = values.sort(dim=1, descending=True, stable=True)
        self.values, order = self.values[:, :TOP], order[:, :TOP]
        self.seeds = numbers.gather(1, order)


class _Counts:
    """Pixels of units and concepts, summed exactly."""

    def __init__(self, thresholds: Tensor) -> None:
        self.thresholds = thresholds[None, :, None, None]
        self.both = self.unit = self.concept = torch.zeros((), dtype=torch.int64)

    def add(self, maps: Tensor, masks: Tensor) -> None:
        """Activations [n, C, s, s] and concepts [n, K, S, S] of zeros and ones, float32."""
        active = (_enlarged(maps, masks.shape[-1]) > self.thresholds).float()
        both = torch.einsum("nchw,nkhw->ck", active, masks)  # exact, as counts are below 2^24
        self.both = self.both + both.cpu().long()
        self.unit = self.unit + active.sum(dim=(0, 2, 3)).cpu().long()
        self.concept = self.concept + masks.sum(dim=(0, 2, 3)).cpu().long()

    @property
    def either(self) -> Tensor:
        return self.unit[:, None] + self.concept[None] - self.both


def _reduced(maps: Tensor, finest: int) -> Tensor:
    return F.adaptive_avg_pool2d(maps, finest) if maps.shape[-1] > finest else maps


def _enlarged(maps: Tensor, side: int) -> Tensor:
    return F.interpolate(maps, (side, side), mode="bilinear", align_corners=False)


def _stacked(shown: Mapping[str, np.ndarray], names: Sequence[str], count: int, side: int) -> Tensor:
    """[n, K, side, side] float32 of zeros and ones."""
    if not names or set(shown) != set(names):
        raise InputError(f"concepts must be the same for all images: {list(names)}, then {list(shown)}")
    planes = []
    for name in names:
        mask = np.asarray(shown[name])
        if mask.ndim != 3 or len(mask) != count:
            raise InputError(f"masks of {name} must be [{count}, H, W], not {list(mask.shape)}")
        plane = torch.from_numpy(mask.astype(np.float32))[:, None]
        planes.append(F.interpolate(plane, (side, side), mode="nearest-exact"))
    return torch.cat(planes, dim=1)


# --- pictures --------------------------------------------------------------------------------------


def top_pictures(
    generator: Generator, dissection: Dissection, units: Sequence[Unit], *, count: int = TOP, side: int = 128
) -> dict[tuple[int, int], list[np.ndarray]]:
    """By layer and number of each unit, the pictures in which it is highest, [side, side, 3] uint8, with its
    region outlined and the rest darkened."""
    shapes = {one.shape.layer: one.shape for one in dissection.layers}
    limits = {one.shape.layer: one.thresholds for one in dissection.layers}
    wanted: dict[int, list[Unit]] = {}
    for unit in units:
        for seed in unit.top[:count]:
            wanted.setdefault(seed, []).append(unit)
    made: dict[tuple[int, int, int], np.ndarray] = {}
    for seed, some in wanted.items():
        needed = [shapes[layer] for layer in sorted({unit.layer for unit in some})]
        code = random_codes(generator, 1, psi=dissection.psi, seed=seed)
        (picture,), maps = activations(generator, code, needed)
        large = _enlarged(picture[None].float(), side)[0]
        for unit in some:
            index = [shape.layer for shape in needed].index(unit.layer)
            finest = min(generator.resolution, FINEST)
            heights = _enlarged(_reduced(maps[index][:, unit.number, None], finest), side)[0, 0]
            region = (heights > limits[unit.layer][unit.number].to(heights)).cpu().numpy()
            made[unit.layer, unit.number, seed] = outlined(from_tensor(large), region)
    return {
        (unit.layer, unit.number): [made[unit.layer, unit.number, seed] for seed in unit.top[:count]]
        for unit in units
    }


def outlined(picture: np.ndarray, region: np.ndarray) -> np.ndarray:
    """A picture [H, W, 3] uint8 with a region [H, W] bool outlined, and darker outside it."""
    shown = np.where(region[..., None], picture, (picture * OUTSIDE).astype(np.uint8))
    shown[boundaries(region) & ~region] = OUTLINE
    return shown
