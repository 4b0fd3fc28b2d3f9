"""`ganedit train RECIPE`: a sub-command per recipe, whose flags are the fields of the recipe's options."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.failures import with_flags
from ganedit.compute import TRAINING_DTYPES
from ganedit.errors import UsageError
from ganedit.train.options.base import flag_of
from ganedit.train.options.recipes import RECIPES

if TYPE_CHECKING:
    from ganedit.cli.kit.context import Progress
    from ganedit.train.logs import Report
    from ganedit.train.run import Run

FROM_GLOBALS = {"seed", "precision"}  # --seed and --dtype are options of every command


def _command(name: str) -> Callable[..., None]:
    """The typer function for a recipe."""
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
        # None marks a flag that was not given: a resumed run keeps its value.
        parameters.append(_parameter(f.name, Annotated[hints[f.name] | None, info], None))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__doc__ = kind.__doc__
    return command


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _train(
    console: Console, name: str, data: list[str], out: Path, resume: bool, given: dict[str, Any]
) -> None:
    from ganedit.train.start import train

    settings, asked = console.options, {key: value for key, value in given.items() if value is not None}
    if settings.dtype not in TRAINING_DTYPES:
        raise UsageError(f"training does not work in {settings.dtype}", "choose float32 or bfloat16")
    if not resume:
        asked = {"seed": settings.seed, "precision": settings.dtype, **asked}
    elif settings.dtype != "auto":
        asked["precision"] = settings.dtype
    with ExitStack() as stack:
        reading = stack.enter_context(console.progress("reading data"))
        started: list[Run] = []

        def on_start(run: Run) -> None:
            stack.close()  # replace the progress bar of loading by that of training
            started.append(run)
            bars.append(stack.enter_context(console.progress("training", total=run.options.kimg)))
            bars[0].update(run.images_seen / 1000)

        bars: list[Progress] = []

        def on_report(report: Report) -> None:
            items = started[0].options.items
            last = min(report.images + report.images_per_second * report.seconds_left, report.total)
            text = f"training, {report.images_per_second:.0f} {items}/s"
            bars[0].update(report.images / 1000, last / 1000, text)
            if not console.stderr.isatty():
                console.note(_line(report, items))

        try:
            model = train(
                name, tuple(data), out, resume=resume, overwrite=settings.force, device=settings.device,
                on_note=lambda text: console.note(with_flags(text)), on_load=reading.update,
                on_start=on_start, on_report=on_report, **asked,
            )  # fmt: skip
        except KeyboardInterrupt:
            stack.close()
            console.note(_interrupted(name, out, settings.device, started))
            raise
    if started[0].fabric.is_global_zero:
        console.emit(model, recipe=name, **{started[0].options.items: started[0].images_seen})


def _interrupted(name: str, out: Path, device: str, started: list[Run]) -> str:
    """What an interrupted run has saved, and the command that resumes it."""
    if not started or started[0].saved is None:
        return "nothing was saved: there was no checkpoint yet"
    run = started[0]
    words = ["ganedit", "train", name, "--out", str(out), "--resume"]
    words += [] if device == "auto" else ["--device", device]
    lost = run.images_seen - (run.saved or 0)
    return (
        f"saved in {out}: checkpoint and model after {run.saved} {run.options.items}"
        + (f" (the last {lost} are lost)" if lost else "")
        + f"\n  next: {shlex.join(words)}"
    )


def _line(report: Report, items: str) -> str:
    hours, seconds = divmod(int(report.seconds_left), 3600)
    stats = ", ".join(f"{key} {value:.3g}" for key, value in report.stats.items())
    return (
        f"{report.images / 1000:.1f} kimg, {report.images_per_second:.1f} {items}/s, "
        f"{hours}:{seconds // 60:02d} h left, {stats}"
    )


COMMANDS = {name: _command(name) for name in RECIPES}
