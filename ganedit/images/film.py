"""Changes films frame by frame: keeps the sound, repeats damaged frames, and resumes interrupted runs.

Finished stretches of the film are stored next to the target, in the hidden folder `.NAME.parts`, until all
are there; then they are joined and the folder is deleted.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ganedit.errors import InputError
from ganedit.files import (
    FILM_SUFFIXES,
    LENGTH_TOLERANCE,
    atomic_path,
    open_av,
    promised_seconds,
    sha256_file,
    spelling,
)
from ganedit.images.animation import (
    FORMATS,
    Animation,
    animation_frames,
    is_animation,
    read_animation,
    write_animation,
)
from ganedit.images.pixels import resize
from ganedit.images.screen import Screen, losses, rgb_of, tag, yuv_of
from ganedit.images.video import even

LOG = logging.getLogger(__name__)
STRETCH = 48  # frames per stretch
Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Film:
    """Properties of a film that are known before any frame is decoded.

    Attributes:
        path: The file.
        sha256: Checksum of the file.
        times: The time of each frame, in `unit`.
        unit: Unit of the times, in seconds.
        rate: Average number of frames per second.
        end: The time when the last frame ends, in `unit`.
        sound: Name of the codec of the first sound track; empty without sound.
        screen: How its pixels are to be shown.
        animation: Its own properties if it is an animated picture, such as a GIF; otherwise None.
    """

    path: Path
    sha256: str
    times: tuple[int, ...]
    unit: Fraction
    rate: Fraction
    end: int
    sound: str = ""
    animation: Animation | None = None
    screen: Screen = field(default_factory=Screen)


def is_film(path: Path) -> bool:
    """Whether to read a file frame by frame: decided by its suffix, and for pictures by what they hold."""
    return path.suffix.lower() in FILM_SUFFIXES or is_animation(path)


def open_film(path: str | Path) -> Film:
    """Read the properties of a film from its packets, or of an animated picture.

    Raises:
        InputError: missing, entirely damaged, or without pictures.
    """
    import av

    path = Path(path)
    if path.suffix.lower() not in FILM_SUFFIXES and is_animation(path):
        return _open_animation(path)
    try:
        with open_av(path) as container:
            if not container.streams.video:
                raise InputError(f"{path} holds no images", "give a film, or a photo")
            stream = container.streams.video[0]
            lengths, last = {}, Fraction(0)
            for packet in container.demux():
                if packet.pts is None or not packet.size:
                    continue
                last = max(last, (packet.pts + (packet.duration or 0)) * packet.time_base)
                if packet.stream == stream:
                    lengths[packet.pts] = packet.duration
            promised = promised_seconds(container)
            unit, rate = _fraction(stream.time_base), _fraction(stream.average_rate)
            sound = container.streams.audio[0].codec_context.name if container.streams.audio else ""
    except FileNotFoundError:
        raise InputError(f"{path} does not exist", spelling(path)) from None
    except (av.error.FFmpegError, OSError) as problem:
        raise InputError(
            f"{path} cannot be read as a film: {problem.strerror or problem}".lower().replace(
                str(path).lower(), str(path)
            ),
            "give one that plays",
        ) from problem
    if not lengths or not unit:
        raise InputError(f"{path} holds no frames", "give a film that plays")
    if last < promised * (1 - LENGTH_TOLERANCE) - Fraction(1, 2):
        raise InputError(
            f"{path} is cut short: {float(last):.1f} of {float(promised):.1f} seconds are there",
            "copy or export it again",
        )
    times = sorted(lengths)
    rate = rate or Fraction(25)
    usual = times[-1] - times[-2] if len(times) > 1 else max(round(1 / rate / unit), 1)
    end = times[-1] + (lengths[times[-1]] or usual)
    return Film(path, sha256_file(path), tuple(times), unit, rate, end, sound, screen=_screen_of(path))


def _screen_of(path: Path) -> Screen:
    """How a film is to be shown, by its first frame; what a result cannot keep is logged as a warning."""
    import av

    with suppress(av.error.FFmpegError), open_av(path) as container:
        for frame in container.decode(video=0):
            if lost := losses(container, frame):
                LOG.warning("%s: %s", path, "; ".join(lost))
            return Screen.of(container.streams.video[0], frame)
    return Screen()  # decoding the frames will report what is wrong


def _open_animation(path: Path) -> Film:
    animation = read_animation(path)
    *times, end = accumulate(animation.delays, initial=0)
    rate = Fraction(1000 * len(times), end)
    return Film(path, sha256_file(path), tuple(times), Fraction(1, 1000), rate, end, animation=animation)


def _fraction(value: Any) -> Fraction:
    """A rate of PyAV, 0 if there is none: a Fraction or None, or from version 19 on its own type."""
    return Fraction(value.numerator, value.denominator) if value else Fraction(0)


def frames(film: Film) -> Iterator[np.ndarray | None]:
    """Yield each frame upright, [H, W, 3] uint8, or None if it is damaged."""
    import av

    if film.animation is not None:
        yield from animation_frames(film.path)
        return
    waiting = iter(film.times)
    due = next(waiting, None)
    with open_av(film.path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for packet in container.demux(stream):
            try:
                decoded = packet.decode()
            except av.error.FFmpegError:
                continue
            for frame in decoded:
                while due is not None and frame.pts is not None and due < frame.pts:
                    yield None
                    due = next(waiting, None)
                if due is None or frame.pts != due:
                    continue
                yield None if frame.is_corrupt else rgb_of(frame, film.screen)
                due = next(waiting, None)
    while due is not None:
        yield None
        due = next(waiting, None)


def convert(
    film: Film,
    target: str | Path,
    change: Change,
    *,
    key: dict[str, Any],
    comment: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> list[int]:
    """Write the changed film atomically; what an interrupted run has finished is not repeated.

    Args:
        film: From `open_film`.
        target: Path that ends in .mp4 (H.264), .gif, .webp or .png.
        change: Function from a frame [H, W, 3] uint8 to a changed one; all changed frames have one size.
        key: Plain values that determine the result: stretches made with another key are deleted.
        comment: Comment to store in the film.
        progress: Called with (frames done, total frames).

    Returns:
        Numbers, from 0, of the frames that were damaged; each of them repeats the previous frame.

    Raises:
        InputError: no frame can be decoded, or the target cannot be written.
    """
    target = Path(target)
    folder = parts_folder(target)
    _keep_if(folder, {**key, "film": film.sha256, "stretch": STRETCH})
    damaged: list[int] = []
    paths: list[Path] = []
    total, source, before = len(film.times), enumerate(frames(film)), None
    while len(paths) * STRETCH < total:
        path = folder / f"{len(paths):06d}.mkv"
        first, finished = len(paths) * STRETCH, path.is_file()
        stretch = []
        for i, frame in source:
            if frame is None:
                damaged.append(i)
            before = before if frame is None else frame
            stretch.append(before)
            if len(stretch) == STRETCH:
                break
        if len(damaged) == total:
            raise InputError(f"no frame of {film.path} can be decoded", "give a film that plays")
        if not finished:
            start = next((f for f in stretch if f is not None), None)
            if start is None:  # damaged from the start
                start = next(f for f in frames(film) if f is not None)

            def report(n: int, at: int = first) -> None:
                if progress:
                    progress(at + n, total)

            _write_stretch(path, (_changed(stretch, start, change, report)), film, target.suffix.lower())
        elif progress:
            progress(min(first + STRETCH, total), total)
        paths.append(path)
    join = _join_animation if target.suffix.lower() in FORMATS else _join_mp4
    with atomic_path(target) as temporary:
        join(temporary, paths, film, comment)
    shutil.rmtree(folder, ignore_errors=True)
    return damaged


def parts_folder(target: Path) -> Path:
    """Folder for the finished stretches of a film."""
    return target.with_name(f".{target.name}.parts")


def _changed(
    stretch: list[np.ndarray | None], start: np.ndarray, change: Change, report: Callable[[int], None]
) -> Iterator[np.ndarray]:
    """Yield the changed frames of a stretch; a repeated frame is computed once."""
    last, result = None, None
    for n, frame in enumerate(stretch, 1):
        frame = start if frame is None else frame
        if result is None or frame is not last:
            last, result = frame, change(frame)
        report(n)
        yield result


def _keep_if(folder: Path, key: dict[str, Any]) -> None:
    """Empty the folder unless its content was made with the same key."""
    text = json.dumps(key, sort_keys=True, default=str)
    note = folder / "key.json"
    with suppress(OSError, ValueError):
        if note.read_text(encoding="utf-8") == text:
            return
    shutil.rmtree(folder, ignore_errors=True)
    with atomic_path(note) as temporary:
        temporary.write_text(text, encoding="utf-8")


# --- stretches -------------------------------------------------------------------------------------


def _write_stretch(path: Path, pictures: Iterator[np.ndarray], film: Film, suffix: str) -> None:
    """Encode a stretch: H.264 without reordered frames for MP4s, lossless for animated pictures."""
    import av

    lossless = suffix in FORMATS
    with atomic_path(path) as temporary, av.open(str(temporary), "w") as container:
        stream: Any = None
        for pixels in pictures:
            if lossless and film.screen.aspect != 1:  # animated pictures have square pixels
                pixels = resize(pixels, (pixels.shape[0], round(pixels.shape[1] * film.screen.aspect)))
            if stream is None:
                stream = container.add_stream(
                    "ffv1" if lossless else "libx264", rate=film.rate.limit_denominator(60000)
                )
                stream.width, stream.height = _sides(pixels, lossless)
                if not lossless:
                    tag(stream, film.screen)
                stream.pix_fmt = "bgr0" if lossless else "yuv420p"
                stream.options = {} if lossless else {"crf": "16", "preset": "medium", "bf": "0"}
            if lossless:
                whole = np.ascontiguousarray(pixels)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(whole, format="rgb24")))
            else:
                container.mux(stream.encode(yuv_of(even(pixels))))
        container.mux(stream.encode())


def _sides(pixels: np.ndarray, lossless: bool) -> tuple[int, int]:
    height, width = pixels.shape[:2]
    return (width, height) if lossless else (width + width % 2, height + height % 2)


def _join_mp4(path: Path, stretches: list[Path], film: Film, comment: str) -> None:
    """Join stretches at the film's own times, with its sound unchanged."""
    import av

    with ExitStack() as files:
        out = files.enter_context(av.open(str(path), "w", options={"movflags": "faststart"}))
        out.metadata["comment"] = comment
        with open_av(stretches[0]) as first:
            pictures = out.add_stream_from_template(first.streams.video[0])
        pictures.time_base = film.unit
        sound: Any = None
        tracks: Any = iter(())
        if keeps_sound(film):
            source = files.enter_context(open_av(film.path))
            sound = out.add_stream_from_template(source.streams.audio[0])
            tracks = source.demux(source.streams.audio[0])
        heard = next(tracks, None)
        for packet in _timed(stretches, film):
            while heard is not None and (
                heard.pts is None or heard.pts * heard.time_base <= _seconds(packet)
            ):
                heard = _mux(out, heard, sound, tracks)
            packet.stream = pictures
            out.mux(packet)
        while heard is not None:
            heard = _mux(out, heard, sound, tracks)


