"""`ganedit info`: show what a file says about itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ganedit.cli.kit.batch import run_batch
from ganedit.cli.kit.context import Console
from ganedit.errors import CheckpointError, InputError
from ganedit.files import IMAGE_SUFFIXES, SOUND_SUFFIXES, parse_json

PICKLES = (".pkl", ".pt", ".pth", ".ckpt")
OTHERS = {
    "use": "a latent (ganedit latent import) or a direction (ganedit direction import) without its model"
}
UNKNOWN = {"provenance": "none: not written by ganedit, or with --no-provenance"}


def command(
    console: Console,
    inputs: Annotated[
        list[str] | None, typer.Argument(help="Images, sounds, latents, directions, model files.")
    ] = None,
) -> None:
    """Show how an image or sound was made, or what a latent, direction or weights file contains."""

    def work(path: Path) -> tuple[()]:
        if path.suffix in (".npy", ".npz"):
            about = _of_arrays(path)
        elif path.suffix in PICKLES:
            about = _of_pickle(console, path)
        elif path.suffix == ".safetensors":
            about = _of_tensors(path)
        else:
            about = _of_sound(path) if path.suffix.lower() in SOUND_SUFFIXES else _of_picture(path)
        shown = about | ({"source": _near(about["source"])} if about.get("source") else {})
        console.answer("\n".join([str(path), *_lines(shown)]), {"path": str(path), **about})
        return ()

    run_batch(console, inputs, work, suffixes=(*IMAGE_SUFFIXES, *SOUND_SUFFIXES, ".safetensors"))


def _of_picture(path: Path) -> dict[str, Any]:
    from ganedit.images.io import read_provenance

    return read_provenance(path) or UNKNOWN


def _of_sound(path: Path) -> dict[str, Any]:
    from ganedit.audio.files import open_sound
    from ganedit.images.provenance import parse_record

    with open_sound(path) as reader:
        return parse_record(reader.comment) or UNKNOWN


def _of_pickle(console: Console, path: Path) -> dict[str, Any]:
    """The card of a network pickle, as far as the file has the information, or the arrays in it."""
    try:
        card = asdict(console.load(path).card)
    except CheckpointError as error:
        try:
            return _of_arrays(path)
        except InputError:
            raise error from None
    return {key: value for key, value in card.items() if value not in ("", None, [], (), {})}


def _of_arrays(path: Path) -> dict[str, Any]:
    """The sizes of the arrays in a file of another program."""
    from ganedit.store.arrays import shapes_in

    return {"tensors": shapes_in(path, "arrays", "give a .npz, .npy or .pt file of arrays"), **OTHERS}


def _of_tensors(path: Path) -> dict[str, Any]:
    """The metadata of a ganedit file, and the sizes of its tensors, or their number if there are many."""
    from ganedit.store.weights import check_header

    try:
        header = check_header(path)
    except CheckpointError as error:
        raise InputError(error.message, error.hint) from error
    metadata = header.pop("__metadata__", None) or {}
    try:
        about = parse_json(metadata["ganedit"])
    except (KeyError, ValueError, TypeError):
        about = {}
    about = dict(about) if isinstance(about, dict) else {}
    shapes = {name: entry["shape"] for name, entry in header.items()}
    if len(shapes) > 12:
        return about | {"tensors": f"{len(shapes)} tensors"}
    return about | {
        "tensors": {name: "x".join(map(str, shape)) or "scalar" for name, shape in shapes.items()}
    }


def _lines(about: dict[str, Any]) -> Iterator[str]:
    """A line for each entry; for the parameters of a command one for each that was given."""
    for key, value in about.items():
        if key == "parameters" and isinstance(value, dict):
            given = {k: v for k, v in value.items() if k != "request" and v is not None}
            yield from (f"  {name.replace('_', ' '):<20} {_plain(one)}" for name, one in given.items())
        else:
            yield f"  {key:<20} {_plain(value)}"


def _near(source: Any) -> Any:
    """The path of a photo from here; only its name if it lies elsewhere."""
    path = Path(str(source))
    if not path.is_absolute():
        return source
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else path.name


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list | tuple):
        return "; ".join(_plain(v) for v in value) or "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
