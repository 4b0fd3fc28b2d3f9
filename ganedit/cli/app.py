"""The `ganedit` program: finds the command, parses its options, runs it, and turns failures into sentences.

Only the module of the requested command is imported, so that `ganedit --help` is fast.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from ganedit.cli import process
from ganedit.cli.kit import completion
from ganedit.cli.kit.batch import BatchFailed
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.failures import explained
from ganedit.cli.kit.help import Command, Program
from ganedit.cli.kit.options import BULK_OPTIONS
from ganedit.cli.kit.parsing import as_usage_error, path_of
from ganedit.cli.kit.presets import PRESETS
from ganedit.errors import UsageError, did_you_mean

BROKEN_PIPE = 128 + signal.SIGPIPE


@dataclass(frozen=True)
class Entry:
    """A command: its module, and its description in `ganedit --help`.

    The module has `command(console, ...)`, or `COMMANDS: dict[str, function]` for a group of them, or
    `COMMAND_OF: dict[str, function]` for several without a common first word.
    """

    module: str
    help: str


COMMANDS = {
    "align": Entry("align", "Crop faces from photos by the FFHQ recipe."),
    "project": Entry("project", "Project a photo into a generator's latent space."),
    "edit": Entry("edit", "Edit a photo or latent along directions: smile, age, yaw, ..."),
    "drag": Entry("drag", "Drag points of a photo or latent to where they should be."),
    **{name: Entry("preset", preset.help) for name, preset in PRESETS.items()},
    "presets": Entry("preset", "List these edits in one step: smile, younger, turn, ..."),
    "studio": Entry("studio", "Edit with the mouse: a page in the browser, served by this computer."),
    "translate": Entry("translate", "Translate images: horses into zebras, sketches into faces."),
    "upscale": Entry("upscale", "Upscale images and films."),
    "restore": Entry("restore", "Restore the faces of blurred or damaged images."),
    "inpaint": Entry("inpaint", "Fill holes in images."),
    "colorize": Entry("colorize", "Colourise greyscale images."),
    "draw": Entry("draw", "Draw outlines and label maps from photos, for translation and training."),
    "timbre": Entry("timbre", "Transfer the timbre of a sound to another instrument."),
    "generate": Entry("generate", "Generate images from seeds."),
    "singan": Entry("singan", "Images from the patches of one photo: random, paint, edit, animate, ..."),
    "interpolate": Entry("interpolate", "Interpolate between seeds, latents or photos: a film, a sheet."),
    "mix": Entry("mix", "Mix the layers of different latents (style mixing)."),
    "math": Entry("math", "Add, subtract and average latents: 'smiling_woman - woman + man'."),
    "dissect": Entry("dissect", "Find the units of a generator that draw eyes, lips, background, ..."),
    "clip": Entry("clip", "Edit, find and rank images by text (CLIP)."),
    "latent": Entry("latent", "Import and export latents of other programs."),
    "direction": Entry("direction", "Learn, discover, list, import and export directions."),
    "classify": Entry("classify", "Classify images: classes and attributes, with probabilities."),
    "train": Entry("train", "Train generators, translators, upscalers, encoders and classifiers."),
    "metrics": Entry("metrics", "Measure models."),
    "models": Entry("models", "List, download, import, export and verify models."),
    "info": Entry("info", "Show how an image, latent or direction was made."),
    "view": Entry("view", "Show images, latents and directions in the terminal."),
    "doctor": Entry("doctor", "Check this installation."),
}

GLOBAL_OPTIONS: dict[str, Any] = {
    "device": Annotated[
        str | None, typer.Option(help="Device: auto, cpu, cuda or cuda:N.", show_default=False)
    ],
    "dtype": Annotated[
        str | None, typer.Option(help="Type of the activations: auto, float32, bfloat16 or float16.")
    ],
    "seed": Annotated[int | None, typer.Option(help="Random seed (default: 0).")],
    "json": Annotated[bool | None, typer.Option("--json", help="Print one JSON object per result.")],
    "print0": Annotated[
        bool | None,
        typer.Option("--print0", help="End names with null characters, in results and on standard input."),
    ],
    "quiet": Annotated[bool | None, typer.Option("--quiet", help="Print only errors.")],
    "debug": Annotated[bool | None, typer.Option("--debug", help="Show the traceback of a failure.")],
    "force": Annotated[bool | None, typer.Option("--force", help="Overwrite outputs.")],
    "skip_existing": Annotated[
        bool | None, typer.Option("--skip-existing", help="Skip inputs whose outputs exist.")
    ],
    "recursive": Annotated[
        bool | None, typer.Option("--recursive", help="Also take the files in subfolders of folders.")
    ],
    "no_provenance": Annotated[
        bool | None, typer.Option("--no-provenance", help="Do not record in images how they were made.")
    ],
}


SEEDED = tuple(
    f"ganedit {path}"
    for path in (
        *PRESETS, "project", "edit", "drag", "timbre", "generate", "singan", "interpolate", "mix", "math",
        "dissect", "clip edit", "clip generate", "clip direction", "direction learn", "direction channels",
        "direction measure", "metrics fid", "metrics is", "metrics kid", "metrics lpips", "metrics ms-ssim",
        "metrics ppl", "metrics prdc", "metrics timbre", "metrics translate", "metrics vocoder", "train",
    )
)  # fmt: skip
"""Commands whose results depend on --seed; all others refuse it."""

HANDED_OUT = tuple(
    f"ganedit {path}"
    for path in (
        *PRESETS, "align", "project", "edit", "clip edit", "drag", "translate", "upscale", "restore",
        "inpaint", "colorize", "draw", "timbre",
    )
)  # fmt: skip
"""Commands that make files from many inputs, which --workers and --ray hand out to several processes."""


def main(argv: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Run one command line, and return the exit status:

    0 done, 1 a batch failed in part or for several reasons, 2 wrong usage, 3 bad input, 4 bad checkpoint,
    5 something missing, 70 a bug in ganedit, 130 interrupted (128 + N by any other signal N).
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    console = console or Console()
    if completion.VARIABLE in os.environ:
        return _complete(console)
    try:
        status = _run_and_report(argv, console)
        console.stdout.flush()
    except BrokenPipeError:  # the reader of our output has closed it
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(
                os.open(os.devnull, os.O_WRONLY), console.stdout.fileno()
            )  # otherwise Python would flush again at exit
        return BROKEN_PIPE
    return status


def _complete(console: Console) -> int:
    """Print what can follow in the command line that a shell is completing."""
    from typer.completion import completion_init, shell_complete  # type: ignore[attr-defined]

    completion_init()
    name = next((word for word in completion.words_before() if word in COMMANDS), None)
    command = typer.main.get_command(build(name, console, []))
    with contextlib.redirect_stdout(console.stdout):
        return shell_complete(command, {}, "ganedit", completion.VARIABLE, os.environ[completion.VARIABLE])


def _run_and_report(argv: list[str], console: Console) -> int:
    """Run a command line; this is the only place where exceptions become sentences."""
    debug = "--debug" in argv
    try:
        return run(argv, console)
    except KeyboardInterrupt:
        return _interrupted(console)
    except BatchFailed as error:
        return error.exit_status
    except BrokenPipeError:
        raise
    except Exception as error:
        if debug:
            traceback.print_exception(error, file=console.stderr)
        if process.was_interrupted():  # while a library was imported, say, which made an ImportError of it
            return _interrupted(console)
        found = explained(error, debug)
        console.complain(found)
        return found.exit_status


def _interrupted(console: Console) -> int:
    console.warn(process.words())
    return process.exit_status()


def run(argv: Sequence[str], console: Console) -> int:
    """Run a command line as `main` does, but raise what fails."""
    console.argv = argv
    name = _command_named_in(argv)
    pending: list[Callable[[], None]] = []
    app = build(name, console, pending)
    printed = io.StringIO()  # the help; otherwise typer would exit if the reader has closed the output
    _refuse_empty_output(argv)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(console.stderr):
        argv = _with_default_values(argv, name)
        _parse(app, argv if name or _answered(argv) else ["--help", *argv], console)
    console.stdout.write(printed.getvalue())
    if pending:
        process.raise_signals()
        # Output of libraries must not get between the paths of results.
        with contextlib.redirect_stdout(console.stderr), console.hearing():
            pending[0]()
    return 0


def _answered(argv: Sequence[str]) -> bool:
    """Whether the program itself does something, without a command."""
    return any(word.partition("=")[0] in ("--version", *_shells()) for word in argv)


def _with_default_values(argv: Sequence[str], name: str | None) -> list[str]:
    """The command line, with default values for options in a module's MAY_STAND_ALONE that were given without
    one, such as --paste, since typer has no such options."""
    module = sys.modules.get(f"ganedit.cli.commands.{COMMANDS[name].module}") if name else None
    known: dict[str, tuple[str, ...]] = getattr(module, "MAY_STAND_ALONE", {} if name else _shells())
    spelt = []
    for at, word in enumerate(argv):
        alone = word in known and not (at + 1 < len(argv) and argv[at + 1] in known[word])
        spelt += [word, known[word][0]] if alone else [word]
    return spelt


def _refuse_empty_output(argv: Sequence[str]) -> None:
    """Refuse `-o ""`, as of a script's unset variable: as a path it would be the current folder."""
    pairs = zip(argv, (*argv[1:], None), strict=False)
    if any(
        word in ("-o=", "--output=") or (word in ("-o", "--output") and value == "") for word, value in pairs
    ):
        raise UsageError("-o is empty", "name a folder or a file, or leave -o out")


