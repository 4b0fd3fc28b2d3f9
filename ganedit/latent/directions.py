"""Directions in a generator's style space along which one attribute of the picture changes.

A direction file, `NAME.safetensors`, holds `direction` [W] or [L, W], of unit length, and where parts shared
with other directions were removed also `normal`, what it was before. The metadata key "ganedit" is JSON:
`schema` (1), `name`, `sigma`, `model`, `model_sha256`, `method`, `layers`, `accuracy`, `samples`, `preserved`
and `space`. In the space "s" instead of "w" the direction is [total], for the codes of `latent.styles`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import CheckpointError, InputError, UsageError, did_you_mean

if TYPE_CHECKING:
    from ganedit.store.models import Classifier, Generator

SCHEMA = 1
SUFFIX = ".safetensors"
SPACES = ("w", "s")  # style codes ws; the styles of all layers that these give
HELD_OUT = 0.2  # share of the examples that measures the accuracy
EXTREMES = 0.3  # share at either end of a range of scores that makes the two classes
LOOSENESS = 0.01  # of the fit: strongly regularised, so that the normal leans to where codes really vary
FEWEST = 10  # examples a side
JUDGED_AT_ONCE = 16  # samples
SIGMA_SAMPLES = 4096  # codes that measure how much samples vary along a direction


@dataclass(frozen=True)
class Direction:
    """A unit vector, and how far samples spread along it."""

    name: str
    vector: Tensor  # [W] for every layer alike, or [L, W], or [total] of s; float32, unit length in all
    sigma: float = 1.0  # standard deviation of random codes along `vector`; magnitude 1 moves this far
    model: str = ""  # empty when unknown
    model_sha256: str = ""
    method: str = ""
    layers: tuple[int, ...] = ()  # rows of the code that it changes unless told otherwise; empty means all
    accuracy: float | None = None  # of the classifier behind it, on examples held out
    samples: int = 0  # examples it was learned from
    preserved: tuple[str, ...] = ()  # directions whose attributes it leaves alone
    normal: Tensor | None = None  # the classifier's own normal, before `preserved` was heeded
    space: str = "w"  # one of SPACES: what it is added to

    def __post_init__(self) -> None:
        if self.vector.ndim not in (1, 2) or not self.vector.numel():
            raise InputError(f"a direction is [W] or [L, W], not {list(self.vector.shape)}")
        if not bool(torch.isfinite(self.vector).all()) or not float(self.vector.norm()) > 0:
            raise InputError(f"the direction {self.name} is zero or not finite")
        if not (math.isfinite(self.sigma) and self.sigma > 0):
            raise InputError(f"the direction {self.name} has the impossible sigma {self.sigma}")
        if self.space not in SPACES or (self.space == "s" and self.vector.ndim != 1):
            raise InputError(
                f"the direction {self.name} {list(self.vector.shape)} is not one of {self.space}"
            )

    @property
    def w_dim(self) -> int:
        return self.vector.shape[-1]

    def save(self, path: str | Path) -> Path:
        """Write NAME.safetensors, atomically. Raises InputError where it cannot be written."""
        from ganedit.store.weights import write_weights

        tensors = {"direction": self.vector.float()}
        if self.normal is not None:
            tensors["normal"] = self.normal.float()
        return write_weights(path, tensors, {key: getattr(self, key) for key in _KEPT} | {"schema": SCHEMA})

    @classmethod
    def load(cls, path: str | Path) -> Direction:
        """Read a direction file. Raises InputError when it is missing, damaged, or something else."""
        from ganedit.store.weights import record_in

        hint = "ganedit direction import takes others'"
        with record_in(Path(path), "direction", SCHEMA, hint) as (tensors, about):
            known = {key: about[key] for key in _KEPT if key in about}
            known |= {key: tuple(known.get(key, ())) for key in ("layers", "preserved")}
            texts = [known.get(key, "") for key in ("name", "model", "model_sha256", "method", "space")]
            if not all(isinstance(text, str) for text in texts):
                raise TypeError("no text")
            return cls(vector=tensors["direction"].float(), normal=tensors.get("normal"), **known)

    def check_model(self, generator: Generator) -> None:
        """Refuse a generator with another code size, or another than the direction was learned on.

        Raises:
            InputError: Sizes differ; names both.
            CheckpointError: Another model; names both.
        """
        if self.space == "w":
            self.check_size(generator.num_ws, generator.w_dim)
        else:
            self._check_styles(generator)
        if self.model_sha256 and self.model_sha256 != generator.sha256:
            mine = f"{self.model} ({self.model_sha256[:12]})"
            raise CheckpointError(
                f"the direction {self.name} was learned on the model {mine}, not on "
                f"{generator.name} ({generator.sha256[:12]})",
                f"use --model {self.model}, or learn it again"
                if self.model != generator.name
                else "name the file of those weights with --model, or learn it again",
            )

    def _check_styles(self, generator: Generator) -> None:
        from ganedit.latent.styles import total

        if len(self.vector) != (count := total(generator)):
            raise InputError(
                f"the direction {self.name} is for {len(self.vector)} styles, the model {generator.name} has "
                f"{count}",
                "it was made for another model",
            )

    def check_size(self, num_ws: int, w_dim: int) -> None:
        """Raise InputError unless the direction suits codes [num_ws, w_dim]."""
        if self.space != "w":
            raise InputError(
                f"the direction {self.name} changes styles (space {self.space}), not codes w",
                "ganedit edit moves latents along it",
            )
        rows = self.vector.shape[0] if self.vector.ndim == 2 else num_ws
        if (rows, self.w_dim) != (num_ws, w_dim):
            raise InputError(
                f"the direction {self.name} is {list(self.vector.shape)}, the codes are [{num_ws}, {w_dim}]",
                "it was made for another model",
            )


_KEPT = (
    "name", "sigma", "model", "model_sha256", "method", "layers", "accuracy", "samples", "preserved", "space"
)  # fmt: skip

Edit = tuple[Direction, float, Sequence[int] | None]  # what, how far in sigmas, which layers (None: its own)


def apply(ws: Tensor, edits: Iterable[Edit]) -> Tensor:
    """Move style codes along directions: ws + magnitude · sigma · vector for each edit.

    Args:
        ws: [L, W] or [N, L, W].
        edits: Direction, magnitude in standard deviations (0 changes nothing, beyond about 4 pictures
            break), and the layers to change, coarse first; None means the direction's own, or all.

    Returns:
        New codes; `ws` is left alone.

    Raises:
        UsageError: A magnitude that is not finite, or a layer that the code does not have.
        InputError: A direction for codes of another size.
    """
    moved = ws.clone()
    for direction, magnitude, layers in edits:
        if not math.isfinite(magnitude):
            raise UsageError(f"magnitude {magnitude} of {direction.name} is not a finite number")
        direction.check_size(*ws.shape[-2:])
        rows = list(layers if layers is not None else direction.layers or range(ws.shape[-2]))
        if beyond := [row for row in rows if not 0 <= row < ws.shape[-2]]:
            raise UsageError(
                f"there is no layer {beyond[0]}: the code has {ws.shape[-2]}",
                f"layers go from 0 to {ws.shape[-2] - 1}",
            )
        vector = direction.vector.to(ws) * (magnitude * direction.sigma)
        moved[..., rows, :] += vector[rows] if vector.ndim == 2 else vector
    return moved


# --- learning --------------------------------------------------------------------------------------


def learn(
    codes: Tensor,
    scores: Tensor,
    *,
    name: str,
    threshold: float | None = None,
    preserve: Sequence[Direction] = (),
    spread: Tensor | None = None,
    seed: int = 0,
) -> Direction:
    """Fit a linear classifier to codes and take its normal (InterFaceGAN: Shen et al., arXiv:1907.10786).

    Args:
        codes: [N, W], or [N, L, W] for a direction with a row per layer.
        scores: [N]. Two distinct values are taken as classes; of more, the lowest and the highest 30% are,
            unless `threshold` divides them.
        name: What to call it; a positive magnitude raises the score.
        threshold: Scores above are one class, the rest the other.
        preserve: Directions whose attributes should stay: the parts shared with their normals are removed.
        spread: Random codes like `codes` that measure sigma; None takes `codes` themselves.
        seed: Chooses the examples that are held out.

    Raises:
        InputError: Fewer than ten examples on a side, scores that are not finite, or nothing left after
            removing the shared parts.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split

    if len(codes) != len(scores):
        raise InputError(f"{len(codes)} codes but {len(scores)} scores")
    if not bool(torch.isfinite(scores).all()):
        raise InputError("some scores are not finite numbers")
    rows, labels = _two_classes(scores, threshold)
    flat = codes.reshape(len(codes), -1).double().numpy()
    centre, scale = flat.mean(0), flat.std()
    examples = (flat[rows] - centre) / scale  # one scale for all axes, so that the normal stays a normal
    train_x, test_x, train_y, test_y = train_test_split(
        examples, labels, test_size=HELD_OUT, random_state=seed, stratify=labels
    )
    model = LogisticRegression(C=LOOSENESS, max_iter=2000).fit(train_x, train_y)
    normal = torch.from_numpy(model.coef_[0]).float().reshape(codes.shape[1:])
    normal = normal / normal.norm()
    vector = remove_shared(normal, preserve)
    direction = Direction(
        name=name,
        vector=vector,
        method="logistic regression",
        accuracy=float(model.score(test_x, test_y)),
        samples=len(rows),
        preserved=tuple(other.name for other in preserve),
        normal=normal if preserve else None,
    )
    return replace(direction, sigma=spread_along(vector, codes if spread is None else spread))


