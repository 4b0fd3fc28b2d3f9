"""Directions: learning on a made-up space where the answer is known, files, arithmetic, refusals."""

from __future__ import annotations

import pytest
import torch

from ganedit.errors import InputError, UsageError
from ganedit.latent.directions.direction import Direction, apply
from ganedit.latent.directions.learning import learn, remove_shared
from ganedit.latent.directions.named import find, names_of, user_folder
from ganedit.latent.sampling import spread_along

W = 16


def axis(i, name="axis", **more):
    return Direction(name, torch.eye(W)[i], **more)


@pytest.fixture(scope="module")
def codes():
    return torch.randn(2000, W, generator=torch.Generator().manual_seed(0))


def test_learning_finds_the_axis_that_makes_the_score(codes):
    noise = 0.3 * torch.randn(len(codes), generator=torch.Generator().manual_seed(1))
    got = learn(codes, codes[:, 3] * 2 + noise, name="third")
    assert float(got.vector.norm()) == pytest.approx(1)
    assert float(got.vector[3]) > 0.97  # and it points upwards
    assert got.accuracy > 0.95
    assert got.sigma == pytest.approx(1, abs=0.05)
    assert got.samples == 1200  # 30% at either end


def test_two_values_are_classes_and_a_threshold_divides(codes):
    above = (codes[:, 2] > 0.5).float()
    from_classes = learn(codes, above, name="a")
    from_threshold = learn(codes, codes[:, 2], name="a", threshold=0.5)
    assert from_classes.samples == from_threshold.samples == 2000
    torch.testing.assert_close(from_classes.vector, from_threshold.vector)


def test_a_row_per_layer(codes):
    layered = torch.stack([codes, torch.randn(codes.shape, generator=torch.Generator().manual_seed(2))], 1)
    got = learn(layered, layered[:, 0, 5] + layered[:, 1, 7], name="both")
    assert got.vector.shape == (2, W)
    assert float(got.vector[0, 5]) == pytest.approx(0.5**0.5, abs=0.03)
    assert float(got.vector[1, 7]) == pytest.approx(0.5**0.5, abs=0.03)


def test_preserving_removes_what_is_shared(codes):
    mixed = codes[:, 0] + codes[:, 1]
    plain = learn(codes, mixed, name="mixed")
    kept = learn(codes, mixed, name="mixed", preserve=[axis(1, "one"), axis(4, "four")])
    assert abs(float(plain.vector[1])) > 0.6
    assert float(kept.vector[1]) == pytest.approx(0, abs=1e-6)
    assert float(kept.vector[0]) > 0.97
    assert kept.preserved == ("one", "four")
    torch.testing.assert_close(kept.normal, plain.vector)  # others preserve this one by its normal
    left = remove_shared(torch.eye(W)[1], [kept])
    assert abs(float(left @ plain.vector)) < 1e-6


def test_nothing_left_and_too_few_examples(codes):
    with pytest.raises(InputError, match="nothing is left"):
        remove_shared(torch.eye(W)[1], [axis(1)])
    with pytest.raises(InputError, match="5 low and 5 high"):
        learn(codes[:10], torch.arange(10) > 4.5, name="x")
    with pytest.raises(InputError, match="not finite"):
        learn(codes, torch.full((2000,), torch.nan), name="x")
    with pytest.raises(InputError, match=r"other is \[8\], this one \[16\]"):
        remove_shared(torch.ones(W), [Direction("other", torch.ones(8))])


def test_apply_is_magnitude_times_sigma_times_vector():
    ws = torch.zeros(3, W)
    got = apply(ws, [(axis(0, sigma=0.5), 2.0, None), (axis(1), -1.0, [2])])
    assert got[:, 0].tolist() == [1, 1, 1]
    assert got[:, 1].tolist() == [0, 0, -1]
    assert not ws.any()
    batch = apply(torch.zeros(4, 3, W), [(axis(0), 1.0, None)])
    assert batch[:, :, 0].eq(1).all()


def test_apply_heeds_the_directions_own_layers_and_rows():
    rows = torch.zeros(3, W)
    rows[1, 2] = 1
    assert apply(torch.zeros(3, W), [(Direction("r", rows), 2.0, None)])[1, 2] == 2
    assert apply(torch.zeros(3, W), [(Direction("r", rows), 2.0, [0, 2])]).abs().sum() == 0
    coarse = axis(0, layers=(0,))
    assert apply(torch.zeros(3, W), [(coarse, 1.0, None)])[:, 0].tolist() == [1, 0, 0]


def test_zero_magnitude_changes_no_bit():
    ws = torch.randn(3, W)
    assert torch.equal(apply(ws, [(axis(0, sigma=0.7), 0.0, None)]), ws)


@pytest.mark.parametrize("magnitude", [float("nan"), float("inf"), -float("inf")])
def test_magnitudes_must_be_finite(magnitude):
    with pytest.raises(UsageError, match="not a finite number"):
        apply(torch.zeros(3, W), [(axis(0), magnitude, None)])


def test_wrong_sizes_and_layers_name_both():
    with pytest.raises(InputError, match=r"axis is \[16\], the codes are \[3, 8\]"):
        apply(torch.zeros(3, 8), [(axis(0), 1.0, None)])
    with pytest.raises(UsageError, match="no layer 3: the code has 3"):
        apply(torch.zeros(3, W), [(axis(0), 1.0, [1, 3])])


def test_a_file_keeps_everything(tmp_path):
    made = axis(
        3,
        "smile",
        sigma=0.4,
        model="faces",
        model_sha256="ab",
        method="m",
        layers=(0, 1),
        accuracy=0.9,
        samples=7,
        preserved=("age",),
        normal=torch.ones(W),
    )
    got = Direction.load(made.save(tmp_path / "smile.safetensors"))
    torch.testing.assert_close(got.vector, made.vector)
    torch.testing.assert_close(got.normal, made.normal)
    for field in (
        "name",
        "sigma",
        "model",
        "model_sha256",
        "method",
        "layers",
        "accuracy",
        "samples",
        "preserved",
    ):
        assert getattr(got, field) == getattr(made, field)


def test_files_that_are_no_directions(tmp_path):
    path = axis(0).save(tmp_path / "d.safetensors")
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(InputError, match="is not a direction"):
        Direction.load(path)
    with pytest.raises(InputError, match="no such file"):
        Direction.load(tmp_path / "none.safetensors")


def test_spread_is_a_standard_deviation():
    codes = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    assert spread_along(torch.tensor([1.0, 0.0]), codes) == pytest.approx(2**0.5)


def test_directions_are_found_by_name_and_misspelt_ones_guessed(tmp_path, monkeypatch):
    monkeypatch.setenv("GANEDIT_HOME", str(tmp_path))
    saved = axis(0, "sunglasses").save(user_folder("mine") / "sunglasses.safetensors")
    assert names_of("mine") == ["sunglasses"]
    assert find("sunglasses", "mine").name == find(str(saved), "mine").name == "sunglasses"
    with pytest.raises(UsageError) as error:
        find("sunglases", "mine")
    assert "did you mean sunglasses" in error.value.hint
