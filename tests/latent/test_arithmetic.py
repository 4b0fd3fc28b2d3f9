"""Sums of latents: what they come to, and what is told of those that make no sense."""

from __future__ import annotations

import pytest
import torch

from ganedit.errors import UsageError
from ganedit.latent.arithmetic import evaluate, names_in

KNOWN = {"a": [2.0], "b": [3.0], "old/": [1.0, 5.0], "seed:7": [7.0], "me & you": [4.0], "dir/x.y": [6.0]}


def lookup(name):
    if name not in KNOWN:
        raise UsageError(f"there is no {name}")
    return [torch.full((2, 3), value) for value in KNOWN[name]]


@pytest.mark.parametrize(
    ("text", "value", "weight"),
    [
        ("a", 2, 1),
        ("a - b + seed:7", 6, 1),
        ("a-b+b", 2, 1),
        ("(a + b)/2", 2.5, 1),
        ("a + 0.5*(b - a)", 2.5, 1),
        ("a - (b - seed:7)", 6, 1),
        ("a - b - b", -4, -1),
        ("2/4*a", 1, 0.5),
        ("-a + -(-b) * 1e1", 28, 9),
        ("mean(old/)", 3, 1),
        ("mean(old/, a, seed:7)", 3.75, 1),
        ("'me & you' + \"me & you\" - dir/x.y", 2, 1),
        ("a * 2 / 4 + 3 * (2 - 1.5) * b", 5.5, 2),
    ],
)
def test_sums_come_to_what_a_person_would_say(text, value, weight):
    found = evaluate(text, lookup)
    torch.testing.assert_close(found.ws, torch.full((2, 3), float(value)))
    assert found.weight == pytest.approx(weight)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "was expected"),
        ("a +", "at its end: a latent or a number was expected"),
        ("a b", "at 'b': an operator"),
        ("a + 1", "at '+ 1': a number cannot be added"),
        ("1 - a", "a number cannot be added"),
        ("a * b", "cannot be multiplied"),
        ("2 / a", "divided by a latent"),
        ("a / (1 - 1)", "divides by zero"),
        ("old/", "mean(old/)"),
        ("(a", "a ) was expected"),
        ("a)", "nothing here to close"),
        ("mean(2)", "the name of a latent"),
        ("mean()", "the name of a latent"),
        ("mean(a", "a ) was expected"),
        ("a ? b", "an operator"),
        ("?", "'?' means nothing here"),
        ("2 * 3", "is the number 6"),
        ("nobody", "there is no nobody"),
        ("1e308 * 1e308 * a", "not finite"),
        ("(" * 60 + "a" + ")" * 60, "nested too deeply"),
        ("-" * 60 + "a", "nested too deeply"),
        ("__import__('os')", "there is no __import__"),
    ],
)
def test_what_makes_no_sense_is_told_where_it_stands(text, told):
    with pytest.raises(UsageError) as caught:
        evaluate(text, lookup)
    assert told in caught.value.message + caught.value.hint


def test_the_names_of_a_sum():
    assert names_in("a + mean(old/, a) - seed:7 * 2 + 'mean'") == ["a", "old/", "seed:7", "mean"]