def remove_shared(vector: Tensor, others: Sequence[Direction]) -> Tensor:
    """The unit vector nearest to `vector` along which the others' classifiers do not change.

    Raises:
        InputError: The others differ in shape, or nothing is left.
    """
    if not others:
        return vector
    normals = [other.vector if other.normal is None else other.normal for other in others]
    for other, normal in zip(others, normals, strict=True):
        if normal.shape != vector.shape:
            raise InputError(
                f"the direction {other.name} is {list(normal.shape)}, this one {list(vector.shape)}",
                "preserve only directions of the same kind and model",
            )
    basis, _ = torch.linalg.qr(torch.stack([n.flatten().double() for n in normals], dim=1))
    flat = vector.flatten().double()
    left = flat - basis @ (basis.T @ flat)
    if float(left.norm()) < 1e-3 * float(flat.norm()):
        raise InputError("nothing is left of the direction without what it shares with the preserved ones")
    return (left / left.norm()).float().view_as(vector)


def spread_along(vector: Tensor, codes: Tensor) -> float:
    """Standard deviation of codes [N, W] or [N, L, W] along `vector` of the shape of one."""
    return float((codes.flatten(1).double() @ vector.flatten().double()).std())


def random_codes(generator: Generator, count: int, *, psi: float = 1.0, seed: int = 0) -> Tensor:
    """Codes w [N, W] of random samples, on the CPU, one per seed from `seed` on; classes are drawn evenly."""
    found = []
    for start in range(seed, seed + count, 512):
        seeds = range(start, min(start + 512, seed + count))
        c = None
        if generator.num_classes:
            c = generator.one_hot([s % generator.num_classes for s in seeds])
        with torch.no_grad():
            found.append(generator.mapping(generator.z_of(seeds), c, psi)[:, 0].cpu())
    return torch.cat(found)


