"""Opens checkpoints of other programs, and recognises what they are by their content.

A file's container is opened first (`open_container`), then each reader of `formats/` is asked, in the order
of FORMATS, whether it knows the content. A reader is a module with

    FAMILY: str                                  what users call such files
    read(content: Any) -> Foreign | None         None if the content is of another family

It raises CheckpointError if the content is of its family but damaged or not supported; `open_foreign` adds
the file's name, and turns errors caused by missing pieces into a CheckpointError.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ganedit.errors import CheckpointError, UsageError
from ganedit.files import NCNN_LAYERS, first_bytes, parse_json, read_text
from ganedit.store.formats.state_dicts import state_dict

FORMATS = (
    "ncnn",
    "nvlabs",
    "rosinality",
    "genforce",
    "biggan",
    "psp",
    "cyclegan",
    "mmediting",
    "pix2pixhd",
    "spade",
    "stargan",
    "unit",
    "srgan",
    "inception",
    "esrgan",
    "compact",
    "super_resolution",
)
"""Readers in `formats/`, by module name, the more specific ones first."""

PICKLED = (b"PK\x03\x04", b"\x80", b"(", b"c", b"}", b"]")
"""First bytes of PyTorch's archives, and of pickles of every protocol."""
NCNN_MAGIC = b"\x47\x6b\x30\x01"
"""First bytes of NCNN's .bin files, if their first weights have 16 bits."""
KINDS = {
    b"<": "it is a web page, such as a download site shows instead of the file",
    b"version https:": "it only points to a file that Git LFS keeps: git lfs pull gets it",
    b"\x93NUMPY": "it is a NumPy array; ganedit direction import and ganedit latent import take such files",
    b"\x89HDF": "it is an HDF5 file, as of Keras",
    b"\x1f\x8b": "it is compressed: gunzip it first",
    b"\x89PNG": "it is a PNG image",
    b"\xff\xd8\xff": "it is a JPEG image",
    b"\x08": "it looks like an ONNX or TensorFlow file",
}
"""Files that users pass by mistake, by their first bytes."""

SHOWN = 8  # top-level keys in a message
MOST_NETWORKS = 16  # in a file


@dataclass(frozen=True)
class NetworkWeights:
    """A network of `store.architectures`, and all of its tensors."""

    architecture: str
    config: Mapping[str, Any]
    state: Mapping[str, Tensor]


@dataclass(frozen=True)
class Foreign:
    """Content of a foreign checkpoint, in ganedit's terms.

    Attributes:
        family: The file's format, such as "stylegan2-ada-pytorch".
        task: One of `store.cards.TASKS`.
        weights: The network.
        resolution: Pixels, if the network has a fixed one.
        discriminator: That of a generator, if the file holds it.
        value_range: Range of the pixel values.
        template: Alignment of its faces, if the file says so.
        details: Further entries for the model's card.
        notes: A sentence for the user, if something is worth knowing.
    """

    family: str
    task: str
    weights: NetworkWeights
    resolution: int = 0
    discriminator: NetworkWeights | None = None
    value_range: tuple[float, float] = (-1.0, 1.0)
    template: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    notes: str = ""


def open_foreign(path: str | Path, network: str = "") -> Foreign:
    """Read a checkpoint of another program without running anything from it.

    Args:
        path: A PyTorch file, a network pickle, a .safetensors without ganedit's metadata, or a folder with
            config.json and pytorch_model.bin.
        network: Which one of the networks in the file, such as "netG_A"; empty if there is only one.

    Raises:
        CheckpointError: damaged, hostile or of no known kind, or with several networks; says what was found
            and what is supported.
        UsageError: there is no such network in the file.
    """
    path = Path(path)
    content = open_container(path)
    found = None if network else _recognised(content, path)
    if found is not None:
        return found
    inside = _networks_in(content, path)
    if network and network not in inside:
        some = ", ".join(inside) or "no networks with names"
        raise UsageError(f"{path.name} holds no network {network}", f"it holds {some}")
    if network or len(inside) == 1:
        name = network or next(iter(inside))
        notes = "; ".join(filter(None, [f"the network {name} of its file", inside[name].notes]))
        return replace(inside[name], notes=notes)
    if inside:
        raise CheckpointError(
            f"{path.name} holds {len(inside)} networks: {', '.join(inside)}",
            f"import one of them, such as `network={next(iter(inside))}`",
        )
    raise CheckpointError(
        f"{path.name} is of no kind that ganedit knows; it holds {outline(content)}", supported()
    )


