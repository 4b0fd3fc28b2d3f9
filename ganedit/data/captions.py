"""Sentences about faces, composed from labels: gender, age, and whether someone smiles.

Each caption also knows for which other faces it would be true. So a batch of pictures and captions is
compared by what is true, not by which came together: "a photo of a man" is true of half of all pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganedit.data.labels import label_columns, label_values
from ganedit.errors import InputError

NEAR = 4.0  # years: standard deviation around an age given as a number
UNKNOWN = -1e3  # replaces NaN: no statement about it is true
FACTS = ("gender", "age", "smile")  # columns of labels: 1 for male, years, a probability; NaN if unknown

MALE, FEMALE = 1.0, 0.0
NOUNS: dict[float | None, tuple[str, ...]] = {
    None: ("person", "face", "human", "human face", "somebody", "adult person"),
    MALE: ("man", "guy", "male", "gentleman", "male face", "male person", "man's face"),
    FEMALE: ("woman", "lady", "female", "female face", "female person", "woman's face"),
}
YOUNG_NOUNS: dict[float | None, tuple[str, ...]] = {
    None: ("child", "kid", "small child"),
    MALE: ("boy", "little boy"),
    FEMALE: ("girl", "little girl"),
}
AGES: dict[str, tuple[float, float]] = {  # words before a noun, and the range of ages for which they are true
    "baby": (0, 3),
    "toddler": (1, 4),
    "teenage": (13, 20),
    "adolescent": (12, 19),
    "young": (14, 32),
    "youthful": (14, 32),
    "young adult": (18, 32),
    "grown up": (20, 120),
    "middle aged": (38, 60),
    "old": (60, 120),
    "elderly": (65, 120),
    "aged": (65, 120),
    "senior": (60, 120),
    "very old": (75, 120),
}
CHILD = (3.0, 13.0)
DECADES = ("twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")
SMILING = ("smiling", "happy", "grinning", "laughing", "cheerful", "joyful")
SERIOUS = ("serious", "unsmiling", "neutral", "not smiling", "expressionless", "stern")
WITH_SMILE = ("with a smile", "who is smiling", "smiling at the camera", "with a happy expression")
WITHOUT_SMILE = ("without a smile", "who is not smiling", "with a neutral expression",
                 "with a serious expression", "with a closed mouth")  # fmt: skip
TEMPLATES = ("a photo of {}", "a picture of {}", "a portrait of {}", "a close up of {}", "an image of {}",
             "a photograph of {}", "the face of {}", "a headshot of {}", "this is {}", "{}")  # fmt: skip
OLDEST = 100
AGE_PHRASES = ("{} years old", "aged {}", "{} year old", "of {} years", "about {} years old")
SHARES = (0.55, 0.6, 0.5)  # of captions that mention each of FACTS


@dataclass(frozen=True)
class Caption:
    """A sentence and its meaning; fields are None if it does not mention them."""

    text: str
    gender: float | None = None
    ages: tuple[float, float] | None = None  # from, to
    age: float | None = None  # approximate age in years
    smile: bool | None = None

    def fits(self, labels: Tensor) -> Tensor:
        """How true it is, 0 to 1, of faces with labels [N, 3] in the order of FACTS; [N]."""
        gender, age, smile = labels.nan_to_num(UNKNOWN).unbind(1)
        truth = torch.ones_like(age)
        if self.gender is not None:
            truth = truth * (gender == self.gender)
        if self.ages is not None:
            truth = truth * (age >= self.ages[0]) * (age < self.ages[1])
        if self.age is not None:
            truth = truth * torch.exp(-((age - self.age) ** 2) / (2 * NEAR**2))
        if self.smile is not None:
            truth = truth * (smile if self.smile else 1 - smile) * (smile >= 0)
        return truth


def matches(captions: Sequence[Caption], labels: Tensor) -> Tensor:
    """[N, M]: how true each of M captions is of each of N faces."""
    return torch.stack([caption.fits(labels) for caption in captions], dim=1)


def compose(labels: Tensor, rng: np.random.Generator) -> list[Caption]:
    """A true caption for each of the faces with labels [N, 3] in the order of FACTS."""
    return [_caption(gender, age, smile, rng) for gender, age, smile in labels.tolist()]


def _caption(gender: float, age: float, smile: float, rng: np.random.Generator) -> Caption:
    tells = (rng.random(3) < SHARES) & ~np.isnan([gender, age, smile])
    sex = gender if tells[0] else None
    mood = bool(smile > rng.random()) if tells[2] else None
    before, after, ages, years, noun = "", "", None, None, str(rng.choice(NOUNS[sex]))
    if tells[1]:
        before, after, ages, years, noun = _age_words(age, sex, noun, rng)
    if mood is not None:
        adjective = rng.random() < 0.6
        if adjective:
            before = f"{rng.choice(SMILING if mood else SERIOUS)} {before}"
        else:
            after = f"{rng.choice(WITH_SMILE if mood else WITHOUT_SMILE)} {after}"
    template = str(rng.choice(TEMPLATES))
    thing = " ".join(f"{before} {noun} {after}".split())
    article = "an" if thing[0] in "aeiou" else "a"
    return Caption(template.format(f"{article} {thing}"), sex, ages, years, mood)


def _age_words(
    age: float, sex: float | None, noun: str, rng: np.random.Generator
) -> tuple[str, str, tuple[float, float] | None, float | None, str]:
    """Words for the age before and after the noun, their meaning, and the noun."""
    way = rng.random()
    decade = int(age // 10) - 2
    if way < 0.45:
        years = min(max(round(age), 1), OLDEST)
        phrase = str(rng.choice(AGE_PHRASES)).format(years)
        before = phrase.endswith("year old")
        return (phrase, "", None, float(years), noun) if before else ("", phrase, None, float(years), noun)
    if way < 0.6 and 0 <= decade < len(DECADES):
        whose = {None: "their", MALE: "his", FEMALE: "her"}[sex]
        return "", f"in {whose} {DECADES[decade]}", (decade * 10 + 20, decade * 10 + 30), None, noun
    if CHILD[0] <= age < CHILD[1]:
        return "", "", CHILD, None, str(rng.choice(YOUNG_NOUNS[sex]))
    fitting = [word for word, (low, high) in AGES.items() if low <= age < high]
    if not fitting:
        return "", "", None, None, noun
    word = str(rng.choice(fitting))
    return word, "", AGES[word], None, noun


def read_facts(source: Path, names: Sequence[str]) -> Tensor:
    """FACTS [N, 3] of the images of a set, from its labels.csv; NaN in missing columns.

    Raises:
        InputError: As in `data.labels.label_values`; an unknown word for gender or smile, or an age
            that is not a number.
    """
    columns = label_columns(source)
    facts = torch.full((len(names), len(FACTS)), math.nan)
    for k, column in enumerate(FACTS):
        if column in columns:
            texts = label_values(source, column, names)
            facts[:, k] = torch.tensor([_number(source, column, text) for text in texts])
    return facts


def _number(source: Path, column: str, text: str) -> float:
    if column == "gender" and text in ("male", "female"):
        return MALE if text == "male" else FEMALE
    try:
        return float(text)
    except ValueError as error:
        hint = "gender is male or female, or 1 or 0; smile 1 or 0; age in years"
        raise InputError(f"the column {column} of the labels of {source} holds {text!r}", hint) from error


def vocabulary() -> list[str]:
    """Every word that a caption may contain, sorted, with numbers last."""
    from ganedit.store.open_clip_network import words_of

    texts = [*AGES, *DECADES, *SMILING, *SERIOUS, *WITH_SMILE, *WITHOUT_SMILE, *TEMPLATES, *AGE_PHRASES]
    for nouns in (*NOUNS.values(), *YOUNG_NOUNS.values()):
        texts += nouns
    words = {word for text in texts for word in words_of(text)} | {"a", "an", "in", "his", "her", "their"}
    return [*sorted(words), *map(str, range(1, OLDEST + 1))]
