"""Failures as sentences on the page: those of the command line."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr

Explain = Callable[[Exception], str]
"""Makes a sentence of an exception; the command line hands over its own."""


LOG = logging.getLogger(__name__)


class Stopped(Exception):
    """A job that a visitor has stopped."""


class Refused(Exception):
    """Something is missing on the page that the visitor has to choose first; the message says what."""


def without_folders(sentence: str, folder: Path) -> str:
    """A sentence with files below `folder` by their names alone, since visitors know no more of them.

    >>> without_folders("/tmp/x/5a/notes.txt cannot be read", Path("/tmp/x"))
    'notes.txt cannot be read'
    """
    words = sentence.split(" ")
    for at, word in enumerate(words):
        if word.startswith(f"{folder}/"):
            words[at] = word.rpartition("/")[2]
    return " ".join(words)


def sentence(error: Exception, explain: Explain, folder: Path) -> str:
    """What went wrong, as a visitor can understand it."""
    LOG.debug("the page failed", exc_info=error)
    return str(error.args[0]) if isinstance(error, Refused) else without_folders(explain(error), folder)


@contextmanager
def _told(explain: Explain, folder: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        told = sentence(error, explain, folder)
        raise gr.Error(told, title="That did not work", duration=20, print_exception=False) from error


def shown(function: Callable[..., Any], explain: Explain, folder: Path) -> Callable[..., Any]:
    """A handler of events, or a generator, whose failures appear on the page as sentences."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args: Any) -> Iterator[Any]:
            with _told(explain, folder):
                yield from function(*args)

        return generator

    @functools.wraps(function)
    def handler(*args: Any) -> Any:
        with _told(explain, folder):
            return function(*args)

    return handler
