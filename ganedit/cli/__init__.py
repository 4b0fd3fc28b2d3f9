"""The command line: `commands/` has one file per command, listed in `app.COMMANDS`; `kit/` is shared by
these.

A command file has `command(console, ...)`, or `COMMANDS = {"list": function, ...}` for a group; the
parameters after `console` are typer arguments and options, and the docstring is the help text:

    def command(
        console: Console,
        inputs: Annotated[list[str] | None, typer.Argument(help="Photos.")] = None,
        output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for the results.")] = None,
    ) -> None:
        from ganedit.images.io import read_image, write_image   # heavy, so imported when needed

        def work(path: Path) -> Iterator[Result]:
            out = (output or path.parent) / f"{path.stem}.copy.png"
            if console.should_write(out):                       # --force, --skip-existing
                write_image(out, read_image(path).pixels)
            yield Result(out, {"size": 128})                    # printed immediately; details for --json

        run_batch(console, inputs, work)

Global options are in `console.options`; `console.load(name)` opens a model with these.
"""
