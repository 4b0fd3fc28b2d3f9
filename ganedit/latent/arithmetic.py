"""Sums of latents as text: `smiling_woman - woman + man`.

    sum     = product (("+" | "-") product)*
    product = sign (("*" | "/") sign)*
    sign    = "-" sign | value
    value   = number | "seed:" digits | "mean(" names ")" | name | "(" sum ")"

Names of files or folders consist of letters, digits, `_`, `.` and `/`; others, such as those with a hyphen
or a space, are written in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NoReturn

import torch
from torch import Tensor

from ganedit.errors import UsageError, did_you_mean
from ganedit.latent.latent import Latent, added_styles

if TYPE_CHECKING:
    from ganedit.store.models import Generator

AVERAGE = "w_avg"  # the name of the model's average code
NAMED = ("name", "seed")
MOST_DEPTH = 50  # nested brackets and signs
VALUE = re.compile(
    r"""\s*(?:
        (?P<seed>seed:\d+)
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])
      | (?P<name>[\w.~/][\w./]*)
      | "(?P<double>[^"]*)" | '(?P<single>[^']*)'
      | (?P<sign>[-(),])
    )""",
    re.VERBOSE,
)
OPERATOR = re.compile(r"\s*(?P<sign>[-+*/(),])")  # what may follow a value, where a / means division


@dataclass(frozen=True)
class Code:
    """A sum of latents: its code [L, W], and the sum of their weights, which is 1 for a picture."""

    ws: Tensor
    weight: float = 1.0


Value = Code | float
Lookup = Callable[[str], Sequence[Tensor]]
"""Returns the codes of a name: one for a latent or a seed (`seed:7`), several for a folder."""


@dataclass(frozen=True)
class _Token:
    kind: str  # "seed", "number", "name", "end", or the sign itself
    text: str
    at: int


def evaluate(text: str, lookup: Lookup) -> Code:
    """Evaluate a sum of latents.

    Args:
        text: A sum in the grammar above.
        lookup: Returns the codes [L, W] of a name, or raises an error.

    Raises:
        UsageError: it cannot be parsed, or is not a sum of latents but, for example, a number.
    """
    value = _Parser(text, lookup).whole()
    if not isinstance(value, Code):
        raise UsageError(f"{text!r} is the number {value:g}, not a latent", "name latents in it")
    if not torch.isfinite(value.ws).all():
        raise UsageError(f"the result of {text!r} has numbers that are not finite", "use smaller factors")
    return value


def combine(
    text: str, latents: Mapping[str, Latent | Sequence[Latent]], generator: Generator
) -> tuple[Latent, float]:
    """Add, subtract and average latents by an expression.

    Args:
        text: The expression, such as "me + 0.5 * (mean(old) - mean(young))", of names, numbers, `+ - * /` and
            brackets. `w_avg` is the average code of the model.
        latents: Latents by name; several under one name, for `mean()`.
        generator: The generator of them all.

    Returns:
        The sum, and its weight: 1 for a face, 0 for a difference between faces. What edits added to the
        styles is summed too.

    Raises:
        UsageError: The expression cannot be read, or contains an unknown name.
        CheckpointError: A latent of another model.

    Examples:
        >>> faces = ganedit.load("faces")
        >>> one, two = (sample.latent for sample in ganedit.generate(faces, [1, 2]))
        >>> middle, weight = ganedit.combine("(one + two) / 2", {"one": one, "two": two}, faces)
        >>> weight
        1.0
    """
    by_name = {name: [one] if isinstance(one, Latent) else list(one) for name, one in latents.items()}
    every = [latent for some in by_name.values() for latent in some]
    for latent in every:
        latent.check_model(generator)
    ws = generator.w_avg.cpu().expand(generator.num_ws, -1)
    average = Latent(ws, **generator.identity, template=generator.card.template)
    added = added_styles(every)
    styles = 0 if added is None else added.shape[1]

    def lookup(word: str) -> list[Tensor]:
        if word != AVERAGE and word not in by_name:
            raise UsageError(f"there is no latent named {word}", did_you_mean(word, [*by_name, AVERAGE]))
        return [_numbers(latent, styles) for latent in ([average] if word == AVERAGE else by_name[word])]

    code = evaluate(text, lookup)
    ws, rest = code.ws.split([average.ws.numel(), styles])
    return replace(average, ws=ws.view_as(average.ws), styles=rest if styles else None), code.weight


def _numbers(latent: Latent, styles: int) -> Tensor:
    """All numbers of a latent that can be added up, [L · W + styles]: its code, and its changes to styles."""
    added = torch.zeros(styles) if latent.styles is None else latent.styles
    return torch.cat([latent.ws.flatten(), added])


def names_in(text: str) -> list[str]:
    """The names and seeds in a sum, in their order, each once.

    Raises:
        UsageError: an unknown sign.
    """
    tokens = _tokens(text)
    named = [
        a for a, b in pairwise(tokens) if a.kind in ("name", "seed") and (a.text, b.kind) != ("mean", "(")
    ]
    return list(dict.fromkeys(token.text for token in named))


class _Parser:
    """Parses and evaluates at once: each method is a rule of the grammar."""

    def __init__(self, text: str, lookup: Lookup) -> None:
        self.text, self.lookup = text, lookup
        self.tokens, self.next, self.depth = _tokens(text), 0, 0

    def whole(self) -> Value:
        value = self.sum()
        if self.tokens[self.next].kind != "end":
            self.fail("there is nothing here to close or to separate")
        return value

    def sum(self) -> Value:
        total = self.product()
        while sign := self.take("+", "-"):
            other = self.product()
            total = self.add(total, other if sign.kind == "+" else _times(other, -1.0), sign)
        return total

    def product(self) -> Value:
        result = self.sign()
        while sign := self.take("*", "/"):
            other = self.sign()
            if sign.kind == "/":
                if isinstance(other, Code):
                    self.fail("nothing can be divided by a latent", sign)
                if other == 0:
                    self.fail("this divides by zero", sign)
                other = 1 / other
            if not isinstance(other, Code):
                result = _times(result, other)
            elif not isinstance(result, Code):
                result = _times(other, result)
            else:
                self.fail("latents cannot be multiplied with each other", sign)
        return result

    def sign(self) -> Value:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            self.fail("this is nested too deeply")
        value = _times(self.sign(), -1.0) if self.take("-") else self.value()
        self.depth -= 1
        return value

    def value(self) -> Value:
        if self.take("("):
            inner = self.sum()
            self.need(")")
            return inner
        token = self.take("number", *NAMED)
        if token is None:
            self.fail("a latent or a number was expected")
        if token.kind == "number":
            return float(token.text)
        if token.kind == "name" and token.text == "mean" and self.take("("):
            return Code(torch.stack(self.names()).mean(dim=0))
        codes = self.lookup(token.text)
        if len(codes) != 1:
            self.fail(f"{token.text} holds {len(codes)} latents; mean({token.text}) is their average", token)
        return Code(codes[0])

    def names(self) -> list[Tensor]:
        codes: list[Tensor] = []
        while True:
            token = self.take(*NAMED)
            if token is None:
                self.fail("the name of a latent or a folder was expected")
            codes += self.lookup(token.text)
            if not self.take(","):
                self.need(")")
                return codes

    def add(self, a: Value, b: Value, sign: _Token) -> Value:
        if isinstance(a, Code) and isinstance(b, Code):
            return Code(a.ws + b.ws, a.weight + b.weight)
        if isinstance(a, Code) or isinstance(b, Code):
            self.fail("a number cannot be added to a latent", sign)
        return a + b

    # ---- tokens ----

    def take(self, *kinds: str) -> _Token | None:
        token = self.tokens[self.next]
        if token.kind not in kinds:
            return None
        self.next += 1
        return token

    def need(self, kind: str) -> None:
        if not self.take(kind):
            self.fail(f"a {kind} was expected")

    def fail(self, problem: str, token: _Token | None = None) -> NoReturn:
        raise _error(self.text, (token or self.tokens[self.next]).at, problem)


def _times(value: Value, factor: float) -> Value:
    if isinstance(value, float):
        return value * factor
    return Code(value.ws * factor, value.weight * factor)


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, after_value = 0, False
    while at < len(text.rstrip()):
        match = (OPERATOR if after_value else VALUE).match(text, at)
        if not match:
            start = len(text) - len(text[at:].lstrip())
            problem = (
                "an operator such as + was expected" if after_value else f"{text[start]!r} means nothing here"
            )
            raise _error(text, start, problem)
        kind, at = str(match.lastgroup), match.end()
        word = match[kind]
        known = {"sign": word, "double": "name", "single": "name"}.get(kind, kind)
        tokens.append(_Token(known, word, match.start(kind)))
        after_value = kind != "sign" or word == ")"
    return [*tokens, _Token("end", "", len(text))]


def _error(text: str, at: int, problem: str) -> UsageError:
    where = "at its end" if at >= len(text.rstrip()) else f"at {text[at : at + 20]!r}"
    return UsageError(
        f"cannot read {text!r} {where}: {problem}",
        "such as 'smiling_woman - woman + man' or 'me + 0.5 * (mean(old/) - seed:7)'",
    )
