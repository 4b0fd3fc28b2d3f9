"""What `edit`, `drag` and `clip edit` do to a latent, as `Editor` sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganedit.images.paste import Mode
    from ganedit.latent.latent import Latent
    from ganedit.store.models import Generator


class Change(ABC):
    """A change of latents; its `str` is for the caption of a sheet.

    Attributes:
        command: The command, for records.
        paste: How results are pasted into photos, or None.
    """

    command: str
    paste: Mode | None

    @property
    def labels(self) -> Sequence[str]:
        """Labels of the results for one input: "" if there is one, otherwise "+1.0" and so on."""
        return ("",)

    @abstractmethod
    def name(self, label: str | None) -> str:
        """What is done, for the name of the result with this label, or of all results: smile+2."""

    @abstractmethod
    def request(self, label: str | None, model: str) -> dict[str, Any]:
        """All that the result with this label, or all results, depends on, besides the input and the weights
        of the model, as values for JSON."""

    @property
    def swept(self) -> bool:
        """Whether there are several results."""
        return "" not in self.labels

    @abstractmethod
    def prepare(self, generator: Generator) -> None:
        """Open what is needed and refuse impossible changes, before the first photo is projected."""

    @abstractmethod
    def of(self, latent: Latent, generator: Generator, label: str) -> Latent:
        """The changed latent."""

    def details(self, label: str, latents: Sequence[Path]) -> dict[str, Any]:
        """Details of a result for --json; `latents` are the files of its faces."""
        return {}

    def film_of(self, edited: Latent, count: int) -> Sequence[Latent]:
        """`count` latents for a film from before to an edited one; empty for a straight line."""
        return ()

    @property
    def units(self) -> list[dict[str, Any]]:
        """Changes to single units of the generator, for the record of pictures.

        A latent cannot store them, so none is written if there are any.
        """
        return []

    def applied(self, generator: Generator, share: float = 1.0) -> AbstractContextManager[None]:
        """Context in which `generator` draws changed pictures; `share` is the fraction of the changes to
        units."""
        return nullcontext()
