"""`ganedit metrics faces` on a tiny generator."""

from __future__ import annotations

import pytest
import torch

from ganedit.nets.stylegan2 import Generator, GeneratorConfig
from ganedit.store.cards import ModelCard
from ganedit.store.load import save_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Folders of a generator of 16 pixels that has learned nothing: with a template, and without."""
    torch.manual_seed(0)
    network = Generator(GeneratorConfig(16, (4, 4, 4), 4, 4, 0, 1))
    folders = []
    for template in ("close-up", ""):
        card = ModelCard(
            "tiny", "generator", "stylegan2", network.cfg.to_dict(), resolution=16, template=template
        )
        folders.append(tmp_path_factory.mktemp("model"))
        save_model(folders[-1], card, network.state_dict())
    return folders


def test_noise_is_no_face(ganedit, shared, tiny):
    data = shared / "data/faces/faces-128.zip"
    counts = ("--samples", 4, "--detect", 4, "--real", 8)
    ran = ganedit("metrics", "faces", "--model", tiny[0], "--data", data, *counts, "--json")
    assert ran.status == 0, ran.err
    (found,) = ran.json
    assert found["detection_rate"] == 0
    assert found["frechet"] > 0
    assert found["frechet_halves"] > 0
    assert (found["samples"], found["real"], found["model"]) == (4, 8, "tiny")
    assert "embedding" in ran.err


def test_what_it_cannot_measure(ganedit, tiny, tmp_path):
    (tmp_path / "empty").mkdir()
    ran = ganedit("metrics", "faces", "--model", tiny[1], "--data", "empty")
    assert ran.status == 3
    assert "--template" in ran.err
    assert ganedit("metrics", "faces", "--model", tiny[0], "--data", "empty").status == 3
    assert ganedit("metrics", "faces", "--model", tiny[0], "--data", "empty", "--samples", 1).status == 2
    assert ganedit("metrics", "faces", "--data", "empty", "--psi", "inf").status == 2
    assert "did you mean close-up" in ganedit("metrics", "faces", "--data", "x", "--template", "closeup").err
    assert "Traceback" not in ran.err
