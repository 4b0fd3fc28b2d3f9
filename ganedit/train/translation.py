"""Parts shared by recipes for image-to-image networks."""

from __future__ import annotations

import copy
import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from ganedit.compute import autocast, training_dtype
from ganedit.data.pictures import Pictures, load_pictures, sheet
from ganedit.errors import CheckpointError, UsageError
from ganedit.nets.patchgan import MultiScaleDiscriminator
from ganedit.store.cards import ModelCard
from ganedit.store.load import load
from ganedit.store.models.image import Direction, ImageModel
from ganedit.train.feature_discriminator import CALIBRATION_IMAGES
from ganedit.train.losses import feature_distance
from ganedit.train.options.base import ModelOptions
from ganedit.train.options.pictures import TranslationOptions
from ganedit.train.options.pretrained import PretrainedOptions
from ganedit.train.options.recipes import command_line
from ganedit.train.pretrained import PretrainedLosses, PretrainedPair
from ganedit.train.recipe import Recipe
from ganedit.train.run import Run, set_rate
from ganedit.train.sources import Note, OnLoad, note_skipped

SAMPLES = 6  # of each domain
Options = TypeVar("Options", bound=ModelOptions)
AnyModel = TypeVar("AnyModel", bound=ImageModel)


class PictureRecipe(Recipe, Generic[Options]):
    """Base of recipes with convolutional networks: device, memory layout, optimisers, and the model's
    card."""

    def __init__(self, options: Options, device: torch.device, networks: Mapping[str, nn.Module]) -> None:
        self.options, self.device = options, device
        self.dtype = training_dtype(options.precision, device)
        self.networks = {
            name: network.to(device).to(memory_format=torch.channels_last)
            for name, network in networks.items()
        }

    def adam(
        self,
        *networks: nn.Module,
        lr: float | None = None,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
    ) -> torch.optim.Adam:
        """An optimiser for these networks, at the learning rate of the options unless `lr` is another."""
        parameters = [p for network in networks for p in network.parameters()]
        rate = getattr(self.options, "lr", 1e-3) if lr is None else lr
        return torch.optim.Adam(parameters, rate, betas, weight_decay=weight_decay)

    def add_pretrained(self, real: Callable[[], Tensor], name: str = "features") -> PretrainedLosses:
        """The losses on pretrained features that the options ask for.

        Their networks are part of the checkpoint, under `name`; `real` draws images to standardise features
        with. Called after the recipe's own optimisers are made.
        """
        assert isinstance(self.options, PretrainedOptions)
        losses = PretrainedLosses(self.options, real, self.device, self.dtype)
        if losses.adversary:
            self.networks[name] = losses.adversary.network
            self.optimizers[name] = losses.adversary.optimizer
        return losses

    def activations(self) -> torch.autocast:
        """Context for forward passes."""
        return autocast(self.device, self.dtype)

    def decay(self, run: Run, share: float) -> None:
        """Let the rate of each optimiser fall to 0 over the last `share` of the run."""
        left = min((1 - run.progress) / share, 1.0) if share else 1.0
        for optimizer in self.optimizers.values():
            set_rate(optimizer, optimizer.defaults["lr"] * left)

    def make_card(self, images: int, *, name: str, **more: Any) -> ModelCard:
        """The card of a model after training on a number of images; `more` are fields of ModelCard."""
        options = self.options
        return ModelCard(
            name=name,
            template=getattr(options, "template", ""),
            data=options.about_data,
            source=f"{command_line(options)} ({images / 1000:.0f} kimg)",
            terms=options.terms,
            **more,
        )

    def model(self, kind: type[AnyModel], card: ModelCard, network: nn.Module) -> AnyModel:
        """A float32 copy of a network as a model, for measurements that do not disturb training."""
        return kind(card, copy.deepcopy(network).eval().requires_grad_(False), self.device)


