"""Trains StyleCLIP's latent mapper (Patashnik et al., arXiv:2103.17249, section 5): trained once for a text,
it is applied to any code in an instant."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from ganedit.data.pictures import sheet
from ganedit.latent.mixing import BANDS, rows_of
from ganedit.latent.sampling import spread_of_codes
from ganedit.metrics.identity import person_of
from ganedit.nets.latent_mapper import LatentMapper, LatentMapperConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import load_clip, load_generator, save_model
from ganedit.store.models import Clip, Generator
from ganedit.text.guidance import Wish, distance_to_wish
from ganedit.train.options.recipes import command_line
from ganedit.train.options.recognition import CLIPMapperOptions
from ganedit.train.recipe import Recipe
from ganedit.train.run import Run, set_rate
from ganedit.train.sources import Note, OnLoad

SAMPLES = 8
SHOWN_SEED = 900_000  # first seed of the samples, which training does not use


class CLIPMapping(Recipe):
    """The mapper, trained through the frozen generator and CLIP."""

    def __init__(self, options: CLIPMapperOptions, generator: Generator, clip: Clip) -> None:
        self.options, self.generator, self.clip = options, generator, clip
        generator.need_styles()
        self.wish = Wish(options.text, options.neutral or None, crops=options.crops)
        bands = tuple(
            tuple(rows_of(generator, word)) for word in options.bands.split(",") if _has(generator, word)
        )
        torch.manual_seed(options.seed)
        config = LatentMapperConfig(generator.w_dim, generator.num_ws, bands)
        self.mapper = LatentMapper(config).to(generator.device)
        self.unit = spread_of_codes(generator)
        self.networks = {"mapper": self.mapper}
        self.optimizers = {"mapper": torch.optim.Adam(self.mapper.parameters(), options.lr)}

    def step(self, run: Run) -> dict[str, Tensor]:
        set_rate(self.optimizers["mapper"], self.options.lr * min(1.0, 2 - 2 * run.progress))
        stats: dict[str, Tensor] = {}
        count = run.micro_batch
        losses = (self._loss(count, stats) for _ in range(self.options.accumulate))
        stats["loss"] = run.minimise(self.optimizers["mapper"], losses)
        return stats

    def _loss(self, count: int, stats: dict[str, Tensor]) -> Tensor:
        with torch.no_grad():
            ws = self._codes(torch.randn(count, self.generator.z_dim, device=self.generator.device))
            before = self.generator.synthesis(ws).clamp(-1, 1)
        changed = self.mapper(ws)
        images = self.generator.synthesis(changed).clamp(-1, 1)
        each = {
            "clip": distance_to_wish(self.clip, self.wish, before)(images).mean(),
            "closeness": self.options.closeness * ((changed - ws) / self.unit).square().mean(),
        }
        if self.options.identity and (person := person_of(self.generator, before)):
            each["identity"] = self.options.identity * person(images).mean()
        stats |= {name: loss.detach() for name, loss in each.items()}
        return torch.stack(list(each.values())).sum()

    def _codes(self, z: Tensor) -> Tensor:
        c = None
        if self.generator.num_classes:
            c = self.generator.one_hot([i % self.generator.num_classes for i in range(len(z))])
        return self.generator.mapping(z, c, self.options.psi)

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Pictures above the results of the mapper."""
        ws = self._codes(self.generator.z_of(range(SHOWN_SEED, SHOWN_SEED + SAMPLES)))
        return sheet([self.generator.synthesis(code) for code in (ws, self.mapper(ws))])

    def state(self) -> dict[str, str]:
        return {"generator_sha256": self.generator.sha256, "clip_sha256": self.clip.sha256}

    def load_state(self, state: dict[str, str]) -> None:
        own = self.generator.known_as(state["generator_sha256"])
        if not own or state["clip_sha256"] != self.clip.sha256:
            raise ValueError("it was trained for other weights of the generator or of CLIP")

    def export(self, folder: Path, images: int) -> None:
        options, generator = self.options, self.generator
        card = ModelCard(
            name=options.name or re.sub(r"\W+", "-", options.text.lower()).strip("-") or "mapper",
            task="mapper",
            architecture="latent-mapper",
            config={**asdict(self.mapper.cfg), "bands": [list(band) for band in self.mapper.cfg.bands]},
            resolution=generator.resolution,
            template=generator.card.template,
            source=f"{command_line(options)} ({images / 1000:.1f} kimg)",
            licence=generator.card.licence,
            terms=generator.card.terms,
            details={
                "text": options.text,
                **generator.identity,
                "clip": self.clip.name,
            },
        )
        save_model(folder, card, self.mapper.state_dict(), dtype=torch.float16)


def _has(generator: Generator, word: str) -> bool:
    """Whether a generator has rows of this kind: small generators have no fine ones."""
    low, high = BANDS.get(word.strip(), (0, float("inf")))
    return any(low <= size < high for size in generator.row_sizes)


def start(
    options: CLIPMapperOptions, device: torch.device, note: Note, on_load: OnLoad | None = None
) -> CLIPMapping:
    """The recipe for these options, with their generator and text."""
    generator, clip = load_generator(options.model, str(device)), load_clip(options.clip, str(device))
    clip.check_text(options.text)
    return CLIPMapping(options, generator, clip)