def _parse(app: typer.Typer, argv: list[str], console: Console) -> None:
    """Let typer parse the command line; its errors are rephrased in our style."""
    command = typer.main.get_command(app)
    try:
        status = command.main(args=argv, prog_name="ganedit", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):  # not from click or typer
            raise
        console.command = path_of(command, argv)
        raise as_usage_error(error, argv, console.command) from error
    if status == 128 + signal.SIGINT:  # typer makes it of a KeyboardInterrupt
        raise KeyboardInterrupt


def build(name: str | None, console: Console, pending: list[Callable[[], None]]) -> typer.Typer:
    """The typer program with the command `name`, and only the names of all others.

    Running it only parses: the call of the command is added to `pending`.
    """
    app = typer.Typer(
        cls=Program,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        help="Edit photographs with GANs: align, project, edit, paste back, train.",
    )
    app.callback(invoke_without_command=True)(_with_global_options(_show_version, console))
    for each, entry in COMMANDS.items():
        if each != name:
            app.command(each, help=entry.help)(lambda: None)
            continue
        module = importlib.import_module(f"ganedit.cli.commands.{entry.module}")
        if not hasattr(module, "COMMANDS"):
            function = module.COMMAND_OF[each] if hasattr(module, "COMMAND_OF") else module.command
            app.command(each, cls=Command)(_deferred(function, f"ganedit {each}", console, pending))
            continue
        group = typer.Typer(help=entry.help, rich_markup_mode=None)
        group.callback()(_with_global_options(lambda: None, console))
        for sub, function in module.COMMANDS.items():
            group.command(sub, cls=Command)(_deferred(function, f"ganedit {each} {sub}", console, pending))
        app.add_typer(group, name=each)
    return app


