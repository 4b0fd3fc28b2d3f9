"""Directions learned from codes with scores: the normal of a linear classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganedit.errors import InputError
from ganedit.latent.directions.direction import Direction
from ganedit.latent.sampling import spread_along

HELD_OUT = 0.2  # share of the examples that is held out to measure the accuracy
EXTREMES = 0.3  # share at either end of a range of scores that forms a class
LOOSENESS = 0.01  # inverse of the regularisation, which is strong: the normal leans to where codes vary most
FEWEST = 10  # examples per class


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
        scores: [N]. Two distinct values are the classes; of more values, the lowest and highest 30% are the
            classes, unless `threshold` divides them.
        name: Name of the direction; a positive magnitude raises the score.
        threshold: Scores above it are one class, the rest the other.
        preserve: Directions whose attributes should not change: parts shared with their normals are removed.
        spread: Random codes like `codes` for measuring sigma; None means `codes` themselves.
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
    examples = (flat[rows] - centre) / scale  # one scale for all axes keeps the normal perpendicular
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
    """The unit vector closest to `vector` along which the classifiers of the others do not change.

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
    left: Tensor = flat - basis @ (basis.T @ flat)
    if float(left.norm()) < 1e-3 * float(flat.norm()):
        raise InputError("nothing is left of the direction without what it shares with the preserved ones")
    return F.normalize(left, dim=0).float().view_as(vector)


def _two_classes(scores: Tensor, threshold: float | None) -> tuple[np.ndarray, np.ndarray]:
    """The examples to learn from, and their classes 0 or 1."""
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
