"""`ganedit timbre`: transfer sounds to another instrument."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganedit.cli.kit.batch import run_batch
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.destination import Destination
from ganedit.cli.kit.results import Result
from ganedit.errors import UsageError
from ganedit.files import FILM_SUFFIXES, SOUND_SUFFIXES, same_file

if TYPE_CHECKING:
    import numpy as np

    from ganedit.audio.spectrogram import SpectrogramConfig

MODEL = "violin2flute"
LOOK_COLUMNS = 4000  # in the picture of --show, about a minute; longer sounds are cut


def command(
    console: Console,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(help="Sounds, films, folders, globs, or - for paths on standard input."),
    ] = None,
    model: Annotated[str, typer.Option(help="Translator of sounds: a name or a file.")] = MODEL,
    vocoder: Annotated[
        str | None, typer.Option(help="Vocoder: griffin-lim, gan, wavenet, or a vocoder's folder.")
    ] = None,
    candidates: Annotated[
        int, typer.Option(help="Waveforms that a WaveNet draws for each stretch; the nearest is kept.")
    ] = 4,
    show: Annotated[
        bool, typer.Option("--show", help="Also write NAME.png, the spectrograms before and after.")
    ] = False,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder for the results, or a file for one result: flute.wav."),
    ] = Path("."),
) -> None:
    """Play sounds on another instrument: tune, rhythm, length and loudness are kept.

    Writes NAME.MODEL.EXT, or WAV for films and for formats that ganedit only reads. Memory use does
    not grow with the length.
    """
    from ganedit.audio.files import WRITERS
    from ganedit.audio.long_sounds import transfer_file
    from ganedit.audio.spectrogram import SpectrogramConfig
    from ganedit.audio.vocoders import DEFAULT, vocoder_of
    from ganedit.store.uses import need

    if candidates < 1:
        raise UsageError(f"--candidates {candidates} must be at least 1", "such as 4")
    vocoder = vocoder or DEFAULT

    @cache
    def opened() -> tuple[Any, SpectrogramConfig, Any]:
        translator: Any = console.load(model)
        need(translator, "timbre")
        cfg = SpectrogramConfig.from_details(translator.card.details)
        return (
            translator,
            cfg,
            vocoder_of(
                cfg, vocoder, device=console.options.device, seed=console.options.seed, candidates=candidates
            ),
        )

    if not console.hands_out:
        opened()
    suffixes = (*SOUND_SUFFIXES, *FILM_SUFFIXES)
    destination = Destination(output, tuple(WRITERS))
    destination.check_inputs(console, inputs, suffixes)

    def work(path: Path) -> Iterator[Result]:
        translator, cfg, vocode = opened()
        suffix = path.suffix if path.suffix.lower() in WRITERS else ".wav"
        ending = f".{translator.name}{suffix}"
        target = destination.path(path, console.stem_of(path, ending) + ending)
        if same_file(target, path):
            raise UsageError(f"{path} would be replaced by its own result", "name another one with -o")
        picture = target.with_suffix(".png")
        wanted = [console.should_write(one) for one in ((target, picture) if show else (target,))]
        details: dict[str, Any] = {"model": translator.name, "vocoder": vocoder}
        if any(wanted):
            record = console.provenance(
                "timbre", {"vocoder": vocoder}, translator.name, translator.sha256, path
            )
            shown = _Shown(cfg)
            with console.progress(f"timbre {path.name}") as bar:
                details["seconds"] = transfer_file(
                    path, target, translator, vocode, progress=bar.update, look=shown.take if show else None,
                    comment=json.dumps(record) if record else "",
                )  # fmt: skip
            if show:
                shown.write(picture, record)
        yield Result(target, details)
        if show and picture.exists():
            yield Result(picture, {"spectrograms": [path.name, target.name]})

    run_batch(console, inputs, work, suffixes=suffixes)


class _Shown:
    """Collects spectrograms before and after, for a picture."""

    def __init__(self, cfg: SpectrogramConfig) -> None:
        self.cfg = cfg
        self.columns: list[tuple[np.ndarray, np.ndarray]] = []

    def take(self, before: np.ndarray, after: np.ndarray) -> None:
        """Add a block's spectrograms [bins, frames], up to `LOOK_COLUMNS`."""
        room = LOOK_COLUMNS - sum(one.shape[1] for one, _ in self.columns)
        if room > 0:
            self.columns.append((before[:, :room], after[:, :room]))

    def write(self, path: Path, record: dict[str, Any] | None) -> None:
        import numpy as np

        from ganedit.audio.spectrogram import frequencies
        from ganedit.images.false_colours import false_colours
        from ganedit.images.io import write_image
        from ganedit.images.sheet import sheet

        if not self.columns:  # there is none for silence
            path.unlink(missing_ok=True)
            return
        panels = [false_colours(np.concatenate(each, axis=1)) for each in zip(*self.columns, strict=True)]
        hertz, seconds = frequencies(self.cfg), panels[0].shape[1] * self.cfg.hop / self.cfg.rate
        caption = f"{seconds:.1f} s, {hertz[0]:.0f} to {hertz[-1]:.0f} Hz, {self.cfg.floor:.0f} to 0 dB"
        pixels = sheet(panels, columns=1, row_labels=["before", "after"], caption=caption, pad=8)
        write_image(path, pixels, provenance=record)
