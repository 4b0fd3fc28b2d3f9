"""Random damage to every reference file: what comes of it is a model, or an error that says so."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

import ganedit
from ganedit.errors import CheckpointError, InputError
from ganedit.latent.directions.foreign import import_directions

SECONDS = float(os.environ.get("GANEDIT_FUZZ_SECONDS", "3"))
GOLDEN = Path(__file__).parents[1] / "golden"
ENDINGS = (".pkl", ".pt", ".pth", ".ckpt", ".bin", ".npy", ".safetensors")
MOST_FLIPS = 64


def damaged(data: bytes, random: np.random.RandomState) -> bytes:
    """Some bytes changed: anywhere, or where the structure is (the start and the end); or cut, or doubled."""
    kind = random.randint(5)
    if kind == 0:
        return data[: random.randint(len(data))]
    if kind == 1:
        at, length = random.randint(len(data)), random.randint(1, 4096)
        return data[:at] + data[at : at + length] * 2 + data[at + length :]
    broken = np.frombuffer(data, dtype=np.uint8).copy()
    reach = len(data) if kind == 2 else min(len(data), 40_000)
    places = random.randint(reach, size=random.randint(1, MOST_FLIPS))
    places = len(data) - 1 - places if kind == 4 else places
    broken[places] = random.randint(256, size=len(places))
    return broken.tobytes()


def test_the_damage_is_damage():
    random = np.random.RandomState(0)
    data = bytes(range(256)) * 40
    assert all(damaged(data, random) != data for _ in range(50))


def test_only_clean_loads_and_checkpoint_errors(tmp_path: Path):
    """Every file of the reference data in turn, until the time (GANEDIT_FUZZ_SECONDS) is up."""
    shared = Path(__file__).resolve().parents[3] / "shared" / "golden"
    folder = shared if shared.is_dir() else GOLDEN
    files = sorted(p for p in folder.rglob("*") if p.suffix in ENDINGS)
    assert len(files) >= 3
    random = np.random.RandomState(int(os.environ.get("GANEDIT_FUZZ_SEED", "0")))
    until = time.monotonic() + SECONDS
    outcomes = {"opened": 0, "refused": 0}
    for path in itertools.cycle(files):
        if time.monotonic() > until:
            break
        target = tmp_path / path.name
        place = target
        if path.name == "pytorch_model.bin":  # in a folder with its config.json
            shutil.copytree(path.parent, tmp_path / path.parent.name, dirs_exist_ok=True)
            place, target = tmp_path / path.parent.name, tmp_path / path.parent.name / path.name
        target.unlink(missing_ok=True)
        target.write_bytes(damaged(path.read_bytes(), random))
        outcomes[attempt(place, target, direction="directions" in path.parts)] += 1
    print(outcomes)
    assert min(outcomes.values()) > 0, "both happen: damage in the numbers goes unnoticed"


def attempt(place: Path, target: Path, *, direction: bool) -> str:
    """ "opened" or "refused"; directions have a reader of their own, and its error."""
    try:
        if direction:
            import_directions(place)
        else:
            ganedit.load(place, device="cpu")
    except InputError if direction else CheckpointError:
        return "refused"
    except BaseException as error:
        kept = Path(os.environ.get("GANEDIT_FUZZ_KEEP", place.parent)) / f"found-{target.name}"
        shutil.copy(target, kept)
        pytest.fail(f"{type(error).__name__}: {error}; the file is kept as {kept}")
    return "opened"
