"""`ganedit view` in a pretended terminal, and what notebooks show."""

from __future__ import annotations

import ast
import fcntl
import io
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageShow

from ganedit.images.align import TEMPLATES, align_faces
from ganedit.images.io import Photo, read_image
from ganedit.latent.latent import Latent

ROOT = Path(__file__).resolve().parents[2]
RED, GREEN = "255;0;0", "0;128;0"
ASKS, SIXEL = b"\x1b[c", b"\x1b[?62;4c"  # "what can you do?", "sixel graphics"


def in_terminal(*argv: object, sixel: bool = False, columns: int = 40, status: int = 0) -> str:
    """What a command writes into a terminal, which answers whether it shows sixel graphics."""
    parent, child = pty.openpty()
    size = struct.pack("HHHH", 30 if columns else 0, columns, 8 * columns, 16 * 30)  # also in pixels
    fcntl.ioctl(child, termios.TIOCSWINSZ, size)
    environment = {**os.environ, "COLORTERM": "truecolor", "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "ganedit", *map(str, argv)],
        stdin=child, stdout=child, stderr=subprocess.STDOUT, env=environment,
    )  # fmt: skip
    os.close(child)
    said, answered, deadline = b"", False, time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([parent], [], [], 0.05)[0]:
            try:
                more = os.read(parent, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not more:
                break
            said += more
        if sixel and not answered and ASKS in said:
            os.write(parent, SIXEL)
            answered = True
    assert process.wait(timeout=10) == status, said
    os.close(parent)
    return said.decode()


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    """An image whose upper half is red, and its lower half green."""
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:20], pixels[20:] = (255, 0, 0), (0, 128, 0)
    Image.fromarray(pixels).save(tmp_path / "flag.png")
    return tmp_path / "flag.png"


def test_any_terminal_shows_an_image(flag):
    """Two pixels for each character, the upper one in the colour of the text."""
    said = in_terminal("view", flag, "--width", 20)
    rows = [row for row in said.splitlines() if "▀" in row]
    assert len(rows) == 5
    assert all(row.count("▀") == 20 for row in rows)
    assert f"38;2;{RED}" in rows[0]
    assert f"48;2;{GREEN}" in rows[-1]
    assert GREEN not in rows[0]


def test_a_terminal_with_graphics_shows_every_pixel(flag):
    said = in_terminal("view", flag, "--width", 20, sixel=True)
    (drawn,) = re.findall(r"\x1bP[\d;]*q.*?\x1b\\", said, re.DOTALL)
    assert "▀" not in said
    assert "#" in drawn


def test_a_terminal_without_a_size_is_said(flag):
    said = in_terminal("view", flag, columns=0, status=2)
    assert "the terminal does not say how large it is" in said


def test_without_a_terminal_it_says_so(ganedit, flag):
    ran = ganedit("view", flag)
    assert ran.status == 2
    assert "standard output is not a terminal" in ran.err
    assert ganedit("view", flag, "--window", "--width", 0).status == 2


def test_latents_and_directions_are_drawn(ganedit, tiny_faces, monkeypatch):
    shown = []
    monkeypatch.setattr(ImageShow, "show", lambda image, title: shown.append((title, image)) or True)
    assert ganedit("generate", "--device", "cpu", "--seeds", "3").status == 0
    direction = tiny_faces / "faces/directions/smile.safetensors"
    ran = ganedit("view", "--window", "seed0003.png", "seed0003.latent.safetensors", direction, __file__)
    assert [title for title, _ in shown] == [
        "seed0003.png",
        "seed0003.latent.safetensors",
        "smile.safetensors",
    ]
    assert ran.status == 1
    assert "test_view.py shows no image" in ran.err
    (_, image), (_, drawn), (_, row) = shown
    np.testing.assert_array_equal(np.asarray(image), np.asarray(drawn))
    assert row.width > 7 * 90


def test_no_viewer_is_said(ganedit, flag, monkeypatch):
    monkeypatch.setattr(ImageShow, "show", lambda *_: False)
    ran = ganedit("view", flag, "--window")
    assert "no program to show images was found" in ran.err
    assert ran.status == 5


# ---- notebooks ----


def image_of(shown: object) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(shown._repr_png_())))


def test_photos_and_crops_show_themselves(portrait):
    photo = read_image(portrait)
    np.testing.assert_array_equal(image_of(photo), photo.pixels)
    ((_, face),) = align_faces(photo, size=64, template=TEMPLATES["close-up"])
    np.testing.assert_array_equal(image_of(face), face.crop)
    half = np.full((2, 2), 0, np.uint8)
    assert (image_of(Photo(photo.pixels[:2, :2], alpha=half)) == 255).all()
    assert image_of(Photo(np.zeros((1500, 3000, 3), np.uint16))).shape == (512, 1024, 3)


def test_latents_show_themselves_if_their_model_is_there(ganedit, tiny_faces):
    assert ganedit("generate", "--device", "cpu", "--seeds", "3").status == 0
    latent = Latent.load("seed0003.latent.safetensors")
    np.testing.assert_array_equal(image_of(latent), read_image("seed0003.png").pixels)
    unknown = Latent(latent.ws, "nobody", "0" * 64)
    assert unknown._repr_png_() is None


def test_the_notebook_runs(monkeypatch, tmp_path):
    """Every cell runs, and what its last line gives shows itself."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path))
    cells = json.loads((ROOT / "examples/first-steps.ipynb").read_text())["cells"]
    names: dict[str, object] = {}
    shown = 0
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        *body, last = ast.parse("".join(cell["source"])).body
        exec(compile(ast.Module(body, []), "cell", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
            shown += bool(value._repr_png_())
        else:
            exec(compile(ast.Module([last], []), "cell", "exec"), names)
    assert shown >= 4
