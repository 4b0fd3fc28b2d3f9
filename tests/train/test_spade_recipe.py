"""SPADE on tiny maps: it learns, resumes exactly, and what it exports draws from maps in wanted styles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from recipes import CPU, assert_resumes, sheet_error, trained

from ganedit.errors import InputError, UsageError
from ganedit.images.io import Photo
from ganedit.images.labels import LabelMap
from ganedit.images.targets import style_encoder, style_of
from ganedit.images.translation import takes_labels, translate
from ganedit.nets.spade import StyleEncoder, StyleEncoderConfig
from ganedit.store.load import load
from ganedit.train.options.label_maps import SPADEOptions
from ganedit.train.recipes.spade import start
from ganedit.train.sources import labels_of

COLOURS = np.array([(20, 40, 60), (200, 180, 30), (90, 220, 120)], np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four maps of stripes, and photos in which each label has its colour."""
    folder = tmp_path_factory.mktemp("maps")
    for name in ("maps", "photos"):
        (folder / name).mkdir()
    for i in range(4):
        labels = np.broadcast_to((np.arange(32) + 5 * i) // 11 % 3, (32, 32)).astype(np.uint8)
        image = Image.fromarray(np.ascontiguousarray(labels), "P")
        image.putpalette(COLOURS.tobytes())
        image.save(folder / f"maps/{i}.png")
        Image.fromarray(COLOURS[labels]).save(folder / f"photos/{i}.png")
    return str(folder / "maps"), str(folder / "photos")


@pytest.fixture
def options(data):
    def make(**more):
        values = {
            "data": data, "labels": "sea,corn,wood", "kimg": 0.008, "batch": 2, "size": 32, "load_size": 32,
            "width": 2, "hidden": 4, "d_width": 4, "encoder_width": 4, "style_dim": 6, "mirror": False,
        }  # fmt: skip
        return SPADEOptions(precision="float32", **{**values, **more})

    return make


def make(opts):
    return start(opts, CPU, lambda text: None)


def test_resume(options, tmp_path):
    assert_resumes(make, options(encoder=True, snapshot_kimg=0.004), tmp_path)


def test_pixels_without_a_label(options, data, tmp_path):
    """They are a label of their own, for training and for the model that it exports."""
    maps = tmp_path / "maps"
    maps.mkdir()
    for path in Path(data[0]).iterdir():
        with Image.open(path) as image:
            labels = np.array(image)
        labels[:4] = 255
        Image.fromarray(labels).save(maps / path.name)
    recipe = trained(make, options(data=(str(maps), data[1]), dont_care=255), tmp_path / "run")
    model = load(tmp_path / "run/model", device="cpu")
    assert (model.in_channels, model.card.details["dont_care"]) == (4, 255)
    assert recipe.labels.count == 4
    assert translate(LabelMap(labels), model).pixels.shape == (32, 32, 3)


def test_it_learns(options, tmp_path):
    opts = options(kimg=0.08, lr=0.02, l1=50.0)
    before = sheet_error(make(opts).samples(), 3, drawn=1, wanted=2)
    recipe = trained(make, opts, tmp_path)
    assert sheet_error(recipe.samples(), 3, drawn=1, wanted=2) < before / 2
    assert set(recipe.networks) == {"g", "d"}
    assert recipe.samples().shape == (3, 3 * 32, 4 * 32)


def test_the_generator_learns_at_a_quarter_of_the_discriminators_rate(options, tmp_path):
    recipe = trained(make, options(lr=0.02, decay=0.5), tmp_path)
    rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in recipe.optimizers.items()}
    assert rates["d"] == 4 * rates["g"]
    assert rates["g"] == pytest.approx(0.01 * 0.5)  # the last of four steps, half of the fall behind it


def test_the_exports_draw_maps_in_styles(options, tmp_path):
    recipe = trained(make, options(encoder=True, edges=True, name="fields"), tmp_path)
    assert recipe.samples().shape == (3, 4 * 32, 4 * 32)
    model = load(tmp_path / "model", device="cpu")
    assert takes_labels(model)
    assert model.card.details == {
        "input": "labels",
        "labels": ["sea", "corn", "wood"],
        "palette": COLOURS.tolist(),
        "size": 32,
        "edges": True,
    }
    assert (model.in_channels, model.style_dim, model.network.cfg.grid) == (4, 6, (1, 1))

    map_ = LabelMap(np.tile(np.arange(3, dtype=np.uint8), (40, 16))[:, :45])
    encoder = style_encoder(model, str(tmp_path / "model/encoder"))
    assert encoder.card.details["model"] == "fields"
    style = style_of(Photo(np.full((50, 30, 3), 90, np.uint8)), encoder)
    plain, styled = translate(map_, model).pixels, translate(map_, model, style=style * 5000).pixels
    assert plain.shape == styled.shape == (32, 36, 3)  # at the size that it knows
    assert (plain != styled).any()

    recipe.g.eval()
    x, z = torch.rand(1, 4, 32, 32), torch.randn(1, 6)
    with torch.no_grad():
        torch.testing.assert_close(model(x, style=z), recipe.g(x, z), atol=0.02, rtol=0)  # float16


def test_an_encoder_without_normalisation_sees_brightness():
    dark, bright = (torch.full((1, 3, 16, 16), level) for level in (-0.5, 0.8))
    torch.manual_seed(0)
    bare = StyleEncoder(StyleEncoderConfig(4, 8, 2, "none"))
    assert not torch.allclose(bare(dark), bare(bright), rtol=1e-2, atol=0)


def test_names_and_colours(options, tmp_path):
    labels = labels_of(options())
    assert labels.details()["palette"] == COLOURS.tolist()
    shown = labels.coloured(torch.tensor([[[0, 2]]]))
    assert ((shown[0, :, 0, 1] + 1) * 127.5).round().tolist() == COLOURS[2].tolist()
    assert labels_of(options(labels="3")).details().keys() == {"input", "palette"}
    (tmp_path / "p.gpl").write_text("1 2 3 a\n4 5 6 b\n")
    palette = str(tmp_path / "p.gpl")
    assert labels_of(options(labels="", palette=palette)).names == ("a", "b")
    with pytest.raises(UsageError, match=r"names 3 labels, .* 2"):
        labels_of(options(palette=palette))
    with pytest.raises(UsageError, match="a name twice"):
        labels_of(options(labels="sea,corn,sea"))


def test_what_is_refused(options):
    for wrong in ({"labels": ""}, {"size": 48}, {"upsampling": "more"}, {"hidden": 0}, {"kl": -1.0}):
        with pytest.raises(UsageError):
            options(**wrong)
    with pytest.raises(InputError, match="holds the label 2; there are 2"):
        make(options(labels="sea,corn"))
