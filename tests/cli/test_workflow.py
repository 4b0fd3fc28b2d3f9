"""From a photo to an edited photo with files as they are published: generator, encoder and directions.

`benchmarks/workflow.py` does the same at the published size.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from published_faces import SMALL, write_all

from ganedit.images.io import read_image, read_provenance
from ganedit.latent.latent import Latent

PORTRAIT = Path(__file__).parents[2] / "examples/portrait.png"


@pytest.fixture
def mirror(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path / "home"))
    return write_all(tmp_path / "mirror", **SMALL)


def test_photo_to_edited_photo(ganedit, mirror):
    pulled = ganedit("models", "pull", "rosinality-ffhq", "e4e-ffhq", "--mirror", mirror, "--yes")
    assert pulled.status == 0, pulled.err
    directions = ganedit("direction", "pull", "--model", "rosinality-ffhq", "--mirror", mirror)
    assert directions.status == 0, directions.err
    assert len(directions.lines) == 6 + 80

    projected = ganedit(
        "project", PORTRAIT, "--model", "rosinality-ffhq", "--method", "encode", "--encoder", "e4e-ffhq",
        "-o", "out",
    )  # fmt: skip
    assert projected.status == 0, projected.err
    latent = Latent.load(projected.lines[0])
    assert (latent.model, tuple(latent.ws.shape)) == ("rosinality-ffhq", (10, 128))

    edited = ganedit(
        "edit", projected.lines[0], "--model", "rosinality-ffhq", "--direction", "age", "--magnitude", 2,
        "--paste", "-o", "out",
    )  # fmt: skip
    assert edited.status == 0, edited.err
    (path,) = edited.lines
    assert Path(path).name == "portrait.age+2.pasted.png"
    before, after = read_image(PORTRAIT).pixels, read_image(path).pixels
    changed = (before != after).any(axis=2)
    assert before.shape == after.shape
    assert 0.02 < changed.mean() < 0.9  # the face, and nothing far from it
    assert not changed[np.ix_([0, -1], [0, -1])].any()
    assert read_provenance(path)
