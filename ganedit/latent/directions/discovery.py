"""Unsupervised directions: found in the generator itself, to be looked at and named afterwards.

SeFa (Shen & Zhou, arXiv:2007.06600): what the layers' style maps amplify most. GANSpace (Härkönen et al.,
arXiv:2004.02546): how samples vary most, in their codes or in the activations that these cause. Those of
Voynov & Babenko (arXiv:2002.03754) are learned by `train.recipes.voynov` and read from its run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.errors import InputError, UsageError
from ganedit.files import DIRECTION_SUFFIX
from ganedit.latent.directions.direction import Direction
from ganedit.latent.sampling import SIGMA_SAMPLES, random_codes, spread_along
from ganedit.latent.styles import need, styles_of

if TYPE_CHECKING:
    from sklearn.decomposition import IncrementalPCA

    from ganedit.store.models import Generator

BATCH = 16  # samples whose activations are kept at a time
Progress = Callable[[int, int], None]


def discover_directions(
    generator: Generator,
    count: int = 8,
    *,
    method: Literal["sefa", "ganspace", "voynov"] = "sefa",
    rows: Sequence[int] | None = None,
    samples: int = 20000,
    layer: int | None = None,
    run: Path | None = None,
    seed: int = 0,
    name: str | None = None,
    progress: Progress | None = None,
) -> list[Direction]:
    """Find directions of a generator without labels, strongest first; look at them, then name them.

    Args:
        generator: A generator with a style space.
        count: Number of directions.
        method: "sefa": what the weights amplify most (Shen and Zhou, arXiv:2007.06600); "ganspace": what
            samples vary in most (Härkönen et al., arXiv:2004.02546); "voynov": what a run of the recipe
            `voynov` has learned to tell apart (Voynov and Babenko, arXiv:2002.03754).
        rows: Layers of the code that they change, coarse first; None means all.
        samples: For ganspace: number of random codes.
        layer: For ganspace: take the components of the activations of this layer instead of the codes'.
        run: For voynov: the folder of the training run.
        seed: For ganspace: seed of the random codes.
        name: Their name before the number (default: the method).
        progress: For ganspace: called with (samples done, samples in all).

    Returns:
        The directions NAME-0, NAME-1 and so on.

    Raises:
        UsageError: More directions than the method can find, or voynov without a run.
        CheckpointError: The generator has no style space.

    Examples:
        >>> [found.name for found in ganedit.discover_directions(ganedit.load("faces"), 2)]
        ['sefa-0', 'sefa-1']
    """
    name = name or method
    if method == "sefa":
        return sefa(generator, count, rows, name=name)
    if method == "ganspace":
        return ganspace(
            generator, count, rows, samples=samples, layer=layer, seed=seed, name=name, progress=progress
        )
    if run is None:
        raise UsageError(
            "`method=voynov` takes its directions from a training run, and `run` is missing",
            "ganedit train voynov -o voynov, and then `run=voynov`",
        )
    return trained(run, generator, count, rows, name=name)


def sefa(
    generator: Generator, count: int, rows: Sequence[int] | None = None, *, name: str = "sefa"
) -> list[Direction]:
    """Closed-form factorisation: orthogonal unit vectors n of w, ordered by |A n|, how much they change the
    styles.

    A maps w to the style-space codes of the layers that `rows` of the code control (None: all).

    Returns:
        `count` directions NAME-0, NAME-1, ..., strongest first, that change these rows.

    Raises:
        UsageError: more directions than a code has numbers.
        CheckpointError: the model has no readable style space.
    """
    _check_count(generator, count)
    chosen = list(range(generator.num_ws)) if rows is None else list(rows)
    matrix = _style_map(generator, chosen)
    values, vectors = torch.linalg.eigh(matrix.T @ matrix)  # ascending
    order = values.argsort(descending=True)[:count]
    spread = random_codes(generator, SIGMA_SAMPLES)
    return [
        _direction(generator, f"{name}-{i}", vectors[:, k].float(), spread, "SeFa", rows)
        for i, k in enumerate(order.tolist())
    ]


def ganspace(
    generator: Generator,
    count: int,
    rows: Sequence[int] | None = None,
    *,
    samples: int = 20000,
    layer: int | None = None,
    seed: int = 0,
    name: str = "ganspace",
    progress: Progress | None = None,
) -> list[Direction]:
    """Principal components of `samples` random codes w, or of one layer's activations.

    Components of activations are mapped back to w by linear regression, as in section 3.2 of the paper, so
    they need not be orthogonal.

    Args:
        generator: A StyleGAN.
        count: How many directions.
        rows: Rows of the code that they change; None means all.
        samples: Number of samples.
        layer: Convolution whose activations are analysed, 0 being the coarsest; None means the codes.
        seed: Seed of the first sample.
        name: Directions are called NAME-0, NAME-1, ..., strongest first.
        progress: Called with (done, total) samples.

    Raises:
        UsageError: more directions than samples or than numbers in a code, or an unknown layer.
    """
    from sklearn.decomposition import IncrementalPCA

    _check_count(generator, count)
    if samples < 2 * count:
        raise UsageError(
            f"{samples} samples are too few for {count} directions", f"choose {2 * count} or more"
        )
    codes = random_codes(generator, samples, seed=seed)
    pca = IncrementalPCA(count)
    pieces = codes if layer is None else _Activations(generator, codes, layer)
    size = max(BATCH, 2 * count)  # IncrementalPCA needs at least `count` at a time
    for start, stop in _spans(samples, size):
        pca.partial_fit(pieces[start:stop].double().numpy())
        if progress:
            progress(stop, samples)
    vectors = torch.from_numpy(pca.components_) if layer is None else _regressed(pca, pieces, codes, size)
    about = "GANSpace" if layer is None else f"GANSpace, activations of layer {layer}"
    return [
        _direction(generator, f"{name}-{i}", vector.float(), codes, about, rows, samples)
        for i, vector in enumerate(vectors)
    ]


def trained(
    run: Path, generator: Generator, count: int, rows: Sequence[int] | None = None, *, name: str = "voynov"
) -> list[Direction]:
    """The directions that a run of `ganedit train voynov` learned, the most reliably recognised first.

    Returns:
        `count` directions NAME-0, NAME-1, ..., that change these rows (None: all).

    Raises:
        InputError: `run` is not such a run.
        UsageError: it learned fewer directions.
        CheckpointError: it learned those of another generator.
    """
    paths = sorted((run / "model").glob(f"voynov-*{DIRECTION_SUFFIX}"))
    if not paths:
        raise InputError(f"{run} holds no directions of a run", f"ganedit train voynov -o {run} makes one")
    if not 1 <= count <= len(paths):
        raise UsageError(
            f"there are no {count} directions in {run}", f"choose a `count` from 1 to {len(paths)}"
        )
    directions = [Direction.load(path) for path in paths[:count]]
    for one in directions:
        one.check_model(generator)
    return [replace(one, name=f"{name}-{i}", layers=tuple(rows or ())) for i, one in enumerate(directions)]


class _Activations:
    """Activations [n, C·H·W] of a layer for slices of codes [N, W], computed when indexed."""

    def __init__(self, generator: Generator, codes: Tensor, layer: int) -> None:
        layers = generator.layers
        if not 0 <= layer < len(layers):
            raise UsageError(
                f"there is no layer {layer}: the model {generator.name} has {len(layers)}",
                f"layers go from 0 to {len(layers) - 1}",
            )
        self.generator, self.codes, self.module = generator, codes, layers[layer]

    @torch.no_grad()
    def __getitem__(self, span: slice) -> Tensor:
        outputs: list[Tensor] = []
        hook = self.module.register_forward_hook(
            lambda *call: outputs.append(call[2].float().flatten(1).cpu())
        )
        try:
            for some in self.codes[span].split(BATCH):
                self.generator.synthesis(some[:, None].expand(-1, self.generator.num_ws, -1))
        finally:
            hook.remove()
        return torch.cat(outputs)


def _regressed(pca: IncrementalPCA, pieces: _Activations | Tensor, codes: Tensor, size: int) -> Tensor:
    """Directions of w [K, W] along which the coordinates on the components grow, by least squares."""
    points = torch.cat(
        [torch.from_numpy(pca.transform(pieces[a:b].double().numpy())) for a, b in _spans(len(codes), size)]
    )
    points = (points - points.mean(dim=0)) / points.std(dim=0)
    solution: Tensor = torch.linalg.lstsq(points, codes.double() - codes.double().mean(dim=0)).solution
    return F.normalize(solution, dim=1)


def _spans(total: int, size: int) -> Iterator[tuple[int, int]]:
    """Split `total` samples into spans of at least `size`."""
    starts = list(range(0, max(total - size, 0) + 1, size))
    yield from zip(starts, [*starts[1:], total], strict=True)


def _style_map(generator: Generator, rows: Sequence[int]) -> Tensor:
    """Matrix [S, W] by which the style-space codes of all layers depend on a code w in these rows."""
    need(generator, "`method=ganspace` works with it")
    width = generator.w_dim
    codes = torch.zeros(width + 1, generator.num_ws, width, device=generator.device)
    codes[1:, list(rows)] = torch.eye(width, device=generator.device)[:, None]
    with torch.no_grad():
        styles = styles_of(generator, codes).double().cpu()
    return (styles[1:] - styles[:1]).T  # the maps are affine: subtract their offset


def _check_count(generator: Generator, count: int) -> None:
    generator.need_styles()
    if not 1 <= count <= generator.w_dim:
        raise UsageError(f"there are no {count} directions", f"choose 1 to {generator.w_dim}")


def _direction(
    generator: Generator,
    name: str,
    vector: Tensor,
    codes: Tensor,
    method: str,
    rows: Sequence[int] | None,
    samples: int = 0,
) -> Direction:
    """A direction along a vector, with its largest number positive, so that its sign is the same
    everywhere."""
    vector = vector * torch.sign(vector[vector.abs().argmax()])
    return Direction(
        name=name,
        vector=vector / vector.norm(),
        sigma=spread_along(vector, codes),
        **generator.identity,
        method=method,
        layers=tuple(rows or ()),
        samples=samples,
    )
