"""The face that a visitor edits, with the history of what was done, for all tabs that change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import ganedit
from ganedit.errors import InputError
from ganedit.images.provenance import provenance
from ganedit.latent.directions.named import names_of
from ganedit.latent.results import draw_edited, paste_faces
from ganedit.studio.commands import Words, edit_words, pipeline

if TYPE_CHECKING:
    from torch import Tensor

    from ganedit.store.models import Generator

KINDS = {
    "Expression": ("smile", "frown", "lipstick"),
    "Age and looks": ("age", "gender", "long-hair", "fair-skin", "hair", "beard", "glasses"),
    "Pose": ("yaw", "pitch", "roll"),
    "Light": ("brightness", "side-light"),
}
"""Groups of sliders, by the names of directions; those that were discovered, and all others, come last."""
DISCOVERED = ("sefa", "ganspace", "voynov")


@dataclass(frozen=True, eq=False)
class Version:
    """One state of the face.

    Attributes:
        base: The latent that the sliders start from.
        steps: The commands that made `base` from the photo; empty if it is the projection itself.
        magnitudes: Where the sliders are.
        moved: `base`, moved by them; None if all are at 0.
    """

    base: ganedit.Latent
    steps: tuple[Words, ...] = ()
    magnitudes: Mapping[str, float] = field(default_factory=dict)
    moved: ganedit.Latent | None = None

    @property
    def latent(self) -> ganedit.Latent:
        """The latent that is shown."""
        return self.moved or self.base


@dataclass(eq=False)
class Face:
    """A face of a photo, or a sample.

    Attributes:
        generator: The model.
        projected: Its latent before all edits.
        name: Name of the photo's file, or of the latent of a sample.
        photo: The photo; None for a sample.
        options: Options of the first command that says how it was projected.
        device: Where the models run, if that was chosen.
        origin: The command that makes a sample; empty for a photo.
        own: The generator with the noise and the tuned weights of the latent, if it has any.
    """

    generator: Generator
    projected: ganedit.Latent
    name: str
    photo: ganedit.Photo | None = None
    options: Words = ()
    device: Words = ()
    origin: Words = ()
    own: Generator = field(init=False)
    _versions: list[Version] = field(default_factory=list)
    _at: int = 0
    _last: str = ""  # the slider that moved last
    _directions: dict[str, ganedit.Direction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._versions = [Version(self.projected)]
        self.own = self.projected.personal(self.generator)

    @property
    def now(self) -> Version:
        """The version that is shown."""
        return self._versions[self._at]

    # ---- changes ----

    def direction(self, name: str) -> ganedit.Direction:
        """A direction of the model, opened once."""
        if name not in self._directions:
            found = ganedit.direction(name, self.generator.name)
            self._directions[name] = found.for_model(self.generator)
        return self._directions[name]

    def move(self, name: str, magnitude: float) -> None:
        """Put the slider of a direction at a magnitude; moving one slider on and on is one step back."""
        moved = {**self.now.magnitudes, name: round(float(magnitude), 2)}
        moved = {key: value for key, value in moved.items() if value}
        moves = [(self.direction(key), value, None) for key, value in moved.items()]
        latent = ganedit.edit(self.now.base, moves, safe=None) if moves else None
        version = replace(self.now, magnitudes=moved, moved=latent)
        if self._last == name:
            self._versions[self._at :] = [version]
        else:
            self._add(version)
        self._last = name

    def bake(self, latent: ganedit.Latent, words: Words) -> None:
        """Take the result of a command on the current latent as the new start of the sliders."""
        self._add(Version(latent, (*self.steps, words)))

    def undo(self) -> None:
        """Go back one version, if there is one."""
        self._at, self._last = max(self._at - 1, 0), ""

    def redo(self) -> None:
        """Go forward again."""
        self._at, self._last = min(self._at + 1, len(self._versions) - 1), ""

    def reset(self) -> None:
        """Back to the projection, as a version of its own that can be undone."""
        if self.now.latent is not self.projected:
            self._add(Version(self.projected))

    def _add(self, version: Version) -> None:
        self._versions[self._at + 1 :] = [version]
        self._at, self._last = len(self._versions) - 1, ""

    @property
    def can(self) -> tuple[bool, bool]:
        """Whether there is something to undo, and to redo."""
        return self._at > 0, self._at < len(self._versions) - 1

    # ---- what to show ----

    def latent_with(self, ws: Tensor) -> ganedit.Latent:
        """The current latent with other codes [L, W], for pictures on the way to a result."""
        return replace(self.now.latent, ws=ws)

    @property
    def groups(self) -> dict[str, list[str]]:
        """The directions of the model by kind."""
        names = names_of(self.generator.name)
        known = {name for kind in KINDS.values() for name in kind}
        groups = {title: [name for name in kind if name in names] for title, kind in KINDS.items()}
        rest = [name for name in names if name not in known]
        found = [name for name in rest if self.direction(name).method.lower().startswith(DISCOVERED)]
        groups |= {"Discovered": found, "Others": [name for name in rest if name not in found]}
        return {title: kind for title, kind in groups.items() if kind}

    @property
    def beyond(self) -> list[str]:
        """A sentence for each slider beyond the range that leaves images intact."""
        sentences = []
        for name, magnitude in self.now.magnitudes.items():
            low, high = self.direction(name).limits
            if not low <= magnitude <= high:
                sentences.append(
                    f"{name} {magnitude:+g} is beyond its safe range from {low:+.1f} to {high:+.1f}"
                )
        return sentences

    @property
    def pixels(self) -> np.ndarray:
        """The face as the generator draws it now."""
        (image,) = ganedit.draw(self.own, [self.now.latent])
        return image

    @property
    def before(self) -> np.ndarray:
        """The face before all edits."""
        (image,) = ganedit.draw(self.own, [self.projected])
        return image

    @property
    def pasted(self) -> np.ndarray:
        """The photo with the face as it is now.

        Raises:
            InputError: There is no photo.
        """
        if self.photo is None:
            raise InputError("a sample has no photo to paste into", "choose a photo in the tab Portrait")
        face = draw_edited(self.projected, {"": self.now.latent}, self.own)
        return paste_faces(self.photo.pixels, [face], [face.after[""]])

    # ---- what to take away ----

    @property
    def steps(self) -> tuple[Words, ...]:
        """The commands that lead from the photo to the current latent."""
        moved = self.now.magnitudes
        if not moved:
            return self.now.steps
        return (*self.now.steps, edit_words(moved, unsafe=bool(self.beyond)))

    @property
    def stem(self) -> str:
        return Path(self.name).stem

    @property
    def result(self) -> str:
        """Name of the file with the result."""
        return f"{self.stem}.edited.png"

    def command(self) -> str:
        """The command line that makes the result again."""
        last = [*(["--paste"] if self.photo else []), "-o", self.result]
        if self.origin:
            return pipeline([self.origin, *self.steps], last=last if self.steps else ())
        first = [*self.options, *self.device]
        if not self.steps:
            return pipeline([["project"]], self.name, first=first)
        if self.steps[0][0] == "clip":  # whose --method is another
            first = ["--projection" if word == "--method" else word for word in first]
        return pipeline(self.steps, self.name, first=first, last=last)

    def write(self, path: Path) -> np.ndarray:
        """Write the photo, or the face of a sample, as it is now; returns its pixels."""
        pixels = self.pasted if self.photo else self.pixels
        latent = self.now.latent
        parameters = {"edits": list(latent.edits), "paste": "change", "command": self.command()}
        record = provenance(
            "studio",
            parameters,
            latent.model,
            latent.model_sha256,
            self.name,
            composite=self.photo is not None,
        )
        ganedit.write_image(path, pixels, like=self.photo, provenance=record)
        return pixels
