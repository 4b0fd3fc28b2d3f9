"""Published directions, from a mirror and a server: no test needs a network."""

from __future__ import annotations

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch

from ganedit.errors import CheckpointError, InputError, MissingError, UsageError
from ganedit.latent.directions import named
from ganedit.latent.directions.direction import Direction
from ganedit.latent.directions.pulling import pull_directions
from ganedit.latent.sampling import random_codes
from ganedit.nets.stylegan2 import Generator, GeneratorConfig
from ganedit.store.cards import ModelCard
from ganedit.store.downloads import catalogue, published
from ganedit.store.downloads.download import Patience
from ganedit.store.downloads.pulling import STAGING, pulled_file, recorded
from ganedit.store.load import load_generator, save_model

MODEL = "stylegan2-ffhq"
AGE = "https://raw.githubusercontent.com/omertov/encoder4editing/main/editings/interfacegan_directions/age.pt"
ONCE = Patience(connect=2, attempts=1, backoff=0.01)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """A user folder in which a tiny generator with codes [6, 5] has the name of the catalogue's."""
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    torch.manual_seed(0)
    network = Generator(GeneratorConfig(16, (8, 8, 4), 6, 5, 0, 2))
    for name in (MODEL, "ffhq"):
        card = ModelCard(name, "generator", "stylegan2", network.cfg.to_dict(), 16)
        save_model(tmp_path / "home" / name, card, network.state_dict())
    return tmp_path / "home"


