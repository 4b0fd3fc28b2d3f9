"""Trains a classifier of attributes, such as those of faces, on several labelled sets at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.compute import autocast, training_dtype
from ganedit.data.images import ImageSet, load_images
from ganedit.data.labels import label_columns, label_values
from ganedit.data.variation import vary
from ganedit.errors import InputError, UsageError
from ganedit.images.align import TEMPLATES
from ganedit.images.tensors import from_levels
from ganedit.metrics.pose import crop_landmarks, head_pose
from ganedit.nets.classifier import SIZE, Classifier, ClassifierConfig, to_input
from ganedit.store.cards import Metric, ModelCard
from ganedit.store.load import save_model
from ganedit.train.options.recipes import command_line
from ganedit.train.options.recognition import ClassifierOptions
from ganedit.train.recipe import Recipe
from ganedit.train.run import Run, set_rate
from ganedit.train.sources import Note, OnLoad

POSE = ("yaw", "pitch")  # measured from landmarks if no column has them
POSE_SIDE = 128  # side in pixels at which landmarks are detected
SMOOTHING = 0.05  # of binary labels, some of which are wrong
MIRROR_CHANGES_SIGN = ("yaw",)


@dataclass
class LabelledPictures:
    """Pictures and labels of several sets.

    Attributes:
        train, test: Grey images [N, 1, 64, 64]; labels [N, K], which are NaN if a set lacks them.
        config: Names the K columns; binary ones are 0 or 1.
        meanings: Meaning of 1, by binary attribute.
    """

    train: ImageSet
    test: ImageSet
    config: ClassifierConfig
    meanings: dict[str, str]


def load_sets(
    sources: Sequence[Path],
    options: ClassifierOptions,
    progress: OnLoad | None = None,
    note: Note = lambda text: None,
) -> LabelledPictures:
    """Read sets of pictures, each a folder or zip with its own `labels.csv`.

    A column with two distinct values is a binary attribute (the second in sorted order is 1); one with more
    is a number. Yaw and pitch of faces are measured if no column has them.

    Raises:
        UsageError: An attribute is in none of the sets.
        InputError: As in `load_images`, or a column has more than two values that are not numbers.
    """
    wanted = [name.strip() for name in options.attributes.split(",") if name.strip()]
    if not wanted:
        raise UsageError(f"`attributes={options.attributes}` names no attribute", "such as smile,age")
    most = options.limit or None
    sets = [load_images(path, resolution=POSE_SIDE, limit=most, progress=progress) for path in sources]
    for name, reason in (skipped for data in sets for skipped in data.skipped):
        note(f"skipped {name}: {reason}")
    texts: list[dict[str, list[str]]] = []
    for path, data in zip(sources, sets, strict=True):
        known = set(label_columns(path))
        texts.append({name: label_values(path, name, data.names) for name in wanted if name in known})
    untold = [name for name in wanted if not any(name in text for text in texts)]
    pose = [name for name in POSE if name in untold and options.template]
    lost = [name for name in untold if name not in pose]
    if lost:
        raise UsageError(f"no set has a column {lost[0]!r}", "see the first line of each labels.csv")

    binary, meanings = [], {}
    for name in (name for name in wanted if name not in pose):
        values = sorted({value for text in texts for value in text.get(name, [])})
        if len(values) == 1:
            raise InputError(f"{name!r} is {values[0]} for every image", "nothing can be learned from that")
        if len(values) == 2:
            binary.append(name)
            meanings[name] = values[1]
    order = [*binary, *(name for name in wanted if name not in binary)]
    tables = []
    for data, text in zip(sets, texts, strict=True):
        table = torch.full((len(data), len(order)), math.nan)
        for name, column in text.items():
            table[:, order.index(name)] = _numbers(name, column, meanings.get(name))
        if pose and text:
            crops = data.images.permute(0, 2, 3, 1).numpy()
            degrees = head_pose(crop_landmarks(crops, TEMPLATES[options.template], progress))
            for name in pose:
                table[:, order.index(name)] = torch.from_numpy(degrees[:, POSE.index(name)]).float()
        tables.append(table)
    train, test = _split([_grey(data.images) for data in sets], tables, options)
    assert train.labels is not None
    means, stds = _moments(train.labels[:, len(binary) :])
    widths = tuple(int(width) for width in options.widths.split(","))
    config = ClassifierConfig(tuple(binary), tuple(order[len(binary) :]), means, stds, widths)
    return LabelledPictures(train, test, config, meanings)


class Attributes(Recipe):
    """Cross-entropy for binary attributes, Huber loss for numbers, each over the images that are labelled."""

    def __init__(
        self,
        options: ClassifierOptions,
        data: LabelledPictures,
        device: torch.device,
        note: Note = lambda text: None,
    ) -> None:
        self.options, self.data, self.note = options, data, note
        torch.manual_seed(options.seed)
        self.network = Classifier(data.config).to(device).to(memory_format=torch.channels_last)
        self.networks = {"classifier": self.network}
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), options.lr, weight_decay=options.weight_decay
        )
        self.optimizers = {"classifier": self.optimizer}
        self.dtype = training_dtype(options.precision, device)

    def step(self, run: Run) -> dict[str, Tensor]:
        self.network.train()
        warm = min(run.progress / 0.03 + 0.01, 1)
        set_rate(self.optimizer, self.options.lr * warm * (1 + math.cos(math.pi * run.progress)) / 2)
        pieces = self.data.train.draw(run.share(), mirror=False)
        stats: dict[str, Tensor] = {}

        def losses() -> Iterator[Tensor]:
            for images, labels in pieces:
                assert labels is not None
                images, labels = distort(images, labels, self.data.config)
                with autocast(images.device, self.dtype):
                    outputs = self.network.standardised(images.contiguous(memory_format=torch.channels_last))
                each = attribute_losses(outputs, labels, self.data.config)
                stats.update({f"loss/{name}": value.detach() for name, value in each.items()})
                yield torch.stack(list(each.values())).sum()

        stats["loss"] = run.minimise(self.optimizer, losses())
        return stats

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Accuracy of each binary attribute and mean absolute error of each number, on the test images."""
        config = self.data.config
        self.network.eval()
        device = self.network.head.weight.device
        assert self.data.test.labels is not None
        images = from_levels(self.data.test.images)
        outputs = torch.cat([self.network(chunk.to(device)).cpu() for chunk in images.split(256)])
        results = {}
        for i, name in enumerate(config.attributes):
            known = ~self.data.test.labels[:, i].isnan()
            output, label = outputs[known, i], self.data.test.labels[known, i]
            if name in config.binary:
                results[f"{name} accuracy"] = float(((output > 0) == (label > 0.5)).float().mean())
            else:
                results[f"{name} mean absolute error"] = float((output - label).abs().mean())
        return results

    def export(self, folder: Path, images: int) -> None:
        """Write a model folder; results of `evaluate` are stored in its card and shown."""
        config, results = self.data.config, self.evaluate()
        self.note("held out: " + ", ".join(f"{name} {value:.3g}" for name, value in results.items()))
        card = ModelCard(
            name=self.options.name or ("face-attributes" if self.options.template else "attributes"),
            task="classifier",
            architecture="classifier",
            config={key: list(value) for key, value in asdict(config).items()},
            resolution=SIZE,
            template=self.options.template,
            data=self.options.about_data,
            terms=self.options.terms,
            source=f"{command_line(self.options)} ({images / 1000:.0f} kimg)",
            details={"meanings": dict(self.data.meanings)},  # of 1, by binary attribute
            metrics=tuple(
                Metric(name, round(value, 3), f"held-out {self.options.test_share:.0%} of the training sets")
                for name, value in results.items()
            ),
        )
        save_model(folder, card, self.network.state_dict(), dtype=torch.float16)


