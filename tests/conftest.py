"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # one of several processes (pytest -n)
    os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session", autouse=True)
def _do_not_wait_for_the_disk() -> Iterator[None]:
    """Nothing here needs to outlive the machine; a test of durability replaces `fsync` by its own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_number_type() -> Iterator[None]:
    """Results must not depend on whether this processor has bfloat16."""
    from ganedit.store import load

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(load, "has_bfloat16", lambda device: False)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the checkout; tests that need it are skipped without it."""
    if not SHARED.is_dir():
        pytest.skip(f"reference data not found at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def portrait() -> Path:
    """The public-domain portrait that the README uses."""
    return ROOT / "examples" / "portrait.png"


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with random weights: `faces` (32 px, codes [8, 8], template close-up) with its
    discriminator, its encoder `faces-encoder`, and the directions `smile` and `age`. Not to be written to."""
    import torch

    from ganedit.latent.directions.direction import Direction
    from ganedit.nets.encoder import Encoder, EncoderConfig
    from ganedit.nets.stylegan2 import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig
    from ganedit.store.cards import ModelCard
    from ganedit.store.load import save_model

    home = tmp_path_factory.mktemp("models")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        g = GeneratorConfig(resolution=32, channels=(16, 16, 8, 8), z_dim=8, w_dim=8, mapping_layers=2)
        d = DiscriminatorConfig(resolution=32, channels=(8, 8, 8, 8))
        card = ModelCard("faces", "generator", "stylegan2", g.to_dict(), 32, template="close-up")
        judge = (d.to_dict(), Discriminator(d).state_dict())
        card = save_model(home / "faces", card, Generator(g).state_dict(), discriminator=judge)
        e = EncoderConfig(64, g.num_ws, g.w_dim, widths=(8, 8, 16, 16))
        config = {"resolution": 64, "num_ws": g.num_ws, "w_dim": g.w_dim, "widths": list(e.widths)}
        helper = ModelCard(
            "faces-encoder", "encoder", "encoder", config, 64, template="close-up",
            details={"model": "faces", "model_sha256": card.sha256},
        )  # fmt: skip
        save_model(home / "faces-encoder", helper, Encoder(e).state_dict())
        for name in ("smile", "age"):
            vector = torch.randn(g.w_dim)
            direction = Direction(name, vector / vector.norm(), 1.5, "faces", card.sha256)
            direction.save(home / "faces" / "directions" / f"{name}.safetensors")
    return home


@pytest.fixture
def tiny_faces(tiny_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models of `tiny_models` as all that is installed, in a folder of this test's own."""
    import shutil

    home = tmp_path.with_name(f"{tmp_path.name}-home")
    shutil.copytree(tiny_models, home)
    monkeypatch.setenv("GANEDIT_HOME", str(home))
    monkeypatch.setattr("ganedit.store.registry.bundled_folder", lambda: home / "nothing")
    return home


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP model with random weights that knows the words of captions about faces."""
    import torch

    from ganedit.data.captions import vocabulary
    from ganedit.store.cards import ModelCard
    from ganedit.store.load import save_model
    from ganedit.store.open_clip_network import ClipConfig, ClipNetwork

    folder = tmp_path_factory.mktemp("clip") / "tiny-clip"
    words = vocabulary()
    config = {
        "words": len(words), "embed_dim": 8, "size": 64, "width": 4, "layers": [1, 1, 1, 1], "context": 16,
        "text_width": 16, "text_layers": 1, "text_heads": 2,
    }  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = ClipNetwork(ClipConfig(**{**config, "layers": (1, 1, 1, 1)}))
    card = ModelCard("tiny-clip", "clip", "clip", config, 64, template="close-up", details={"words": words})
    save_model(folder, card, network.state_dict())
    return folder
