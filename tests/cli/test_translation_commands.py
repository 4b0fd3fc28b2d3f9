"""translate, upscale, inpaint and colorize, run as a user does, with small networks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import ganedit as library
from ganedit.cli.commands.inpaint import parse_box
from ganedit.cli.kit.pictures import FILMS
from ganedit.errors import UsageError
from ganedit.images.film import FILM_SUFFIXES, frames, open_film
from ganedit.images.io import Photo, read_image
from ganedit.images.labels import LabelMap
from ganedit.nets.resnet import ResNetConfig, ResNetGenerator
from ganedit.nets.spade import SPADEConfig, SPADEGenerator, StyleEncoder, StyleEncoderConfig
from ganedit.nets.srresnet import SRResNet, SRResNetConfig
from ganedit.nets.stargan import StarGANConfig, StarGANGenerator
from ganedit.nets.unet import UNetConfig, UNetGenerator
from ganedit.nets.unit import UNIT, UNITConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import checksum_of, load, save_model

SPADE = SPADEConfig(3, width=1, hidden=4, style_dim=5, grid=(2, 2))
STYLES = StyleEncoderConfig(5, width=4, layers=2)
RESNET = ResNetConfig(width=4, blocks=1)
MODELS: dict[str, tuple[str, str, nn.Module, dict]] = {}


def _make() -> None:
    """Name: task, architecture, network, details."""
    torch.manual_seed(0)
    hole = UNetConfig(in_channels=4, width=4, downs=3, norm="none")
    lab = UNetConfig(in_channels=1, out_channels=2, width=4, downs=3)
    hair = StarGANConfig(2, width=4, blocks=1)
    MODELS.update(
        {
            "zebras": ("translator", "resnet", ResNetGenerator(RESNET), {}),
            "upscale-x4": ("upscaler", "srresnet", SRResNet(SRResNetConfig(8, 1, 2)), {}),
            "inpaint-faces": ("translator", "unet", UNetGenerator(hole), {"use": "inpaint"}),
            "colorize-faces": ("translator", "unet", UNetGenerator(lab), {"use": "colorize"}),
            "hair": ("translator", "stargan", StarGANGenerator(hair), {"labels": ["blond", "young"]}),
            "both": ("translator", "unit", UNIT(UNITConfig(width=4, blocks=1)), {}),
            "maps": ("translator", "spade", SPADEGenerator(SPADE), {"labels": ["sky", "tree", "sea"]}),
            "maps-encoder": ("encoder", "spade-encoder", StyleEncoder(STYLES), {"model": "maps"}),
        }
    )
    for _, _, network, _ in MODELS.values():
        for weight in network.parameters():
            if weight.ndim > 1:
                nn.init.normal_(weight, 0, weight[0].numel() ** -0.5)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    _make()
    home = tmp_path_factory.mktemp("models")
    for name, (task, architecture, network, details) in MODELS.items():
        card = ModelCard(name, task, architecture, asdict(network.cfg), details=details)
        save_model(home / name, card, network.state_dict())
    return home


@pytest.fixture
def models(saved: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANEDIT_HOME", str(saved))
    monkeypatch.setattr("ganedit.store.registry.bundled_folder", lambda: saved / "nothing")
    return saved


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """40 x 30 pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def pixels_of(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


# ---- what is written ----


@pytest.mark.parametrize(
    ("command", "extra", "size"),
    [
        ("translate", ["--model", "zebras"], (40, 30)),
        ("upscale", [], (160, 120)),
        ("inpaint", ["--box", "5,6,7,8"], (40, 30)),
        ("colorize", [], (40, 30)),
    ],
)
def test_each_command_writes_one_picture_and_how_it_was_made(ganedit, models, photo, command, extra, size):
    ran = ganedit(command, "photo.png", *extra, "--json", "-o", "out")
    assert ran.status == 0, ran.err
    (told,) = ran.json
    name = {"translate": "translated", "upscale": "upscaled", "inpaint": "inpainted", "colorize": "colorized"}
    assert told["path"] == f"out/photo.{name[command]}.png"
    assert (told["input"], told["width"], told["height"]) == ("photo.png", *size)
    assert Image.open(told["path"]).size == size
    (about,) = ganedit("info", told["path"], "--json").json
    assert (about["command"], about["source"]) == (command, "photo.png")
    assert about["model"] == told["model"]
    assert not [p for p in os.listdir("out") if p.startswith(".")]


@pytest.fixture
def asked(models, photo, tmp_path):
    """Requests: what to run, and an option that makes another one of it."""
    Image.open(photo).crop((5, 5, 30, 25)).save(
        tmp_path / "film.gif", save_all=True, append_images=[Image.new("RGB", (25, 20))]
    )
    return {
        "translate": (["photo.png", "--model", "zebras"], ["--size", 8]),
        "film": (["film.gif", "--model", "zebras"], ["--size", 8]),
        "labels": (["photo.png", "--model", "hair", "--to", "blond"], ["--to", "young"]),
        "upscale": (["photo.png"], ["--size", 20]),
        "inpaint": (["photo.png", "--box", "5,6,7,8"], ["--box", "5,6,7,9"]),
        "colorize": (["photo.png"], ["--no-metadata"]),
    }


@pytest.mark.parametrize("kind", ["translate", "film", "labels", "upscale", "inpaint", "colorize"])
def test_an_identical_request_is_done_already(ganedit, asked, no_model, tmp_path, kind):
    given, other = asked[kind]
    run = ["translate" if kind in ("film", "labels") else kind, *given]
    first = ganedit(*run)
    assert first.status == 0, first.err
    made = (tmp_path / first.lines[0]).read_bytes()
    no_model()
    again = ganedit(*run)
    assert (again.status, again.lines) == (0, first.lines), again.err
    assert f"{first.lines[0]} is done already, by the same request" in again.err
    refused = ganedit(*run, *other)
    assert refused.status == 2
    assert f"{first.lines[0]} is already there" in refused.err
    assert (tmp_path / first.lines[0]).read_bytes() == made


@pytest.mark.parametrize("changed", ["photo", "mask", "model"])
def test_another_input_of_that_name_is_refused(ganedit, models, photo, tmp_path, no_model, changed):
    shutil.copytree(models / "inpaint-faces", tmp_path / "mine")
    run = ["inpaint", "photo.png", "--model", "./mine", "--mask", "mask.png"]
    mask = Image.new("L", (40, 30), 0)
    mask.paste(255, (3, 3, 9, 9))
    mask.save(tmp_path / "mask.png")
    assert ganedit(*run).status == 0
    if changed == "photo":
        Image.open(photo).rotate(180).save(photo)
    elif changed == "mask":
        mask.rotate(180).save(tmp_path / "mask.png")
    else:
        card, network = (
            load("inpaint-faces").card,
            UNetGenerator(UNetConfig(in_channels=4, width=4, downs=3, norm="none")),
        )
        save_model(tmp_path / "mine", card, network.state_dict())
    no_model()
    refused = ganedit(*run)
    assert refused.status == 2
    assert "photo.inpainted.png is already there" in refused.err


@pytest.mark.parametrize("name", ["zebras", "zebras/model.safetensors", "a copy"])
def test_the_checksum_of_a_model_is_known_without_opening_it(models, tmp_path, name):
    place = name if name == "zebras" else models / name
    if name == "a copy":
        place = tmp_path / "copy.safetensors"
        place.write_bytes((models / "zebras/model.safetensors").read_bytes())
    assert checksum_of(place) == load(place).sha256


def test_the_command_does_what_the_call_does(ganedit, models, photo):
    assert ganedit("upscale", photo).status == 0
    wanted = library.upscale(read_image(photo), load("upscale-x4"))
    assert (pixels_of("photo.upscaled.png") == wanted.pixels).all()


def test_folders_globs_and_names(ganedit, models, photo, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for name in ("a.jpg", "b.webp", "c.bmp", "d.png"):
        Image.open(photo).save(folder / name)
    argv = "translate", "many", "--model", "zebras", "-o", "out"
    ran = ganedit(*argv)
    ends = ["a.translated.jpg", "b.translated.webp", "c.translated.png", "d.translated.png"]
    assert ran.lines == [f"out/{name}" for name in ends]
    refused = ganedit(*argv, "--size", 8)
    assert (refused.status, refused.err.count("already there")) == (2, 4)
    before = [p.stat().st_mtime_ns for p in sorted((tmp_path / "out").iterdir())]
    assert ganedit(*argv, "--skip-existing").lines == ran.lines
    assert [p.stat().st_mtime_ns for p in sorted((tmp_path / "out").iterdir())] == before
    assert ganedit(*argv, "--force").lines == ran.lines
    assert ganedit("translate", "many/*.jpg", "--model", "zebras", "--suffix", "-z.png").lines == ["a-z.png"]
    assert Image.open("a-z.png").format == "PNG"


def test_pictures_of_one_size_are_translated_together(ganedit, models, monkeypatch):
    """Those that are read while the first is translated; one that fails does not take the others along."""
    from ganedit.images import translation

    plain, sizes = translation.translate_all, []

    def translate_all(pictures, *args, **options):
        sizes.append(len(pictures))
        time.sleep(0.3 if len(sizes) == 1 else 0)
        return plain(pictures, *args, **options)

    monkeypatch.setattr(translation, "translate_all", translate_all)
    maps = [np.full((32, 32), i % 3, np.uint8) for i in range(9)]
    maps[4][2, 2] = 9
    for i, labels in enumerate(maps):
        Image.fromarray(labels).save(f"{i}.png")
    Image.new("L", (40, 32)).save("8.png")
    names = [f"{i}.png" for i in range(9)]
    ran = ganedit("translate", *names, "--model", "maps", "-o", "out")
    assert (ran.status, len(ran.lines)) == (1, 8)
    assert "4.png holds the label 9" in ran.err
    assert 1 < max(sizes) <= 4
    for i in (0, 3, 5):
        wanted = library.translate(LabelMap(maps[i]), load("maps")).pixels
        assert np.abs(pixels_of(f"out/{i}.translated.png") - wanted).max() <= 1


def test_a_pipe(ganedit, models, photo):
    ran = ganedit("upscale", "--size", "8", stdin="photo.png\n")
    assert ran.lines == ["photo.upscaled.png"]
    assert ganedit("translate", "--model", "zebras", stdin=ran.out).lines == ["photo.upscaled.translated.png"]


def test_a_pipe_is_answered_at_once_and_an_interrupt_leaves_no_half_file(models, photo, tmp_path):
    """The second path, of a picture that takes long, comes only after the first result was read."""
    run = subprocess.Popen(
        [sys.executable, "-m", "ganedit", "upscale", "-", "--model", "upscale-x4", "--tile", "128"],
        cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(library.__file__).parents[1]), "OMP_NUM_THREADS": "1"},
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # ignored in the background
    )  # fmt: skip
    timer = threading.Timer(300, run.kill)
    timer.start()
    Image.new("RGB", (3000, 3000)).save(tmp_path / "large.png")
    run.stdin.write(f"{photo}\n")
    run.stdin.flush()
    assert run.stdout.readline() == "photo.upscaled.png\n"
    run.stdin.write("large.png\n")
    run.stdin.flush()
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate()
    timer.cancel()
    assert (out, run.returncode) == ("", 130), err
    assert "interrupted" in err
    assert sorted(os.listdir(tmp_path)) == ["large.png", "photo.png", "photo.upscaled.png"]


