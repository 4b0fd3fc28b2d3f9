"""The shapes that other programs give to codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import ganedit
from ganedit.errors import InputError
from ganedit.latent.foreign import import_latents

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def model():
    """A model with codes [8, 96]."""
    return ganedit.load(GOLDEN / "sg2ada-cond-32.pkl", device="cpu")


@pytest.mark.parametrize(
    ("shape", "count", "space"),
    [
        ((96,), 1, "w"),
        ((1, 96), 1, "w"),
        ((5, 96), 5, "w"),
        ((8, 96), 1, "w+"),
        ((3, 1, 96), 3, "w"),
        ((1, 8, 96), 1, "w+"),
        ((3, 8, 96), 3, "w+"),
    ],
)
def test_shapes(model, tmp_path, shape, count, space):
    array = np.random.RandomState(0).randn(*shape)
    np.save(tmp_path / "c.npy", array)
    found = list(import_latents(tmp_path / "c.npy", model).values())
    assert [one.space for one in found] == [space] * count
    together = torch.stack([one.ws for one in found]).numpy()
    rows = 8 if space == "w+" else 1
    expected = np.broadcast_to(array.reshape(count, rows, 96), (count, 8, 96))
    assert np.array_equal(together, expected.astype("float32"))


def test_codes_by_name(model, tmp_path):
    """As rosinality's projector writes them, and names that are not to become paths."""
    code = torch.ones(96)
    torch.save({"a/b.png": {"img": torch.zeros(3), "latent": code, "noise": [code]}}, tmp_path / "r.pt")
    assert list(import_latents(tmp_path / "r.pt", model)) == ["b"]
    torch.save({"..": code, "../x.y.jpg": code, "x.y.png": code, 7: code}, tmp_path / "n.pt")
    assert list(import_latents(tmp_path / "n.pt", model)) == ["n-0", "x.y", "x.y-2", "7"]


def test_codes_that_numpy_pickled(model, tmp_path):
    """HyperStyle and ReStyle save a dictionary of codes by file name as an array of one object; ReStyle keeps
    the code of every step."""
    codes = np.random.RandomState(0).randn(3, 8, 96).astype("float32")
    np.save(tmp_path / "h.npy", {"me.jpg": codes[0], "you.jpg": codes[1]})
    found = import_latents(tmp_path / "h.npy", model)
    assert list(found) == ["me", "you"]
    assert np.array_equal(found["you"].ws.numpy(), codes[1])
    np.save(tmp_path / "r.npy", {"me.jpg": [codes[0], codes[2]]})
    found = import_latents(tmp_path / "r.npy", model)
    assert list(found) == ["me-0", "me-1"]
    assert np.array_equal(found["me-1"].ws.numpy(), codes[2])
    several = np.empty(2, object)
    several[:] = [codes[0], codes[1]]
    np.save(tmp_path / "s.npy", several)
    assert len(import_latents(tmp_path / "s.npy", model)) == 2


def test_what_is_not_codes(model, tmp_path):
    for name, array in {
        "i.npy": np.ones((8, 96), int),
        "d.npy": np.ones((1, 1, 8, 96)),
        "w.npy": np.array("x"),
    }.items():
        np.save(tmp_path / name, array)
        with pytest.raises(InputError, match="not codes"):
            import_latents(tmp_path / name, model)
    np.save(tmp_path / "text.npy", {"me": "text"})
    with pytest.raises(InputError, match="holds me, which is not a code"):
        import_latents(tmp_path / "text.npy", model)
    itself = np.empty((), object)
    itself[()] = itself
    np.save(tmp_path / "itself.npy", itself)
    with pytest.raises(InputError, match="not codes"):
        import_latents(tmp_path / "itself.npy", model)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "text.npy").read_bytes()[:-20])
    with pytest.raises(InputError, match=r"cut\.npy cannot be read as latents"):
        import_latents(tmp_path / "cut.npy", model)
    np.savez(tmp_path / "nan.npz", w=np.full((8, 96), np.nan))
    with pytest.raises(InputError, match="not finite"):
        import_latents(tmp_path / "nan.npz", model)
    torch.save({"a": "text"}, tmp_path / "t.pt")
    with pytest.raises(InputError, match="holds a, which is not a code"):
        import_latents(tmp_path / "t.pt", model)
