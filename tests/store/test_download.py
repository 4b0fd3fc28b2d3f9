"""Downloads from a server that misbehaves in every way, on this machine."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ganedit.errors import CheckpointError, InputError, MissingError
from ganedit.files import locked
from ganedit.store.downloads import download as downloading
from ganedit.store.downloads.arrivals import not_weights
from ganedit.store.downloads.download import Patience, download

BODY = b"\x80\x02" + bytes(range(256)) * 4000
SHA = hashlib.sha256(BODY).hexdigest()
HASTY = Patience(connect=2, silence=0.5, slowest=512, window=0.3, attempts=3, backoff=0.01)

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers with what the test put into `server.answers`, the last one again and again."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        answers: list[Answer] = self.server.answers  # type: ignore[attr-defined]
        self.server.asked.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        self.close_connection = True
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def say(self, status: int, body: bytes = b"", **headers: object) -> None:
        self.send_response(status)
        given = {"Content_Length": len(body), "Connection": "close", **headers}
        for key, value in given.items():
            if value is not None:
                self.send_header(key.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    @property
    def first(self) -> int:
        """The first byte that was asked for."""
        found = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(found[1]) if found else 0

    def log_message(self, *args: object) -> None:
        pass


def honest(handler: Handler, body: bytes = BODY, etag: str | None = '"one"', upto: int | None = None) -> None:
    """A good server, which may break off at `upto`."""
    first = handler.first
    if first and handler.headers.get("If-Range") in (None, etag):
        if first >= len(body):
            return handler.say(416)
        part = f"bytes {first}-{len(body) - 1}/{len(body)}"
        return handler.say(
            206, body[first:upto], Content_Range=part, Content_Length=len(body) - first, ETag=etag
        )
    return handler.say(200, body[:upto], Content_Length=len(body), ETag=etag)


def cut(upto: int, **kind: object) -> Answer:
    return lambda handler: honest(handler, upto=upto, **kind)  # type: ignore[arg-type]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    answers: list[Answer]
    asked: list[tuple[str, dict[str, str]]]

    def url(self, path: str = "/weights.pkl") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, *args: object) -> None:
        pass  # clients that hang up are what these tests are about


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.answers, server.asked = [honest], []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(server, tmp_path):
    return lambda **given: download(server.url(), tmp_path / "weights.pkl", patience=HASTY, **given)


def left_in(folder) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


# ---- good and half-good servers ----


def test_a_file_arrives(server, fetch, tmp_path):
    seen = []
    path = fetch(size=len(BODY), sha256=SHA, progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == BODY
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert left_in(tmp_path) == ["weights.pkl"]


def test_a_cut_download_goes_on_where_it_stopped(server, fetch):
    server.answers = [cut(300_000), cut(700_000), honest]
    assert fetch().read_bytes() == BODY
    ranges = [headers.get("Range") for _, headers in server.asked]
    assert ranges == [None, "bytes=300000-", "bytes=700000-"]
    assert server.asked[1][1]["If-Range"] == '"one"'


def test_the_next_run_goes_on_too(server, fetch, tmp_path):
    server.answers = [cut(300_000), lambda handler: handler.say(404)]
    with pytest.raises(MissingError, match="404"):
        fetch()
    assert not (tmp_path / "weights.pkl").exists()
    server.answers = [honest]
    assert fetch(sha256=SHA).read_bytes() == BODY
    assert server.asked[-1][1]["Range"] == "bytes=300000-"
    assert left_in(tmp_path) == ["weights.pkl"]


def test_a_changed_file_starts_over(server, fetch):
    other = BODY[::-1]
    server.answers = [cut(300_000), lambda handler: honest(handler, other, etag='"two"')]
    assert fetch().read_bytes() == other


def test_without_a_version_the_next_run_starts_over(server, fetch):
    server.answers = [cut(300_000, etag=None), lambda handler: handler.say(404)]
    with pytest.raises(MissingError):
        fetch()
    server.answers = [lambda handler: honest(handler, BODY[::-1], etag=None)]
    assert fetch().read_bytes() == BODY[::-1]


def test_ranges_are_ignored(server, fetch):
    def deaf(handler: Handler) -> None:
        handler.say(200, BODY, ETag='"one"')

    server.answers = [cut(300_000), deaf]
    assert fetch(sha256=SHA).read_bytes() == BODY


def test_a_range_from_elsewhere_is_not_appended(server, fetch):
    def wrong(handler: Handler) -> None:
        handler.say(206, BODY[5:], Content_Range=f"bytes 5-{len(BODY) - 1}/{len(BODY)}", ETag='"one"')

    server.answers = [cut(300_000), wrong, honest]
    assert fetch().read_bytes() == BODY


def test_no_length_is_told(server, fetch):
    server.answers = [lambda handler: handler.say(200, BODY, Content_Length=None)]
    assert fetch(sha256=SHA).read_bytes() == BODY


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_passing_faults(server, fetch, status):
    server.answers = [lambda handler: handler.say(status, Retry_After="0"), honest]
    assert fetch().read_bytes() == BODY
    assert len(server.asked) == 2


# ---- servers that lie ----


def test_more_is_claimed_than_comes(server, fetch, tmp_path):
    server.answers = [lambda handler: handler.say(200, BODY, Content_Length=len(BODY) + 99, ETag='"one"')]
    with pytest.raises(MissingError, match="cannot be downloaded"):
        fetch()
    assert not (tmp_path / "weights.pkl").exists()
    assert len(server.asked) < 10


def test_more_is_claimed_than_comes_by_a_server_with_ranges(server, fetch):
    def liar(handler: Handler) -> None:
        if handler.first:
            handler.say(416)
        else:
            handler.say(200, BODY, Content_Length=len(BODY) + 99, ETag='"one"')

    server.answers = [liar]
    with pytest.raises(MissingError, match="cannot be downloaded"):
        fetch()
    assert len(server.asked) < 10


@pytest.mark.parametrize("known", [{"size": len(BODY)}, {"sha256": SHA}])
def test_less_is_claimed_than_there_is(server, fetch, tmp_path, known):
    server.answers = [lambda handler: handler.say(200, BODY, Content_Length=1000)]
    with pytest.raises(CheckpointError):
        fetch(**known)
    assert left_in(tmp_path) == [] or not (tmp_path / "weights.pkl").exists()


def test_an_absurd_length(server, fetch):
    server.answers = [lambda handler: handler.say(200, b"\x80", Content_Length=10**15)]
    with pytest.raises(CheckpointError, match="no model is that large"):
        fetch()


def test_another_file(server, fetch, tmp_path):
    server.answers = [lambda handler: handler.say(200, BODY[::-1])]
    with pytest.raises(CheckpointError, match=f"not {SHA[:12]}"):
        fetch(sha256=SHA)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"\n<!DOCTYPE html><html><head><title>Sign in</title></head></html>", "web page .'Sign in'"),
        (b'{"error": "no such model"}', "no such model"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (b"", "an empty file"),
    ],
)
@pytest.mark.parametrize("size", [0, len(BODY)])
def test_pages_instead_of_weights(server, fetch, tmp_path, body, named, size):
    server.answers = [lambda handler: handler.say(200, body)]
    with pytest.raises(CheckpointError, match=named):
        fetch(size=size)
    assert left_in(tmp_path) == []


def test_weights_are_not_taken_for_pages():
    assert not_weights(b"\x80\x02}q\x00") == ""
    assert not_weights(b"PK\x03\x04 <html>") == ""
    assert not_weights((64).to_bytes(8, "little") + b'{"a": 1}') == ""
    assert not_weights(b'{"z_dim": 128}', text=True) == ""


@pytest.mark.parametrize(("status", "said"), [(404, "no longer there"), (403, "403"), (401, "401")])
def test_refusals_are_named_and_not_repeated(server, fetch, status, said):
    server.answers = [lambda handler: handler.say(status)]
    with pytest.raises(MissingError, match=str(status)) as raised:
        fetch()
    assert said in raised.value.message + raised.value.hint
    assert "`mirror`" in raised.value.hint
    assert len(server.asked) == 1


def test_a_server_that_stays_broken(server, fetch):
    server.answers = [lambda handler: handler.say(503)]
    with pytest.raises(MissingError, match="503"):
        fetch()
    assert len(server.asked) == HASTY.attempts


# ---- redirects ----


def to(place: str) -> Answer:
    return lambda handler: handler.say(302, Location=place)


def test_redirects_to_another_port(server, fetch):
    other = Server(("127.0.0.1", 0), Handler)
    other.answers, other.asked = [honest], []
    threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    server.answers = [to(other.url("/x.pkl"))]
    assert fetch().read_bytes() == BODY
    assert other.asked[0][0] == "/x.pkl"
    other.shutdown()
    other.server_close()


def test_relative_redirects(server, fetch):
    server.answers = [to("../there.pkl"), honest]
    assert fetch().read_bytes() == BODY
    assert server.asked[1][0] == "/there.pkl"


def test_redirects_without_end(server, fetch):
    server.answers = [to("/again")]
    with pytest.raises(MissingError, match="without end"):
        fetch()
    assert len(server.asked) < 10


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_redirects_that_leave_the_web(server, fetch, tmp_path, place):
    server.answers = [to(place)]
    with pytest.raises(MissingError, match="is not a web address"):
        fetch()
    assert "weights.pkl" not in left_in(tmp_path)


def test_https_does_not_lead_to_http(monkeypatch, tmp_path):
    import requests

    answer = requests.Response()
    answer.status_code, answer.headers["Location"] = 301, "http://example.org/x.pkl"
    answer._content_consumed = True
    monkeypatch.setattr(requests.Session, "get", lambda *args, **kwargs: answer)
    with pytest.raises(MissingError, match="from https to http"):
        download("https://example.org/x.pkl", tmp_path / "x.pkl", patience=HASTY)


# ---- time, disk and other processes ----


def test_silence(server, fetch):
    def stall(handler: Handler) -> None:
        handler.say(200, BODY[:1000], Content_Length=len(BODY))
        handler.wfile.flush()
        time.sleep(3)

    server.answers = [stall, honest]
    started = time.monotonic()
    assert fetch().read_bytes() == BODY
    assert time.monotonic() - started < 2.5


def test_a_trickle(server, fetch):
    def trickle(handler: Handler) -> None:
        handler.say(200, b"\x80", Content_Length=len(BODY), ETag='"one"')
        for i in range(1, 30):
            handler.wfile.write(BODY[i : i + 1])
            handler.wfile.flush()
            time.sleep(0.1)

    server.answers = [trickle, lambda handler: handler.say(404)]
    with pytest.raises(MissingError, match="404"):
        fetch()
    assert len(server.asked) == 2


def test_no_server(tmp_path):
    started = time.monotonic()
    with pytest.raises(MissingError, match="cannot be downloaded") as raised:
        download("http://127.0.0.1:9/x.pkl", tmp_path / "x.pkl", patience=HASTY)
    assert "models import" in raised.value.hint
    assert time.monotonic() - started < 5


def test_proxies_of_the_environment(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url(""))
    monkeypatch.setenv("no_proxy", "")
    path = download("http://models.example.org/x.pkl", tmp_path / "x.pkl", patience=HASTY)
    assert path.read_bytes() == BODY
    assert server.asked[0][0] == "http://models.example.org/x.pkl"


class Disk:
    def __init__(self, free: int) -> None:
        self.free = free


def test_a_disk_too_small(fetch, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: Disk(downloading.MARGIN + len(BODY) - 1))
    with pytest.raises(InputError, match="stay free"):
        fetch()
    assert left_in(tmp_path) == []


def test_a_disk_that_fills_up_meanwhile(server, fetch, tmp_path, monkeypatch):
    free = iter([10**12])
    monkeypatch.setattr(downloading, "DISK_STEP", 2**18)
    monkeypatch.setattr("shutil.disk_usage", lambda path: Disk(next(free, 0)))
    with pytest.raises(InputError, match="stay free"):
        fetch()
    assert not (tmp_path / "weights.pkl").exists()
    monkeypatch.undo()
    assert fetch().read_bytes() == BODY
    assert int(server.asked[-1][1]["Range"][6:-1]) > 0


def test_two_at_once(server, fetch, tmp_path):
    with (
        locked(tmp_path / ".weights.pkl.part.lock", "held"),
        pytest.raises(InputError, match="another ganedit is downloading"),
    ):
        fetch()
    assert fetch().read_bytes() == BODY
