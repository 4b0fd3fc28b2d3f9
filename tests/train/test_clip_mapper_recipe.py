"""The latent mapper's recipe: it begins with no change, learns, resumes, and knows whose it is."""

from __future__ import annotations

import pytest
import torch
from recipes import CPU, assert_resumes, trained
from reference import reference_file

from ganedit.errors import CheckpointError, UsageError
from ganedit.nets.latent_mapper import LatentMapper, LatentMapperConfig
from ganedit.store.load import load, load_generator
from ganedit.store.models import Mapper
from ganedit.train.options.recognition import CLIPMapperOptions
from ganedit.train.recipes.clip_mapper import start


def test_rows_of_no_band_stay():
    torch.manual_seed(0)
    mapper = LatentMapper(LatentMapperConfig(4, 6, ((0, 1), (4,))))
    ws = torch.randn(2, 6, 4)
    changed = mapper(ws)
    assert torch.equal(changed[:, [2, 3, 5]], ws[:, [2, 3, 5]])
    assert not torch.equal(changed[:, [0, 1, 4]], ws[:, [0, 1, 4]])
    assert torch.allclose(changed, ws, atol=0.02)  # nearly nothing at first


def test_a_row_belongs_to_one_band():
    with pytest.raises(ValueError, match="one band"):
        LatentMapperConfig(4, 6, ((0, 1), (1,)))


def options(tiny_models, tiny_clip, **more) -> CLIPMapperOptions:
    return CLIPMapperOptions(
        **{
            "kimg": 0.016, "batch": 4, "precision": "float32", "model": str(tiny_models / "faces"),
            "clip": str(tiny_clip), "text": "an old man", "identity": 0.0, **more,
        }
    )  # fmt: skip


def make(opts):
    return start(opts, CPU, lambda text: None)


def test_it_resumes_bit_for_bit(tiny_models, tiny_clip, tmp_path):
    assert_resumes(make, options(tiny_models, tiny_clip, snapshot_kimg=0.008), tmp_path)


def test_it_learns_and_is_written(tiny_models, tiny_clip, tmp_path):
    opts = options(tiny_models, tiny_clip, kimg=0.12, lr=0.2, closeness=0.0, sample_kimg=0.12)
    recipe = trained(make, opts, tmp_path / "run")
    unseen = recipe.generator.mapping(torch.randn(6, 8))
    wanted = recipe.clip.texts(["an old man"])[0]
    before, after = (
        (recipe.clip.images(recipe.generator.synthesis(ws).clamp(-1, 1)) @ wanted).mean()
        for ws in (unseen, recipe.mapper(unseen))
    )
    assert float(after.detach()) > float(before)
    mapper = load(tmp_path / "run" / "model", "cpu")
    assert isinstance(mapper, Mapper)
    assert (mapper.name, mapper.text) == ("an-old-man", "an old man")
    generator = load_generator(tiny_models / "faces", "cpu")
    mapper.check_model(generator)
    codes = generator.mapping(generator.z_of([1, 2]))
    assert mapper(codes).shape == codes.shape


def test_it_knows_whose_it_is(tiny_models, tiny_clip, tmp_path):
    trained(make, options(tiny_models, tiny_clip, kimg=0.004), tmp_path / "run")
    other = load_generator(reference_file("sg2ada-uncond-64.pkl"), "cpu")
    with pytest.raises(CheckpointError, match="was trained for the model faces"):
        load(tmp_path / "run" / "model", "cpu").check_model(other)


def test_it_wants_a_text_and_no_data():
    with pytest.raises(UsageError, match="`text`"):
        CLIPMapperOptions()
    with pytest.raises(UsageError, match="no data"):
        CLIPMapperOptions(data=("x",), text="an old man")
