"""Style codes named on a command line: seeds, latents, and photos (which are projected first)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_generator
from ganedit.cli.kit.options import Method
from ganedit.cli.kit.outputs import face_stem, latent_path, picture_path
from ganedit.cli.kit.projecting import Latest, Projector, projection_request
from ganedit.errors import CheckpointError, InputError, NoFaceError, UsageError
from ganedit.files import LATENT_SUFFIX, check_regular, is_address, latents_in, sha256_file, spelling

if TYPE_CHECKING:
    from ganedit.latent.inversion.photos import Crop
    from ganedit.latent.latent import Latent
    from ganedit.latent.truncation import Truncation
    from ganedit.store.models import Generator

MODEL = "faces"  # default model, unless a latent names one
SEED = re.compile(r"(?:seed:)?(\d{1,10})(?:-(\d{1,10}))?")
MOST_SEEDS = 1000  # in one word

ModelOf = Annotated[str | None, typer.Option(help="Generator: a name or a file (default: the latents' own).")]
ProjectionMethod = Annotated[Method | None, typer.Option(help="How photos are projected (default: hybrid).")]
Psi = Annotated[
    str,
    typer.Option(
        help="Truncation psi, from 1 (variety) to 0 (the average); or by layers: coarse=0.5,fine=1."
    ),
]
Clusters = Annotated[
    int | None, typer.Option(help="Truncate towards the nearest of N cluster centres instead of the average.")
]


@dataclass
class Models:
    """Generators by name, each of which is opened once."""

    console: Console
    model: str | None  # value of --model
    opened: dict[str, Generator] = field(default_factory=dict)

    def open(self, name: str | None = None) -> Generator:
        """The generator with this name, or that of --model, or `faces`."""
        name = name or self.model or MODEL
        if name not in self.opened:
            self.opened[name] = open_generator(self.console, name)
        return self.opened[name]

    def of(self, latent: Latent) -> Generator:
        """The generator that a latent was made with.

        Raises:
            CheckpointError: it is not installed, or --model names another one.
        """
        from ganedit.store import registry

        own = latent.model if registry.find(latent.model) else registry.name_of(latent.model_sha256)
        if self.model is None and own is None:
            raise CheckpointError(
                f"the latent was made with the model {latent.model} ({latent.model_sha256[:12]}), "
                "which is not installed",
                "name its file with --model",
            )
        generator = self.open(self.model or own)
        latent.check_model(generator)
        return generator


@dataclass
class Projections:
    """Latents of photos, which are stored in a folder and reused the next time."""

    console: Console
    output: Path
    method: Method | None = None  # None: reuse any latent, or project with hybrid

    def __post_init__(self) -> None:
        self._projector: Projector | None = None
        self._latest = Latest(self.console)

    def of(self, crop: Crop, stem: str, generator: Generator) -> Latent:
        """The latent of a crop, projected unless the folder has one by a method that suits.

        Raises:
            UsageError: there is a file of another picture, model or method.
        """
        from ganedit.latent.inversion.project import ProjectOptions

        path = latent_path(self.output, stem)
        latent = self._found(stem, crop.source_sha256)
        if latent is not None and _is_projection_of(latent, crop, generator):
            self.console.note(f"{stem}: taking its projection {path}")
            return latent
        for target in (path, picture_path(self.output, stem)):
            if not self.console.should_write(target):
                raise _taken(target)
        if self._projector is None or self._projector.generator is not generator:
            options = ProjectOptions((self.method or Method.HYBRID).value, seed=self.console.options.seed)
            self._projector = Projector.open(self.console, generator, options, None, self._latest)
        ((latent, projection),) = self._projector.run([crop], f"projecting {stem}")
        request = projection_request(self.console, generator.sha256, None, self._projector.options)
        photo, picture = Path(crop.source), picture_path(self.output, stem)
        request["inputs"] = {stem: sha256_file(photo)}
        self._projector.save(path, picture, photo, latent, projection, request)
        return latent

    def check(self, stem: str, photo_sha256: str) -> None:
        """Refuse a name under which there are files of another picture or method, before models are opened.

        Raises:
            UsageError: there are such files, and --force was not given.
        """
        targets = [latent_path(self.output, stem), picture_path(self.output, stem)]
        there = [path for path in targets if self.console.exists(path)]
        if there and not self.console.options.force and self._found(stem, photo_sha256) is None:
            raise _taken(there[0])

    def sha256_of(self, stem: str, photo_sha256: str, model: str) -> str | None:
        """The checksum of the latent file that `of` would take, as far as can be told without the model."""
        latent = self._found(stem, photo_sha256)
        same = latent is not None and latent.model == model
        return sha256_file(latent_path(self.output, stem)) if same else None

    def _found(self, stem: str, photo_sha256: str) -> Latent | None:
        """The projection of a photo that is in the folder already, by the required method."""
        from ganedit.images.io import read_provenance
        from ganedit.latent.latent import Latent

        path, picture = latent_path(self.output, stem), picture_path(self.output, stem)
        if not path.is_file():
            return None
        if self.method is not None:
            record = read_provenance(picture) if picture.is_file() else None
            parameters = (record or {}).get("parameters") or {}
            if self.console.options.force or parameters.get("method") != self.method.value:
                return None
        latent = Latent.load(path)
        return latent if latent.source_sha256 == photo_sha256 and not latent.edits else None


def _taken(path: Path) -> UsageError:
    return UsageError(
        f"{path} is there already, and of another image, model or method",
        "--force overwrites it, -o writes elsewhere",
    )


class Sampling:
    """How seeds become codes, according to --psi and --clusters."""

    def __init__(self, psi: str, clusters: int | None, seed: int) -> None:
        """
        Raises:
            UsageError: options that contradict each other, or with impossible values.
        """
        from ganedit.latent.truncation import parse_psi

        self.psi, self.clusters, self.seed = parse_psi(psi), clusters, seed
        if clusters is not None and clusters < 1:
            raise UsageError(f"--clusters {clusters} must be at least 1", "such as 32")
        self._truncation: Truncation | None = None

    def of(self, generator: Generator) -> Truncation:
        """The truncation for one generator, whose centres are computed once."""
        from ganedit.latent.truncation import Truncation, find_centres

        if self._truncation is None:
            centres = None if self.clusters is None else find_centres(generator, self.clusters, self.seed)
            self._truncation = Truncation(self.psi, centres)
        return self._truncation

    @property
    def record(self) -> dict[str, Any]:
        """Record for the provenance of a picture."""
        return {"psi": self.psi} | ({"clusters": self.clusters} if self.clusters else {})


@dataclass
class Point:
    """A latent with its name on sheets, and its seed if it came from one."""

    name: str
    latent: Latent
    seed: int | None = None


@dataclass
class Codes:
    """Latents of one model, named by words.

    `7` and `seed:7` are seeds, `4-9` several, unless there is a file of that name; a folder means its
    latents, or its photos if it has no latents.
    """

    models: Models
    projections: Projections
    sampling: Sampling

    def find(self, *sides: list[str]) -> tuple[Generator, list[list[Point]]]:
        """The points named by the words of each side, in order, and the generator that they all belong to.

        Raises:
            GaneditError: a word names nothing or a damaged file, or the latents are of different models.
        """
        paths = {word: files for words in sides for word in words if (files := _files(word))}
        named = [path for files in paths.values() for path in files]
        latents = {path: _load(path) for path in named if latent_behind(path)}
        generator = self.models.of(next(iter(latents.values()))) if latents else self.models.open()
        generator.need_styles()

        def points(word: str) -> list[Point]:
            if word not in paths:
                return [self._sample(seed, generator) for seed in _seeds(word)]
            return [one for path in paths[word] for one in self._points(path, latents.get(path), generator)]

        return generator, [[point for word in words for point in points(word)] for words in sides]

    def _points(self, path: Path, latent: Latent | None, generator: Generator) -> list[Point]:
        from ganedit.latent.foreign import import_latents, is_foreign

        if is_foreign(path):
            return [Point(name, one) for name, one in import_latents(path, generator).items()]
        latent = latent or self._projected(path, generator)
        return [Point(_name(path), latent.for_model(generator))]

    def _projected(self, path: Path, generator: Generator) -> Latent:
        from ganedit.images.io import read_image
        from ganedit.latent.inversion.photos import crops_of

        try:
            (crop,) = crops_of(read_image(path), generator)
        except NoFaceError as error:
            raise NoFaceError(f"{path}: {error.message}", error.hint) from error
        stem = self.projections.console.stem_of(path)
        return self.projections.of(crop, face_stem(stem, crop.number), generator)

    def _sample(self, seed: int, generator: Generator) -> Point:
        from ganedit.latent.latent import Latent

        z = generator.z_of([seed])
        ws = self.sampling.of(generator).codes(generator, z)[0].detach().float().cpu()
        template = generator.card.template
        latent = Latent(ws, **generator.identity, space="w", template=template)
        return Point(f"seed {seed}", latent, seed)


def latent_behind(path: Path) -> Path | None:
    """The latent for an input: itself, or for a picture drawn by ganedit the latent next to it.

    None for photos.
    """
    if path.name.endswith(LATENT_SUFFIX):
        return path
    latent_file = latent_path(path.parent, path.stem.removesuffix(".projected"))
    if path.suffix.lower() != ".png" or not latent_file.is_file():
        return None
    from ganedit.images.io import read_provenance
    from ganedit.images.provenance import COMPOSITE

    record = read_provenance(path) or {}
    parameters = record.get("parameters")
    if isinstance(parameters, dict) and parameters.get("units"):  # changed, which a latent cannot store
        return None
    return latent_file if record.get("model") and record.get("digital_source_type") != COMPOSITE else None


def _load(path: Path) -> Latent:
    from ganedit.latent.latent import Latent

    return Latent.load(latent_behind(path) or path)


def _files(word: str) -> list[Path]:
    """The files named by a word; none for a seed.

    Raises:
        InputError: it is neither a file nor a seed.
    """
    from ganedit.images.io import list_images

    if not word:  # as of a script's unset variable; Path("") would be this folder
        raise InputError(
            "an empty name was given", "name latents, photos, folders, or seeds such as 7 or 0-3"
        )
    path = Path(word)
    if path.is_dir():
        return latents_in(path) or list_images(path)
    if path.is_file():
        return [path]
    if SEED.fullmatch(word):
        return []
    check_regular(path)
    if is_address(word):
        raise InputError(f"there is no {word}", spelling(word))
    raise InputError(f"there is no {word}", "name latents, photos, folders, or seeds such as 7 or 0-3")


def _seeds(word: str) -> list[int]:
    match = SEED.fullmatch(word)
    assert match
    first, last = int(match[1]), int(match[2] or match[1])
    if not first <= last < 2**32 or last - first >= MOST_SEEDS:
        raise UsageError(f"{word} is not a range of at most {MOST_SEEDS} seeds", "such as 7 or 4-9")
    return list(range(first, last + 1))


def seeds_of(word: str, model: str) -> list[int]:
    """The seeds that a word names.

    Raises:
        UsageError: it is no seed, and this model has no other codes.
    """
    if not SEED.fullmatch(word):
        raise UsageError(
            f"{word or 'an empty name'} is no seed, and the model {model} has no style space, so no latents",
            "name seeds such as 7 or 0-3",
        )
    return _seeds(word)


def _name(path: Path) -> str:
    return path.name.removesuffix(LATENT_SUFFIX) if path.name.endswith(LATENT_SUFFIX) else path.stem


def _is_projection_of(latent: Latent, crop: Crop, generator: Generator) -> bool:
    """Whether a latent is the projection of this crop by this model."""
    import numpy as np

    return (
        generator.known_as(latent.model_sha256, latent.weights_sha256)
        and latent.source_sha256 == crop.source_sha256
        and latent.affine is not None
        and not latent.edits
        and np.allclose(latent.affine, crop.affine, atol=1e-3)
    )
