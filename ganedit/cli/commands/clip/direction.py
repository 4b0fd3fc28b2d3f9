"""`ganedit clip direction`: make a direction from two texts."""

from __future__ import annotations

from typing import Annotated

import typer

from ganedit.cli.kit.clip import CLIP, Anyway, ClipModel, open_clip_model
from ganedit.cli.kit.context import Console
from ganedit.cli.kit.directions import Output
from ganedit.cli.kit.models import open_generator
from ganedit.cli.kit.options import Model
from ganedit.cli.kit.outputs import text_name
from ganedit.errors import UsageError


def direction(
    console: Console,
    text: Annotated[str, typer.Argument(help='Text of the positive end, such as "an old person".')],
    other: Annotated[str, typer.Argument(help='Text of the negative end, such as "a young person".')],
    name: Annotated[str, typer.Option(help="Name of the direction (default: from the text).")] = "",
    preserve: Annotated[
        list[str] | None,
        typer.Option(help="Direction whose attribute should stay the same; may be repeated."),
    ] = None,
    samples: Annotated[int, typer.Option(help="Samples to compare with both texts.")] = 2000,
    psi: Annotated[float, typer.Option(help="Truncation of the samples.")] = 1.0,
    model: Model = "faces",
    clip: ClipModel = CLIP,
    anyway: Anyway = False,
    output: Output = None,
) -> None:
    """Make a direction from two texts, for edit --direction.

    Samples are scored by which text they match better, and a linear classifier is fitted to their codes, like
    in ganedit direction learn.
    """
    from ganedit.cli.kit.directions import check_name, model_name
    from ganedit.latent.directions import named
    from ganedit.latent.directions.examples import learn_direction
    from ganedit.text.scoring import score_by_texts

    name = name or f"{text_name(text)}-text"
    check_name(name)
    if samples < 100:
        raise UsageError(f"--samples {samples} are too few", "choose 100 or more, such as 2000")
    target = output or named.user_file(model_name(model), name)
    if not console.should_write(target):
        console.emit(target)
        return
    clip_model = open_clip_model(console, clip, text, other, anyway=anyway)
    generator = open_generator(console, model)
    generator.need_styles()
    kept = [named.find(one, generator.name) for one in preserve or []]
    with console.progress(f"drawing {samples} samples", samples) as bar:
        examples = score_by_texts(
            generator,
            clip_model,
            text,
            other,
            samples,
            psi=psi,
            seed=console.options.seed,
            progress=bar.update,
        )
    about = f"CLIP: {text!r} against {other!r}"
    learned = learn_direction(
        name, generator, examples, preserve=kept, method=about, seed=console.options.seed
    )
    learned.save(target)
    console.note(f"{name}: {learned.accuracy:.1%} of held-out samples classified correctly")
    console.emit(target, accuracy=learned.accuracy, sigma=learned.sigma, samples=learned.samples)
