"""The tab Sound: a melody on another instrument, heard and seen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

import ganedit
from ganedit.audio.long_sounds import transfer_file
from ganedit.audio.spectrogram import SpectrogramConfig
from ganedit.audio.vocoders import BUNDLED, DEFAULT, vocoder_of
from ganedit.images.false_colours import false_colours
from ganedit.images.pixels import resize
from ganedit.studio.choices import for_use
from ganedit.studio.commands import one
from ganedit.studio.errors import Refused
from ganedit.studio.workshop import Runner, Workshop, command_box, warn

if TYPE_CHECKING:
    from ganedit.studio.jobs import Job

COLUMNS = 2000  # most frames of a spectrogram that is shown
SHOWN = (240, 900)  # its height and width on the page


class Sound:
    """The tab and its events."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        with gr.Row():
            with gr.Column(scale=4, min_width=280):
                self.file = gr.File(label="Sound", type="filepath", height=110, elem_id="sound")
                example = gr.Button("Try it with an example", size="sm")
                self.model = shop.chooser(lambda: for_use("timbre"), "Instruments")
                self.vocoder = gr.Radio([*BUNDLED, "griffin-lim"], value=DEFAULT, label="Vocoder")
                self.runner = Runner(shop, "Play it on the other instrument")
                self.download = gr.DownloadButton("Download", visible=False)
                self.command = command_box()
            with gr.Column(scale=7, min_width=300):
                self.before = gr.Audio(label="Before", interactive=False, visible=False, buttons=[])
                self.seen_before = self._picture("Spectrogram before")
                self.after = gr.Audio(
                    label="After", interactive=False, visible=False, buttons=[], elem_id="after"
                )
                self.seen_after = self._picture("Spectrogram after")
        example.click(partial(shop.example, "greensleeves-violin.flac"), None, self.file, queue=False)
        shown = [self.before, self.seen_before, self.after, self.seen_after]
        self.runner.runs(
            self._play, [self.file, self.model, self.vocoder], [*shown, self.download, self.command]
        )

    def _picture(self, label: str) -> gr.Image:
        return gr.Image(
            label=label, visible=False, interactive=False, format="png", buttons=[], height=220,
            alt_text=f"{label}: time to the right, frequency upwards, louder is brighter",
        )  # fmt: skip

    def _play(self, stop: threading.Event, path: str | None, model: str, vocoder: str) -> Iterator[Any]:
        if path is None:
            raise Refused("Choose a sound first.")
        given, translator = Path(path), self.shop.open(model)
        target = self.shop.new_file(f"{given.stem}.{translator.name}.wav")
        job = self.shop.job("Playing", stop)
        work = partial(played, given, target, translator, vocoder, self.shop.device, job)
        for _ in job.run(work):
            yield {self.runner.status: job.bar}
        warn(job)
        before, after = job.result
        words = ["timbre", given.name, "--model", model]
        words += [] if vocoder == DEFAULT else ["--vocoder", vocoder]
        yield {
            self.before: gr.update(value=_whole(ganedit.read_sound(given)), visible=True),
            self.seen_before: gr.update(value=before, visible=True),
            self.after: gr.update(value=str(target), visible=True),
            self.seen_after: gr.update(value=after, visible=True),
            self.download: gr.update(value=str(target), label=f"Download {target.name}", visible=True),
            self.command: one(*words, "-o", target.name),
        }


def played(
    path: Path, target: Path, model: Any, vocoder: str, device: str, job: Job
) -> tuple[np.ndarray, np.ndarray]:
    """Play a sound as `ganedit timbre` does; returns its spectrograms before and after, in colours."""
    cfg = SpectrogramConfig.from_details(model.card.details)
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    def look(before: np.ndarray, after: np.ndarray) -> None:
        if sum(one_.shape[1] for one_, _ in seen) < COLUMNS:
            seen.append((before, after))

    transfer_file(
        path, target, model, vocoder_of(cfg, vocoder, device=device), progress=job.progress, look=look
    )
    if not seen:  # silence
        blank = np.full(SHOWN, -1.0, np.float32)
        return false_colours(blank), false_colours(blank)
    first, second = (np.concatenate(each, axis=1) for each in zip(*seen, strict=True))
    return resize(false_colours(first), SHOWN), resize(false_colours(second), SHOWN)


def _whole(sound: ganedit.Sound) -> tuple[int, np.ndarray]:
    """A sound as the player takes it, 16 bits [T, C]."""
    return sound.rate, np.rint(sound.samples.T.clip(-1, 1) * 32767).astype(np.int16)
