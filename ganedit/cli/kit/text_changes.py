"""The changes of `ganedit clip edit`, by the three methods of `text.edits`, for `Editor`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganedit.cli.kit.changes import Change
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.outputs import text_name
from ganedit.errors import CheckpointError

if TYPE_CHECKING:
    from ganedit.images.paste import Mode
    from ganedit.latent.directions.direction import Direction
    from ganedit.latent.latent import Latent
    from ganedit.store.models import Clip, Generator, Mapper
    from ganedit.text.guidance import Wish
    from ganedit.text.optimize import SteerOptions


@dataclass
class TextChange(Change):
    """Base of the methods, for any number of generators and latents."""

    console: Console
    strength: float
    paste: Mode | None
    command = "clip edit"

    def prepare(self, generator: Generator) -> None:
        """Open what is needed for a generator; called once for each."""

    def of(self, latent: Latent, generator: Generator, label: str) -> Latent:
        return self.changed(latent, generator)

    @abstractmethod
    def changed(self, latent: Latent, generator: Generator) -> Latent:
        """The changed latent."""

    def details(self, label: str, latents: Sequence[Path]) -> dict[str, Any]:
        return {"text": str(self)}

    @property
    def amount(self) -> str:
        """The strength as a part of a file's name; empty for 1."""
        return "" if self.strength == 1 else f"{self.strength:+g}"


@dataclass
class ByOptimising(TextChange):
    clip: Callable[[], Clip]  # opens it the first time
    clip_name: str
    wish: Wish
    options: SteerOptions
    layers: str | None

    def __str__(self) -> str:
        return self.wish.text

    def name(self, label: str | None) -> str:
        return text_name(self.wish.text) + self.amount + _from(self.wish.neutral)

    def request(self, label: str | None, model: str) -> dict[str, Any]:
        how = {"clip": self.clip_name, "layers": self.layers, "strength": self.strength}
        return {"method": "optimize", **how, **asdict(self.wish), **asdict(self.options)}

    def prepare(self, generator: Generator) -> None:
        self.clip()

    def changed(self, latent: Latent, generator: Generator) -> Latent:
        from ganedit.text.edits import clip_edit

        with self.console.progress(self.wish.text, self.options.steps) as bar:
            return clip_edit(
                latent, generator, self.clip(), self.wish,
                options=self.options, layers=self.layers, strength=self.strength, progress=bar.update,
            )  # fmt: skip


@dataclass
class ByDirection(TextChange):
    clip: Callable[[], Clip]  # opens it the first time
    clip_name: str
    text: str
    neutral: str
    threshold: float | None
    directions: dict[str, Direction] = field(default_factory=dict)  # by the sha256 of the generator

    def __str__(self) -> str:
        return f"{self.text} {self.strength:+g}"

    def name(self, label: str | None) -> str:
        return f"{text_name(self.text)}{self.amount}{_from(self.neutral)}.direction"

    def request(self, label: str | None, model: str) -> dict[str, Any]:
        texts = {"text": self.text, "neutral": self.neutral}
        how = {"clip": self.clip_name, "threshold": self.threshold, "strength": self.strength}
        return {"method": "direction", **texts, **how}

    def prepare(self, generator: Generator) -> None:
        from ganedit.text.edits import clip_direction

        if generator.sha256 in self.directions:
            return
        with self.console.progress(f"measuring the channels of {generator.name}") as bar:
            direction = clip_direction(
                generator, self.clip(), self.text, self.neutral, threshold=self.threshold, progress=bar.update
            )
        self.console.note(f"{self.text}: {direction.method}")
        self.directions[generator.sha256] = direction

    def changed(self, latent: Latent, generator: Generator) -> Latent:
        from ganedit.latent.editing import edit

        return edit(latent, [(self.directions[generator.sha256], self.strength, None)])


@dataclass
class ByMapper(TextChange):
    mapper_name: str

    @cached_property
    def mapper(self) -> Mapper:
        from ganedit.store.models import Mapper

        model = self.console.load(self.mapper_name)
        if not isinstance(model, Mapper):
            raise CheckpointError(
                f"{self.mapper_name} is {model.card.kind}, not a mapper",
                "ganedit train clip-mapper makes them",
            )
        return model

    def __str__(self) -> str:
        return self.mapper.text

    def name(self, label: str | None) -> str:
        return f"{text_name(self.mapper.text)}{self.amount}.mapper"

    def request(self, label: str | None, model: str) -> dict[str, Any]:
        return {"method": "mapper", "mapper_sha256": self.mapper.sha256, "strength": self.strength}

    def prepare(self, generator: Generator) -> None:
        self.mapper.check_model(generator)

    def changed(self, latent: Latent, generator: Generator) -> Latent:
        from ganedit.text.edits import clip_edit_by_mapper

        return clip_edit_by_mapper(latent, self.mapper, self.strength)


def _from(neutral: str | None) -> str:
    """The text to start from as a part of a file's name; empty if there is none."""
    return "" if neutral is None else f".from-{text_name(neutral)}"
