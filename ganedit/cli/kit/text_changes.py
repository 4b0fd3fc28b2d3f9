"""What `ganedit clip edit` does to latents: StyleCLIP's three ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.editor import Change
from ganedit.errors import CheckpointError

if TYPE_CHECKING:
    from ganedit.images.paste import Mode
    from ganedit.latent.directions.direction import Direction
    from ganedit.latent.latent import Latent
    from ganedit.store.models import Clip, Generator, Mapper
    from ganedit.text.guidance import Wish
    from ganedit.text.optimize import SteerOptions


class Way:
    """One of the three, for any number of generators and latents."""

    def __str__(self) -> str:
        raise NotImplementedError

    def prepare(self, generator: Generator) -> None:
        """Open what is needed for a generator; done once for each."""

    def of(self, latent: Latent, generator: Generator) -> Latent:
        raise NotImplementedError


@dataclass
class ByOptimising(Way):
    console: Console
    clip: Clip
    wish: Wish
    options: SteerOptions
    strength: float
    layers: str | None

    def __str__(self) -> str:
        return self.wish.text

    def of(self, latent: Latent, generator: Generator) -> Latent:
        from dataclasses import replace

        import torch

        from ganedit.latent.mixing import rows_of
        from ganedit.text.optimize import steer

        own = latent.personal(generator)
        rows = tuple(rows_of(generator, self.layers)) if self.layers else None
        options = replace(self.options, rows=rows)
        with self.console.progress(self.wish.text, options.steps) as bar:
            ws = steer(own, latent.ws[None], self.clip, self.wish, options, lambda *_: bar.advance())[0]
        record: dict[str, Any] = {"text": self.wish.text, "method": "optimize", "clip": self.clip.name}
        record |= {"neutral": self.wish.neutral} if self.wish.neutral else {}
        return latent.edited(
            torch.lerp(latent.ws, ws.cpu(), self.strength), record | {"strength": self.strength}
        )


@dataclass
class ByDirection(Way):
    console: Console
    clip: Clip
    text: str
    neutral: str
    strength: float
    threshold: float | None

    def __post_init__(self) -> None:
        self._found: dict[str, Direction] = {}

    def __str__(self) -> str:
        return f"{self.text} {self.strength:+g}"

    def prepare(self, generator: Generator) -> None:
        from ganedit.text.channels import known_relevance, text_direction

        if generator.sha256 in self._found:
            return
        with self.console.progress(f"what the channels of {generator.name} mean") as bar:
            relevance = known_relevance(generator, self.clip, bar.update)
        found = text_direction(
            generator, self.clip, self.text, self.neutral, relevance,
            threshold=self.threshold, name=self.text,
        )  # fmt: skip
        self.console.note(f"{self.text}: {found.method}")
        self._found[generator.sha256] = found

    def of(self, latent: Latent, generator: Generator) -> Latent:
        from ganedit.latent.editing import edit as moved

        return moved(latent, [(self._found[generator.sha256], self.strength, None)])


@dataclass
class ByMapper(Way):
    console: Console
    name: str
    strength: float

    def __post_init__(self) -> None:
        from ganedit.store.models import Mapper

        found = self.console.load(self.name)
        if not isinstance(found, Mapper):
            raise CheckpointError(
                f"{self.name} is {found.card.kind}, not a mapper", "ganedit train clip-mapper makes them"
            )
        self.mapper: Mapper = found

    def __str__(self) -> str:
        return self.mapper.text

    def prepare(self, generator: Generator) -> None:
        self.mapper.check_model(generator)

    def of(self, latent: Latent, generator: Generator) -> Latent:
        import torch

        with torch.no_grad():
            ws = self.mapper(latent.ws[None])[0].cpu()
        record = {"text": self.mapper.text, "method": "mapper", "strength": self.strength}
        return latent.edited(torch.lerp(latent.ws, ws, self.strength), record)


@dataclass
class TextChange(Change):
    """What `Editor` does to each latent."""

    way: Way
    paste: Mode | None
    command = "clip edit"

    def __str__(self) -> str:
        return str(self.way)

    def prepare(self, generator: Generator) -> None:
        self.way.prepare(generator)

    def of(self, latent: Latent, generator: Generator, label: str) -> Latent:
        return self.way.of(latent, generator)

    def told(self, label: str) -> dict[str, Any]:
        return {"text": str(self.way)}