def start(
    options: ClassifierOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> Attributes:
    """The recipe for these options, with their data."""
    if not options.data:
        raise UsageError("no data was named", "pass folders or zips of images with labels.csv")
    data = load_sets([Path(one) for one in options.data], options, on_load, note)
    return Attributes(options, data, device, note)


def attribute_losses(outputs: Tensor, labels: Tensor, config: ClassifierConfig) -> dict[str, Tensor]:
    """Mean loss of each attribute over the images whose label is known.

    Args:
        outputs: [N, K] from `Classifier.standardised`.
        labels: [N, K] in their own units; NaN means unknown.
    """
    losses = {}
    for i, name in enumerate(config.attributes):
        known = (~labels[:, i].isnan()).float()
        label = labels[:, i].nan_to_num()
        if name in config.binary:
            soft = label * (1 - 2 * SMOOTHING) + SMOOTHING
            each = F.binary_cross_entropy_with_logits(outputs[:, i], soft, reduction="none")
        else:
            j = i - len(config.binary)
            each = F.huber_loss(outputs[:, i], (label - config.means[j]) / config.stds[j], reduction="none")
        losses[name] = (each * known).sum() / known.sum().clamp(min=1)
    return losses


def distort(images: Tensor, labels: Tensor, config: ClassifierConfig) -> tuple[Tensor, Tensor]:
    """Vary images [N, 1, S, S], and negate the yaw of those that were mirrored."""
    images, mirror = vary(images)
    labels = labels.clone()
    for name in MIRROR_CHANGES_SIGN:
        if name in config.attributes:
            column = config.attributes.index(name)
            labels[:, column] = torch.where(mirror, -labels[:, column], labels[:, column])
    return images, labels


def _grey(images: Tensor) -> Tensor:
    """Convert uint8 RGB [N, 3, H, W] to the network's uint8 luma [N, 1, 64, 64]."""
    small = [to_input(chunk.float()).round().clamp(0, 255).byte() for chunk in images.split(512)]
    return torch.cat(small)


def _numbers(name: str, column: Sequence[str], positive: str | None) -> Tensor:
    if positive is not None:
        return torch.tensor([float(value == positive) for value in column])
    try:
        numbers = torch.tensor([float(value) for value in column])
    except ValueError as error:
        words = ", ".join(sorted(set(column))[:5])
        raise InputError(
            f"{name!r} holds more than two values that are not all numbers: {words}",
            "an attribute is a number, or one of two words",
        ) from error
    if numbers.isinf().any():
        raise InputError(f"{name!r} holds numbers that are not finite", "correct them in labels.csv")
    return numbers


def _split(
    images: list[Tensor], labels: list[Tensor], options: ClassifierOptions
) -> tuple[ImageSet, ImageSet]:
    """Keep a random share of each set for testing; join the rest."""
    parts: tuple[list[tuple[Tensor, Tensor]], list[tuple[Tensor, Tensor]]] = ([], [])
    for i, (pixels, table) in enumerate(zip(images, labels, strict=True)):
        order = torch.from_numpy(np.random.default_rng([options.seed, i]).permutation(len(pixels)))
        tested = max(round(len(pixels) * options.test_share), 1)
        for part, rows in zip(parts, (order[tested:], order[:tested]), strict=True):
            part.append((pixels[rows], table[rows]))
    joined = [[torch.cat(column) for column in zip(*part, strict=True)] for part in parts]
    train, test = (ImageSet(x, [""] * len(x), y, [], []) for x, y in joined)
    return train, test


def _moments(numbers: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each column over known values."""
    columns = [column[~column.isnan()] for column in numbers.T]
    return tuple(float(c.mean()) for c in columns), tuple(float(c.std().clamp(min=1e-6)) for c in columns)
