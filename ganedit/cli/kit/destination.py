"""Where results go: the folder or the file that -o names."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ganedit.cli.kit.context import Console
from ganedit.cli.kit.inputs import expand
from ganedit.errors import GaneditError, UsageError
from ganedit.files import FILM_SUFFIXES, IMAGE_SUFFIXES, IMAGE_WRITERS, SOUND_SUFFIXES


@dataclass
class Destination:
    """A folder for results, or a file for one result.

    Attributes:
        output: Value of -o. A name with the suffix of an image, sound or film is a file, unless there is a
            folder of that name.
        writers: Suffixes that the result can have.

    Raises:
        UsageError: the command cannot write such a file.
    """

    output: Path
    writers: Sequence[str] = IMAGE_WRITERS
    _source: Path | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        suffix = self.output.suffix.lower()
        named = suffix in (*IMAGE_SUFFIXES, *SOUND_SUFFIXES, *FILM_SUFFIXES) and not self.output.is_dir()
        self.file = self.output if named else None
        self.folder = self.output.parent if named else self.output
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"-o {self.output}: {self.folder} is not a folder", "name another one with -o")
        if named and suffix not in self.writers:
            raise UsageError(
                f"-o {self.output} names a file, and the result cannot be '{suffix}'",
                f"choose {', '.join(self.writers)}, or a folder",
            )

    def check_inputs(self, console: Console, inputs: Sequence[str] | None, suffixes: Sequence[str]) -> None:
        """Refuse a file for several inputs, as far as they are known before the work starts.

        Raises:
            UsageError: there are several, or there is a single one for several workers.
        """
        if self.file is not None and console.hands_out:
            raise UsageError(
                f"-o {self.output} names one file, and --workers and --ray are for many",
                "name a folder with -o",
            )
        found = 0
        for source in inputs or ():
            with suppress(GaneditError):  # it is reported later
                found += 1 if source == "-" else len(expand(source, suffixes, console.options.recursive))
        self.check_count(found, "inputs")

    def check_count(self, count: int, what: str) -> None:
        """Refuse a file for several results.

        Raises:
            UsageError: `count` is more than 1.
        """
        if self.file is not None and count > 1:
            raise UsageError(
                f"-o {self.output} names one file, and there are {count} {what}", "name a folder with -o"
            )

    def path(self, source: Path, name: str) -> Path:
        """The path for the result of an input: the file, or `name` in the folder.

        Raises:
            UsageError: the file is taken by an earlier input, which came through a pipe.
        """
        if self.file is None:
            return self.folder / name
        if self._source not in (None, source):
            self.check_count(2, "inputs or more")
        self._source = source
        return self.file
