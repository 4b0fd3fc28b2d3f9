"""`ganedit train RECIPE`: one sub-command per recipe, its flags the fields of the recipe's options."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from ganedit.cli.kit.context import Console
from ganedit.compute import TRAINING_DTYPES
from ganedit.errors import UsageError
from ganedit.train.options.base import LoopOptions, flag_of
from ganedit.train.options.recipes import RECIPES

if TYPE_CHECKING:
    from ganedit.train.logs import Report

FROM_GLOBALS = {"seed", "precision"}  # --seed and --dtype serve every command


def _command(name: str) -> Callable[..., None]:
    """The function that typer calls for a recipe."""
    kind = RECIPES[name]
    shown = [f for f in fields(kind) if f.name not in FROM_GLOBALS and f.name != "data"]
    hints = get_type_hints(kind)

    def command(console: Console, data: list[str] | None, out: Path, resume: bool, **given: Any) -> None:
        _train(console, name, data or [], out, resume, given)

    help_of_data = next(f for f in fields(kind) if f.name == "data").metadata["help"]
    parameters = [
        _parameter("console", Console),
        _parameter("data", Annotated[list[str] | None, typer.Argument(help=help_of_data)], None),
        _parameter("out", Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")]),
        _parameter("resume", Annotated[bool, typer.Option("--resume", help="Go on with that run.")], False),
    ]
    for f in shown:
        flag = flag_of(f.name)
        names = [f"{flag}/{flag.replace('--', '--no-', 1)}"] if hints[f.name] is bool else [flag]
        names += [flag_of(was)] if (was := f.metadata.get("was")) else []
        text = f.metadata.get("help", "")
        default = f"[default: {f.default}]" if f.default != "" else ""
        info = typer.Option(*names, help=f"{text} {default}".strip(), show_default=False)
        # None tells a flag that was not given: a resumed run keeps what it was started with.
        parameters.append(_parameter(f.name, Annotated[hints[f.name] | None, info], None))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__doc__ = kind.__doc__
    return command


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _train(
    console: Console, name: str, data: list[str], out: Path, resume: bool, given: dict[str, Any]
) -> None:
    from ganedit.train.checkpoints import load_checkpoint, save_options
    from ganedit.train.loop import train
    from ganedit.train.run import Run, start_fabric

    options = _options(console, name, data, out, resume, given)
    fabric = start_fabric(console.options.device, options.devices)
    recipe_module = importlib.import_module("ganedit.train.recipes." + name.replace("-", "_"))
    with console.progress("reading data") as bar:
        recipe = recipe_module.start(options, fabric.device, console.note, bar.update)
    run = Run(fabric, options)
    if resume:
        load_checkpoint(recipe, run, out)  # before the new options are written: they may not suit it
    if fabric.is_global_zero:
        save_options(options, out, recipe=name)
    with console.progress("training", total=options.kimg) as bar:
        bar.update(run.images_seen / 1000)

        def on_report(report: Report) -> None:
            speed = f"training, {report.images_per_second:.0f} {options.items}/s"
            bar.update(report.images / 1000, text=speed)
            if not console.stderr.isatty():
                console.note(_line(report, options.items))

        train(recipe, run, out, on_report=on_report)
    if fabric.is_global_zero:
        console.emit(out / "model", recipe=name, **{options.items: run.images_seen})


def _options(
    console: Console, name: str, data: list[str], out: Path, resume: bool, given: dict[str, Any]
) -> LoopOptions:
    """The resolved options: defaults, then those of the resumed run, then the flags."""
    from ganedit.train.checkpoints import CHECKPOINT, read_options

    if console.options.dtype not in TRAINING_DTYPES:
        raise UsageError(f"training does not work in {console.options.dtype}", "choose float32 or bfloat16")
    values: dict[str, Any] = {"seed": console.options.seed, "precision": console.options.dtype}
    if resume:
        values = read_options(out)
        if console.options.dtype != "auto":
            values["precision"] = console.options.dtype
        if values.pop("recipe", name) != name:
            raise UsageError(f"{out} is a run of another recipe", "see options.json in it")
        if data and list(values["data"]) != data:
            before = ", ".join(values["data"])
            raise UsageError(f"{out} was trained on {before}", "leave the data out with --resume")
    elif (out / CHECKPOINT).exists() and not console.options.force:
        raise UsageError(f"{out} holds a run already", "--resume continues it, --force starts over")
    elif not data and RECIPES[name].takes_data:
        raise UsageError("no data was named", f"ganedit train {name} DATA --out {out}")
    if data:
        values["data"] = data
    values |= {key: value for key, value in given.items() if value is not None}
    values["data"] = tuple(values.get("data", ()))
    return RECIPES[name](**values)


def _line(report: Report, items: str) -> str:
    hours, seconds = divmod(int(report.seconds_left), 3600)
    stats = ", ".join(f"{key} {value:.3g}" for key, value in report.stats.items())
    return (
        f"{report.images / 1000:.1f} kimg, {report.images_per_second:.1f} {items}/s, "
        f"{hours}:{seconds // 60:02d} h left, {stats}"
    )


COMMANDS = {name: _command(name) for name in RECIPES}
