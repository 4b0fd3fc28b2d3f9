"""Projects photos for commands that need their codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.models import open_generator
from ganedit.cli.kit.worker import WorkerConsole
from ganedit.errors import InputError, UsageError
from ganedit.files import all_or_none, atomic_path, parse_json, read_text

if TYPE_CHECKING:
    from torch import Tensor

    from ganedit.latent.inversion.photos import Crop
    from ganedit.latent.inversion.project import Projection, ProjectOptions
    from ganedit.latent.latent import Latent
    from ganedit.store.models import Encoder, Generator


def projection_request(
    console: Console, model: str, encoder: str | None, options: ProjectOptions, aligned: bool = False
) -> dict[str, Any]:
    """All that a projection depends on besides its photo, for `kit/done.py`; models by their checksums."""
    more = {"encoder": encoder, "dtype": console.options.dtype, "aligned": aligned}
    return {"model": model, **more, **asdict(options)}


@dataclass
class Projector:
    """A generator with everything that projection needs, opened once, so that problems show early."""

    console: Console
    generator: Generator
    encoder: Encoder | None
    options: ProjectOptions
    latest: Latest

    @classmethod
    def open(
        cls,
        console: Console,
        model: str | Generator,
        options: ProjectOptions,
        encoder: str | None,
        latest: Latest,
    ) -> Projector:
        from ganedit.compute import keep_freed_memory
        from ganedit.store.load import encoder_for
        from ganedit.store.models import Generator

        keep_freed_memory()
        generator = model if isinstance(model, Generator) else open_generator(console, model)
        generator.need_styles()
        helper = None if options.method == "optimize" else encoder_for(generator, encoder)
        if options.method != "encode" and options.perceptual == "discriminator":
            _ = generator.discriminator  # open it now, to fail once and early if there is none
        return cls(console, generator, helper, options, latest)

    def crops(self, path: Path, face: str, aligned: bool = False) -> list[Crop]:
        from ganedit.images.io import read_image
        from ganedit.latent.inversion.photos import crops_of

        return crops_of(read_image(path), self.generator, face=face, aligned=aligned)

    def run(
        self, crops: list[Crop], title: str, watch: Callable[[Tensor], None] | None = None
    ) -> list[tuple[Latent, Projection]]:
        """Project crops of one batch; `watch` sees the images [N, 3, R, R] of every step."""
        from ganedit.latent.inversion.photos import project_crops

        options = self.options
        total = options.code_steps + (options.tune_steps if options.method == "tune" else 0)
        with self.console.progress(title, total or 1) as bar:

            def on_step(step: int, steps: int, images: Tensor) -> None:
                bar.advance()
                if watch:
                    watch(images)

            return project_crops(crops, self.generator, options, encoder=self.encoder, on_step=on_step)

    def save(
        self,
        target: Path,
        picture: Path,
        path: Path,
        latent: Latent,
        projection: Projection,
        request: dict[str, Any],
    ) -> dict[str, Any]:
        """Write the latent to `target`, and the picture with the `request`; returns details for --json."""
        from ganedit.images.io import write_image
        from ganedit.images.tensors import from_tensor

        parameters = asdict(self.options) | {"latent": target.name, "request": request}
        record = self.console.provenance("project", parameters, latent.model, latent.model_sha256, path)
        with all_or_none(picture, target):
            write_image(picture, from_tensor(projection.image), provenance=record)
            latent.save(target)
        self.latest.add(target)
        return {"picture": str(picture), "losses": projection.losses}


class Latest:
    """`.ganedit/last.json` in the current folder, which lists the latents of the latest run here."""

    PATH = Path(".ganedit") / "last.json"

    def __init__(self, console: Console) -> None:
        self._console = console
        self._made: list[str] = []

    def add(self, path: Path) -> None:
        """Record another latent of this run. Failures are ignored."""
        if isinstance(self._console, WorkerConsole):
            self._console.tell("latest", path)
            return
        inside = path.absolute().is_relative_to(Path.cwd())
        self._made.append(str(path.absolute().relative_to(Path.cwd()) if inside else path.absolute()))
        try:
            with atomic_path(self.PATH, durable=False) as temporary:
                temporary.write_text(json.dumps({"latents": self._made}, indent=1) + "\n", encoding="utf-8")
        except InputError as error:
            self._console.warn(f"ganedit edit will need the latent's name: {error.message}")

    @classmethod
    def recall(cls) -> list[Path]:
        """The latents of the latest run in this folder.

        Raises:
            UsageError: there was no such run.
            InputError: the record is damaged.
        """
        try:
            return [Path(str(one)) for one in parse_json(read_text(cls.PATH))["latents"]]
        except FileNotFoundError:
            raise UsageError(
                "no input was given, and no projection was made in this folder",
                "name a photo or a latent, or run ganedit project PHOTO first",
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{cls.PATH} is damaged: {error}", "name the latent instead") from error
