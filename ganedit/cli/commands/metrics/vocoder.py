"""`ganedit metrics vocoder`: measure vocoders by copy synthesis."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.sounds import Limit, print_table, sounds_in

Vocoders = Annotated[str, typer.Option(help="Vocoders: names or folders, separated by commas.")]


def vocoder(
    console: Console,
    sounds: Annotated[list[Path], typer.Argument(help="Folders of sounds.")],
    vocoders: Vocoders = "griffin-lim,gan,wavenet",
    limit: Limit = 0,
    seconds: Annotated[float, typer.Option(help="Use only the first seconds of each sound; 0: all.")] = 0,
) -> None:
    """Measure vocoders by copy synthesis: sounds are drawn, made sound again, and compared.

    Prints the multi-resolution STFT distance (spectral convergence and log magnitude), and how many seconds
    of sound a second of computing gives.
    """
    import time

    import torch

    from ganedit.audio.spectrogram import SpectrogramConfig, levelled, picture
    from ganedit.audio.vocoders import vocoder_of
    from ganedit.train.sound_losses import multi_resolution_distance

    cfg = SpectrogramConfig()
    given = [sound for folder in sounds for sound in sounds_in(folder, cfg, limit).values()]
    most = round(seconds * cfg.rate) or None
    clips = [levelled(sound[:most], cfg.rate, cfg).samples for sound in given]
    rows = {}
    for name in vocoders.split(","):
        vocode = vocoder_of(cfg, name.strip(), device=console.options.device, seed=console.options.seed)
        took, found = 0.0, []
        with console.progress(name, len(clips)) as bar:
            for clip in clips:
                drawn, before = picture(clip, cfg), time.perf_counter()
                heard = vocode(drawn, len(clip))
                took += time.perf_counter() - before
                found.append(multi_resolution_distance(torch.from_numpy(heard), torch.from_numpy(clip)))
                bar.advance(1)
        off, logs = (sum(each) / len(each) for each in zip(*found, strict=True))
        rows[name.strip()] = {
            "distance": off + logs,
            "spectral convergence": off,
            "log magnitude": logs,
            "times real time": sum(map(len, clips)) / cfg.rate / took,
        }
    columns = {column: column for row in rows.values() for column in row}
    print_table(console, f"copy synthesis of {len(clips)} sounds", rows, columns)
