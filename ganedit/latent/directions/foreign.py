"""Directions in the files of other programs.

A boundary of InterFaceGAN, or a .pt file that comes with encoder4editing, is one array. GANSpace's .npz and
the `ffhq_pca.pt` of encoder4editing hold a set of principal components with their standard deviations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import InputError, UsageError
from ganedit.latent.directions.direction import Direction
from ganedit.latent.sampling import SIGMA_SAMPLES, random_codes, spread_along
from ganedit.store.arrays import as_numbers, read_arrays, write_array

if TYPE_CHECKING:
    from ganedit.store.models import Generator

HINT = "give an array of numbers, [1, W], [W], [L, W] or [1, L, W], in a .npy, .npz or .pt file"
SETS = (("lat_comp", "lat_stdev"), ("comp", "std"))
"""Names of the arrays with components and standard deviations: GANSpace's for codes, not activations, and
encoder4editing's."""


def import_directions(path: str | Path, name: str | None = None) -> list[Direction]:
    """Read directions from a file of research code: .npy, .npz or .pt. Code in the file is never run.

    One array [1, W], [W], [L, W] or [1, L, W] is one direction; a set of components [K, 1, W] becomes NAME-0,
    NAME-1 and so on. Each is brought to unit length. Its sigma is that of the file, or 1:
    `measured_on` measures it on the codes of a model.

    Args:
        path: The file.
        name: Name of the direction; None takes that of the file.

    Returns:
        The directions, whose model is unknown.

    Raises:
        InputError: The file is missing or damaged, or holds no array of such a shape.

    Examples:
        >>> import numpy as np
        >>> np.save("age.npy", np.ones((1, 512)))
        >>> (age,) = ganedit.import_directions("age.npy")
        >>> age.name, age.vector.shape
        ('age', torch.Size([512]))
    """
    path = Path(path)
    name = name or path.stem
    content = read_arrays(path, "a direction", HINT)
    if not isinstance(content, Mapping):
        return [_direction(path, name, content)]
    for components, deviations in SETS:
        if components in content:
            return _components(path, name, content[components], content.get(deviations))
    if len(content) != 1:
        some = ", ".join(str(key)[:30] for key in list(content)[:5])
        raise InputError(
            f"{path.name} holds {len(content)} arrays ({some}), not one",
            "save the direction's array alone, or a set of components as comp and std",
        )
    return [_direction(path, name, next(iter(content.values())))]


def import_direction(path: str | Path, name: str | None = None) -> Direction:
    """Like `import_directions`, but only for files with a single direction.

    Raises:
        InputError: as there, or the file holds several.
    """
    directions = import_directions(path, name)
    if len(directions) > 1:
        raise InputError(
            f"{Path(path).name} holds {len(directions)} directions",
            f"ganedit direction import {path} imports them all, each under its own name",
        )
    return directions[0]


def _components(path: Path, name: str, components: Any, deviations: Any) -> list[Direction]:
    array = _numbers(path, components)
    if array.ndim == 3 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 2:
        raise InputError(f"{path.name} holds components of shape {list(array.shape)}", "[K, W] are known")
    sigmas = np.ones(len(array)) if deviations is None else _numbers(path, deviations).reshape(-1)
    if len(sigmas) != len(array):
        raise InputError(f"{path.name} holds {len(array)} components, but {len(sigmas)} standard deviations")
    return [
        _direction(path, f"{name}-{i}", vector, float(sigma))
        for i, (vector, sigma) in enumerate(zip(array, sigmas, strict=True))
    ]


def _direction(path: Path, name: str, value: Any, sigma: float = 1.0) -> Direction:
    array = _numbers(path, value)
    while array.ndim in (2, 3) and array.shape[0] == 1:
        array = array[0]
    if array.ndim not in (1, 2):
        raise _not_a_direction(path, array)
    vector = torch.from_numpy(array.astype(np.float64))
    length = float(vector.norm())
    if not (math.isfinite(length) and length > 0):
        raise InputError(
            f"{path.name} holds a direction of length {length}", "it must be finite, and not zero"
        )
    return Direction(name, (vector / length).float(), sigma, method=f"imported from {path.name}")


def _not_a_direction(path: Path, value: Any) -> InputError:
    array = np.asarray(value)
    return InputError(
        f"{path.name} holds {array.dtype} of shape {list(array.shape)}, which is not a direction",
        "a direction is one array of shape [1, W], [W], [L, W] or [1, L, W]",
    )


def _numbers(path: Path, value: Any) -> np.ndarray:
    array = as_numbers(value)
    if array is None:
        raise _not_a_direction(path, value)
    return array


def measured_on(generator: Generator, directions: Sequence[Direction]) -> list[Direction]:
    """Directions of other programs as directions of a generator, with sigmas measured on its codes.

    Args:
        generator: The generator that they are for.
        directions: From `import_directions`.

    Returns:
        The directions, with its name and checksums.

    Raises:
        InputError: A direction for codes of another size.
    """
    for one in directions:
        one.check_model(generator)
    codes = random_codes(generator, SIGMA_SAMPLES)
    return [
        replace(one, sigma=spread_along(one.vector, _shaped(codes, one, generator)), **generator.identity)
        for one in directions
    ]


def _shaped(codes: Tensor, direction: Direction, generator: Generator) -> Tensor:
    """Codes [N, W] in the shape of a direction: with a row per layer if it has several."""
    return codes if direction.vector.ndim == 1 else codes[:, None].expand(-1, generator.num_ws, -1)


def export_direction(direction: Direction, path: str | Path) -> Path:
    """Write the unit vector of a direction for other programs; sigma and the record are not part of the file.

    Args:
        direction: A direction of codes (space "w").
        path: Ends in .npy, .npz or .pt.

    Returns:
        The path; the file holds float32 [1, W] or [L, W].

    Raises:
        UsageError: Another suffix; or a direction of styles, for which there is no common format.
        InputError: The file cannot be written.

    Examples:
        >>> path = ganedit.export_direction(ganedit.direction("smile", "faces"), "smile.npy")
        >>> (again,) = ganedit.import_directions(path)
        >>> round(float(again.vector.norm()), 4)
        1.0
    """
    path = Path(path)
    if direction.space == "s":
        raise UsageError(f"the direction {direction.name} changes styles, and such files hold codes w")
    return write_array(path, torch.atleast_2d(direction.vector).float().contiguous(), "direction")
