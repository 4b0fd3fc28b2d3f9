"""Trains a classifier with labels of one domain alone, so that it works on another.

Five methods, all with LeNet as in ADDA: labels of the source alone; equal mean features ("deep domain
confusion", Tzeng et al., arXiv:1412.3474); reversed gradients of a domain discriminator (DANN, Ganin et al.,
arXiv:1505.07818); features of the target against an adversary (ADDA, Tzeng et al., arXiv:1702.05464); source
images translated to the target's look by a CycleGAN that keeps what the classifier sees in them, and ADDA
from there (CyCADA, Hoffman et al., arXiv:1711.03213).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.data.images import ImageSet
from ganedit.data.pictures import sheet
from ganedit.images.tensors import from_levels
from ganedit.nets.lenet import DomainDiscriminator, LeNet, LeNetConfig
from ganedit.nets.patchgan import PatchGAN, PatchGANConfig
from ganedit.nets.resnet import ResNetConfig
from ganedit.store.cards import Metric
from ganedit.store.load import save_model
from ganedit.train.adaptation_data import AdaptData, load_adaptation
from ganedit.train.cycle import CycleRecipe, RoundTrip
from ganedit.train.losses import gan_d_loss, gan_g_loss, logistic_d_loss, nonsaturating_g_loss
from ganedit.train.options.adaptation import AdaptOptions
from ganedit.train.options.base import CycleOptions
from ganedit.train.run import Run
from ganedit.train.sources import Note, OnLoad
from ganedit.train.translation import Domains, PictureRecipe, frozen

PHASES = {
    "source-only": ((1.0, "labels"),),
    "confusion": ((1.0, "confusion"),),
    "dann": ((1.0, "reversal"),),
    "adda": ((0.4, "labels"), (1.0, "adversary")),
    "cycada": ((0.15, "labels"), (0.65, "translation"), (0.8, "translated"), (1.0, "adversary")),
}
"""What a method does until which share of the run."""
SAMPLES = 8
BLOCKS = 3  # residual blocks of cycada's generators
CONFUSION = 0.25  # the paper's weight of the distance of mean features
CYCLE = 10.0  # weight of their cycle-consistency

Batch = tuple[Tensor, Tensor, Tensor]
"""Source images, their classes as one-hot vectors, target images."""


class Adapt(PictureRecipe[AdaptOptions]):
    """The classifier f, its copy that ADDA compares with, the discriminator of domains, and a CycleGAN."""

    def __init__(self, options: AdaptOptions, data: AdaptData, device: torch.device) -> None:
        self.data = data
        torch.manual_seed(options.seed)
        self.f = LeNet(LeNetConfig(tuple(data.source.class_names), options.size))
        networks: dict[str, nn.Module] = {"f": self.f}
        names = [name for _, name in PHASES[options.method]]
        if {"reversal", "adversary"} & set(names):
            networks["d"] = self.d = DomainDiscriminator(self.f.cfg.features)
        if "adversary" in names:
            networks["source"] = self.source = copy.deepcopy(self.f)
        super().__init__(options, device, networks)
        self.optimizers = {"f": self.adam(self.f)}
        if "d" in networks:
            self.optimizers["d"] = self.adam(self.d, lr=options.d_lr, betas=(0.5, 0.999))
        if "source" in networks:
            self.optimizers["features"] = self.adam(self.f, lr=options.d_lr, betas=(0.5, 0.999))
        self.cycle = self._add_cycle() if "translation" in names else None
        self.measured: dict[str, float] = {}

    def _add_cycle(self) -> SemanticCycle:
        options = self.options
        cycle = SemanticCycle(
            CycleOptions(
                data=options.data, kimg=options.kimg, batch=options.batch, accumulate=options.accumulate,
                devices=options.devices, precision=options.precision, width=options.width,
                d_width=2 * options.width, blocks=BLOCKS, cycle=CYCLE, identity=0.0, decay=0.0, up="resize",
            ),
            DigitDomains(self.data),
            self.device,
            self.f,
        )  # fmt: skip
        self.networks |= {f"cycle_{name}": network for name, network in cycle.networks.items()}
        self.optimizers |= {f"cycle_{name}": one for name, one in cycle.optimizers.items()}
        return cycle

    # ---- a step ----

    def step(self, run: Run) -> dict[str, Tensor]:
        self.f.train()
        steps: dict[str, Callable[[Run, float], dict[str, Tensor]]] = {
            "labels": self._learn_labels,
            "confusion": self._confuse,
            "reversal": self._reverse,
            "translation": self._translate,
            "translated": self._learn_labels,
            "adversary": self._fool,
        }
        name, share = self._phase(run.progress)
        return steps[name](run, share)

    def _phase(self, progress: float) -> tuple[str, float]:
        """What is done at this share of the run, and how much of that is over."""
        begin = 0.0
        for end, name in PHASES[self.options.method]:
            if progress < end or end == 1:
                return name, (progress - begin) / (end - begin)
            begin = end
        raise AssertionError("the last phase ends with the run")

    def _learn_labels(self, run: Run, share: float) -> dict[str, Tensor]:
        losses = (F.cross_entropy(self.f(a), classes) for a, classes, _ in self._batches(run))
        return {"f/labels": run.minimise(self.optimizers["f"], losses)}

    def _confuse(self, run: Run, share: float) -> dict[str, Tensor]:
        """Equal mean features of both domains: the maximum mean discrepancy with a linear kernel."""
        stats: dict[str, Tensor] = {}

        def losses() -> Iterator[Tensor]:
            for a, classes, b in self._batches(run):
                of_a, of_b = self.f.features(a), self.f.features(b)
                apart = (of_a.mean(0) - of_b.mean(0)).square().sum()
                stats["f/apart"] = apart.detach()
                yield F.cross_entropy(self.f.head(of_a), classes) + CONFUSION * self.options.weight * apart

        return {"f/loss": run.minimise(self.optimizers["f"], losses()), **stats}

    def _reverse(self, run: Run, share: float) -> dict[str, Tensor]:
        """One step of f against d: d's gradient reaches the features with the opposite sign.

        The two steps that this takes here are those of one network with a reversal layer. The weight grows
        from 0 as in the paper.
        """
        weight = self.options.weight * (2 / (1 + math.exp(-10 * share)) - 1)
        seen: list[tuple[Tensor, Tensor]] = []

        def losses() -> Iterator[Tensor]:
            for a, classes, b in self._batches(run):
                of_a, of_b = self.f.features(a), self.f.features(b)
                seen.append((of_a.detach(), of_b.detach()))
                with frozen(self.d):
                    apart = logistic_d_loss(self.d(of_a), self.d(of_b))
                yield F.cross_entropy(self.f.head(of_a), classes) - weight * apart

        f_loss = run.minimise(self.optimizers["f"], losses())
        return {"f/loss": f_loss, "d/loss": self._tell_apart(run, seen)}

    def _fool(self, run: Run, share: float) -> dict[str, Tensor]:
        """Features of the target become like those that the classifier, now fixed, has of the source."""
        if self._phase(max(run.progress - run.options.batch / run.options.kimg / 1000, 0))[0] != "adversary":
            self.source.load_state_dict(self.f.state_dict())  # the first of these steps
        self.source.eval().requires_grad_(False)
        self.f.eval()  # dropout would tell the domains apart
        seen: list[tuple[Tensor, Tensor]] = []

        def losses() -> Iterator[Tensor]:
            for a, _, b in self._batches(run):
                of_b = self.f.features(b)
                seen.append((self.source.features(a), of_b.detach()))
                with frozen(self.d):
                    yield nonsaturating_g_loss(self.d(of_b))

        with frozen(self.f.head):
            f_loss = run.minimise(self.optimizers["features"], losses())
        return {"f/fool": f_loss, "d/loss": self._tell_apart(run, seen)}

    def _tell_apart(self, run: Run, seen: list[tuple[Tensor, Tensor]]) -> Tensor:
        losses = (logistic_d_loss(self.d(of_a), self.d(of_b)) for of_a, of_b in seen)
        return run.minimise(self.optimizers["d"], losses)

    def _translate(self, run: Run, share: float) -> dict[str, Tensor]:
        assert self.cycle is not None
        self.f.eval()
        return self.cycle.step(run)

    def _batches(self, run: Run) -> Iterator[Batch]:
        """The data of a step: source images, translated once a CycleGAN has learned to, and the target's."""
        drawn_a = self.data.source.draw(run.share(0), mirror=False)
        drawn_b = self.data.target.draw(run.share(1), mirror=False)
        translate = self.cycle is not None and self._phase(run.progress)[0] in ("translated", "adversary")
        for (a, classes), (b, _) in zip(drawn_a, drawn_b, strict=True):
            assert classes is not None
            yield self._translated(a) if translate else a, classes, b

    @torch.no_grad()
    def _translated(self, source: Tensor) -> Tensor:
        assert self.cycle is not None
        with self.activations():
            return self.cycle.translated(source, "ab").float()

    # ---- what is shown and kept ----

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Accuracy on the parts kept for testing of both domains, as far as they have labels."""
        self.f.eval()
        tests = {"target accuracy": self.data.target_test, "source accuracy": self.data.source_test}
        self.measured = {name: accuracy(self.f, data) for name, data in tests.items() if data is not None}
        return self.measured

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Source images; with cycada, what they are translated to; target images."""
        a, b = DigitDomains(self.data).examples(SAMPLES)
        rows = [a, b] if self.cycle is None else [a, self._translated(a.to(self.device)).cpu(), b]
        return sheet(rows)

    def export(self, folder: Path, images: int) -> None:
        card = self.make_card(
            images,
            name=self.options.name or "adapted",
            task="classifier",
            architecture="lenet",
            config={key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self.f.cfg).items()},
            resolution=self.options.size,
            metrics=tuple(
                Metric(name, round(value, 4), "the domain's test part")
                for name, value in self.measured.items()
            ),
        )
        save_model(folder, card, self.f.state_dict(), dtype=torch.float16)


