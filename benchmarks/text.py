"""What texts do to portraits: the three ways of `clip edit`, and directions made of texts.

    python benchmarks/text.py DATA/faces-128.zip --skip 15500 --mapper runs/smile-mapper/model

prints, as Markdown, how much each way raises the classifier's smile on portraits that do not smile, how far
the identity moves, and how long it takes; then how a direction made of two texts compares with the learned
`smile`. The portraits are the first after --skip whose photo does not smile, projected as by `ganedit project
--aligned`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganedit.data.images import load_images
from ganedit.images.align import TEMPLATES
from ganedit.images.tensors import from_tensor
from ganedit.latent import sampling
from ganedit.latent.directions import direction, learning, named
from ganedit.latent.inversion.project import ProjectOptions, project
from ganedit.latent.styles import draw_styles, styles_of
from ganedit.metrics.identity import embed_crops, identity_distance
from ganedit.store.load import encoder_for, load, load_clip, load_generator
from ganedit.store.models import Classifier, Clip, Generator, Mapper
from ganedit.text.channels import known_relevance, text_direction
from ganedit.text.guidance import Wish
from ganedit.text.optimize import SteerOptions, steer
from ganedit.text.scoring import score_by_texts

TEXT, NEUTRAL = "a smiling face", "a serious face"
TOGETHER = 10  # portraits projected at a time
SAMPLES = 2000


def main() -> None:
    args = parse()
    generator, clip, classifier = load_generator(args.model), load_clip(args.clip), load(args.classifier)
    assert isinstance(classifier, Classifier)
    ws, seconds = portraits(args, generator, classifier)
    bench = Bench(generator, classifier, ws)
    print(f"{len(ws)} portraits that do not smile, projected in {seconds:.1f} s each; {clip.name}\n")
    print("| way | smile before | after | identity distance, median | seconds each |")
    print("|---|--:|--:|--:|--:|")
    for way, change in ways(args, generator, clip).items():
        started = time.perf_counter()
        images = torch.cat([change(code[None]) for code in ws])
        bench.row(way, images, (time.perf_counter() - started) / len(ws))
    compare(generator, clip, bench, args.magnitude)


def ways(args: argparse.Namespace, generator: Generator, clip: Clip) -> dict[str, Callable[[Tensor], Tensor]]:
    """By its name, what turns one code [1, L, W] into a picture."""

    def optimised(wish: Wish, **how: float) -> Callable[[Tensor], Tensor]:
        options = SteerOptions(**how)
        return lambda ws: drawn(generator, steer(generator, ws, clip, wish, options))

    direction = text_direction(generator, clip, TEXT, NEUTRAL, known_relevance(generator, clip))

    def along(ws: Tensor) -> Tensor:
        with torch.no_grad():
            s = styles_of(generator, ws) + args.magnitude * direction.sigma * direction.vector
            return draw_styles(generator, s).clamp(-1, 1)

    found = {
        f"optimize, {TEXT!r}": optimised(Wish(TEXT)),
        f"optimize, and not {NEUTRAL!r}": optimised(Wish(TEXT, NEUTRAL)),
        f"optimize, --loss direction from {NEUTRAL!r}": optimised(Wish(TEXT, NEUTRAL, "direction")),
        f"direction {args.magnitude:+g} ({direction.method})": along,
    }
    if args.mapper:
        mapper = load(args.mapper)
        assert isinstance(mapper, Mapper)
        found["mapper"] = lambda ws: drawn(generator, mapper(ws))
    return found


class Bench:
    """Portraits before, and what became of them."""

    def __init__(self, generator: Generator, classifier: Classifier, ws: Tensor) -> None:
        self.generator, self.classifier, self.ws = generator, classifier, ws
        self.template = TEMPLATES[generator.card.template]
        before = drawn(generator, ws)
        self.smile, self.features = self.smiles(before), self.embed(before)

    def smiles(self, images: Tensor) -> float:
        return float(self.classifier.measure(images)["smile"].mean())

    def embed(self, images: Tensor) -> np.ndarray:
        return embed_crops(np.stack([from_tensor(image) for image in images]), self.template)

    def row(self, way: str, images: Tensor, seconds: float | None = None) -> float:
        after = self.smiles(images)
        moved = np.median(identity_distance(self.features, self.embed(images)))
        took = "" if seconds is None else f"{seconds:.1f}"
        print(f"| {way} | {self.smile:.3f} | {after:.3f} | {moved:.3f} | {took} |", flush=True)
        return after - self.smile


def compare(generator: Generator, clip: Clip, bench: Bench, magnitude: float) -> None:
    """A direction of two texts beside the learned one."""
    codes, scores = score_by_texts(generator, clip, TEXT, NEUTRAL, SAMPLES)
    spread = sampling.random_codes(generator, sampling.SIGMA_SAMPLES)
    texts = learning.learn(codes, scores, name="smile-text", spread=spread)
    learned = named.find("smile", generator.name)
    own = learned.vector if learned.normal is None else learned.normal
    rises = [
        bench.row(
            f"{name} {magnitude:+g}", drawn(generator, direction.apply(bench.ws, [(one, magnitude, None)]))
        )
        for name, one in (("direction of texts", texts), ("learned direction smile", learned))
    ]
    effect = rises[0] / rises[1]
    print(
        f"\ncosine with the learned direction {float(texts.vector @ learned.vector):.3f}, with its own "
        f"classifier's normal {float(texts.vector @ own):.3f}; its effect is {effect:.2f} of that"
    )


def portraits(args: argparse.Namespace, generator: Generator, classifier: Classifier) -> tuple[Tensor, float]:
    """Codes [N, L, W] of the first portraits whose projection does not smile, and seconds for each."""
    data = load_images(Path(args.data), resolution=generator.resolution, limit=args.skip + 3 * args.count)
    pictures = data.images[args.skip :].float() / 127.5 - 1
    sober = pictures[classifier.measure(pictures)["smile"] < 0.5][: args.count]
    started = time.perf_counter()
    encoder, found = encoder_for(generator), []
    for some in sober.split(TOGETHER):
        found += [one.ws for one in project(generator, some, ProjectOptions(args.method), encoder=encoder)]
    ws = torch.stack(found).detach().float()
    return ws, (time.perf_counter() - started) / len(ws)


@torch.no_grad()
def drawn(generator: Generator, ws: Tensor) -> Tensor:
    return torch.cat([generator.synthesis(some).clamp(-1, 1) for some in ws.split(16)])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", help="aligned faces: a folder or zip")
    parser.add_argument("--skip", type=int, default=0, help="the first so many, which training saw")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--model", default="faces")
    parser.add_argument("--clip", default="clip-faces")
    parser.add_argument("--classifier", default="face-attributes")
    parser.add_argument("--mapper", help="a model of ganedit train clip-mapper")
    parser.add_argument("--method", default="hybrid", help="of projection")
    parser.add_argument("--magnitude", type=float, default=2.0, help="along directions")
    return parser.parse_args()


if __name__ == "__main__":
    main()
