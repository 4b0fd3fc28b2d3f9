"""Latents in the files of other programs.

`projected_w.npz` of stylegan2-ada and stylegan3 (key `w`), .npy files, the .pt files of encoder4editing and
PTI (an array, or codes by name), those of rosinality's projector (`latent` by name), and InterFaceGAN's
`w.npy`; and the .npy files in which HyperStyle and ReStyle pickle codes by name.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganedit.errors import CheckpointError, InputError
from ganedit.files import ARRAY_SUFFIXES
from ganedit.latent.latent import Latent
from ganedit.store.arrays import as_numbers, read_arrays, write_array
from ganedit.store.models import Generator

LOG = logging.getLogger(__name__)
HINT = "give codes [N, L, W], [L, W] or [N, W] in a .npz, .npy or .pt file"
KEYS = ("w", "ws", "latent", "latents", "w_plus")
"""Names of the array with the codes where a file holds several arrays."""
STYLEGAN_ROWS = range(8, 19, 2)  # of a StyleGAN or StyleGAN2 of 32 to 1024 pixels


def is_foreign(path: Path) -> bool:
    """Whether a file, by its name, may hold latents of another program."""
    return path.suffix.lower() in ARRAY_SUFFIXES


def import_latents(path: str | Path, generator: Generator, name: str | None = None) -> dict[str, Latent]:
    """Read latents from a file of research code: .npz, .npy or .pt. Code in the file is never run.

    Codes [N, L, W], [L, W], and with one code for all layers [N, W] or [W], are known; so are dictionaries of
    them by name. The file does not say which model its codes belong to: only their size is checked.

    Args:
        path: The file.
        generator: The generator that the codes were made with.
        name: Name of the latent; None takes that of the file. Of several, those without a name of their own
            are NAME-0, NAME-1 and so on.

    Returns:
        The latents by name, in their order.

    Raises:
        InputError: The file is missing or damaged, or holds no codes.
        CheckpointError: The codes are those of a model of another size; the error says which.

    Examples:
        >>> import numpy as np
        >>> faces = ganedit.load("faces")
        >>> np.savez("projected_w.npz", w=np.zeros((1, faces.num_ws, faces.w_dim), "float32"))
        >>> latents = ganedit.import_latents("projected_w.npz", faces)
        >>> list(latents), latents["projected_w"].ws.shape == (faces.num_ws, faces.w_dim)
        (['projected_w'], True)
    """
    path = Path(path)
    generator.need_styles()
    content = read_arrays(path, "latents", HINT)
    found: dict[str, Latent] = {}
    for label, value in _entries(path, content, name or path.stem):
        codes = _codes(path, value, generator)
        for number, ws in enumerate(codes):
            key = label if len(codes) == 1 else f"{label}-{number}"
            while key in found:
                key += "-2"
            space = "w" if bool((ws == ws[:1]).all()) else "w+"
            found[key] = Latent(
                ws.clone(), **generator.identity, space=space, template=generator.card.template
            )
    return found


def _entries(path: Path, content: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Arrays of codes in a file, by the names that they give to latents."""
    if not isinstance(content, Mapping):
        yield name, content
        return
    for key in KEYS:
        if key in content:
            yield name, content[key]
            return
    if len(content) == 1 and path.suffix == ".npz":
        yield name, next(iter(content.values()))
        return
    for number, (key, value) in enumerate(content.items()):
        value = value.get("latent") if isinstance(value, Mapping) else value
        if as_numbers(value) is None:
            raise InputError(f"{path.name} holds {str(key)[:40]}, which is not a code", HINT)
        own = re.sub(r"[^\w.-]+", "-", Path(str(key)).stem).strip("-.")[:64]
        yield own or f"{name}-{number}", value
    if not content:
        raise InputError(f"{path.name} holds nothing", HINT)


def _codes(path: Path, value: Any, generator: Generator) -> Tensor:
    """Codes [N, L, W] of an array for this generator."""
    array = as_numbers(value)
    if array is None or array.dtype.kind != "f" or array.ndim not in (1, 2, 3):
        what = "no numbers" if array is None else f"{array.dtype} of shape {list(array.shape)}"
        raise InputError(f"{path.name} holds {what}, which are not codes", HINT)
    rows, width, shape = generator.num_ws, generator.w_dim, list(array.shape)
    one_code = array.ndim == 2 and (array.shape[0] == rows or array.shape[0] in STYLEGAN_ROWS)
    if array.ndim < 3:
        array = array[None] if one_code or array.ndim == 1 else array[:, None]
    if array.ndim == 2:
        array = array[None]
    if array.shape[2] != width or array.shape[1] not in (1, rows):
        raise CheckpointError(
            f"{path.name} holds codes {shape}{_origin(array.shape[1])}, the model {generator.name} "
            f"({generator.resolution} pixels) takes [{rows}, {width}]",
            "name the model that they were made with by `model`",
        )
    return torch.from_numpy(array.astype(np.float32)).expand(-1, rows, -1)


def _origin(rows: int) -> str:
    """Which StyleGAN has so many rows, in words; empty if none has."""
    if rows not in STYLEGAN_ROWS:
        return ""
    return f", as of a StyleGAN2 of {2 ** (rows // 2 + 1)} pixels{' or a StyleGAN3' if rows == 16 else ''}"


def export_latents(latents: Latent | Sequence[Latent], path: str | Path) -> Path:
    """Write the codes of latents for other programs; how they were made is not part of the file.

    Args:
        latents: One latent, or several of one model.
        path: Ends in .npz (key `w`, as stylegan2-ada writes it), .npy or .pt.

    Returns:
        The path; the file holds float32 [N, L, W].

    Raises:
        UsageError: Another suffix.
        InputError: A latent was edited in the space s, which codes do not describe; latents of different
            sizes or none; or the file cannot be written.

    Examples:
        >>> faces = ganedit.load("faces")
        >>> (sample,) = ganedit.generate(faces, [7])
        >>> path = ganedit.export_latents(sample.latent, "seed7.npz")
        >>> (again,) = ganedit.import_latents(path, faces).values()
        >>> bool((again.ws == sample.latent.ws).all())
        True
    """
    path = Path(path)
    every = [latents] if isinstance(latents, Latent) else list(latents)
    sizes = sorted({tuple(one.ws.shape) for one in every})
    if len(sizes) != 1:
        what = " and ".join(str(list(size)) for size in sizes) or "none"
        raise InputError(f"latents of one size are written into a file, not {what}", "export them separately")
    for one in every:
        one.check_codes()
    lost = [word for word in ("noise", "tuned") if any(getattr(one, word) for one in every)]
    if lost:
        LOG.warning(
            "%s holds the codes alone, without the latents' own %s: images drawn from it differ",
            path, " and ".join("noise" if word == "noise" else "tuned weights" for word in lost),
        )  # fmt: skip
    return write_array(path, torch.stack([one.ws.float() for one in every]).contiguous(), "w")
