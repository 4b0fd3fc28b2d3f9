"""Trains translators from one kind of pictures to another, without pairs and without a way back (CUT and
FastCUT, Park et al., arXiv:2007.15651).

With masks, the generator also draws where it changes the picture, supervised by the masks of A, and the
discriminators see only what lies inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.data.pictures import Pictures, load_pairs, load_pictures, sheet
from ganedit.nets.patch_contrast import PatchHeads, PatchHeadsConfig, random_places
from ganedit.nets.patchgan import PatchGAN, PatchGANConfig
from ganedit.nets.resnet import ResNetConfig, ResNetGenerator, Trace
from ganedit.store.load import save_model
from ganedit.train.losses import gan_d_loss, gan_g_loss, patch_contrast
from ganedit.train.options.translators import CUTOptions
from ganedit.train.run import Run
from ganedit.train.sources import Note, OnLoad
from ganedit.train.translation import (
    SAMPLES,
    PictureRecipe,
    frozen,
    load_named,
    real_images,
    start_from,
    two_sources,
)


@dataclass(frozen=True)
class Piece:
    """Images [N, 3, S, S] of A and B; and of A the masks [N, 1, S, S], 1 on what may change, or None."""

    a: Tensor
    b: Tensor
    mask: Tensor | None


@dataclass(frozen=True)
class Seen:
    """What the discriminators see of a piece: real and drawn images, grey outside their masks."""

    real: Tensor
    fake: Tensor


class CUT(PictureRecipe[CUTOptions]):
    """G translates A to B, D judges; patches of results resemble those of the input at their places."""

    def __init__(self, options: CUTOptions, a: Pictures, b: Pictures, device: torch.device) -> None:
        self.a, self.b = a, b
        torch.manual_seed(options.seed)
        config = ResNetConfig(width=options.width, blocks=options.blocks, up=options.up)
        self.g = ResNetGenerator(replace(config, attention=options.masks > 0, mask_gain=1.0))
        self.d = PatchGAN(PatchGANConfig(width=options.d_width, norm="instance"))
        widths = [options.width * 2**i for i in (1, 2)]
        self.heads = PatchHeads(PatchHeadsConfig((3, *widths, widths[-1], widths[-1])))
        super().__init__(options, device, {"g": self.g, "d": self.d, "heads": self.heads})
        self.optimizers = {
            "g": self.adam(self.g, self.heads, betas=(0.5, 0.999)),
            "d": self.adam(self.d, betas=(0.5, 0.999)),
        }
        self.pretrained = self.add_pretrained(lambda: real_images(b, options.size))

    # ---- a step ----

    def step(self, run: Run) -> dict[str, Tensor]:
        self.decay(run, self.options.decay)
        seen: list[Seen] = []
        stats: dict[str, Tensor] = {}
        pieces = self._draw(run)
        stats["g/loss"] = run.minimise(self.optimizers["g"], self._g_losses(pieces, seen, stats))
        stats["d/loss"] = run.minimise(self.optimizers["d"], (self._d_loss(one) for one in seen))
        return stats | self.pretrained.d_step(run, (one.real for one in seen))

    def _draw(self, run: Run) -> list[Piece]:
        size, mirror = self.options.size, self.options.mirror
        drawn_a = self.a.draw(run.share(0), size, mirror=mirror)
        drawn_b = self.b.draw(run.share(1), size, mirror=mirror)
        return [
            Piece(a, b, (masks[0][:, :1] + 1) / 2 if masks else None)
            for (a, *masks), (b,) in zip(drawn_a, drawn_b, strict=True)
        ]

    def _g_losses(self, pieces: list[Piece], seen: list[Seen], stats: dict[str, Tensor]) -> Iterator[Tensor]:
        for piece in pieces:
            each = self._g_losses_of(piece, seen)
            stats |= {f"g/{name}": loss.detach() for name, loss in each.items()}
            yield torch.stack(list(each.values())).sum()

    def _g_losses_of(self, piece: Piece, seen: list[Seen]) -> dict[str, Tensor]:
        """The generator's weighted losses by name; what the discriminators will see is added to `seen`."""
        options = self.options
        with_b = options.identity > 0 or piece.mask is not None  # its mask is needed, too
        flip = options.equivariant and bool(torch.rand(()) < 0.5)
        given = piece.a.flip(3) if flip else piece.a
        with self.activations():
            from_a = self.g.trace(given)
            from_b = self.g.trace(piece.b) if with_b else None
            again = self.g.trace(from_a.image) if piece.mask is not None else None
            query = again.features if again is not None else self.g.encode(from_a.image)
            keys = self.g.encode(piece.a) if flip else from_a.features
            drawn = self.g.encode(from_b.image) if from_b is not None and options.identity else None
            fake, real = inside(from_a.image, from_a.mask), piece.b
            if from_b is not None:
                real = inside(real, from_b.mask)
            with frozen(self.d):
                on_fake = self.d(fake).float()
        each = {"gan": gan_g_loss("lsgan", on_fake) * options.gan_weight}
        query = [x.flip(3) for x in query] if flip else query
        each["contrast"] = self._contrast(query, keys) * options.contrast
        if drawn is not None and from_b is not None:
            each["identity"] = self._contrast(drawn, from_b.features) * options.identity
        if piece.mask is not None and again is not None:
            wanted = piece.mask.flip(3) if flip else piece.mask
            each["mask"] = (_mask_loss(from_a, wanted) + _mask_loss(again, wanted)) * options.masks
        seen.append(Seen(real.detach(), fake.detach()))
        return each | self.pretrained.g_losses(fake.float())

    def _contrast(self, query: list[Tensor], key: list[Tensor]) -> Tensor:
        chosen, wanted = self._layers(query), self._layers(key)
        places = random_places(wanted, self.options.patches)
        with self.activations():
            queries = self.heads(chosen, places)
            with torch.no_grad():
                keys = self.heads(wanted, places)
        return patch_contrast(queries, keys)

    def _layers(self, features: list[Tensor]) -> list[Tensor]:
        """The layers that are compared: the picture, both reductions, the first and the middle block."""
        picture, half, quarter, *blocks = features
        return [picture, half, quarter, blocks[0], blocks[self.options.blocks // 2]]

    def _d_loss(self, seen: Seen) -> Tensor:
        with self.activations():
            on_real, on_fake = self.d(seen.real), self.d(seen.fake)
        return gan_d_loss("lsgan", on_real.float(), on_fake.float())

    # ---- what is shown and kept ----

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Examples of A, what is drawn of them, and with masks where; then examples of B, drawn again."""
        rows = []
        for data in (self.a, self.b):
            x = data.centres(range(min(SAMPLES, len(self.a), len(self.b))), self.options.size)[0]
            with self.activations():
                found = self.g.trace(x.to(self.device))
            rows += [x, found.image]
            if found.mask is not None:
                rows.append((found.mask.float().sigmoid() * 2 - 1).expand(-1, 3, -1, -1))
        return sheet(rows)

    def export(self, folder: Path, images: int) -> None:
        card = self.make_card(
            images,
            name=self.options.name or "a2b",
            task="translator",
            architecture="resnet",
            config=asdict(self.g.cfg),
            resolution=self.options.size,
        )
        save_model(folder, card, self.g.state_dict(), dtype=torch.float16)


def inside(image: Tensor, mask: Tensor | None) -> Tensor:
    """The image [N, 3, H, W] where the mask, given as logits, is open, and mid-grey elsewhere.

    The mask gets no gradient: it would grow over whatever looks right.
    """
    return image if mask is None else image * mask.detach().sigmoid()


def _mask_loss(found: Trace, wanted: Tensor) -> Tensor:
    assert found.mask is not None
    return F.binary_cross_entropy_with_logits(found.mask.float(), wanted)


def start(options: CUTOptions, device: torch.device, note: Note, on_load: OnLoad | None = None) -> CUT:
    """The recipe for these options, with their data."""
    a, b = two_sources(options)
    load_a = load_pairs if options.masks else load_pictures
    from_a = load_named(load_a, [a], options, note, on_load)
    from_b = load_named(load_pictures, [b], options, note, on_load)
    recipe = CUT(options, from_a, from_b, device)
    if options.start:
        start_from(recipe.g, options.start, device, attention=options.masks > 0, mask_gain=1.0)
    return recipe
