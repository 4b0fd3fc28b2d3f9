"""The page in Chromium, with the models that come with ganedit.

With GANEDIT_SCREENSHOTS=FOLDER, pictures of the tabs are written there as NAME.jpg.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

import ganedit
from ganedit.store.importing import name_for

pytest.importorskip("gradio", reason='the page needs gradio: pip install "ganedit[studio]"')
playwright = pytest.importorskip(
    "playwright.sync_api", reason='a browser needs pip install "ganedit[browser]"'
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not there: apt-get install chromium")

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
PATIENCE = 120_000  # milliseconds for a piece of work on a busy machine
SHOTS = os.environ.get("GANEDIT_SCREENSHOTS")
ON = "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input', {bubbles: true})) }"


@dataclass
class Server:
    process: subprocess.Popen[str]
    address: str
    folder: Path  # where its temporary folders are


def start(folder: Path, **variables: str) -> Server:
    """A server of its own, whose temporary folders lie in `folder`, and its models beside it."""
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "ganedit", "studio", "--device", "cpu", "--dtype", "float32",
         "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, **variables, "TMPDIR": str(folder), "GANEDIT_HOME": f"{folder}-models"},
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a background job ignores it
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
    assert list(started.folder.glob("ganedit-studio-*")) == []


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


def visit(browser: Any, server: Server, width: int = 1280) -> Any:
    page = browser.new_context(viewport={"width": width, "height": 900}, accept_downloads=True).new_page()
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


def taken(page: Any, folder: Path) -> Path:
    """The file behind the visible button for downloads."""
    with page.expect_download() as download:
        page.locator(".take:visible").first.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def slider(page: Any, name: str) -> Any:
    return page.locator(f"#slider-{name} input[type=range]")


def stands_at(page: Any, name: str, value: str) -> None:
    playwright.expect(slider(page, name)).to_have_value(value, timeout=PATIENCE)


def move(page: Any, name: str, to: float) -> None:
    """Move a slider, and wait for the picture."""
    before = page.locator("#preview img").get_attribute("src")
    slider(page, name).evaluate(ON, to)
    page.wait_for_function("old => document.querySelector('#preview img').src !== old", arg=before)


def press(page: Any, name: str, **options: Any) -> None:
    page.get_by_role("button", name=name, exact=True).locator("visible=true").first.click(**options)


def result(page: Any) -> None:
    page.locator(".compare:visible img").first.wait_for()


def test_a_portrait_is_edited_pasted_and_taken_away(page, photo, tmp_path, shell):
    begin(page, photo)
    move(page, "smile", 2)
    assert page.locator("#preview img").get_attribute("alt") == "The face of me.png with smile +2"
    press(page, "Paste into the photo")
    result(page)
    shoot(page, "studio-portrait")
    saved = taken(page, tmp_path / "page")
    assert saved.name == "me.edited.png"
    assert ganedit.read_provenance(saved)["parameters"]["command"] == command_of(page)
    pixels = ganedit.read_image(saved).pixels
    assert (pixels != ganedit.read_image(photo).pixels).any()
    shell(command_of(page))
    assert np.array_equal(ganedit.read_image(tmp_path / "me.edited.png").pixels, pixels)
    move(page, "age", -1)
    move(page, "smile", 3.5)
    page.get_by_text("smile +3.5 is beyond its safe range").wait_for()
    for button, smile, age in (
        ("Undo", "2", "-1"),
        ("Undo", "2", "0"),
        ("Redo", "2", "-1"),
        ("Reset", "0", "0"),
    ):
        press(page, button)
        stands_at(page, "age", age)
        stands_at(page, "smile", smile)


def test_a_point_is_dragged(page, photo):
    begin(page, photo)
    move(page, "smile", 1)
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
    press(page, "Drag")
    page.get_by_text("of 1 arrived").wait_for()
    assert re.search(r" edit me\.png --direction smile .* \| ganedit drag - --move ", command_of(page))
    shoot(page, "studio-drag")
    open_tab(page, "Portrait")
    stands_at(page, "smile", "0")  # they start from what was dragged
    open_tab(page, "Drag")
    press(page, "Undo")
    page.wait_for_function(
        "[...document.querySelectorAll('.command textarea')].some(box => box.offsetParent && "
        "box.value.includes('smile') && !box.value.includes('drag'))"
    )
    open_tab(page, "Portrait")
    stands_at(page, "smile", "1")


def test_what_is_painted_is_filled_and_the_rest_stays(page, photo, tmp_path, shell):
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
    press(page, "Fill what is painted")
    result(page)
    shoot(page, "studio-paint")
    filled = ganedit.read_image(taken(page, tmp_path / "page")).pixels
    changed = (filled != ganedit.read_image(photo).pixels).any(axis=2)
    assert 50 < changed.sum() < changed.size / 4
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the mask").click()
    download.value.save_as(tmp_path / "me.mask.png")
    mask = ganedit.read_image(tmp_path / "me.mask.png").pixels[..., 0] > 127
    assert not changed[~mask].any()
    shell(command_of(page))
    assert np.array_equal(ganedit.read_image(tmp_path / "me.inpainted.png").pixels, filled)


def test_photos_become_drawings_that_become_faces_and_are_coloured(page, photo, tmp_path):
    open_tab(page, "Paint")
    for tab, canvas, begin_with, name in (
        ("Sketch to face", "#sketch-canvas", "Start from the lines of a photo", "sketch"),
        ("Label map to face", "#labels-canvas", "Start from the face of a photo", "map"),
    ):
        open_tab(page, tab)
        page.locator(f"{canvas} canvas").first.wait_for()
        page.wait_for_timeout(1000)
        press(page, "Make a face of it")
        page.locator(".failed:visible").wait_for()  # nothing was drawn
        with page.expect_file_chooser() as chooser:
            press(page, begin_with)
        with page.expect_response(lambda response: "/file=" in response.url):
            chooser.value.set_files(photo)
        page.wait_for_timeout(3000)  # until the canvas has it
        press(page, "Make a face of it")
        result(page)
        assert taken(page, tmp_path / "page").name == f"{name}.translated.png"
        assert f" translate {name}.png --model " in command_of(page)
    open_tab(page, "Translate, colourise, enlarge")
    page.get_by_label("Target labels").wait_for()  # for the model that is chosen at first
    press(page, "Change the photo")
    page.get_by_text("Choose a photo first.").wait_for()
    page.locator("#transform-photo input[type=file]").set_input_files(photo)
    page.locator("#transform-photo").get_by_text("me", exact=True).wait_for()
    page.get_by_label("Colourise").click()
    page.get_by_label("Target labels").wait_for(state="hidden")
    press(page, "Change the photo")
    result(page)
    assert command_of(page) == "ganedit colorize me.png --model colorize-faces -o me.colorized.png"
    assert taken(page, tmp_path / "page").name == "me.colorized.png"


def test_samples_are_shown_walked_through_kept_and_edited(page, tmp_path):
    open_tab(page, "Explore")
    press(page, "Show samples")
    wall = page.locator("#wall button")
    wall.last.wait_for()
    assert wall.count() == 24
    for number, seeds in ((3, "3"), (7, "3 7")):
        wall.nth(number).click()
        playwright.expect(page.locator("#walk textarea, #walk input")).to_have_value(seeds, timeout=PATIENCE)
    press(page, "Make a walk")
    page.wait_for_function("(document.querySelector('video') || {}).readyState > 1")
    assert page.locator("video").evaluate("film => [film.videoWidth, film.duration]") == [256, 2.4]
    assert command_of(page) == "ganedit interpolate 3 7 -o walk.mp4"
    page.get_by_label("Keep it: save or edit").click()
    wall.nth(5).click()
    playwright.expect(page.locator("#keep textarea, #keep input")).to_have_value("5", timeout=PATIENCE)
    press(page, "Make its latent file")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download seed0005.latent.safetensors").click()
    download.value.save_as(tmp_path / "kept.latent.safetensors")
    kept = ganedit.Latent.load(tmp_path / "kept.latent.safetensors")
    (sample,) = ganedit.generate(ganedit.load("faces", "cpu", "float32"), [5])
    assert np.allclose(kept.ws, sample.latent.ws, atol=1e-5)
    press(page, "Edit it in Portrait")
    move(page, "smile", 1)
    assert command_of(page).startswith("ganedit generate --seeds 5 | ganedit edit - --direction smile ")


def test_a_checkpoint_is_imported_and_terms_are_shown_before_a_download(page):
    checkpoint = GOLDEN / "narrow" / "cyclegan-resnet9_latest_net_G_A.pth"
    open_tab(page, "Models")
    page.locator("#checkpoint input[type=file]").set_input_files(checkpoint)
    named = name_for(checkpoint)
    playwright.expect(page.get_by_label("Name", exact=True)).to_have_value(named, timeout=PATIENCE)
    press(page, "Import")
    page.get_by_text(f"{named} is a translator").wait_for()
    page.locator("#models").get_by_text(named).locator("visible=true").first.wait_for()
    page.locator("#wanted input").fill("stylegan2-ffhq-1024")
    page.get_by_role("option", name="stylegan2-ffhq-1024").click()
    page.get_by_role("link", name="NVIDIA Source Code License").wait_for()
    press(page, "Download")
    page.get_by_text("the terms of stylegan2-ffhq-1024 were not agreed to").wait_for()


def test_a_melody_is_played_on_the_other_instrument(page, tmp_path):
    sound = ganedit.read_sound(Path(__file__).resolve().parents[2] / "examples" / "greensleeves-violin.flac")
    ganedit.write_sound(tmp_path / "tune.wav", [sound.samples[:, : sound.rate]], sound.rate)
    open_tab(page, "Sound")
    page.locator("#sound input[type=file]").set_input_files(tmp_path / "tune.wav")
    page.locator("#sound").get_by_text("tune").wait_for()
    press(page, "Play it on the other instrument")
    page.get_by_alt_text("Spectrogram after").wait_for()
    assert page.get_by_alt_text("Spectrogram before").is_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download tune.flute2violin.wav").click()
    download.value.save_as(tmp_path / "after.wav")
    played = ganedit.read_sound(tmp_path / "after.wav")
    assert played.samples.shape[-1] / played.rate == pytest.approx(1, abs=0.01)
    assert np.abs(played.samples).max() > 0.01


def test_the_page_fits_a_phone(browser, server):
    page = visit(browser, server, width=390)
    page.locator("#photo").wait_for()
    for name in ("Portrait", "Drag", "Text", "Explore", "Paint", "Sound", "Models"):
        tab = page.get_by_role("tab", name=name, exact=True).locator("visible=true")
        if not tab.count():
            page.locator(".overflow-menu > button:visible").first.click()
            tab = page.locator(".overflow-dropdown button:visible").get_by_text(name, exact=True)
        tab.first.click()
        page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator("img:not([alt]):visible").count() == 0
    page.context.close()


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


def test_files_that_cannot_be_used_are_refused_by_a_sentence(page, tmp_path, photo):
    for name, content, told in (
        (
            "notes.txt",
            b"Buy milk\n",
            "notes.txt cannot be read as an image: found text, beginning 'Buy milk'",
        ),
        ("huge.png", huge_png(), "huge.png claims to be larger than 200 megapixels"),
    ):
        (tmp_path / name).write_bytes(content)
        upload(page, tmp_path / name)
        page.get_by_text(told).wait_for()
        page.locator("#photo").get_by_text(name).wait_for(state="hidden")  # it does not stay as the photo
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


def test_a_server_with_a_password_is_killed_leaves_nothing_and_the_page_says_so(browser, photo, tmp_path):
    own = start(tmp_path / "tmp", GANEDIT_STUDIO_PASSWORD="open sesame")
    page = visit(browser, own)
    for password, answer in (("wrong", "Incorrect"), ("open sesame", "Try it with an example")):
        page.get_by_label("username").fill("ganedit")
        page.get_by_label("password").fill(password)
        page.get_by_role("button", name="Login").click()
        page.get_by_text(answer).first.wait_for()
    upload(page, photo)
    page.locator("#outlines img").wait_for()
    assert len(list(own.folder.glob("ganedit-studio-*"))) == 1
    press(page, "Edit this face")
    page.get_by_text("Projecting the face").first.wait_for()
    own.process.send_signal(signal.SIGTERM)
    assert own.process.wait(60) == 128 + signal.SIGTERM
    assert list(own.folder.glob("ganedit-studio-*")) == []
    page.get_by_text("The connection to ganedit studio is lost").wait_for()
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
