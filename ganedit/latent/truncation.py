"""The truncation trick (StyleGAN, Karras et al., arXiv:1812.04948), by layers and towards several centres."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganedit.errors import UsageError
from ganedit.latent.mixing import BANDS, rows_of
from ganedit.latent.sampling import random_codes

if TYPE_CHECKING:
    from ganedit.store.models import Generator

LOG = logging.getLogger(__name__)
MOST_PSI = 1.5  # beyond, either side of 0, images are noise
CLUSTERED = 10_000  # number of random codes that are clustered
MOST_CENTRES = 1000
_PART = re.compile(r"\s*([\w-]+)\s*=\s*(\S+)\s*")


@dataclass(frozen=True)
class Truncation:
    """How much of a code's distance from the average is kept (Karras et al., arXiv:1812.04948).

    Attributes:
        psi: 1 keeps the code, 0 gives the average; or a number for each of some layers, such as `{"coarse":
            0.5, "4-6": 0.8}`. Layers that are not named keep their code.
        centres: [K, W] or None. Codes are moved towards the nearest centre instead of the average, which
            keeps more variety (Mokady et al., arXiv:2202.12211); `find_centres` finds them.
    """

    psi: float | dict[str, float] = 1.0
    centres: Tensor | None = None

    def codes(
        self, generator: Generator, z: Tensor, c: Tensor | None = None, cutoff: int | None = None
    ) -> Tensor:
        """Codes [N, L, W] of z [N, Z]; `c` and `cutoff` as in `Generator.mapping`.

        Raises:
            UsageError: a layer that the generator does not have.
        """
        if isinstance(self.psi, float) and self.centres is None:
            return generator.mapping(z, c, self.psi, cutoff)
        ws = generator.mapping(z, c)
        shares = self._shares(generator, cutoff).to(ws)
        return torch.lerp(self._nearest(ws, generator), ws, shares[:, None])

    def _shares(self, generator: Generator, cutoff: int | None) -> Tensor:
        """The psi of each layer, [L]."""
        shares = torch.ones(generator.num_ws)
        if isinstance(self.psi, float):
            shares[:cutoff] = self.psi
        else:
            for layers, psi in self.psi.items():
                rows = [row for row in rows_of(generator, layers) if cutoff is None or row < cutoff]
                shares[rows] = psi
        return shares

    def _nearest(self, ws: Tensor, generator: Generator) -> Tensor:
        """[1 or N, 1, W]: the centre that each code is pulled towards."""
        if self.centres is None:
            return generator.w_avg[None, None]
        centres = self.centres.to(ws)
        return centres[torch.cdist(ws[:, 0], centres).argmin(dim=1)][:, None]


def parse_psi(text: str) -> float | dict[str, float]:
    """Parse `0.7`, or `coarse=0.5,fine=1`, or `0-3=0.5,4=0.8`.

    Raises:
        UsageError: the text has another form.
    """
    if "=" not in text:
        return _number(text, text)
    shares: dict[str, float] = {}
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if not match or not (match[1] in BANDS or re.fullmatch(r"\d{1,2}(-\d{1,2})?", match[1])):
            raise UsageError(f"`psi={text}` cannot be read", "write 0.7, or coarse=0.5,fine=1, or 0-3=0.5")
        shares[match[1]] = _number(match[2], text)
    return shares


def _number(word: str, text: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"`psi={text}` is not a finite number", "0.5 to 1 are usual, or coarse=0.5,fine=1")
    if abs(value) > MOST_PSI:
        LOG.warning(f"`psi={text}` goes far beyond what the generator knows: 0.5 to 1 are usual")
    return value


def find_centres(generator: Generator, count: int, seed: int = 0) -> Tensor:
    """Centres [K, W] of `count` clusters of random codes, by k-means.

    Raises:
        UsageError: fewer than one, or too many.
    """
    from sklearn.cluster import KMeans

    if not 1 <= count <= MOST_CENTRES:
        raise UsageError(f"there are no {count} centres", f"choose 1 to {MOST_CENTRES}, such as 32")
    codes = random_codes(generator, CLUSTERED, seed=seed).double().numpy()
    clusters = KMeans(count, n_init=1, random_state=seed).fit(codes)
    return torch.from_numpy(clusters.cluster_centers_).float()
