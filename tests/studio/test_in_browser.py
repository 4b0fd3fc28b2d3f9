"""The page in Chromium, with the models that come with ganedit.

With GANEDIT_SCREENSHOTS=FOLDER, pictures of the tabs are written there as NAME.jpg.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

import ganedit

pytest.importorskip("gradio", reason='the page needs gradio: pip install "ganedit[studio]"')
playwright = pytest.importorskip(
    "playwright.sync_api", reason='a browser needs pip install "ganedit[browser]"'
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not there: apt-get install chromium")

PATIENCE = 240_000  # milliseconds for a piece of work on a busy machine
SHOTS = os.environ.get("GANEDIT_SCREENSHOTS")
ON = "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input', {bubbles: true})) }"


@dataclass
class Server:
    process: subprocess.Popen[str]
    address: str
    folder: Path  # where its temporary folders are


def start(folder: Path, *options: str) -> Server:
    """A server of its own, whose temporary folders lie in `folder`."""
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "ganedit", "studio", "--device", "cpu", "--port", str(port), *options],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )  # fmt: skip
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address == f"http://127.0.0.1:{port}/"
    return Server(process, address, folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    started = start(tmp_path_factory.mktemp("studio") / "tmp")
    yield started
    started.process.send_signal(signal.SIGINT)
    assert started.process.wait(60) == 130
    assert list(started.folder.iterdir()) == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        yield started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture
def page(browser, server) -> Iterator[Any]:
    opened = visit(browser, server)
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    yield opened
    opened.context.close()
    assert [url for url in asked if not url.startswith((server.address, "data:", "blob:"))] == []


def visit(browser: Any, server: Server) -> Any:
    page = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(server.address)
    return page


@pytest.fixture
def photo(tmp_path, portrait) -> Path:
    return Path(shutil.copyfile(portrait, tmp_path / "me.png"))


def shoot(page: Any, name: str) -> None:
    if SHOTS:
        page.wait_for_timeout(1500)
        with Image.open(io.BytesIO(page.screenshot(full_page=True))) as image:
            image.thumbnail((1000, 2000))
            image.convert("RGB").save(Path(SHOTS) / f"{name}.jpg", quality=75)


def upload(page: Any, photo: Path) -> None:
    page.locator("#photo input[type=file]").set_input_files(photo)


def begin(page: Any, photo: Path) -> None:
    """Have the face of a photo under the sliders."""
    upload(page, photo)
    page.locator("#outlines img").wait_for()
    page.get_by_text("Model and method").click()
    page.get_by_label("Quick").click()
    page.get_by_role("button", name="Edit this face").click()
    page.locator("#slider-smile").wait_for()


def open_tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def command_of(page: Any) -> str:
    return str(page.locator(".command:visible textarea").input_value())


def repeated(command: str, folder: Path, result: str) -> np.ndarray:
    """The pixels that a printed command line makes in a folder."""
    words = command.replace("ganedit ", f"{shlex.quote(sys.executable)} -m ganedit --device cpu ")
    subprocess.run(words, shell=True, cwd=folder, check=True, capture_output=True, timeout=PATIENCE / 1000)
    return ganedit.read_image(folder / result).pixels


def taken(page: Any, folder: Path) -> Path:
    """The file behind the visible button for downloads."""
    with page.expect_download() as download:
        page.locator(".take:visible").first.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_a_portrait_is_edited_pasted_and_taken_away(page, photo, tmp_path):
    begin(page, photo)
    shown = page.locator("#preview img")
    before = shown.get_attribute("src")
    page.locator("#slider-smile input[type=range]").evaluate(ON, 2)
    page.wait_for_function("old => document.querySelector('#preview img').src !== old", arg=before)
    assert shown.get_attribute("alt") == "The face of me.png with smile +2"
    page.get_by_role("button", name="Paste into the photo").click()
    page.locator(".compare:visible img").first.wait_for()
    shoot(page, "studio-portrait")
    saved = taken(page, tmp_path / "page")
    assert saved.name == "me.edited.png"
    assert ganedit.read_provenance(saved)["parameters"]["command"] == command_of(page)
    pixels = ganedit.read_image(saved).pixels
    assert (pixels != ganedit.read_image(photo).pixels).any()
    assert np.array_equal(repeated(command_of(page), tmp_path, "me.edited.png"), pixels)
    page.locator("#slider-smile input[type=range]").evaluate(ON, 3.5)
    page.get_by_text("smile +3.5 is beyond its safe range").wait_for()
    page.get_by_role("button", name="Undo").first.click()  # the other is that of the brush
    page.wait_for_function("document.querySelector('#slider-smile input[type=range]').value === '0'")


def test_a_point_is_dragged(page, photo):
    begin(page, photo)
    open_tab(page, "Drag")
    face = page.locator("#drag-view img")
    face.wait_for()
    box = face.bounding_box()
    for across, down, text in (
        (0.32, 0.68, r"^[\d.]+,[\d.]+$"),
        (0.28, 0.64, r"^[\d.]+,[\d.]+:[\d.]+,[\d.]+$"),
    ):
        face.click(position={"x": box["width"] * across, "y": box["height"] * down})
        playwright.expect(page.locator("#moves textarea, #moves input")).to_have_value(
            re.compile(text), timeout=PATIENCE
        )
    page.get_by_role("button", name="Drag", exact=True).click()
    page.get_by_text("of 1 arrived").wait_for()
    assert " drag me.png --move " in command_of(page)
    shoot(page, "studio-drag")


def test_what_is_painted_is_filled_and_the_rest_stays(page, photo, tmp_path):
    open_tab(page, "Paint")
    page.locator("#inpaint-photo input[type=file]").set_input_files(photo)
    canvas = page.locator("#inpaint-canvas canvas").first
    canvas.wait_for()
    page.wait_for_timeout(3000)  # until it has its picture
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] * 0.44, box["y"] + box["height"] * 0.27
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y + 8, steps=5)
    page.mouse.up()
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="Fill what is painted").click()
    page.locator(".compare:visible img").first.wait_for()
    shoot(page, "studio-paint")
    filled = ganedit.read_image(taken(page, tmp_path / "page")).pixels
    changed = (filled != ganedit.read_image(photo).pixels).any(axis=2)
    assert 50 < changed.sum() < changed.size / 4
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the mask").click()
    download.value.save_as(tmp_path / "me.mask.png")
    mask = ganedit.read_image(tmp_path / "me.mask.png").pixels[..., 0] > 127
    assert not changed[~mask].any()
    assert np.array_equal(repeated(command_of(page), tmp_path, "me.inpainted.png"), filled)


def huge_png() -> bytes:
    """A PNG that claims 20,001 x 10,000 white pixels, in few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + crc

    header = (20_001).to_bytes(4, "big") + (10_000).to_bytes(4, "big") + bytes([1, 0, 0, 0, 0])
    packer = zlib.compressobj(9)
    row = b"\0" + b"\xff" * 2501
    packed = b"".join(packer.compress(row) for _ in range(10_000)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "notes.txt",
            b"Buy milk\n",
            "notes.txt cannot be read as an image: found text, beginning 'Buy milk'",
        ),
        ("huge.png", huge_png(), "huge.png claims to be larger than 200 megapixels"),
    ],
    ids=["text", "200 megapixels"],
)
def test_files_that_cannot_be_used_are_refused_by_a_sentence(page, tmp_path, photo, name, content, told):
    (tmp_path / name).write_bytes(content)
    upload(page, tmp_path / name)
    page.get_by_text(told).wait_for()
    page.reload()
    upload(page, photo)  # and the page goes on
    page.locator("#outlines img").wait_for()