def _shells() -> dict[str, tuple[str, ...]]:
    """Shells for the options about completion; the first is the user's own."""
    own = completion.own_shell()
    shells = (own, *(shell for shell in completion.SHELLS if shell != own))
    return {"--install-completion": shells, "--show-completion": shells}


def _show_version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    install_completion: Annotated[
        str | None, typer.Option(metavar="[SHELL]", help="Let bash, zsh or fish complete ganedit's words.")
    ] = None,
    show_completion: Annotated[
        str | None, typer.Option(metavar="[SHELL]", help="Print the script for that.")
    ] = None,
) -> None:
    for shell in filter(None, (install_completion, show_completion)):
        if shell not in completion.SHELLS:
            raise UsageError(
                f"completion for {shell} is not supported", f"choose {', '.join(completion.SHELLS)}"
            )
    if show_completion:
        from typer.completion import get_completion_script  # type: ignore[attr-defined]

        print(
            get_completion_script(
                prog_name="ganedit", complete_var=completion.VARIABLE, shell=show_completion
            )
        )
        raise typer.Exit()
    if install_completion:
        from typer.completion import install  # type: ignore[attr-defined]

        shell, path = install(install_completion, "ganedit", completion.VARIABLE)
        print(f"{shell} completion is installed in {path}; open a new terminal to use it")
        raise typer.Exit()
    if version:
        from ganedit import __version__

        print(f"ganedit {__version__}")
        raise typer.Exit()


