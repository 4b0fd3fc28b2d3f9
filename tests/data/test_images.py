"""Training sets: what is decoded, what is skipped, what is refused, and in which order it is seen."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from ganedit.data.images import fetch, load_images
from ganedit.data.order import index_batch, mirror_batch
from ganedit.errors import InputError, UsageError


@pytest.fixture
def folder(tmp_path):
    """Four squares: red, green, blue, white; and one below another folder."""
    colours = {"a.png": (255, 0, 0), "b.png": (0, 255, 0), "c.png": (0, 0, 255), "deep/d.png": (255,) * 3}
    for name, colour in colours.items():
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), colour).save(path)
    return tmp_path / "set"


def write_labels(path, rows, header="file,age"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_folder_and_zip_give_the_same_set(folder, tmp_path):
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        for path in folder.rglob("*.png"):
            stream.write(path, path.relative_to(folder).as_posix())
        stream.writestr("__MACOSX/a.png", b"not an image")
    from_folder, from_zip = load_images(folder, resolution=4), load_images(archive, resolution=4)
    assert from_folder.names == from_zip.names == ["a.png", "b.png", "c.png", "deep/d.png"]
    assert torch.equal(from_folder.images, from_zip.images)
    assert from_folder.images[:, :, 0, 0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255] * 3]
    assert from_folder.labels is None
    assert not from_folder.skipped


def test_corrupt_images_are_named_and_skipped(folder):
    (folder / "b.png").write_bytes(b"\x89PNG broken")
    (folder / "e.jpg").write_bytes(b"")
    got = load_images(folder, resolution=4)
    assert got.names == ["a.png", "c.png", "deep/d.png"]
    assert got.images[1, :, 0, 0].tolist() == [0, 0, 255]  # rows closed up behind the gap
    assert [name for name, _ in got.skipped] == ["b.png", "e.jpg"]


def test_crop_keeps_the_centre_and_resize_squeezes(folder):
    wide = np.zeros((4, 8, 3), np.uint8)
    wide[:, 2:6] = 200  # the centre square
    Image.fromarray(wide).save(folder / "a.png")
    crop = load_images(folder, resolution=4, fit="crop").images[0]
    squeezed = load_images(folder, resolution=4, fit="resize").images[0]
    assert (crop == 200).all()
    assert squeezed[0, 0, 0] < 50


def test_grey_and_limit(folder):
    got = load_images(folder, resolution=4, grey=True, limit=2)
    assert got.images.shape == (2, 1, 4, 4)
    assert got.images[:, 0, 0, 0].tolist() == [76, 150]  # Rec. 601 luma of red and green


def test_classes_sort_as_numbers_and_numbers_stay_numbers(folder, tmp_path):
    labels = write_labels(tmp_path / "l.csv", ["a.png,10", "b.png,9", "c.png,10", "d.png,100"])
    got = load_images(folder, resolution=4, labels=labels, label_column="age")
    assert got.class_names == ["9", "10", "100"]
    assert got.labels.tolist() == [1, 0, 1, 2]
    numbers = load_images(folder, resolution=4, labels=labels, label_column="age", label_kind="number")
    assert numbers.labels.tolist() == [10, 9, 10, 100]
    assert numbers.num_classes == 0


def test_labels_follow_their_images_past_a_corrupt_one(folder):
    (folder / "a.png").write_bytes(b"x")
    write_labels(folder / "labels.csv", ["a.png,no", "b.png,yes", "c.png,no", "deep/d.png,yes"])
    got = load_images(folder, resolution=4, label_column="age")
    assert [got.class_names[i] for i in got.labels] == ["yes", "no", "yes"]


def test_label_errors_say_what_was_found(folder, tmp_path):
    labels = write_labels(tmp_path / "l.csv", ["a.png,1,2", "b.png,,3", "z.png,1,"], header="file,age,kind")
    with pytest.raises(UsageError) as error:
        load_images(folder, resolution=4, labels=labels, label_column="sex")
    assert "age, kind" in error.value.hint
    with pytest.raises(InputError, match=r"2 of 4 images have no row .*c\.png, deep/d\.png"):
        load_images(folder, resolution=4, labels=labels, label_column="kind")
    with pytest.raises(InputError, match=r"'age' empty for 1 images: b\.png"):
        load_images(folder, resolution=4, labels=labels, label_column="age", limit=2)
    words = write_labels(tmp_path / "w.csv", ["a.png,old", "b.png,1"])
    with pytest.raises(InputError, match=r"a\.png is not a number: 'old'"):
        load_images(folder, resolution=4, labels=words, label_column="age", limit=2, label_kind="number")
    with pytest.raises(InputError, match="no labels at"):
        load_images(folder, resolution=4, labels=tmp_path / "none.csv", label_column="age")


def test_sets_that_cannot_be_trained_on(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no images"):
        load_images(tmp_path / "empty", resolution=4)
    with pytest.raises(InputError, match="only one image"):
        load_images(folder, resolution=4, limit=1)
    with pytest.raises(InputError, match="does not exist"):
        load_images(tmp_path / "none", resolution=4)
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(InputError, match="neither a folder nor a zip"):
        load_images(tmp_path / "x.zip", resolution=4)


def test_fetch_maps_to_unit_range_and_mirrors():
    images = torch.tensor([[0, 255], [51, 102]], dtype=torch.uint8).view(2, 1, 1, 2)
    got = fetch(images, torch.tensor([1, 0]), torch.tensor([False, True]))
    torch.testing.assert_close(got.view(2, 2), torch.tensor([[-0.6, -0.2], [1.0, -1.0]]))


def test_every_pass_sees_every_image_once_over_all_ranks():
    n, batch, world = 10, 3, 2
    seen = [index_batch(n, batch, step, 5, rank, world) for step in range(5) for rank in range(world)]
    flat = torch.cat(seen)  # 30 images: three passes
    for epoch in range(3):
        assert sorted(flat[epoch * n : (epoch + 1) * n].tolist()) == list(range(n))
    assert flat[:n].tolist() != flat[n : 2 * n].tolist()


def test_order_follows_from_seed_and_step_alone():
    assert torch.equal(index_batch(100, 8, 37, 1), index_batch(100, 8, 37, 1))
    assert not torch.equal(index_batch(100, 8, 37, 1), index_batch(100, 8, 37, 2))
    assert torch.equal(mirror_batch(64, 3, 1), mirror_batch(64, 3, 1))
    assert not torch.equal(mirror_batch(64, 3, 1), mirror_batch(64, 4, 1))


def test_a_batch_larger_than_the_set_spans_passes():
    got = index_batch(3, 7, 0, 0)
    assert sorted(got[:3].tolist()) == sorted(got[3:6].tolist()) == [0, 1, 2]


def test_a_ragged_csv_is_named_with_its_row(folder, tmp_path):
    labels = write_labels(tmp_path / "l.csv", ["a.png,1", "b.png"])
    with pytest.raises(InputError, match=r"row 3 of .* has 1 values, and there are 2 columns"):
        load_images(folder, resolution=4, labels=labels, label_column="age")
    labels.write_text("file,age,age\na.png,1,2\n")
    with pytest.raises(InputError, match="several columns 'age'"):
        load_images(folder, resolution=4, labels=labels, label_column="age")
    labels.write_text("name,age\na.png,1\n")
    with pytest.raises(InputError, match=r"first column of .* is 'name', not 'file'"):
        load_images(folder, resolution=4, labels=labels, label_column="age")
