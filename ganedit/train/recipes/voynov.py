"""Discovers directions of a generator that a network can tell apart (Voynov & Babenko, arXiv:2002.03754).

Codes w are shifted along one of K orthonormal directions; a predictor sees the picture before and after and
predicts the direction and the size of the shift. Both learn together: directions become those whose changes
are easily recognised, which is the case if each changes one thing of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganedit.compute import autocast, training_dtype
from ganedit.data.pictures import sheet
from ganedit.errors import UsageError
from ganedit.files import DIRECTION_SUFFIX
from ganedit.latent.directions.direction import Direction
from ganedit.latent.sampling import SIGMA_SAMPLES, random_codes, spread_along
from ganedit.nets.shift_predictor import ShiftPredictor, ShiftPredictorConfig
from ganedit.store.load import load_generator
from ganedit.store.models import Generator
from ganedit.train.options.generators import VoynovOptions
from ganedit.train.recipe import Recipe
from ganedit.train.run import Run
from ganedit.train.sources import Note, OnLoad

LEAST = 0.5  # smallest size of a shift: smaller ones would not be visible
MEASURED, EXPORTED = 2, 16  # samples per direction for measuring accuracy, during the run and at the end
SHOWN, STEPS = 8, 7  # directions on the sample sheet, pictures of each


class Directions(nn.Module):
    """K orthonormal directions of w: the Q of a matrix, made unique by the signs of its R."""

    def __init__(self, w_dim: int, count: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(w_dim, count))

    def forward(self) -> Tensor:
        """[K, W]"""
        q, r = torch.linalg.qr(self.weight)
        rows: Tensor = q * r.diagonal().sign()
        return rows.T


class Voynov(Recipe):
    """Directions and predictor, trained through the frozen generator."""

    def __init__(self, options: VoynovOptions, generator: Generator, device: torch.device) -> None:
        generator.need_styles()
        if options.count > generator.w_dim:
            raise UsageError(
                f"there are no {options.count} orthonormal directions of {generator.name}",
                f"choose a `count` from 2 to {generator.w_dim}",
            )
        self.options, self.generator = options, generator
        self.dtype = training_dtype(options.precision, device)
        generator.network.synthesis.dtype = self.dtype
        torch.manual_seed(options.seed)
        self.directions = Directions(generator.w_dim, options.count).to(device)
        widths = tuple(int(width) for width in options.widths.split(","))
        self.predictor = ShiftPredictor(ShiftPredictorConfig(options.count, widths)).to(device)
        self.networks = {"directions": self.directions, "predictor": self.predictor}
        parameters = [*self.directions.parameters(), *self.predictor.parameters()]
        self.optimizers = {"both": torch.optim.Adam(parameters, options.lr)}
        self.codes = random_codes(generator, SIGMA_SAMPLES)
        self.unit = float(self.codes.var(dim=0).mean().sqrt())  # length in w of a shift by 1

    def step(self, run: Run) -> dict[str, Tensor]:
        self.predictor.train()
        stats: dict[str, Tensor] = {}
        pieces = (self._loss(run.micro_batch, stats) for _ in range(self.options.accumulate))
        stats["loss"] = run.minimise(self.optimizers["both"], pieces)
        return stats

    def _loss(self, n: int, stats: dict[str, Tensor]) -> Tensor:
        generator = self.generator
        with torch.no_grad():
            w = generator.mapping(torch.randn(n, generator.z_dim, device=generator.device), self._classes(n))
        which = torch.randint(0, self.options.count, (n,)).to(w.device)
        logits, shift, wanted = self._predicted(w, which, self._shifts(n).to(w.device))
        cross, error = F.cross_entropy(logits, which), (shift - wanted).abs().mean()
        right = (logits.argmax(dim=1) == which).float().mean()
        stats |= {"accuracy": right, "cross-entropy": cross.detach(), "shift error": error.detach()}
        return cross + self.options.shift_weight * error

    def _predicted(self, ws: Tensor, which: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits [N, K], predicted shifts [N] and true ones, for codes [N, L, W]."""
        with torch.no_grad():
            before = self.generator.synthesis(ws).clamp(-1, 1)
        moves = self.directions()[which] * (shifts * self.unit)[:, None]  # [N, W]
        after = self.generator.synthesis(ws + moves[:, None]).clamp(-1, 1)
        with autocast(ws.device, self.dtype):
            return (*self.predictor(before, after), shifts)

    def _shifts(self, n: int) -> Tensor:
        """Random shifts, uniform in ±reach, but not too small to be visible."""
        shifts = (torch.rand(n) * 2 - 1) * self.options.reach
        return torch.where(shifts < 0, -1.0, 1.0) * shifts.abs().clamp(min=LEAST)

    def _classes(self, n: int) -> Tensor | None:
        count = self.generator.num_classes
        return self.generator.one_hot(torch.randint(0, count, (n,)).tolist()) if count else None

    @torch.no_grad()
    def measure(self, each: int) -> tuple[Tensor, float]:
        """Share of shifts recognised by direction [K], and the mean error of their size, on `each` samples.

        The samples are the same every time: codes of the first seeds, shifts of every size in turn.
        """
        self.predictor.eval()
        count = self.options.count
        codes = self.codes[:each, None].expand(-1, self.generator.num_ws, -1).to(self.generator.device)
        sizes = torch.linspace(LEAST, self.options.reach, each) * (1 - 2 * (torch.arange(each) % 2))
        right, error = torch.zeros(count), 0.0
        for k in range(count):
            for ws, shifts in zip(codes.split(16), sizes.to(codes).split(16), strict=True):
                logits, shift, wanted = self._predicted(ws, torch.full((len(ws),), k).to(ws.device), shifts)
                right[k] += float((logits.argmax(dim=1) == k).sum()) / each
                error += float((shift - wanted).abs().sum()) / (each * count)
        return right, error

    def evaluate(self) -> dict[str, float]:
        right, error = self.measure(MEASURED)
        return {"fresh accuracy": float(right.mean()), "fresh shift error": error}

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Effect of the first directions on one sample, a row for each."""
        code = self.codes[:1, None].expand(-1, self.generator.num_ws, -1).to(self.generator.device)
        steps = torch.linspace(-self.options.reach, self.options.reach, STEPS).to(code) * self.unit
        rows = [code + steps[:, None, None] * vector for vector in self.directions()[:SHOWN]]
        return sheet([self.generator.synthesis(row).clamp(-1, 1) for row in rows])

    def state(self) -> dict[str, Any]:
        return {"generator_sha256": self.generator.sha256}

    def load_state(self, state: dict[str, Any]) -> None:
        if not self.generator.known_as(state["generator_sha256"]):
            raise ValueError("it was trained for other weights of the generator")

    def export(self, folder: Path, images: int) -> None:
        """Write direction files voynov-000 and so on, the most reliably recognised first."""
        folder.mkdir(parents=True, exist_ok=True)
        right, _ = self.measure(EXPORTED)
        vectors = self.directions().detach().float().cpu()
        for place, k in enumerate(right.argsort(descending=True, stable=True).tolist()):
            vector = vectors[k] * torch.sign(vectors[k][vectors[k].abs().argmax()])
            direction = Direction(
                name=f"voynov-{place:03d}",
                vector=vector / vector.norm(),
                sigma=spread_along(vector, self.codes),
                **self.generator.identity,
                method="Voynov & Babenko",
                accuracy=float(right[k]),
                samples=images,
            )
            direction.save(folder / f"{direction.name}{DIRECTION_SUFFIX}")


def start(options: VoynovOptions, device: torch.device, note: Note, on_load: OnLoad | None = None) -> Voynov:
    """The recipe for these options, with their generator."""
    return Voynov(options, load_generator(options.model, device=str(device)), device)