class MultiScaleRecipe(PictureRecipe[Options]):
    """A recipe whose discriminator sees pictures at several scales, together with their input."""

    d: MultiScaleDiscriminator

    def discriminate(self, given: Tensor, picture: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """D's features of a picture with its input, all scales in one list, and logits by scale."""
        with self.activations():
            features = self.d.features(torch.cat([given, picture], dim=1))
            logits = self.d.logits(features)
        return [layer for scale in features for layer in scale], [x.float() for x in logits]

    def discriminate_fake(self, given: Tensor, wanted: Tensor, fake: Tensor) -> tuple[list[Tensor], Tensor]:
        """Logits of a fake by scale, and the distance of its features from those of the wanted picture."""
        with torch.no_grad():
            real_features, _ = self.discriminate(given, wanted)
        with frozen(self.d):
            features, on_fake = self.discriminate(given, fake)
        return on_fake, feature_distance(features, real_features)

    def discriminate_both(
        self, given: Tensor, wanted: Tensor, fake: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Logits by scale of the real picture and of the fake, in one pass."""
        _, logits = self.discriminate(torch.cat([given, given]), torch.cat([wanted, fake]))
        on_real, on_fake = zip(*(x.chunk(2) for x in logits), strict=True)
        return list(on_real), list(on_fake)


class Domains(ABC):
    """Two unpaired sets, A and B."""

    @abstractmethod
    def draw(self, run: Run) -> list[tuple[Tensor, Tensor]]:
        """Training data of this step from A and B, [N, C, H, W] each; one pair per accumulated piece."""

    @abstractmethod
    def examples(self, count: int) -> tuple[Tensor, Tensor]:
        """At most `count` examples of A and of B, the same every time, for sample sheets."""

    def sheet(self, rows: Sequence[Tensor]) -> Tensor:
        """Rows of data as one picture [3, H, W] in [-1, 1]."""
        return sheet(rows)


@dataclass
class PictureDomains(Domains):
    """Two sets of pictures, of which training sees crops."""

    options: TranslationOptions
    sets: tuple[Pictures, Pictures]

    def draw(self, run: Run) -> list[tuple[Tensor, Tensor]]:
        options = self.options
        drawn = [
            pictures.draw(run.share(stream), options.size, mirror=options.mirror)
            for stream, pictures in enumerate(self.sets)
        ]
        return [(a, b) for (a,), (b,) in zip(*drawn, strict=True)]

    def examples(self, count: int) -> tuple[Tensor, Tensor]:
        columns = range(min(count, *map(len, self.sets)))
        (a,), (b,) = (data.centres(columns, self.options.size) for data in self.sets)
        return a, b


class DomainRecipe(PictureRecipe[Options]):
    """Base of recipes that translate between two domains, A and B."""

    def __init__(
        self, options: Options, domains: Domains, device: torch.device, networks: Mapping[str, nn.Module]
    ) -> None:
        super().__init__(options, device, networks)
        self.domains = domains

    def add_pretrained_pair(self) -> PretrainedPair:
        """The losses on pretrained features of A and of B, as `add_pretrained`."""
        examples = self.domains.examples
        return PretrainedPair(
            self.add_pretrained(lambda: examples(CALIBRATION_IMAGES)[0], "features_a"),
            self.add_pretrained(lambda: examples(CALIBRATION_IMAGES)[1], "features_b"),
        )

    @abstractmethod
    def translated(self, x: Tensor, direction: Direction) -> Tensor:
        """Translate x [N, C, H, W] from one domain to the other."""

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Examples of A, translated to B, and back; then of B, translated to A, and back."""
        rows = []
        ways: tuple[Direction, Direction] = ("ab", "ba")
        for real, there, back in zip(self.domains.examples(SAMPLES), ways, reversed(ways), strict=True):
            with self.activations():
                drawn = self.translated(real.to(self.device), there)
                rows += [real, drawn, self.translated(drawn, back)]
        return self.domains.sheet(rows)


def load_named(
    load: Callable[..., Pictures],
    sources: Sequence[str],
    options: TranslationOptions,
    note: Note,
    on_load: OnLoad | None,
) -> Pictures:
    """Call `load` (`load_pictures`, `load_pairs`) for sources, with the sizes in the options.

    Files that could not be decoded are reported.
    """
    pictures = load(
        [Path(source) for source in sources],
        size=options.size,
        load_size=options.squeeze,
        limit=options.limit or None,
        progress=on_load,
    )
    note_skipped(pictures.skipped, note)
    return pictures


def real_images(data: Pictures, size: int) -> Tensor:
    """The middle of some dozens of entries, last layer [N, 3, size, size], to standardise features with."""
    return data.centres(range(min(CALIBRATION_IMAGES, len(data))), size)[-1]


def two_sources(options: ModelOptions, order: str = "domain A, then domain B") -> tuple[str, str]:
    """The two sources that a recipe takes, in this order.

    Raises:
        UsageError: There is one, or more than two.
    """
    if len(options.data) != 2:
        raise UsageError(f"this recipe takes two folders or zips, not {len(options.data)}", order)
    a, b = options.data
    return a, b


def load_domains(options: TranslationOptions, note: Note, on_load: OnLoad | None) -> PictureDomains:
    """Load the two sets of pictures in the options.

    Raises:
        UsageError, InputError: As in `two_sources` and `data.pictures.load_pictures`.
    """
    a, b = (load_named(load_pictures, [source], options, note, on_load) for source in two_sources(options))
    return PictureDomains(options, (a, b))


def start_from(network: nn.Module, model: str, device: torch.device, **new: object) -> None:
    """Load the weights of a model of the same kind and size into a network.

    Args:
        network: Its `cfg` is compared with the model's.
        model: Name or path of the model.
        device: Device on which to open it.
        new: Fields of `cfg` that may differ from the model's; the parts that they add keep their initial
            weights.

    Raises:
        CheckpointError: `model` is of another kind or size.
    """
    before = load(model, device=str(device)).network
    config: Any = before.cfg
    if type(before) is not type(network) or dataclasses.replace(config, **new) != network.cfg:
        raise CheckpointError(
            f"{model} is not a {type(network).__name__} of this size",
            "set the flags that its card's [config] names",
        )
    network.load_state_dict(network.state_dict() | before.state_dict())


@contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Context in which gradients pass through these networks, but not to their parameters."""
    parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
    for p in parameters:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in parameters:
            p.requires_grad_(True)


class History(nn.Module):
    """Recent fakes, some of which a discriminator sees again (Shrivastava et al., arXiv:1612.07828).

    It is a module, so that its pictures become part of the checkpoint.
    """

    images: Tensor
    count: Tensor

    def __init__(self, capacity: int, channels: int, size: int) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(capacity, channels, size, size))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def forward(self, fakes: Tensor) -> Tensor:
        """Replace each of `fakes` [N, C, S, S] by an older one with probability 1/2.

        Until the history is full, every fake is stored and returned; later, a replaced fake takes the place
        of the older one.
        """
        if not len(self.images):
            return fakes
        shown = []
        for fake in fakes.detach().float():
            at = int(self.count)
            if at < len(self.images):
                self.images[at] = fake
                self.count += 1
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(len(self.images), ()))
                old = self.images[place].clone()
                self.images[place] = fake
                fake = old
            shown.append(fake)
        return torch.stack(shown)