def test_kept_in_kind(ganedit, models, tmp_path):
    """16 bits with alpha; grey; turned by EXIF."""
    rng = np.random.default_rng(0)
    source = Photo(
        rng.integers(0, 65536, (20, 24, 3), np.uint16), rng.integers(0, 65536, (20, 24), np.uint16)
    )
    library.write_image("deep.png", source.pixels, like=source)
    Image.fromarray(rng.integers(0, 256, (20, 24), np.uint8)).save("grey.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(rng.integers(0, 256, (20, 24, 3), np.uint8)).save("turned.jpg", exif=exif)
    assert ganedit("upscale", "deep.png", "grey.png", "turned.jpg").status == 0
    deep, grey, turned = (read_image(f"{n}.upscaled.{e}") for n, e in
                          (("deep", "png"), ("grey", "png"), ("turned", "jpg")))  # fmt: skip
    assert (deep.pixels.dtype, deep.alpha.shape, deep.alpha.dtype) == (np.uint16, (80, 96), np.uint16)
    assert grey.grey
    assert Image.open("grey.upscaled.png").mode == "L"
    assert turned.pixels.shape == (96, 80, 3)


# ---- translate ----


def test_targets(ganedit, models, photo):
    for to in ("blond", "0", "blond,young"):
        assert ganedit("translate", photo, "--model", "hair", "--to", to, "--suffix", f"-{to}").status == 0
    assert (pixels_of("photo-blond.png") == pixels_of("photo-0.png")).all()
    assert (pixels_of("photo-blond.png") != pixels_of("photo-blond,young.png")).any()


def test_directions(ganedit, models, photo):
    for way in ("ab", "ba"):
        argv = "translate", photo, "--model", "both", "--direction", way, "--suffix", way
        assert ganedit(*argv).status == 0
    assert (pixels_of("photoab.png") != pixels_of("photoba.png")).any()


def test_label_maps(ganedit, models, photo):
    labels = np.arange(96 * 64, dtype=np.uint8).reshape(64, 96) % 3
    colours = np.array([(0, 0, 255), (0, 255, 0), (0, 99, 99)], np.uint8)
    image = Image.fromarray(labels, "P")
    image.putpalette(colours.flatten().tolist())
    image.save("map.png")
    Image.fromarray(colours[labels]).save("colours.png")
    Path("palette.txt").write_text("".join(f"{r} {g} {b} x\n" for r, g, b in colours))
    assert ganedit("translate", "map.png", "--model", "maps").status == 0
    wanted = library.translate(LabelMap(labels), load("maps"))
    assert (pixels_of("map.translated.png") == wanted.pixels).all()
    assert ganedit("translate", "colours.png", "--model", "maps", "--palette", "palette.txt").status == 0
    assert (pixels_of("colours.translated.png") == wanted.pixels).all()
    assert ganedit("translate", "map.png", "--model", "maps", "--style", photo, "--suffix", ".s").status == 0
    assert (pixels_of("map.s.png") != wanted.pixels).any()
    labels[3, 4] = 7
    Image.fromarray(labels).save("wrong.png")
    ran = ganedit("translate", "wrong.png", "--model", "maps")
    assert ran.status == 3
    assert "label 7 (1 of 6,144 pixels); the model maps knows 0 to 2 (sky, tree, sea)" in ran.err


# ---- inpaint ----


@pytest.mark.parametrize("depth", [8, 16])
def test_only_masked_pixels_change(ganedit, models, tmp_path, depth):
    rng = np.random.default_rng(0)
    dtype = np.uint8 if depth == 8 else np.uint16
    shape, white = (33, 47), 2**depth - 1
    source = Photo(
        rng.integers(0, white, (*shape, 3), dtype, endpoint=True), rng.integers(0, white, shape, dtype)
    )
    library.write_image("photo.png", source.pixels, like=source)
    mask = np.zeros(shape, np.uint8)
    mask[10:20, 5:30] = 255
    Image.fromarray(mask).save("mask.png")
    assert ganedit("inpaint", "photo.png", "--mask", "mask.png").status == 0
    result = read_image("photo.inpainted.png")
    outside = mask == 0
    assert (result.pixels[outside] == source.pixels[outside]).all()
    assert (result.alpha == source.alpha).all()
    assert (result.pixels[~outside] != source.pixels[~outside]).mean() > 0.5


def test_jpegs_become_png_and_a_folder_of_masks(ganedit, models, photo):
    Image.open(photo).save("a.jpg")
    os.mkdir("masks")
    mask = np.zeros((30, 40), np.uint8)
    mask[3:9, 3:9] = 255
    Image.fromarray(mask).save("masks/a.png")
    ran = ganedit("inpaint", "a.jpg", "photo.png", "--mask", "masks")
    assert (ran.status, ran.lines) == (1, ["a.inpainted.png"])
    assert "masks holds no mask for photo.png" in ran.err
    assert (pixels_of("a.inpainted.png")[mask == 0] == pixels_of("a.jpg")[mask == 0]).all()


def test_transparency_is_a_hole(ganedit, models):
    rgba = np.full((40, 40, 4), 200, np.uint8)
    rgba[10:20, 10:20, 3] = 0
    Image.fromarray(rgba).save("holed.png")
    assert ganedit("inpaint", "holed.png").status == 0
    result = np.asarray(Image.open("holed.inpainted.png"))
    assert (result[10:20, 10:20, 3] == 255).all()
    assert (result[:10] == rgba[:10]).all()


def test_boxes():
    assert parse_box("1,2, 3,4") == (1, 2, 3, 4)
    for wrong in ("", "1,2,3", "1,2,0,4", "a,b,c,d", "-1,2,3,4"):
        with pytest.raises(UsageError):
            parse_box(wrong)


# ---- bad input ----


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        ("translate photo.png", 2, ["no --model", "choose both, hair, maps, zebras"]),
        ("translate photo.png --model upscale-x4", 4,
         ["upscale-x4 is an upscaler", "ganedit upscale --model upscale-x4"]),
        ("upscale photo.png --model zebras", 4, ["zebras is a translator", "ganedit translate --model"]),
        ("translate photo.png --model inpaint-faces", 4, ["fills holes", "ganedit inpaint --model"]),
        ("inpaint photo.png --model colorize-faces --box 1,1,2,2", 4, ["adds colours", "ganedit colorize"]),
        ("upscale photo.png --model maps-encoder", 4, ["maps-encoder is an encoder, not an upscaler"]),
        ("translate photo.png --model zebra", 2, ["did you mean zebras"]),
        ("translate photo.png --model hair", 2, ["--to", "blond, young"]),
        ("translate photo.png --model hair --to blnd", 2, ["did you mean blond"]),
        ("translate photo.png --model zebras --to blond", 2, ["no labels to choose"]),
        ("translate photo.png --model zebras --direction ba", 3, ["only goes one way"]),
        ("translate photo.png --model zebras --style photo.png", 2, ["takes no style"]),
        ("translate photo.png --model zebras --palette p.txt", 2, ["--palette is for label maps"]),
        ("translate photo.png --model maps --style photo.png --encoder zebras", 4, ["is a translator"]),
        ("translate photo.png --model maps", 3, ["image in colours", "--palette FILE"]),
        ("upscale photo.png --tile 5", 2, ["--tile 5 must be at least"]),
        ("upscale photo.png --size 0", 2, ["--size 0"]),
        ("upscale photo.png --suffix .png -o .", 2, ["photo.png would be replaced by its own result"]),
        ("upscale photo.png --suffix /../a", 2, ["--suffix /../a names a folder", "-o"]),
        ("upscale text.png", 3, ["text.png cannot be read as an image", "found text"]),
        ("upscale missing.png", 3, ["missing.png"]),
        ("upscale empty", 3, ["empty: the folder holds no"]),
        ("upscale text.mp4", 3, ["text.mp4 cannot be read as a film"]),
        ("upscale", 2, ["no input was given"]),
        ("upscale photo.png -o /proc/nowhere", 3, ["/proc/nowhere"]),
        ("inpaint photo.png", 3, ["no transparent part", "--mask FILE or --box"]),
        ("inpaint photo.png --mask other.png", 3, ["other.png has 41x30 pixels", "40x30"]),
        ("inpaint photo.png --mask black.png", 3, ["no pixel of photo.png is masked"]),
        ("inpaint photo.png --mask other.png --box 1,1,2,2", 2, ["drop one of them"]),
        ("inpaint photo.png --box 1,1,2", 2, ["X,Y,WIDTH,HEIGHT"]),
        ("inpaint photo.png --box 39,0,2,2", 3, ["does not lie in photo.png"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_refused_in_a_sentence(ganedit, models, photo, argv, status, said):
    Path("text.png").write_text("no picture")
    Path("text.mp4").write_text("no film")
    Path("p.txt").write_text("1 2 3 a\n")
    os.mkdir("empty")
    Image.new("RGB", (41, 30), "white").save("other.png")
    Image.new("RGB", (40, 30)).save("black.png")
    before = sorted(os.listdir())
    ran = ganedit(*argv.split())
    assert (ran.status, ran.out) == (status, ""), ran.err
    assert all(words in ran.err for words in said), ran.err
    assert "Traceback" not in ran.err
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("command", ["upscale", "inpaint", "colorize"])
def test_the_default_model_is_not_there(ganedit, tiny_faces, photo, command):
    ran = ganedit(command, photo)
    assert ran.status == 5
    assert f"the default of {command}" in ran.err
    assert "--model" in ran.err


def test_the_others_are_done(ganedit, models, photo):
    Path("text.png").write_text("no picture")
    Image.new("RGB", (1, 4000)).save("strip.png")
    ran = ganedit("translate", "strip.png", "photo.png", "--model", "zebras", "--size", "240")
    assert (ran.status, ran.lines) == (1, ["photo.translated.png"])
    assert "strip.png: an image of 1x4000 pixels would become one of 240x960000" in ran.err
    ran = ganedit("upscale", "text.png", "photo.png", "missing.png")
    assert (ran.status, ran.lines) == (1, ["photo.upscaled.png"])


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 5)])
def test_pictures_smaller_than_the_receptive_field(ganedit, models, size):
    Image.new("RGB", size, (90, 120, 30)).save("small.png")
    for command, *extra in (("translate", "--model", "zebras"), ("upscale",), ("colorize",)):
        assert ganedit(command, "small.png", *extra, "--suffix", command).status == 0
        scale = 4 if command == "upscale" else 1
        assert Image.open(f"small{command}.png").size == (size[0] * scale, size[1] * scale)


