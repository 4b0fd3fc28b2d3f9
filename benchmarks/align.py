"""Photos per second through reading, face detection and alignment.

python benchmarks/align.py [FOLDER] [--side 512] [--size 256]

Without a folder: the bundled portrait. Photos are first brought to --side pixels on their long side and
written as JPEG, so that the figures compare; models are loaded before the clock starts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from ganedit.errors import InputError
from ganedit.images.align import align_faces
from ganedit.images.io import list_images, read_image, write_image
from ganedit.images.pixels import resize

PORTRAIT = Path(__file__).resolve().parents[1] / "examples" / "portrait.png"


def rescaled(source: Path, folder: Path, side: int) -> Path:
    """A JPEG of the photo whose long side has `side` pixels."""
    pixels = read_image(source).pixels
    scale = side / max(pixels.shape)
    size = round(pixels.shape[0] * scale), round(pixels.shape[1] * scale)
    return write_image(folder / f"{source.stem}.jpg", resize(pixels, size))


def seconds_per_stage(path: Path, size: int) -> tuple[float, float, str]:
    """Reading, and finding plus cutting; and what was found."""
    start = time.perf_counter()
    pixels = read_image(path).pixels
    read = time.perf_counter()
    try:
        found = f"{len(align_faces(pixels, size=size, face='all'))} faces"
    except InputError:
        found = "no face"
    return read - start, time.perf_counter() - read, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=PORTRAIT)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    seconds_per_stage(PORTRAIT, args.size)  # loads dlib's models
    total = []
    with tempfile.TemporaryDirectory() as folder:
        for source in list_images(args.folder):
            path = rescaled(source, Path(folder), args.side)
            runs = [seconds_per_stage(path, args.size) for _ in range(args.repeats)]
            read, align = (statistics.median(run[i] for run in runs) for i in (0, 1))
            total.append(read + align)
            print(f"{source.name:24} read {read * 1e3:4.0f} ms, align {align * 1e3:4.0f} ms, {runs[0][2]}")
    print(f"{len(total) / sum(total):.1f} photos/s at {args.side} px, crops of {args.size} px")


if __name__ == "__main__":
    main()
