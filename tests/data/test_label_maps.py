"""Photos under their label maps: what is matched, resized, refused, and shown to the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from recipes import draw_pictures
from torch import nn

from ganedit.data.label_maps import Labels, load_maps, network_input, read_colours
from ganedit.data.order import crop_rng
from ganedit.errors import InputError, UsageError
from ganedit.images.labels import LabelMap, Palette
from ganedit.images.translation import translate
from ganedit.nets.spade import SPADEConfig
from ganedit.store.cards import ModelCard
from ganedit.store.models import Translator

COLOURS = np.array([(9, 9, 9), (200, 0, 0), (0, 200, 0)], np.uint8)


def draw_map(path, labels, colours=COLOURS):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(labels, np.uint8), "P")
    image.putpalette(colours.tobytes())
    image.save(path)


class Echo(nn.Module):
    """Keeps what it is shown."""

    cfg = SPADEConfig(in_channels=4)

    def forward(self, x):
        self.seen = x
        return x[:, :3]


@pytest.fixture
def sources(tmp_path):
    """Three photos 24x20, whose maps are a ramp of three labels from left to right; indexed, and one grey."""
    photos = draw_pictures(tmp_path / "photos", 3, (24, 20))
    ramp = np.broadcast_to(np.arange(24) // 8, (20, 24))
    draw_map(tmp_path / "maps/0.png", ramp)
    draw_map(tmp_path / "maps/1.png", ramp)
    Image.fromarray(ramp.astype(np.uint8)).save(tmp_path / "maps/2.png")
    return [tmp_path / "maps", photos]


def test_maps_and_photos_share_crop_and_flip(sources):
    labels, photos = load_maps(sources, labels=3, size=16).crops([0, 1, 2], 16, crop_rng(1, 0), mirror=True)
    assert (labels.shape, labels.dtype) == ((3, 16, 16), torch.int64)
    assert photos.shape == (3, 3, 16, 16)
    assert labels.max() <= 2
    x = network_input([labels, photos], 3)
    assert torch.equal(x.argmax(1), labels)
    assert torch.equal(x.sum(1), torch.ones(3, 16, 16))


def test_maps_are_resized_by_their_nearest_pixels(sources):
    data = load_maps(sources, labels=3, size=8, load_size=12)
    layers = data[0]
    assert layers[0].shape == layers[1].shape[:2] == (12, 12)
    assert layers[0][3].tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_edges_are_those_that_translate_draws(sources):
    layers = load_maps(sources, labels=3, size=20, edges=True)[0]
    model = Translator(ModelCard("m", "translator", "spade", {}, details={"edges": True}), Echo())
    translate(LabelMap(layers[0]), model)
    wanted = model.network.seen[:, :, 2:20, 3:21]
    found = network_input([torch.from_numpy(x[2:20, 3:21].copy())[None] for x in layers[:2]], 3)
    assert torch.equal(found, wanted)
    assert found[0, 3, 0].nonzero().flatten().tolist() == [4, 5, 12, 13]


def test_edges_of_instances(sources, tmp_path):
    single = np.zeros((20, 24), np.uint16)
    single[5:, :] = 26001  # as Cityscapes numbers them
    (tmp_path / "single").mkdir()
    for i in range(3):
        Image.fromarray(single).save(tmp_path / f"single/{i}.png")
    _, edges, _ = load_maps(sources, labels=3, size=20, instances=tmp_path / "single")[0]
    assert np.flatnonzero(edges[:, 0]).tolist() == [4, 5]
    assert (edges == edges[:, :1]).all()


def test_maps_in_plain_colours_need_a_palette(sources):
    path = sources[0] / "1.png"
    Image.open(path).convert("RGB").save(path)
    with pytest.raises(InputError, match=r"1\.png is an image in colours"):
        load_maps(sources, labels=3, size=16)
    data = load_maps(sources, labels=3, size=16, palette=Palette(COLOURS))
    assert (data[1][0] == data[0][0]).all()
    with pytest.raises(InputError, match=r"1\.png has colours that are not in the palette: 0 200 0, 9 9 9"):
        load_maps(sources, labels=3, size=16, palette=Palette(COLOURS + 1))


def test_the_palette_of_the_files(sources):
    assert (read_colours(sources[0], 3).colours == COLOURS).all()
    draw_map(sources[0] / "0.png", np.zeros((20, 24)), COLOURS * 0)
    assert read_colours(sources[0], 3) is None
    (sources[0] / "0.png").write_bytes(b"no picture")
    assert read_colours(sources[0], 3) is None


def test_a_number_that_means_no_label_becomes_the_last_one(sources):
    """SPADE's 255: one label more, which `ganedit translate` makes of it too."""
    labels = Labels.of("a,b,c").with_dont_care(255)
    assert (labels.count, labels.names) == (4, ("a", "b", "c", "unlabelled"))
    assert labels.details()["dont_care"] == 255
    ramp = np.broadcast_to(np.arange(24) // 8, (20, 24)).copy()
    ramp[:5] = 255
    Image.fromarray(ramp.astype(np.uint8)).save(sources[0] / "0.png")
    (found, _) = load_maps(sources, labels=4, size=20, dont_care=255).crops(
        [0], 20, crop_rng(1, 0), mirror=False
    )
    want = np.where(ramp == 255, 3, ramp)
    assert any((found[0].numpy() == want[:, x : x + 20]).all() for x in range(5))
    assert (labels.coloured(torch.tensor([[[3]]])) == 1).all()  # white, after three levels of grey
    palette = Palette(COLOURS)
    with_colours = Labels(3, palette=palette).with_dont_care(255)
    assert (with_colours.coloured(torch.tensor([[[3]]])) == -1).all()  # black
    with pytest.raises(InputError, match=r"0\.png holds the label 255"):
        load_maps(sources, labels=3, size=16)
    with pytest.raises(UsageError, match="`dont_care=2` is a label: there are 3"):
        Labels.of("3").with_dont_care(2)


def test_what_is_refused(sources, tmp_path):
    with pytest.raises(InputError, match=r"0\.png holds the label 2; there are 2, 0 to 1"):
        load_maps(sources, labels=2, size=16)
    with pytest.raises(UsageError, match="two folders or zips, not 1"):
        load_maps(sources[:1], labels=3, size=16)
    with pytest.raises(UsageError, match="300 labels"):
        load_maps(sources, labels=300, size=16)
    draw_map(sources[0] / "1.png", np.zeros((20, 20)))
    with pytest.raises(InputError, match=r"1 pairs differ in size: 1\.png"):
        load_maps(sources, labels=3, size=16)
    (sources[0] / "1.png").unlink()
    with pytest.raises(InputError, match=r"no partner of their name: 1\.png in .*photos"):
        load_maps(sources, labels=3, size=16)
