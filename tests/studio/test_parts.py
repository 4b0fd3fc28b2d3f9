"""What the page is made of: jobs, sentences, pictures, canvases, settings."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from ganedit.errors import GaneditError, InputError, UsageError
from ganedit.images.align import TEMPLATES
from ganedit.store.load import load
from ganedit.store.registry import bundled_folder
from ganedit.store.uses import use_of, use_on_card
from ganedit.studio import choices
from ganedit.studio.canvas import nearest_labels, on_paper, painted
from ganedit.studio.errors import Stopped, shown
from ganedit.studio.explore import mix_sheet, seeds_in
from ganedit.studio.jobs import Job
from ganedit.studio.page import build
from ganedit.studio.pictures import containing, corners, outlined, picture
from ganedit.studio.serving import Guarded
from ganedit.studio.settings import Settings, is_local
from ganedit.studio.workshop import Runner, Workshop

HERE = Path("/tmp/studio")


def explain(error: Exception) -> str:
    return f"{error}. {getattr(error, 'hint', '')}"


# ---- jobs ----


def test_a_job_tells_how_far_it_is_and_gives_its_result():
    job = Job("Counting <to> 3", threading.Event())
    go_on = threading.Event()

    def work():
        job.progress(1, 4)
        assert go_on.wait(10)
        return 42

    bars = []
    for seen in job.run(work):
        bars.append(seen.bar)
        if "25%" in seen.bar:
            go_on.set()
    assert job.result == 42
    assert 'value="0.250"' in bars[-1]
    assert "Counting &lt;to&gt; 3" in bars[-1]


def test_a_job_stops_at_its_next_step():
    stop = threading.Event()
    job = Job("", stop)

    def work():
        for step in range(1000):
            job.progress(step, 1000)
            time.sleep(0.01)

    running = job.run(work)
    next(running)
    stop.set()
    with pytest.raises(Stopped):
        list(running)


def test_a_job_that_was_stopped_in_the_queue_never_begins():
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        list(Job("", stop).run(lambda: pytest.fail("it ran")))


def test_a_job_ends_before_the_next_begins_if_the_visitor_leaves():
    job, ended = Job("", threading.Event()), threading.Event()

    def work():
        try:
            while True:
                job.progress(0, 1)
                time.sleep(0.01)
        finally:
            ended.set()

    running = job.run(work)
    next(running)
    running.close()
    assert ended.is_set()


def test_a_job_hears_the_warnings_of_its_own_thread():
    job = Job("", threading.Event())
    log = logging.getLogger("ganedit.somewhere")

    def work():
        log.warning("mine")
        other = threading.Thread(target=log.warning, args=("theirs",))
        other.start()
        other.join()

    list(job.run(work))
    assert job.warnings == ["mine"]


def test_a_closing_workshop_stops_its_jobs(tmp_path):
    shop = Workshop(tmp_path, explain)
    job = shop.job("", None)
    shop.close()
    assert job.stop.is_set()


# ---- sentences ----


def test_failures_are_sentences_without_the_folders_of_the_server():
    def handler():
        raise InputError(f"{HERE}/5a/notes.txt cannot be read", "give a PNG")

    with pytest.raises(gr.Error) as caught:
        shown(handler, explain, HERE)()
    assert caught.value.message == "notes.txt cannot be read. give a PNG"


def test_a_failed_job_gives_its_buttons_back(tmp_path):
    with gr.Blocks():
        runner = Runner(Workshop(tmp_path, explain), "Go")
        started: list = []

        def handler(stop):
            yield {runner.status: "working"}
            raise UsageError("`steps=0` must be at least 1")

        runner.start.click = lambda *args, **options: started.append(args) or _Then(started)
        runner.runs(handler, [], [])
    (work, *_) = started[1]
    first, last = list(work(None))
    assert first[runner.status] == "working"
    assert "must be at least 1" in last[runner.status]
    assert last[runner.start]["interactive"] is True
    assert last[runner.cancel]["visible"] is False


class _Then:
    def __init__(self, started):
        self.started = started

    def then(self, *args, **options):
        self.started.append(args)


# ---- pictures and canvases ----


def test_the_smallest_outline_around_a_click_is_chosen():
    def quad(x, y, side):
        return corners(np.array([[side / 64, 0, x], [0, side / 64, y]]), 64)

    quads = [quad(0, 0, 100), quad(20, 20, 30), quad(200, 0, 50)]
    assert quads[1].tolist() == [[20, 20], [50, 20], [50, 50], [20, 50]]
    assert containing(quads, 5, 5) == 0
    assert containing(quads, 30, 30) == 1
    assert containing(quads, 210, 10) == 2
    assert containing(quads, 150, 150) is None


def test_outlines_are_drawn_on_a_reduced_photo():
    photo = np.full((1000, 2048, 3), 128, np.uint8)
    quad = np.array([[200, 200], [600, 200], [600, 600], [200, 600]], float)
    drawn = outlined(photo, [quad], 0)
    assert drawn.shape == (500, 1024, 3)
    assert (drawn[100, 200] != 128).any()
    assert (drawn[200, 200] == 128).all()


def test_a_picture_is_described_and_its_text_is_harmless():
    html = picture(np.zeros((2, 2, 3), np.uint8), 'A "face"', warnings=["<b>smile</b>"])
    assert 'alt="A &quot;face&quot;"' in html
    assert "&lt;b&gt;smile&lt;/b&gt;" in html


def test_paint_becomes_a_mask_of_the_size_of_the_photo():
    layer = np.zeros((100, 200, 4), np.uint8)
    layer[50:, :100, 3] = 255
    mask = painted({"layers": [layer]}, (400, 800, 3))
    assert mask.shape == (400, 800)
    assert mask[250:, :350].all()
    assert not mask[:150].any()
    assert not mask[:, 450:].any()
    assert painted({"layers": []}, (4, 4)) is None
    assert painted({"layers": [np.zeros((4, 4, 4), np.uint8)]}, (4, 4)) is None


def test_a_drawing_lies_on_white_paper():
    drawn = np.zeros((1, 2, 4), np.uint8)
    drawn[0, 0] = (0, 0, 0, 255)
    assert on_paper({"composite": drawn}).tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_soft_edges_of_the_brush_become_labels():
    colours = np.array([(0, 0, 0), (240, 190, 150), (210, 50, 70)])
    pixels = np.array([[(10, 5, 0), (200, 170, 140), (215, 60, 80)]], np.uint8)
    assert nearest_labels(pixels, colours).tolist() == [[0, 1, 2]]


# ---- models ----


def test_the_use_on_a_card_is_that_of_the_model():
    for name in sorted(path.parent.name for path in bundled_folder().glob("*/card.toml")):
        from ganedit.store import registry

        card = registry.card(name)
        if card.task in ("translator", "upscaler", "restorer", "single-image"):
            assert use_on_card(card) == use_of(load(name, "cpu"))
        else:
            assert use_on_card(card) is None


def test_each_task_offers_its_models():
    assert choices.generators()[0] == "faces"
    assert choices.for_use("inpaint") == ["inpaint-faces"]
    assert "edges2faces" in choices.for_use("translate", drawn="edges")
    assert choices.for_use("translate", drawn="labels") == ["labels2faces"]
    assert not {"edges2faces", "labels2faces"} & set(choices.for_use("translate", drawn=""))


def test_seeds_are_read_as_people_write_them():
    assert seeds_in(" 1, 5 7") == [1, 5, 7]
    with pytest.raises(UsageError, match="not a list of seeds"):
        seeds_in("1 x")


def test_a_mix_is_the_sheet_of_the_command(tiny_faces, shell, tmp_path):
    from ganedit.images.io import read_image

    sheet = mix_sheet(load("faces", "cpu"), [1, 2], [3], "coarse", 0.7, lambda done, total: None)
    shell("ganedit mix --rows 1,2 --cols 3 --layers coarse")
    assert np.array_equal(read_image(tmp_path / "mix.png").pixels, sheet)


# ---- the page ----


def test_everything_on_the_page_has_a_label(tiny_faces, tmp_path):
    page = build(Workshop(tmp_path, explain))
    kinds = (gr.Textbox, gr.Slider, gr.Radio, gr.Dropdown, gr.Number, gr.Checkbox, gr.File, gr.ImageEditor)
    parts = [block for block in page.blocks.values() if isinstance(block, kinds)]
    assert len(parts) > 30
    assert [part for part in parts if not part.label] == []
    pictures = [block for block in page.blocks.values() if isinstance(block, gr.Image)]
    assert [part.label for part in pictures if not part.alt_text] == []
    assert [part for part in page.blocks.values() if isinstance(part, gr.Button) and not part.value] == []


# ---- serving ----


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.org"])
def test_other_computers_need_a_password(host):
    assert not is_local(host)
    with pytest.raises(GaneditError, match="needs a password"):
        Settings(host)
    assert Settings(host, password="secret").host == host


def test_only_ports_that_exist_are_taken():
    with pytest.raises(UsageError, match="65535"):
        Settings(port=70_000)


def test_requests_under_another_name_are_refused():
    """A page of another site can make a browser send requests here under its own name (DNS rebinding)."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    def answer(host: bytes, local: bool, path: str = "/"):
        sent = []

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "path": path, "headers": [(b"host", host)]}
        asyncio.run(Guarded(app, local, "run 7")(scope, None, send))
        return sent[0]

    assert answer(b"evil.example:7860", local=True)["status"] == 421
    assert answer(b"evil.example:7860", local=True, path="/alive")["status"] == 421
    assert answer(b"evil.example:7860", local=False)["status"] == 200
    for host in (b"localhost:7860", b"127.0.0.1", b"[::1]:7860"):
        found = answer(host, local=True)
        assert found["status"] == 200
        assert b"default-src 'self'" in dict(found["headers"])[b"content-security-policy"]


def test_the_template_of_drawn_faces_is_that_of_their_models():
    from ganedit.store import registry

    for name in ("edges2faces", "labels2faces"):
        assert registry.card(name).template == "close-up"
    assert "close-up" in TEMPLATES
