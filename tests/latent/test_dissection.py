"""GAN Dissection: against naive counting, and on the bundled faces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganedit.errors import InputError, UsageError
from ganedit.images.align import TEMPLATES
from ganedit.latent.sampling import random_codes
from ganedit.latent.units.activations import activations, layer_shapes
from ganedit.latent.units.dissection import OUTLINE, TOP, Dissection, dissect, outlined, top_pictures
from ganedit.latent.units.report import limit_of, page_of, try_line, write_report
from ganedit.latent.units.switching import UnitChange, UnitEdit
from ganedit.metrics.concepts import FaceRegions
from ganedit.store.load import load_generator

SAMPLES = 19  # more than are drawn at once


@pytest.fixture
def generator(tiny_faces):
    return load_generator("faces", "cpu")


def halves(pictures, seeds):
    """The left of every picture, at half its size; and all of the pictures of odd seeds."""
    left = np.zeros((len(pictures), 16, 16), bool)
    left[:, :, :8] = True
    odd = np.broadcast_to(np.array(seeds)[:, None, None] % 2 == 1, pictures.shape[:3])
    return {"left": left, "odd": odd}


@pytest.fixture
def found(generator):
    shapes = layer_shapes(generator)
    return dissect(generator, [shapes[1], shapes[4]], halves, samples=SAMPLES, seed=5, quantile=0.9)


def test_counts_are_those_of_naive_counting(generator, found):
    shapes = layer_shapes(generator)
    codes = random_codes(generator, SAMPLES, seed=5)
    _, all_maps = activations(generator, codes, [shapes[1], shapes[4]])
    masks = [np.broadcast_to(np.arange(32) < 16, (SAMPLES, 32, 32))]
    masks.append(np.broadcast_to((np.arange(5, 5 + SAMPLES) % 2 == 1)[:, None, None], (SAMPLES, 32, 32)))
    for layer, maps in zip(found.layers, all_maps, strict=True):
        large = torch.nn.functional.interpolate(maps, (32, 32), mode="bilinear").numpy()
        for unit in range(layer.shape.units):
            values = maps[:, unit].flatten().numpy()
            limit = np.quantile(values, 0.9, method="inverted_cdf")
            assert float(layer.thresholds[unit]) == pytest.approx(limit, rel=1e-5)
            active = large[:, unit] > limit
            for k, mask in enumerate(masks):
                # the last bit of an activation depends on the batch that it is computed in
                assert abs(int(layer.intersections[unit, k]) - (active & mask).sum()) <= 1
                assert abs(int(layer.unions[unit, k]) - (active | mask).sum()) <= 1
            highest = maps[:, unit].amax(dim=(1, 2)).sort(descending=True, stable=True).indices[:TOP] + 5
            assert layer.top[unit].tolist() == highest.tolist()
    assert found.share("left") == 0.5
    assert found.share("odd") == pytest.approx(10 / 19)


def test_a_unit_agrees_fully_with_its_own_region(generator, found):
    """A concept that is planted where one unit is active is found there, with IoU 1."""
    layer = found.layers[1]

    def planted(pictures, seeds):
        codes = torch.cat([random_codes(generator, 1, seed=seed) for seed in seeds])
        _, (maps,) = activations(generator, codes, [layer.shape])
        maps = torch.nn.functional.interpolate(maps, (32, 32), mode="bilinear")
        return {"own": (maps[:, 3] > layer.thresholds[3]).numpy(), **halves(pictures, seeds)}

    again = dissect(generator, [layer.shape], planted, samples=SAMPLES, seed=5, quantile=0.9)
    best = again.units[0]
    assert (best.layer, best.number, best.concept) == (4, 3, "own")
    assert best.iou > 0.999
    assert again.agrees(best)
    assert str(again.suggestion("own")[0]).startswith("layer4:3")


def test_the_same_seed_finds_the_same(generator, found):
    shapes = [one.shape for one in found.layers]
    seen = []
    again = dissect(
        generator,
        shapes,
        halves,
        samples=SAMPLES,
        seed=5,
        quantile=0.9,
        progress=lambda *now: seen.append(now),
    )
    assert again.to_dict() == found.to_dict()
    assert seen[-1] == (2 * SAMPLES, 2 * SAMPLES)


def known(quantile=0.99, shares=(0.02, 0.5)):
    return Dissection("m", "", 64, ("lips", "skin"), shares, (), 1, 0, 1.0, quantile)


def test_what_chance_gives_and_the_most_that_can_be():
    found = known()
    assert found.chance("lips") == pytest.approx(0.01 * 0.02 / (0.01 + 0.02 - 0.01 * 0.02))
    assert found.most("lips") == pytest.approx(0.5)
    assert found.most("skin") == pytest.approx(0.02)
    assert "no IoU can exceed about 0.020" in limit_of(found, "skin")
    assert not limit_of(found, "lips")


def test_chance_is_no_agreement(found):
    """At a low quantile anything overlaps: an IoU above 0.04 is not enough."""
    unit = replace(found.units[0], concept="skin", iou=0.2)
    assert known().agrees(unit)
    assert not known(quantile=0.8).agrees(unit)  # where chance gives 0.167


def test_what_makes_no_sense_is_refused(generator):
    shapes = layer_shapes(generator)[:1]
    with pytest.raises(UsageError, match="nothing to dissect"):
        dissect(generator, [], halves)
    with pytest.raises(UsageError, match=r"`quantile=1\.0`"):
        dissect(generator, shapes, halves, samples=2, quantile=1.0)
    with pytest.raises(InputError, match=r"masks of a must be \[2, H, W\], not \[2, 3\]"):
        dissect(generator, shapes, lambda *_: {"a": np.zeros((2, 3), bool)}, samples=2)
    with pytest.raises(InputError, match="the same for all images"):
        dissect(generator, shapes, lambda _, seeds: {str(seeds[0]): np.zeros((len(seeds), 8, 8))}, samples=17)


# ---- pictures ----


def test_regions_are_outlined():
    picture = np.full((8, 8, 3), 200, np.uint8)
    region = np.zeros((8, 8), bool)
    region[2:5, 2:5] = True
    shown = outlined(picture, region)
    assert (shown[3, 3] == 200).all()
    assert (shown[1, 3] == OUTLINE).all()
    assert (shown[7, 7] < 200).all()


def test_top_pictures_show_the_region(generator, found):
    unit = found.units[0]
    pictures = top_pictures(generator, found, [unit], count=2, side=64)
    (shown,) = pictures.values()
    assert [one.shape for one in shown] == [(64, 64, 3)] * 2
    assert all((one == OUTLINE).all(axis=2).any() for one in shown)


def test_a_report_in_one_file_and_in_a_folder(generator, found, tmp_path):
    page = write_report(tmp_path / "r.html", generator, found, halves)
    text = page.read_text()
    assert "layer4" in text
    assert text.count("data:image/jpeg") > 6
    folder = write_report(tmp_path / "r", generator, found, halves)
    assert folder == tmp_path / "r" / "index.html"
    sources = [part.split('"')[0] for part in folder.read_text().split('src="')[1:]]
    assert sources
    assert all((folder.parent / source).is_file() for source in sources)
    with pytest.raises(InputError, match="is a file, but not a page"):
        page_of(folder.parent / sources[0])


def test_the_line_to_try_names_the_model():
    changes = [UnitChange(4, (1, 2)), UnitChange(5, (0,))]
    assert try_line(changes, "faces") == "ganedit edit me.jpg --ablate layer4:1,2 --ablate layer5:0 --sheet"
    assert "--model 'my model.pkl'" in try_line(changes, "my model.pkl")


# ---- the bundled model ----


def test_eyes_and_lips_go_with_their_units():
    """Switched off, the units that agree with a region change it at least twice as much as the rest."""
    faces = load_generator("faces", "cpu")
    regions = FaceRegions(TEMPLATES[faces.card.template])
    found = dissect(faces, [layer_shapes(faces)[4]], regions, samples=24)
    codes = random_codes(faces, 8, psi=0.7, seed=1000)[:, None].expand(-1, faces.num_ws, -1)
    with torch.no_grad():
        before = faces.synthesis(codes)
        pixels = ((before.clamp(-1, 1) + 1) * 127.5).byte().permute(0, 2, 3, 1).numpy()
        masks = regions(pixels)
        for name in ("eyes", "lips"):
            with UnitEdit(faces, found.suggestion(name)).applied(faces):
                change = (faces.synthesis(codes) - before).abs().mean(dim=1).numpy()
            assert change[masks[name]].mean() > 2 * change[~masks[name]].mean()