def _mux(out: Any, packet: Any, stream: Any, tracks: Any) -> Any:
    """Write a packet of sound; returns the next one."""
    if packet.dts is not None:
        packet.stream = stream
        out.mux(packet)
    return next(tracks, None)


def _seconds(packet: Any) -> Fraction:
    return Fraction(packet.pts * packet.time_base)


def _timed(stretches: list[Path], film: Film) -> Iterator[Any]:
    """The packets of all stretches, each with the time of its frame in the film."""
    schedule = zip(film.times, _gaps(film), strict=True)
    for stretch in stretches:
        with open_av(stretch) as container:
            for packet in container.demux(container.streams.video[0]):
                if not packet.size:
                    continue
                packet.pts, packet.duration = next(schedule)
                packet.dts, packet.time_base = packet.pts, film.unit
                yield packet


def _gaps(film: Film) -> list[int]:
    """How long each frame is shown, in the film's unit."""
    return [b - a for a, b in pairwise([*film.times, film.end])]


def keeps_sound(film: Film) -> bool:
    """Whether an MP4 can contain the film's sound unchanged."""
    return film.sound in ("aac", "mp3", "mp3float", "ac3", "eac3", "opus", "libopus", "alac", "flac")


def _join_animation(path: Path, stretches: list[Path], film: Film, comment: str) -> None:
    from PIL import Image

    def pictures() -> Iterator[Image.Image]:
        for stretch in stretches:
            with open_av(stretch) as container:
                for frame in container.decode(video=0):
                    yield Image.fromarray(frame.to_ndarray(format="rgb24"))

    metadata = None
    if film.animation is not None:
        delays, loops, metadata = film.animation.delays, film.animation.loops, film.animation.metadata
    else:
        delays, loops = tuple(max(round(gap * film.unit * 1000), 20) for gap in _gaps(film)), 0
    write_animation(path, pictures(), delays, loops, comment, metadata)