def test_two_visitors_have_faces_of_their_own(page, browser, server, photo, tmp_path):
    other = visit(browser, server)
    theirs = tmp_path / "you.png"
    ganedit.write_image(theirs, ganedit.read_image(photo).pixels[:, ::-1].copy())
    for visitor, path in ((page, photo), (other, theirs)):
        upload(visitor, path)
        visitor.locator("#outlines img").wait_for()
        visitor.get_by_text("Model and method").click()
        visitor.get_by_label("Quick").click()
    for visitor in (page, other):
        visitor.get_by_role("button", name="Edit this face").click()
    for visitor, name in ((page, "me.png"), (other, "you.png")):
        visitor.locator("#slider-smile").wait_for()
        assert visitor.locator("#preview img").get_attribute("alt") == f"The face of {name}"
    other.context.close()


def test_a_job_is_cancelled(page, photo):
    upload(page, photo)
    page.locator("#outlines img").wait_for()
    page.get_by_role("button", name="Edit this face").click()  # by the slow method
    page.get_by_role("button", name="Cancel").first.click()
    page.get_by_text("Stopped.").wait_for()
    page.get_by_role("button", name="Edit this face").click(trial=True)  # it can be pressed again


def test_nothing_of_the_server_can_be_read(server):
    for path in ("/etc/passwd", str(Path(ganedit.__file__)), f"{server.folder}/../x"):
        for route in ("gradio_api/file=", "file="):
            with pytest.raises(HTTPError) as caught:
                urlopen(f"{server.address}{route}{path}", timeout=60)
            assert caught.value.code in (403, 404)


