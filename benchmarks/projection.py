"""How well and how fast each projection method finds the codes of aligned crops.

python benchmarks/projection.py CROPS [--model faces] [--methods encode hybrid tune optimize] [--last 50]

CROPS is a folder or zip of crops, aligned as the model's card says. The last ones by name are used: for the
bundled model those of the training zip were kept out of training. Prints, per method, the median seconds
per photo after loading, the median PSNR, and the median identity distance (dlib; below 0.6 counts as the
same person) between the drawn picture and the crop at the model's resolution.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch
from directions import pixels

from ganedit.data.images import load_images
from ganedit.images.align import TEMPLATES
from ganedit.images.io import write_image
from ganedit.images.sheet import sheet
from ganedit.latent.inversion.project import METHODS, ProjectOptions, project
from ganedit.metrics.identity import embed_crops, identity_distance
from ganedit.store.load import encoder_for, load_generator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("crops", type=Path)
    parser.add_argument("--model", default="faces")
    parser.add_argument("--encoder", default="", help="a name or folder; the bundled one unless given")
    parser.add_argument("--methods", nargs="+", default=["encode", "hybrid", "tune"], choices=METHODS)
    parser.add_argument("--last", type=int, default=50, help="how many crops, from the end of the set")
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--sheet", type=Path, default=None, help="also a picture of all results")
    args = parser.parse_args()

    generator = load_generator(args.model)
    encoder = None
    if any(method != "optimize" for method in args.methods):
        encoder = encoder_for(generator, args.encoder or None)
    data = load_images(args.crops, resolution=generator.resolution)
    targets = data.images[-args.last :].float() / 127.5 - 1  # [N, 3, R, R]
    template = TEMPLATES[generator.card.template]
    wanted = pixels(targets)
    faces = embed_crops(wanted, template)
    rows = [list(wanted)]
    size, threads = generator.resolution, torch.get_num_threads()
    print(f"{generator.name}, {len(targets)} crops of {size} px, {threads} threads")
    print(f"{'method':10} {'s/photo':>8} {'PSNR dB':>8} {'identity':>9}")
    for method in args.methods:
        options = ProjectOptions(method=method, steps=args.steps)
        seconds, found = [], []
        for target in targets:
            started = time.perf_counter()
            found += project(generator, target[None], options, encoder=encoder)
            seconds.append(time.perf_counter() - started)
        drawn = pixels(torch.stack([one.image for one in found]))
        rows.append(list(drawn))
        identity = identity_distance(faces, embed_crops(drawn, template))
        psnr = statistics.median(one.losses["psnr"] for one in found)
        middle = statistics.median(seconds)
        print(f"{method:10} {middle:8.2f} {psnr:8.2f} {statistics.median(identity):9.3f}", flush=True)
    if args.sheet:
        shown = [image for row in rows for image in row[:12]]
        columns = min(len(targets), 12)
        write_image(args.sheet, sheet(shown, columns=columns, row_labels=["photo", *args.methods]))


if __name__ == "__main__":
    main()