def _networks_in(content: Any, path: Path, depth: int = 3) -> dict[str, Foreign]:
    """The networks in a file that holds several, by the names or prefixes that training frameworks give them.

    Discriminators count only if there is nothing else. Of a network and its average, NAME and NAME_ema, only
    the average counts.
    """
    found: dict[str, Foreign] = {}
    for name, part in list(_parts(content).items())[:MOST_NETWORKS]:
        try:
            one = _recognised(part, path)
        except CheckpointError:  # of something else, which looks like a known network
            continue
        if one is not None:
            found[name] = one
        elif depth > 1:
            inner = _networks_in(part, path, depth - 1)
            found |= {f"{name}.{other}": network for other, network in inner.items()}
    makers = {name: one for name, one in found.items() if one.task != "discriminator"}
    return {name: one for name, one in (makers or found).items() if f"{name}_ema" not in found}


def _parts(content: Any) -> dict[str, Any]:
    """Tensors by the first part of their names, or dictionaries of tensors by their keys."""
    state = state_dict(content)
    if state is None:
        items = content.items() if isinstance(content, Mapping) else ()
        return {str(key)[:40]: value for key, value in items if isinstance(value, Mapping)}
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        first, _, rest = name.partition(".")
        if rest:
            parts.setdefault(first[:40], {})[rest] = tensor
    return {name: part for name, part in parts.items() if len(part) < len(state) or len(parts) == 1}


def _recognised(content: Any, path: Path) -> Foreign | None:
    """What the first reader that knows the content makes of it."""
    for name in FORMATS:
        reader = importlib.import_module(f"ganedit.store.formats.{name}")
        try:
            foreign: Foreign | None = reader.read(content)
        except CheckpointError as error:
            raise CheckpointError(f"{path.name}: {error.message}", error.hint) from None
        except (LookupError, AttributeError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
            what = f"{type(error).__name__} {error}".splitlines()[0][:100]
            raise CheckpointError(
                f"{path.name} looks like a file of {reader.FAMILY}, but is incomplete ({what})",
                "download or copy it again",
            ) from error
        if foreign is not None:
            return foreign
    return None


def open_container(path: Path) -> Any:
    """The plain values, tensors and stand-ins in a file, or in the two files of a folder, by name."""
    from ganedit.store.ncnn import read_graph
    from ganedit.store.pickles.unpickle import read_pickled
    from ganedit.store.weights import read_weights

    if path.is_dir():
        return _open_folder(path)
    start = first_bytes(path)
    if path.suffix == NCNN_LAYERS or start.startswith(NCNN_MAGIC):
        return read_graph(path)
    if start[8:9] == b"{":
        return read_weights(path)[0]
    if not start.startswith(PICKLED):
        kind = next(
            (what for magic, what in KINDS.items() if start.startswith(magic)),
            f"it starts with {start[:8]!r}",
        )
        raise CheckpointError(
            f"{path.name} is not a checkpoint: {kind if start else 'it is empty'}", supported()
        )
    return read_pickled(path)


def _open_folder(folder: Path) -> dict[str, Any]:
    """Content of a folder of pytorch-pretrained-BigGAN."""
    from ganedit.store.pickles.unpickle import read_pickled

    config, weights = folder / "config.json", folder / "pytorch_model.bin"
    if not (config.is_file() and weights.is_file()):
        raise CheckpointError(
            f"the folder {folder} holds no card.toml, nor config.json with pytorch_model.bin", supported()
        )
    try:
        values = parse_json(read_text(config))
    except ValueError as error:
        raise CheckpointError(f"{config} is not valid JSON: {error}", "download or copy it again") from error
    return {config.name: values, weights.name: read_pickled(weights)}


def supported() -> str:
    """The families that ganedit reads, in a sentence."""
    families = (importlib.import_module(f"ganedit.store.formats.{name}").FAMILY for name in FORMATS)
    return (
        f"ganedit opens its own models, and files of {', '.join(families)}; docs/formats has a page on each"
    )


def outline(content: Any) -> str:
    """Describe the top level of a file's content in a few words."""
    if isinstance(content, Mapping):
        names = [str(k)[:40] for k in content]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return f"{', '.join(names[:SHOWN]) or 'nothing'}{more}"
    if isinstance(content, list | tuple):
        kinds = sorted({type(x).__name__ for x in content[:100]})
        return f"a list of {len(content)} ({', '.join(kinds)[:80]})"
    if isinstance(content, Tensor):
        return f"a tensor {list(content.shape)}"
    return f"a {getattr(content, 'class_name', type(content).__name__)}"[:100]