def test_a_server_that_is_killed_leaves_nothing_and_the_page_says_so(browser, photo, tmp_path):
    own = start(tmp_path / "tmp")
    page = visit(browser, own)
    upload(page, photo)
    page.locator("#outlines img").wait_for()
    assert len(list(own.folder.glob("ganedit-studio-*"))) == 1
    page.get_by_role("button", name="Edit this face").click()
    page.get_by_text("Projecting the face").first.wait_for()
    own.process.send_signal(signal.SIGTERM)
    assert own.process.wait(60) == 128 + signal.SIGTERM
    assert list(own.folder.glob("ganedit-studio-*")) == []
    page.get_by_text("The connection to ganedit studio is lost").wait_for()
    page.context.close()


def test_the_password_is_asked_for(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("GANEDIT_STUDIO_PASSWORD", "open sesame")
    own = start(tmp_path / "tmp")
    page = visit(browser, own)
    for password, right in (("wrong", False), ("open sesame", True)):
        page.get_by_label("username").fill("ganedit")
        page.get_by_label("password").fill(password)
        page.get_by_role("button", name="Login").click()
        if right:
            page.locator("#photo").wait_for()
        else:
            page.get_by_text("Incorrect").wait_for()
    own.process.terminate()
    own.process.wait(60)
    page.context.close()


@pytest.mark.skipif(not SHOTS, reason="GANEDIT_SCREENSHOTS names no folder for pictures of the page")
def test_the_other_tabs_for_the_documentation(page, photo):
    began = time.monotonic()
    begin(page, photo)
    open_tab(page, "Text")
    page.locator("#text-view img").wait_for()
    shoot(page, "studio-text")
    open_tab(page, "Explore")
    page.get_by_role("button", name="Show samples").click()
    page.locator("#wall img").first.wait_for()
    page.locator("#rows textarea, #rows input").fill("1 2")
    page.locator("#columns textarea, #columns input").fill("3 4 5")
    page.get_by_role("button", name="Mix styles").click()
    page.get_by_alt_text("A table of faces").wait_for()
    shoot(page, "studio-explore")
    open_tab(page, "Sound")
    page.get_by_role("button", name="Try it with an example").locator("visible=true").click()
    page.get_by_role("button", name="Play it on the other instrument").click()
    page.locator("#after").wait_for()
    shoot(page, "studio-sound")
    open_tab(page, "Models")
    shoot(page, "studio-models")
    assert time.monotonic() - began < 3600