def test_an_interrupted_batch_hands_over_what_is_finished(ganedit, models, photo, monkeypatch):
    from ganedit.images import upscaling

    plain, calls = upscaling.upscale, []

    def upscale(*args, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return plain(*args, **options)

    monkeypatch.setattr(upscaling, "upscale", upscale)
    for name in "abcd":
        Image.open(photo).save(f"{name}.png")
    ran = ganedit("upscale", "a.png", "b.png", "c.png", "d.png", "-o", "out")
    assert (ran.status, ran.lines) == (130, ["out/a.upscaled.png", "out/b.upscaled.png"])
    assert sorted(os.listdir("out")) == ["a.upscaled.png", "b.upscaled.png"]
    argv = "upscale", "a.png", "b.png", "c.png", "d.png", "-o", "out", "--skip-existing"
    assert len(ganedit(*argv).lines) == 4
    assert len(calls) == 5  # only c and d were left


# ---- films ----


def make_film(path: str, count: int = 12, sound: bool = True) -> None:
    import av

    with av.open(path, "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 32, 24, "yuv420p"
        audio = out.add_stream("aac", rate=16000, layout="mono") if sound else None
        for i in range(count):
            pixels = np.full((24, 32, 3), 8 * i, np.uint8)
            pixels[:, i % 32] = 255
            out.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(video.encode())
        if audio is not None:
            for i in range(count * 640 // 1024):
                wave = np.sin(np.arange(1024) * 0.1).astype(np.float32)[None]
                frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 16000, i * 1024
                out.mux(audio.encode(frame))
            out.mux(audio.encode())


def packets(path: str, kind: str) -> list:
    import av

    with av.open(path) as film:
        (stream,) = film.streams.get({kind: 0})
        return [(bytes(p), p.pts * p.time_base, p.pos, p.size) for p in film.demux(stream) if p.size]


def test_a_film_keeps_its_times_and_sound(ganedit, models):
    make_film("clip.mp4")
    ran = ganedit("upscale", "clip.mp4", "--json")
    assert ran.status == 0, ran.err
    assert ran.json[0]["frames"] == 12
    result = "clip.upscaled.mp4"
    assert [p[0] for p in packets("clip.mp4", "audio")] == [p[0] for p in packets(result, "audio")]
    times = [sorted(p[1] for p in packets(name, "video")) for name in ("clip.mp4", result)]
    assert times[0] == times[1] == [Fraction(i, 25) for i in range(12)]
    film = open_film(result)
    assert next(frames(film)).shape == (96, 128, 3)
    assert sorted(os.listdir()) == ["clip.mp4", result]


def test_a_film_without_sound_and_a_gif(ganedit, models):
    from ganedit.images.video import write_video

    make_film("clip.mp4", sound=False)
    write_video("moving.gif", [np.full((20, 30, 3), 30 * i, np.uint8) for i in range(5)], fps=10)
    Image.new("RGB", (20, 20)).save("still.gif")
    ran = ganedit("translate", "clip.mp4", "moving.gif", "still.gif", "--model", "zebras")
    assert ran.lines == ["clip.translated.mp4", "moving.translated.gif", "still.translated.png"], ran.err
    with Image.open("moving.translated.gif") as image:
        assert image.n_frames == 5
        assert image.info["duration"] == 100
    assert set(FILMS) == set(FILM_SUFFIXES)


def test_damaged_frames_are_named_and_repeated(ganedit, models):
    make_film("clip.mp4", 30)
    _, _, start, size = packets("clip.mp4", "video")[14]
    data = bytearray(Path("clip.mp4").read_bytes())
    data[start : start + size] = bytes(size)
    Path("clip.mp4").write_bytes(data)
    ran = ganedit("upscale", "clip.mp4")
    assert (ran.status, ran.lines) == (1, ["clip.upscaled.mp4"])
    assert "1 of 30 frames are damaged (" in ran.err
    assert len(packets("clip.upscaled.mp4", "video")) == 30


def test_an_interrupted_film_is_taken_up_again(ganedit, models, monkeypatch):
    from ganedit.images import film, upscaling

    monkeypatch.setattr(film, "STRETCH", 4)
    make_film("clip.mp4", 10)
    plain, done = upscaling.upscale, []

    def until(limit: int):
        def upscale(*args, **options):
            if len(done) == limit:
                raise KeyboardInterrupt
            done.append(1)
            return plain(*args, **options)

        return upscale

    monkeypatch.setattr(upscaling, "upscale", until(6))
    ran = ganedit("upscale", "clip.mp4")
    assert ran.status == 130
    assert "takes it up again" in ran.err
    parts = Path(".clip.upscaled.mp4.parts")
    assert sorted(os.listdir(parts)) == ["000000.mkv", "key.json"]
    assert json.loads((parts / "key.json").read_text())["use"] == "upscale"
    done.clear()
    monkeypatch.setattr(upscaling, "upscale", until(100))
    assert ganedit("upscale", "clip.mp4").lines == ["clip.upscaled.mp4"]
    assert len(done) == 6  # of ten frames, four were there
    assert not parts.exists()
    resumed = Path("clip.upscaled.mp4").read_bytes()
    assert ganedit("upscale", "clip.mp4", "--force").status == 0
    assert Path("clip.upscaled.mp4").read_bytes() == resumed


def test_stretches_of_another_model_are_not_taken_up(ganedit, models, monkeypatch):
    from ganedit.images import film

    monkeypatch.setattr(film, "STRETCH", 4)
    make_film("clip.mp4", 6)
    assert ganedit("translate", "clip.mp4", "--model", "zebras").status == 0
    wanted = Path("clip.translated.mp4").read_bytes()
    parts = Path(".clip.translated.mp4.parts")
    parts.mkdir()
    (parts / "key.json").write_text("{}")
    (parts / "000000.mkv").write_bytes(b"other")
    assert ganedit("translate", "clip.mp4", "--model", "zebras", "--force").status == 0
    assert Path("clip.translated.mp4").read_bytes() == wanted


def test_a_turned_tiff_is_upscaled_upright(ganedit, models):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side
    pixels = np.zeros((24, 32, 3), np.uint8)
    pixels[:12, :16] = 255  # where the top right corner is to be
    Image.fromarray(pixels).save("x.tiff", exif=exif)
    assert ganedit("upscale", "x.tiff", "--size", "24").status == 0
    upright = np.zeros((32, 24, 3), np.uint8)
    upright[:16, 12:] = 255
    Image.fromarray(upright).save("y.tiff")
    assert ganedit("upscale", "y.tiff").status == 0
    assert (pixels_of("x.upscaled.tiff") == pixels_of("y.upscaled.tiff")).all()


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_animations_keep_their_format_and_delays(ganedit, models, suffix):
    images = [Image.new("RGB", (16, 12), (level, 0, 0)) for level in (0, 90, 250)]
    images[0].save(f"x{suffix}", save_all=True, append_images=images[1:], duration=[40, 80, 900], loop=2)
    ran = ganedit("upscale", f"x{suffix}", "--json")
    assert ran.status == 0, ran.err
    assert ran.json[0]["frames"] == 3
    with Image.open(f"x.upscaled{suffix}") as image:
        assert image.size == (64, 48)
        assert image.info["loop"] == 2
        delays = []
        for i in range(image.n_frames):
            image.seek(i)
            image.load()
            delays.append(image.info["duration"])
    assert delays == [40, 80, 900]
    assert "upscale" in ganedit("info", f"x.upscaled{suffix}").out
    still = ganedit("colorize", f"x{suffix}")
    assert still.status == 0
    assert f"x{suffix} has 3 frames; only the first is used" in still.err


@pytest.mark.parametrize("command", ["upscale", "colorize", "translate", "inpaint"])
def test_the_camera_and_the_date_stay_unless_they_are_not_wanted(ganedit, models, command):
    exif = Image.Exif()
    exif[0x0112], exif[0x0110] = 6, "Model One"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:01 12:30:00"
    Image.new("RGB", (40, 32), "teal").save("x.jpg", exif=exif)
    more = {"translate": ["--model", "zebras"], "inpaint": ["--box", "4,4,8,8"]}.get(command, [])
    assert ganedit(command, "x.jpg", *more, "--suffix", ".1.jpg").status == 0
    with Image.open("x.1.jpg") as image:
        assert image.size[0] < image.size[1]
        found = image.getexif()
        assert (found[0x0112], found[0x0110]) == (1, "Model One")
        assert found.get_ifd(0x8769)[0x9003] == "2024:05:01 12:30:00"
    assert library.read_provenance("x.1.jpg")["command"] == command
    assert ganedit(command, "x.jpg", *more, "--suffix", ".2.jpg", "--no-metadata").status == 0
    with Image.open("x.2.jpg") as image:
        assert 0x0110 not in image.getexif()
        assert 0x9003 not in image.getexif().get_ifd(0x8769)
    assert library.read_provenance("x.2.jpg")["command"] == command


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_an_animation_keeps_its_exif(ganedit, models, tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0110] = "Model One"
    frames_ = [Image.new("RGB", (24, 20), colour) for colour in ("red", "blue")]
    frames_[0].save(f"a{suffix}", save_all=True, append_images=frames_[1:], duration=90, exif=exif)
    run = ("translate", f"a{suffix}", "--model", "zebras")
    ran = ganedit(*run)
    assert ran.status == 0, ran.err
    with Image.open(ran.lines[0]) as made:
        assert (made.n_frames, made.getexif()[0x0110]) == (2, "Model One")
    bare = ganedit(*run, "--no-metadata", "-o", "bare")
    with Image.open(bare.lines[0]) as made:
        assert 0x0110 not in made.getexif()
    ran = ganedit(*run, "--suffix", ".x.gif")
    assert "cannot hold its EXIF and XMP: left out" in ran.err
    assert (ran.status, ran.lines) == (0, ["a.x.gif"])
