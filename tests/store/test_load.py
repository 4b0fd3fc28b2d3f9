"""Models by name, folder and file: what is saved is loaded, what is damaged is named."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import ganedit
from ganedit.errors import CheckpointError, InputError, MissingError, UsageError
from ganedit.nets.stylegan2 import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig
from ganedit.store import registry
from ganedit.store.cards import Metric, ModelCard
from ganedit.store.load import load_generator, save_model, verify

G = GeneratorConfig(resolution=16, channels=(8, 8, 4), z_dim=6, w_dim=5, mapping_layers=2)
D = DiscriminatorConfig(resolution=16, channels=(8, 8, 4))
CARD = ModelCard(
    name="tiny",
    task="generator",
    architecture="stylegan2",
    config=G.to_dict(),
    resolution=16,
    template="close-up",
    data="nothing",
    source="a test",
    licence="MIT",
    terms="none",
    metrics=(Metric("FID", 123.5, "ganedit metrics"),),
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user folder with the model `tiny`."""
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "models"))
    torch.manual_seed(0)
    state, judge = Generator(G).state_dict(), Discriminator(D).state_dict()
    save_model(
        registry.user_folder() / "tiny", CARD, state, discriminator=(D.to_dict(), judge), dtype=torch.float16
    )
    return registry.user_folder()


def test_by_name_folder_and_file(home):
    models = [
        ganedit.load(place, device="cpu")
        for place in ("tiny", home / "tiny", home / "tiny/model.safetensors")
    ]
    pictures = [m.generate(seeds=[0, 1], psi=0.7) for m in models]
    assert pictures[0].shape == (2, 3, 16, 16)
    assert torch.equal(pictures[0], pictures[1])
    assert torch.equal(pictures[0], pictures[2])
    assert models[0].discriminator(pictures[0]).shape == (2, 1)
    assert models[0].network.synthesis.b4.const.dtype == torch.float32  # stored as float16
    assert models[0].sha256 == models[0].card.sha256 == models[2].sha256


def test_a_lone_file_describes_itself(home, tmp_path):
    lone = tmp_path / "lone.safetensors"
    lone.write_bytes((home / "tiny/model.safetensors").read_bytes())
    model = ganedit.load(lone, device="cpu")
    assert (model.name, model.resolution, model.card.template) == ("tiny", 16, "close-up")
    with pytest.raises(CheckpointError, match="without its discriminator"):
        _ = model.discriminator


def test_the_card_survives(home):
    card = ModelCard.load(home / "tiny")
    assert replace(card, sha256="", discriminator_sha256="", discriminator={}, config=G.to_dict()) == CARD
    assert card.config == {
        k: list(v) if isinstance(v, tuple) else v for k, v in G.to_dict().items() if v is not None
    }


def test_seeds_are_those_of_the_published_tools(home):
    """numpy's RandomState(seed).randn(1, z_dim): the same on every device."""
    wanted = np.random.RandomState(85).randn(1, 6).astype(np.float32)
    np.testing.assert_array_equal(ganedit.load("tiny", device="cpu").z_of([85]).numpy(), wanted)


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("tinny", UsageError, "did you mean tiny"),
        ("no/such.pkl", InputError, "no such file"),
        ("none.safetensors", InputError, "no such file"),
    ],
)
def test_names_that_mean_nothing(home, name, error, said):
    with pytest.raises(error) as caught:
        ganedit.load(name)
    assert said in caught.value.message + caught.value.hint


def test_a_device_that_is_not_there(home):
    with pytest.raises(MissingError, match="cuda:99"):
        ganedit.load("tiny", device="cuda:99")


@pytest.mark.parametrize(
    "changes",
    [
        {"z": torch.zeros(1, 5)},
        {"z": torch.zeros(6)},
        {"seeds": [0], "c": torch.ones(1, 3)},
        {"seeds": [0], "psi": float("nan")},
        {"seeds": [0], "psi": float("inf")},
        {"seeds": [0], "cutoff": -1},
        {"seeds": [-1]},
        {"seeds": [2**32]},
        {},
        {"seeds": [0], "noise": "loud"},
    ],
    ids=str,
)
def test_impossible_requests(home, changes):
    with pytest.raises(InputError):
        ganedit.load("tiny", device="cpu").generate(**changes)


def test_codes_of_another_size(home):
    with pytest.raises(InputError, match=r"\[N, 6, 5\]"):
        ganedit.load("tiny", device="cpu").synthesis(torch.zeros(1, 4, 5))


def test_bfloat16_is_close(home):
    exact, rough = (
        ganedit.load("tiny", "cpu", dtype).generate(seeds=[0]) for dtype in ("float32", "bfloat16")
    )
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, rtol=0.05, atol=0.05 * float(exact.abs().max()))


