"""`ganedit doctor`: check whether this installation is complete, and what it can use."""

from __future__ import annotations

import os
import platform
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from ganedit import __version__
from ganedit.cli.kit.batch import BatchFailed
from ganedit.cli.kit.context import Console
from ganedit.errors import CheckpointError, MissingError, UsageError
from ganedit.store import registry
from ganedit.store.downloads.pulling import STAGING
from ganedit.store.swapping import leftovers

LPIPS_WEIGHTS = "vgg16-397923af.pth"  # torchvision's file name
FETCH_LPIPS = "python -c \"import torchvision; torchvision.models.vgg16(weights='IMAGENET1K_V1')\""


def command(console: Console) -> None:
    """Print versions, devices, models, and what is missing, with the command to install it.

    Exits with 4 if a model is damaged, with 5 if a required package is missing, with 2 if the folder of your
    models cannot be used.
    """
    packages, absent = _packages()
    unusable = _unusable_folder()
    models, damaged = _models() if "torch" in packages and not unusable else ([], False)
    data: dict[str, Any] = {
        "ganedit": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages,
        "devices": list(_devices()) if "torch" in packages else [],
        "models": models,
        "missing": absent + (unusable or _absent_models()) + _optional(packages),
        "unfinished": [] if unusable else [str(path) for path in _unfinished()],
    }
    console.answer(_report(data), data)
    if damaged:
        raise BatchFailed(CheckpointError.exit_status)
    if absent:
        raise BatchFailed(MissingError.exit_status)
    if unusable:
        raise BatchFailed(UsageError.exit_status)


def _report(data: dict[str, Any]) -> str:
    lines = [f"ganedit {data['ganedit']}, Python {data['python']}, {data['platform']}", "", "packages"]
    lines += [f"  {name:<28} {installed}" for name, installed in data["packages"].items()]
    lines += ["", "devices"]
    lines += [f"  {d['device']:<28} {d['name']}, {d['memory_gib']:.1f} GiB" for d in data["devices"]]
    lines += ["", "models"]
    lines += [f"  {m['name']:<28} {m['state']}" for m in data["models"]] or ["  none"]
    if data["missing"]:
        lines += ["", "missing"]
        lines += [f"  {m['name']:<28} {m['for']}: {m['command']}" for m in data["missing"]]
    if data["unfinished"]:
        lines += ["", "unfinished, of a running command or one that was killed"]
        lines += [f"  {path}" for path in data["unfinished"]]
    return "\n".join(lines)


def _unusable_folder() -> list[dict[str, str]]:
    """What is wrong with the folder of the user's models."""
    try:
        registry.user_folder()
    except UsageError as error:
        return [{"name": "folder of your models", "for": error.message, "command": error.hint}]
    return []


def _unfinished() -> list[Path]:
    """Files and folders of imports and downloads that have not ended, or not well."""
    folder = registry.user_folder()
    staging = folder / STAGING
    return leftovers(folder) + sorted(staging.iterdir() if staging.is_dir() else ())


def _packages() -> tuple[dict[str, str], list[dict[str, str]]]:
    """Versions of the packages that ganedit requires, and those that are missing."""
    versions, absent = {}, []
    for name in _required():
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            absent.append({"name": name, "for": "required", "command": f"pip install {name}"})
    return versions, absent


def _required() -> list[str]:
    try:
        lines = requires("ganedit") or []
    except PackageNotFoundError:  # running from a clone that is not installed
        project = Path(__file__).resolve().parents[2] / "pyproject.toml"
        lines = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    return sorted(re.split(r"[\s<>=!~;\[]", line)[0] for line in lines if "extra ==" not in line)


def _devices() -> Iterator[dict[str, Any]]:
    import torch

    from ganedit.compute import has_bfloat16

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    bfloat16 = "bfloat16" if has_bfloat16(torch.device("cpu")) else "no bfloat16 in hardware"
    cores = f"{platform.machine()}, {torch.get_num_threads()} threads, {bfloat16}"
    yield {"device": "cpu", "name": cores, "memory_gib": memory / 2**30}
    for i in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(i)
        yield {"device": f"cuda:{i}", "name": gpu.name, "memory_gib": gpu.total_memory / 2**30}


def _models() -> tuple[list[dict[str, str]], bool]:
    """Every model with its state, and whether one is damaged."""
    from ganedit.store.load import verify

    states, damaged = [], False
    for name in registry.names():
        try:
            verify(registry.folder_of(name))
            state = "verified"
        except CheckpointError as error:
            state, damaged = error.message, True
        states.append({"name": name, "state": state})
    return states, damaged


def _absent_models() -> list[dict[str, str]]:
    """Bundled models that are missing in this installation."""
    absent = [name for name in registry.BUNDLED if registry.find(name) is None]
    again = "pip install --force-reinstall --no-deps ganedit, or fetch the clone again with its weights"
    return [{"name": f"model {name}", "for": "bundled with ganedit", "command": again} for name in absent]


def _optional(packages: dict[str, str]) -> list[dict[str, str]]:
    """Missing parts that only some commands use."""
    missing = []
    try:
        version("tensorboard")
    except PackageNotFoundError:
        missing.append({"name": "tensorboard", "for": "curves of ganedit train",
                        "command": "pip install tensorboard"})  # fmt: skip
    if "torch" in packages:
        import torch

        if not os.path.exists(os.path.join(torch.hub.get_dir(), "checkpoints", LPIPS_WEIGHTS)):
            missing.append({"name": "LPIPS weights", "for": "ganedit project --perceptual lpips (528 MB)",
                            "command": FETCH_LPIPS})  # fmt: skip
    return missing
