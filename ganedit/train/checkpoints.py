"""Checkpoints and options of a run."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganedit.errors import CheckpointError, InputError
from ganedit.files import atomic_path, parse_json, read_text
from ganedit.store.architectures import with_current_names
from ganedit.store.weights import under_prefix
from ganedit.train.options.base import LoopOptions
from ganedit.train.options.recipes import RECIPES
from ganedit.train.recipe import Recipe
from ganedit.train.run import Best, Run

CHECKPOINT = "checkpoint.safetensors"
OPTIONS = "options.json"


def save_checkpoint(recipe: Recipe, run: Run, out: Path) -> None:
    """Save everything needed to continue as one safetensors file, which replaces the previous one
    atomically."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    for name, network in recipe.networks.items():
        for key, value in network.state_dict().items():
            tensors[f"network.{name}.{key}"] = value
    for name, optimizer in recipe.optimizers.items():
        for index, slots in optimizer.state_dict()["state"].items():
            for slot, value in slots.items():
                tensors[f"optimizer.{name}.{index}.{slot}"] = torch.as_tensor(value)
    best = asdict(run.best) if run.best else None
    state = {"step": run.step, "recipe": recipe.state(), "best": best}
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
    with atomic_path(out / CHECKPOINT) as path:
        save_file(tensors, path, {"ganedit-checkpoint": json.dumps(state)})


def load_checkpoint(recipe: Recipe, run: Run, out: Path) -> None:
    """Restore what `save_checkpoint` wrote. Raises CheckpointError if it does not fit the recipe."""
    from safetensors import SafetensorError, safe_open

    path = out / CHECKPOINT
    if not path.is_file():
        raise InputError(f"{out} holds no {CHECKPOINT} to resume from", "start a new run: leave `resume` out")
    try:
        with safe_open(path, "pt") as file:
            state = parse_json((file.metadata() or {})["ganedit-checkpoint"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        for name, network in recipe.networks.items():
            network.load_state_dict(with_current_names(under_prefix(tensors, f"network.{name}.")))
        for name, optimizer in recipe.optimizers.items():
            _load_optimizer(optimizer, under_prefix(tensors, f"optimizer.{name}."))
        recipe.load_state(state["recipe"])
        run.step = int(state["step"])
        run.best = Best(**state["best"]) if state.get("best") else None
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path} does not fit this run: {reason}", "start a new run folder") from error


def _load_optimizer(optimizer: torch.optim.Optimizer, flat: dict[str, Tensor]) -> None:
    """Load an optimiser's state; parameters are numbered like in the optimiser."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        index, slot = key.split(".", 1)
        state.setdefault(int(index), {})[slot] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def save_options(options: LoopOptions, out: Path, **more: Any) -> None:
    """Write the resolved options to the run's folder, for information and for resuming."""
    out.mkdir(parents=True, exist_ok=True)
    with atomic_path(out / OPTIONS) as path:
        path.write_text(json.dumps({**more, **asdict(options)}, indent=2, default=os.fspath) + "\n")


def read_options(out: Path) -> dict[str, Any]:
    """Read what `save_options` wrote."""
    try:
        values = parse_json(read_text(out / OPTIONS))
        if not {"data", "recipe"} <= set(values):
            raise ValueError("it names no data")
        renamed = {f.metadata.get("was"): f.name for f in fields(RECIPES[values["recipe"]])}
        return {renamed.get(name, name): value for name, value in values.items()}
    except (OSError, LookupError, ValueError, TypeError) as error:
        raise InputError(
            f"{out} is not a training run: no readable {OPTIONS}",
            "name the folder of one, or leave `resume` out",
        ) from error