# ---- damage ----


def test_changed_weights_are_noticed(home):
    path = home / "tiny/model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CheckpointError, match="sha256"):
        ganedit.load("tiny")
    with pytest.raises(CheckpointError, match="sha256"):
        verify(home / "tiny")


def test_truncated_weights(home, tmp_path):
    data = (home / "tiny/model.safetensors").read_bytes()
    path = tmp_path / "cut.safetensors"
    for end in range(0, len(data), len(data) // 16):
        path.write_bytes(data[:end])
        with pytest.raises(CheckpointError, match=r"cut\.safetensors"):
            ganedit.load(path)


def header(entries: dict, size: int = 16) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


ENTRY = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}


@pytest.mark.parametrize(
    "data",
    [
        header({"a": {**ENTRY, "shape": [2**40]}}),
        header({"a": {**ENTRY, "data_offsets": [0, 2**40]}}),
        header({"a": {**ENTRY, "data_offsets": [-16, 0]}}),
        header({"a": {**ENTRY, "shape": [-4]}}),
        header({"a": {**ENTRY, "dtype": "F99"}}),
        header({"a": ENTRY, "b": ENTRY}),
        header({"a": 3}),
        header({"a": {**ENTRY, "shape": None}}),
        header({"a": {}}),
        header({"a": ENTRY}, 32),
        struct.pack("<Q", 2**63) + b"{" + bytes(50),
        struct.pack("<Q", 40) + b"{" * 40,
        struct.pack("<Q", 3 * 10**5) + b"{" + b'"a":{' * 60_000 + bytes(50),
    ],
    ids=lambda d: str(d[8:60]),
)
def test_headers_that_lie(tmp_path, data):
    path = tmp_path / "lie.safetensors"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"lie\.safetensors"):
        ganedit.load(path)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x89PNG\r\n\x1a\n" + bytes(50), b"<html>not found</html>", bytes(100)],
    ids=["empty", "png", "html", "zeros"],
)
@pytest.mark.parametrize("name", ["x.pkl", "x.safetensors", "x.pt"])
def test_foreign_files(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CheckpointError, match="not a"):
        ganedit.load(tmp_path / name)


@pytest.mark.parametrize(
    "config",
    [
        {**G.to_dict(), "resolution": 32, "channels": (8, 8, 4, 4)},
        {**G.to_dict(), "w_dim": 10**9},
        {**G.to_dict(), "w_dim": "5"},
        {**G.to_dict(), "resolution": 17},
        {**G.to_dict(), "channels": ()},
        {"resolution": 16},
        {**G.to_dict(), "colour": 3},
        {**G.to_dict(), "mapping_layers": 3},
    ],
    ids=str,
)
def test_configs_that_do_not_fit_the_weights(tmp_path, config):
    about = {"task": "generator", "architecture": "stylegan2", "config": config}
    path = tmp_path / "wrong.safetensors"
    save_file(Generator(G).state_dict(), path, metadata={"ganedit": json.dumps(about)})
    with pytest.raises(CheckpointError):
        ganedit.load(path)


@pytest.mark.parametrize(
    "about",
    [
        None,
        "nonsense",
        "[]",
        "{}",
        '{"task": "generator"}',
        '{"task": "cook", "architecture": "stylegan2", "config": {}}',
        '{"task": "generator", "architecture": "stilegan2", "config": {}}',
    ],
)
def test_files_that_do_not_say_what_they_are(tmp_path, about):
    path = tmp_path / "mute.safetensors"
    save_file({"a": torch.zeros(3)}, path, metadata=None if about is None else {"ganedit": about})
    with pytest.raises(CheckpointError):
        ganedit.load(path)


@pytest.mark.parametrize("text", ["", "nonsense", "name = 3", 'name = "x"\ntask = "generator"', "\0"])
def test_damaged_cards(home, text):
    (home / "tiny/card.toml").write_text(text)
    with pytest.raises(CheckpointError):
        ganedit.load("tiny")


def test_a_classifier_is_no_generator(home):
    card = replace(
        CARD, name="eye", task="classifier", architecture="classifier", config={"binary": ("smile",)}
    )
    from ganedit.nets.classifier import Classifier, ClassifierConfig

    save_model(home / "eye", card, Classifier(ClassifierConfig(binary=("smile",))).state_dict())
    with pytest.raises(CheckpointError, match="not a generator"):
        load_generator("eye")
    found = ganedit.load("eye", device="cpu").measure(torch.zeros(2, 3, 32, 32))
    assert 0 <= found["smile"].min() <= found["smile"].max() <= 1


def test_float16_is_refused_on_a_cpu(home):
    with pytest.raises(UsageError, match="float16 is for GPUs"):
        ganedit.load("tiny", device="cpu", dtype="float16")
