"""Signals and standard streams of the program's process. Imports only the standard library.

Before a command runs there is nothing to undo, and a signal ends the process at once. While it runs, a signal
is raised as KeyboardInterrupt, so that unfinished files are removed. While a module is imported the signal
waits: PyTorch's C++ part aborts the process if an exception passes through its own imports. Signals that the
parent has ignored, as `nohup` does, stay ignored.
"""

from __future__ import annotations

import _thread
import codecs
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

SAID = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "the terminal was closed"}
WORDS = {getattr(signal, name): words for name, words in SAID.items() if hasattr(signal, name)}

_caught: list[int] = []  # signals that came while a command ran
_handled: list[int] = []  # signals that this program handles
_RETRY = 0.02  # seconds after which a signal that came during an import is tried again


def leave_at_signals() -> None:
    """Let signals end the process at once, with a line and the exit status of an interrupted program."""

    def leave(number: int, frame: FrameType | None) -> None:
        os.write(2, f"ganedit: {WORDS[signal.Signals(number)]}\n".encode())
        os._exit(128 + number)

    for number in WORDS:
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            _handled.append(number)
            signal.signal(number, leave)


def raise_signals() -> None:
    """Raise signals as KeyboardInterrupt from now on; without effect unless `leave_at_signals` was called."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        if _imports(frame):
            _thread.start_new_thread(_try_again, (number,))  # takes no lock, which the main thread may hold
            return
        _caught.append(number)
        raise KeyboardInterrupt

    for number in _handled:
        signal.signal(number, interrupt)


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported there."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _try_again(number: int) -> None:
    time.sleep(_RETRY)
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)  # a real signal, which also ends a wait
    else:
        _thread.interrupt_main(signal.Signals(number))


def ignore_signals() -> None:
    """Ignore signals from now on: all that is left is Python's own end."""
    for number in _handled:
        signal.signal(number, signal.SIG_IGN)
    # If a KeyboardInterrupt has passed through an `exec` of text, as in dataclasses, CPython believes that it
    # was never caught, and would replace the exit status by SIGINT. Each `exec` begins by forgetting that.
    exec("")


def was_interrupted() -> bool:
    """Whether a signal came while the command ran, even if a library has turned it into another exception."""
    return bool(_caught)


def check() -> None:
    """Raise KeyboardInterrupt if one was swallowed before, as Python does in destructors."""
    if _caught:
        raise KeyboardInterrupt


def words() -> str:
    """What the first signal means; "interrupted" if there was none."""
    return WORDS[signal.Signals(_caught[0])] if _caught else SAID["SIGINT"]


def exit_status() -> int:
    """The exit status of a program that the first signal ended, as shells count it: 130 after Ctrl-C."""
    return 128 + (_caught[0] if _caught else signal.SIGINT)


def fill_missing_streams() -> None:
    """Give the process the standard streams that its parent has closed, as /dev/null, and let all of them
    pass names of files that are not valid text.

    Otherwise the first file to be opened would become standard output, and libraries would print into it.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    codecs.register_error("names", _printable)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="names")  # type: ignore[union-attr]
    sys.stdin.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]


def _printable(error: UnicodeError) -> tuple[Any, int]:
    """What to print for a character that an encoding lacks: bytes of names as they are, others as escapes."""
    assert isinstance(error, UnicodeEncodeError)
    char = error.object[error.start]
    if "\udc80" <= char <= "\udcff":
        return bytes([ord(char) - 0xDC00]), error.start + 1
    return char.encode("ascii", "backslashreplace"), error.start + 1
