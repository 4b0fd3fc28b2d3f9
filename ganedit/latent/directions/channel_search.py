"""Finds channels of the style space that change an attribute, or one part of the picture (StyleSpace, Wu et
al., arXiv:2011.12799, sections 4 and 5).

Gradients over samples show which of thousands of channels are promising; the effects of these are then
measured by drawing samples with the channel decreased and increased.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganedit.errors import UsageError
from ganedit.images.tensors import LEVELS
from ganedit.latent.sampling import attribute_column, random_codes
from ganedit.latent.styles import Channel, channels, draw_styles, style_spread, styles_of

if TYPE_CHECKING:
    from ganedit.store.models import Classifier, Generator

MaskOf = Callable[[Tensor], Tensor]
"""Masks [N, 1, H, W] in [0, 1] of the region, in images [N, 3, H, W] in [-1, 1]."""
Progress = Callable[[int, int], None]

BATCH = 16  # samples differentiated or drawn at a time
PROBES = 4  # patterns of random signs per sample, see `_energies`
CANDIDATES = 3  # how many times the wanted number of channels are measured
VISIBLE = 8.0  # levels of 255 by which a channel must change the region to count


@dataclass(frozen=True)
class Finding:
    """What a channel does to samples, from `magnitude` standard deviations down to as many up.

    Attributes:
        channel: The channel; `str()` gives its name, such as 9:57.
        change: Mean absolute change of the pixels, in levels of 255.
        within: The same in the region; None without a region.
        share: Fraction of the whole change that lies in the region, 0 to 1; None without a region.
        effects: Mean change by attribute: of a probability, or in the unit of the attribute.
        scores: Mean change of the classifier's outputs, in their standard deviations over samples.
    """

    channel: Channel
    change: float
    within: float | None
    share: float | None
    effects: dict[str, float]
    scores: dict[str, float]


@dataclass(frozen=True)
class Search:
    """What to look for: an attribute, a region, or both.

    Attributes:
        classifier: Measures the attribute.
        attribute: One of its attributes.
        mask_of: A function from images [N, 3, H, W] in [-1, 1] to masks [N, 1, H, W] in [0, 1], such as
            `ganedit.metrics.masks.region_mask` makes.
        magnitude: Standard deviations that a channel is turned down and up; a single channel does little
            within 3.
        samples: Number of samples.
        seed: Seed of the first.

    Raises:
        UsageError: Neither an attribute nor a region, or an attribute that the classifier does not have.
    """

    classifier: Classifier | None = None
    attribute: str | None = None
    mask_of: MaskOf | None = None
    magnitude: float = 10.0
    samples: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.attribute is None or self.classifier is None) and self.mask_of is None:
            raise UsageError("there is nothing to look for", "name an attribute or a region")
        if self.attribute is not None and self.classifier is not None:
            attribute_column(self.classifier, self.attribute)


def find_channels_that(
    generator: Generator, search: Search, count: int, progress: Progress | None = None
) -> list[Finding]:
    """Find the style channels that move an attribute, or change one region and little else.

    The method of StyleSpace (Wu et al., arXiv:2011.12799, sections 4 and 5): gradients choose candidates
    among all channels, which are then measured on samples.

    Args:
        generator: A StyleGAN2 or StyleGAN3.
        search: What to look for: an attribute of a classifier, a region, or both.
        count: Number of channels.
        progress: Called with (channels measured, channels to measure).

    Returns:
        At most `count` channels, best first: by the size of the attribute's change; for a region by the
        fraction of the whole change that lies in it, among channels that change it visibly; for both by the
        product.

    Raises:
        CheckpointError: The generator has no styles that can be read.

    Examples:
        >>> from ganedit.latent.directions.channel_search import Search
        >>> faces, classifier = ganedit.load("faces"), ganedit.load("face-attributes")
        >>> search = Search(classifier, "smile", samples=2)
        >>> (found,) = ganedit.find_channels(faces, search, count=1)
        >>> sorted(found.effects)
        ['age', 'gender', 'pitch', 'smile', 'yaw']
    """
    every = channels(generator)
    codes = random_codes(generator, search.samples, seed=search.seed)
    s = styles_of(generator, codes[:, None].expand(-1, generator.num_ws, -1)).detach()
    std = style_spread(generator)[1].to(s)
    promise = _promise(generator, search, s, std)
    best = promise.argsort(descending=True)[: min(CANDIDATES * count, int((promise > 0).sum()))].tolist()
    findings = []
    with torch.no_grad():
        meter = _Meter(generator, search, s)
        for done, index in enumerate(best, 1):
            findings.append(meter.measure(every[index], float(std[index])))
            if progress:
                progress(done, len(best))
    return sorted(findings, key=lambda one: _merit(one, search), reverse=True)[:count]


def _merit(finding: Finding, search: Search) -> float:
    merit = 1.0 if search.attribute is None else abs(finding.scores[search.attribute])
    if finding.share is not None and finding.within is not None:
        merit *= finding.share if finding.within >= VISIBLE else 1e-3 * finding.share
    return merit


# --- by gradients ----------------------------------------------------------------------------------


def _promise(generator: Generator, search: Search, s: Tensor, std: Tensor) -> Tensor:
    """[total]: how much a small step of each channel should change the attribute or region."""
    random = torch.Generator().manual_seed(search.seed)
    slopes = torch.zeros_like(std)
    inside, outside, area = torch.zeros_like(std), torch.zeros_like(std), 0.0
    for some in s.split(BATCH):
        some = some.clone().requires_grad_()
        images = draw_styles(generator, some).float()
        if search.attribute is not None and search.classifier is not None:
            column = attribute_column(search.classifier, search.attribute)
            output = search.classifier(images.clamp(-1, 1))[:, column].sum()
            slopes += torch.autograd.grad(output, some, retain_graph=True)[0].sum(dim=0)
        if search.mask_of is not None:
            mask = search.mask_of(images.detach().clamp(-1, 1)).to(images)
            inside += _energies(images * mask, some, random)
            outside += _energies(images * (1 - mask), some, random)
            area += float(mask.sum()) * images.shape[1]
    promise = torch.ones_like(std)
    if search.attribute is not None:
        promise = slopes.abs() * std
    if search.mask_of is not None:
        levels = (inside / max(area, 1.0)).sqrt() * std * (2 * search.magnitude * LEVELS)
        promise = promise * (inside / (inside + outside).clamp(min=1e-12)) * (levels >= VISIBLE)
    return promise


def _energies(images: Tensor, s: Tensor, random: torch.Generator) -> Tensor:
    """[total]: squared derivatives of pixels with respect to each channel, summed over pixels and samples.

    Estimated for all channels at once: for random signs v, the square of the derivative of <v, images> is on
    average the sum of the squares of the pixels' derivatives (Hutchinson 1990).
    """
    energies = torch.zeros_like(s[0])
    for _ in range(PROBES):
        signs = torch.randint(0, 2, images.shape, generator=random).to(images) * 2 - 1
        slopes = torch.autograd.grad((images * signs).sum(), s, retain_graph=True)[0]
        energies += slopes.square().sum(dim=0) / PROBES
    return energies


# --- by drawing ------------------------------------------------------------------------------------


class _Meter:
    """Draws samples with one channel decreased and increased."""

    def __init__(self, generator: Generator, search: Search, s: Tensor) -> None:
        self.generator, self.search, self.s = generator, search, s
        self.masks: list[Tensor] = []
        outputs = []
        for images in self._drawn(s):
            if search.mask_of is not None:
                self.masks.append(search.mask_of(images).to(images))
            if search.classifier is not None:
                outputs.append(search.classifier(images).float())
        self.area = sum(float(mask.sum()) for mask in self.masks)
        self.deviations = torch.cat(outputs).std(dim=0).clamp(min=1e-6) if outputs else None

    def _drawn(self, s: Tensor) -> Iterator[Tensor]:
        for some in s.split(BATCH):
            yield draw_styles(self.generator, some).float().clamp(-1, 1)

    def measure(self, channel: Channel, sigma: float) -> Finding:
        search = self.search
        step = torch.zeros_like(self.s[0])
        step[channel.index] = search.magnitude * sigma
        total, within = 0.0, 0.0
        changes: list[Tensor] = []
        effects: dict[str, float] = {}
        for i, (low, high) in enumerate(
            zip(self._drawn(self.s - step), self._drawn(self.s + step), strict=True)
        ):
            moved = (high - low).abs().mean(dim=1, keepdim=True)
            total += float(moved.sum())
            within += float((moved * self.masks[i]).sum()) if self.masks else 0.0
            if search.classifier is not None:
                before, after = search.classifier(low).float(), search.classifier(high).float()
                changes.append(after - before)
                was, now = search.classifier.named(before), search.classifier.named(after)
                for name in was:
                    share = float((now[name] - was[name]).sum()) / len(self.s)
                    effects[name] = effects.get(name, 0.0) + share
        scores: dict[str, float] = {}
        if search.classifier is not None and self.deviations is not None:
            mean = torch.cat(changes).mean(dim=0) / self.deviations
            scores = dict(zip(search.classifier.attributes, mean.tolist(), strict=True))
        pixels = len(self.s) * self.generator.resolution**2
        there = within / max(self.area, 1e-6) * LEVELS if self.masks else None
        share_in = (within / total if total else 0.0) if self.masks else None
        return Finding(channel, total / pixels * LEVELS, there, share_in, effects, scores)
