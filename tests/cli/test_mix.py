"""`ganedit mix` with tiny models."""

from __future__ import annotations

import pytest
from PIL import Image

from ganedit.images.io import read_provenance

MIX = ("mix", "--device", "cpu")


def test_a_table_of_seeds_and_latents(ganedit, tiny_faces, tmp_path):
    assert ganedit("generate", "--device", "cpu", "--seeds", "5").status == 0
    ran = ganedit(*MIX, "--rows", "1-2,seed0005.latent.safetensors", "--cols", "3,4", "--json")
    assert ran.status == 0, ran.err
    (told,) = ran.json
    assert told["rows"] == ["seed 1", "seed 2", "seed0005"]
    assert told["cols"] == ["seed 3", "seed 4"]
    width, height = Image.open("mix.png").size
    assert width > 3 * 128
    assert height > 4 * 128
    assert read_provenance("mix.png")["parameters"]["layers"] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (["--rows", ","], 2, "--rows names nothing"),
        (["--layers", "99"], 2, "there is no layer 99"),
        (["--layers", "rough"], 2, "rough"),
        (["--cols", "missing.png"], 3, "there is no missing.png"),
        (["--rows", "0-999", "--cols", "0-99"], 2, "too many"),
    ],
)
def test_what_cannot_be_mixed_is_told(ganedit, tiny_faces, tmp_path, options, status, told):
    ran = ganedit(*MIX, *options)
    assert ran.status == status
    assert told in ran.err
    assert not (tmp_path / "mix.png").exists()
