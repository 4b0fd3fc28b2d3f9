"""Model cards: `card.toml` next to the weights says what is known about a model."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ganedit.errors import CheckpointError
from ganedit.files import atomic_path, read_text

TASKS = (
    "generator",
    "translator",
    "upscaler",
    "restorer",
    "encoder",
    "classifier",
    "discriminator",
    "clip",
    "mapper",
    "vocoder",
    "single-image",
)
CARD = "card.toml"


@dataclass(frozen=True)
class Metric:
    """One measurement, and the command that repeats it."""

    name: str
    value: float | str
    command: str = ""


@dataclass(frozen=True)
class ModelCard:
    """Everything a user should know before relying on a model."""

    name: str
    task: str  # one of TASKS
    architecture: str  # a key of store.architectures.ARCHITECTURES
    config: dict[str, Any]  # sizes; fields of the architecture's config class
    resolution: int = 0  # pixels
    value_range: tuple[float, float] = (-1.0, 1.0)
    template: str = ""  # alignment of its faces; empty for models of anything else
    data: str = ""  # what it was trained on
    source: str = ""  # URL, or the command that made it
    licence: str = ""
    terms: str = ""  # what the licence requires, in a sentence
    notes: str = ""
    sha256: str = ""  # of model.safetensors
    discriminator: dict[str, Any] = field(default_factory=dict)  # config of discriminator.safetensors
    discriminator_sha256: str = ""
    details: dict[str, Any] = field(default_factory=dict)  # what else a task needs
    metrics: tuple[Metric, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Checksums of the files that hold these weights: its own, and that which it was imported from."""
        return tuple(filter(None, (self.sha256, self.details.get("source_sha256"))))

    @property
    def kind(self) -> str:
        """The task with its article, for sentences: "a generator", "an encoder"."""
        if self.task in (named := {"clip": "a CLIP model", "single-image": "a model of a single image"}):
            return named[self.task]
        return f"{'an' if self.task[0] in 'aeiou' else 'a'} {self.task}"

    def save(self, folder: str | Path) -> Path:
        """Write `folder`/card.toml, atomically."""
        import tomli_w

        path = Path(folder) / CARD
        text = tomli_w.dumps(
            {k: v for k, v in _without_none(asdict(self)).items() if v not in ("", {}, [], ())}
        )
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return path

    @classmethod
    def load(cls, folder: str | Path) -> ModelCard:
        """Read `folder`/card.toml.

        Raises:
            CheckpointError: it is missing or damaged, or lacks something.
        """
        path = Path(folder) / CARD
        try:
            return cls.from_dict(_parsed(path))
        except OSError as error:
            raise CheckpointError(
                f"{path} cannot be read: {error.strerror}",
                "a model is a folder with a card.toml and a model.safetensors",
            ) from error
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error.message}", error.hint) from None
        except (ValueError, TypeError) as error:
            raise CheckpointError(f"{path} is not a model card: {error}", "get the model again") from error

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelCard:
        """A card from plain values, unknown keys ignored.

        Raises:
            CheckpointError: a key is missing or of the wrong type.
        """
        known = {f.name for f in fields(cls)}
        values = {k: v for k, v in values.items() if k in known}
        required = ("name", "task", "architecture", "config")
        if missing := [key for key in required if key not in values]:
            raise CheckpointError(f"the model card lacks {', '.join(missing)}", "get the model again")
        try:
            values["metrics"] = tuple(Metric(**m) for m in values.get("metrics", ()))
            values["value_range"] = tuple(float(x) for x in values.get("value_range", (-1.0, 1.0)))
            card = cls(**values)
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"the model card is incomplete: {error}", "get the model again") from error
        for key, kind in (
            ("name", str),
            ("task", str),
            ("architecture", str),
            ("config", dict),
            ("resolution", int),
            ("discriminator", dict),
            ("details", dict),
        ):
            if not isinstance(getattr(card, key), kind):
                raise CheckpointError(
                    f"the model card's {key} is not a {kind.__name__}", "get the model again"
                )
        if card.task not in TASKS:
            raise CheckpointError(
                f"the model card names the task {card.task!r}", f"known: {', '.join(TASKS)}"
            )
        return card


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path))
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None


def _without_none(value: Any) -> Any:
    """Remove None values: TOML has no null, and absent keys mean the default."""
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_without_none(v) for v in value]
    return value