def attribute_column(classifier: Classifier, attribute: str) -> int:
    """Which of its outputs an attribute is. Raises UsageError where it knows none of that name."""
    if attribute not in classifier.attributes:
        raise UsageError(
            f"the classifier {classifier.name} knows no attribute {attribute}",
            did_you_mean(attribute, classifier.attributes),
        )
    return classifier.attributes.index(attribute)


def score_samples(
    generator: Generator,
    classifier: Classifier,
    attribute: str,
    count: int,
    *,
    psi: float = 1.0,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw samples and let a classifier judge one attribute of each; see `judge_samples`.

    Returns:
        Codes w [N, W] and scores [N]: logits, or numbers in the attribute's unit.

    Raises:
        UsageError: The classifier does not know the attribute.
    """
    column = attribute_column(classifier, attribute)
    return judge_samples(
        generator, lambda images: classifier(images)[:, column], count, psi=psi, seed=seed, progress=progress
    )


@torch.no_grad()
def judge_samples(
    generator: Generator,
    judge: Callable[[Tensor], Tensor],
    count: int,
    *,
    psi: float = 1.0,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw samples and score each picture.

    Args:
        generator: What draws.
        judge: Gives scores [N] of images [N, 3, H, W] in [-1, 1].
        count: Samples.
        psi, seed: Of the samples.
        progress: Called with the number of samples that were just done.

    Returns:
        Codes w [N, W] and scores [N].
    """
    codes = random_codes(generator, count, psi=psi, seed=seed)
    scores = []
    for some in codes.split(JUDGED_AT_ONCE):
        images = generator.synthesis(some[:, None].expand(-1, generator.num_ws, -1)).clamp(-1, 1)
        scores.append(judge(images).float().cpu())
        if progress:
            progress(len(some))
    return codes, torch.cat(scores)


def _two_classes(scores: Tensor, threshold: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Which examples to learn from, and the class 0 or 1 of each."""
    values = scores.double().numpy()
    if threshold is not None:
        rows, labels = np.arange(len(values)), values > threshold
    elif len(np.unique(values)) <= 2:
        rows, labels = np.arange(len(values)), values > values.min()
    else:
        low, high = np.quantile(values, [EXTREMES, 1 - EXTREMES])
        rows = np.flatnonzero((values <= low) | (values >= high))
        labels = values[rows] >= high
    counts = int((~labels).sum()), int(labels.sum())
    if min(counts) < FEWEST:
        raise InputError(
            f"too few examples to learn from: {counts[0]} low and {counts[1]} high ones",
            f"give at least {FEWEST} of each, better hundreds",
        )
    return rows, labels.astype(int)


# --- where they are kept ---------------------------------------------------------------------------


def folders_of(model: str) -> list[Path]:
    """Where the directions of a model are looked up: the user's own, then those beside its weights."""
    from ganedit.store import registry

    beside = registry.find(model)
    return [user_folder(model), *([beside / "directions"] if beside else [])]


def user_folder(model: str) -> Path:
    """Where `ganedit direction` keeps what it learns or imports."""
    from ganedit.store import registry

    return registry.user_folder() / "directions" / model


def names_of(model: str) -> list[str]:
    """Every direction known by name for a model, sorted."""
    return sorted({path.stem for folder in folders_of(model) for path in folder.glob(f"*{SUFFIX}")})


def find(name: str, model: str) -> Direction:
    """Open a direction by name, or by path where `name` is one.

    Raises:
        UsageError: No such direction; names the nearest.
        InputError: Its file is damaged.
    """
    if "/" in name or name.endswith((SUFFIX, ".npy", ".npz", ".pt")):
        path = Path(name).expanduser()
        if path.suffix == SUFFIX:
            return Direction.load(path)
        from ganedit.latent.direction_files import import_direction

        return import_direction(path)
    for folder in folders_of(model):
        if (path := folder / f"{name}{SUFFIX}").is_file():
            return Direction.load(path)
    known = names_of(model)
    hint = did_you_mean(name, known) or f"ganedit direction learn {name} --model {model} makes one"
    raise UsageError(f"the model {model} has no direction {name}", hint)