@pytest.fixture
def mirror(tmp_path) -> Path:
    """The files of encoder4editing in their published layouts, for codes of 5 numbers."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    random = torch.Generator().manual_seed(1)
    for name in ("age", "smile", "pose"):
        torch.save(torch.randn(1, 5, generator=random) * 7, folder / f"{name}.pt")
    components = torch.randn(60, 1, 5, generator=random)
    torch.save({"comp": components, "std": torch.ones(60), "mean": torch.zeros(5)}, folder / "ffhq_pca.pt")
    return folder


@pytest.fixture
def generator(home):
    return load_generator(MODEL, device="cpu")


def test_the_catalogue_says_nothing_that_cannot_be():
    models = {name for entry in published.entries() for name in entry.models}
    assert models <= catalogue.entries().keys()
    for model in models:
        of_it = [entry for entry in published.entries() if model in entry.models]
        assert len({entry.name for entry in of_it}) == len(of_it)
    urls: dict[str, str] = {}
    for entry in published.entries():
        assert urls.setdefault(entry.file, entry.url) == entry.url  # one folder holds them all
        assert entry.url.endswith(f"/{entry.file}")
        assert urlsplit(entry.url).scheme == "https"
        assert entry.licence.terms.endswith(".")
        assert not entry.licence.restricted  # the command would have to ask
        assert re.fullmatch("[a-z]+", entry.name)
        assert entry.component is None or entry.layers


def test_all_of_a_model(generator, mirror):
    made = {one.name: one for one in pull_directions(generator, mirror=str(mirror))}
    assert list(made)[:6] == ["age", "smile", "pose", "eyes", "beard", "lip"]
    assert list(made)[6:] == [f"ganspace-{i}" for i in range(60)]
    age, content = made["age"], torch.load(mirror / "age.pt", weights_only=True)[0]
    assert torch.allclose(age.vector, content / content.norm(), atol=1e-6)
    codes = random_codes(generator, 4096)
    assert age.sigma == pytest.approx(float((codes.double() @ age.vector.double()).std()), rel=1e-6)
    assert (age.model, age.model_sha256) == (MODEL, generator.sha256)
    assert age.method == "InterFaceGAN, from encoder4editing (age.pt)"
    assert torch.equal(made["beard"].vector, -made["ganspace-58"].vector)
    assert torch.equal(made["lip"].vector, made["ganspace-34"].vector)
    assert [made[name].layers for name in ("age", "beard", "lip")] == [(), (7, 8), (10,)]


def test_from_a_server(generator, mirror, home):
    handler = partial(Quiet, directory=str(mirror))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        (age,) = pull_directions(generator, ["age"], mirror=address, patience=ONCE)
        (mirror / "pose.pt").unlink()
        with pytest.raises(MissingError, match="404"):
            pull_directions(generator, ["pose"], mirror=address, patience=ONCE)
    finally:
        server.shutdown()
        server.server_close()
    assert age.name == "age"
    assert not (home / STAGING / "age.pt").exists()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize("command", [False, True])
def test_each_file_is_downloaded_once(generator, mirror, ganedit, monkeypatch, command):
    """Four entries of the catalogue are in ffhq_pca.pt."""
    files = []

    def counted(file, *args, **kwargs):
        files.append(file)
        return pulled_file(file, *args, **kwargs)

    monkeypatch.setattr("ganedit.latent.directions.pulling.pulled_file", counted)
    if command:
        ran = ganedit("direction", "pull", "--model", MODEL, "--mirror", mirror)
        assert ran.status == 0, ran.err
        assert len(ran.lines) == 66
    else:
        assert len(pull_directions(generator, mirror=str(mirror))) == 66
    assert files == ["age.pt", "smile.pt", "pose.pt", "ffhq_pca.pt"]


def test_the_first_download_decides(generator, mirror):
    pull_directions(generator, ["age"], mirror=str(mirror))
    first = recorded(AGE)
    assert len(first) == 64
    torch.save(torch.ones(1, 5), mirror / "age.pt")
    with pytest.raises(CheckpointError, match="first downloaded") as raised:
        pull_directions(generator, ["age"], mirror=str(mirror))
    assert raised.value.hint.endswith(f"ganedit direction pull age --model {MODEL} --force")
    pull_directions(generator, ["age"], mirror=str(mirror), force=True)
    assert recorded(AGE) not in ("", first)


@pytest.mark.parametrize("content", [torch.ones(1, 512), torch.ones(2, 3, 4, 5)])
def test_a_file_of_no_use_is_not_remembered(generator, mirror, content):
    torch.save(content, mirror / "age.pt")
    with pytest.raises(InputError):
        pull_directions(generator, ["age"], mirror=str(mirror))
    assert recorded(AGE) == ""


def test_a_set_that_is_too_small(generator, mirror):
    torch.save({"comp": torch.randn(10, 1, 5), "std": torch.ones(10)}, mirror / "ffhq_pca.pt")
    with pytest.raises(InputError, match="10 components, none with number 54"):
        pull_directions(generator, ["eyes"], mirror=str(mirror))


def test_a_model_of_another_name(mirror):
    mine = load_generator("ffhq", device="cpu")
    with pytest.raises(MissingError, match="no directions are published for the model ffhq") as raised:
        pull_directions(mine, mirror=str(mirror))
    assert "rosinality-ffhq" in raised.value.hint
    (pose,) = pull_directions(mine, ["pose"], of="rosinality-ffhq", mirror=str(mirror))
    assert pose.model == "ffhq"
    with pytest.raises(UsageError, match="no direction smil is published") as misspelt:
        pull_directions(mine, ["smil"], of=MODEL, mirror=str(mirror))
    assert misspelt.value.hint == "did you mean smile?"


def test_find_says_what_to_pull():
    with pytest.raises(MissingError, match="can be downloaded") as raised:
        named.find("age", MODEL)
    assert raised.value.hint == f"ganedit direction pull age --model {MODEL}"
    with pytest.raises(UsageError):
        named.find("hair", MODEL)


# ---- the command ----


def test_pull_list_edit(ganedit, home, mirror):
    listed = ganedit("direction", "list", "--model", MODEL)
    assert listed.status == 0
    assert "published as well: age, smile, pose" in listed.err
    pull = ("direction", "pull", "--model", MODEL, "--mirror", mirror)
    ran = ganedit(*pull, "age", "smile", "--json")
    assert ran.status == 0, ran.err
    assert [row["path"] for row in ran.json] == [
        str(home / f"directions/{MODEL}/{name}.safetensors") for name in ("age", "smile")
    ]
    assert ran.err.count("is under: MIT") == 1
    assert [line.split()[0] for line in ganedit("direction", "list", "--model", MODEL).lines] == [
        "age", "smile",
    ]  # fmt: skip
    assert ganedit("generate", "--model", MODEL, "--seeds", 1, "-o", "out").status == 0
    edited = ganedit(
        "edit", "out/seed0001.latent.safetensors", "--model", MODEL, "--direction", "age", "--magnitude", 2
    )
    assert edited.status == 0, edited.err

    again = ganedit(*pull, "age")
    assert again.status == 2
    assert "already there" in again.err
    assert ganedit(*pull, "age", "--skip-existing").lines == [
        str(home / f"directions/{MODEL}/age.safetensors")
    ]
    assert ganedit(*pull, "age", "--force").status == 0
    rest = ganedit(*pull, "ganspace", "lip")
    assert rest.status == 0, rest.err
    assert len(rest.lines) == 61
    assert "published as well: pose, eyes, beard;" in ganedit("direction", "list", "--model", MODEL).err


def test_pull_of_what_is_not_there(ganedit, mirror):
    ran = ganedit("direction", "pull", "--model", "ffhq", "--mirror", mirror)
    assert ran.status == 5
    assert "`of`" not in ran.err
    assert "--of" in ran.err
    (mirror / "smile.pt").unlink()
    some = ganedit("direction", "pull", "age", "smile", "--model", MODEL, "--mirror", mirror)
    assert some.status == 1
    assert len(some.lines) == 1
    assert "has no smile.pt" in some.err
    assert ganedit("direction", "pull", "--model", "stylegan1-ffhq-1024").status == 5  # the model is not here


def test_components_keep_their_layers(mirror, home, ganedit):
    assert ganedit("direction", "pull", "beard", "--model", MODEL, "--mirror", mirror).status == 0
    saved = Direction.load(home / f"directions/{MODEL}/beard.safetensors")
    assert saved.layers == (7, 8)
    assert np.isfinite(saved.sigma)
