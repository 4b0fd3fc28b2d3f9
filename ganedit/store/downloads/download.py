"""Downloads of large files over HTTP: resumed, retried, checked, and never left incomplete.

The file grows as `.NAME.part` next to its target, and `.NAME.part.json` records its version; both
stay after a failure, so that the next attempt continues where this one stopped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from ganedit.errors import CheckpointError, InputError, MissingError
from ganedit.files import locked, parse_json, read_text, write_error
from ganedit.store.downloads.arrivals import check, not_weights

if TYPE_CHECKING:
    import requests

MAX_SIZE = 50 * 10**9  # bytes; no model is larger
MARGIN = 256 * 2**20  # bytes that stay free on the disk
CHUNK = 2**18  # bytes at most in one read
DISK_STEP = 2**26  # bytes between two checks of the free space
LONGEST_WAIT = 30.0  # seconds between two attempts
MAX_REDIRECTS = 5
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)  # HTTP statuses worth another try
NO_NETWORK = "the name of its server is not known here; is there a network?"
OTHER = "it is not the file expected: try another `mirror`"
BY_HAND = (
    "`mirror` takes the file from another server or a folder; or download it by hand, then "
    "ganedit models import FILE --name NAME"
)

Progress = Callable[[int, int], None]
"""Called with the bytes received so far and the total, which is 0 if the server does not tell."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server.

    Attributes:
        connect: Seconds for a connection.
        silence: Seconds without a byte.
        slowest: Bytes per second, on average over `window` seconds.
        window: Seconds.
        attempts: Attempts in a row without any new bytes after which to give up.
        backoff: Seconds before the second attempt; doubles up to 30 s.
    """

    connect: float = 15
    silence: float = 60
    slowest: float = 512
    window: float = 60
    attempts: int = 5
    backoff: float = 1.0


class _TryAgain(Exception):
    """This attempt failed, but the next one may succeed."""

    def __init__(self, reason: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.wait = wait


class _StartOver(_TryAgain):
    """Like _TryAgain, but the bytes received so far belong to another version of the file."""


@dataclass
class _Part:
    """The unfinished file, and what is known about its version."""

    path: Path
    url: str

    @property
    def about(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    def have(self) -> int:
        with suppress(OSError):
            return self.path.stat().st_size
        return 0

    def version(self) -> dict[str, Any]:
        """`etag` or `modified` and `total` of the unfinished file; empty if it cannot be continued."""
        with suppress(OSError, ValueError, LookupError, TypeError):
            version: dict[str, Any] = parse_json(read_text(self.about))
            if version["url"] == self.url and version["total"] > 0:
                return version
        return {}

    def validator(self) -> str:
        """Value that tells the server which version is here; empty if the server sent none."""
        about = self.version()
        return about.get("etag") or about.get("modified") or ""

    def begin(self, response: requests.Response, total: int) -> None:
        """Record which version is being downloaded."""
        etag = response.headers.get("ETag", "")
        self.about.write_text(
            json.dumps(
                {
                    "url": self.url,
                    "total": total,
                    "etag": "" if etag.startswith("W/") else etag,  # a weak tag does not promise equal bytes
                    "modified": response.headers.get("Last-Modified", ""),
                }
            ),
            encoding="utf-8",
        )

    def drop(self) -> None:
        for path in (self.path, self.about):
            path.unlink(missing_ok=True)


def download(
    url: str,
    target: str | Path,
    *,
    size: int = 0,
    sha256: str = "",
    text: bool = False,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Path:
    """Download the file at `url` to `target`, through the proxies of the environment.

    Args:
        url: http or https. Redirects are followed, but never from https to http.
        target: Where the file appears once it is complete; parent folders are created.
        size: Its size in bytes; 0 if not known.
        sha256: Its checksum; empty if not known.
        text: Whether it may be a text file; otherwise web pages and messages are refused.
        progress: See `Progress`.
        patience: How long to wait, how often to try.

    Raises:
        MissingError: The server cannot be reached, refuses, keeps closing the connection, or has another
            file.
        InputError: There is too little space on the disk.
        CheckpointError: The file is not the one expected.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(target.with_name(f".{target.name}.part"), url)
    with locked(
        part.path.with_name(f"{part.path.name}.lock"), f"another ganedit is downloading {target.name}"
    ):
        if not (sha256 or part.validator()):
            part.drop()  # otherwise a rest of another version could go unnoticed
        _Download(part, size, text, progress or (lambda done, total: None), patience or Patience()).complete()
        check(part.path, size, sha256, url, text=text, discard=part.drop)
        os.replace(part.path, target)
        part.drop()
    return target


