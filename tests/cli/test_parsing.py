"""Command lines that are wrong: one sentence in plain words, and what to do next."""

from __future__ import annotations

import pytest

WRONG = [
    ("edit --magnitud 2", "ganedit edit: there is no option --magnitud", "did you mean --magnitude?"),
    ("edit --frobnicate", "ganedit edit: there is no option --frobnicate", "see ganedit edit --help"),
    ("edit -x", "ganedit edit: there is no option -x", "see ganedit edit --help"),
    ("edit --magnitude two", "ganedit edit: --magnitude two is not a number", "see ganedit edit --help"),
    ("edit --magnitude", "ganedit edit: --magnitude needs a value", "see ganedit edit --help"),
    ("edit --space q", "ganedit edit: --space q is unknown", "choose w, s"),
    ("edit --no-metadata=3", "ganedit edit: --no-metadata takes no value", "write --no-metadata alone"),
    ("edit -o", "ganedit edit: -o needs a value", "see ganedit edit --help"),
    (
        "project --steps=3.5",
        "ganedit project: --steps 3.5 is not a whole number",
        "see ganedit project --help",
    ),
    ("upscale --size 1e3", "ganedit upscale: --size 1e3 is not a whole number", "see ganedit upscale --help"),
    ("upscale --seed x", "ganedit upscale: --seed x is not a whole number", "see ganedit upscale --help"),
    ("translate --direction up", "ganedit translate: --direction up is unknown", "choose ab, ba"),
    ("align --threshold high", "ganedit align: --threshold high is not a number", "see ganedit align --help"),
    ("generate a b", "ganedit generate: a b is not expected here", "see ganedit generate --help"),
    ("math", "ganedit math: EXPRESSION is missing", "see ganedit math --help"),
    ("direction", "ganedit direction: no command was given", "choose channels, discover, export"),
    ("direction lern x", "ganedit direction: there is no command lern", "did you mean learn?"),
    ("direction name a", "ganedit direction name: NAME is missing", "see ganedit direction name --help"),
    ("latent export a", "ganedit latent export: --output is missing", "see ganedit latent export --help"),
    ("models info", "ganedit models info: NAME is missing", "see ganedit models info --help"),
    (
        "train stylegan",
        "ganedit train: there is no command stylegan",
        "did you mean stylegan1 or stylegan2 or stylegan3?",
    ),
    ("train unit --kimg x", "ganedit train unit: --kimg x is not a number", "see ganedit train unit --help"),
    ("clip edit --loss q", "ganedit clip edit: --loss q is unknown", "choose similarity, direction"),
    ("clip edit --text", "ganedit clip edit: --text needs a value", "see ganedit clip edit --help"),
    ("doctor now", "ganedit doctor: now is not expected here", "see ganedit doctor --help"),
    ("draw", "ganedit draw: no command was given", "choose edges, regions, sketch"),
    ("smile --strength x", "ganedit smile: --strength x is not a number", "see ganedit smile --help"),
    ("--bogus", "ganedit: there is no option --bogus", "see ganedit --help"),
    ("--device", "ganedit: --device needs a value", "see ganedit --help"),
]


@pytest.mark.parametrize(("words", "told", "next_"), WRONG, ids=[words for words, _, _ in WRONG])
def test_a_wrong_command_line_is_told_in_plain_words(ganedit, words, told, next_):
    ran = ganedit(*words.split())
    assert (ran.status, ran.out) == (2, "")
    first, second = ran.err.splitlines()
    assert first == told
    assert second.startswith(f"  next: {next_}")


def test_one_dash_before_a_long_option(ganedit):
    ran = ganedit("edit", "a.png", "-magnitude", "2")
    assert ran.status == 2
    assert "there is no option -magnitude" in ran.err
    assert "write --magnitude, with two dashes" in ran.err