def _begins(path: str, paths: Sequence[str]) -> bool:
    """Whether a command is one of `paths`, or in one of these groups."""
    return any(f"{path} ".startswith(f"{one} ") for one in paths)


def _deferred(
    function: Callable[..., None], path: str, console: Console, pending: list[Callable[[], None]]
) -> Callable[..., None]:
    """`function` without its first parameter, the console; calling it only records the call in `pending`."""
    first, *rest = inspect.signature(function, eval_str=True).parameters.values()
    if first.name != "console":
        raise TypeError(f"{path}: the first parameter must be console, not {first.name}")

    completion.add_names(path.removeprefix("ganedit "), rest)

    def note_call(**values: Any) -> None:
        console.command = path
        if console.options.seed_given and not _begins(path, SEEDED):
            raise UsageError(f"--seed has no effect on {path}", "leave it out")
        pending.append(lambda: function(console, **console.arguments(values)))

    note_call.__doc__ = inspect.getdoc(function)
    more = BULK_OPTIONS if _begins(path, HANDED_OUT) else {}
    return _with_global_options(_with_signature(note_call, rest), console, more)


def _with_global_options(
    function: Callable[..., None], console: Console, more: Mapping[str, Any] | None = None
) -> Callable[..., None]:
    """`function` with the global options, and `more`, added to its own; they are stored in the console."""
    own = list(inspect.signature(function, eval_str=True).parameters.values())
    names = {p.name for p in own}
    takes_folders = "inputs" in names
    options = {key: kind for key, kind in GLOBAL_OPTIONS.items() if key != "recursive" or takes_folders}
    options |= more or {}
    clash = options.keys() & names
    if clash:
        raise TypeError(f"{', '.join(clash)}: these are global options")

    @functools.wraps(function)
    def call(**values: Any) -> None:
        given = {key: values.pop(key) for key in options}
        given["seed_given"] = True if given["seed"] is not None else None
        given["provenance"] = False if given.pop("no_provenance") else None
        console.options = console.options.updated(given)
        function(**values)

    shared = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for key, kind in options.items()
    ]
    return _with_signature(call, own + shared)


def _with_signature(
    function: Callable[..., None], parameters: Sequence[inspect.Parameter]
) -> Callable[..., None]:
    keyword_only = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    function.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters}
    return function


def _command_named_in(argv: Sequence[str]) -> str | None:
    """The first word that is not a global option or the value of one."""
    words = iter(argv)
    for word in words:
        if word in ("--device", "--dtype", "--seed"):
            next(words, None)
        elif word in _shells():
            return None
        elif not word.startswith("-"):
            if word not in COMMANDS:
                raise UsageError(f"there is no command {word}", did_you_mean(word, COMMANDS))
            return word
    return None


if __name__ == "__main__":
    sys.exit(main())