@dataclass
class _Download:
    """Attempts to complete a part; the fields are the arguments of `download`."""

    part: _Part
    size: int
    text: bool
    progress: Progress
    patience: Patience

    def complete(self) -> None:
        """Try until the part is complete, or no more bytes arrive."""
        import requests
        import urllib3

        failures, wait = 0, self.patience.backoff
        at_first = most = self.part.have()
        with requests.Session() as session:
            while True:
                try:
                    return self.attempt(session)
                except _TryAgain as problem:
                    reason, pause = str(problem), problem.wait
                    if isinstance(problem, _StartOver):
                        self.part.drop()
                except requests.exceptions.SSLError as error:
                    raise self.unreachable("its certificate cannot be verified") from error
                except requests.exceptions.ProxyError as error:
                    raise self.unreachable("the proxy of the environment does not answer") from error
                except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
                    reason, pause = _reason(error), 0.0
                    if reason == NO_NETWORK and most == at_first:
                        raise self.unreachable(reason) from error
                failures = 0 if self.part.have() > most else failures + 1
                most = max(most, self.part.have())
                if failures >= self.patience.attempts:
                    raise self.unreachable(reason)
                time.sleep(min(LONGEST_WAIT, pause or wait))
                wait = 2 * wait if failures else self.patience.backoff

    def attempt(self, session: requests.Session) -> None:
        """One request: for the rest of the file, or for all of it if the server cannot resume."""
        known, have = self.part.version(), self.part.have()
        headers = {"Accept-Encoding": "identity", "User-Agent": "ganedit"}
        if have and known:
            headers["Range"] = f"bytes={have}-"
            if validator := self.part.validator():
                headers["If-Range"] = validator
        with self.opened(session, headers) as response:
            if response.status_code == 416:
                if known.get("total") == have:
                    return
                raise _StartOver("the server has less than is here already")
            start = have if response.status_code == 206 else 0
            total = _total(response, start, known)
            self.refuse_size(response, total)
            _refuse_full(self.part.path, total - start)
            if not start:
                self.part.begin(response, total)
            self.receive(response, start, total)

    def opened(self, session: requests.Session, headers: dict[str, str]) -> requests.Response:
        """The response after all redirects, with status 200, 206 or 416."""
        url = self.part.url
        for _ in range(MAX_REDIRECTS + 1):
            _refuse_scheme(url)
            response = session.get(
                url,
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=(self.patience.connect, self.patience.silence),
            )
            if response.status_code in (200, 206, 416):
                return response
            response.close()
            if not response.is_redirect:
                raise _refusal(url, response)
            following = urljoin(url, response.headers["Location"])
            if urlsplit(url).scheme == "https" and urlsplit(following).scheme == "http":
                raise MissingError(f"{url} leads from https to http: {following}", BY_HAND)
            url = following
        raise MissingError(f"{url} is redirected without end", BY_HAND)

    def receive(self, response: requests.Response, start: int, total: int) -> None:
        """Append the body to the part, checking its start, its length, the speed and the free space."""
        done = then = start
        since = time.monotonic()
        with open(self.part.path, "r+b" if start else "wb") as file:
            file.seek(start)
            self.progress(done, total)
            while chunk := response.raw.read1(
                CHUNK, decode_content=True
            ):  # what has arrived, without waiting
                if done == 0:
                    self.refuse_page(chunk)
                try:
                    file.write(chunk)
                except OSError as error:
                    raise write_error(self.part.path, error.errno or 0) from error
                done += len(chunk)
                self.progress(done, total)
                if done > (total or MAX_SIZE):
                    raise _StartOver("it sends more than it said")
                if done // DISK_STEP != (done - len(chunk)) // DISK_STEP:
                    _refuse_full(self.part.path, total - done if total else 0)
                if (now := time.monotonic()) - since >= self.patience.window:
                    if (done - then) / (now - since) < self.patience.slowest:
                        raise _TryAgain(f"it sends less than {self.patience.slowest:,.0f} bytes a second")
                    since, then = now, done
        if done < total:
            raise _TryAgain(f"it breaks off after {done:,} of {total:,} bytes")

    def refuse_size(self, response: requests.Response, total: int) -> None:
        url = self.part.url
        if self.size and total and total != self.size:
            self.refuse_page(response.raw.read(4096))
            raise CheckpointError(f"{url} has {total:,} bytes, not {self.size:,}", OTHER)
        if total > MAX_SIZE:
            raise CheckpointError(f"{url} claims {total:,} bytes: no model is that large", OTHER)

    def refuse_page(self, start: bytes) -> None:
        if kind := not_weights(start, text=self.text):
            self.part.drop()
            raise CheckpointError(
                f"{self.part.url} gave {kind}, not weights", f"look at it in a browser; {BY_HAND}"
            )

    def unreachable(self, reason: str) -> MissingError:
        url = self.part.url
        return MissingError(f"{url} cannot be downloaded: {reason}", f"check the network; {BY_HAND}")


def _refuse_scheme(url: str) -> None:
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise MissingError(f"{url} is not a web address", "http and https are followed")


def _refusal(url: str, response: requests.Response) -> Exception:
    """The error for a status without a file."""
    what = f"{response.status_code} {response.reason or ''}".strip()
    if response.status_code in TRANSIENT:
        after = response.headers.get("Retry-After", "")
        return _TryAgain(f"it answers {what}", float(after) if after.isdigit() else 0)
    gone = "it is no longer there: " if response.status_code in (404, 410) else ""
    return MissingError(f"{urlsplit(url).hostname} answers {what} for {url}", gone + BY_HAND)


def _total(response: requests.Response, start: int, known: dict[str, Any]) -> int:
    """Size of the whole file in bytes; 0 if the server does not tell.

    Raises:
        _StartOver: the response does not continue the bytes received so far.
    """
    if response.status_code == 206:
        span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", ""))
        if not span or int(span[1]) != start or int(span[3]) != known.get("total"):
            raise _StartOver("the server continues at another place, or with another file")
        return int(span[3])
    length = response.headers.get("Content-Length", "")
    encoded = response.headers.get("Content-Encoding", "identity") != "identity"
    return int(length) if length.isdigit() and not encoded else 0


def _refuse_full(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if needed + MARGIN > free:
        raise InputError(
            f"{path.name[1:-5]} needs {max(needed, 0) / 1e6:,.0f} MB more, and {MARGIN / 1e6:,.0f} MB should "
            f"stay free; the disk of {path.parent} has {free / 1e6:,.0f} MB",
            "free some space, or set GANEDIT_HOME to a folder on another disk",
        )


def _reason(error: Exception) -> str:
    """Why a request failed, in a few words."""
    import requests
    import urllib3

    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "its server does not answer"
    if isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError):
        return "its server has fallen silent"
    if "NameResolutionError" in str(error):
        return NO_NETWORK
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "it breaks off"
    return f"no connection ({type(error).__name__})"
