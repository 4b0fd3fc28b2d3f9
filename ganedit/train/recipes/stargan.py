"""Trains one translator for many attributes (StarGAN, Choi et al., arXiv:1711.09020).

It can be trained on several sets at once, each of which has labels for only some of the attributes. The
target then ends with a mask vector that selects the set whose attributes are meant, as in the paper; its
entries are labels named after the sets.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.data.images import ImageSet, load_images
from ganedit.data.labels import label_columns, label_values
from ganedit.data.pictures import sheet
from ganedit.errors import InputError, UsageError, did_you_mean
from ganedit.images.tensors import from_levels
from ganedit.nets.stargan import (
    StarGANConfig,
    StarGANDiscriminator,
    StarGANDiscriminatorConfig,
    StarGANGenerator,
)
from ganedit.store.load import save_model
from ganedit.train.feature_discriminator import CALIBRATION_IMAGES
from ganedit.train.losses import gradient_penalty
from ganedit.train.options.translators import StarGANOptions
from ganedit.train.run import Run
from ganedit.train.sources import Note, OnLoad, note_skipped
from ganedit.train.translation import PictureRecipe, frozen

SAMPLES = 6
RULE = re.compile(r"\s*([^=<>]+)=([^=<>]+)(<=|>=|=|<|>)([^=<>]+?)\s*")
COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
Rule = tuple[str, str, str, str]  # name, column, comparison, value


class StarGAN(PictureRecipe[StarGANOptions]):
    """G's targets are labels of other pictures in the batch; D tells real from drawn pictures, and predicts
    labels.

    Attributes:
        sets: Images with labels [N, K], which are NaN if a set lacks them.
        labels: Names of the target's entries: K attributes, then the sets if there are several.
    """

    def __init__(
        self, options: StarGANOptions, sets: dict[str, ImageSet], names: Sequence[str], device: torch.device
    ) -> None:
        self.sets = list(sets.values())
        self.labels = [*names, *(sets if len(sets) > 1 else ())]
        torch.manual_seed(options.seed)
        self.g = StarGANGenerator(
            StarGANConfig(
                len(self.labels), width=options.width, blocks=options.blocks, residual=options.residual
            )
        )
        layers = options.size.bit_length() - 2  # down to 2x2
        self.d = StarGANDiscriminator(
            StarGANDiscriminatorConfig(len(names), options.size, width=options.d_width, layers=layers)
        )
        super().__init__(options, device, {"g": self.g, "d": self.d})
        self.optimizers = {name: self.adam(net, betas=(0.5, 0.999)) for name, net in self.networks.items()}
        self.pretrained = self.add_pretrained(lambda: from_levels(self.sets[0].images[:CALIBRATION_IMAGES]))

    def step(self, run: Run) -> dict[str, Tensor]:
        options = self.options
        self.decay(run, options.decay)
        which = run.step // options.critic % len(self.sets)
        pieces = []
        for images, labels in self.sets[which].draw(run.share(which), mirror=options.mirror):
            assert labels is not None
            pieces.append((images, labels, labels[torch.randperm(len(labels)).to(labels.device)]))
        stats: dict[str, Tensor] = {}
        stats["d/loss"] = run.minimise(self.optimizers["d"], self._d_losses(pieces, which, stats))
        if (run.step + 1) % options.critic == 0:
            stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(pieces, which, stats))
            stats |= self.pretrained.d_step(run, (images for images, _, _ in pieces))
        return stats

    def _target(self, labels: Tensor, which: int) -> Tensor:
        """Target [N, D] of zeros and ones for G."""
        target = labels.nan_to_num()
        if len(self.sets) == 1:
            return target
        mask = F.one_hot(torch.full((len(labels),), which), len(self.sets)).to(target)
        return torch.cat([target, mask], dim=1)

    def _draw(self, images: Tensor, target: Tensor) -> Tensor:
        with self.activations():
            drawn: Tensor = self.g(images, target)
            return drawn.float()

    def _both(self, images: Tensor) -> tuple[Tensor, Tensor]:
        with self.activations():
            logits, labels = self.d.both(images)
        return logits.float(), labels.float()

    def _d_losses(
        self, pieces: list[tuple[Tensor, Tensor, Tensor]], which: int, stats: dict[str, Tensor]
    ) -> Iterator[Tensor]:
        options = self.options
        for images, labels, wanted in pieces:
            with torch.no_grad():
                fake = self._draw(images, self._target(wanted, which))
            on_real, classes = self._both(images)
            on_fake, _ = self._both(fake)
            each = {
                "gan": on_fake.mean() - on_real.mean(),
                "classes": known_bce(classes, labels) * options.classify,
                # second derivatives, in full precision
                "penalty": gradient_penalty(self.d, images, fake) * options.penalty,
            }
            stats |= {f"d/{name}": loss.detach() for name, loss in each.items()}
            yield torch.stack(list(each.values())).sum()

    def _g_losses(
        self, pieces: list[tuple[Tensor, Tensor, Tensor]], which: int, stats: dict[str, Tensor]
    ) -> Iterator[Tensor]:
        options = self.options
        for images, labels, wanted in pieces:
            fake = self._draw(images, self._target(wanted, which))
            back = self._draw(fake, self._target(labels, which))
            with frozen(self.d):
                on_fake, classes = self._both(fake)
            each = {
                "gan": -on_fake.mean(),
                "classes": known_bce(classes, wanted) * options.classify,
                "reconstruct": F.l1_loss(back, images) * options.reconstruct,
            }
            each |= self.pretrained.g_losses(fake) | self.pretrained.perceptual(back, images)
            stats |= {f"g/{name}": loss.detach() for name, loss in each.items()}
            yield torch.stack(list(each.values())).sum()

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Pictures of the first set, and their translations to each single attribute."""
        data = self.sets[0]
        real = from_levels(data.images[:SAMPLES]).to(self.device)
        count = self.d.cfg.labels
        rows = [real]
        for i in range(count):
            labels = torch.zeros(len(real), count, device=self.device)
            labels[:, i] = 1
            rows.append(self._draw(real, self._target(labels, 0)))
        return sheet(rows)

    def export(self, folder: Path, images: int) -> None:
        card = self.make_card(
            images,
            name=self.options.name or "stargan",
            task="translator",
            architecture="stargan",
            config=asdict(self.g.cfg),
            resolution=self.options.size,
            details={"labels": self.labels},
        )
        save_model(folder, card, self.g.state_dict(), dtype=torch.float16)