class DigitDomains(Domains):
    """The images of both domains, for a CycleGAN."""

    def __init__(self, data: AdaptData) -> None:
        self.sets = data.source, data.target

    def draw(self, run: Run) -> list[tuple[Tensor, Tensor]]:
        a, b = (one.draw(run.share(i), mirror=False) for i, one in enumerate(self.sets))
        return [(x, y) for (x, _), (y, _) in zip(a, b, strict=True)]

    def examples(self, count: int) -> tuple[Tensor, Tensor]:
        a, b = (from_levels(one.images[:count]) for one in self.sets)
        return a, b


class SemanticCycle(CycleRecipe[CycleOptions]):
    """A CycleGAN whose results must look to a fixed classifier as their sources do (CyCADA, eq. 4)."""

    def __init__(self, options: CycleOptions, domains: Domains, device: torch.device, f: LeNet) -> None:
        self.f = f
        generator = ResNetConfig(width=options.width, blocks=options.blocks, up=options.up)
        discriminator = PatchGANConfig(width=options.d_width, layers=1, norm="instance")
        super().__init__(options, domains, device, generator, lambda: PatchGAN(discriminator))

    def g_loss(self, on_fake: Tensor) -> Tensor:
        return gan_g_loss("lsgan", on_fake)

    def d_losses(self, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor]) -> Tensor:
        with self.activations():
            on = [(self.d_a(real[0]), self.d_a(fake[0])), (self.d_b(real[1]), self.d_b(fake[1]))]
        return torch.stack([gan_d_loss("lsgan", x.float(), y.float()) for x, y in on]).sum()

    def more_losses(self, run: Run, seen: RoundTrip) -> Mapping[str, Tensor]:
        (a, b), (to_a, to_b) = seen.real, seen.drawn
        return {"semantic": self._keeps(a, to_b.fixed_mask.float()) + self._keeps(b, to_a.fixed_mask.float())}

    def _keeps(self, given: Tensor, drawn: Tensor) -> Tensor:
        with torch.no_grad():
            classes = self.f(given).argmax(1)
        with frozen(self.f):
            return F.cross_entropy(self.f(drawn), classes)

    @property
    def about(self) -> dict[str, Any]:
        return {}


@torch.no_grad()
def accuracy(network: nn.Module, data: ImageSet) -> float:
    """Share of images, 0 to 1, that a classifier in evaluation mode gives their own class."""
    assert data.labels is not None
    device = next(network.parameters()).device
    right = 0
    for images, labels in zip(data.images.split(512), data.labels.split(512), strict=True):
        right += int((network(from_levels(images).to(device)).argmax(1).cpu() == labels).sum())
    return right / len(data)


def start(options: AdaptOptions, device: torch.device, note: Note, on_load: OnLoad | None = None) -> Adapt:
    """The recipe for these options, with their data."""
    return Adapt(options, load_adaptation(options, note, on_load), device)
