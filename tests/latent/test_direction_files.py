"""Directions in the files of other programs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganedit.errors import InputError
from ganedit.latent.directions.direction import Direction
from ganedit.latent.directions.foreign import export_direction, import_direction, import_directions

W = 6


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt"])
def test_export_and_import_round(tmp_path, suffix):
    for vector in (torch.eye(W)[2], torch.eye(W)[:3] / 3**0.5):
        path = export_direction(Direction("d", vector), tmp_path / f"d{suffix}")
        torch.testing.assert_close(import_direction(path).vector, vector)


def test_a_direction_per_layer_in_a_batch_of_one(tmp_path):
    np.save(tmp_path / "d.npy", np.eye(W)[None, :3])
    torch.testing.assert_close(import_direction(tmp_path / "d.npy").vector, torch.eye(W)[:3] / 3**0.5)


def test_import_refuses_what_is_no_direction(tmp_path):
    cases = {
        "zero.npy": np.zeros(W),
        "nan.npy": np.full(W, np.nan),
        "cube.npy": np.ones((2, 3, 4)),
        "words.npy": np.array(["a", "b"]),
    }
    for name, array in cases.items():
        np.save(tmp_path / name, array)
        with pytest.raises(InputError, match=name):
            import_direction(tmp_path / name)
    np.save(tmp_path / "object.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01")
    (tmp_path / "d.txt").write_text("1 2 3")
    np.savez(tmp_path / "two.npz", a=np.ones(3), b=np.ones(3))
    header = b"{'descr': ((((("
    (tmp_path / "header.npy").write_bytes(b"\x93NUMPY\x01\x00" + bytes([len(header), 0]) + header)
    for name in ("object.npy", "cut.npy", "header.npy", "d.txt"):
        with pytest.raises(
            InputError, match=f"{name} (cannot be read|holds int64 of shape .., which is not)"
        ):
            import_direction(tmp_path / name)
    with pytest.raises(InputError, match="2 arrays \\(a, b\\)"):
        import_direction(tmp_path / "two.npz")


def test_published_directions(shared):
    folder = shared / "golden/directions"
    for name in ("stylegan_ffhq_age_w_boundary.npy", "pggan_celebahq_smile_boundary.npy"):
        got = import_direction(folder / name)
        wanted = torch.from_numpy(np.load(folder / name)[0]).float()
        torch.testing.assert_close(got.vector, wanted / wanted.norm())
    assert import_direction(folder / "smile.pt").vector.shape == (512,)


def test_published_components(shared):
    """encoder4editing's principal components of FFHQ: `comp` [80, 1, 512] with `std` [80]."""
    path = shared / "golden/directions/ffhq_pca.pt"
    found = import_directions(path)
    stored = torch.load(path, weights_only=True)
    assert [one.name for one in found[:2]] == ["ffhq_pca-0", "ffhq_pca-1"]
    assert len(found) == 80
    assert [one.sigma for one in found] == pytest.approx([float(s) for s in stored["std"]])
    torch.testing.assert_close(found[7].vector, stored["comp"][7, 0] / stored["comp"][7, 0].norm())
    with pytest.raises(InputError, match="80 directions"):
        import_direction(path)


def test_ganspace_components_of_codes(tmp_path):
    """Of its two sets, the one in the space of codes: the other is of a layer's activations."""
    path = tmp_path / "stylegan2-ffhq_style_ipca_c80_n1000000.npz"
    np.savez(
        path,
        act_comp=np.ones((3, 1, 9)), act_mean=np.zeros((1, 9)), act_stdev=np.ones(3),
        lat_comp=np.eye(3, W)[:, None] * 2, lat_mean=np.zeros((1, W)), lat_stdev=np.array([3.0, 2.0, 1.0]),
        var_ratio=np.ones(3),
    )  # fmt: skip
    first, second, _ = import_directions(path, "pca")
    assert (first.name, first.sigma, second.sigma) == ("pca-0", 3.0, 2.0)
    assert torch.equal(second.vector, torch.eye(W)[1])


def test_components_without_their_deviations_or_with_others(tmp_path):
    torch.save({"comp": torch.eye(2, W)}, tmp_path / "a.pt")
    assert [one.sigma for one in import_directions(tmp_path / "a.pt")] == [1.0, 1.0]
    torch.save({"comp": torch.eye(2, W), "std": torch.ones(3)}, tmp_path / "b.pt")
    with pytest.raises(InputError, match="2 components, but 3"):
        import_directions(tmp_path / "b.pt")
