"""Sets of pictures of any size: what pairs up, what is refused by name, and which crops training sees."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from recipes import draw_pictures

from ganedit.data import pictures
from ganedit.data.order import crop_rng
from ganedit.data.pictures import load_pairs, load_pictures, load_reduced, reduced, sheet
from ganedit.errors import InputError, UsageError


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def ramp(height, width, start=0):
    """Every pixel of its own colour."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows + start, columns, rows * 0 + 7], axis=2)


def test_crops_of_all_sizes_and_of_both_kinds_of_source(tmp_path):
    draw_pictures(tmp_path / "set", 2, (40, 36))
    save(tmp_path / "set/deep/wide.png", ramp(20, 90))
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in (tmp_path / "set").rglob("*.png"):
            archive.write(path, path.relative_to(tmp_path / "set").as_posix())
    found = [load_pictures([tmp_path / name], size=20) for name in ("set", "set.zip")]
    assert found[0].names == found[1].names == ["0.png", "1.png", "deep/wide.png"]
    a, b = (data.crops([0, 2, 2], 20, crop_rng(3, 0), mirror=True)[0] for data in found)
    assert a.shape == (3, 3, 20, 20)
    assert torch.equal(a, b)
    assert not torch.equal(a[1], a[2])


def test_a_source_named_twice_counts_twice(tmp_path):
    draw_pictures(tmp_path, 3)
    assert len(load_pictures([tmp_path, tmp_path], size=8, limit=2)) == 4


def test_layers_share_crop_flip_and_turn(tmp_path):
    save(tmp_path / "a/x.png", ramp(30, 40))
    save(tmp_path / "b/x.jpg", ramp(30, 40))
    Image.fromarray(ramp(30, 40, start=100).astype(np.uint8)).save(tmp_path / "b/x.png")
    (tmp_path / "b/x.jpg").unlink()
    data = load_pairs([tmp_path / "a", tmp_path / "b"], size=16)
    seen = set()
    for step in range(60):
        a, b = (
            ((x + 1) * 127.5).round() for x in data.crops([0], 16, crop_rng(step, 0), mirror=True, turn=True)
        )
        assert torch.equal(b - a, torch.tensor([100.0, 0, 0]).view(1, 3, 1, 1).expand_as(a))
        steps = a[0, :2, 0, 1] - a[0, :2, 0, 0], a[0, :2, 1, 0] - a[0, :2, 0, 0]
        seen.add(tuple(torch.cat(steps).tolist()))  # where right and down lead
    assert len(seen) == 8


def test_crops_reach_every_border(tmp_path):
    save(tmp_path / "a.png", ramp(6, 5))
    data = load_pictures([tmp_path], size=4)
    corners = {
        tuple(
            ((data.crops([0], 4, crop_rng(i, 0), mirror=False)[0] + 1) * 127.5).round()[0, :2, 0, 0].tolist()
        )
        for i in range(60)
    }
    assert corners == {(y, x) for y in range(3) for x in range(2)}


def test_side_by_side(tmp_path):
    save(tmp_path / "p.png", np.concatenate([ramp(8, 8), ramp(8, 8) + 50], axis=1))
    save(tmp_path / "odd.png", ramp(8, 9))
    save(tmp_path / "single.png", ramp(8, 8))
    data = load_pairs([tmp_path], size=8)
    a, b = data[0]
    assert data.names == ["p.png"]
    assert np.array_equal(a, ramp(8, 8))
    assert np.array_equal(b, ramp(8, 8) + 50)
    assert [name for name, _ in data.skipped] == ["odd.png", "single.png"]
    assert data.skipped[1][1].startswith("no side-by-side pair: 8x8, not wider than high")
    squeezed = load_pairs([tmp_path], size=4, load_size=6)[0]
    assert [layer.shape for layer in squeezed] == [(6, 6, 3)] * 2


def test_pairs_that_do_not_match_are_named(tmp_path):
    draw_pictures(tmp_path / "a", 3)
    draw_pictures(tmp_path / "b", 2)
    with pytest.raises(InputError, match=r"1 images have no partner of their name: 2\.png in .*a"):
        load_pairs([tmp_path / "a", tmp_path / "b"], size=8)
    save(tmp_path / "b/2.png", ramp(36, 41))
    with pytest.raises(InputError, match=r"differ in size: 2\.png"):
        load_pairs([tmp_path / "a", tmp_path / "b"], size=8)
    assert len(load_pairs([tmp_path / "a", tmp_path / "b"], size=8, load_size=10)) == 3
    with pytest.raises(UsageError, match="one or two folders, not 3"):
        load_pairs([tmp_path] * 3, size=8)
    save(tmp_path / "b/deep/2.png", ramp(36, 40))
    with pytest.raises(InputError, match="both '2'"):
        load_pairs([tmp_path / "a", tmp_path / "b"], size=8)


def test_small_empty_and_damaged(tmp_path):
    draw_pictures(tmp_path / "a", 2)
    save(tmp_path / "a/tiny.png", ramp(5, 30))
    (tmp_path / "a/torn.png").write_bytes(b"\x89PNG")
    with pytest.raises(
        InputError, match=r"1 of 4 images are smaller than the crop of 16: tiny\.png \(30x5\)"
    ):
        load_pictures([tmp_path / "a"], size=16)
    data = load_pictures([tmp_path / "a"], size=16, load_size=18)
    assert (len(data), [name for name, _ in data.skipped]) == (3, ["torn.png"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no images"):
        load_pictures([tmp_path / "empty"], size=16)
    (tmp_path / "empty/torn.png").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match=r"no image can be used \(torn\.png"):
        load_pictures([tmp_path / "empty"], size=16)


def test_what_does_not_fit_into_memory_is_read_when_needed(tmp_path, monkeypatch):
    draw_pictures(tmp_path, 4, (20, 20))
    whole = load_pictures([tmp_path], size=8)
    monkeypatch.setattr(pictures, "free_memory", lambda: 4 * 3000)  # of which a quarter
    lazy = load_pictures([tmp_path], size=8)
    assert len(whole.held) == 4
    assert len(lazy.held) < 4
    for i in range(4):
        assert np.array_equal(whole[i][0], lazy[i][0])


def test_reduction_keeps_its_place(tmp_path):
    draw_pictures(tmp_path, 1, (43, 38))
    data = load_reduced([tmp_path], 4, size=5)
    small, large = data[0]
    assert (small.shape, large.shape) == ((9, 10, 3), (36, 40, 3))
    a, b = data.crops([0], 5, crop_rng(0, 0), mirror=True, turn=True)
    assert (a.shape, b.shape) == ((1, 3, 5, 5), (1, 3, 20, 20))
    torch.testing.assert_close(torch.nn.functional.avg_pool2d(b, 4), a, atol=0.05, rtol=0)
    assert np.array_equal(reduced(np.full((16, 16, 3), 93, np.uint8), 4), np.full((4, 4, 3), 93))


def test_reduction_is_that_of_the_benchmarks(shared):
    path = shared / "data/sr/Set14/img_013_SRF_4_HR.png"
    large, small = (np.asarray(Image.open(p)) for p in (path, path.with_name("img_013_SRF_4_LR.png")))
    difference = np.abs(reduced(large, 4).astype(int) - small)
    assert difference[2:-2, 2:-2].max() <= 1  # the published ones were cut from larger pictures
    assert difference.mean() < 0.001


def test_sheet():
    rows = [torch.zeros(3, 3, 4, 5), torch.ones(3, 3, 4, 5)]
    assert sheet(rows).shape == (3, 8, 15)