def known_bce(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy [N, K] summed over the labels that are known (not NaN), averaged over pictures."""
    known = ~labels.isnan()
    each = F.binary_cross_entropy_with_logits(logits, labels.nan_to_num(), reduction="none")
    return (each * known).sum() / len(labels)


def parse_rules(text: str) -> list[Rule]:
    """Parse the attributes in `labels`.

    Raises:
        UsageError: not of the form NAME=COLUMN=VALUE (or <, <=, >, >=), or a name occurs twice.
    """
    rules: list[Rule] = []
    for part in text.split(","):
        match = RULE.fullmatch(part)
        if not match:
            raise UsageError(f"the label {part!r} cannot be read", "such as young=age<30 or male=gender=male")
        name, column, sign, value = (word.strip() for word in match.groups())
        if sign != "=":
            try:
                float(value)
            except ValueError as error:
                raise UsageError(
                    f"the label {part!r} must compare with a number", "such as age<30"
                ) from error
        if name in (rule[0] for rule in rules):
            raise UsageError(f"`labels` names {name} twice", "give each attribute its own name")
        rules.append((name, column, sign, value))
    return rules


def read_labels(source: Path, names: Sequence[str], rules: Sequence[Rule]) -> Tensor:
    """Labels [N, K] of zeros and ones for the images of a set; NaN for columns that its labels.csv lacks.

    Raises:
        InputError: As in `label_values`, or a value to compare is not a number.
    """
    columns = label_columns(source)
    labels = torch.full((len(names), len(rules)), float("nan"))
    for k, (name, column, sign, value) in enumerate(rules):
        if column not in columns:
            continue
        values = label_values(source, column, names)
        try:
            true = [v == value if sign == "=" else COMPARE[sign](float(v), float(value)) for v in values]
        except ValueError as error:
            raise InputError(f"the column {column} of {source} holds no numbers: {error}") from error
        if len(set(true)) < 2:
            raise InputError(
                f"{'all' if true[0] else 'no'} images of {source} are {name}", "an attribute has to differ"
            )
        labels[:, k] = torch.tensor(true).float()
    return labels


def start(
    options: StarGANOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> StarGAN:
    """The recipe for these options, with their data."""
    rules = parse_rules(options.labels)
    sets: dict[str, ImageSet] = {}
    columns: set[str] = set()
    for one in options.data:
        source = Path(one)
        columns |= set(label_columns(source))
        data = load_images(
            source,
            resolution=options.size,
            fit=options.fit,
            limit=options.limit or None,
            progress=on_load,
        )
        note_skipped(data.skipped, note)
        data.labels = read_labels(source, data.names, rules)
        sets[source.stem] = data
    if len(sets) < len(options.data):
        raise UsageError("two of the sets have the same name", "rename one: the sets are known by it")
    for _, column, _, _ in rules:
        if column not in columns:
            raise UsageError(f"no set has a column {column!r}", did_you_mean(column, sorted(columns)))
    return StarGAN(options, sets, [rule[0] for rule in rules], device)
