"""Trains a small CLIP model (Radford et al., arXiv:2103.00020) of faces, on captions composed from labels.

Many captions of a batch are true of many of its pictures. So the targets are not the diagonal: they are the
true pairs, with equal weights (unified contrastive learning, Yang et al., arXiv:2204.03610).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.compute import autocast, training_dtype
from ganedit.data.captions import FACTS, compose, matches, read_facts, vocabulary
from ganedit.data.images import ImageSet, load_images
from ganedit.data.variation import vary
from ganedit.errors import UsageError
from ganedit.images.tensors import from_levels
from ganedit.metrics.zero_shot import zero_shot
from ganedit.store.cards import Metric, ModelCard
from ganedit.store.load import load_classifier, save_model
from ganedit.store.models import Classifier, Clip
from ganedit.store.open_clip_network import ClipConfig, ClipNetwork, Words
from ganedit.train.options.recipes import command_line
from ganedit.train.options.recognition import CLIPOptions
from ganedit.train.recipe import Recipe
from ganedit.train.run import Run, set_rate
from ganedit.train.sources import Note, OnLoad, note_skipped

GREY = 0.2  # share of pictures shown without colours
SHARPEST = math.log(100.0)  # largest scale of the logits, as in the paper
WARM_UP = 0.05  # share of the run


class CLIPTraining(Recipe):
    """Matches the images and captions of a batch with each other."""

    def __init__(
        self, options: CLIPOptions, train: ImageSet, test: ImageSet, device: torch.device, note: Note
    ) -> None:
        self.options, self.train, self.test, self.note, self.device = options, train, test, note, device
        self.words = vocabulary()
        torch.manual_seed(options.seed)
        config = ClipConfig(len(self.words), options.embed, options.size, options.width)
        self.network = ClipNetwork(config).to(device)
        self.tokenize = Words(self.words, config.context)
        self.networks = {"clip": self.network}
        self.optimizers = {"clip": _adamw(self.network, options)}
        self.dtype = training_dtype(options.precision, device)

    def step(self, run: Run) -> dict[str, Tensor]:
        self.network.train()
        warm = min(run.progress / WARM_UP + 0.01, 1)
        set_rate(self.optimizers["clip"], self.options.lr * warm * (1 + math.cos(math.pi * run.progress)) / 2)
        rng = np.random.default_rng(int(torch.randint(2**31, ())))  # torch is seeded in every step
        stats: dict[str, Tensor] = {}
        stats["loss"] = run.minimise(self.optimizers["clip"], self._losses(run, rng, stats))
        with torch.no_grad():
            self.network.logit_scale.clamp_(0, SHARPEST)
        return stats

    def _losses(self, run: Run, rng: np.random.Generator, stats: dict[str, Tensor]) -> Iterator[Tensor]:
        for images, labels in self.train.draw(run.share(), mirror=False):
            assert labels is not None
            captions = compose(labels, rng)
            fits = matches(captions, labels)
            tokens = self.tokenize([caption.text for caption in captions]).to(images.device)
            images, _ = vary(_some_grey(images))
            with autocast(images.device, self.dtype):
                pictures = self.network.encode_image(images.contiguous(memory_format=torch.channels_last))
                texts = self.network.encode_text(tokens)
            cosines = F.normalize(pictures.float(), dim=1) @ F.normalize(texts.float(), dim=1).T
            each = unified_contrast(cosines * self.network.logit_scale.exp(), fits)
            stats |= {"pictures": each[0].detach(), "texts": each[1].detach()}
            stats["scale"] = self.network.logit_scale.detach().exp()
            yield each.sum() / 2

    def _model(self, card: ModelCard) -> Clip:
        return Clip(card, self.network.eval(), self.device)

    def evaluate(self) -> dict[str, float]:
        assert self.test.labels is not None
        results = zero_shot(
            self._model(self._card(0)),
            self.test.images,
            dict(zip(FACTS, self.test.labels.unbind(1), strict=True)),
        )
        return {name: value for name, value in results.items() if not math.isnan(value)}

    def _card(self, images: int) -> ModelCard:
        options = self.options
        return ModelCard(
            name=options.name,
            task="clip",
            architecture="clip",
            config={**asdict(self.network.cfg), "layers": list(self.network.cfg.layers)},
            resolution=options.size,
            template=options.template,
            data=options.about_data,
            terms=options.terms,
            source=f"{command_line(options)} ({images / 1000:.0f} kimg)",
            details={"words": self.words},
        )

    def export(self, folder: Path, images: int) -> None:
        """Write a model folder; results of `evaluate` are stored in its card and shown."""
        results = self.evaluate()
        self.note("held out: " + ", ".join(f"{name} {value:.3g}" for name, value in results.items()))
        method = f"{len(self.test)} faces held out"
        card = ModelCard(
            **{
                **vars(self._card(images)),
                "metrics": tuple(Metric(name, round(value, 3), method) for name, value in results.items()),
            }
        )
        save_model(folder, card, self.network.state_dict(), dtype=torch.float16)


def unified_contrast(logits: Tensor, fits: Tensor) -> Tensor:
    """Cross-entropy [2] of finding the captions of a picture, and the pictures of a caption.

    Args:
        logits: [N, M] for N pictures and M captions.
        fits: [N, M] in [0, 1], how true each caption is; pictures and captions without a match are ignored.
    """

    def one_way(logits: Tensor, fits: Tensor) -> Tensor:
        total = fits.sum(dim=1, keepdim=True)
        each = -(fits / total.clamp(min=1e-6) * logits.log_softmax(dim=1)).sum(dim=1)
        return (each * (total[:, 0] > 0)).mean()

    return torch.stack([one_way(logits, fits), one_way(logits.T, fits.T)])


def _some_grey(images: Tensor) -> Tensor:
    grey = (torch.rand(len(images), 1, 1, 1) < GREY).to(images.device)
    return torch.where(grey, images.mean(dim=1, keepdim=True), images)


def _adamw(network: ClipNetwork, options: CLIPOptions) -> torch.optim.AdamW:
    """AdamW with weight decay only for matrices and kernels."""
    flat = [p for p in network.parameters() if p.ndim < 2]
    deep = [p for p in network.parameters() if p.ndim >= 2]
    groups = [
        {"params": deep, "weight_decay": options.weight_decay},
        {"params": flat, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, options.lr, betas=(0.9, 0.98))


def start(
    options: CLIPOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> CLIPTraining:
    """The recipe for these options, with their data."""
    if not options.data:
        raise UsageError("no data was named", "pass folders or zips of faces with labels.csv")
    classifier = load_classifier(options.classifier, device=str(device))
    parts: tuple[list[ImageSet], list[ImageSet]] = ([], [])
    for i, source in enumerate(map(Path, options.data)):
        data = load_images(source, resolution=options.size, limit=options.limit or None, progress=on_load)
        note_skipped(data.skipped, note)
        labels = _facts(source, data, classifier)
        order = torch.from_numpy(np.random.default_rng([options.seed, i]).permutation(len(data)))
        tested = max(round(len(data) * options.test_share), 1)
        for part, rows in zip(parts, (order[tested:], order[:tested]), strict=True):
            part.append(ImageSet(data.images[rows], [data.names[k] for k in rows], labels[rows], [], []))
    train, test = (_joined(part) for part in parts)
    return CLIPTraining(options, train, test, device, note)


def _facts(source: Path, data: ImageSet, classifier: Classifier) -> Tensor:
    """FACTS [N, 3] from the set's CSV, or from the classifier if the CSV lacks them."""
    facts = read_facts(source, data.names)
    known = set(classifier.attributes) & {"gender", "smile"}
    lacking = [k for k, name in enumerate(FACTS) if name in known and bool(facts[:, k].isnan().all())]
    if lacking:
        measured = [classifier.measure(from_levels(some)) for some in data.images.split(256)]
        for k in lacking:
            facts[:, k] = torch.cat([one[FACTS[k]] for one in measured]).cpu()
    return facts


def _joined(parts: list[ImageSet]) -> ImageSet:
    labels = torch.cat([part.labels for part in parts if part.labels is not None])
    names = [name for part in parts for name in part.names]
    return ImageSet(torch.cat([part.images for part in parts]), names, labels, [], [])
