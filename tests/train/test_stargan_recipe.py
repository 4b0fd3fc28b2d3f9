"""StarGAN on tiny labelled pictures: labels, mask vectors of several sets, learning, resuming, exporting."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from recipes import CPU, assert_resumes, draw_pictures, trained

from ganedit.errors import InputError, UsageError
from ganedit.store.load import load
from ganedit.train.losses import gradient_penalty
from ganedit.train.options.translators import StarGANOptions
from ganedit.train.recipes.stargan import known_bce, parse_rules, read_labels, start


@pytest.fixture
def sets(tmp_path):
    """Six pictures of known age and sex, and four that smile or do not."""
    faces, smiles = (
        draw_pictures(tmp_path / "faces", 6, (20, 20)),
        draw_pictures(tmp_path / "smiles", 4, (16, 16)),
    )
    rows = [f"{i}.png,{10 * i},{'male' if i % 2 else 'female'}" for i in range(6)]
    (faces / "labels.csv").write_text("\n".join(["file,age,gender", *rows]))
    (smiles / "labels.csv").write_text("\n".join(["file,smile", *(f"{i}.png,{i // 2}" for i in range(4))]))
    return (str(faces), str(smiles))


@pytest.fixture
def options(sets):
    def make(**more):
        values = {
            "data": sets[:1], "labels": "young=age<30,male=gender=male", "kimg": 0.032, "batch": 4,
            "size": 16, "width": 4, "d_width": 4, "blocks": 1, "critic": 2,
        }  # fmt: skip
        return StarGANOptions(precision="float32", **{**values, **more})

    return make


def make(opts):
    return start(opts, CPU, lambda text: None)


@pytest.mark.parametrize("count", [1, 2])
def test_resume(options, sets, tmp_path, count):
    opts = options(data=sets[:count], labels="young=age<30,smiling=smile=1"[: 12 if count == 1 else None])
    assert_resumes(make, opts.__class__(**{**opts.__dict__, "snapshot_kimg": 0.016}), tmp_path)


def test_it_learns(options, tmp_path):
    reports = []
    recipe = trained(
        make,
        options(kimg=0.4, lr=0.005, critic=1, sample_kimg=0.04, reconstruct=100.0),
        tmp_path,
        reports=reports,
    )
    assert reports[-1].stats["g/reconstruct"] < reports[0].stats["g/reconstruct"] / 1.2
    assert recipe.samples().shape == (3, 3 * 16, 6 * 16)


def test_the_export_takes_its_labels(options, sets, tmp_path):
    recipe = trained(make, options(data=sets, labels="young=age<30,smiling=smile=1"), tmp_path)
    model = load(tmp_path / "model", device="cpu")
    assert model.labels == 4
    assert model.card.details["labels"] == ["young", "smiling", "faces", "smiles"]
    x, target = torch.rand(1, 3, 18, 20) * 2 - 1, torch.tensor([[1.0, 0, 1, 0]])
    assert model(x, target).shape == x.shape
    assert recipe._target(torch.tensor([[1.0, float("nan")]]), 0).tolist() == [[1, 0, 1, 0]]


def test_labels_follow_the_rules(sets, tmp_path):
    faces = Path(sets[0])
    names = [f"{i}.png" for i in range(6)]
    rules = parse_rules("young = age<=20, old=age>40,female=gender=female,smiling=smile=1")
    found = read_labels(faces, names, rules)
    assert found[:, 0].tolist() == [1, 1, 1, 0, 0, 0]
    assert found[:, 1].tolist() == [0, 0, 0, 0, 0, 1]
    assert found[:, 2].tolist() == [1, 0, 1, 0, 1, 0]
    assert found[:, 3].isnan().all()
    with pytest.raises(InputError, match=r"no images of .* are ancient"):
        read_labels(faces, names, parse_rules("ancient=age>100"))
    with pytest.raises(InputError, match="holds no numbers"):
        read_labels(faces, names, parse_rules("old=gender>1"))


def test_rules_that_cannot_be_read(options):
    for wrong in ("young", "young=age", "young=age<old", "a=x=1,a=y=1", "young=age<30,"):
        with pytest.raises(UsageError, match="label"):
            parse_rules(wrong)
    with pytest.raises(UsageError, match="no set has a column 'agee'"):
        make(options(labels="young=agee<30"))
    for wrong in ({"labels": ""}, {"size": 20}, {"critic": 0}):
        with pytest.raises(UsageError):
            options(**wrong)


def test_unknown_labels_cost_nothing():
    logits, labels = torch.tensor([[0.0, 3.0]]), torch.tensor([[1.0, float("nan")]])
    assert float(known_bce(logits, labels)) == pytest.approx(0.6931, abs=1e-3)


def test_penalty_of_a_known_slope():
    """A linear judge has the same slope everywhere: 3 along one of 2x2x1 pixels."""
    real, fake = torch.rand(4, 1, 2, 2), torch.rand(4, 1, 2, 2)
    assert float(gradient_penalty(lambda x: 3 * x[:, :, 0, 0], real, fake)) == pytest.approx(4, abs=1e-4)


def test_what_is_added_is_nothing_at_first(options, tmp_path):
    recipe = make(options(residual=True))
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    assert torch.equal(recipe.g(x, torch.eye(2)), x)
    trained(make, options(residual=True, lr=0.01), tmp_path)
    model = load(tmp_path / "model", device="cpu")
    assert model.network.cfg.residual
    changed = model(x, label=torch.eye(2))
    assert float(changed.abs().max()) <= 1
    assert not torch.equal(changed, x)
