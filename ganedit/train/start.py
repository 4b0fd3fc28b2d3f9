"""Training by the name of a recipe, as in `ganedit train RECIPE`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from ganedit.errors import UsageError, did_you_mean
from ganedit.files import locked
from ganedit.store.swapping import tidy
from ganedit.train.checkpoints import CHECKPOINT, load_checkpoint, read_options, save_options
from ganedit.train.logs import Report
from ganedit.train.loop import train as run_loop
from ganedit.train.options.base import LoopOptions
from ganedit.train.options.recipes import RECIPES
from ganedit.train.run import Run, start_fabric

Stage = Callable[[int, int], None]  # items done, total items


def train(
    recipe: str,
    data: str | Path | tuple[str | Path, ...] = (),
    out: str | Path = "run",
    *,
    resume: bool = False,
    overwrite: bool = False,
    device: str = "auto",
    on_note: Callable[[str], None] | None = None,
    on_load: Stage | None = None,
    on_start: Callable[[Run], None] | None = None,
    on_report: Callable[[Report], None] | None = None,
    **options: Any,
) -> Path:
    """Train a model by one of the recipes, and export it.

    Ctrl-C finishes the step, saves a checkpoint and raises KeyboardInterrupt; `resume=True` then continues,
    on the same machine bit for bit.

    Args:
        recipe: Name of a recipe, such as "stylegan2": a key of `ganedit.train.options.recipes.RECIPES`.
        data: Folder or zip of training data, or several.
        out: Folder of the run: checkpoint, options, logs, sample sheets, and the model in `out`/model.
        resume: Continue the run in `out`; its data and options are kept unless they are given again.
        overwrite: Start over if `out` already holds a run.
        device: "auto", "cpu", "cuda" or "cuda:N".
        on_note: Called with messages about the data and the model to start from.
        on_load: Called with (files read, files in all).
        on_start: Called with the run before its first step.
        on_report: Called every few seconds with speed, remaining time and losses.
        options: Fields of the recipe's options, such as `kimg=100` (thousands of images) or `batch=16`.

    Returns:
        The folder of the exported model.

    Raises:
        UsageError: An unknown recipe, or an option with an invalid value.
        InputError: Data that cannot be read.

    Examples:
        >>> model = ganedit.train_model(
        ...     "pix2pix", ("examples", "examples"), "run", size=32, width=2, d_width=2, batch=1, kimg=0.001
        ... )
        >>> ganedit.load(model).card.architecture
        'unet'
    """
    names = (data,) if isinstance(data, str | Path) else tuple(data)
    out = Path(out)
    resolved = resolve(recipe, tuple(map(str, names)), out, resume=resume, overwrite=overwrite, given=options)
    fabric = start_fabric(device, resolved.devices)
    module = importlib.import_module("ganedit.train.recipes." + recipe.replace("-", "_"))
    made = module.start(resolved, fabric.device, on_note or (lambda text: None), on_load)
    run = Run(fabric, resolved)
    with _only_run_in(out) if fabric.is_global_zero else nullcontext():
        if resume:
            load_checkpoint(made, run, out)  # before the new options are written, as they may not fit it
            run.saved = run.images_seen
        if fabric.is_global_zero:
            save_options(resolved, out, recipe=recipe)
        if on_start:
            on_start(run)
        run_loop(made, run, out, on_report=on_report)
    return out / "model"


@contextmanager
def _only_run_in(out: Path) -> Iterator[None]:
    """Keep other processes out of the folder of a run, and remove what killed ones have left there."""
    with locked(out / ".lock", f"another process is training in {out}"):
        tidy(out, seconds=0)
        yield


def resolve(
    recipe: str,
    data: tuple[str, ...],
    out: Path,
    *,
    resume: bool,
    overwrite: bool,
    given: dict[str, Any],
) -> LoopOptions:
    """The options of a run: defaults, overridden by those of the resumed run, then by those in `given`.

    Raises:
        UsageError: They contradict each other, or do not fit the content of `out`.
        InputError: `out` holds no run to resume.
    """
    if recipe not in RECIPES:
        raise UsageError(f"there is no recipe {recipe}", did_you_mean(recipe, RECIPES))
    values: dict[str, Any] = {}
    if resume:
        values = read_options(out)
        if values.pop("recipe", recipe) != recipe:
            raise UsageError(f"{out} is a run of another recipe", "see options.json in it")
        if data and list(values["data"]) != list(data):
            before = ", ".join(values["data"])
            raise UsageError(f"{out} was trained on {before}", "leave the data out to resume it")
    elif (out / CHECKPOINT).exists() and not overwrite:
        raise UsageError(f"{out} holds a run already", "`resume` continues it, `force` starts over")
    elif not data and RECIPES[recipe].takes_data:
        raise UsageError("no data was named", f"ganedit train {recipe} DATA --out {out}")
    if resume and given.get("preset", values.get("preset")) != values.get("preset"):
        raise UsageError(f"`preset={given['preset']}` cannot change a run that is resumed", "leave it out")
    if data:
        values["data"] = data
    values |= given
    values["data"] = tuple(values.get("data", ()))
    return RECIPES[recipe](**RECIPES[recipe].filled(values))
